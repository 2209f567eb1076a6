//! The command line of a user of this host.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use portreeve_core::snapshot::{Client, Gateway, Unit};
use portreeve_openclaw::acceptance::arguments;
use portreeve_openclaw::environment::Environment;

use super::trust::{check, check_tree};
use super::{DEADLINE, Ended, MAX_OUTPUT, OWN_TIMEOUT_MS, Run, Skip, is_whole, question, safe};
use crate::command::{Awaited, Said};
use crate::install::{package_of, version_of};
use crate::process::ProcessTable;
use crate::site::Site;

/// Where programs are looked for besides the folder of Node.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/// What is known of the host.
pub(crate) struct Host<'a> {
    pub(crate) sites: &'a [Site],
    pub(crate) units: &'a [Unit],
    pub(crate) processes: &'a ProcessTable,
    /// All of the caller's environment.
    pub(crate) environment: &'a Environment,
    /// The same as it was given.
    pub(crate) variables: &'a [(String, String)],
}

/// An installation and the Node that it runs on.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    node: PathBuf,
    package: PathBuf,
}

impl Host<'_> {
    /// Runs the command line of a client. None for one whose state directory is not known.
    pub(super) async fn run(&self, client: &Client, gateway: &Gateway) -> Option<Run> {
        let site =
            self.sites.iter().find(|site| Some(site.path.to_string_lossy().as_ref()) == client.state_dir.as_deref())?;
        let as_user = client.user.as_deref().map(|user| format!(" as {user}")).unwrap_or_default();
        let command = question(&as_user);
        let Some(program) = self.program(site, gateway) else {
            let skip =
                Skip::new("no installation of OpenClaw with its Node was found", "put `openclaw` on the search path");
            return Some(Run { command, version: None, ended: Err(skip) });
        };
        let version = version_of(&program.package);
        let ended = match safe(version.as_deref()).and_then(|()| self.prepare(site, &program)) {
            Ok(awaited) => Ok(wait(awaited).await),
            Err(skip) => Err(skip),
        };
        Some(Run { command, version, ended })
    }

    /// What the user would run: what the caller's search path has, else what the gateway itself runs, else what its unit would.
    fn program(&self, site: &Site, gateway: &Gateway) -> Option<Program> {
        let by_path = site.is_callers.then(|| self.on_path()).flatten();
        by_path.or_else(|| self.of_processes(gateway)).or_else(|| self.of_units(gateway))
    }

    fn on_path(&self) -> Option<Program> {
        let folders: Vec<&Path> =
            self.environment.text("PATH")?.split(':').map(Path::new).filter(|dir| dir.is_absolute()).collect();
        let package = folders.iter().find_map(|dir| package_of(&dir.join("openclaw")))?;
        let is_real = |node: &PathBuf| node.is_file() && node.canonicalize().is_ok_and(|real| is_node(&real));
        let node = folders.iter().map(|dir| dir.join("node")).find(is_real)?;
        Some(Program { node, package })
    }

    /// The gateway's own arguments are overwritten; those of its workers still name the package.
    fn of_processes(&self, gateway: &Gateway) -> Option<Program> {
        gateway.pids.iter().find_map(|&pid| {
            let own = self.processes.get(pid).filter(|entry| !entry.foreign_pidns)?;
            let node = own.exe.clone().filter(|exe| is_node(exe))?;
            let family = self.processes.entries().iter().filter(|entry| entry.pid == pid || entry.ppid == pid);
            let package = family.flat_map(|entry| &entry.argv).find_map(|word| package_of(Path::new(word)))?;
            Some(Program { node, package })
        })
    }

    fn of_units(&self, gateway: &Gateway) -> Option<Program> {
        self.units.iter().filter(|unit| gateway.units.contains(&unit.id)).find_map(|unit| {
            let words = || unit.arguments.iter().map(Path::new);
            let node = words().find(|word| word.is_absolute() && is_node(word))?.to_owned();
            Some(Program { node, package: words().find_map(package_of)? })
        })
    }

    /// The run, where it may be made.
    fn prepare(&self, site: &Site, program: &Program) -> Result<Awaited, Skip> {
        let Some(account) = &site.account else {
            return Err(Skip::new("nobody on this node owns its state directory", "see who should own it"));
        };
        let own = nix::unistd::geteuid().as_raw();
        let uid = account.uid;
        if own != 0 && own != uid {
            return Err(Skip::new("it belongs to another user", "run as that user or as root"));
        }
        let untrusted = |why: String| {
            Skip::new(format!("it is not run as {}: {why}", account.name), "let only that user and root write it")
        };
        let program = Program {
            node: check(&program.node, uid).map_err(untrusted)?,
            package: check_tree(&program.package, uid).map_err(untrusted)?,
        };
        if !is_node(&program.node) {
            let why = format!("its Node leads to `{}`, which is told by its name what to run", program.node.display());
            return Err(Skip::new(why, "ask by hand: `openclaw channels status --probe`"));
        }
        if uid == 0 {
            // A configuration can name code to load.
            check(&site.path, uid).map_err(untrusted)?;
            if site.config_path.exists() {
                check(&site.config_path, uid).map_err(untrusted)?;
            }
        }
        Ok(Awaited {
            arguments: [program.package.join("openclaw.mjs").into_os_string()]
                .into_iter()
                .chain(arguments(OWN_TIMEOUT_MS).into_iter().map(OsString::from))
                .collect(),
            environment: self.environment_for(site, &program, &account.name, uid == own),
            program: program.node,
            directory: account.home.clone(),
            user: (own == 0 && uid != 0).then_some((uid, account.gid)),
            input: Vec::new(),
            deadline: DEADLINE,
            output_limit: MAX_OUTPUT,
            is_whole,
        })
    }

    /// The caller's own for the caller; for others what a login shell would set, and where the state lies.
    fn environment_for(&self, site: &Site, program: &Program, user: &str, is_own: bool) -> Vec<(OsString, OsString)> {
        let mut variables: Vec<(OsString, OsString)> = Vec::new();
        let mut put = |name: &str, value: OsString| {
            variables.retain(|(known, _)| known != name);
            variables.push((name.into(), value));
        };
        if site.is_callers {
            // What the caller loads into its own programs is nothing to load into another user's.
            let passed = |name: &str| is_own || name.starts_with("OPENCLAW_");
            for (name, value) in self.variables.iter().filter(|(name, _)| passed(name)) {
                put(name, value.into());
            }
        }
        let home = site.home().unwrap_or(Path::new("/"));
        let folder = program.node.parent().unwrap_or(Path::new("/usr/bin"));
        put("HOME", home.into());
        put("USER", user.into());
        put("LOGNAME", user.into());
        put("LANG", "C.UTF-8".into());
        put("NO_COLOR", "1".into());
        put("PATH", format!("{}:{PATH}", folder.display()).into());
        if !site.is_callers {
            if site.path != home.join(".openclaw") {
                put("OPENCLAW_STATE_DIR", site.path.clone().into());
            }
            if site.config_path != site.path.join("openclaw.json") {
                put("OPENCLAW_CONFIG_PATH", site.config_path.clone().into());
            }
        }
        variables
    }
}

/// `node`, `nodejs`, and `node-22` as some distributions have it. What a version manager puts in its place has its own name.
fn is_node(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let version = |rest: &str| rest.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.'));
    name.and_then(|name| name.strip_prefix("node")).is_some_and(|rest| rest == "js" || version(rest))
}

async fn wait(awaited: Awaited) -> Ended {
    match awaited.run().await {
        Ok(Said { output, ending }) => {
            let how = ending.map_or_else(
                || format!("it was ended after {} s", DEADLINE.as_secs()),
                |ending| format!("it ended with {ending}"),
            );
            let exit = match ending {
                Some(crate::command::Ending::Exit(status)) => Some(status),
                _ => None,
            };
            Ended { stdout: output.stdout, stderr: output.stderr, exit, how }
        }
        Err(error) => Ended {
            stdout: Vec::new(),
            stderr: Vec::new(),
            exit: None,
            how: format!("it could not be started: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_for_node_is_not_node() {
        for (path, is) in [
            ("/usr/bin/node", true),
            ("/usr/bin/nodejs", true),
            ("/usr/bin/node-22", true),
            ("/home/op/.volta/bin/volta-shim", false),
            ("/usr/bin/node-gyp", false),
            ("/usr/bin/env", false),
        ] {
            assert_eq!(is_node(Path::new(path)), is, "{path}");
        }
    }
}
