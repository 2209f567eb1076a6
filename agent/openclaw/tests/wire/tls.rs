use std::sync::Arc;

use portreeve_openclaw::client::{Deadlines, ErrorKind, Phase, connect};
use portreeve_openclaw::endpoint::{CertFingerprint, Scheme, Target, TlsFailure, TlsPolicy};
use portreeve_openclaw::http::{Body, HttpDeadlines, HttpPhase, ProbeErrorKind, Prober};
use portreeve_openclaw::protocol::{ClientIdentity, ConnectParams, Credential};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::listener::Listener;

const CA: &[u8] = include_bytes!("../fixtures/tls/ca.pem");
const VALID: Pair = (include_bytes!("../fixtures/tls/valid.pem"), include_bytes!("../fixtures/tls/valid.key"));
const EXPIRED: Pair = (include_bytes!("../fixtures/tls/expired.pem"), include_bytes!("../fixtures/tls/expired.key"));
const OTHER_NAME: Pair =
    (include_bytes!("../fixtures/tls/other-name.pem"), include_bytes!("../fixtures/tls/other-name.key"));

type Pair = (&'static [u8], &'static [u8]);

fn certificate(pair: Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.0).unwrap()
}

/// Answers every request over TLS as `/healthz` would.
async fn listener(pair: Pair) -> Listener {
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate(pair)], PrivateKeyDer::from_pem_slice(pair.1).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Listener::serving(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n{\"ok\":true,\"status\":\"live\"}";
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

fn target(listener: &Listener, policy: TlsPolicy) -> Target {
    let target = Target::new(Scheme::Wss, "gateway.test", listener.port).unwrap();

    target.with_address([127, 0, 0, 1].into()).with_tls(policy)
}

/// What both the client and the probes make of it; `None` when TLS is established.
async fn failure(target: &Target) -> Option<TlsFailure> {
    let params = ConnectParams::reader(ClientIdentity::Cli, Credential::None);
    let error = connect(target, params, &Deadlines::default()).await.unwrap_err();
    let probe = Prober::new(target, HttpDeadlines::default()).await.unwrap().liveness().await;
    match error.kind {
        ErrorKind::Tls(failure) => {
            let probe = probe.unwrap_err();
            assert_eq!(error.phase, Phase::Tls);
            assert_eq!(probe.phase, HttpPhase::Tls);
            assert_eq!(probe.kind, ProbeErrorKind::Connection(ErrorKind::Tls(failure.clone())));
            Some(failure)
        }
        ErrorKind::UpgradeRefused(refusal) => {
            assert_eq!(refusal.status, 200);
            assert!(error.timings.tls.is_some());
            assert!(matches!(probe.unwrap().body, Body::Known(_)));
            None
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_authority_given_is_trusted() {
    let listener = listener(VALID).await;

    assert_eq!(failure(&target(&listener, TlsPolicy::ExtraCa(CA.to_vec()))).await, None);
    assert_eq!(failure(&target(&listener, TlsPolicy::Roots)).await, Some(TlsFailure::Untrusted));
}

#[tokio::test]
async fn a_pinned_certificate_needs_no_authority() {
    let listener = listener(EXPIRED).await;
    let presented = CertFingerprint::of(&certificate(EXPIRED));
    let other = CertFingerprint::of(&certificate(VALID));

    assert_eq!(failure(&target(&listener, TlsPolicy::Pinned(presented))).await, None);
    assert_eq!(
        failure(&target(&listener, TlsPolicy::Pinned(other))).await,
        Some(TlsFailure::PinMismatch { presented })
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_named() {
    let policy = || TlsPolicy::ExtraCa(CA.to_vec());

    assert_eq!(failure(&target(&listener(EXPIRED).await, policy())).await, Some(TlsFailure::Expired));
    let Some(TlsFailure::Name { presented }) = failure(&target(&listener(OTHER_NAME).await, policy())).await else {
        panic!("another name is not accepted")
    };
    assert!(presented.iter().any(|name| name.contains("other.test")), "{presented:?}");
}

#[tokio::test]
async fn plain_http_under_wss_is_not_tls() {
    let listener = Listener::answering("HTTP/1.1 400 Bad Request\r\n\r\n").await;

    assert_eq!(failure(&target(&listener, TlsPolicy::Roots)).await, Some(TlsFailure::NotTls));
}

#[tokio::test]
async fn tls_under_ws_is_recognised() {
    let listener = listener(VALID).await;
    let params = ConnectParams::reader(ClientIdentity::Cli, Credential::None);
    let error = connect(&listener.target(), params, &Deadlines::default()).await.unwrap_err();

    assert_eq!((error.phase, error.kind), (Phase::Upgrade, ErrorKind::NotHttp { tls: true }));
}

#[tokio::test]
async fn authorities_that_are_none_are_a_setup_fault() {
    let listener = listener(VALID).await;
    let params = ConnectParams::reader(ClientIdentity::Cli, Credential::None);
    let target = target(&listener, TlsPolicy::ExtraCa(b"nothing".to_vec()));
    let error = connect(&target, params, &Deadlines::default()).await.unwrap_err();

    assert!(matches!(error.kind, ErrorKind::Tls(TlsFailure::Setup(_))), "{error:?}");
}
