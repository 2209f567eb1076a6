//! Sync clients, each in both answers and where it cannot be told.

use std::fs;
use std::os::unix::fs::symlink;

use portreeve_core::snapshot::MirrorWay;

use crate::{World, in_force};

#[test]
fn cloud_storage_is_named_without_the_account() {
    for (folder, name) in [
        ("Dropbox-Personal", "Dropbox"),
        ("GoogleDrive-op@example.com/My Drive", "Google Drive"),
        ("OneDrive-AcmeInc", "OneDrive"),
        ("Box-Box", "Box"),
        ("Nextcloud-op@cloud.example.com", "Nextcloud"),
    ] {
        let world = World::new();
        let state = world.state(&format!("Library/CloudStorage/{folder}/.openclaw"));
        let mirror = world.mirror(&state);
        assert_eq!(in_force(&mirror), Some(name));
        for text in [&mirror.root, mirror.seen.get().unwrap(), mirror.marker.as_ref().unwrap()] {
            assert!(!text.contains('@') && !text.contains("Acme"), "{text}");
        }
    }
}

#[test]
fn an_ignored_folder_of_a_file_provider_is_left_alone() {
    let mut world = World::new();
    let state = world.state("Library/CloudStorage/Dropbox-Personal/.openclaw");
    world.mark(&state, "com.apple.fileprovider.ignore#P", b"1");
    assert_eq!(in_force(&world.mirror(&state)), None);
    // A name is nothing to Dropbox.
    let named = world.state("Library/CloudStorage/Dropbox-Personal/claw.nosync/.openclaw");
    assert_eq!(in_force(&world.mirror(&named)), Some("Dropbox"));
}

#[test]
fn the_domain_of_another_provider_and_a_placeholder_are_seen() {
    let mut world = World::new();
    let state = world.state("Drive/.openclaw");
    world.mark(
        &world.home().join("Drive"),
        "com.apple.file-provider-domain-id",
        b"com.example.drive.fileprovider/op@example.com",
    );
    let mirror = world.mirror(&state);
    assert_eq!(in_force(&mirror), Some("com.example.drive.fileprovider"));
    let mut world = World::new();
    let state = world.state("x/.openclaw");
    world.marks.dataless.push(state.clone());
    assert_eq!(in_force(&world.mirror(&state)), Some("a file provider"));
}

#[test]
fn dropbox_by_its_settings() {
    let mut world = World::new();
    let state = world.state("Sync/claw/.openclaw");
    let other = world.state(".openclaw");
    let info = format!(r#"{{"personal": {{"path": "{}", "host": 1}}}}"#, world.home().join("Sync").display());
    world.at_home(".dropbox/info.json", info);
    assert_eq!(in_force(&world.mirror(&state)), Some("Dropbox"));
    world.assert_free(&other);
    world.mark(&world.home().join("Sync/claw"), "com.dropbox.ignored", b"1");
    assert!(world.mirror(&state).excluded.get().unwrap().contains("com.dropbox.ignored"));
    world.mark(&world.home().join("Sync/claw"), "com.dropbox.ignored", b"0");
    assert_eq!(in_force(&world.mirror(&state)), Some("Dropbox"));
}

#[test]
fn dropbox_by_its_mark_and_through_a_link() {
    let world = World::new();
    let state = world.state("Old Dropbox/.openclaw");
    world.dir("Old Dropbox/.dropbox.cache");
    symlink(&state, world.home().join(".openclaw")).unwrap();
    let real = fs::canonicalize(world.home().join(".openclaw")).unwrap();
    assert_eq!(in_force(&world.mirror(&real)), Some("Dropbox"));
}

#[test]
fn settings_that_cannot_be_read_hide_folders() {
    for (file, text) in [
        (".dropbox/info.json", "not json"),
        (".config/syncthing/config.xml", "<configuration>"),
        ("Library/Application Support/Syncthing/config.xml", "\u{0}"),
    ] {
        let world = World::new();
        let state = world.state(".openclaw");
        world.at_home(file, text);
        let seen = world.look(&state);
        assert!(seen.blind.iter().any(|spot| spot.readiness && spot.why.contains(file)), "{:#?}", seen.blind);
        assert!(seen.mirrors.is_empty());
    }
}

fn syncthing(world: &World, file: &str, attributes: &str, inner: &str) {
    let path = world.home().join("Sync");
    let text = format!(
        r#"<configuration version="37"><folder id="x" path="{}" {attributes}>{inner}</folder></configuration>"#,
        path.display()
    );
    world.at_home(file, text);
}

#[test]
fn syncthing_by_its_settings() {
    for file in [
        "Library/Application Support/Syncthing/config.xml",
        ".local/state/syncthing/config.xml",
        ".config/syncthing/config.xml",
    ] {
        let world = World::new();
        let state = world.state("Sync/.openclaw");
        syncthing(&world, file, r#"type="sendreceive""#, "<paused>false</paused>");
        let mirror = world.mirror(&state);
        assert_eq!((in_force(&mirror), mirror.way), (Some("Syncthing"), MirrorWay::Both));
        world.assert_free(&world.state(".openclaw"));
        syncthing(&world, file, r#"type="sendonly""#, "");
        assert_eq!(world.mirror(&state).way, MirrorWay::Out);
        syncthing(&world, file, r#"type="sendreceive""#, "<paused>true</paused>");
        assert_eq!(in_force(&world.mirror(&state)), None);
    }
}

#[test]
fn syncthing_by_its_mark_and_what_its_patterns_leave_out() {
    let world = World::new();
    let state = world.state("Sync/.openclaw");
    world.dir("Sync/.stfolder");
    assert_eq!(in_force(&world.mirror(&state)), Some("Syncthing"));
    for ignored in [".openclaw", "/.openclaw", "(?d).openclaw/", "// c\n.openclaw/state\n.openclaw/agents"] {
        world.at_home("Sync/.stignore", ignored);
        assert!(world.mirror(&state).excluded.get().is_some(), "{ignored}");
    }
    for kept in ["", "/other", "!/.openclaw\n.openclaw", ".openclaw/state"] {
        world.at_home("Sync/.stignore", kept);
        assert_eq!(in_force(&world.mirror(&state)), Some("Syncthing"), "{kept}");
    }
    for unclear in ["#include shared.txt", "/.open{claw,}"] {
        world.at_home("Sync/.stignore", unclear);
        assert!(world.mirror(&state).excluded.blind().is_some(), "{unclear}");
    }
}

#[test]
fn a_workspace_that_syncs_is_its_users_business() {
    let world = World::new();
    let state = world.state(".openclaw");
    world.dir(".openclaw/workspace/.stfolder");
    world.assert_free(&state);
}

#[test]
fn a_folder_of_databases_that_syncs_by_itself_is_a_mirror() {
    let world = World::new();
    let state = world.state(".openclaw");
    world.at_home(".openclaw/agents/main/agent/openclaw-agent.sqlite", "x");
    let folder = world.home().join(".openclaw/agents");
    let settings = |inner: &str| {
        let text = format!(
            r#"<configuration version="37"><folder id="x" path="{}" type="sendreceive">{inner}</folder></configuration>"#,
            folder.display()
        );
        world.at_home(".local/state/syncthing/config.xml", text);
    };
    settings("");
    let mirror = world.mirror(&state);
    assert_eq!(in_force(&mirror), Some("Syncthing"));
    assert!(mirror.root.ends_with("/.openclaw/agents"), "{}", mirror.root);
    for (ignored, is_left_out) in
        [("*.sqlite*", true), ("/main", true), ("*", true), ("*.log", false), ("/other", false)]
    {
        world.at_home(".openclaw/agents/.stignore", ignored);
        assert_eq!(in_force(&world.mirror(&state)).is_none(), is_left_out, "{ignored}");
    }
    world.at_home(".openclaw/agents/.stignore", "");
    settings("<paused>true</paused>");
    assert_eq!(in_force(&world.mirror(&state)), None);
}

#[test]
fn a_mark_in_a_folder_of_databases_counts() {
    let world = World::new();
    let state = world.state(".openclaw");
    world.dir(".openclaw/agents/.stfolder");
    assert_eq!(in_force(&world.mirror(&state)), Some("Syncthing"));
}

#[test]
fn resilio_by_its_mark() {
    let world = World::new();
    let state = world.state("Share/.openclaw");
    world.dir("Share/.sync");
    world.assert_free(&state);
    world.at_home("Share/.sync/ID", "x");
    assert_eq!(in_force(&world.mirror(&state)), Some("Resilio Sync"));
    world.at_home("Share/.sync/IgnoreList", "# c\n.openclaw\n");
    assert_eq!(in_force(&world.mirror(&state)), None);
}

#[test]
fn nextcloud_by_its_journal_and_its_settings() {
    let world = World::new();
    let state = world.state("Cloud/.openclaw");
    world.at_home("Cloud/.sync_ee05714b9319.db", "");
    assert_eq!(in_force(&world.mirror(&state)), Some("Nextcloud"));
    for (file, name) in [
        (".config/Nextcloud/nextcloud.cfg", "Nextcloud"),
        ("Library/Preferences/Nextcloud/nextcloud.cfg", "Nextcloud"),
        (".config/ownCloud/owncloud.cfg", "ownCloud"),
    ] {
        let world = World::new();
        let state = world.state("Cloud/.openclaw");
        let settings = |hidden: bool| {
            format!(
                "[Accounts]\n0\\Folders\\1\\localPath={}/\n0\\Folders\\1\\ignoreHiddenFiles={hidden}\n",
                world.home().join("Cloud").display()
            )
        };
        world.at_home(file, settings(false));
        assert_eq!(in_force(&world.mirror(&state)), Some(name));
        world.at_home(file, settings(true));
        assert!(world.mirror(&state).excluded.get().unwrap().contains("hidden"));
    }
}

#[test]
fn what_nextcloud_is_told_to_ignore() {
    let world = World::new();
    let state = world.state("Cloud/.openclaw");
    let folder = world.home().join("Cloud");
    world.at_home(".config/Nextcloud/nextcloud.cfg", format!("0\\Folders\\1\\localPath={}\n", folder.display()));
    world.at_home(".config/Nextcloud/sync-exclude.lst", "*.tmp\n].openclaw\n");
    assert_eq!(in_force(&world.mirror(&state)), None);
}

#[test]
fn onedrive_on_linux() {
    let world = World::new();
    let state = world.state("OneDrive/.openclaw");
    world.at_home(".config/onedrive/config", "skip_dotfiles = \"false\"\n");
    assert_eq!(in_force(&world.mirror(&state)), Some("OneDrive"));
    world.at_home(".config/onedrive/config", "skip_dir = \".openclaw\"\n");
    assert_eq!(in_force(&world.mirror(&state)), None);
}

#[test]
fn older_clients_by_their_folders() {
    for (folder, settings, name) in [
        ("Google Drive", "Library/Application Support/Google/DriveFS", "Google Drive"),
        ("Box Sync", "Library/Application Support/Box Sync", "Box"),
        ("OneDrive", "Library/Group Containers/UBF8T346G9.OneDriveStandaloneSuite", "OneDrive"),
    ] {
        let world = World::new();
        let state = world.state(&format!("{folder}/.openclaw"));
        world.assert_free(&state);
        world.dir(settings);
        assert_eq!(in_force(&world.mirror(&state)), Some(name));
    }
}
