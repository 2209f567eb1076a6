//! Where reports go.

use std::path::PathBuf;

use portreeve_deliver::send::{OFF, parse_url};
use portreeve_deliver::spool::Limits;
use toml::Value;

use super::value::{integer, path, text, whole};
use super::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
    Key {
        name: "deliver.endpoint",
        doc: "URL of an OTLP/HTTP endpoint that `portreeve run` reports to, such as `https://otel.example.com:4318`; `/v1/metrics` and `/v1/logs` come after it. Empty: the one that this node is enrolled at with `portreeve enrol`, else none.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.deliver.options.endpoint = url(value)?;
            Ok(())
        },
        show: |settings| shown(settings.deliver.options.endpoint.as_ref()),
    },
    Key {
        name: "deliver.metrics_url",
        doc: "Whole URL that metrics are posted to, where it is not `/v1/metrics` of the endpoint; `off`: metrics are not sent.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.deliver.options.metrics_url = url_or_off(value)?;
            Ok(())
        },
        show: |settings| shown(settings.deliver.options.metrics_url.as_ref()),
    },
    Key {
        name: "deliver.logs_url",
        doc: "Whole URL that events are posted to, where it is not `/v1/logs` of the endpoint; `off`: events are not sent.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.deliver.options.logs_url = url_or_off(value)?;
            Ok(())
        },
        show: |settings| shown(settings.deliver.options.logs_url.as_ref()),
    },
    Key {
        name: "deliver.token_file",
        doc: "File of a bearer token for the endpoint, closed to others. It is read before each request, so that it can be exchanged at any time. Empty: the credential of the enrolment, at the endpoint that granted it.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.deliver.options.token_file = file(value)?;
            Ok(())
        },
        show: |settings| shown_path(settings.deliver.options.token_file.as_ref()),
    },
    Key {
        name: "deliver.ca_file",
        doc: "Certificates in PEM of the authority that signs the endpoint's; no other is trusted then. Empty: those of Mozilla.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.deliver.options.ca_file = file(value)?;
            Ok(())
        },
        show: |settings| shown_path(settings.deliver.options.ca_file.as_ref()),
    },
    Key {
        name: "deliver.client_cert_file",
        doc: "Certificate in PEM that this node shows to the endpoint, followed by what signed it. It goes with its key.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.deliver.options.client_cert_file = file(value)?;
            Ok(())
        },
        show: |settings| shown_path(settings.deliver.options.client_cert_file.as_ref()),
    },
    Key {
        name: "deliver.client_key_file",
        doc: "Key of that certificate in PEM, closed to others.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.deliver.options.client_key_file = file(value)?;
            Ok(())
        },
        show: |settings| shown_path(settings.deliver.options.client_key_file.as_ref()),
    },
    Key {
        name: "deliver.plaintext",
        doc: "`allow` lets a credential go to another machine over `http://`, where everybody on the way can read it; `refuse` does not.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.deliver.options.allow_plaintext = match text(value)? {
                "allow" => true,
                "refuse" => false,
                _ => return Err("takes `refuse` or `allow`".to_owned()),
            };
            Ok(())
        },
        show: |settings| {
            Value::String(if settings.deliver.options.allow_plaintext { "allow" } else { "refuse" }.to_owned())
        },
    },
    Key {
        name: "deliver.timeout_s",
        doc: "Seconds that a request may take with its answer.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.deliver.options.timeout = std::time::Duration::from_secs(whole(value, 1, 300)?);
            Ok(())
        },
        show: |settings| integer(settings.deliver.options.timeout.as_secs()),
    },
    Key {
        name: "deliver.interval_s",
        doc: "Seconds between two measurements that are sent. A node that says nothing for three times as long counts as absent.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.deliver.interval_s = whole(value, 5, 3_600)?;
            Ok(())
        },
        show: |settings| integer(settings.deliver.interval_s),
    },
    Key {
        name: "deliver.spool_bytes",
        doc: "Most bytes that wait on the disk for the endpoint. What is over it is dropped, oldest first, and counted.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.deliver.spool_bytes = whole(value, Limits::MIN_BYTES, 1 << 34)?;
            Ok(())
        },
        show: |settings| integer(settings.deliver.spool_bytes),
    },
    Key {
        name: "deliver.spool_age_s",
        doc: "Seconds after which what still waits is dropped and counted.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.deliver.spool_age_s = whole(value, 60, 31_536_000)?;
            Ok(())
        },
        show: |settings| integer(settings.deliver.spool_age_s),
    },
];

fn url(value: &Value) -> Result<Option<String>, String> {
    let text = text(value)?.trim();
    if text.is_empty() {
        return Ok(None);
    }
    parse_url(text).map_err(|_| {
        "takes a URL that begins with `https://` or `http://`, without a name or password in it".to_owned()
    })?;
    Ok(Some(text.to_owned()))
}

fn url_or_off(value: &Value) -> Result<Option<String>, String> {
    if text(value)?.trim() == OFF {
        return Ok(Some(OFF.to_owned()));
    }
    url(value).map_err(|problem| format!("{problem}, or `off`"))
}

fn file(value: &Value) -> Result<Option<PathBuf>, String> {
    if text(value)?.is_empty() { Ok(None) } else { path(value).map(Some) }
}

fn shown(text: Option<&String>) -> Value {
    Value::String(text.cloned().unwrap_or_default())
}

fn shown_path(path: Option<&PathBuf>) -> Value {
    Value::String(path.map(|path| path.display().to_string()).unwrap_or_default())
}
