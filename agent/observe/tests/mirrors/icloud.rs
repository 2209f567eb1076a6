//! iCloud Drive, Desktop and Documents.

use portreeve_core::snapshot::MirrorKind;

use crate::{EPERM, World, in_force};

#[test]
fn below_mobile_documents_it_syncs() {
    let world = World::new();
    let state = world.state("Library/Mobile Documents/com~apple~CloudDocs/.openclaw");
    let mirror = world.mirror(&state);
    assert_eq!(in_force(&mirror), Some("icloud"));
    assert!(mirror.root.ends_with("Library/Mobile Documents"));
}

#[test]
fn what_icloud_leaves_alone_stays() {
    let mut world = World::new();
    let named = world.state("Library/Mobile Documents/com~apple~CloudDocs/claw.nosync/.openclaw");
    assert!(world.mirror(&named).excluded.get().unwrap().contains("claw.nosync"));
    let marked = world.state("Library/Mobile Documents/com~apple~CloudDocs/.openclaw");
    world.mark(&marked, "com.apple.fileprovider.ignore#P", b"1");
    assert_eq!(in_force(&world.mirror(&marked)), None);
}

#[test]
fn desktop_and_documents_sync_by_their_attributes() {
    for (name, value) in [
        ("com.apple.icloud.desktop", b"1".as_slice()),
        ("com.apple.file-provider-domain-id", b"com.apple.CloudDocs.iCloudDriveFileProvider/5A1BD0F0"),
    ] {
        let mut world = World::new();
        let state = world.state("Documents/claw/.openclaw");
        world.assert_free(&state);
        world.mark(&world.home().join("Documents"), name, value);
        let mirror = world.mirror(&state);
        assert_eq!((in_force(&mirror), &mirror.kind), (Some("desktop"), &MirrorKind::DesktopDocuments));
        assert!(!mirror.seen.get().unwrap().contains("5A1BD0F0"));
    }
}

#[test]
fn the_setting_of_the_finder_counts_where_it_is_on() {
    let world = World::new();
    let state = world.state("Desktop/.openclaw");
    let plist = |on: bool| format!("<plist><dict><key>FXICloudDriveDesktop</key><{on}/></dict></plist>");
    world.at_home("Library/Preferences/com.apple.finder.plist", plist(false));
    world.assert_free(&state);
    world.at_home("Library/Preferences/com.apple.finder.plist", plist(true));
    assert_eq!(in_force(&world.mirror(&state)), Some("desktop"));
}

#[test]
fn what_the_privacy_protection_hides_cannot_be_told() {
    let mut world = World::new();
    let state = world.state("Documents/.openclaw");
    world.marks.refused.insert(world.home().join("Documents"), EPERM);
    let mirror = world.mirror(&state);
    assert_eq!(mirror.seen.blind(), Some("Full Disk Access is not granted"));
    assert_eq!(in_force(&mirror), None);
}

#[test]
fn a_folder_of_its_domain_elsewhere_syncs_too() {
    let mut world = World::new();
    let state = world.state("Work/.openclaw");
    world.mark(
        &world.home().join("Work"),
        "com.apple.file-provider-domain-id",
        b"com.apple.CloudDocs.iCloudDriveFileProvider/1",
    );
    assert_eq!(in_force(&world.mirror(&state)), Some("icloud"));
}
