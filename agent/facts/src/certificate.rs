//! The certificate of a gateway.

use std::path::Path;

use portreeve_openclaw::config::Config;
use portreeve_openclaw::endpoint::CertFingerprint;
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;

/// No certificate is larger.
const MAX_PEM_BYTES: u64 = 1 << 20;

/// The certificate that a configuration names: where the gateway runs it is the proof of whom we talk to.
pub fn certificate(config: &Config, effective: &Environment, reader: &Reader) -> Option<CertFingerprint> {
    let path = config.gateway(effective).tls.cert_path?;
    let pem = reader.read_linked(Path::new(&path), MAX_PEM_BYTES).ok()?;
    CertFingerprint::of_pem(&pem.bytes)
}
