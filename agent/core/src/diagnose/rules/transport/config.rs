//! `config.invalid`, `config.rolled-back`, `config.unapplied`

use super::super::command::{quote, start};
use super::super::contained::{of, run_at};
use super::super::container::run::refused_to_start;
use super::super::life::{Life, events, life, log_is_shared, recent, seconds, state_of};
use super::refusal::refused;
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::order::Order as _;
use crate::snapshot::{ConfigFacts, ConfigProblem, Expectation, Gateway, event};

/// How long a line of the log counts that quotes the gateway's own reason, in seconds.
const WINDOW_S: i64 = 3_600;

/// How long a roll-back that nobody answered counts, in seconds: seven days.
const ROLLED_BACK_S: i64 = 7 * 86_400;

/// How much later than the replaced copy the restored file may have been written, in seconds.
const RESTORED_S: i64 = 60;

/// `config.invalid`: the configuration does not parse, or the gateway refuses it.
pub(super) fn invalid(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let Some(config) = gateway.config.get() else {
            out.extend(missing(context, gateway));
            continue;
        };
        let mut problems: Vec<(&ConfigProblem, Severity)> = config
            .problems
            .iter()
            .map(|problem| (problem, if problem.fatal { Severity::Error } else { Severity::Warning }))
            .collect();
        problems.order_by_key(|(_, severity)| std::cmp::Reverse(*severity));
        if let Some((first, severity)) = problems.first() {
            out.push(problem(context, gateway, config, first, *severity, problems.len() - 1));
        } else if let Some(draft) = refused(context, gateway, config, |why| {
            about(gateway, config, Code::ConfigInvalid, format!("the gateway refuses `{}`: {why}", config.path))
        }) {
            out.push(draft);
        } else if let Some(what) = wrong_mode(context, gateway, config) {
            out.push(
                about(gateway, config, Code::ConfigInvalid, format!("the gateway refuses `{}`: {what}", config.path))
                    .seen(what, &gateway.config)
                    .command("set it", run_at(context.snapshot, gateway, "config set gateway.mode local")),
            );
        }
    }
}

fn problem(
    context: Context<'_>,
    gateway: &Gateway,
    config: &ConfigFacts,
    problem: &ConfigProblem,
    severity: Severity,
    more: usize,
) -> Draft {
    let place = match (problem.line, problem.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", problem.path),
        (Some(line), None) => format!("{}:{line}", problem.path),
        (None, _) => problem.path.clone(),
    };
    let message = without_place(problem);
    let also = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    let mut draft =
        about(gateway, config, Code::ConfigInvalid, format!("`{place}`: {message}{also}")).severity(severity);
    for other in &config.problems {
        let line = other.line.map_or_else(String::new, |line| format!(":{line}"));
        draft = draft.seen(format!("{}{line}: {}", other.path, other.message), &gateway.config);
    }
    if !log_is_shared(context, gateway) {
        for kind in [event::START_REFUSED, event::START_FAILED] {
            if let Some(event) = recent(context, gateway, kind, WINDOW_S).last() {
                draft = draft.seen(event.text.clone(), &gateway.log);
            }
        }
    }
    if matches!(life(context, gateway), Life::Listening(_)) {
        draft =
            draft.remedy("the running gateway still uses the last good revision: mend the file before its next start");
    }
    let editor = problem
        .line
        .map_or_else(|| quote(&problem.path).into_owned(), |line| format!("+{line} {}", quote(&problem.path)));
    draft.command("mend the line", format!("${{EDITOR:-vi}} {editor}"))
}

/// The message of a problem without the file, line and column that some messages repeat.
fn without_place(problem: &ConfigProblem) -> &str {
    let message = problem.message.trim_end_matches('.');
    let Some(rest) = message.strip_prefix(&format!("`{}` ", problem.path)) else { return message };
    match (problem.line, problem.column) {
        (Some(line), Some(column)) => rest.strip_prefix(&format!("line {line} column {column} ")).unwrap_or(rest),
        _ => rest,
    }
}

/// A unit would start a gateway for which no configuration was ever written, or whose own is gone.
fn missing(context: Context<'_>, gateway: &Gateway) -> Option<Draft> {
    let is_host = of(context.snapshot, gateway).is_none();
    if !gateway.config.is_absent() || !is_host || !is_kept_from_starting(context, gateway) {
        return None;
    }
    let path = &gateway.config.source;
    let summary = format!("`{path}` is missing, and the gateway starts with none");
    Some(
        Draft::new(Code::ConfigInvalid, "config", path.clone(), summary)
            .gateway(gateway)
            .seen(format!("`{path}` is not there"), &gateway.config)
            .remedy("put it back, from `openclaw.json.last-good` or `openclaw.json.bak` beside it or from a backup")
            .remedy("for a gateway that never had one: `openclaw setup`"),
    )
}

/// Why a gateway that should run refuses the mode it finds.
fn wrong_mode(context: Context<'_>, gateway: &Gateway, config: &ConfigFacts) -> Option<String> {
    if !is_kept_from_starting(context, gateway) {
        return None;
    }
    match config.mode.as_deref() {
        Some("local") => None,
        Some(mode) => Some(format!("`gateway.mode` is `{mode}`, a gateway starts with `local` only")),
        None => Some("`gateway.mode` is missing, a gateway starts with `local` only".to_owned()),
    }
}

/// Whether a gateway should run, does not, and is not told to do without a configuration.
fn is_kept_from_starting(context: Context<'_>, gateway: &Gateway) -> bool {
    let workload = of(context.snapshot, gateway);
    let expected = match workload {
        Some(workload) => refused_to_start(context, workload),
        None => gateway.expected.contains(&Expectation::Unit) && life(context, gateway) == Life::Gone,
    };
    let words = workload.iter().flat_map(|workload| &workload.command);
    let allowed = gateway
        .units
        .iter()
        .filter_map(|id| context.snapshot.unit(id))
        .flat_map(|unit| &unit.arguments)
        .chain(words)
        .any(|argument| argument == "--allow-unconfigured");
    expected && !allowed
}

fn about(gateway: &Gateway, config: &ConfigFacts, code: Code, summary: String) -> Draft {
    Draft::new(code, "config", config.path.clone(), summary).gateway(gateway)
}

/// `config.rolled-back`: a start replaced the configuration by the last good copy, and nobody has answered that.
pub(super) fn rolled_back(context: Context<'_>, out: &mut Vec<Draft>) {
    let now = context.snapshot.taken_at;
    for gateway in &context.snapshot.gateways {
        let Some(config) = gateway.config.get() else { continue };
        let copies = state_of(context, gateway).map(|dir| dir.clobbered.as_slice()).unwrap_or_default();
        let Some((copy, at)) = copies.iter().max_by_key(|(_, at)| *at) else { continue };
        let answered = seconds(*at, config.modified) > RESTORED_S;
        if answered || seconds(*at, now) > ROLLED_BACK_S {
            continue;
        }
        let mut draft = about(
            gateway,
            config,
            Code::ConfigRolledBack,
            format!(
                "`{}` was replaced by its last good copy at {at}; what had been written lies in `{copy}`",
                config.path
            ),
        )
        .evidence(format!("`{copy}` was set aside"), copy.clone(), *at)
        .seen(format!("the file in force was last written at {}", config.modified), &gateway.config);
        if let Some(event) = events(gateway, event::CONFIG_AUTO_RESTORED).last() {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        out.push(
            draft
                .command("compare the two", format!("diff {} {}", quote(copy), quote(&config.path)))
                .remedy("set what you want through `openclaw config set`, or let the template keep the `meta` block that OpenClaw wrote")
                .remedy("then restart the gateway"),
        );
    }
}

/// `config.unapplied`: the running gateway uses another revision than the file holds.
pub(super) fn unapplied(context: Context<'_>, out: &mut Vec<Draft>) {
    for gateway in &context.snapshot.gateways {
        let Some(config) = gateway.config.get() else { continue };
        let hello = &gateway.ladder.connect;
        let applied = hello.answer().and_then(|hello| hello.applied_config_hash.as_ref());
        let (Some(applied), Some(written)) = (applied, config.hash.as_ref()) else { continue };
        // Hashes of different schemes cannot be compared.
        let scheme = |hash: &str| hash.rsplit_once(':').map(|(scheme, _)| scheme.to_owned());
        if applied == written || scheme(applied) != scheme(written) {
            continue;
        }
        let mut draft = about(
            gateway,
            config,
            Code::ConfigUnapplied,
            format!("the running gateway uses another revision of `{}` than the file holds", config.path),
        )
        .answered(format!("applied: {applied}"), format!("hello-ok of {}", gateway.ladder.target), hello)
        .seen(format!("written: {written}, last modified {}", config.modified), &gateway.config);
        if let Some(event) = events(gateway, event::CONFIG_CHANGED).last() {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        out.push(match gateway.units.iter().find_map(|id| context.snapshot.unit(id)) {
            Some(unit) => draft.command("restart it at a time that suits", start(unit)),
            None => draft.remedy("restart the gateway at a time that suits"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;
    use crate::snapshot::{FailureKind, Phase};

    fn with_problem(node: &mut Snapshot, fatal: bool) {
        value(&mut gateway(node).config).problems.push(ConfigProblem {
            path: CONFIG.to_owned(),
            line: Some(4),
            column: Some(2),
            message: "expected `,` or `}`".to_owned(),
            fatal,
        });
    }

    #[test]
    fn a_syntax_error_is_named_with_line_and_column() {
        let running = node(|node| with_problem(node, true));
        assert_eq!(draft(invalid, &running).summary, "`/Users/op/.openclaw/openclaw.json:4:2`: expected `,` or `}`");
        assert_eq!(root_causes(&running), [Code::ConfigInvalid]);
        assert_eq!(report(&running).exit_status(false), 78);
        let down = node(|node| {
            with_problem(node, true);
            kill_gateway(node);
            runtime(node).last_exit_code = Some(78);
        });
        assert_eq!(root_causes(&down), [Code::ConfigInvalid]);
    }

    #[test]
    fn a_place_that_the_message_repeats_is_said_once() {
        let node = node(|node| {
            with_problem(node, true);
            value(&mut gateway(node).config).problems[0].message =
                format!("`{CONFIG}` line 4 column 2 is not valid JSON5: EOF parsing object");
        });
        assert_eq!(
            draft(invalid, &node).summary,
            "`/Users/op/.openclaw/openclaw.json:4:2`: is not valid JSON5: EOF parsing object"
        );
    }

    #[test]
    fn what_the_gateway_tolerates_warns() {
        assert_eq!(draft(invalid, &node(|node| with_problem(node, false))).severity, Severity::Warning);
    }

    #[test]
    fn a_mode_that_is_not_local_stops_a_gateway_that_a_unit_should_run() {
        let node = node(|node| {
            kill_gateway(node);
            value(&mut gateway(node).config).mode = None;
        });
        assert!(draft(invalid, &node).summary.contains("`gateway.mode` is missing"));
        assert_eq!(root_causes(&node), [Code::ConfigInvalid]);
    }

    #[test]
    fn a_unit_without_a_configuration_starts_nothing() {
        let gone = |change: fn(&mut Snapshot)| {
            node(|node| {
                kill_gateway(node);
                gateway(node).config = absent();
                change(node);
            })
        };
        let node = gone(|_| ());
        assert!(draft(invalid, &node).summary.contains("is missing, and the gateway starts with none"));
        assert_eq!(root_causes(&node), [Code::ConfigInvalid]);
        let allowed = gone(|node| first_unit(node).arguments.push("--allow-unconfigured".to_owned()));
        let remains = gone(|node| gateway(node).expected = vec![Expectation::Remains]);
        let running = crate::diagnose::fixture::node(|node| gateway(node).config = absent());
        for node in [allowed, remains, running] {
            assert!(silent(invalid, &node));
        }
    }

    #[test]
    fn a_mode_that_is_not_local_stops_a_gateway_in_a_container_too() {
        let ended = |status| {
            let mut node = project::split();
            value(&mut gateway(&mut node).config).mode = Some("remote".to_owned());
            gateway(&mut node).ladder.healthz = failed(Phase::Tcp, FailureKind::Refused);
            project::gateway_workload(&mut node).runtime = Some(project::ended(status));
            node
        };
        assert_eq!(root_causes(&ended(78)), [Code::ConfigInvalid]);
        assert!(silent(invalid, &ended(1)));
    }

    #[test]
    fn a_gateway_that_runs_has_accepted_its_mode() {
        assert!(silent(invalid, &node(|node| value(&mut gateway(node).config).mode = None)));
    }

    fn clobbered(node: &mut Snapshot, seconds: i64) {
        first_state(node).clobbered.push((format!("{CONFIG}.clobbered.1"), ago(seconds)));
        value(&mut gateway(node).config).modified = ago(seconds - 1);
    }

    #[test]
    fn a_template_that_was_rolled_back_is_named_with_its_copy() {
        let node = node(|node| clobbered(node, 3_600));
        let draft = draft(rolled_back, &node);
        assert!(draft.summary.ends_with("lies in `/Users/op/.openclaw/openclaw.json.clobbered.1`"));
        assert_eq!(root_causes(&node), [Code::ConfigRolledBack]);
        assert_eq!(report(&node).exit_status(false), 78);
    }

    #[test]
    fn a_file_written_since_answers_the_roll_back() {
        let mut node = node(|node| clobbered(node, 3_600));
        value(&mut gateway(&mut node).config).modified = ago(60);
        assert!(silent(rolled_back, &node));
        assert!(silent(rolled_back, &crate::diagnose::fixture::node(|node| clobbered(node, 86_400 * 30))));
    }

    #[test]
    fn another_revision_warns_where_hashes_are_of_one_kind() {
        let other = |hash: &str| node(|node| value(&mut gateway(node).config).hash = Some(hash.to_owned()));
        assert_eq!(drafts(unapplied, &other("hmac-sha256:v1:written")).len(), 1);
        assert!(silent(unapplied, &other("sha256:abcd")));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        let no_hello = node(|node| gateway(node).ladder.connect = untried());
        for rule in [invalid, rolled_back, unapplied] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &node(|node| gateway(node).config = denied())));
            assert!(silent(rule, &no_hello));
        }
    }
}
