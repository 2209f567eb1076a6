//! The `portreeve` binary and its report.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Names the binary to try; where it is unset, the one beside this program is built and taken.
const BINARY: &str = "PORTREEVE_BIN";

/// A call of `portreeve`, with nothing of this program's environment but what is asked for.
#[derive(Debug, Clone)]
pub struct Portreeve {
    homes: Vec<PathBuf>,
    environment: Vec<(String, String)>,
    prefix: Vec<String>,
}

/// What `portreeve check --json` gave.
#[derive(Debug)]
pub struct Checked {
    /// The report.
    pub report: Value,
    /// The exit status.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it took.
    pub elapsed: Duration,
}

impl Portreeve {
    /// Looks at one home only, as its user.
    pub fn new(home: &Path) -> Self {
        Self { homes: vec![home.to_owned()], environment: Vec::new(), prefix: Vec::new() }
    }

    /// Looks at another home too.
    #[must_use]
    pub fn home(mut self, home: &Path) -> Self {
        self.homes.push(home.to_owned());
        self
    }

    /// Adds a variable to the environment, which is that of the command line on this host.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs it through another command, such as [`crate::Namespaces::prefix`].
    #[must_use]
    pub fn through(mut self, prefix: Vec<String>) -> Self {
        self.prefix = prefix;
        self
    }

    /// `portreeve`, without arguments yet.
    pub fn command(&self) -> Command {
        let mut words = self.prefix.iter().map(PathBuf::from).chain([binary().clone()]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words);
        command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").env("LANG", "C.UTF-8");
        command.env("HOME", self.homes.first().unwrap());
        // All hundred would add ten seconds to each deep look.
        command.env("PORTREEVE_DEEP_CONNECTS", "10");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// What each command that looks at the node prints, on either stream, with its words; one of them saves the facts to a file.
    pub fn every_view(&self, save: &Path) -> Vec<(String, Vec<u8>)> {
        let save = save.to_str().unwrap();
        let calls: [&[&str]; 9] = [
            &["check", "-vv"],
            &["check", "--json"],
            &["check", "-vv", "--save", save],
            &["tokens", "-vv"],
            &["tokens", "--json"],
            &["map"],
            &["map", "--format", "json"],
            &["map", "--format", "mermaid"],
            &["map", "--format", "svg"],
        ];
        let said = |call: &[&str]| {
            let output = self.run(call);
            (call.join(" "), [output.stdout, output.stderr].concat())
        };
        calls.into_iter().map(said).collect()
    }

    /// Runs a command that looks at the homes.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let homes = self.homes.iter().flat_map(|home| ["--home".into(), home.clone()]);
        self.command().args(arguments).args(homes).output().unwrap()
    }

    /// Runs `check --json`.
    pub fn check(&self) -> Checked {
        self.checked(&["check", "--json"])
    }

    /// Runs `check --deep --json`, with few connects unless the environment says otherwise.
    pub fn check_deep(&self) -> Checked {
        self.checked(&["check", "--deep", "--json"])
    }

    fn checked(&self, arguments: &[&str]) -> Checked {
        let start = Instant::now();
        let output = self.run(arguments);
        let elapsed = start.elapsed();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_str(&stdout)
            .unwrap_or_else(|error| panic!("no report ({error}), {}:\n{stdout}\n{stderr}", output.status));
        let status = output.status.code().unwrap_or_else(|| panic!("portreeve was ended by {}", output.status));
        Checked { report, status, stdout, stderr, elapsed }
    }
}

impl Checked {
    /// The root causes, most upstream first.
    pub fn root_causes(&self) -> Vec<&str> {
        self.report["root_causes"].as_array().unwrap().iter().filter_map(Value::as_str).collect()
    }

    /// The findings of a code.
    pub fn findings(&self, code: &str) -> Vec<&Value> {
        self.report["findings"].as_array().unwrap().iter().filter(|finding| finding["code"] == code).collect()
    }

    /// The report on the gateway of a port.
    pub fn gateway(&self, port: u16) -> &Value {
        let gateways = self.report["gateways"].as_array().unwrap();
        gateways
            .iter()
            .find(|gateway| gateway["port"] == port)
            .unwrap_or_else(|| panic!("no gateway on {port}\n{self}"))
    }

    /// A rung of the report's only gateway.
    pub fn rung(&self, name: &str) -> &Value {
        let gateways = self.report["gateways"].as_array().unwrap();
        assert_eq!(gateways.len(), 1, "gateways\n{self}");
        let rungs = gateways[0]["rungs"].as_array().unwrap();
        rungs.iter().find(|rung| rung["rung"] == name).unwrap_or_else(|| panic!("no rung `{name}`\n{self}"))
    }

    /// Fails unless these are the root causes, in this order, and this the exit status.
    pub fn assert_blocked(&self, root_causes: &[&str], status: i32) {
        assert_eq!(self.root_causes(), root_causes, "root causes\n{self}");
        assert_eq!(self.report["verdict"], "blocked", "verdict\n{self}");
        assert_eq!(self.status, status, "exit status\n{self}");
    }

    /// Fails unless no error was found, every rung is proven and the exit status is 0.
    pub fn assert_passes(&self) {
        assert_eq!(self.root_causes(), [""; 0], "root causes\n{self}");
        let verdict = &self.report["verdict"];
        assert!(verdict == "ready" || verdict == "degraded", "verdict\n{self}");
        assert_eq!(self.status, 0, "exit status\n{self}");
    }

    /// Fails unless a finding of this code has this severity.
    pub fn assert_has(&self, code: &str, severity: &str) {
        let held = self.findings(code).iter().any(|finding| finding["severity"] == severity);
        assert!(held, "no {severity} `{code}`\n{self}");
    }

    /// Fails if there is a finding of this code.
    pub fn assert_lacks(&self, code: &str) {
        assert!(self.findings(code).is_empty(), "`{code}` found\n{self}");
    }

    /// Fails unless a finding of this code says all of this, in its summary, evidence or remedy.
    pub fn assert_says(&self, code: &str, texts: &[&str]) {
        let findings: Vec<String> = self.findings(code).iter().map(ToString::to_string).collect();
        let said = findings.iter().any(|finding| texts.iter().all(|text| finding.contains(text)));
        assert!(said, "no `{code}` says all of {texts:?}\n{self}");
    }
}

impl std::fmt::Display for Checked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "exit status {} after {} ms: {}", self.status, self.elapsed.as_millis(), self.report["verdict"])?;
        for finding in self.report["findings"].as_array().into_iter().flatten() {
            let (code, severity) = (&finding["code"], &finding["severity"]);
            writeln!(f, "  {severity} {code}: {} (explained by {})", finding["summary"], finding["explained_by"])?;
            for evidence in finding["evidence"].as_array().into_iter().flatten() {
                writeln!(f, "      {} ({})", evidence["fact"], evidence["source"])?;
            }
        }
        for rung in self.report["gateways"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|gateway| gateway["rungs"].as_array())
            .flatten()
        {
            writeln!(f, "  rung {}: {} {} ms {}", rung["rung"], rung["state"], rung["elapsed_ms"], rung["detail"])?;
        }
        writeln!(f, "  blind: {}", self.report["blind"])?;
        write!(f, "{}", self.stderr)
    }
}

fn binary() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built(BINARY, "portreeve"))
}

/// The program that a variable names; where it is unset, the one beside this program, which is built first.
pub(crate) fn built(variable: &str, package: &str) -> PathBuf {
    if let Some(path) = env::var_os(variable) {
        return path.into();
    }
    // target/<profile>/deps/<this program>
    let program = env::current_exe().unwrap();
    let profile = program.parent().and_then(Path::parent).unwrap();
    let target = profile.parent().unwrap();
    let mut build = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", package, "--target-dir"]).arg(target);
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
    assert!(status.success(), "`cargo build --package {package}`: {status}");
    profile.join(package)
}
