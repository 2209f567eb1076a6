//! How a gateway's service is checked: `compose.health-blind`, `compose.liveness-harsh`

use super::super::{Context, Draft, Rule};
use super::contained::name;
use crate::catalogue::Code;
use crate::snapshot::{HealthQuestion, Healthcheck, Workload, WorkloadRole};

pub(super) const RULES: &[Rule] = &[health_blind, liveness_harsh];

/// What they may raise.
pub(super) const RAISES: &[Code] = &[Code::ComposeHealthBlind, Code::ComposeLivenessHarsh];

/// Milliseconds that a start takes at least where a health check may end it: 12 s with a warm cache and two cores, several times that after
/// an upgrade or with channels.
const START_MS: u64 = 30_000;

/// `compose.health-blind`: the health check proves less than others rely on.
fn health_blind(context: Context<'_>, out: &mut Vec<Draft>) {
    for (workload, check) in checked(context) {
        let waiting: Vec<&Workload> = dependents(context, workload).collect();
        let what = match check.asks {
            HealthQuestion::Process => "only that its process is there or its port is open",
            HealthQuestion::Liveness if !waiting.is_empty() => "only `/healthz`, which is green before it is ready",
            _ => continue,
        };
        let who: Vec<String> =
            waiting.iter().map(|other| format!("`{}`", other.service.as_ref().unwrap_or(&other.name))).collect();
        let rely = match who.as_slice() {
            [] => String::new(),
            [one] => format!(", and {one} waits for that"),
            all => format!(", and {} wait for that", all.join(", ")),
        };
        let summary = format!("the health check of {} proves {what}{rely}", name(workload));
        let mut draft = about(context, Code::ComposeHealthBlind, workload, check, summary);
        for other in waiting {
            let words = format!("{} waits for `service_healthy`", name(other));
            draft = draft.written(words, other.place("depends_on"), context.snapshot.taken_at);
        }
        let port = workload.listens.as_ref().map_or(18_789, |listens| listens.port);
        out.push(draft.remedy("ask `/startupz` for the order of starts, or `/readyz` where channels have to work").remedy(
            format!("such as: `test: [\"CMD\", \"node\", \"-e\", \"fetch('http://127.0.0.1:{port}/startupz').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))\"]`"),
        ));
    }
}

/// Services of the same project that wait until this one is healthy.
fn dependents<'a>(context: Context<'a>, workload: &'a Workload) -> impl Iterator<Item = &'a Workload> {
    context.snapshot.workloads.iter().filter(move |other| {
        other.engine == workload.engine
            && other.project == workload.project
            && other.depends_on.iter().any(|dependency| {
                Some(&dependency.service) == workload.service.as_ref() && dependency.condition == "service_healthy"
            })
    })
}

/// `compose.liveness-harsh`: the health check gives up before a start can be over.
fn liveness_harsh(context: Context<'_>, out: &mut Vec<Draft>) {
    for (workload, check) in checked(context) {
        // A check that is green as soon as there is a process interrupts no start.
        if check.asks == HealthQuestion::Process {
            continue;
        }
        let patience = check.start_period_ms.saturating_add(check.interval_ms.saturating_mul(u64::from(check.retries)));
        if patience >= START_MS {
            continue;
        }
        let summary = format!(
            "the health check of {} calls it unhealthy after {} s, and a start takes longer",
            name(workload),
            patience / 1_000
        );
        let words = format!(
            "start period {} s, {} tries every {} s",
            check.start_period_ms / 1_000,
            check.retries,
            check.interval_ms / 1_000
        );
        let mut draft = about(context, Code::ComposeLivenessHarsh, workload, check, summary).written(
            words,
            workload.place("healthcheck"),
            context.snapshot.taken_at,
        );
        if let Some(runtime) = workload.runtime.as_ref().filter(|runtime| runtime.failing_streak > 0) {
            draft = draft.evidence(
                format!("{} checks in a row failed", runtime.failing_streak),
                workload.engine.clone().unwrap_or_default(),
                context.snapshot.taken_at,
            );
        }
        out.push(draft.remedy("give it a start period of five minutes: `start_period: 5m`"));
    }
}

/// Gateways with a health check that is on.
fn checked(context: Context<'_>) -> impl Iterator<Item = (&Workload, &Healthcheck)> {
    let gateways = context.snapshot.workloads.iter().filter(|workload| workload.role == WorkloadRole::Gateway);
    gateways.filter_map(|workload| Some((workload, workload.healthcheck.as_ref().filter(|check| !check.disabled)?)))
}

fn about(context: Context<'_>, code: Code, workload: &Workload, check: &Healthcheck, summary: String) -> Draft {
    let gateway = context.snapshot.gateways.iter().find(|gateway| gateway.workload.as_ref() == Some(&workload.id));
    let draft = Draft::new(code, "container", workload.id.clone(), summary).workload(workload);
    let draft = gateway.into_iter().fold(draft, Draft::gateway);
    let words = format!("`{}`", check.test.join(" "));
    if check.from_image {
        return draft.evidence(words, format!("image `{}`", workload.image.reference), context.snapshot.taken_at);
    }
    draft.written(words, workload.place("healthcheck.test"), context.snapshot.taken_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::project::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn check(asks: HealthQuestion) -> Healthcheck {
        Healthcheck {
            disabled: false,
            test: vec!["CMD".to_owned(), "check".to_owned()],
            asks,
            interval_ms: 30_000,
            timeout_ms: 5_000,
            start_period_ms: 0,
            retries: 3,
            from_image: false,
        }
    }

    fn asks(asks: HealthQuestion, waits: bool) -> [Snapshot; 2] {
        both(split, |node| {
            gateway_workload(node).healthcheck = Some(check(asks));
            if waits {
                cli_workload(node).depends_on[0].condition = "service_healthy".to_owned();
            }
        })
    }

    #[test]
    fn a_check_of_the_process_proves_nothing() {
        for node in &asks(HealthQuestion::Process, false) {
            assert_eq!(draft(health_blind, node).severity, crate::Severity::Warning);
        }
        let waited = draft(health_blind, &asks(HealthQuestion::Process, true)[0]);
        assert!(waited.summary.ends_with("and `openclaw-cli` waits for that"), "{}", waited.summary);
    }

    #[test]
    fn liveness_is_enough_where_nobody_waits_for_it() {
        assert_eq!(drafts(health_blind, &asks(HealthQuestion::Liveness, true)[1]).len(), 1);
        for node in asks(HealthQuestion::Liveness, false)
            .iter()
            .chain(&asks(HealthQuestion::Startup, true))
            .chain(&asks(HealthQuestion::Unknown, true))
        {
            assert!(silent(health_blind, node));
        }
    }

    #[test]
    fn a_check_that_gives_up_within_a_start_is_harsh() {
        let short = |node: &mut Snapshot| {
            gateway_workload(node).healthcheck =
                Some(Healthcheck { interval_ms: 5_000, retries: 2, ..check(HealthQuestion::Liveness) });
        };
        for node in &both(split, short) {
            assert!(draft(liveness_harsh, node).summary.contains("unhealthy after 10 s"));
        }
        let patient = both(split, |node| {
            short(node);
            gateway_workload(node).healthcheck.as_mut().unwrap().start_period_ms = 300_000;
        });
        let off = both(split, |node| {
            short(node);
            gateway_workload(node).healthcheck.as_mut().unwrap().disabled = true;
        });
        for node in patient.iter().chain(&off).chain(&[split(), written(split())]) {
            assert!(silent(liveness_harsh, node));
        }
    }
}
