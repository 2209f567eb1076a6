//! `state.db-broken`, `state.wal`, `state.aliased`

use super::super::command::{quote, stop};
use super::super::life::{events, log_is_shared, seconds};
use super::{about, gateways_of, in_use};
use crate::catalogue::Code;
use crate::diagnose::{Context, Draft};
use crate::snapshot::event;

/// How long a word of the gateway about its databases counts, in seconds.
const WINDOW_S: i64 = 86_400;

/// `state.db-broken`: the gateway itself says that a database is broken, or held for maintenance for ever.
pub(super) fn broken(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        let found = gateways_of(context, dir).find_map(|gateway| {
            let shared = log_is_shared(context, gateway);
            let verified = events(gateway, event::DATABASE_VERIFIED).filter_map(|event| event.at).max();
            gateway
                .log
                .get()?
                .events
                .iter()
                .rev()
                .find(|event| {
                    let broken = event.kind == event::DATABASE_MALFORMED
                        || event.text.contains("waiting for agent database maintenance lease")
                        || event.text.contains("Agent database maintenance is in progress");
                    let lately = event.at.is_some_and(|at| {
                        seconds(at, context.snapshot.taken_at) <= WINDOW_S && verified.is_none_or(|good| good < at)
                    });
                    broken && lately && (!shared || event.text.contains(&dir.path))
                })
                .map(|event| (gateway, event))
        });
        let Some((gateway, event)) = found else { continue };
        let mut draft = about(
            context,
            Code::StateDbBroken,
            dir,
            format!(
                "the gateway of `{}` says that a database is unusable: {}",
                dir.path,
                event.text.trim_end_matches('.')
            ),
        )
        .seen(event.text.clone(), &gateway.log)
        .remedy("copy the state directory before anything else");
        for unit in gateway.units.iter().filter_map(|id| context.snapshot.unit(id)) {
            draft = draft.command("stop the gateway: repair works on a database that nobody uses", stop(unit));
        }
        out.push(
            draft
                .command(
                    "let OpenClaw repair it",
                    format!("OPENCLAW_STATE_DIR={} openclaw doctor --fix", quote(&dir.path)),
                )
                .remedy("then start the gateway again"),
        );
    }
}

/// `state.wal`: a write-ahead log has grown, because something keeps its checkpoint from finishing.
pub(super) fn wal(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        for database in &dir.databases {
            let Some(&bytes) = database.wal_bytes.get() else { continue };
            let bar = context.policy.wal_floor_bytes.max(database.bytes.saturating_mul(2));
            if bytes <= bar {
                continue;
            }
            let mut draft = Draft::new(
                Code::StateWal,
                "database",
                database.path.clone(),
                format!("the write-ahead log of `{}` has {}, more than {}", database.path, mib(bytes), mib(bar)),
            )
            .state_dir(&dir.path)
            .seen(format!("{} of log for {} of database", mib(bytes), mib(database.bytes)), &database.wal_bytes);
            draft = gateways_of(context, dir).fold(draft, Draft::gateway);
            let readers = dir.open.get().into_iter().flatten().filter(|open| open.path.starts_with(&database.path));
            for open in readers {
                draft = draft.seen(format!("pid {} has `{}` open", open.pid, open.path), &dir.open);
            }
            out.push(draft);
        }
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

/// `state.aliased`: files have a second name, or the database's registry points out of the directory.
pub(super) fn aliased(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        let (links, paths) = (&dir.hard_linked, &dir.outside_paths);
        let what = match (links.first(), paths.first()) {
            (Some(file), None) => {
                format!("{} files of `{}` have a second name, such as `{file}`", links.len(), dir.path)
            }
            (None, Some(path)) => format!("the registry of `{}` points out of it, to `{path}`", dir.path),
            (Some(file), Some(path)) => {
                format!(
                    "files of `{}` have a second name, such as `{file}`, and its registry points to `{path}`",
                    dir.path
                )
            }
            (None, None) => continue,
        };
        let mut draft = about(context, Code::StateAliased, dir, what);
        for file in links.iter().take(8) {
            draft = draft.evidence("more than one hard link", file.clone(), context.snapshot.taken_at);
        }
        for path in paths.iter().take(8) {
            draft = draft.seen(format!("registry path `{path}`"), &dir.records);
        }
        if let Some(file) = links.first() {
            draft =
                draft.command("see where the other names are", format!("sudo find / -xdev -samefile {}", quote(file)));
        }
        out.push(draft);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::OpenPath;

    #[test]
    fn a_malformed_database_is_quoted_and_left_to_openclaws_own_repair() {
        let text = "Failed to open the plugin state database. | database disk image is malformed";
        let mut node = node(|node| log_event(node, 600, event::DATABASE_MALFORMED, text, &[]));
        let draft = draft(broken, &node);
        assert!(draft.summary.ends_with("database disk image is malformed"));
        assert_eq!(draft.remedy[1].command.as_deref(), Some("launchctl bootout gui/501/ai.openclaw.gateway"));
        assert_eq!(root_causes(&node), [Code::StateDbBroken]);
        log_event(&mut node, 300, event::DATABASE_VERIFIED, "database integrity verification passed", &[]);
        assert!(silent(broken, &node));
    }

    #[test]
    fn a_maintenance_lease_that_is_stuck_counts() {
        let text = "timed out waiting for agent database maintenance lease core:agent-database-maintenance/global";
        assert_eq!(drafts(broken, &node(|node| log_event(node, 60, "other", text, &[]))).len(), 1);
    }

    #[test]
    fn a_log_larger_than_its_bar_names_who_reads() {
        let node = node(|node| {
            let dir = first_state(node);
            dir.databases[0].wal_bytes = known(80 << 20);
            let path = format!("{STATE}/state/openclaw.sqlite");
            dir.open = known(vec![OpenPath { pid: 77, path, writable: false }]);
        });
        let draft = draft(wal, &node);
        assert_eq!(
            draft.summary,
            "the write-ahead log of `/Users/op/.openclaw/state/openclaw.sqlite` has 80 MiB, more than 64 MiB"
        );
        assert!(draft.evidence[1].fact.starts_with("pid 77 has"));
    }

    #[test]
    fn a_large_log_of_a_larger_database_is_fine() {
        let node = node(|node| {
            let database = &mut first_state(node).databases[0];
            (database.bytes, database.wal_bytes) = (100 << 20, known(150 << 20));
        });
        assert!(silent(wal, &node));
    }

    #[test]
    fn second_names_and_paths_out_of_it_are_aliases() {
        let node = node(|node| {
            first_state(node).hard_linked.push(format!("{STATE}/state/openclaw.sqlite"));
            first_state(node).outside_paths.push("/Users/op/.clawdbot/agents/main".to_owned());
        });
        assert!(draft(aliased, &node).summary.ends_with("its registry points to `/Users/op/.clawdbot/agents/main`"));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        let hidden = node(|node| {
            first_state(node).databases[0].wal_bytes = denied();
            gateway(node).log = denied();
        });
        for rule in [broken, wal, aliased] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &hidden));
        }
    }
}
