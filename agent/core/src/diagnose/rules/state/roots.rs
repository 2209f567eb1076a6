//! `state.split-roots`

use std::collections::BTreeMap;

use super::super::life::{seconds, span};
use super::unmerged::is_refused;
use super::{about, gateways_of};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::order::Order as _;
use crate::snapshot::StateDir;

/// How long ago a root may have been written and still be in use, in seconds: seven days.
const RECENT_S: i64 = 7 * 86_400;

/// Names of the default root in this and earlier releases.
const ROOTS: [&str; 3] = [".openclaw", ".clawdbot", ".moltbot"];

/// `state.split-roots`: one user's state is written in more than one place.
pub(super) fn split_roots(context: Context<'_>, out: &mut Vec<Draft>) {
    let mut homes: BTreeMap<&str, Vec<&StateDir>> = BTreeMap::new();
    for dir in &context.snapshot.state_dirs {
        if !is_recent(context, dir) {
            continue;
        }
        if dir.path.contains("/.openclaw/.openclaw") {
            out.push(
                about(
                    context,
                    Code::StateSplitRoots,
                    dir,
                    format!(
                        "`{}` is a root within a root: some process has its home directory set to a state directory",
                        dir.path
                    ),
                )
                .evidence(written(context, dir), dir.path.clone(), context.snapshot.taken_at)
                .remedy("set HOME of that process to the home directory itself, or set OPENCLAW_STATE_DIR")
                .remedy("move what was written to the inner root, with every gateway stopped"),
            );
        } else if let Some(home) = dir.home.as_deref().filter(|_| is_default_root(dir)) {
            homes.entry(home).or_default().push(dir);
        }
    }
    for (home, mut dirs) in homes {
        dirs.order_by_key(|dir| std::cmp::Reverse(dir.last_write));
        let [newest, older @ ..] = dirs.as_slice() else { continue };
        if older.is_empty() || dirs.iter().any(|dir| is_refused(context, dir)) {
            continue;
        }
        let names: Vec<String> = dirs.iter().map(|dir| format!("`{}`", dir.path)).collect();
        let mut draft = about(
            context,
            Code::StateSplitRoots,
            newest,
            format!("{} roots of `{home}` are being written: {}", dirs.len(), names.join(", ")),
        );
        for dir in &dirs {
            draft =
                draft.state_dir(&dir.path).evidence(written(context, dir), dir.path.clone(), context.snapshot.taken_at);
        }
        draft = draft.remedy(match dirs.iter().find(|dir| gateways_of(context, dir).next().is_some()) {
            Some(dir) => {
                format!("this node's gateway uses `{}`: move the others aside once nothing writes them", dir.path)
            }
            None => "decide which one stays, and move the others aside once nothing writes them".to_owned(),
        });
        out.push(draft);
    }
}

fn is_recent(context: Context<'_>, dir: &StateDir) -> bool {
    dir.last_write.is_some_and(|at| seconds(at, context.snapshot.taken_at) <= RECENT_S)
}

fn is_default_root(dir: &StateDir) -> bool {
    let name = dir.path.rsplit('/').next().unwrap_or_default();
    dir.profile.is_none() && ROOTS.contains(&name)
}

fn written(context: Context<'_>, dir: &StateDir) -> String {
    dir.last_write.map_or_else(
        || "not known when it was written".to_owned(),
        |at| format!("written {} ago", span(seconds(at, context.snapshot.taken_at))),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Snapshot;
    use crate::diagnose::fixture::*;

    fn beside(path: &str, seconds: i64) -> Snapshot {
        node(|node| {
            let mut dir = state_dir(path, 500);
            dir.last_write = Some(ago(seconds));
            node.state_dirs.push(dir);
        })
    }

    #[test]
    fn two_roots_of_one_home_that_are_written_are_named() {
        let draft = draft(split_roots, &beside("/Users/op/.clawdbot", 600));
        assert_eq!(
            draft.summary,
            "2 roots of `/Users/op` are being written: `/Users/op/.openclaw`, `/Users/op/.clawdbot`"
        );
        assert!(draft.remedy[0].text.contains("uses `/Users/op/.openclaw`"));
    }

    #[test]
    fn a_root_within_a_root_is_named() {
        assert!(
            draft(split_roots, &beside("/Users/op/.openclaw/.openclaw", 60)).summary.contains("a root within a root")
        );
    }

    #[test]
    fn old_roots_and_profiles_are_no_split() {
        assert!(silent(split_roots, &beside("/Users/op/.clawdbot", 86_400 * 30)));
        assert!(silent(split_roots, &beside("/Users/op/.openclaw-work", 60)));
    }

    #[test]
    fn healthy_or_unknown_it_says_nothing() {
        assert!(silent(split_roots, &healthy()));
        let mut node = beside("/Users/op/.clawdbot", 600);
        node.state_dirs[1].last_write = None;
        assert!(silent(split_roots, &node));
    }
}
