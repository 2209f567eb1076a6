use std::io::Write as _;

use portreeve_deliver::send::{Client, Options, Outcome, SetupError};
use portreeve_tests::otlp_endpoint::Endpoint;
use portreeve_tests::{Authority, serve};

use crate::given::{options, send};

#[test]
fn only_the_authority_that_is_set_is_trusted() {
    let (ours, theirs, data) = (Authority::new(), Authority::new(), tempfile::tempdir().unwrap());
    let endpoint = Endpoint::start_tls(&ours.server(false));
    let with = |ca: Option<&Authority>| Options { ca_file: ca.map(|ca| ca.file("ca.pem")), ..options(&endpoint.url()) };
    assert_eq!(send(&with(Some(&ours)), data.path()), Outcome::Accepted);
    for options in [with(Some(&theirs)), with(None)] {
        let Outcome::Failed { why } = send(&options, data.path()) else { panic!("trusted") };
        assert!(why.starts_with("the endpoint's certificate is not trusted"), "{why}");
    }
    let port = serve(|mut stream| drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")));
    let options = Options { ca_file: Some(ours.file("ca.pem")), ..options(&format!("https://127.0.0.1:{port}")) };
    let Outcome::Failed { why } = send(&options, data.path()) else { panic!("no TLS") };
    assert!(why.contains("TLS"), "{why}");
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let (authority, data) = (Authority::new(), tempfile::tempdir().unwrap());
    let endpoint = Endpoint::start_tls(&authority.server(true));
    let without = Options { ca_file: Some(authority.file("ca.pem")), ..options(&endpoint.url()) };
    let outcome = send(&without, data.path());
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    let with = Options {
        client_cert_file: Some(authority.file("client.pem")),
        client_key_file: Some(authority.file("client.key")),
        ..without.clone()
    };
    assert_eq!(send(&with, data.path()), Outcome::Accepted);
    let half = Options { client_key_file: None, ..with.clone() };
    assert!(matches!(Client::new(&half, data.path()), Err(SetupError::Pair)));
    let swapped = Options { client_key_file: Some(authority.file("client.pem")), ..with };
    let error = Client::new(&swapped, data.path()).unwrap_err();
    assert!(matches!(error, SetupError::File { .. } | SetupError::Content { .. }), "{error}");
}
