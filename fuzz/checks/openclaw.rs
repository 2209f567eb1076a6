use std::fs;
use std::sync::LazyLock;

use portreeve_openclaw::client::{Input, Machine, ResponseHead, Step};
use portreeve_openclaw::config::{LoadOptions, load};
use portreeve_openclaw::credentials::{GatewayUrl, parse_dotenv};
use portreeve_openclaw::endpoint::Target;
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::lock::parse_owner;
use portreeve_openclaw::log::{EventKind, Form, classify, parse_line};
use portreeve_openclaw::protocol::{
    ChannelsStatus, ClientIdentity, Close, ConnectParams, Credential, Health, PairingList,
};
use portreeve_openclaw::service::{parse_launchd, parse_systemd};
use portreeve_openclaw::{http, state_db};
use tempfile::TempDir;

static DIRECTORY: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

/// `OpenClaw`'s configuration.
pub(crate) fn config(data: &[u8]) {
    let file = DIRECTORY.path().join("openclaw.json");
    fs::write(&file, data).unwrap();
    if let Ok(config) = load(&file, &LoadOptions::new(&Reader::for_self(None))) {
        let environment = Environment::all([("NAME".to_owned(), "value".to_owned())]);
        let _ = (config.gateway(&environment), config.logging(&environment), config.channels());
        let _ = (config.env_vars(), config.referenced_variables());
    }
}

/// Dotenv files and the environment files of services.
pub(crate) fn environment(data: &[u8]) {
    let _ = (parse_dotenv(&String::from_utf8_lossy(data)), parse_launchd(data), parse_systemd(data));
}

/// A line of a gateway log, as it is and as the message of a JSON line; where the full look finds a kind, the quick one
/// has called for it. Of JSON this holds in the gateway's own shape alone, which has no key twice.
pub(crate) fn log(data: &[u8]) {
    let message = serde_json::Value::from(String::from_utf8_lossy(data));
    let written = format!(r#"{{"0":"{{\"subsystem\":\"gateway\"}}","1":{message},"_meta":{{"logLevelId":3}}}}"#);
    for (line, is_written) in [(data, false), (written.as_bytes(), true)] {
        if let Some(event) = parse_line(line)
            && (is_written || event.form != Form::Json)
        {
            assert!(classify(line).recognised || event.kind == EventKind::Other, "{event:?}");
        }
    }
}

/// The owner in a lock file.
pub(crate) fn lock(data: &[u8]) {
    let _ = parse_owner(data);
}

/// The state database; what begins like its log is its log.
pub(crate) fn state_db(data: &[u8]) {
    let log = data.windows(4).position(|word| matches!(word, b"\x37\x7f\x06\x82" | b"\x37\x7f\x06\x83"));
    let (database, log) = data.split_at(log.unwrap_or(data.len()));
    let _ = state_db::read(database, Some(log), 1 << 20);
}

/// A conversation with a gateway, one frame a line; a line that is `close` and a reason closes it.
pub(crate) fn machine(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let credential = Credential::Token("planted-secret".into());
    let mut machine = Machine::new(ConnectParams::reader(ClientIdentity::Cli, credential), "c1");
    for line in text.lines() {
        let input = line.strip_prefix("close ").map(|reason| Input::Close(Some(Close::new(1008, reason))));
        match machine.on(input.unwrap_or(Input::Text(line))) {
            Step::Answer { frame, .. } => {
                let _ = frame.payload::<Health>("health");
                let _ = frame.payload::<ChannelsStatus>("channels.status");
                let _ = frame.payload::<PairingList>("device.pair.list");
                let _ = machine.rejection(&frame);
            }
            Step::Ended(kind) => assert!(!format!("{kind:?}").contains("planted-secret")),
            Step::Wait | Step::Send(_) | Step::Hello(_) => {}
        }
    }
}

/// The answer to the HTTP upgrade.
pub(crate) fn upgrade(data: &[u8]) {
    if let Ok(Some(head)) = ResponseHead::parse(data) {
        let _ = (head.verify("dGhlIHNhbXBsZSBub25jZQ=="), head.refusal(&data[head.length()..]));
    }
}

/// Bodies of the HTTP probes.
pub(crate) fn bodies(data: &[u8]) {
    for status in [200, 404, 503] {
        let _ = (http::liveness(status, data), http::startup(status, data), http::readiness(status, data));
    }
}

/// URLs of gateways.
pub(crate) fn url(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(url) = GatewayUrl::parse(text) {
        let _ = url.plaintext_verdict(false);
        let again = GatewayUrl::parse(&url.to_string()).unwrap();
        assert_eq!((again.host(), again.port(), again.path()), (url.host(), url.port(), url.path()));
    }
    let _ = Target::from_url(text);
}
