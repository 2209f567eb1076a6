//! `mirror.icloud`, `mirror.cloud`

use super::super::command::quote;
use super::{Holder, in_force};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Mirror, MirrorKind, MirrorWay};

/// `mirror.icloud`: the state directory lies in iCloud Drive, or in Desktop or Documents while those sync.
pub(super) fn icloud(context: Context<'_>, out: &mut Vec<Draft>) {
    let is_meant = |kind: &MirrorKind| matches!(kind, MirrorKind::Icloud | MirrorKind::DesktopDocuments);
    for (dir, mirror) in in_force(context, is_meant) {
        let (place, from) = match mirror.kind {
            MirrorKind::DesktopDocuments => (format!("`{}`, which iCloud syncs", mirror.root), "Desktop and Documents"),
            _ => ("iCloud Drive".to_owned(), "iCloud Drive"),
        };
        let draft = dir.mirrored(context, Code::MirrorIcloud, mirror, format!("`{}` lies in {place}", dir.path));
        out.push(dir.move_away(context, draft, from));
    }
}

/// `mirror.cloud`: the state directory lies in the folder of a sync client that does not leave it out, or holds such a folder.
pub(super) fn cloud(context: Context<'_>, out: &mut Vec<Draft>) {
    for (dir, mirror) in in_force(context, |kind| matches!(kind, MirrorKind::Provider { .. })) {
        let name = mirror.kind.name();
        let how = match mirror.way {
            MirrorWay::Out => " (it only sends)",
            MirrorWay::Into => " (it only receives)",
            MirrorWay::Both => "",
        };
        if dir.part(&mirror.root) {
            let summary = format!("{name} syncs `{}`, which is a part of `{}`{how}", mirror.root, dir.path);
            let draft = dir.mirrored(context, Code::MirrorCloud, mirror, summary);
            out.push(dir.stop(context, draft).remedy(format!(
                "take that folder out of {name}, on every device: of a state directory only workspaces can be shared"
            )));
            continue;
        }
        let summary = if dir.path == mirror.root {
            format!("`{}` is a folder that {name} syncs{how}", dir.path)
        } else {
            format!("`{}` lies in `{}`, which {name} syncs{how}", dir.path, mirror.root)
        };
        let draft = dir.mirrored(context, Code::MirrorCloud, mirror, summary);
        let draft = leave_out(draft, &dir, mirror);
        out.push(dir.move_away(context, draft, &format!("the folder that {name} syncs")));
    }
}

/// How the client is told to leave the directory out, where it can be told.
fn leave_out(draft: Draft, dir: &Holder<'_>, mirror: &Mirror) -> Draft {
    let path = quote(dir.path);
    let inside = dir.within(&mirror.root);
    let file = |name: &str| format!("{}/{name}", mirror.root.trim_end_matches('/'));
    match (mirror.kind.name(), inside) {
        ("Dropbox", _) if dir.path.contains("/Library/CloudStorage/") => draft.command(
            "let Dropbox leave it out; its copy on the server is removed",
            format!("xattr -w 'com.apple.fileprovider.ignore#P' 1 {path}"),
        ),
        ("Dropbox", Some(_)) if dir.path.starts_with("/Users/") || dir.path.starts_with("/Volumes/") => draft.command(
            "let Dropbox leave it out; its copy on the server is removed",
            format!("xattr -w com.dropbox.ignored 1 {path}"),
        ),
        ("Dropbox", Some(_)) => draft.command(
            "let Dropbox leave it out; its copy on the server is removed",
            format!("attr -s com.dropbox.ignored -V 1 {path}"),
        ),
        ("Syncthing", Some(inside)) => draft.command(
            "let Syncthing leave it out, on every device",
            format!("printf '\\n%s\\n' {} >> {}", quote(&format!("/{inside}")), quote(&file(".stignore"))),
        ),
        ("Resilio Sync", Some(inside)) => draft.remedy(format!(
            "let Resilio Sync leave it out, on every device: add the line `{inside}` to `{}`",
            file(".sync/IgnoreList")
        )),
        ("Nextcloud" | "ownCloud", Some(_)) => draft.remedy(format!(
            "let it leave the folder out: add the line `{}` to the ignored files in its settings",
            dir.base()
        )),
        ("OneDrive", Some(inside)) if !dir.path.contains("/Library/CloudStorage/") => draft.remedy(format!(
            "let it leave the folder out: `skip_dir = \"{inside}\"` in its configuration, then `onedrive --resync`"
        )),
        _ => draft,
    }
}
