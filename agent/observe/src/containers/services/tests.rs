use std::sync::{Arc, Barrier};

use super::*;

#[test]
fn files_are_read_for_the_owner_of_the_engine_that_names_them() {
    let of = |engine| reader_of(Path::new("/etc/passwd"), engine, &[]).map(|reader| reader.map(|reader| reader.uid()));
    let own = nix::unistd::geteuid().as_raw();
    let user = if own == 0 { 1000 } else { own };
    assert_eq!(of(Some(user)), Ok(Some(user)), "not for root, whose file it is");
    assert_eq!(of(Some(0)), Ok(Some(0)));
    assert_eq!(of(None), Err("whose engine names them is not known".to_owned()));
    assert_eq!(of(Some(user + 1)).is_ok(), own == 0, "only root reads as another user would");
    assert!(reader_of(Path::new("/none/compose.yaml"), Some(0), &[]).is_ok_and(|reader| reader.is_none()), "gone");
}

#[test]
fn files_that_nobody_may_be_read_for_are_a_blind_spot() {
    let project = Project {
        name: "claw".to_owned(),
        engine: Some("e".to_owned()),
        working_dir: None,
        files: vec!["/srv/claw/compose.yaml".to_owned()],
        env_files: Vec::new(),
        problems: Vec::new(),
    };
    let asked = Asked { index: 0, project, engine: "e".to_owned(), owner: None };
    let Err(blind) = read(&asked, &[], FingerprintKey::new(&[7; 32]).unwrap(), Timestamp::UNIX_EPOCH) else {
        panic!("it was read for somebody")
    };
    assert_eq!(blind.what, "files of project claw");
    assert!(!blind.readiness, "what runs is seen without them");
}

#[tokio::test]
async fn files_that_never_answer_are_a_blind_spot_and_hold_nothing_up() {
    let project = |name: &str| Project {
        name: name.to_owned(),
        engine: Some("e".to_owned()),
        working_dir: None,
        files: Vec::new(),
        env_files: Vec::new(),
        problems: Vec::new(),
    };
    let asked = |name| Asked { index: 0, project: project(name), engine: "e".to_owned(), owner: None };
    let answers = Arc::new(Barrier::new(2));
    let mount = Arc::clone(&answers);
    let read = move |asked: &Asked| {
        if asked.project.name == "dead" {
            mount.wait();
        }
    };
    let said = in_time(vec![asked("dead"), asked("live")], Duration::from_millis(500), read).await;
    answers.wait();
    let [(_, Err(blind)), (_, Ok(()))] = &said[..] else {
        panic!("{:?}", said.iter().map(|(_, said)| said).collect::<Vec<_>>())
    };
    assert_eq!((blind.what.as_str(), blind.why.as_str()), ("files of project dead", "no answer within 500 ms"));
}

#[test]
fn a_command_line_counts_whatever_its_profiles_are() {
    let of = |command: &str, profiles: &[&str]| {
        let words = command.split(' ').map(str::to_owned).collect();
        let definition = portreeve_facts::workload::Definition { command: Some(words), ..Default::default() };
        let mut workload = crate::engine::test_workload("one", &definition);
        workload.profiles = profiles.iter().map(|profile| (*profile).to_owned()).collect();
        workload
    };
    assert!(is_used(&of("openclaw channels status", &[])));
    assert!(is_used(&of("openclaw channels status", &["tools"])));
    assert!(is_used(&of("openclaw node run", &[])));
    assert!(!is_used(&of("openclaw node run", &["edge"])), "nobody asked for it to run");
    assert!(!is_used(&of("openclaw gateway run", &["spare"])));
    assert!(!is_used(&of("nginx", &[])));
}

#[test]
fn the_probe_is_given_the_names_whose_addresses_are_known() {
    let line = |text: &str| hosts_line(&HostsEntry::parse(text));
    assert_eq!(line("gateway=127.0.0.1").as_deref(), Some("gateway:127.0.0.1"));
    assert_eq!(line("gateway=[fd00::2]").as_deref(), Some("gateway:fd00::2"));
    assert_eq!(line("host.docker.internal:host-gateway").as_deref(), Some("host.docker.internal:host-gateway"));
    assert_eq!(line("gateway=${ADDRESS}"), None);
}
