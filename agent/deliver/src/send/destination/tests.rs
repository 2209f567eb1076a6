use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

fn options(endpoint: &str) -> Options {
    Options { endpoint: Some(endpoint.to_owned()), ..Options::default() }
}

fn token_file(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("token");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

fn enrol(data: &Path, endpoint: &str, token: &str) {
    let enrolment = Enrolment {
        endpoint: endpoint.to_owned(),
        node: "n".to_owned(),
        name: "mini".to_owned(),
        token: Secret::from(token),
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    enrolment::write(data, &enrolment).unwrap();
}

fn exposed(destination: &Destination, signal: Signal) -> Option<String> {
    destination.token(signal).unwrap().map(|token| token.expose_secret().to_owned())
}

#[test]
fn nothing_is_sent_where_nothing_is_set() {
    let data = tempfile::tempdir().unwrap();
    assert!(Destination::new(&Options::default(), data.path()).unwrap().is_none());
    let off = Some(OFF.to_owned());
    let both = Options { metrics_url: off.clone(), logs_url: off, ..options("https://x.example") };
    assert!(Destination::new(&both, data.path()).unwrap().is_none());
}

#[test]
fn the_paths_of_otlp_come_after_the_endpoint_and_own_urls_stand_as_they_are() {
    let data = tempfile::tempdir().unwrap();
    let destination = Destination::new(&options("https://x.example/otlp/"), data.path()).unwrap().unwrap();
    assert_eq!(destination.url(Signal::Metrics).unwrap().as_str(), "https://x.example/otlp/v1/metrics");
    assert_eq!(destination.url(Signal::Logs).unwrap().as_str(), "https://x.example/otlp/v1/logs");
    assert_eq!(destination.name(), "https://x.example");
    let own = Options {
        metrics_url: Some("http://127.0.0.1:8428/opentelemetry/v1/metrics?extra=1".to_owned()),
        logs_url: Some(OFF.to_owned()),
        ..options("https://x.example")
    };
    let destination = Destination::new(&own, data.path()).unwrap().unwrap();
    assert_eq!(
        destination.url(Signal::Metrics).unwrap().as_str(),
        "http://127.0.0.1:8428/opentelemetry/v1/metrics?extra=1"
    );
    assert!(destination.url(Signal::Logs).is_none() && destination.is_local());
}

#[test]
fn a_url_that_cannot_be_posted_to_or_holds_a_password_is_refused_without_showing_it() {
    for text in ["", "x", "ftp://x.example", "https://", "https://x.example/#a", "https://u:hunter2@x.example"] {
        let error = Destination::new(&options(text), Path::new("/nowhere")).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_credential_goes_to_another_machine_only_in_tls_unless_that_is_allowed() {
    let data = tempfile::tempdir().unwrap();
    let token = Some(token_file(data.path(), "abc\n"));
    let build = |endpoint: &str, token_file: &Option<PathBuf>, allow_plaintext| {
        let options = Options { token_file: token_file.clone(), allow_plaintext, ..options(endpoint) };
        Destination::new(&options, data.path())
    };
    assert!(matches!(build("http://x.example", &token, false), Err(SetupError::Plaintext { .. })));
    assert!(matches!(build("http://10.0.0.1:4318", &token, false), Err(SetupError::Plaintext { .. })));
    for (endpoint, token, allowed) in [
        ("https://x.example", &token, false),
        ("http://127.0.0.1:4318", &token, false),
        ("http://[::1]:4318", &token, false),
        ("http://localhost:4318", &token, false),
        ("http://x.example", &token, true),
        ("http://x.example", &None, false),
    ] {
        assert!(build(endpoint, token, allowed).is_ok(), "{endpoint}");
    }
}

#[test]
fn a_token_is_read_anew_each_time_and_must_be_one() {
    let data = tempfile::tempdir().unwrap();
    let path = token_file(data.path(), " abc \n");
    let options = Options { token_file: Some(path.clone()), ..options("https://x.example") };
    let destination = Destination::new(&options, data.path()).unwrap().unwrap();
    assert_eq!(exposed(&destination, Signal::Logs).as_deref(), Some("abc"));
    fs::write(&path, "def").unwrap();
    assert_eq!(exposed(&destination, Signal::Logs).as_deref(), Some("def"));
    for text in ["", "two words", "line\nbreak", "\u{fc}"] {
        fs::write(&path, text).unwrap();
        let error = destination.token(Signal::Logs).unwrap_err();
        assert!(matches!(error, SetupError::Content { .. }), "{text}");
    }
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(destination.token(Signal::Logs), Err(SetupError::File { .. })));
}

#[test]
fn the_credential_of_an_enrolment_goes_only_to_where_it_comes_from() {
    let data = tempfile::tempdir().unwrap();
    enrol(data.path(), "https://fleet.example", "granted");
    let destination = Destination::new(&Options::default(), data.path()).unwrap().unwrap();
    assert_eq!(destination.url(Signal::Logs).unwrap().as_str(), "https://fleet.example/v1/logs");
    assert_eq!(exposed(&destination, Signal::Logs).as_deref(), Some("granted"));
    let own = Options { metrics_url: Some("https://metrics.example/v1/metrics".to_owned()), ..Options::default() };
    let destination = Destination::new(&own, data.path()).unwrap().unwrap();
    assert_eq!(exposed(&destination, Signal::Metrics), None);
    assert_eq!(exposed(&destination, Signal::Logs).as_deref(), Some("granted"));
    let elsewhere = Destination::new(&options("https://other.example"), data.path()).unwrap().unwrap();
    assert_eq!(exposed(&elsewhere, Signal::Logs), None);
    enrol(data.path(), "https://fleet.example", "rotated");
    assert_eq!(exposed(&destination, Signal::Logs).as_deref(), Some("rotated"));
    enrol(data.path(), "https://elsewhere.example", "foreign");
    let error = destination.token(Signal::Logs).unwrap_err();
    assert!(matches!(error, SetupError::Left), "an enrolment elsewhere is not for here");
}
