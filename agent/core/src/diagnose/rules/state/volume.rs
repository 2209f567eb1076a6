//! `state.disk`, `state.external-volume`

use std::collections::BTreeSet;

use super::{about, in_use};
use crate::catalogue::{Code, Severity};
use crate::diagnose::{Context, Draft};

/// `state.disk`: the volume of a state directory is full, or soon will be.
pub(super) fn disk(context: Context<'_>, out: &mut Vec<Draft>) {
    let policy = context.policy;
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for dir in in_use(context) {
        let Some(volume) = dir.volume.get().filter(|volume| volume.total_bytes > 0) else { continue };
        if !seen.insert(&volume.mount_point) {
            continue;
        }
        let percent = share(volume.free_bytes, volume.total_bytes);
        let severity = if volume.free_bytes < policy.disk_error_bytes || percent < policy.disk_error_percent {
            Severity::Error
        } else if volume.free_bytes < policy.disk_warning_bytes {
            Severity::Warning
        } else {
            continue;
        };
        let free = format!("{:.1} GiB free ({percent:.1} %)", gib(volume.free_bytes));
        out.push(
            about(
                context,
                Code::StateDisk,
                dir,
                format!("the volume of `{}` at `{}` has {free}", dir.path, volume.mount_point),
            )
            .severity(severity)
            .seen(free, &dir.volume)
            .command("see what fills it", format!("du -xhd 2 {} | sort -h | tail", super::super::command::quote(&dir.path)))
            .remedy("free space: logs, old stability bundles, local snapshots of Time Machine (`tmutil listlocalsnapshots /`)"),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a volume shown with one decimal")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 * 100.0 / whole as f64
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a volume shown with one decimal")]
fn gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// File systems made for exchange: they keep neither owners nor modes nor a journal, so that others can read what lies there and a cut
/// of the power can take databases with it.
const FOR_EXCHANGE: [&str; 3] = ["exfat", "msdos", "vfat"];

/// `state.external-volume`: `SQLite`'s locks, its shared memory or its writes do not work there as they must.
pub(super) fn external(context: Context<'_>, out: &mut Vec<Draft>) {
    for dir in in_use(context) {
        let Some(volume) = dir.volume.get() else { continue };
        let what = if !volume.local {
            "volume that is not local"
        } else if FOR_EXCHANGE.contains(&volume.file_system.to_ascii_lowercase().as_str()) {
            "volume, which knows neither owners nor a journal"
        } else {
            continue;
        };
        let article = if volume.file_system.starts_with(['a', 'e', 'E']) { "an" } else { "a" };
        let summary =
            format!("`{}` lies on `{}`, {article} {} {what}", dir.path, volume.mount_point, volume.file_system);
        out.push(
            about(context, Code::StateExternalVolume, dir, summary)
                .seen(format!("{} at `{}`", volume.file_system, volume.mount_point), &dir.volume),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::fixture::*;
    use crate::snapshot::Snapshot;

    fn free(total: u64, free: u64) -> Snapshot {
        node(|node| {
            let volume = value(&mut first_state(node).volume);
            (volume.total_bytes, volume.free_bytes) = (total, free);
        })
    }

    #[test]
    fn the_bars_are_bytes_and_share() {
        let gib = 1 << 30;
        assert_eq!(draft(disk, &free(100 * gib, gib / 2)).severity, Severity::Error);
        assert_eq!(draft(disk, &free(400 * gib, 7 * gib)).severity, Severity::Error);
        assert_eq!(draft(disk, &free(100 * gib, 4 * gib)).severity, Severity::Warning);
        assert!(silent(disk, &free(100 * gib, 6 * gib)));
        assert_eq!(root_causes(&free(100 * gib, 0)), [Code::StateDisk]);
    }

    #[test]
    fn one_volume_is_named_once() {
        let mut node = free(100 << 30, 0);
        node.state_dirs.push(state_dir("/Users/op/.openclaw-work", 300));
        node.gateways.push(silent_gateway("/Users/op/.openclaw-work", 19_999));
        let volume = node.state_dirs[0].volume.clone();
        node.state_dirs[1].volume = volume;
        assert_eq!(drafts(disk, &node).len(), 1);
    }

    #[test]
    fn a_share_of_the_network_warns() {
        let node = node(|node| {
            let volume = value(&mut first_state(node).volume);
            (volume.local, volume.file_system, volume.mount_point) =
                (false, "smbfs".to_owned(), "/Volumes/nas".to_owned());
        });
        assert_eq!(
            draft(external, &node).summary,
            "`/Users/op/.openclaw` lies on `/Volumes/nas`, a smbfs volume that is not local"
        );
    }

    #[test]
    fn a_disk_for_exchange_warns_and_another_local_disk_does_not() {
        let on = |file_system: &str| {
            node(|node| {
                let volume = value(&mut first_state(node).volume);
                (volume.file_system, volume.mount_point) = (file_system.to_owned(), "/Volumes/Fast".to_owned());
            })
        };
        assert_eq!(
            draft(external, &on("exfat")).summary,
            "`/Users/op/.openclaw` lies on `/Volumes/Fast`, an exfat volume, which knows neither owners nor a journal"
        );
        assert!(silent(external, &on("hfs")) && silent(external, &on("apfs")));
    }

    #[test]
    fn healthy_or_hidden_they_say_nothing() {
        for rule in [disk, external] {
            assert!(silent(rule, &healthy()));
            assert!(silent(rule, &node(|node| first_state(node).volume = denied())));
        }
    }
}
