//! What came through a seam that failed is hidden.

use jiff::Timestamp;

use super::{Outcome, Seam, SelfTest};
use crate::Fact;
use crate::fact::Outcome as Told;
use crate::snapshot::{Blind, LockKind, Snapshot, StateDir};

/// The operating system whose releases change what seams tell.
const CHANGES: &str = "macOS";
const REMEDY: &str = "run `portreeve selftest`, and report what it says together with the build";

/// Hides each fact that came through a seam which failed the last self test of this build and agent, and notes what could not be seen;
/// notes that no self test was run where a macOS was not tried. Doing it twice is doing it once.
pub fn mask(snapshot: &mut Snapshot) {
    let system = snapshot.node.system.get();
    let build = system.map(|system| system.build.clone());
    let is_changing = system.is_some_and(|system| system.name == CHANGES);
    let unread = snapshot.selftest.blind().map(str::to_owned);
    let spots = match snapshot.selftest.get() {
        Some(test) if test.covers(build.as_deref(), &snapshot.agent_version) => {
            let hidden: Vec<Hidden> = Hidden::of(test, build.as_deref());
            for one in &hidden {
                hide(snapshot, one);
            }
            hidden.into_iter().map(Hidden::blind).collect()
        }
        None if unread.is_some() => vec![Blind {
            what: "the result of the last self test".to_owned(),
            why: unread.unwrap_or_default(),
            remedy: "run `portreeve selftest`, which writes it anew".to_owned(),
            // Where the agent may keep nothing, it never kept a failure.
            readiness: matches!(snapshot.selftest.outcome, Told::Unreadable { .. }),
        }],
        // An agent of before, or another system, proved nothing of this one.
        _ if is_changing => vec![Blind {
            what: "whether each way of looking works on this system".to_owned(),
            why: format!("no self test was run on build {} with this agent", build.unwrap_or_default()),
            remedy: "run `portreeve selftest` as the same user".to_owned(),
            readiness: false,
        }],
        _ => Vec::new(),
    };
    for spot in spots {
        if !snapshot.blind.contains(&spot) {
            snapshot.blind.push(spot);
        }
    }
}

/// A seam that cannot be relied upon, and why.
struct Hidden {
    seam: Seam,
    why: String,
    at: Timestamp,
}

impl Hidden {
    fn of(test: &SelfTest, build: Option<&str>) -> Vec<Self> {
        let tried = test.system.as_ref().map(|system| system.build.as_str()).or(build).unwrap_or("of unknown name");
        let failed = test.results.iter().filter_map(|result| match &result.outcome {
            Outcome::Failed { expected, seen } => Some((result.seam, expected, seen)),
            Outcome::Passed | Outcome::Skipped { .. } => None,
        });
        failed
            .map(|(seam, expected, seen)| Self {
                seam,
                why: format!(
                    "the self test of {:.0} found that `{seam}` cannot be relied upon on build {tried}: {expected} was \
                     expected, {seen} was seen",
                    test.at
                ),
                at: test.at,
            })
            .collect()
    }

    /// Puts "could not look" in the place of what was told.
    fn fact<T>(&self, fact: &mut Fact<T>) {
        if fact.blind().is_none() {
            *fact = Fact::unreadable(self.why.clone(), "self test", self.at);
        }
    }

    fn blind(self) -> Blind {
        Blind {
            what: format!("what comes through `{}`", self.seam),
            why: self.why,
            remedy: REMEDY.to_owned(),
            readiness: self.seam.bears_on_readiness(),
        }
    }
}

fn hide(snapshot: &mut Snapshot, hidden: &Hidden) {
    match hidden.seam {
        Seam::ListenerV4 | Seam::ListenerV6 | Seam::ListenerWildcard => hidden.fact(&mut snapshot.listeners),
        Seam::Processes | Seam::Stopped => hidden.fact(&mut snapshot.processes),
        Seam::Environment => {
            if let Told::Known { value } = &mut snapshot.processes.outcome {
                for process in value {
                    hidden.fact(&mut process.environment);
                }
            }
        }
        Seam::RecordLock => locks(snapshot, hidden, |kind| kind != LockKind::ExclusiveFile),
        Seam::WalWriter => locks(snapshot, hidden, |kind| kind == LockKind::WalWriter),
        Seam::ExclusionAttribute => {
            if let Told::Known { value } = &mut snapshot.time_machine.outcome {
                value.dirs.iter_mut().for_each(|dir| hidden.fact(&mut dir.excluded));
            }
            snapshot.mirrors.iter_mut().for_each(|mirror| hidden.fact(&mut mirror.excluded));
        }
        Seam::OpenFiles => dirs(snapshot, |dir| hidden.fact(&mut dir.open)),
        Seam::Volume => dirs(snapshot, |dir| hidden.fact(&mut dir.volume)),
        Seam::FileStatus => dirs(snapshot, |dir| {
            hidden.fact(&mut dir.stat);
            dir.files.iter_mut().for_each(|(_, stat)| hidden.fact(stat));
            dir.locks.iter_mut().for_each(|lock| hidden.fact(&mut lock.exists));
        }),
        Seam::Clock => {
            if let Some(kept) = &mut snapshot.node.clock.kept {
                hidden.fact(kept);
            }
        }
        Seam::Uptime => hidden.fact(&mut snapshot.node.host.uptime_s),
        Seam::Identity => hidden.fact(&mut snapshot.node.id),
        Seam::SystemVersion => hidden.fact(&mut snapshot.node.system),
        Seam::HostName => hidden.fact(&mut snapshot.node.hostname),
        Seam::Services => {
            snapshot.units.domains.values_mut().for_each(|count| hidden.fact(count));
            snapshot.units.units.iter_mut().for_each(|unit| hidden.fact(&mut unit.runtime));
        }
        // Accounts lead to other facts and are none; nothing that is observed is locked in the other ways.
        Seam::Accounts | Seam::FileLock | Seam::OpenFileLock => {}
    }
}

fn dirs(snapshot: &mut Snapshot, each: impl FnMut(&mut StateDir)) {
    snapshot.state_dirs.iter_mut().for_each(each);
}

fn locks(snapshot: &mut Snapshot, hidden: &Hidden, is_meant: fn(LockKind) -> bool) {
    for lock in snapshot.state_dirs.iter_mut().flat_map(|dir| &mut dir.locks) {
        hidden.fact(&mut lock.holder_pid);
    }
    for lock in snapshot.lock_waits.iter_mut().flat_map(|wait| &mut wait.locks) {
        if is_meant(lock.kind) {
            hidden.fact(&mut lock.waits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Code;
    use crate::diagnose::fixture::*;
    use crate::gate::{Proof, Through, prove};
    use crate::selftest::{SCHEMA, SeamResult};
    use crate::{Policy, Severity, Verdict};

    /// The healthy node after a self test in which these seams failed.
    fn after(failed: &[Seam]) -> Snapshot {
        let mut node = healthy();
        let outcome = |seam| {
            let wrong = || Outcome::Failed { expected: "pid 7".to_owned(), seen: "nobody".to_owned() };
            if failed.contains(&seam) { wrong() } else { Outcome::Passed }
        };
        let test = SelfTest {
            schema: SCHEMA.to_owned(),
            at: ago(60),
            agent_version: node.agent_version.clone(),
            system: node.node.system.get().cloned(),
            uid: 0,
            results: Seam::ALL
                .into_iter()
                .map(|seam| SeamResult { seam, outcome: outcome(seam), elapsed_ms: 1 })
                .collect(),
        };
        node.selftest = known(test);
        node.lock_waits = vec![waited(LockKind::WalWriter), waited(LockKind::ExclusiveFile)];
        node
    }

    fn waited(kind: LockKind) -> crate::snapshot::LockWait {
        let lock = crate::snapshot::WatchedLock {
            path: format!("{STATE}/x"),
            kind,
            purpose: "database".to_owned(),
            held_for_life: false,
            waits: known(crate::snapshot::Waits::default()),
        };
        crate::snapshot::LockWait {
            state_dir: STATE.to_owned(),
            at: ago(30),
            watched_s: 10.0,
            cpu_percent: None,
            locks: vec![lock],
            file_system: absent(),
        }
    }

    /// Every fact that the seam's failure must hide.
    fn facts(snapshot: &Snapshot, seam: Seam) -> Vec<bool> {
        fn told<T>(fact: &Fact<T>) -> bool {
            fact.blind().is_none()
        }
        let dirs = || snapshot.state_dirs.iter();
        match seam {
            Seam::ListenerV4 | Seam::ListenerV6 | Seam::ListenerWildcard => vec![told(&snapshot.listeners)],
            Seam::Processes | Seam::Stopped => vec![told(&snapshot.processes)],
            Seam::Environment => {
                snapshot.processes.get().unwrap().iter().map(|process| told(&process.environment)).collect()
            }
            Seam::RecordLock | Seam::WalWriter => dirs()
                .flat_map(|dir| &dir.locks)
                .map(|lock| told(&lock.holder_pid))
                .chain([told(&snapshot.lock_waits[0].locks[0].waits)])
                .collect(),
            Seam::ExclusionAttribute => {
                snapshot.time_machine.get().unwrap().dirs.iter().map(|dir| told(&dir.excluded)).collect()
            }
            Seam::OpenFiles => dirs().map(|dir| told(&dir.open)).collect(),
            Seam::Volume => dirs().map(|dir| told(&dir.volume)).collect(),
            Seam::FileStatus => dirs().map(|dir| told(&dir.stat)).collect(),
            Seam::Clock => snapshot.node.clock.kept.iter().map(told).collect(),
            Seam::Uptime => vec![told(&snapshot.node.host.uptime_s)],
            Seam::Identity => vec![told(&snapshot.node.id)],
            Seam::SystemVersion => vec![told(&snapshot.node.system)],
            Seam::HostName => vec![told(&snapshot.node.hostname)],
            Seam::Services => snapshot.units.units.iter().map(|unit| told(&unit.runtime)).collect(),
            Seam::Accounts | Seam::FileLock | Seam::OpenFileLock => Vec::new(),
        }
    }

    #[test]
    fn after_a_self_test_that_passed_nothing_is_hidden() {
        let mut node = after(&[]);
        let before = node.clone();
        mask(&mut node);
        assert_eq!(node, before);
        assert_eq!(report(&node).verdict, Verdict::Ready);
    }

    #[test]
    fn each_seam_that_failed_hides_its_facts_and_the_verdict_is_not_ready() {
        for seam in Seam::ALL {
            let mut node = after(&[seam]);
            node.node
                .clock
                .kept
                .get_or_insert_with(|| known(crate::snapshot::Keeping { synchronised: true, max_error_ms: 0 }));
            assert!(facts(&node, seam).iter().all(|told| *told), "{seam}");
            mask(&mut node);
            assert!(facts(&node, seam).iter().all(|told| !told), "{seam}");
            assert_eq!(node.lock_waits[1].locks[0].waits.blind(), None);
            let report = report(&node);
            let ready = report.verdict == Verdict::Ready;
            assert_eq!(ready, !seam.bears_on_readiness(), "{seam}: {:?} {:?}", report.verdict, report.root_causes);
            assert!(ready || report.verdict == Verdict::Unknown, "{seam}: {:?}", report.root_causes);
            let told = report.findings.iter().find(|finding| finding.summary.contains(&format!("`{seam}`"))).unwrap();
            assert_eq!((told.code, told.severity), (Code::AgentBlind, Severity::Information));
            assert!(told.summary.contains("pid 7 was expected, nobody was seen"), "{}", told.summary);
            let once = node.clone();
            mask(&mut node);
            assert_eq!(node, once, "{seam}");
        }
    }

    #[test]
    fn what_proves_readiness_to_the_gate_is_hidden_too() {
        let proven =
            |node: &Snapshot| matches!(prove(node, &Policy::default(), Through::Transport, None), Proof::Ready(_));
        for seam in [Seam::ListenerV4, Seam::ListenerV6, Seam::ListenerWildcard, Seam::Processes, Seam::Stopped] {
            let mut node = after(&[seam]);
            assert!(proven(&node));
            mask(&mut node);
            assert!(!proven(&node), "{seam}");
        }
    }

    #[test]
    fn what_another_build_or_agent_failed_hides_nothing_but_is_told_on_macos() {
        for change in [
            (|node| node.agent_version = "9.9.9".to_owned()) as fn(&mut Snapshot),
            |node| set_build(node, "macOS", "25C56"),
            |node| node.selftest = absent(),
        ] {
            let mut node = after(&[Seam::ListenerV4]);
            change(&mut node);
            mask(&mut node);
            assert!(node.listeners.get().is_some());
            assert!(matches!(&node.blind[..], [spot] if !spot.readiness && spot.why.contains("no self test")));
            assert_eq!(report(&node).verdict, Verdict::Ready);
        }
        let mut node = after(&[Seam::ListenerV4]);
        set_build(&mut node, "Debian GNU/Linux", "6.1.0-41-arm64");
        mask(&mut node);
        assert!(node.blind.is_empty());
    }

    #[test]
    fn a_result_that_cannot_be_read_may_have_been_a_failure() {
        let mut node = healthy();
        node.selftest = Fact::unreadable("`selftest.json` is damaged", "selftest.json", ago(1));
        mask(&mut node);
        assert_eq!(report(&node).verdict, Verdict::Unknown);
        let mut node = healthy();
        node.selftest = Fact::denied("everybody can write the folder", "selftest.json", ago(1));
        mask(&mut node);
        assert_eq!((report(&node).verdict, node.blind.len()), (Verdict::Ready, 1));
    }

    #[test]
    fn a_failure_holds_while_the_build_is_not_known() {
        let mut node = after(&[Seam::ListenerV4]);
        node.node.system = Fact::unreadable("sysctl", "fixture", now());
        mask(&mut node);
        assert!(node.listeners.blind().unwrap().contains("25B78"));
    }

    fn set_build(node: &mut Snapshot, name: &str, build: &str) {
        node.node.system = known(crate::snapshot::SystemVersion {
            name: name.to_owned(),
            version: "26.2".to_owned(),
            build: build.to_owned(),
        });
    }
}
