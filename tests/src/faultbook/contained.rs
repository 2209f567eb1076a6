//! A Compose project on a machine with an engine of its own, broken step by step.

use std::path::Path;
use std::time::{Duration, Instant};

use super::ask::{Said, ask};
use super::fault::{Fault, Until};
use super::files;
use super::peers::{self, Peer};
use super::play::{Asked, arguments, ask_at_rest, milliseconds};
use super::stage::ASKING;
use super::step::Step;
use super::words::{SECRETS, Words};
use crate::{Builder, Gateway, Node, OpenClaw, Project, wait_until};

const GATEWAY: &str = "openclaw-gateway";
const CLI: &str = "openclaw-cli";
const LIMIT: Duration = Duration::from_mins(3);

/// What was said of a project.
pub(super) struct Heard {
    pub(super) words: Words,
    pub(super) asked: Asked,
    pub(super) peers: Vec<Peer>,
    pub(super) set_up_ms: u64,
}

/// Asks `portreeve` of the project in which a gateway and a command line share a network namespace, once the fault's steps are done to it.
pub(super) fn ask_of(fault: &Fault, openclaw: &OpenClaw, asks_peers: bool) -> Heard {
    let node = Node::take().unwrap();
    let start = Instant::now();
    let mut words = Words::new();
    words.set("work", node.work().display().to_string());
    words.set("modules", openclaw.modules().display().to_string());
    // The engine remembers what happened to containers by their names.
    let name = format!("shop-{}", fault.id.trim_start_matches("compose-"));
    let mut bench = Bench::new(&node, openclaw, &name, words);
    bench.play(fault);
    let set_up_ms = milliseconds(start);
    let asked = ask_at_rest(fault, || bench.portreeve(&fault.command));
    let peers = if asks_peers { bench.peers() } else { Vec::new() };
    Heard { words: bench.words, asked, peers, set_up_ms }
}

/// What is set up on a machine with an engine. It goes with its machine.
struct Bench<'a> {
    node: &'a Node,
    openclaw: &'a OpenClaw,
    project: Project<'a>,
    host: Option<Gateway>,
    words: Words,
}

impl<'a> Bench<'a> {
    fn new(node: &'a Node, openclaw: &'a OpenClaw, name: &str, mut words: Words) -> Self {
        let project = Project::split(node, openclaw, name, SECRETS[0].1);
        words.set("project", name);
        words.set("folder", project.folder().display().to_string());
        words.set("container", project.container(GATEWAY));
        Self { node, openclaw, project, host: None, words }
    }

    fn play(&mut self, fault: &Fault) {
        fault.before.iter().for_each(|step| self.apply(step));
        self.project.save();
        match fault.start {
            Until::Ready => self.project.up_until_ready(),
            Until::Exit => {
                // The command line waits for the gateway, and cannot share the namespace of one that has ended.
                self.project.command(&["up", "--detach", GATEWAY]).output().unwrap();
                self.project.wait_until_exit(GATEWAY);
            }
            Until::Owner => self.project.up(&[GATEWAY]),
            Until::Never => {}
        }
        fault.step.iter().for_each(|step| self.apply(step));
        self.project.save();
    }

    fn apply(&mut self, step: &Step) {
        let (project, words) = (&mut self.project, &self.words);
        match step {
            Step::SetCompose(change) => project.set_in_place(&words.text(&change.key), words.value(&change.value)),
            Step::UnsetCompose(key) => project.unset_in_place(&key.key),
            Step::ProjectFile(file) => project.write(&file.path, &words.text(&file.text)),
            Step::ProjectState(state) => project.state(&state.key, &words.value(&state.value)),
            Step::Up(up) => {
                project.up(&up.services.iter().map(String::as_str).collect::<Vec<_>>());
                if up.until == Until::Ready {
                    project.wait_until_ready(GATEWAY);
                }
            }
            Step::ServiceExit(service) => {
                project.wait_until_exit(&service.service);
            }
            Step::Restarted(restarted) => {
                let container = project.container(&restarted.service);
                wait_until(&format!("{} restarts of {container}", restarted.times), LIMIT, || {
                    project.restarts(&restarted.service).filter(|count| *count >= restarted.times)
                });
            }
            Step::RunService(call) => {
                project.run(&call.service, &call.words.iter().map(String::as_str).collect::<Vec<_>>());
            }
            Step::HostGateway(wanted) => self.start_on_host(wanted.port),
            step => assert!(files::apply(step, words), "this step goes with another base: {step:?}"),
        }
    }

    fn start_on_host(&mut self, port: u16) {
        let builder = Builder::new(self.openclaw).token(SECRETS[0].1).port(port).through(self.node.prefix());
        let mut gateway = builder.build();
        gateway.start_until_ready();
        self.words.set("home", gateway.home().display().to_string());
        self.words.set("state", gateway.state().display().to_string());
        self.host = Some(gateway);
    }

    fn portreeve(&self, command: &[String]) -> Said {
        let mut asked = self.project.portreeve().command();
        asked.args(arguments(command).iter().map(|word| self.words.text(word)));
        if command.first().is_some_and(|word| word == "lint") {
            asked.arg(self.project.folder());
        } else {
            asked.arg("--home").arg(self.node.work().join("home"));
            asked.args(self.host.iter().flat_map(|gateway| [Path::new("--home"), gateway.home()]));
        }
        ask(asked, ASKING)
    }

    /// What the command line says in a container of its service, and what that of a gateway beside the engine says.
    fn peers(&self) -> Vec<Peer> {
        let mut peers = peers::ask_all(&self.words, |arguments| {
            self.project.command(&[&["run", "--rm", "-T", "--no-deps", CLI], arguments].concat())
        });
        if let Some(gateway) = &self.host {
            let own = peers::ask_all(&self.words, |arguments| {
                let mut command = self.openclaw.command(&self.node.prefix(), gateway.home());
                command.args(arguments);
                command
            });
            for (peer, other) in peers.iter_mut().zip(own) {
                peer.join(&other);
            }
        }
        peers
    }
}
