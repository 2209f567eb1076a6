#![expect(clippy::print_stdout, reason = "a skipped test says so")]

use std::os::unix::fs::{chown, symlink};

use portreeve_core::FingerprintKey;

use super::*;

const ALICE: u32 = 4_001;
const BOB: u32 = 4_002;

/// A home with a state directory, both of this user.
fn home(base: &Path, name: &str, uid: u32) -> PathBuf {
    let home = base.join(name);
    let state = home.join(".openclaw");
    fs::create_dir_all(&state).unwrap();
    for path in [&home, &state] {
        chown(path, Some(uid), Some(uid)).unwrap();
    }
    home
}

fn found(homes: &[&PathBuf], base: &Path) -> (Vec<Site>, Vec<Blind>) {
    let options = Options {
        homes: Some(homes.iter().copied().cloned().collect()),
        state_dirs: Vec::new(),
        ports: Vec::new(),
        public_urls: Vec::new(),
        environment: Vec::new(),
        key: FingerprintKey::new(&[7; 32]).unwrap(),
        deadline: Duration::from_secs(1),
        containers: false,
        probe: false,
        deep: false,
        deep_connects: 0,
        probe_dir: None,
        in_container: None,
        series: None,
        lock_window: None,
        data_dir: base.join("data"),
        time_server: None,
        agent_version: "0.1.0".to_owned(),
    };
    let environment = Environment::all([("HOME".to_owned(), "/nonexistent".to_owned())]);
    let mut sites = Sites::find(&options, &environment, Timestamp::UNIX_EPOCH);
    let blind = std::mem::take(&mut sites.blind);
    (sites.into_sites(), blind)
}

#[test]
fn a_link_names_a_directory_of_another_user_only_where_root_made_it() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can make files of other users");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().canonicalize().unwrap();
    let (alice, bob, root) = (home(&base, "alice", ALICE), home(&base, "bob", BOB), base.join("root"));
    fs::create_dir(&root).unwrap();
    let state = alice.join(".openclaw");
    let (of_bob, of_root) = (bob.join(".openclaw-dev"), root.join(".openclaw-dev"));
    for link in [&of_bob, &of_root] {
        symlink(&state, link).unwrap();
    }
    let (sites, blind) = found(&[&root, &bob, &alice], &base);
    let site = sites.iter().find(|site| site.path == state).unwrap();
    assert_eq!((site.profile.as_deref(), &site.config_path), (None, &state.join("openclaw.json")));
    assert_eq!(site.aliases, BTreeSet::from([of_root.to_string_lossy().into_owned()]));
    let missed: Vec<&Blind> = blind.iter().filter(|spot| Path::new(&spot.what) == of_bob).collect();
    assert!(matches!(missed[..], [spot] if !spot.readiness), "{blind:?}");
    assert_eq!(sites.len(), 2, "{sites:?}");
}

#[test]
fn what_lies_beside_or_within_the_root_of_today_is_none_of_a_gateway() {
    let dir = tempfile::tempdir().unwrap();
    let base = dir.path().canonicalize().unwrap();
    let site = |path: &str| Site::bare(base.join(path));
    let (root, former, within) = (site(".openclaw"), site(".clawdbot"), site(".openclaw/.openclaw"));
    fs::create_dir_all(&former.path).unwrap();
    assert!(!former.is_former(), "there is no other root");
    fs::create_dir_all(&within.path).unwrap();
    assert!(former.is_former() && !root.is_former());
    assert!(!within.is_within_another(), "it lies in no state directory");
    fs::write(&root.config_path, "{}").unwrap();
    assert!(within.is_within_another() && !root.is_within_another() && !former.is_within_another());
    assert!(!site(".openclaw-work").is_former());
}
