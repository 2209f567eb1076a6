//! Where to look on this node, and where the agent keeps its own.

use toml::Value;

use super::value::{integer, path, path_array, paths, ports, text, urls, whole};
use super::{Key, Kind};

pub(super) const KEYS: &[Key] = &[
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
];
