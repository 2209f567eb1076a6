//! What TLS a front speaks: the certificates it shows, whoever signed them, and what a client with the public roots makes of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::{ShownCertificate, TlsSeen};
use portreeve_openclaw::endpoint::{CertFingerprint, Target, TlsFailure};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// Most names that are kept of a certificate.
const MAX_NAMES: usize = 16;
/// Most certificates that are kept of a chain.
const MAX_CHAIN: usize = 8;
/// Most characters that are kept of a name.
const MAX_NAME_CHARS: usize = 128;

/// What was seen of a front.
pub(super) struct Look {
    /// The certificate; absent where the port does not speak TLS.
    pub(super) seen: Fact<TlsSeen>,
    /// The certificate that came, to go on with whoever signed it.
    pub(super) pin: Option<CertFingerprint>,
}

/// The certificate that a front shows, whoever signed it; none where it speaks no TLS.
pub(crate) async fn certificate_of(target: &Target, deadline: Duration, at: Timestamp) -> Option<CertFingerprint> {
    look(target, deadline, at).await.pin
}

/// The certificate that a client is shown, and what stands in it.
pub(crate) async fn shown(target: &Target, deadline: Duration, at: Timestamp) -> Option<ShownCertificate> {
    let look = look(target, deadline, at).await;
    Some(ShownCertificate { sha256: look.pin?.to_string(), seen: look.seen.get()?.clone() })
}

/// Shakes hands with a front and leaves. No certificate is refused, and nothing is sent.
pub(super) async fn look(target: &Target, deadline: Duration, at: Timestamp) -> Look {
    let source = format!("TLS handshake with {}", target.authority());
    let unreadable = |why: String| Look { seen: Fact::unreadable(why, source.clone(), at), pin: None };
    let Ok(name) = ServerName::try_from(target.host().to_owned()) else {
        return unreadable("the host is not a name for TLS".to_owned());
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let recorder = Arc::new(Recorder { seen: Mutex::new(Vec::new()), provider: Arc::clone(&provider) });
    let config = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().map(
        |builder| {
            let verifier: Arc<dyn ServerCertVerifier> = Arc::clone(&recorder) as _;
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()
        },
    );
    let config = match config {
        Ok(config) => config,
        Err(error) => return unreadable(error.to_string()),
    };
    let shaken = timeout(deadline, async {
        let stream = match target.address() {
            Some(address) => TcpStream::connect(SocketAddr::new(address, target.port())).await?,
            None => TcpStream::connect((target.host(), target.port())).await?,
        };
        TlsConnector::from(Arc::new(config)).connect(name.clone(), stream).await
    })
    .await;
    match shaken {
        Err(_) => return unreadable("timed out".to_owned()),
        Ok(Err(error)) => {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            let failure = inner.map(TlsFailure::classify);
            if failure == Some(TlsFailure::NotTls) {
                return Look { seen: Fact::absent(source, at), pin: None };
            }
            if recorder.certificates().is_empty() {
                return unreadable(failure.map_or_else(|| error.to_string(), |failure| failure.to_string()));
            }
        }
        Ok(Ok(_)) => {}
    }
    let chain = recorder.certificates();
    let Some(first) = chain.first() else { return unreadable("no certificate came".to_owned()) };
    let pin = Some(CertFingerprint::of(first));
    match judge(&chain, &name, &provider, Timestamp::now()) {
        Ok(seen) => Look { seen: Fact::known(seen, source, at), pin },
        Err(why) => Look { pin, ..unreadable(why) },
    }
}

/// What clients will make of the certificates in a file of PEM, the first of which is the server's own, at a moment.
///
/// `host` is the name that they ask for; none where that is not known, so that no name is wrong.
pub fn certificate(pem: &[u8], host: Option<&str>, at: Timestamp) -> Result<TlsSeen, String> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(pem).take(MAX_CHAIN).filter_map(Result::ok).collect();
    let own = || {
        let (_, certificate) = X509Certificate::from_der(chain.first()?).ok()?;
        names(&certificate).into_iter().next().map(|name| name.replace('*', "any"))
    };
    let asked = host.map(ToOwned::to_owned).or_else(own).unwrap_or_else(|| "localhost".to_owned());
    let name = ServerName::try_from(asked).map_err(|_| "the host is not a name for TLS".to_owned())?;
    let mut seen = judge(&chain, &name, &Arc::new(rustls::crypto::ring::default_provider()), at)?;
    seen.name_matches |= host.is_none();
    Ok(seen)
}

fn judge(
    chain: &[CertificateDer<'_>],
    name: &ServerName<'_>,
    provider: &Arc<CryptoProvider>,
    at: Timestamp,
) -> Result<TlsSeen, String> {
    let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.as_second()).unwrap_or_default()));
    let [first, rest @ ..] = chain else { return Err("no certificate came".to_owned()) };
    let (_, certificate) = X509Certificate::from_der(first).map_err(|error| format!("not a certificate: {error}"))?;
    let moment = |time: x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).ok();
    let name_matches = ParsedCertificate::try_from(first).is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok());
    let roots: RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
    let refusal = verifier.map_err(|error| error.to_string())?.verify_server_cert(first, rest, name, &[], now);
    Ok(TlsSeen {
        names: names(&certificate),
        issuer: Some(short(&certificate.issuer().to_string())).filter(|issuer| !issuer.is_empty()),
        not_before: moment(certificate.validity().not_before),
        not_after: moment(certificate.validity().not_after),
        name_matches,
        self_signed: certificate.issuer() == certificate.subject(),
        chain_length: u32::try_from(chain.len()).unwrap_or(u32::MAX),
        refusal: refusal.err().map(|error| TlsFailure::classify(&error).to_string()),
    })
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let names =
        alternatives.iter().flat_map(|extension| &extension.value.general_names).filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(short(name)),
            GeneralName::IPAddress(bytes) => match *bytes {
                [a, b, c, d] => Some(std::net::Ipv4Addr::new(*a, *b, *c, *d).to_string()),
                other => <[u8; 16]>::try_from(other).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string()),
            },
            _ => None,
        });
    names.take(MAX_NAMES).collect()
}

/// Text of a stranger, without what a terminal would obey.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_NAME_CHARS).collect()
}

/// Keeps the certificates and refuses none.
#[derive(Debug)]
struct Recorder {
    seen: Mutex<Vec<CertificateDer<'static>>>,
    provider: Arc<CryptoProvider>,
}

impl Recorder {
    fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(end_entity).chain(intermediates).take(MAX_CHAIN).map(|one| one.clone().into_owned());
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = all.collect();
        Ok(ServerCertVerified::assertion())
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

    fn seen(pem: &[u8], name: &str) -> TlsSeen {
        certificate(pem, Some(name), Timestamp::now()).unwrap()
    }

    #[test]
    fn without_a_name_none_is_wrong_and_a_file_without_a_certificate_is_told() {
        let other = include_bytes!("../../../openclaw/tests/fixtures/tls/other-name.pem");
        assert!(certificate(other, None, Timestamp::now()).unwrap().name_matches);
        for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            assert!(certificate(pem.as_bytes(), Some("a.test"), Timestamp::now()).is_err(), "{pem}");
        }
    }

    #[test]
    fn a_certificate_is_told_with_its_names_and_its_end() {
        let expired = seen(include_bytes!("../../../openclaw/tests/fixtures/tls/expired.pem"), "gateway.test");
        assert!(expired.not_after.unwrap() < Timestamp::now());
        assert!(expired.name_matches && expired.refusal.is_some(), "{expired:?}");
        let other = seen(include_bytes!("../../../openclaw/tests/fixtures/tls/other-name.pem"), "gateway.test");
        assert!(!other.name_matches && !other.names.is_empty(), "{other:?}");
        let valid = seen(include_bytes!("../../../openclaw/tests/fixtures/tls/valid.pem"), "gateway.test");
        assert!(valid.name_matches && !valid.self_signed && valid.chain_length == 1, "{valid:?}");
        assert_eq!(valid.refusal.as_deref(), Some("the certificate is signed by nobody trusted"));
    }
}
