//! TLS: which certificates are trusted, and why one was not.
//!
//! The cryptography is ring's, passed explicitly: there may be more than one provider in the process and no global one is assumed.

use std::str::FromStr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::protocol::text::Text;

/// Largest PEM file accepted, in bytes.
const MAX_PEM_BYTES: usize = 1024 * 1024;

/// How a gateway's certificate is judged.
#[derive(Debug, Clone, Default)]
pub enum TlsPolicy {
    /// By the Mozilla roots.
    #[default]
    Roots,
    /// By the Mozilla roots and these certificates of authorities, in PEM.
    ExtraCa(Vec<u8>),
    /// By the certificate's SHA-256 alone, as `gateway.remote.tlsFingerprint` does.
    Pinned(CertFingerprint),
}

/// The SHA-256 of a certificate in DER.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CertFingerprint([u8; 32]);

impl CertFingerprint {
    /// The fingerprint of `certificate`.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }

    /// The fingerprint of the first certificate of a PEM file; none where it holds none.
    pub fn of_pem(pem: &[u8]) -> Option<Self> {
        let certificate = CertificateDer::pem_slice_iter(pem).next()?.ok()?;
        Some(Self::of(&certificate))
    }
}

impl std::fmt::Display for CertFingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl std::fmt::Debug for CertFingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// The text is not a SHA-256 fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 fingerprint: 64 hex digits, colons allowed")]
pub struct NotAFingerprint;

impl FromStr for CertFingerprint {
    type Err = NotAFingerprint;

    /// Reads 64 hex digits, with or without colons, with or without a leading `sha256:` or `SHA-256`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_lowercase();
        let text = text.strip_prefix("sha-256").or_else(|| text.strip_prefix("sha256")).unwrap_or(&text);
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' ' | '='))
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(NotAFingerprint))
            .collect::<Result<_, _>>()?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| (high << 4) | low).collect();
        if !rest.is_empty() {
            return Err(NotAFingerprint);
        }

        <[u8; 32]>::try_from(bytes).map(Self).map_err(|_| NotAFingerprint)
    }
}

impl TryFrom<String> for CertFingerprint {
    type Error = NotAFingerprint;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CertFingerprint> for String {
    fn from(fingerprint: CertFingerprint) -> Self {
        fingerprint.to_string()
    }
}

/// Why TLS failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TlsFailure {
    /// The certificate is past its end.
    #[error("the certificate has expired")]
    Expired,
    /// The certificate is not valid yet; more often this clock is slow.
    #[error("the certificate is not valid yet")]
    NotYetValid,
    /// The certificate is for other names.
    #[error("the certificate is for another name")]
    Name {
        /// The names it is for.
        presented: Vec<String>,
    },
    /// Nobody we trust signed it.
    #[error("the certificate is signed by nobody trusted")]
    Untrusted,
    /// The certificate is another than the pinned one.
    #[error("the certificate is not the pinned one but `{presented}`")]
    PinMismatch {
        /// The fingerprint of the certificate that came.
        presented: CertFingerprint,
    },
    /// The certificate is wrong in another way.
    #[error("the certificate is not acceptable: {0}")]
    Certificate(Text),
    /// What answers does not speak TLS.
    #[error("the listener does not speak TLS")]
    NotTls,
    /// The listener refused with an alert.
    #[error("the listener refused with the alert {0}")]
    Alert(Text),
    /// No common version, cipher, or another fault of the handshake.
    #[error("no TLS handshake: {0}")]
    Handshake(Text),
    /// The policy cannot be used.
    #[error("the TLS settings cannot be used: {0}")]
    Setup(Text),
}

impl TlsFailure {
    /// Classifies what rustls said.
    pub fn classify(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(why) => Self::classify_certificate(why),
            rustls::Error::InvalidMessage(_) => Self::NotTls,
            rustls::Error::AlertReceived(alert) => Self::Alert(Text::new(&format!("{alert:?}"))),
            other => Self::Handshake(Text::new(&other.to_string())),
        }
    }

    fn classify_certificate(why: &CertificateError) -> Self {
        match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => Self::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Self::NotYetValid,
            CertificateError::NotValidForName => Self::Name { presented: Vec::new() },
            CertificateError::NotValidForNameContext { presented, .. } => Self::Name {
                presented: presented.iter().take(16).map(|name| Text::new(name).as_str().to_owned()).collect(),
            },
            CertificateError::UnknownIssuer => Self::Untrusted,
            CertificateError::Other(other) => match other.0.downcast_ref::<PinMismatch>() {
                Some(mismatch) => Self::PinMismatch { presented: mismatch.0 },
                None => Self::Certificate(Text::new(&other.to_string())),
            },
            other => Self::Certificate(Text::new(&other.to_string())),
        }
    }

    /// Finds what rustls said somewhere below `error`.
    pub fn within(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut current = Some(error);
        while let Some(error) = current {
            if let Some(tls) = error.downcast_ref::<rustls::Error>() {
                return Some(Self::classify(tls));
            }
            // An `io::Error` made from another error shows that one's source as its own, and hides the error itself.
            current = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }

        None
    }
}

/// Why a policy gives no usable TLS configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsSetupError {
    /// The PEM text holds no certificate, or one that is not a certificate.
    #[error("the extra authorities are not certificates in PEM")]
    Pem,
    /// The TLS library refused its own defaults.
    #[error("failed to configure TLS")]
    Config(#[source] rustls::Error),
}

/// The TLS configuration for `policy`.
pub fn client_config(policy: &TlsPolicy) -> Result<ClientConfig, TlsSetupError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsSetupError::Config)?;
    let config = match policy {
        TlsPolicy::Roots => builder.with_root_certificates(roots()).with_no_client_auth(),
        TlsPolicy::ExtraCa(pem) => builder.with_root_certificates(roots_and(pem)?).with_no_client_auth(),
        TlsPolicy::Pinned(fingerprint) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(PinVerifier { pinned: *fingerprint, provider }))
            .with_no_client_auth(),
    };

    Ok(config)
}

fn roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

fn roots_and(pem: &[u8]) -> Result<RootCertStore, TlsSetupError> {
    if pem.len() > MAX_PEM_BYTES {
        return Err(TlsSetupError::Pem);
    }
    let mut store = roots();
    let before = store.len();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| TlsSetupError::Pem)?;
        store.add(certificate).map_err(|_| TlsSetupError::Pem)?;
    }
    if store.len() == before {
        return Err(TlsSetupError::Pem);
    }

    Ok(store)
}

/// Trusts one certificate, whoever signed it and whatever names it carries; the peer must still prove that it holds its key.
#[derive(Debug)]
struct PinVerifier {
    pinned: CertFingerprint,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug, thiserror::Error)]
#[error("the certificate's fingerprint is `{0}`")]
struct PinMismatch(CertFingerprint);

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let presented = CertFingerprint::of(end_entity);
        if presented == self.pinned {
            return Ok(ServerCertVerified::assertion());
        }

        Err(CertificateError::Other(rustls::OtherError(Arc::new(PinMismatch(presented)))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_every_common_form() {
        let hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
        let colons =
            hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect::<Vec<_>>().join(":");

        for text in
            [hex.to_owned(), hex.to_uppercase(), colons.clone(), format!("sha256:{hex}"), format!("SHA-256={colons}")]
        {
            assert_eq!(text.parse::<CertFingerprint>().unwrap().to_string(), hex, "{text}");
        }
        for text in ["", "sha256:", "00", &hex[1..], "zz"] {
            assert_eq!(text.parse::<CertFingerprint>(), Err(NotAFingerprint), "{text}");
        }
    }

    #[test]
    fn every_policy_gives_a_configuration_or_says_why_not() {
        client_config(&TlsPolicy::Roots).unwrap();
        client_config(&TlsPolicy::Pinned(CertFingerprint::of(b"x"))).unwrap();
        client_config(&TlsPolicy::ExtraCa(include_bytes!("../../tests/fixtures/tls/ca.pem").to_vec())).unwrap();

        for pem in [&b""[..], b"not pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(client_config(&TlsPolicy::ExtraCa(pem.to_vec())), Err(TlsSetupError::Pem)));
        }
    }
}
