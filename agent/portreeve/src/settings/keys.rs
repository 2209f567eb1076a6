//! Every setting, defined once.

use std::path::PathBuf;

use toml::Value;

use super::Settings;

/// One setting.
pub(crate) struct Key {
    /// Dotted name in the file.
    pub(crate) name: &'static str,
    /// What it is for, in one or two sentences.
    pub(crate) doc: &'static str,
    /// The form of its value.
    pub(crate) kind: Kind,
    /// Sets it, or says what it takes.
    pub(crate) apply: fn(&mut Settings, &Value) -> Result<(), String>,
    /// Its value now.
    pub(crate) show: fn(&Settings) -> Value,
}

/// The form of a value, by which text from the environment is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Integer,
    Float,
    Text,
    /// Separated by `:` in the environment.
    Paths,
    /// Separated by `,` in the environment.
    Integers,
    /// Separated by white space in the environment.
    Words,
}

impl Key {
    /// The environment variable that overrides it.
    pub(crate) fn variable(&self) -> String {
        format!("PORTREEVE_{}", self.name.to_uppercase().replace('.', "_"))
    }

    /// A value from the environment's text. Text of the wrong form stays text, so that [`Key::apply`] refuses it.
    pub(crate) fn parse_text(&self, text: &str) -> Value {
        let integer =
            |text: &str| text.trim().parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::Integer);
        match self.kind {
            Kind::Integer => integer(text),
            Kind::Float => text.trim().parse::<f64>().map_or_else(|_| Value::String(text.to_owned()), Value::Float),
            Kind::Text => Value::String(text.to_owned()),
            Kind::Paths => Value::Array(
                text.split(':').filter(|part| !part.is_empty()).map(|part| Value::String(part.to_owned())).collect(),
            ),
            Kind::Words => Value::Array(text.split_whitespace().map(|part| Value::String(part.to_owned())).collect()),
            Kind::Integers => {
                Value::Array(text.split(',').filter(|part| !part.trim().is_empty()).map(integer).collect())
            }
        }
    }
}

/// All settings, in the order of the example file.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "homes",
        doc: "Home folders to search for OpenClaw state. Empty: those of every account on this node.",
        kind: Kind::Paths,
        apply: |settings, value| {
            settings.homes = paths(value)?;
            Ok(())
        },
        show: |settings| path_array(&settings.homes),
    },
    Key {
        name: "state_dirs",
        doc: "State directories to look at besides those found in home folders, processes and units.",
        kind: Kind::Paths,
        apply: |settings, value| {
            settings.state_dirs = paths(value)?;
            Ok(())
        },
        show: |settings| path_array(&settings.state_dirs),
    },
    Key {
        name: "ports",
        doc: "Ports of interest besides 18789 and those that configurations, units and processes name.",
        kind: Kind::Integers,
        apply: |settings, value| {
            settings.ports = ports(value)?;
            Ok(())
        },
        show: |settings| Value::Array(settings.ports.iter().map(|&port| Value::Integer(port.into())).collect()),
    },
    Key {
        name: "public_urls",
        doc: "URLs by which clients reach gateways of this node from outside, such as `https://claw.example`: the way through each is tried, as are those in `gateway.publicOrigin` and in clients' `gateway.remote.url`.",
        kind: Kind::Words,
        apply: |settings, value| {
            settings.public_urls = urls(value)?;
            Ok(())
        },
        show: |settings| Value::Array(settings.public_urls.iter().map(|url| Value::String(url.clone())).collect()),
    },
    Key {
        name: "timeout_s",
        doc: "Seconds after which `check` stops looking; what is not known by then stays unknown.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.timeout_s = whole(value, 1, 300)?;
            Ok(())
        },
        show: |settings| integer(settings.timeout_s),
    },
    Key {
        name: "time_server",
        doc: "Server to compare this node's clock with, by SNTP: a name or an address, with a port where it is not 123, such as `time.apple.com`. Empty: none is asked.",
        kind: Kind::Text,
        apply: |settings, value| {
            let text = text(value)?;
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]_%".contains(c);
            if text.len() > 255 || !text.chars().all(plain) {
                return Err("takes the name or address of a server".to_owned());
            }
            settings.time_server = Some(text.to_owned()).filter(|text| !text.is_empty());
            Ok(())
        },
        show: |settings| Value::String(settings.time_server.clone().unwrap_or_default()),
    },
    Key {
        name: "containers",
        doc: "`auto` asks every container engine of this node, `off` asks none.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.containers = match text(value)? {
                "auto" => true,
                "off" => false,
                _ => return Err("takes `auto` or `off`".to_owned()),
            };
            Ok(())
        },
        show: |settings| Value::String(if settings.containers { "auto" } else { "off" }.to_owned()),
    },
    Key {
        name: "probe_dir",
        doc: "Folder of the programs that look from within containers, `portreeve-probe-linux-amd64` and `-arm64`. Empty: `../libexec/portreeve` as seen from the agent's own folder, and that folder.",
        kind: Kind::Text,
        apply: |settings, value| {
            let text = text(value)?;
            settings.probe_dir = if text.is_empty() { None } else { Some(path(value)?) };
            Ok(())
        },
        show: |settings| {
            Value::String(settings.probe_dir.as_ref().map(|path| path.display().to_string()).unwrap_or_default())
        },
    },
    Key {
        name: "data_dir",
        doc: "The agent's own folder, which holds the fingerprint key. As root `/var/db/portreeve`, else below the user's home.",
        kind: Kind::Text,
        apply: |settings, value| {
            settings.data_dir = path(value)?;
            Ok(())
        },
        show: |settings| Value::String(settings.data_dir.display().to_string()),
    },
    Key {
        name: "status_file",
        doc: "The document that `portreeve run` writes for everybody to read, and `portreeve status` reads. Empty: as root `/Library/Application Support/dev.portreeve.agent/status.json` on macOS and `/run/portreeve/status.json` elsewhere, else `status.json` in `data_dir`.",
        kind: Kind::Text,
        apply: |settings, value| {
            let text = text(value)?;
            settings.status_file = if text.is_empty() { None } else { Some(path(value)?) };
            Ok(())
        },
        show: |settings| {
            Value::String(settings.status_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default())
        },
    },
    Key {
        name: "daemon.glance_s",
        doc: "Seconds between two glances of `portreeve run` at listeners, processes and files. Nothing is judged by them; what has changed is looked at at once.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.glance_s = whole(value, 1, 300)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.glance_s),
    },
    Key {
        name: "daemon.fast_s",
        doc: "Seconds between two looks at whether gateways are still ready: one owner, live, started, ready, authenticated.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.fast_s = whole(value, 1, 3_600)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.fast_s),
    },
    Key {
        name: "daemon.slow_s",
        doc: "Seconds between two looks at everything, each with a verdict, where nothing changes. Up to a tenth is added.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.slow_s = whole(value, 1, 86_400)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.slow_s),
    },
    Key {
        name: "daemon.locks_s",
        doc: "Seconds between two windows in which locks are watched; 0: never.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.locks_s = whole(value, 0, 86_400)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.locks_s),
    },
    Key {
        name: "daemon.lock_window_s",
        doc: "Seconds of each such window. Those of the last six hours count together.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.daemon.lock_window_s = whole(value, 1, 60)?;
            Ok(())
        },
        show: |settings| integer(settings.daemon.lock_window_s),
    },
    Key {
        name: "fingerprint.shared_key_file",
        doc: "A file of at least 16 random bytes that several nodes share, so that their fingerprints can be compared. Empty: a key of this node's own.",
        kind: Kind::Text,
        apply: |settings, value| {
            let text = text(value)?;
            settings.shared_key_file = if text.is_empty() { None } else { Some(path(value)?) };
            Ok(())
        },
        show: |settings| {
            Value::String(settings.shared_key_file.as_ref().map(|path| path.display().to_string()).unwrap_or_default())
        },
    },
    Key {
        name: "deep.connects",
        doc: "Connects that `check --deep` makes to each gateway of this node and from the namespace of each client in a container, ten a second. Fewer than 100 prove no success; 0: none.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.deep_connects = u32::try_from(whole(value, 0, 300)?).map_err(|error| error.to_string())?;
            Ok(())
        },
        show: |settings| integer(settings.deep_connects.into()),
    },
    Key {
        name: "images.period_s",
        doc: "Seconds between two checks of images with `portreeve images --if-due`. Each node adds up to a fourteenth of its own.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.images_period_s = whole(value, 3_600, 31_536_000)?;
            Ok(())
        },
        show: |settings| integer(settings.images_period_s),
    },
    Key {
        name: "images.pinned",
        doc: "Images that must run, with digests: `ghcr.io/openclaw/openclaw@sha256:…`. It comes before what Compose files and `portreeve images accept` say.",
        kind: Kind::Words,
        apply: |settings, value| {
            settings.policy.pinned_images = images(value)?;
            Ok(())
        },
        show: |settings| {
            Value::Array(settings.policy.pinned_images.iter().map(|image| Value::String(image.clone())).collect())
        },
    },
    Key {
        name: "policy.start_budget_s",
        doc: "Seconds a gateway may take to start before silence is an error. Large databases on a cold disk need minutes.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.policy.start_budget_s = whole(value, 1, 86_400)?;
            Ok(())
        },
        show: |settings| integer(settings.policy.start_budget_s),
    },
    Key {
        name: "policy.token_min_length",
        doc: "Characters below which a token is weak.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.policy.token_min_length =
                u32::try_from(whole(value, 1, 1024)?).map_err(|error| error.to_string())?;
            Ok(())
        },
        show: |settings| integer(settings.policy.token_min_length.into()),
    },
    Key {
        name: "policy.slow_challenge_ms",
        doc: "Milliseconds after which a gateway's challenge counts as slow.",
        kind: Kind::Float,
        apply: |settings, value| {
            settings.policy.slow_challenge_ms = number(value)?;
            Ok(())
        },
        show: |settings| Value::Float(settings.policy.slow_challenge_ms),
    },
    Key {
        name: "policy.event_loop_delay_ms",
        doc: "Milliseconds of event-loop delay above which a gateway is stalled.",
        kind: Kind::Float,
        apply: |settings, value| {
            settings.policy.event_loop_delay_ms = number(value)?;
            Ok(())
        },
        show: |settings| Value::Float(settings.policy.event_loop_delay_ms),
    },
    Key {
        name: "policy.disk_error_bytes",
        doc: "Bytes free on a state directory's volume below which it is an error.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.policy.disk_error_bytes = whole(value, 0, i64::MAX.unsigned_abs())?;
            Ok(())
        },
        show: |settings| integer(settings.policy.disk_error_bytes),
    },
    Key {
        name: "policy.disk_warning_bytes",
        doc: "Bytes free below which it is a warning.",
        kind: Kind::Integer,
        apply: |settings, value| {
            settings.policy.disk_warning_bytes = whole(value, 0, i64::MAX.unsigned_abs())?;
            Ok(())
        },
        show: |settings| integer(settings.policy.disk_warning_bytes),
    },
    Key {
        name: "policy.lock_wait_s",
        doc: "Seconds that 95 of 100 newcomers may wait for a lock of a state directory. OpenClaw gives up after 5.",
        kind: Kind::Float,
        apply: |settings, value| {
            settings.policy.lock_wait.error_s = number(value)?;
            Ok(())
        },
        show: |settings| Value::Float(settings.policy.lock_wait.error_s),
    },
    Key {
        name: "policy.lock_wait_warning_s",
        doc: "Seconds from which such a wait is a warning.",
        kind: Kind::Float,
        apply: |settings, value| {
            settings.policy.lock_wait.warning_s = number(value)?;
            Ok(())
        },
        show: |settings| Value::Float(settings.policy.lock_wait.warning_s),
    },
];

const PREAMBLE: &str = "\
# Configuration of Portreeve. Every setting is shown with its default; a line that begins with `#: ` is switched off.
# Precedence: flag, then environment variable, then device management, then this file, then default; as root, device
# management comes before the environment. An unknown setting is an error.
";

/// How a waiver is written, as comments of the example file.
pub(crate) const WAIVER: &str = "
# A waiver keeps a finding visible and takes it out of the verdict until it expires. Repeat the block for more.
#
# [[waiver]]
# code = \"state.open\"                  # the finding
# subject = \"/Users/op/.openclaw\"      # its subject; every subject where it is left out
# until = \"2030-01-01T00:00:00Z\"
# reason = \"single-user machine\"
";

/// A commented file with every setting at its default.
pub(crate) fn example() -> String {
    let defaults = Settings::defaults(&|_| None, true);
    let mut text = PREAMBLE.to_owned();
    let mut section = "";
    for key in KEYS {
        let (table, leaf) = key.name.rsplit_once('.').unwrap_or(("", key.name));
        if table != section {
            section = table;
            text.push_str(&format!("\n[{table}]\n"));
        }
        text.push('\n');
        for line in textwrap::wrap(key.doc, 110) {
            text.push_str(&format!("# {line}\n"));
        }
        text.push_str(&format!("# Environment: {}\n#: {leaf} = {}\n", key.variable(), (key.show)(&defaults)));
    }
    text.push_str(WAIVER);
    text
}

/// The default of a setting, as root.
pub(crate) fn default_of(key: &Key) -> Value {
    (key.show)(&Settings::defaults(&|_| None, true))
}

/// The setting whose name is nearest to what was written, if any is near.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| key.name)
        .chain(["waiver"])
        .map(|candidate| (crate::command::distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

fn integer(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

fn path_array(paths: &[PathBuf]) -> Value {
    Value::Array(paths.iter().map(|path| Value::String(path.display().to_string())).collect())
}

fn whole(value: &Value, least: u64, most: u64) -> Result<u64, String> {
    value
        .as_integer()
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("takes a whole number from {least} to {most}"))
}

#[expect(clippy::cast_precision_loss, reason = "thresholds are far below 2^52")]
fn number(value: &Value) -> Result<f64, String> {
    value
        .as_float()
        .or_else(|| value.as_integer().map(|number| number as f64))
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "takes a number that is not negative".to_owned())
}

fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "takes a text".to_owned())
}

fn path(value: &Value) -> Result<PathBuf, String> {
    let path = PathBuf::from(text(value)?);
    if path.is_absolute() { Ok(path) } else { Err("takes an absolute path".to_owned()) }
}

fn paths(value: &Value) -> Result<Vec<PathBuf>, String> {
    let array = value.as_array().ok_or_else(|| "takes a list of absolute paths".to_owned())?;
    array.iter().map(|item| path(item).map_err(|_| "takes a list of absolute paths".to_owned())).collect()
}

fn urls(value: &Value) -> Result<Vec<String>, String> {
    let problem = || "takes a list of URLs that begin with `https://`, `http://`, `wss://` or `ws://`".to_owned();
    let array = value.as_array().ok_or_else(problem)?;
    let url = |item: &Value| {
        let text = item.as_str().filter(|text| portreeve_openclaw::endpoint::Target::from_url(text).is_ok());
        text.map(str::to_owned).ok_or_else(problem)
    };
    array.iter().map(url).collect()
}

fn images(value: &Value) -> Result<Vec<String>, String> {
    let problem = || "takes a list of images with digests, such as `ghcr.io/openclaw/openclaw@sha256:…`".to_owned();
    let array = value.as_array().ok_or_else(problem)?;
    let image = |item: &Value| {
        let text = item
            .as_str()
            .filter(|text| portreeve_core::ImageReference::parse(text).is_ok_and(|image| image.digest.is_some()));
        text.map(str::to_owned).ok_or_else(problem)
    };
    array.iter().map(image).collect()
}

fn ports(value: &Value) -> Result<Vec<u16>, String> {
    let problem = || "takes a list of ports from 1 to 65535".to_owned();
    let array = value.as_array().ok_or_else(problem)?;
    array
        .iter()
        .map(|item| {
            item.as_integer().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0).ok_or_else(problem)
        })
        .collect()
}
