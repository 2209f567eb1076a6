//! TLS: whom we trust, and what we show. The cryptography is ring's, as everywhere in the agent.

use std::path::Path;
use std::sync::Arc;

use portreeve_store::{Privacy, read_named};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::{Options, SetupError};

/// Longest file in PEM, in bytes.
const MAX_PEM: u64 = 1 << 20;

/// The configuration by the settings. Where an authority is set, only that one is trusted; else those of Mozilla.
pub(super) fn config(options: &Options) -> Result<ClientConfig, SetupError> {
    let roots = match &options.ca_file {
        None => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path, "certificate authority")? {
                roots
                    .add(certificate)
                    .map_err(|_| SetupError::Content { path: path.clone(), what: "certificate authority" })?;
            }
            roots
        }
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(SetupError::Tls)?
        .with_root_certificates(roots);
    match (&options.client_cert_file, &options.client_key_file) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(certificate), Some(key)) => {
            let certificates = certificates(certificate, "client certificate")?;
            let what = "key of the client certificate";
            let pem = read_named(key, MAX_PEM, Privacy::Secret).map_err(|source| SetupError::File { what, source })?;
            let key = PrivateKeyDer::from_pem_slice(&pem)
                .map_err(|_| SetupError::Content { path: key.clone(), what: "private key" })?;
            builder.with_client_auth_cert(certificates, key).map_err(SetupError::Tls)
        }
        _ => Err(SetupError::Pair),
    }
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let pem = read_named(path, MAX_PEM, Privacy::Public).map_err(|source| SetupError::File { what, source })?;
    let content = || SetupError::Content { path: path.to_owned(), what };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| content())?;
    if certificates.is_empty() { Err(content()) } else { Ok(certificates) }
}
