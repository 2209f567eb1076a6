//! A Compose project on a machine with an engine of its own, broken step by step.

use std::time::Duration;

use super::ask::{Said, ask};
use super::fault::{Fault, Until};
use super::files;
use super::peers::{self, Peer};
use super::play::arguments;
use super::stage::ASKING;
use super::step::Step;
use super::words::{SECRETS, Words};
use crate::{Node, OpenClaw, Project, wait_until};

const GATEWAY: &str = "openclaw-gateway";
const CLI: &str = "openclaw-cli";
const LIMIT: Duration = Duration::from_mins(3);

/// What was said of a project.
pub(super) struct Heard {
    pub(super) words: Words,
    pub(super) said: Said,
    pub(super) peers: Vec<Peer>,
}

/// Asks `portreeve` of the project in which a gateway and a command line share a network namespace, once the fault's steps are done to it.
pub(super) fn ask_of(fault: &Fault, openclaw: &OpenClaw, asks_peers: bool) -> Heard {
    let node = Node::take().unwrap();
    let mut project = Project::split(&node, openclaw, "shop", SECRETS[0].1);
    let mut words = Words::new();
    words.set("folder", project.folder().display().to_string());
    words.set("container", project.container(GATEWAY));
    for step in &fault.before {
        project = define(step, project, &words);
    }
    project.save();
    match fault.start {
        Until::Ready => project.up_until_ready(),
        Until::Exit => {
            // The command line waits for the gateway, and cannot share the namespace of one that has ended.
            project.command(&["up", "--detach", GATEWAY]).output().unwrap();
            project.wait_until_exit(GATEWAY);
        }
        Until::Owner => project.up(&[GATEWAY]),
        Until::Never => {}
    }
    for step in &fault.step {
        project = define(step, project, &words);
    }
    project.save();
    let lints = fault.command.first().is_some_and(|word| word == "lint");
    let mut command = project.portreeve().command();
    command.args(arguments(&fault.command).iter().map(|word| words.text(word)));
    if lints {
        command.arg(project.folder());
    } else {
        command.arg("--home").arg(node.work().join("home"));
    }
    let said = ask(command, ASKING);
    let peers = if asks_peers {
        peers::ask_all(&words, |arguments| {
            project.command(&[&["run", "--rm", "-T", "--no-deps", CLI], arguments].concat())
        })
    } else {
        Vec::new()
    };
    Heard { words, said, peers }
}

fn define<'a>(step: &Step, project: Project<'a>, words: &Words) -> Project<'a> {
    match step {
        Step::SetCompose(change) => return project.set(&words.text(&change.key), words.value(&change.value)),
        Step::UnsetCompose(key) => return project.unset(&key.key),
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
        step if files::apply(step, words) => {}
        other => panic!("this step goes with another base: {other:?}"),
    }
    project
}
