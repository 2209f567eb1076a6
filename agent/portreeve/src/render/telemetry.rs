//! The reference page of metrics and events, in Markdown.

use portreeve_telemetry::event::{Body, Name};
use portreeve_telemetry::metric::{self, Metric};

const INTRODUCTION: &str = "\
# Metrics and events

What `portreeve run` reports to a central endpoint, over OTLP/HTTP in protobuf: metrics every `deliver.interval_s` seconds, events when something
happens. [`portreeve enrol`](../README.md) or the setting `deliver.endpoint` says where to; without either nothing is sent.

This page is generated: `cargo run -p portreeve -- reference docs`.

## Resource

Each request names its node by OpenTelemetry's semantic conventions: `service.name` (always `portreeve`), `service.version`, `service.instance.id`
and `host.id` (a keyed fingerprint of the hardware's identity, or else a random one that is kept), `host.name`, `host.arch`, `os.type`,
`os.name`, `os.version`, `os.build_id`, and `portreeve.node.name` where an operator named the node.

No secret is sent, only keyed fingerprints. Metrics have no path, device or address in their attributes; reports have paths and account
names, as `portreeve check --json` has them.

## Metrics

Counters and histograms are cumulative since their start time, which survives restarts of the daemon. A counter that was lost begins anew, with a
new start time. Values of now are as the last look read them. A series whose subject is gone is no longer sent.

The name in Prometheus is the one of its OTLP receiver's default translation, which VictoriaMetrics gives with
`-opentelemetry.usePrometheusNaming`. Histograms are native histograms there.

";

const EVENTS: &str = "
## Events

An event is a log record with `event_name` and a structured body. Its attribute `log.record.uid` is its identity, a UUID of version 7: what arrives
twice with the same one happened once.

| event | severity | what it tells |
|---|---|---|
";

/// All metrics and events.
pub(crate) fn telemetry() -> String {
    let mut out = INTRODUCTION.to_owned();
    out.push_str("| metric | in Prometheus | kind | unit |\n|---|---|---|---|\n");
    for metric in metric::ALL {
        out.push_str(&format!(
            "| [`{}`](#{}) | `{}` | {} | {} |\n",
            metric.name,
            metric.name.replace('.', ""),
            metric.prometheus(),
            metric.kind.name(),
            unit(metric)
        ));
    }
    for metric in metric::ALL {
        out.push_str(&format!("\n### {}\n\n{}\n", metric.name, metric.description));
        if !metric.attributes.is_empty() {
            out.push_str("\n| attribute | values |\n|---|---|\n");
        }
        for attribute in metric.attributes {
            out.push_str(&format!("| `{}` | {} |\n", attribute.key, attribute.values));
        }
    }
    out.push_str(EVENTS);
    for name in Name::ALL {
        out.push_str(&format!("| `{}` | {} | {} |\n", name.as_str(), severity(name), name.description()));
    }
    for name in Name::ALL {
        out.push_str(&format!("\n### {}\n\n{}\n", name.as_str(), name.description()));
        if name == Name::Report {
            out.push_str("\nIts form: [`report.schema.json`](report.schema.json).\n");
            continue;
        }
        out.push_str("\n| field | what it is |\n|---|---|\n");
        for (field, meaning) in Body::fields(name) {
            out.push_str(&format!("| `{field}` | {meaning} |\n"));
        }
    }
    out
}

fn unit(metric: &Metric) -> String {
    match metric.unit {
        "1" => "share, 0 to 1".to_owned(),
        "s" => "seconds".to_owned(),
        "By" => "bytes".to_owned(),
        counted => counted.trim_matches(['{', '}']).to_owned(),
    }
}

fn severity(name: Name) -> &'static str {
    match name {
        Name::VerdictChanged => "by the verdict",
        Name::FindingOpened => "the finding's",
        Name::AcceptanceFinished => "info, or warn where it is refused",
        Name::SpoolDropped => "error",
        Name::SpoolRefused => "warn",
        _ => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_and_event_is_there() {
        let page = telemetry();
        for metric in metric::ALL {
            assert!(page.contains(&format!("### {}\n", metric.name)), "{}", metric.name);
        }
        for name in Name::ALL {
            assert!(page.contains(&format!("### {}\n", name.as_str())), "{}", name.as_str());
        }
    }
}
