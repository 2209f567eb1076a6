//! One connection to an endpoint, plain or in TLS, and the HTTP on it.

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::read::GzDecoder;
use nix::sys::socket::{setsockopt, sockopt};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// Most bytes of the head of a request.
const MAX_HEAD: usize = 64 << 10;

/// How an endpoint speaks TLS: files in PEM.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Its certificate.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub key: PathBuf,
    /// The authority of clients' certificates; without one, clients need none.
    pub clients: Option<PathBuf>,
}

impl Tls {
    pub(super) fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match &self.clients {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(certificates(path));
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let key = PrivateKeyDer::from_pem_slice(&fs::read(&self.key).unwrap()).unwrap();
        Arc::new(builder.with_single_cert(certificates(&self.certificate), key).unwrap())
    }
}

fn certificates(path: &PathBuf) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(&fs::read(path).unwrap()).map(Result::unwrap).collect()
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// One connection.
pub(super) struct Wire {
    stream: Stream,
    read: Vec<u8>,
}

/// The head of a request.
#[derive(Debug, Clone)]
pub struct Head {
    /// Which request of this endpoint it is, from 0.
    pub number: usize,
    /// Which connection to this endpoint it came on, from 0.
    pub connection: usize,
    /// `POST`.
    pub method: String,
    /// Path, as it was sent.
    pub path: String,
    /// Headers, with names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Wire {
    pub(super) fn new(tcp: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Self {
        let stream = match tls {
            None => Stream::Plain(tcp),
            Some(config) => {
                let session = ServerConnection::new(Arc::clone(config)).unwrap();
                Stream::Tls(Box::new(StreamOwned::new(session, tcp)))
            }
        };
        Self { stream, read: Vec::new() }
    }

    /// The head of the next request; none where there is none.
    pub(super) fn head(&mut self, number: usize, connection: usize) -> Option<Head> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if self.read.len() > MAX_HEAD || !self.more() {
                return None;
            }
        };
        let text = String::from_utf8_lossy(&self.read[..end]).into_owned();
        self.read.drain(..end + 4);
        let mut lines = text.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Some(Head { number, connection, method, path, headers })
    }

    /// The first bytes of the body, fewer where the other side ends before.
    pub(super) fn body(&mut self, bytes: usize) -> Vec<u8> {
        while self.read.len() < bytes && self.more() {}
        let here = bytes.min(self.read.len());
        self.read.drain(..here).collect()
    }

    fn more(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                true
            }
        }
    }

    /// Writes, and gives whether that went well.
    pub(super) fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Reads and forgets until the other side ends.
    pub(super) fn wait_for_end(&mut self) {
        while self.more() {
            self.read.clear();
        }
    }

    /// Ends it with a reset, once nobody else holds the socket.
    pub(super) fn reset(self) {
        let tcp = self.tcp();
        let at_once = nix::libc::linger { l_onoff: 1, l_linger: 0 };
        setsockopt(tcp, sockopt::Linger, &at_once).unwrap();
    }

    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => &stream.sock,
        }
    }
}

/// A body without its compression.
pub(super) fn unpack(head: &Head, body: Vec<u8>) -> Result<Vec<u8>, String> {
    match head.header("content-encoding") {
        None => Ok(body),
        Some("gzip") => {
            let mut plain = Vec::new();
            GzDecoder::new(body.as_slice()).read_to_end(&mut plain).map_err(|error| error.to_string())?;
            Ok(plain)
        }
        Some(other) => Err(format!("the encoding `{other}` is not known")),
    }
}
