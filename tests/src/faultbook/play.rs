//! One fault, set up and asked about, in a process of its own.

use std::env;
use std::path::Path;
use std::time::Instant;

use portreeve_core::catalogue::Code;
use serde::{Deserialize, Serialize};

use super::ask::Said;
use super::fault::{Base, Fault, Until};
use super::peers::{self, Peer};
use super::score::Answer;
use super::stage::Stage;
use super::step::Step;
use super::words::Words;
use super::{contained, recorded};
use crate::{OpenClaw, is_root};

/// Is 1 where the process has namespaces of its own.
pub(super) const ALONE: &str = "PORTREEVE_FAULTBOOK_ALONE";

/// What came of a fault.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Played {
    /// It was set up, and this was said.
    Asked {
        /// What `portreeve` said.
        answer: Answer,
        /// What `OpenClaw`'s own tools said.
        peers: Vec<Peer>,
        /// Whether they were to be asked; of recorded facts and of files that nobody has deployed they cannot be.
        asked_peers: bool,
        /// How long it took to set it up, in milliseconds.
        set_up_ms: u64,
        /// What earlier answers found that told of the load of this machine, so that it was asked again.
        #[serde(default)]
        of_load: Vec<Code>,
    },
    /// It cannot be set up here.
    Skipped {
        /// Why.
        why: String,
    },
    /// Setting it up failed.
    Broken {
        /// How.
        why: String,
    },
}

/// Sets a fault up and asks.
pub fn play(fault: &Fault, asks_peers: bool) -> Played {
    if let Some(why) = cannot(fault) {
        return Played::Skipped { why };
    }
    let start = Instant::now();
    if fault.base == Base::Snapshot {
        return asked(&Words::new(), &Asked::once(recorded::ask_of(fault)), Vec::new(), asks_peers, 0);
    }
    let Some(openclaw) = OpenClaw::find() else {
        return Played::Skipped { why: "PORTREEVE_OPENCLAW is not set".to_owned() };
    };
    if fault.base == Base::Compose {
        let heard = contained::ask_of(fault, &openclaw, asks_peers && !is_lint(fault));
        return asked(&heard.words, &heard.asked, heard.peers, asks_peers, heard.set_up_ms);
    }
    let mut stage = Stage::new(fault, &openclaw);
    stage.play(fault);
    let set_up = milliseconds(start);
    let own = ask_at_rest(fault, || stage.portreeve(&arguments(&fault.command)));
    let peers = if asks_peers { peers::ask_all(&stage.words, |words| stage.openclaw(words)) } else { Vec::new() };
    asked(&stage.words, &own, peers, asks_peers, set_up)
}

fn asked(words: &Words, own: &Asked, peers: Vec<Peer>, asked_peers: bool, set_up_ms: u64) -> Played {
    let answer = Answer::read(&own.said, |text| words.redact(text));
    Played::Asked { answer, peers, asked_peers, set_up_ms, of_load: own.of_load.clone() }
}

/// The answer that counts, and what made those before it count for nothing.
pub(super) struct Asked {
    said: Said,
    of_load: Vec<Code>,
}

impl Asked {
    fn once(said: Said) -> Self {
        Self { said, of_load: Vec::new() }
    }
}

/// How often is asked where the answer tells of the load of this machine.
pub(super) const TIMES: usize = 4;
/// What is found of any gateway on a machine that is busy with other work.
pub(super) const OF_LOAD: [Code; 4] =
    [Code::AgentBlind, Code::GatewayStalled, Code::GatewayWedged, Code::TransportSlowChallenge];

/// Asks again while the answer tells of a load that is not the fault's.
pub(super) fn ask_at_rest(fault: &Fault, ask: impl Fn() -> Said) -> Asked {
    let mut asked = Asked::once(ask());
    for _ in 1..TIMES {
        let answer = Answer::read(&asked.said, ToOwned::to_owned);
        let told = OF_LOAD.into_iter().filter(|code| !fault.expects(*code) && answer.has(*code));
        let before = asked.of_load.len();
        asked.of_load.extend(told);
        if asked.of_load.len() == before {
            break;
        }
        asked.said = ask();
    }
    asked
}

/// The command with the form that can be read.
pub(super) fn arguments(command: &[String]) -> Vec<String> {
    let mut arguments = command.to_vec();
    if !arguments.iter().any(|word| word == "--json" || word == "--format") {
        arguments.push("--json".to_owned());
    }
    arguments
}

pub(super) fn milliseconds(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Why a fault cannot be set up here; none where it can.
fn cannot(fault: &Fault) -> Option<String> {
    let steps = || fault.before.iter().chain(&fault.step);
    let is_alone = env::var(ALONE).is_ok_and(|value| value == "1");
    if steps().any(|step| matches!(step, Step::Mount(_))) && !is_alone {
        return Some("a mount needs root, and `unshare` of util-linux".to_owned());
    }
    let needs_root = fault.base == Base::Namespaces || steps().any(|step| matches!(step, Step::Chown(_)));
    if needs_root && !is_root() {
        return Some("another user's files and network namespaces need root".to_owned());
    }
    if fault.base == Base::Compose {
        let has_nodes = env::var_os("PORTREEVE_NODES").is_some_and(|nodes| !nodes.is_empty());
        return (!has_nodes || !is_root()).then(|| "there is no container engine: scripts/engine".to_owned());
    }
    let programs = steps().filter_map(|step| match step {
        Step::Proxy(proxy) => Some(proxy.program.name().to_owned()),
        Step::Process { words } => words.first().cloned(),
        Step::Lose { .. } => Some("iptables".to_owned()),
        Step::Certificate(_) => Some("openssl".to_owned()),
        _ => None,
    });
    let folders = ["/usr/sbin", "/usr/bin", "/bin", "/sbin", "/usr/local/bin"];
    let is_there = |program: &str| folders.iter().any(|folder| Path::new(folder).join(program).is_file());
    programs.into_iter().find(|program| !is_there(program)).map(|program| format!("`{program}` is not installed"))
}

/// Whether it starts anything but `portreeve` that needs namespaces of its own.
pub(super) fn wants_to_be_alone(fault: &Fault) -> bool {
    // The engine's machines are found by their process ids.
    fault.base != Base::Compose && fault.base != Base::Snapshot
}

/// Whether files are asked about that nobody has deployed.
pub(super) fn is_lint(fault: &Fault) -> bool {
    fault.command.first().is_some_and(|word| word == "lint")
}

/// Whether a gateway of it ever runs.
pub fn runs_a_gateway(fault: &Fault) -> bool {
    fault.base != Base::Snapshot
        && (fault.start != Until::Never || fault.step.iter().any(|step| matches!(step, Step::Start(_))))
}
