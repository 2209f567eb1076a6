//! `state.uid-drift` of gateways in containers

use super::super::super::command::quote;
use super::super::super::contained::{bring_up, engine_command, name};
use super::mounts::{about, contained};
use super::place::{Source, source};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::namespace::{NamespaceView, StateSeen};

/// Most paths of another owner that are listed.
const MOST_PATHS: usize = 4;

/// `state.uid-drift`: the state belongs to another user than the one that the container runs as.
pub(in super::super) fn uid_drift(context: Context<'_>, out: &mut Vec<Draft>) {
    for (gateway, workload) in contained(context) {
        let Some(view) = workload.view.get() else { continue };
        let Some(state) = view.state.get() else { continue };
        // Who is root in the container may write whatever the file system lets it.
        if view.uid == 0 {
            continue;
        }
        let Some(what) = drift(view, state) else { continue };
        let summary = format!("the state of {} {what}, and it runs as uid {}", name(workload), view.uid);
        let mut draft = about(context, Code::StateUidDrift, gateway, workload, summary, &what, "volumes");
        for (path, uid) in state.foreign.iter().take(MOST_PATHS) {
            draft = draft.seen(format!("`{path}` belongs to uid {uid}"), &view.state);
        }
        let owner = format!("{}:{}", view.uid, view.gid);
        let source = source(context.snapshot, workload);
        draft = match source {
            Some(Source::Path(path)) => {
                draft.command("give it to that user", format!("sudo chown -R {owner} {}", quote(&path)))
            }
            Some(Source::Volume { name, below, .. }) => {
                let mount = format!("{name}:/state");
                let (image, state) = (&workload.image.reference, format!("/state{below}"));
                let arguments = format!(
                    "run --rm -u 0 --entrypoint chown -v {} {} -R {owner} {}",
                    quote(&mount),
                    quote(image),
                    quote(&state)
                );
                draft.command("give it to that user", engine_command(context.snapshot, workload, &arguments))
            }
            _ => draft.remedy(format!("give `{}` to {owner}", state.path)),
        };
        out.push(draft.command("then start it", bring_up(context.snapshot, workload)));
    }
}

/// How the owner differs, in words.
fn drift(view: &NamespaceView, state: &StateSeen) -> Option<String> {
    let owner = state.stat.uid;
    if !state.writable && owner != view.uid {
        let made_in = state.made_in.as_ref();
        return Some(match made_in {
            Some(folder) => format!("is not there yet, and `{folder}` belongs to uid {owner}"),
            None => format!("belongs to uid {owner}"),
        });
    }
    let (path, uid) = state.foreign.iter().find(|(_, uid)| *uid != view.uid)?;
    Some(format!("has files of uid {uid}, such as `{path}`"))
}
