//! `state.open`, `state.readonly`, `state.uid-drift`

use super::super::command::quote;
use super::super::life::{events, started};
use super::{about, gateways_of, in_use, is_below, processes_of};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::{Domain, FileStat, StateDir, event};

/// Permission bits of group and world.
const OTHERS: u32 = 0o077;

/// Bits by which group and world pass through a folder.
const PASS: u32 = 0o011;

/// `state.open`: group or world can look into a state directory, or read what lies in it.
pub(super) fn open(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in &context.snapshot.state_dirs {
        let Some(stat) = dir.stat.get().filter(|stat| stat.mode & OTHERS != 0) else { continue };
        let files: Vec<(&String, &FileStat)> = dir
            .files
            .iter()
            .filter_map(|(path, stat)| Some((path, stat.get()?)))
            .filter(|(path, file)| {
                // Behind a folder that lets nobody pass, a file's own bits open nothing.
                file.mode & 0o066 != 0 && stat.mode & PASS != 0 && is_below(dir, path) && holds_secrets(dir, path)
            })
            .collect();
        let also = match files.as_slice() {
            [] => String::new(),
            [(path, file)] => format!(", `{path}` has mode {:04o}", file.mode & 0o7777),
            more => format!(", and {} files in it are open too", more.len()),
        };
        let mut draft = about(
            context,
            Code::StateOpen,
            dir,
            format!("`{}` is open to others: mode {:04o}{also}", dir.path, stat.mode & 0o7777),
        )
        .seen(format!("mode {:04o}", stat.mode & 0o7777), &dir.stat);
        for (path, file) in &files {
            draft = draft.evidence(
                format!("`{path}` has mode {:04o}", file.mode & 0o7777),
                (*path).clone(),
                context.snapshot.taken_at,
            );
        }
        draft = draft.command("close the directory", format!("chmod 700 {}", quote(&dir.path)));
        for (path, _) in files {
            draft = draft.command("close the file", format!("chmod 600 {}", quote(path)));
        }
        out.push(draft);
    }
}

/// Lock coordinators are empty, and the folder that holds them is open in every installation.
fn holds_secrets(dir: &StateDir, path: &str) -> bool {
    let inner = path.strip_prefix(&dir.path).unwrap_or(path).trim_start_matches('/');
    inner != "tmp" && !inner.starts_with("tmp/") && !inner.ends_with(".lock.sqlite")
}

/// `state.readonly`: a gateway cannot write its state directory.
pub(super) fn readonly(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        let refused = gateways_of(context, dir)
            .filter(|gateway| !super::super::life::log_is_shared(context, gateway))
            .find_map(|gateway| {
                let since = processes_of(context, dir).filter_map(|process| started(context, gateway, process)).max();
                [event::READONLY_DATABASE, event::WRITE_DENIED]
                    .into_iter()
                    .flat_map(|kind| events(gateway, kind))
                    .filter(|event| event.at.is_some_and(|at| since.is_none_or(|since| at >= since)))
                    .filter(|event| event.kind == event::READONLY_DATABASE || event.text.contains(&dir.path))
                    .last()
                    .map(|event| (gateway, event))
            });
        let volume = dir.volume.get().filter(|volume| volume.read_only);
        let closed = dir.stat.get().filter(|stat| stat.mode & 0o200 == 0);
        let (what, remedy) = if let Some(volume) = volume {
            (format!("it lies on `{}`, which is mounted read-only", volume.mount_point), None)
        } else if let Some(stat) = closed {
            (
                format!("its mode is {:04o}", stat.mode & 0o7777),
                Some(("let its owner write", format!("chmod 700 {}", quote(&dir.path)))),
            )
        } else if refused.is_some() {
            ("the gateway says that a write was refused".to_owned(), None)
        } else {
            continue;
        };
        let mut draft = about(context, Code::StateReadonly, dir, format!("`{}` cannot be written: {what}", dir.path))
            .seen(what, &dir.volume);
        if let Some((gateway, event)) = refused {
            draft = draft.seen(event.text.clone(), &gateway.log);
        }
        out.push(match remedy {
            Some((text, command)) => draft.command(text, command),
            None => draft.remedy("mount it for writing, or move the state directory; then restart the gateway"),
        });
    }
}

/// `state.uid-drift`: the state belongs to another account than the one its gateway runs as.
pub(super) fn uid_drift(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        let Some(stat) = dir.stat.get() else { continue };
        let running =
            processes_of(context, dir).filter(|process| !process.foreign_pidns).find_map(|process| process.uid);
        let by_unit = gateways_of(context, dir)
            .flat_map(|gateway| &gateway.units)
            .filter_map(|id| context.snapshot.unit(id))
            .find_map(|unit| match unit.domain {
                Domain::User { uid } => Some(uid),
                Domain::System | Domain::EachUser => None,
            });
        let wanted = running.or(by_unit).unwrap_or(stat.uid);
        let strangers: Vec<(&str, u32)> = [(dir.path.as_str(), stat.uid)]
            .into_iter()
            .chain(
                dir.files
                    .iter()
                    .filter(|(path, _)| is_below(dir, path))
                    .filter_map(|(path, stat)| Some((path.as_str(), stat.get()?.uid))),
            )
            .filter(|(_, uid)| *uid != wanted)
            .collect();
        let Some((path, uid)) = strangers.first() else { continue };
        let more = match strangers.len() {
            1 => String::new(),
            count => format!(" (with {} more below `{}`)", count - 1, dir.path),
        };
        let who = if running.is_some() {
            format!("the gateway runs as uid {wanted}")
        } else if by_unit.is_some() {
            format!("the gateway's unit runs as uid {wanted}")
        } else {
            format!("`{}` belongs to uid {wanted}", dir.path)
        };
        let mut draft =
            about(context, Code::StateUidDrift, dir, format!("{who}, and `{path}`{more} belongs to uid {uid}"))
                .seen(format!("`{}` belongs to uid {}", dir.path, stat.uid), &dir.stat);
        for (path, uid) in strangers.iter().take(8) {
            draft = draft.evidence(format!("belongs to uid {uid}"), (*path).to_owned(), context.snapshot.taken_at);
        }
        if running.is_some() {
            draft = draft.seen(format!("the gateway's process has uid {wanted}"), &context.snapshot.processes);
        }
        out.push(
            draft
                .remedy("stop the gateway, and see that it is always run by one account: not once with `sudo`, once without")
                .command("give the state to that account", format!("sudo chown -R {wanted} {}", quote(&dir.path))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Verdict;
    use crate::diagnose::fixture::*;

    #[test]
    fn an_open_directory_warns_with_the_command() {
        let node = node(|node| value(&mut first_state(node).stat).mode = 0o755);
        let draft = draft(open, &node);
        assert_eq!(draft.summary, "`/Users/op/.openclaw` is open to others: mode 0755");
        assert_eq!(draft.remedy[0].command.as_deref(), Some("chmod 700 /Users/op/.openclaw"));
        assert_eq!(report(&node).verdict, Verdict::Degraded);
    }

    #[test]
    fn open_files_count_where_somebody_can_pass() {
        let mut node = node(|node| {
            let dir = first_state(node);
            value(&mut dir.files[0].1).mode = 0o644;
            dir.files.push((format!("{STATE}/tmp"), known(stat(0o755, 7))));
            dir.files.push((format!("{STATE}/tmp/openclaw-501/gateway.state.lock.sqlite"), known(stat(0o644, 8))));
            dir.files.push(("/Users".to_owned(), known(stat(0o755, 9))));
        });
        assert!(silent(open, &node));
        value(&mut first_state(&mut node).stat).mode = 0o711;
        assert_eq!(
            draft(open, &node).summary,
            "`/Users/op/.openclaw` is open to others: mode 0711, `/Users/op/.openclaw/openclaw.json` has mode 0644"
        );
    }

    #[test]
    fn a_volume_that_is_read_only_is_an_error() {
        let node = node(|node| value(&mut first_state(node).volume).read_only = true);
        assert_eq!(
            draft(readonly, &node).summary,
            "`/Users/op/.openclaw` cannot be written: it lies on `/System/Volumes/Data`, which is mounted read-only"
        );
        assert_eq!(root_causes(&node), [Code::StateReadonly]);
    }

    #[test]
    fn what_the_gateway_says_of_this_run_counts() {
        let text = "Gateway failed to start: attempt to write a readonly database";
        assert_eq!(drafts(readonly, &node(|node| log_event(node, 60, event::READONLY_DATABASE, text, &[]))).len(), 1);
        assert!(silent(readonly, &node(|node| log_event(node, 7_000, event::READONLY_DATABASE, text, &[]))));
        let elsewhere = "EACCES: permission denied, open '/etc/x'";
        assert!(silent(readonly, &node(|node| log_event(node, 60, event::WRITE_DENIED, elsewhere, &[]))));
    }

    #[test]
    fn files_left_behind_by_root_drift() {
        let node = node(|node| value(&mut first_state(node).files[1].1).uid = 0);
        assert_eq!(
            draft(uid_drift, &node).summary,
            "the gateway runs as uid 501, and `/Users/op/.openclaw/state/openclaw.sqlite` belongs to uid 0"
        );
        assert_eq!(draft(uid_drift, &node).remedy[1].command.as_deref(), Some("sudo chown -R 501 /Users/op/.openclaw"));
    }

    #[test]
    fn without_a_process_the_unit_tells_who_should_run_it() {
        let node = node(|node| {
            kill_gateway(node);
            value(&mut first_state(node).stat).uid = 0;
        });
        assert!(draft(uid_drift, &node).summary.starts_with("the gateway's unit runs as uid 501"));
    }

    #[test]
    fn folders_above_belong_to_whom_they_will() {
        let node = node(|node| {
            let mut home = stat(0o755, 1);
            home.uid = 0;
            first_state(node).files.push(("/Users".to_owned(), known(home)));
        });
        assert!(silent(uid_drift, &node));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        let hidden = node(|node| {
            let dir = first_state(node);
            (dir.stat, dir.volume) = (denied(), denied());
            gateway(node).log = denied();
        });
        for rule in [open, readonly, uid_drift] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &hidden));
        }
    }
}
