//! `unit.program-missing`, told by how the last run ended

use super::super::command::quote;
use super::super::ownership::is_active;
use super::loaded::is_missed;
use super::{about, gateway_units, install, origin, runs};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Manager, Unit};

/// With what `env`, every shell and a gate end where the command is not found.
const NOT_FOUND: i32 = 127;

/// With what they end where it is found and cannot be executed.
const NOT_EXECUTABLE: i32 = 126;

/// With what systemd says that it could not execute a program itself (`EXIT_EXEC`).
const SYSTEMD_EXEC: i32 = 203;

/// Where launchd lets a job look that sets no `PATH`.
const LAUNCHD_PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// `unit.program-missing`: what the definition names is there, and what that is to run was not found, so that the gateway is down.
pub(super) fn program_unfound(context: Context<'_>, out: &mut Vec<Draft>) {
    for unit in gateway_units(context).filter(|unit| is_active(unit) && !runs(unit) && is_missed(context, unit)) {
        let last = unit.runtime.get().filter(|runtime| runtime.last_signal.is_none());
        let Some(status) = last.and_then(|runtime| runtime.last_exit_code) else { continue };
        let sought = sought(&unit.arguments);
        let what = match (status, sought) {
            _ if unit.program_problem.is_some() => continue,
            (NOT_FOUND, Some(name)) => format!("`{name}` is not found"),
            (NOT_FOUND, None) => format!("a command that `{}` needs is not found", program(unit)),
            (NOT_EXECUTABLE, Some(name)) => format!("`{name}` is found and cannot be executed"),
            (NOT_EXECUTABLE, None) => format!("a command that `{}` needs cannot be executed", program(unit)),
            (SYSTEMD_EXEC, _) if unit.manager == Manager::Systemd => {
                format!("systemd cannot execute `{}`", sought.unwrap_or_else(|| program(unit)))
            }
            _ => continue,
        };
        let mut draft = about(
            context,
            Code::UnitProgramMissing,
            unit,
            format!("`{}` cannot start its program: {what}, its last run ended with status {status}", unit.id),
        )
        .seen(format!("last exit code {status}"), &unit.runtime);
        let bare = sought.filter(|name| !name.contains('/'));
        if bare.is_some() || sought.is_none() {
            draft = draft.evidence(path_of(unit), origin(unit), context.snapshot.taken_at);
        }
        if let Some(output) = unit.outputs.last() {
            draft = draft.command("read what it printed", format!("tail -n 5 {}", quote(output)));
        }
        if let Some(name) = bare {
            draft = draft.command("as the unit's user, see where it is now", format!("command -v {}", quote(name)));
        }
        out.push(
            draft
                .command("write the definition anew, with the paths of today", install(context, unit))
                .remedy("or name it there by its whole path, or set a `PATH` in which it is"),
        );
    }
}

/// Where the unit's process looks for commands, as far as its definition tells.
fn path_of(unit: &Unit) -> String {
    if unit.environment_names.iter().any(|name| name == "PATH") {
        return "the unit sets a `PATH` of its own, in which it is to be found".to_owned();
    }
    match unit.manager {
        Manager::Launchd => format!(
            "the unit sets no `PATH`, and that of launchd is `{LAUNCHD_PATH}`: what Homebrew or nvm installed is not in it"
        ),
        Manager::Systemd => {
            "the unit sets no `PATH`, and systemd reads no shell profile: what nvm installed is not found".to_owned()
        }
    }
}

fn program(unit: &Unit) -> &str {
    let named = unit.program.get().or_else(|| unit.arguments.first());
    named.map_or(unit.label.as_str(), String::as_str)
}

/// What a definition's words let the system look for, where they tell: the command behind a gate, the wrapper of an environment file and
/// `env`; of OpenClaw's own script it is the `node` of its first line.
fn sought(arguments: &[String]) -> Option<&str> {
    let gate = arguments.windows(2).position(|pair| match pair {
        [program, verb] => base_name(program) == "portreeve" && verb == "gate",
        _ => false,
    });
    let mut words = arguments;
    if let Some(gate) = gate {
        let command = words.iter().skip(gate).position(|word| word == "--")?;
        words = words.get(gate + command + 1..)?;
    }
    if let [shell, script, _, rest @ ..] = words
        && is_shell(shell)
        && script.ends_with("-env-wrapper.sh")
    {
        words = rest;
    }
    let (first, rest) = words.split_first()?;
    let name = if base_name(first) == "env" { of_env(rest)? } else { first };
    match base_name(name) {
        "openclaw" | "openclaw.mjs" if name.contains('/') => Some("node"),
        base if is_shell(base) => None,
        // A program that was found may itself need something; its own path tells nothing.
        _ if name.contains('/') && base_name(first) != "env" => None,
        _ => Some(name),
    }
}

/// The command among the words of `env`, after its options and variables.
fn of_env(words: &[String]) -> Option<&str> {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-u" | "-P" | "-C" => {
                rest.next();
            }
            option if option.starts_with('-') || option.contains('=') => {}
            command => return Some(command),
        }
    }
    None
}

fn is_shell(program: &str) -> bool {
    matches!(base_name(program), "sh" | "bash" | "zsh" | "dash" | "ksh")
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Snapshot, UnitState};

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    /// The unit starts this, and each run ends with this status.
    fn ended(line: &str, status: i32, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        node(|node| {
            kill_gateway(node);
            first_unit(node).arguments = words(line);
            first_unit(node).program = known(line.split(' ').next().unwrap_or_default().to_owned());
            let runtime = runtime(node);
            (runtime.state, runtime.runs, runtime.last_exit_code) =
                (UnitState::SpawnScheduled, Some(340), Some(status));
            change(node);
        })
    }

    const BY_NAME: &str = "/usr/bin/env node /opt/homebrew/lib/node_modules/openclaw/dist/index.js gateway";

    #[test]
    fn a_command_that_env_does_not_find_explains_a_silent_port() {
        let node = ended(BY_NAME, 127, |_| {});
        let draft = draft(program_unfound, &node);
        assert_eq!(
            draft.summary,
            "`gui/501/ai.openclaw.gateway` cannot start its program: `node` is not found, its last run ended with status 127"
        );
        assert!(draft.evidence.iter().any(|one| one.fact.contains("`/usr/bin:/bin:/usr/sbin:/sbin`")), "{draft:?}");
        assert_eq!(draft.remedy[0].command.as_deref(), Some("command -v node"));
        assert_eq!(root_causes(&node), [Code::UnitProgramMissing]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn a_path_of_the_units_own_is_where_to_look() {
        let own = ended(BY_NAME, 127, |node| {
            first_unit(node).environment_names = words("HOME PATH");
            first_unit(node).outputs = words("/tmp/gw.log");
        });
        let draft = draft(program_unfound, &own);
        assert!(draft.evidence.iter().any(|one| one.fact.starts_with("the unit sets a `PATH` of its own")));
        assert_eq!(draft.remedy[0].command.as_deref(), Some("tail -n 5 /tmp/gw.log"));
    }

    #[test]
    fn what_is_there_and_cannot_be_executed_is_told_apart() {
        let summary = |line, status| draft(program_unfound, &ended(line, status, |_| {})).summary;
        assert!(summary(BY_NAME, 126).contains("`node` is found and cannot be executed"));
        assert!(summary("/bin/zsh /Users/op/start.sh", 126).contains("a command that `/bin/zsh` needs cannot be"));
        let systemd = |status| {
            ended("node /srv/openclaw/dist/index.js gateway", status, |node| {
                first_unit(node).manager = Manager::Systemd;
            })
        };
        assert!(draft(program_unfound, &systemd(203)).summary.contains("systemd cannot execute `node`"));
        assert!(silent(program_unfound, &ended(BY_NAME, 203, |_| {})));
    }

    #[test]
    fn what_is_looked_for_is_read_from_the_words() {
        for (line, name) in [
            (BY_NAME, Some("node")),
            ("/usr/bin/env -u A -i B=c node x.js", Some("node")),
            ("/usr/bin/env /opt/node/bin/node x.js", Some("/opt/node/bin/node")),
            ("/opt/homebrew/bin/openclaw gateway", Some("node")),
            ("openclaw gateway", Some("openclaw")),
            ("/usr/local/bin/portreeve gate --timeout 60 -- node x.js", Some("node")),
            ("/bin/sh /s/gw-env-wrapper.sh /s/gw.env node x.js", Some("node")),
            ("/bin/sh /s/gw-env-wrapper.sh /s/gw.env /n/node x.js", None),
            ("/bin/bash -lc openclaw", None),
            ("/n/node x.js", None),
            ("/usr/bin/env", None),
            ("/usr/local/bin/portreeve gate node", None),
        ] {
            assert_eq!(sought(&words(line)), name, "{line}");
        }
        assert_eq!(sought(&[]), None);
    }

    #[test]
    fn other_ends_and_a_gateway_that_runs_all_the_same_are_none() {
        for status in [0, 1, 78, 128] {
            assert!(silent(program_unfound, &ended(BY_NAME, status, |_| {})), "{status}");
        }
        let signal = ended(BY_NAME, 127, |node| runtime(node).last_signal = Some(9));
        assert!(silent(program_unfound, &signal));
        let past = node(|node| runtime(node).last_exit_code = Some(127));
        assert!(silent(program_unfound, &past));
        let by_hand = node(|node| {
            runtime(node).pid = None;
            runtime(node).last_exit_code = Some(127);
        });
        assert!(silent(program_unfound, &by_hand));
        let seen = ended(BY_NAME, 127, |node| first_unit(node).program_problem = Some("it does not exist".to_owned()));
        assert!(silent(program_unfound, &seen), "the file itself tells more");
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(program_unfound, &healthy()));
        assert!(silent(program_unfound, &ended(BY_NAME, 127, |node| first_unit(node).runtime = denied())));
        assert!(silent(program_unfound, &ended(BY_NAME, 127, |node| runtime(node).last_exit_code = None)));
        assert!(silent(program_unfound, &ended(BY_NAME, 127, |node| node.processes = denied())));
    }
}
