//! `mirror.job`

use super::super::command::quote;
use super::{Holder, in_force};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};
use crate::snapshot::{MirrorKind, MirrorWay, Starter};

/// `mirror.job`: a job copies the state directory, or writes into it.
pub(super) fn job(context: Context<'_>, out: &mut Vec<Draft>) {
    for (dir, mirror) in in_force(context, |kind| matches!(kind, MirrorKind::Job { .. })) {
        let MirrorKind::Job { tool, starter } = &mirror.kind else { continue };
        let what = if mirror.root == dir.path { String::new() } else { format!(" with `{}`", mirror.root) };
        let verb = match mirror.way {
            MirrorWay::Out => "copies",
            MirrorWay::Into => "writes into",
            MirrorWay::Both => "syncs, both ways,",
        };
        let severity = if mirror.way == MirrorWay::Out { Severity::Warning } else { Severity::Error };
        let summary = format!("`{tool}`, {}, {verb} `{}`{what}", name(starter), dir.path);
        let mut draft = dir.mirrored(context, Code::MirrorJob, mirror, summary).severity(severity);
        draft = draft.remedy(format!("{}: {}", place(starter), leave_out(tool, &dir)));
        if let Starter::Process { pid } = starter {
            draft = draft.command("see who started it", format!("ps -o pid,ppid,user,lstart,command -p {pid}"));
        }
        if mirror.way != MirrorWay::Out {
            draft = draft.remedy("nothing but OpenClaw may write into a state directory: let it write elsewhere");
        }
        out.push(draft.remedy(
            "back it up in another way: a copy with the gateway stopped, or SQLite's own backup of each database",
        ));
    }
}

fn name(starter: &Starter) -> String {
    match starter {
        Starter::Unit { label, .. } => format!("started by `{label}`"),
        Starter::Cron { path, line: Some(line) } => format!("started by line {line} of `{path}`"),
        Starter::Cron { path, line: None } => format!("started by cron from `{path}`"),
        Starter::Process { pid } => format!("running as pid {pid}"),
        Starter::Session { .. } => "in one of its sessions".to_owned(),
    }
}

fn place(starter: &Starter) -> String {
    match starter {
        Starter::Unit { path, .. } | Starter::Cron { path, line: None } => format!("in `{path}`"),
        Starter::Cron { path, line: Some(line) } => format!("in line {line} of `{path}`"),
        Starter::Process { .. } => "where it is started".to_owned(),
        Starter::Session { path } => format!("in the session that `{path}` describes"),
    }
}

/// The option by which a program leaves the directory out.
fn leave_out(tool: &str, dir: &Holder<'_>) -> String {
    let name = dir.base();
    let option = match tool {
        "rsync" => format!("--exclude={}", quote(&format!("{name}/"))),
        "rclone" => format!("--exclude {}", quote(&format!("{name}/**"))),
        "restic" | "borg" => format!("--exclude {}", quote(dir.path)),
        "duplicati" => format!("--exclude={}", quote(&format!("{}/", dir.path))),
        "kopia" => return format!("leave it out with `kopia policy set --add-ignore {} <folder>`", quote(name)),
        "unison" => return format!("leave it out with the preference `ignore = Name {name}`"),
        "mutagen" => {
            return format!("end the session and create it anew with `--ignore={}`", quote(name));
        }
        "lsyncd" => return format!("leave it out with `exclude = {{ '{name}' }}`"),
        _ => return format!("let it leave `{}` out", dir.path),
    };
    format!("leave it out with `{option}`")
}
