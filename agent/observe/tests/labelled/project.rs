//! What is found in a folder: a Compose project, or the configuration of a proxy or a gateway in one that is made for it.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use portreeve_compose::{Options, UserFiles, discover, load};
use portreeve_core::lint::{LintReport, lint};
use portreeve_core::{Policy, Severity};
use portreeve_observe::compose::{Reading, snapshot};
use portreeve_observe::proxy::{Program, parse_text};
use portreeve_openclaw::file::Reader;

/// Codes by severity. What another finding explains is among the others.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) errors: BTreeSet<String>,
    pub(crate) warnings: BTreeSet<String>,
    pub(crate) others: BTreeSet<String>,
}

/// What is found in a folder of this kind; none where it holds nothing of it.
pub(crate) fn found(kind: &str, folder: &Path) -> Option<Found> {
    let files = compose_files(folder);
    if !files.is_empty() {
        return Some(of(&linted(folder, files)));
    }
    let made = tempfile::tempdir().unwrap();
    let text = match kind {
        "proxy" => with_proxy(folder, made.path())?,
        "openclaw-config" => with_config(folder, made.path())?,
        _ => return None,
    };
    fs::write(made.path().join("compose.yaml"), text).unwrap();
    Some(of(&linted(made.path(), vec![made.path().join("compose.yaml")])))
}

/// Compose files by the names that Compose looks for, else every YAML file, overrides last.
fn compose_files(folder: &Path) -> Vec<PathBuf> {
    let is_yaml = |path: &Path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
    let mut all: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| is_yaml(path)).collect();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let known = |path: &PathBuf| {
        discover::MAIN.contains(&name(path).as_str()) || discover::OVERRIDE.contains(&name(path).as_str())
    };
    if all.iter().any(known) {
        all.retain(known);
    }
    all.sort_by_key(|path| (name(path).contains("override"), name(path)));
    all
}

fn linted(folder: &Path, files: Vec<PathBuf>) -> LintReport {
    let options = Options { project_dir: Some(folder.to_owned()), files, all_profiles: true, ..Options::default() };
    let project = load(&options, &UserFiles);
    let reading = Reading {
        reader: Reader::for_self(None),
        key: portreeve_observe::key::passing().unwrap(),
        shown_from: Some(folder.to_owned()),
        at: jiff::Timestamp::now(),
    };
    lint(&snapshot(&[project], &reading, "0"), &Policy::default())
}

fn of(report: &LintReport) -> Found {
    let mut found = Found::default();
    for finding in &report.findings {
        let list = match finding.severity {
            _ if finding.explained_by.is_some() => &mut found.others,
            Severity::Error => &mut found.errors,
            Severity::Warning => &mut found.warnings,
            Severity::Information => &mut found.others,
        };
        list.insert(finding.code.as_str().to_owned());
    }
    found
}

/// The configuration of a proxy, before a gateway that is well and where its upstream is.
fn with_proxy(folder: &Path, made: &Path) -> Option<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().to_ascii_lowercase();
    let kinds = [
        (Program::Caddy, files.iter().find(|path| name(path).contains("caddy"))),
        (Program::Nginx, files.iter().find(|path| name(path).contains("nginx"))),
        (Program::Nginx, files.iter().find(|path| path.extension().is_some_and(|extension| extension == "conf"))),
    ];
    let (program, file) = kinds.into_iter().find_map(|(program, file)| Some((program, file?)))?;
    for file in files.iter().filter(|file| file.is_file()) {
        fs::copy(file, made.join(file.file_name().unwrap())).unwrap();
    }
    let parsed = parse_text(program, program.default_config(), &fs::read_to_string(file).ok()?);
    let upstreams: Vec<_> = parsed.routes.iter().filter_map(|route| route.upstream.as_ref()).collect();
    let upstream = upstreams.iter().find(|upstream| upstream.port == 18_789).or(upstreams.first())?;
    let host = upstream.host.trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>().ok();
    let is_beside = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    let network = match address {
        _ if is_beside => "default: ".to_owned(),
        Some(address) => format!("default: {{ipv4_address: {address}}}"),
        None => format!("default: {{aliases: [\"{host}\"]}}"),
    };
    let sharing = if is_beside { "    network_mode: \"service:gateway\"\n" } else { "" };
    let image = if program == Program::Nginx { "nginx:1.29" } else { "caddy:2.10" };
    let target = program.default_config();
    // A file that only holds a site is included by the image's own main file.
    let whole = fs::read_to_string(file).ok()?;
    let target =
        if program == Program::Nginx && !whole.contains("events") { "/etc/nginx/conf.d/default.conf" } else { target };
    let file = file.file_name().unwrap().to_string_lossy().into_owned();
    let config = if made.join("openclaw.json").is_file() {
        ", \"./openclaw.json:/home/node/.openclaw/openclaw.json\""
    } else {
        ""
    };
    Some(format!(
        "services:\n  gateway:\n    image: ghcr.io/openclaw/openclaw:2026.9.6\n    command: openclaw gateway --bind lan --port {}\n    \
         environment: {{OPENCLAW_GATEWAY_TOKEN: \"${{TOKEN:?}}\"}}\n    volumes: [\"state:/home/node/.openclaw\"{config}]\n    \
         networks: {{{network}}}\n  proxy:\n    image: {image}\n{sharing}    volumes: [\"./{file}:{target}:ro\"]\nvolumes: {{state: }}\n",
        upstream.port
    ))
}

/// The configuration of a gateway that nothing else contradicts.
fn with_config(folder: &Path, made: &Path) -> Option<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file() && path.file_name().is_some_and(|name| name != "expected.json"));
    files.sort();
    let is_config =
        |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "json" || extension == "json5");
    let named = files.iter().find(|path| path.file_name().is_some_and(|name| name == "openclaw.json"));
    let config = named.or_else(|| files.iter().find(is_config))?;
    let state = made.join("state");
    fs::create_dir(&state).unwrap();
    for file in &files {
        let name = if file == config { "openclaw.json".into() } else { file.file_name().unwrap().to_owned() };
        fs::copy(file, state.join(name)).unwrap();
    }
    Some(
        "services:\n  gateway:\n    image: ghcr.io/openclaw/openclaw:2026.9.6\n    command: openclaw gateway\n    \
         volumes: [\"./state:/home/node/.openclaw\"]\n"
            .to_owned(),
    )
}
