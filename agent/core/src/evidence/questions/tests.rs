use super::*;
use crate::diagnose::fixture::*;
use crate::snapshot::{DeviceStanding, ProbeOutcome, event};

fn told(snapshot: &Snapshot, question: Question) -> Answer {
    let gathered = Gathered::of_facts(snapshot, ago(86_400), "they are another node's");
    asked(snapshot, &gathered, question)
}

fn asked(snapshot: &Snapshot, gathered: &Gathered, question: Question) -> Answer {
    answers(snapshot, gathered, ago(86_400)).into_iter().find(|answer| answer.question == question).unwrap()
}

fn says(answer: &Answer, words: &str) {
    assert!(answer.says.iter().chain(&answer.missing).any(|says| says.contains(words)), "no `{words}` in {answer:#?}");
}

#[test]
fn without_a_gateway_nothing_can_be_told() {
    let mut node = healthy();
    node.gateways.clear();
    for question in Question::ALL {
        let answer = told(&node, question);
        assert_eq!((answer.told, answer.missing.len()), (Told::Not, 1), "{answer:#?}");
    }
}

#[test]
fn a_gateway_on_the_host_was_started_by_its_unit() {
    let answer = told(&healthy(), Question::Namespace);
    says(&answer, "in the host's own namespaces, started by ai.openclaw.gateway in the session of user id 501");
    assert!(!answer.evidence.is_empty());
}

#[test]
fn a_gateway_that_no_unit_names_was_started_by_hand() {
    let mut node = healthy();
    node.units.units.clear();
    value(&mut node.processes)[0].supervisor = None;
    value(&mut node.processes)[0].ppid = 77;
    says(&told(&node, Question::Namespace), "pid 77, which no unit names");
}

#[test]
fn of_a_gateway_that_is_gone_the_last_start_is_told() {
    let mut node = healthy();
    kill_gateway(&mut node);
    let answer = told(&node, Question::Namespace);
    says(&answer, "does not run now");
    node.state_dirs.clear();
    let answer = told(&node, Question::Namespace);
    assert_eq!(answer.told, Told::Not, "{answer:#?}");
    says(&answer, "it has written down no start");
}

#[test]
fn a_gateway_in_a_container_is_told_by_its_engine() {
    let answer = told(&project::split(), Question::Namespace);
    says(&answer, "was started in container");
    says(&answer, "in a network namespace of its own");
    let written = told(&project::written(project::split()), Question::Namespace);
    assert_eq!(written.told, Told::Not);
}

#[test]
fn the_source_of_each_readers_token_is_told_with_its_fingerprint() {
    let mut node = healthy();
    let answer = told(&node, Question::TokenSource);
    assert_eq!(answer.told, Told::Wholly, "{answer:#?}");
    assert_eq!(answer.says.len(), 2);
    says(&answer, "and it is the gateway's own");
    first_client(&mut node).credentials.winner = Some(fingerprint("another"));
    says(&told(&node, Question::TokenSource), "and it is NOT the gateway's");
    gateway(&mut node).credentials.blind.push("/etc/secret: permission denied".to_owned());
    assert_eq!(told(&node, Question::TokenSource).told, Told::Partly);
}

#[test]
fn the_order_of_pairing_and_edits_is_told() {
    let mut node = healthy();
    value(&mut gateway(&mut node).pairing).paired[0].approved_at = Some(ago(500_000));
    value(&mut gateway(&mut node).config).modified = ago(500_000);
    node.state_dirs.iter_mut().for_each(|dir| dir.files.clear());
    let quiet = Gathered::default();
    says(&asked(&node, &quiet, Question::PairingFirst), "Neither: since");
    // Saved facts alone prove nothing of the time before.
    assert_eq!(told(&node, Question::PairingFirst).told, Told::Not);
    log_event(&mut node, 600, event::PAIRING_REQUIRED, "pairing required", &[]);
    says(&told(&node, Question::PairingFirst), "Pairing was tried at 2026-11-20 07:50:00 UTC");
    let path = value(&mut gateway(&mut node).config).path.clone();
    gateway(&mut node).credentials.sources[0].path = Some(path);
    value(&mut gateway(&mut node).config).modified = ago(300);
    let answer = told(&node, Question::PairingFirst);
    says(&answer, "Pairing was first tried");
    // An earlier write leaves no trace in a file's time.
    says(&answer, "whether such a place was also written before");
    value(&mut gateway(&mut node).config).modified = ago(900);
    says(&told(&node, Question::PairingFirst), "before pairing was first tried at");
    value(&mut gateway(&mut node).log).events.clear();
    let answer = told(&node, Question::PairingFirst);
    says(&answer, "nothing shows that pairing was tried");
    says(&answer, "whether the secret itself was changed");
}

#[test]
fn the_way_of_each_client_is_told() {
    let mut node = healthy();
    says(&told(&node, Question::Proxy), "No proxy:");
    first_client(&mut node).gateway = None;
    says(&told(&node, Question::Proxy), "leads to nothing that is known on this node");
    first_client(&mut node).url = denied();
    says(&told(&node, Question::Proxy), "permission denied");
    node.clients.clear();
    assert_eq!(told(&node, Question::Proxy).told, Told::Not);
}

#[test]
fn what_is_live_is_a_version_on_the_host_and_a_digest_in_a_container() {
    let mut node = healthy();
    says(&told(&node, Question::Digest), "runs from a package and no image");
    node.installs[0].version = Some("2026.9.5".to_owned());
    says(&told(&node, Question::Digest), "The package on disk is OpenClaw 2026.9.5");
    gateway(&mut node).ladder.connect.outcome = ProbeOutcome::NotTried { why: "no".to_owned() };
    gateway(&mut node).ladder.startupz.outcome = ProbeOutcome::NotTried { why: "no".to_owned() };
    says(&told(&node, Question::Digest), "it did not say what it runs");
    let contained = told(&project::split(), Question::Digest);
    says(&contained, "sha256:");
    assert!(contained.says.len() >= 2, "{contained:#?}");
}

#[test]
fn no_question_panics_whatever_is_missing() {
    let mut node = project::bridged();
    node.workloads.clear();
    node.clients.iter_mut().for_each(|client| client.device = absent::<DeviceStanding>());
    for question in Question::ALL {
        told(&node, question);
    }
}
