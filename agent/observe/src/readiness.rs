//! What readiness rests on, and nothing else: cheap enough to be looked at while a gateway starts.
//!
//! [`look`] gives a [`Snapshot`] with nothing but processes, listeners, lock files and the gateways' answers, for
//! [`portreeve_core::gate::prove`]; [`Watch`] only asks gateways whether they say that they are ready.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::gate::Through;
use portreeve_core::order::Gather as _;
use portreeve_core::snapshot::{Gateway, Listener, Node, Process, Snapshot, StateDir, Unit, UnitInventory};
use portreeve_facts::database;
use portreeve_openclaw::endpoint::Target;
use portreeve_openclaw::environment::Environment;
use portreeve_openclaw::file::Reader;
use portreeve_openclaw::http::{Body, HttpDeadlines, Prober};
use portreeve_openclaw::paths::DatabasePaths;
use portreeve_openclaw::protocol::text::Text;

use crate::gateway::{Begun, Draft, Surroundings};
use crate::host::{self, Asked};
use crate::node::climb::on_port;
use crate::node::ports::known_ports;
use crate::node::processes::{other, processes};
use crate::node::{relevant_units, units};
use crate::process::{self, ProcessTable};
use crate::running::{self, Running};
use crate::site::{Site, Sites};
use crate::state::{self, Place};
use crate::units::Detail;
use crate::{Options, listener, selftest};

/// Most bytes of a state database that are read to learn of a restart.
const MAX_DATABASE_BYTES: u64 = 256 << 20;
/// How long a gateway may take to say whether it is ready.
const QUICK: HttpDeadlines = HttpDeadlines { connect: Duration::from_secs(1), total: Duration::from_secs(2) };
/// Deeper than any chain of wrappers around a gateway.
const MAX_DEPTH: usize = 32;
/// How `OpenClaw` notes the end of a run that is to be started again.
const PLANNED: &str = "planned_restart";

/// What to look at.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Where.
    pub options: &'a Options,
    /// Up to which rung the gateways are asked; not at all where there is none.
    pub through: Option<Through>,
    /// The first process of the command whose gateway is meant; without one each gateway in scope is.
    pub command: Option<u32>,
    /// The look before: what needs no secret is asked at once of the gateways that it saw. Secrets wait for what this look shows.
    pub before: Option<&'a Sighting>,
}

/// What was seen.
#[derive(Debug)]
pub struct Sighting {
    /// The facts. What is not in question was not looked at.
    pub snapshot: Snapshot,
    /// The processes of the command.
    pub family: Option<BTreeSet<u32>>,
    targets: Vec<Target>,
    states: Vec<State>,
}

#[derive(Debug)]
struct State {
    paths: DatabasePaths,
    reader: Reader,
}

/// What is found without asking anybody.
struct Found {
    node: Node,
    table: Fact<ProcessTable>,
    running: BTreeMap<u32, Running>,
    family: Option<BTreeSet<u32>>,
    units: Vec<Unit>,
    dirs: Vec<StateDir>,
    /// The gateways in question.
    drafts: Vec<(Site, Draft)>,
}

/// Looks at the gateways in question.
pub async fn look(question: &Question<'_>) -> Sighting {
    let Question { options, through, command, before } = *question;
    let at = Timestamp::now();
    // What channels need is asked on one connection, once it is known whose it is.
    let is_early = matches!(through, Some(Through::Transport | Through::Auth));
    let known = before.filter(|_| is_early).map(|sighting| sighting.targets.as_slice()).unwrap_or_default();
    let mut begun: Vec<Begun> = known.iter().filter_map(Begun::with).collect();
    let found = tokio::task::spawn_blocking({
        let options = options.clone();
        move || {
            thread::scope(|scope| {
                // Whose socket is whose is the longest look of all; the rest is done beside it.
                let listening = scope.spawn(|| listener::observe(None, &[], at).listeners);
                (find(&options, command, at), joined(listening))
            })
        }
    });
    let (found, listeners) = found.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    let Found { node, table, running, family, units, dirs, mut drafts } = found;

    let heard = |port: u16| match (listeners.get(), listeners.blind()) {
        (Some(all), _) => Ok(on_port(all, port)),
        (None, why) => Err(why.unwrap_or("listeners were not looked at")),
    };
    let target = |draft: &Draft| draft.target(heard(draft.gateway.port).as_deref().unwrap_or_default()).ok();
    if let Some(through) = through {
        let asked: Vec<_> = drafts
            .iter()
            .map(|(site, draft)| {
                let place = target(draft).and_then(|target| begun.iter().position(|begun| begun.is_to(&target)));
                let begun = place.map(|place| begun.swap_remove(place));
                draft.prove(heard(draft.gateway.port), site.uid, through, begun)
            })
            .collect();
        begun.into_iter().for_each(Begun::leave);
        let ladders = futures_util::future::join_all(asked).await;
        for ((_, draft), ladder) in drafts.iter_mut().zip(ladders) {
            draft.gateway.ladder = ladder;
        }
    }
    let targets = drafts.iter().filter_map(|(_, draft)| target(draft)).collect();
    let states =
        drafts.iter().map(|(site, _)| State { paths: DatabasePaths::of(&site.path), reader: site.reader() }).collect();
    let gateways: Vec<Gateway> = drafts.into_iter().map(|(_, draft)| draft.gateway).collect();
    let ports: BTreeSet<u16> = gateways.iter().map(|gateway| gateway.port).gather();
    let listeners = listeners
        .map(|all| all.into_iter().filter(|listener| ports.contains(&listener.port)).collect::<Vec<Listener>>());
    let empty = ProcessTable::default();
    let entries = table.get().unwrap_or(&empty);
    let processes = processes(&table, &running, &listeners, at).map(|processes| with_ancestors(processes, entries, at));
    let mut snapshot = Snapshot {
        processes,
        listeners,
        units: UnitInventory { units, ..UnitInventory::default() },
        state_dirs: dirs,
        gateways,
        ..Snapshot::unseen(at, &options.agent_version, node, "not looked at")
    };
    selftest::apply(&options.data_dir, &mut snapshot);
    Sighting { snapshot, family, targets, states }
}

/// Finds the gateways in question. Blocks, as file systems and service managers do.
fn find(options: &Options, command: Option<u32>, at: Timestamp) -> Found {
    let environment = Environment::all(options.environment.iter().cloned());
    let not_asked = Asked { power: Fact::absent("not looked at", at), file_vault: Fact::absent("not looked at", at) };
    let node = host::observe(&options.key, not_asked, at);
    let mut sites = Sites::find(options, &environment, at);
    let (table, inventory) = thread::scope(|scope| {
        // Above a command there is the gate itself; what is above the gate is its own affair.
        let inventory = command
            .is_none()
            .then(|| scope.spawn(|| units(&node, sites.accounts(), &known_ports(options, &environment), at)));
        (process::table(at), inventory.map(joined))
    });
    let empty = ProcessTable::default();
    let entries = table.get().unwrap_or(&empty);
    let family = command.map(|command| family(entries, command));

    let running = running::observe(entries, &sites, at);
    for process in running.values() {
        sites.claim_gateway(&process.process, process.config_path.as_deref());
    }
    for process in running.values() {
        sites.claim_starting(&process.process);
    }
    let (units, details): (Vec<Unit>, Vec<Detail>) = match inventory {
        Some(inventory) => (relevant_units(&inventory.units, &sites), inventory.details),
        None => (Vec::new(), Vec::new()),
    };
    for unit in &units {
        sites.claim_unit(unit);
    }
    let sites = sites.into_sites();
    let dirs: Vec<StateDir> =
        sites.iter().map(|site| state::ownership(&Place::of(site, &running, entries), entries, at)).collect();
    let around = Surroundings {
        running: &running,
        units: &units,
        details: &details,
        key: &options.key,
        callers_environment: &environment,
        at,
    };
    let is_meant =
        |gateway: &Gateway| family.as_ref().is_none_or(|family| gateway.pids.iter().any(|pid| family.contains(pid)));
    let drafts = sites
        .into_iter()
        .zip(&dirs)
        .filter_map(|(site, dir)| {
            let draft = Draft::of(&site, dir, &around)?;
            Some((site, draft))
        })
        .filter(|(_, draft)| is_meant(&draft.gateway))
        .collect();
    Found { node, table, running, family, units, dirs, drafts }
}

fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A process and all that descend from it.
fn family(entries: &ProcessTable, first: u32) -> BTreeSet<u32> {
    let mut family = BTreeSet::from([first]);
    // A child may have a lower number than its parent, so that one pass need not be enough.
    for _ in 0..MAX_DEPTH {
        let before = family.len();
        let children = entries.entries().iter().filter(|entry| family.contains(&entry.ppid)).map(|entry| entry.pid);
        let children: Vec<u32> = children.collect();
        family.extend(children);
        if family.len() == before {
            break;
        }
    }
    family
}

/// The wrappers between a service and its gateway are neither `OpenClaw`'s nor owners of a port.
fn with_ancestors(mut known: Vec<Process>, entries: &ProcessTable, at: Timestamp) -> Vec<Process> {
    let mut pids: BTreeSet<u32> = known.iter().map(|process| process.pid).gather();
    let mut next: Vec<u32> = known.iter().map(|process| process.ppid).collect();
    for _ in 0..MAX_DEPTH {
        let above: Vec<_> =
            next.iter().filter(|pid| **pid > 1 && pids.insert(**pid)).filter_map(|pid| entries.get(*pid)).collect();
        if above.is_empty() {
            break;
        }
        next = above.iter().map(|entry| entry.ppid).collect();
        known.extend(above.into_iter().map(|entry| other(entry, at)));
    }
    known
}

impl Sighting {
    /// Whether one of these processes noted, in the state of a gateway in question, that it ends to be started again. None where that
    /// cannot be read.
    pub fn planned_restart(&self, pids: &BTreeSet<u32>, since: Timestamp) -> Option<bool> {
        let at = Timestamp::now();
        let mut is_known = true;
        for state in &self.states {
            let read = database::read(&state.paths.state, &state.reader, MAX_DATABASE_BYTES, at);
            if let Some(read) = read.get() {
                let planned = read.boots.rows.iter().any(|boot| {
                    boot.pid.is_some_and(|pid| pids.contains(&pid))
                        && boot.started_at.is_some_and(|started| started >= since)
                        && boot.outcome.as_deref() == Some(PLANNED)
                });
                if planned {
                    return Some(true);
                }
            } else if !read.is_absent() {
                is_known = false;
            }
        }
        is_known.then_some(false)
    }
}

/// Asks gateways whether they say that they are ready. It knows nothing of who answers.
#[derive(Debug, Default)]
pub struct Watch {
    probers: Vec<(String, Prober)>,
    begun: Option<Instant>,
}

impl Watch {
    /// Watches the gateways that were seen; connections to those that were watched before stay open.
    pub async fn follow(&mut self, seen: &Sighting) {
        let mut before = std::mem::take(&mut self.probers);
        for target in &seen.targets {
            let name = target.to_string();
            let known = before.iter().position(|(known, _)| *known == name).map(|at| before.swap_remove(at));
            let prober = match known {
                Some((_, prober)) => Some(prober),
                None => Prober::new(target, QUICK).await.ok(),
            };
            self.probers.extend(prober.map(|prober| (name, prober)));
        }
        self.begun = Some(Instant::now());
    }

    /// Since when it follows the same gateways; none before the first.
    pub fn age(&self) -> Option<Duration> {
        self.begun.map(|begun| begun.elapsed())
    }

    /// Whether there is nobody to ask.
    pub fn is_empty(&self) -> bool {
        self.probers.is_empty()
    }

    /// Whether each says that it is ready; else why not.
    pub async fn says_ready(&self) -> Result<(), String> {
        for (name, prober) in &self.probers {
            let answer = prober
                .readiness()
                .await
                .map_err(|error| format!("{name}: {}", portreeve_facts::file::chain(&error)))?;
            match answer.body {
                Body::Known(ready) if ready.ready && ready.failing.is_empty() && ready.suppressed.is_empty() => {}
                Body::Known(ready) => {
                    let failing: Vec<&str> = ready.failing.iter().chain(&ready.suppressed).map(Text::as_str).collect();
                    let what = if failing.is_empty() { String::new() } else { format!(": {}", failing.join(", ")) };
                    return Err(format!("{name} says that it is not ready{what}"));
                }
                Body::ProxyAttributionRequired | Body::Foreign => {
                    return Err(format!("{name} does not answer as a gateway does"));
                }
            }
        }
        Ok(())
    }
}
