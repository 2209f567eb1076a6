//! Compose projects as people deploy them, and one with each fault that a file shows, from their files to the findings.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use portreeve_compose::{Options, UserFiles, load};
use portreeve_core::lint::{LintReport, lint};
use portreeve_core::{Policy, Severity};
use portreeve_observe::compose::{Reading, snapshot};
use portreeve_openclaw::file::Reader;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn linted(project: &Path) -> LintReport {
    let options = Options { project_dir: Some(project.to_owned()), all_profiles: true, ..Options::default() };
    let project_facts = load(&options, &UserFiles);
    let reading = Reading {
        reader: Reader::for_self(None),
        key: portreeve_observe::key::passing().unwrap(),
        shown_from: Some(project.to_owned()),
        at: "2026-11-20T08:00:00Z".parse().unwrap(),
    };
    lint(&snapshot(&[project_facts], &reading, "0"), &Policy::default())
}

fn folders(name: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder(name)) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn told(report: &LintReport) -> String {
    let mut out = String::new();
    for problem in &report.problems {
        let word = if problem.fatal { "fatal" } else { "problem" };
        let here = format!("{}/", folder("compose").display());
        out.push_str(&format!("  {word}: {}\n", problem.message.replace(&here, "")));
    }
    for finding in &report.findings {
        let place = finding.place.as_ref().map_or_else(
            || "-".to_owned(),
            |place| {
                let file = Path::new(&place.file).file_name().unwrap_or_default().to_string_lossy().into_owned();
                format!("{file}:{}:{}", place.line, place.column)
            },
        );
        let by = finding.explained_by.map(|code| format!(" by {code}")).unwrap_or_default();
        out.push_str(&format!("  {place} {:?} {}{by}\n", finding.severity, finding.code));
    }
    out
}

#[test]
fn projects_as_people_deploy_them_have_no_error() {
    let mut all = String::new();
    let mut wrong = Vec::new();
    let projects = folders("compose");
    assert!(projects.len() > 30);
    for project in &projects {
        let report = linted(project);
        let name = project.file_name().unwrap().to_string_lossy().into_owned();
        all.push_str(&format!("{name}\n{}", told(&report)));
        let errors: Vec<_> = report.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
        if !errors.is_empty() || report.problems.iter().any(|problem| problem.fatal) {
            wrong.push(format!("{name}\n{}", told(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!(all);
}

/// Each fault that files show, and its code: the one root cause, and nothing else is found that it does not explain.
///
/// What no file shows is not here: that a container was killed for its memory or starts over and over, that a command line is not paired,
/// who owns a volume, what digest a tag has, an engine that is silent, a host gateway beside a container, and whether a port answers.
const FAULTS: [(&str, &str); 28] = [
    ("bind-loopback", "bind.loopback"),
    ("caddy-buffering", "proxy.buffering"),
    ("certificate-expired", "proxy.tls"),
    ("dotenv-and-config-differ", "token.split"),
    ("extra-hosts", "url.loopback-in-namespace"),
    ("health-on-process", "compose.health-blind"),
    ("image-skew", "image.skew"),
    ("ingress-elsewhere", "ingress.split"),
    ("ingress-to-another-gateway", "ingress.split"),
    ("liveness-harsh", "compose.liveness-harsh"),
    ("loopback-url", "url.loopback-in-namespace"),
    ("name-typo", "url.unresolvable"),
    ("nginx-https-to-plain", "url.wrong-scheme"),
    ("nginx-idle-cut", "proxy.idle-cut"),
    ("nginx-no-upgrade", "proxy.no-upgrade"),
    ("no-common-network", "url.no-shared-network"),
    ("plaintext", "url.plaintext-refused"),
    ("proxy-untrusted", "proxy.untrusted"),
    ("proxy-untrusted-no-subnet", "proxy.untrusted"),
    ("published-everywhere", "bind.exposed"),
    ("published-port-inside", "url.wrong-port"),
    ("state-in-layer", "state.ephemeral"),
    ("state-not-shared", "state.not-shared"),
    ("token-in-override", "token.split"),
    ("token-only-in-gateway", "token.missing"),
    ("two-on-one-port", "port.contended"),
    ("volume-read-only", "state.readonly"),
    ("wss-to-plain", "url.wrong-scheme"),
];

/// What comes with a fault: these tell secrets apart, which must therefore be written in them.
const BESIDES: [(&str, &str); 2] = [("token-in-override", "token.exposed"), ("token-only-in-gateway", "token.exposed")];

#[test]
fn each_fault_has_its_root_cause() {
    let names: Vec<String> =
        folders("compose_faults").iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, FAULTS.map(|(name, _)| name));
    let mut wrong = Vec::new();
    for (name, code) in FAULTS {
        let report = linted(&folder("compose_faults").join(name));
        let told_of = |wanted: &str| {
            let finding = report.findings.iter().find(|finding| finding.code.as_str() == wanted)?;
            Some((finding.severity, finding.place.is_some()))
        };
        let roots: Vec<&str> = report.root_causes.iter().map(|code| code.as_str()).collect();
        let is_root = match told_of(code) {
            Some((Severity::Error, true)) => roots == [code],
            Some((_, true)) => roots.is_empty(),
            _ => false,
        };
        let unexplained = report.findings.iter().filter(|finding| finding.explained_by.is_none());
        let mut others = unexplained.map(|finding| finding.code.as_str());
        if !is_root || !others.all(|found| found == code || BESIDES.contains(&(name, found))) {
            wrong.push(format!("{name}: expected {code}\n{}", told(&report)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_of_a_proxy_s_configuration_is_too_much_to_read_is_told() {
    let project = tempfile::tempdir().unwrap();
    let base = folder("compose_faults").join("nginx-no-upgrade");
    std::fs::copy(base.join("compose.yaml"), project.path().join("compose.yaml")).unwrap();
    std::fs::write(project.path().join("site.conf"), format!("server {{\n{}}}\n", "gzip on;\n".repeat(60_000)))
        .unwrap();
    let report = linted(project.path());
    let [problem] = report.problems.as_slice() else { panic!("{:?}", report.problems) };
    assert_eq!(problem.message, "the configuration of service `nginx` is read up to here: too many directives");
    assert!(!problem.fatal && problem.place.as_ref().is_some_and(|place| place.file == "site.conf"), "{problem:?}");
}
