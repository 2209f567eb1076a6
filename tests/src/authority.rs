//! An authority of a test's own, and what it signed.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::certificate::openssl;
use crate::otlp_endpoint::Tls;

/// A certificate authority in a folder of its own, which goes with it.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    /// A new one, with the certificate of a server on the loopback, which is `fleet.test` too, and one of a client.
    pub fn new() -> Self {
        let authority = Self { folder: tempfile::tempdir().unwrap() };
        let [key, cert] = ["ca.key", "ca.pem"].map(|file| authority.text(file));
        let key_form = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        let mut words = key_form.to_vec();
        words.extend(["-days", "30", "-subj", "/CN=authority", "-keyout", &key, "-out", &cert]);
        words.extend(["-addext", "keyUsage=critical,keyCertSign"]);
        openssl(&words);
        authority
            .sign("server", "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:fleet.test\nextendedKeyUsage=serverAuth\n");
        authority.sign("client", "subjectAltName=DNS:node\nextendedKeyUsage=clientAuth\n");
        authority
    }

    /// The path of `ca.pem`, `server.pem`, `server.key`, `client.pem` or `client.key`.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// TLS for an endpoint on the loopback, which asks clients for a certificate of this authority or does not.
    pub fn server(&self, wants_clients: bool) -> Tls {
        Tls {
            certificate: self.file("server.pem"),
            key: self.file("server.key"),
            clients: wants_clients.then(|| self.file("ca.pem")),
        }
    }

    fn sign(&self, name: &str, extensions: &str) {
        let text = |end: &str| self.text(&format!("{name}.{end}"));
        let [key, request, cert, extensions_file] = ["key", "csr", "pem", "ext"].map(text);
        fs::write(&extensions_file, extensions).unwrap();
        let subject = format!("/CN={name}");
        let mut words = vec!["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
        words.extend(["-subj", &subject, "-keyout", &key, "-out", &request]);
        openssl(&words);
        let [ca, ca_key] = ["ca.pem", "ca.key"].map(|file| self.text(file));
        let mut words = vec!["x509", "-req", "-in", &request, "-CA", &ca, "-CAkey", &ca_key, "-CAcreateserial"];
        words.extend(["-days", "30", "-extfile", &extensions_file, "-out", &cert]);
        openssl(&words);
    }

    fn text(&self, file: &str) -> String {
        self.file(file).display().to_string()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
