//! What is kept is whole, and nobody else can bend where it is kept.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::{Uid, chown, mkfifo};
use portreeve_store::{Audience, Folder, StoreError, check_program};
use proptest::prelude::*;
use tempfile::TempDir;

const LIMIT: u64 = 1024;

fn scratch() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    // On macOS the temporary folder is reached by a link.
    let path = dir.path().canonicalize().unwrap();
    (dir, path)
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

fn is_untrusted<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Untrusted { .. }))
}

#[test]
fn what_is_missing_is_made_for_its_owner_alone() {
    let (_dir, path) = scratch();
    let folder = Folder::create(&path.join("a/b")).unwrap();
    folder.write("one", b"1", Audience::Owner).unwrap();
    folder.write("all", b"2", Audience::Everybody).unwrap();
    assert_eq!((mode(&path.join("a")), mode(&path.join("a/b"))), (0o700, 0o700));
    assert_eq!((mode(&path.join("a/b/one")), mode(&path.join("a/b/all"))), (0o600, 0o644));
    assert_eq!(folder.names().unwrap(), ["all", "one"]);
    Folder::create_for(&path.join("public/x"), Audience::Everybody).unwrap();
    assert_eq!((mode(&path.join("public")), mode(&path.join("public/x"))), (0o755, 0o755));
}

#[test]
fn a_file_is_read_as_it_was_written_and_never_without_bound() {
    let (_dir, path) = scratch();
    assert!(Folder::open(&path.join("none")).unwrap().is_none());
    let folder = Folder::create(&path.join("a")).unwrap();
    assert_eq!(folder.read("x", LIMIT).unwrap(), None);
    folder.write("x", &[7; 1024], Audience::Owner).unwrap();
    assert_eq!(folder.read("x", LIMIT).unwrap().unwrap().len(), 1024);
    folder.append("x", b"!").unwrap();
    assert!(matches!(folder.read("x", LIMIT), Err(StoreError::TooLong { limit: LIMIT, .. })));
    folder.remove("x").unwrap();
    folder.remove("x").unwrap();
    assert_eq!(folder.read("x", LIMIT).unwrap(), None);
    assert!(folder.add("x", b"first", Audience::Owner).unwrap());
    assert!(!folder.add("x", b"second", Audience::Owner).unwrap());
    assert_eq!(folder.read("x", LIMIT).unwrap().unwrap(), b"first");
    assert_eq!(folder.set_aside("x").unwrap(), "x.damaged");
    assert_eq!(folder.names().unwrap(), ["x.damaged"]);
    folder.write("x", b"{\"a\":", Audience::Owner).unwrap();
    assert!(matches!(folder.read_json::<u32>("x", LIMIT), Err(StoreError::Form { .. })));
    folder.write_json("x", &[1, 2], Audience::Owner).unwrap();
    assert_eq!(folder.read_json::<Vec<u32>>("x", LIMIT).unwrap(), Some(vec![1, 2]));
}

#[test]
fn no_link_is_followed_and_no_fifo_opened() {
    let (_dir, path) = scratch();
    let folder = Folder::create(&path.join("a")).unwrap();
    let other = path.join("other");
    fs::write(&other, "theirs").unwrap();
    symlink(&other, path.join("a/link")).unwrap();
    mkfifo(&path.join("a/fifo"), Mode::S_IRWXU).unwrap();
    for name in ["link", "fifo"] {
        assert!(folder.read(name, LIMIT).is_err(), "{name}");
        assert!(folder.append(name, b"x").is_err(), "{name}");
        folder.write(name, b"ours", Audience::Owner).unwrap();
        assert_eq!(folder.read(name, LIMIT).unwrap().unwrap(), b"ours", "{name}");
    }
    assert_eq!(fs::read_to_string(&other).unwrap(), "theirs");
    assert!(!fs::symlink_metadata(path.join("a/link")).unwrap().is_symlink());
    symlink(path.join("a"), path.join("door")).unwrap();
    assert!(is_untrusted(&Folder::create(&path.join("door"))), "the folder itself is a link");
    Folder::create(&path.join("door/in")).expect("a link of ours on the way is no danger");
}

#[test]
fn where_others_write_nothing_is_kept() {
    let (_dir, path) = scratch();
    let open = path.join("open");
    fs::create_dir(&open).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    assert!(is_untrusted(&Folder::create(&open)));
    assert!(is_untrusted(&Folder::create(&open.join("below"))));
    assert!(is_untrusted(&Folder::open(&open.join("below"))));
    assert!(!open.join("below").exists());
    fs::set_permissions(&open, Permissions::from_mode(0o1777)).unwrap();
    assert!(is_untrusted(&Folder::create(&open)), "everybody could add files of theirs");
    Folder::create(&open.join("below/deep")).expect("what is ours stays ours below a sticky folder");
}

#[test]
fn what_another_user_owns_is_not_trusted() {
    if !Uid::effective().is_root() {
        eprintln!("skipped: only the superuser can give a folder away");
        return;
    }
    let (_dir, path) = scratch();
    let theirs = path.join("theirs");
    fs::create_dir(&theirs).unwrap();
    let folder = Folder::create(&path.join("ours")).unwrap();
    folder.write("file", b"x", Audience::Owner).unwrap();
    let stranger = Some(Uid::from_raw(12_345));
    chown(&theirs, stranger, None).unwrap();
    chown(&path.join("ours/file"), stranger, None).unwrap();
    symlink(path.join("ours"), path.join("lure")).unwrap();
    std::os::unix::fs::lchown(path.join("lure"), Some(12_345), None).unwrap();
    assert!(is_untrusted(&Folder::create(&theirs)));
    assert!(is_untrusted(&Folder::create(&theirs.join("below"))));
    assert!(is_untrusted(&folder.read("file", LIMIT)));
    assert!(is_untrusted(&Folder::open(&path.join("lure/x"))));
}

#[test]
fn a_program_that_others_can_change_is_named() {
    let (_dir, path) = scratch();
    let owner = fs::metadata(&path).unwrap().uid();
    let folder = path.join("bin");
    fs::create_dir(&folder).unwrap();
    let program = folder.join("node");
    fs::write(&program, "").unwrap();
    let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let why = |program: &Path| check_program(program, owner).unwrap_err().to_string();
    set(&program, 0o755);
    check_program(&program, owner).unwrap();
    let link = path.join("link");
    symlink("bin/../bin/node", &link).unwrap();
    check_program(&link, owner).unwrap();

    set(&program, 0o757);
    assert!(why(&link).ends_with("bin/node` cannot be trusted: everybody can write it"), "{}", why(&link));
    set(&program, 0o755);
    set(&folder, 0o777);
    assert!(why(&program).ends_with("bin` cannot be trusted: everybody can write it"), "{}", why(&program));
    set(&folder, 0o755);

    assert!(why(Path::new("node")).ends_with("so that `PATH` decides"));
    assert!(why(&path.join("absent/node")).ends_with("absent/node`"));
    assert!(why(&folder).ends_with("it is no file"));
    symlink("loop", path.join("loop")).unwrap();
    assert!(why(&path.join("loop")).ends_with("too many links"));
    if owner != 0 {
        assert!(check_program(&program, 0).unwrap_err().to_string().ends_with(&format!("it belongs to user {owner}")));
    }
}

#[test]
fn one_process_holds_a_lock_and_is_named() {
    let (_dir, path) = scratch();
    let folder = Folder::create(&path.join("a")).unwrap();
    let held = folder.lock("lock", Duration::ZERO).unwrap();
    match folder.lock("lock", Duration::from_millis(50)) {
        Err(StoreError::Held { holder, .. }) => assert_eq!(holder, Some(std::process::id())),
        other => panic!("{other:?}"),
    }
    drop(held);
    folder.lock("lock", Duration::ZERO).unwrap();
}

#[test]
fn what_a_killed_process_left_goes_after_an_hour() {
    let (_dir, path) = scratch();
    Folder::create(&path.join("a")).unwrap();
    let (old, new) = (path.join("a/x.1-0.part"), path.join("a/y.1-0.part"));
    fs::write(&new, "").unwrap();
    let file = fs::File::create(&old).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_hours(2)).unwrap();
    let folder = Folder::create(&path.join("a")).unwrap();
    assert!(!old.exists() && new.exists());
    assert!(folder.names().unwrap().is_empty());
}

proptest! {
    #[test]
    fn a_name_never_leads_elsewhere(name in "[./a\0-]{0,4}|\\PC{0,3}") {
        let (_dir, path) = scratch();
        let folder = Folder::create(&path.join("a")).unwrap();
        if folder.write(&name, b"x", Audience::Owner).is_ok() {
            prop_assert_eq!(folder.read(&name, LIMIT).unwrap(), Some(b"x".to_vec()));
        }
        let beside: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        prop_assert_eq!(beside, ["a"]);
    }
}
