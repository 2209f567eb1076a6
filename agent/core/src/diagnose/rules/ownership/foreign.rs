//! `port.foreign`

use std::net::SocketAddr;

use super::facing::facing;
use crate::catalogue::Code;
use crate::diagnose::rules::contained::{judged_on_host, place_named, run_at};
use crate::diagnose::rules::life::descends;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{FailureKind, Gateway, Listener, Process, ProcessRole};

/// Who listens on a gateway's port.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Listening<'a> {
    /// A gateway, or what may be one.
    Gateway(&'a Process),
    /// A program that is not a gateway.
    Foreign(Option<&'a Process>, Why),
    /// Nobody, or nobody that could be told.
    Unknown,
}

/// By what a program is known to be no gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Executable and arguments.
    Program,
    /// What it answers.
    Answer,
}

/// Runtimes that may run a gateway whose arguments are hidden.
const RUNTIMES: [&str; 3] = ["node", "bun", "deno"];

/// Who listens on a gateway's port, by executable, arguments and answer. The kernel's short name of a process is no identity.
pub(crate) fn listening<'a>(context: Context<'a>, gateway: &Gateway) -> Listening<'a> {
    let snapshot = context.snapshot;
    let mut listeners = facing(snapshot, gateway).peekable();
    if listeners.peek().is_none() {
        return Listening::Unknown;
    }
    // What listens for a published port is the engine's own helper; whose port it is, `port.contended` says.
    if super::claim::publishers(snapshot, gateway.port).next().is_some() {
        return Listening::Unknown;
    }
    let owner = listeners.flat_map(|listener| &listener.pids).find_map(|&pid| snapshot.process(pid));
    let healthz = &gateway.ladder.healthz;
    let not_openclaw = healthz.failure().is_some_and(|failure| {
        matches!(failure.kind, FailureKind::NotHttp | FailureKind::NotOpenClaw | FailureKind::Malformed)
    });
    match owner {
        Some(process) if matches!(process.role, ProcessRole::Gateway | ProcessRole::Bootstrapping) => {
            Listening::Gateway(process)
        }
        owner if not_openclaw => Listening::Foreign(owner, Why::Answer),
        Some(process) if is_told_apart(process) => Listening::Foreign(Some(process), Why::Program),
        Some(_) | None => Listening::Unknown,
    }
}

/// Whether executable or arguments prove that a process is no gateway.
fn is_told_apart(process: &Process) -> bool {
    let Some(program) = process.exe.as_ref().or(process.argv.first()) else { return false };
    let name = program.rsplit('/').next().unwrap_or(program);
    // A runtime whose arguments are hidden may run anything.
    !RUNTIMES.iter().any(|runtime| name.starts_with(runtime)) || process.argv.len() > 1
}

/// `port.foreign`: the listener is not an `OpenClaw` gateway.
pub(super) fn foreign(context: Context<'_>, out: &mut Vec<Draft>) {
    let snapshot = context.snapshot;
    for gateway in judged_on_host(snapshot) {
        let (process, why) = match listening(context, gateway) {
            Listening::Foreign(process, why) => (process, why),
            Listening::Gateway(owner) => {
                out.extend(beside(context, gateway, owner).map(|(at, other)| shadowed(context, gateway, at, other)));
                continue;
            }
            Listening::Unknown => continue,
        };
        let port = gateway.port;
        let who = process.map_or_else(|| "a process that is hidden".to_owned(), process_name);
        let mut draft = Draft::new(
            Code::PortForeign,
            "port",
            port.to_string(),
            format!(
                "port {port} of the gateway in {} is taken by {who}, which is not an OpenClaw gateway",
                place_named(&gateway.id)
            ),
        )
        .gateway(gateway)
        .seen(format!("port {port} is held by {who}"), &snapshot.listeners);
        if let Some(process) = process {
            let program = process.exe.as_deref().unwrap_or("unknown");
            draft = draft.seen(
                format!("pid {}: executable `{program}`, arguments `{}`", process.pid, process.argv.join(" ")),
                &snapshot.processes,
            );
        }
        let healthz = &gateway.ladder.healthz;
        if let (Why::Answer, Some(failure)) = (why, healthz.failure()) {
            draft = draft.answered(failure.message.clone(), format!("GET /healthz on port {port}"), healthz);
        } else if healthz.answer().is_some() {
            draft = draft.answered(
                "some gateway answers through it: it forwards elsewhere",
                format!("GET /healthz on port {port}"),
                healthz,
            );
        }
        draft = draft.remedy(format!("decide which of the two keeps port {port}"));
        draft = match process {
            Some(process) => stop(context, draft, process),
            None => draft.command("to see who it is", format!("sudo lsof -nP -iTCP:{port} -sTCP:LISTEN")),
        };
        out.push(elsewhere(context, draft, gateway));
    }
}

/// A program that is no gateway and listens on the port of one that runs, on another address by which clients look for it.
fn beside<'a>(context: Context<'a>, gateway: &'a Gateway, owner: &'a Process) -> Option<(&'a Listener, &'a Process)> {
    let snapshot = context.snapshot;
    // What else has this port and is told of elsewhere: a proxy before the gateway is there to be met.
    if !gateway.pids.contains(&owner.pid) || snapshot.proxies.iter().any(|route| route.front.port == gateway.port) {
        return None;
    }
    let is_other = |process: &Process| {
        !matches!(process.role, ProcessRole::Gateway | ProcessRole::Bootstrapping)
            && is_told_apart(process)
            && !descends(context, process.pid, owner.pid)
    };
    facing(snapshot, gateway).find_map(|listener| {
        let mut holders = listener.pids.iter().filter_map(|&pid| snapshot.process(pid)).peekable();
        let first = *holders.peek()?;
        holders.all(is_other).then_some((listener, first))
    })
}

/// The finding about a program [`beside`] a gateway.
fn shadowed(context: Context<'_>, gateway: &Gateway, at: &Listener, other: &Process) -> Draft {
    let (snapshot, port) = (context.snapshot, gateway.port);
    let (who, there) = (process_name(other), SocketAddr::new(at.address, port));
    let summary = format!(
        "port {port} of the gateway in {} is taken on {} by {who}, which is not an OpenClaw gateway",
        place_named(&gateway.id),
        at.address
    );
    let own = facing(snapshot, gateway).filter(|listener| listener.pids.iter().any(|pid| gateway.pids.contains(pid)));
    let own: Vec<String> = own.map(|listener| listener.address.to_string()).collect();
    let draft = Draft::new(Code::PortForeign, "port", port.to_string(), summary)
        .gateway(gateway)
        .seen(format!("`{there}` is held by {who}"), &snapshot.listeners)
        .seen(format!("the gateway has port {port} on {} only", own.join(", ")), &snapshot.listeners)
        .remedy(format!("decide which of the two keeps port {port}: clients that look for it at `{there}` or `localhost` may meet the other"));
    elsewhere(context, stop(context, draft, other), gateway)
}

/// How to stop who has the port.
fn stop(context: Context<'_>, draft: Draft, process: &Process) -> Draft {
    let units = &context.snapshot.units.units;
    let unit = units.iter().find(|unit| unit.runtime.get().is_some_and(|runtime| runtime.pid == Some(process.pid)));
    match unit {
        Some(unit) => draft.command(format!("to stop `{}`", unit.id), super::super::command::stop(unit)),
        None => draft.command(format!("to stop {}", process_name(process)), format!("kill {}", process.pid)),
    }
}

/// How to give the gateway another port.
fn elsewhere(context: Context<'_>, draft: Draft, gateway: &Gateway) -> Draft {
    let set = format!("config set gateway.port {}", gateway.port.saturating_add(120));
    draft.command("or move the gateway, and restart it", run_at(context.snapshot, gateway, &set))
}

/// A process, for sentences.
pub(crate) fn process_name(process: &Process) -> String {
    let program = process.exe.as_ref().or(process.argv.first()).map_or("a program", String::as_str);
    format!("pid {} (`{program}`)", process.pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::{Phase, Snapshot};

    fn taken_by(exe: &str, kind: FailureKind) -> Snapshot {
        node(|node| {
            kill_gateway(node);
            add_process(node, foreign_process(99, exe));
            value(&mut node.listeners).push(listener(PORT, 99));
            gateway(node).ladder.healthz = failed(Phase::Http, kind);
        })
    }

    #[test]
    fn a_plain_http_server_is_named_with_pid_and_program() {
        let node = taken_by("/usr/bin/python3", FailureKind::NotOpenClaw);
        let draft = draft(foreign, &node);
        assert_eq!(
            draft.summary,
            "port 18789 of the gateway in `/Users/op/.openclaw` is taken by pid 99 (`/usr/bin/python3`), \
             which is not an OpenClaw gateway"
        );
        assert_eq!(draft.remedy[1].command.as_deref(), Some("kill 99"));
        assert_eq!(root_causes(&node), [Code::PortForeign]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn a_tunnel_is_foreign_even_where_a_gateway_answers_through_it() {
        let node = node(|node| {
            value(&mut node.processes).clear();
            add_process(node, foreign_process(99, "/usr/bin/ssh"));
            for listener in value(&mut node.listeners) {
                listener.pids = vec![99];
            }
        });
        assert!(draft(foreign, &node).evidence.iter().any(|one| one.fact.contains("forwards elsewhere")));
    }

    #[test]
    fn a_hidden_process_is_foreign_only_by_its_answer() {
        let hidden = |kind| {
            node(|node| {
                kill_gateway(node);
                let mut held = listener(PORT, 99);
                held.pids.clear();
                value(&mut node.listeners).push(held);
                gateway(node).ladder.healthz = failed(Phase::Http, kind);
            })
        };
        assert!(draft(foreign, &hidden(FailureKind::NotHttp)).summary.contains("a process that is hidden"));
        assert!(silent(foreign, &hidden(FailureKind::Timeout)));
    }

    #[test]
    fn a_runtime_with_hidden_arguments_may_be_a_gateway() {
        let mut node = taken_by("/opt/homebrew/bin/node", FailureKind::Timeout);
        assert!(silent(foreign, &node));
        value(&mut node.processes)[0].argv = vec!["node".to_owned(), "server.js".to_owned()];
        assert_eq!(drafts(foreign, &node).len(), 1);
    }

    fn beside_on(address: &str, other: Process) -> Snapshot {
        node(|node| {
            let taken = Listener { address: address.parse().unwrap(), ..listener(PORT, other.pid) };
            value(&mut node.listeners).retain(|listener| listener.address != taken.address);
            value(&mut node.listeners).push(taken);
            add_process(node, other);
        })
    }

    #[test]
    fn a_program_on_the_other_loopback_of_a_gateway_that_runs_is_named_with_its_address() {
        let node = beside_on("::1", foreign_process(99, "/usr/bin/python3"));
        assert_eq!(
            draft(foreign, &node).summary,
            "port 18789 of the gateway in `/Users/op/.openclaw` is taken on ::1 by pid 99 (`/usr/bin/python3`), \
             which is not an OpenClaw gateway"
        );
        assert_eq!(root_causes(&node), [Code::PortForeign]);
        assert_eq!(report(&node).exit_status(false), 69);
    }

    #[test]
    fn a_program_on_an_address_that_no_client_of_the_gateway_uses_is_no_rival() {
        for address in ["127.0.0.2", "192.0.2.7"] {
            let node = beside_on(address, foreign_process(99, "/usr/bin/python3"));
            assert!(silent(foreign, &node));
            assert_eq!(report(&node).exit_status(false), 0);
        }
    }

    #[test]
    fn what_the_gateway_started_or_nobody_can_tell_is_not_said_to_be_beside_it() {
        let child = Process { ppid: PID, ..foreign_process(99, "/usr/bin/python3") };
        assert!(silent(foreign, &beside_on("::1", child)));
        assert!(silent(foreign, &beside_on("::1", foreign_process(99, "/usr/bin/node"))));
        let hidden = node(|node| value(&mut node.listeners)[1].pids.clear());
        assert!(silent(foreign, &hidden));
    }

    #[test]
    fn the_short_name_of_a_gateway_is_no_evidence() {
        let node = node(|node| value(&mut node.processes)[0].comm = "python3".to_owned());
        assert!(silent(foreign, &node));
    }

    #[test]
    fn healthy_or_hidden_it_says_nothing() {
        assert!(silent(foreign, &healthy()));
        assert!(silent(foreign, &node(|node| node.listeners = denied())));
        assert!(silent(foreign, &node(|node| node.processes = denied())));
    }
}
