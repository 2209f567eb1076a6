use std::sync::{Arc, Barrier};

use super::*;

#[test]
fn files_are_read_for_the_owner_of_the_engine_that_names_them() {
    let of = |engine| reader_of(Path::new("/etc/passwd"), engine, &[]).map(|reader| reader.uid());
    let own = nix::unistd::geteuid().as_raw();
    let user = if own == 0 { 1000 } else { own };
    assert_eq!(of(Some(user)), Some(user), "not for root, whose file it is");
    assert_eq!(of(Some(0)), Some(0));
    assert_eq!(of(None), None);
    assert_eq!(of(Some(user + 1)).is_some(), own == 0, "only root reads as another user would");
}

#[tokio::test]
async fn files_that_never_answer_are_a_blind_spot_and_hold_nothing_up() {
    let project = |name: &str| Project {
        name: name.to_owned(),
        engine: Some("e".to_owned()),
        working_dir: None,
        files: Vec::new(),
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
