//! TLS by the server itself.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds no PEM.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// The certificate file holds none.
    #[error("`{}` holds no certificate", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key are no pair, or of a kind that is not known.
    #[error("the certificate and its key cannot be used")]
    Pair(#[source] rustls::Error),
}

/// What new connections are accepted with. Its files can be read again.
pub(super) struct Acceptor {
    files: Tls,
    current: RwLock<TlsAcceptor>,
}

impl Acceptor {
    /// Reads the files.
    pub(super) fn new(files: Tls) -> Result<Self, TlsError> {
        let current = RwLock::new(read(&files)?);
        Ok(Self { files, current })
    }

    /// Reads the files again. Where they are of no use, what was read before stays in force.
    pub(super) fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// What a new connection is accepted with.
    pub(super) fn current(&self) -> TlsAcceptor {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn read(files: &Tls) -> Result<TlsAcceptor, TlsError> {
    let failed = |path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::Read { path, source }
    };
    let chain = CertificateDer::pem_file_iter(&files.cert_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(failed(&files.cert_file))?;
    if chain.is_empty() {
        return Err(TlsError::Empty { path: files.cert_file.clone() });
    }
    let key = PrivateKeyDer::from_pem_file(&files.key_file).map_err(failed(&files.key_file))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(TlsError::Pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.send_tls13_tickets = 1;
    if let Ok(ticketer) = rustls::crypto::ring::Ticketer::new() {
        config.ticketer = ticketer;
    }
    Ok(TlsAcceptor::from(Arc::new(config)))
}
