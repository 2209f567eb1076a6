//! Programs that make backups: restic, borg, kopia, Duplicati.

use super::{Copy, Words, owned};

const RESTIC_VALUED: [&str; 24] = [
    "-r",
    "--repo",
    "--repository-file",
    "-p",
    "--password-file",
    "--password-command",
    "-e",
    "--exclude",
    "--iexclude",
    "--exclude-file",
    "--iexclude-file",
    "--exclude-if-present",
    "--files-from",
    "--files-from-verbatim",
    "--files-from-raw",
    "--tag",
    "-H",
    "--host",
    "--parent",
    "-o",
    "--option",
    "--cache-dir",
    "-t",
    "--target",
];

pub(super) fn restic(copy: &mut Copy, arguments: &[String]) -> bool {
    let words = Words::clustered(arguments, &RESTIC_VALUED);
    if words.has("-n") || words.has("--dry-run") {
        return false;
    }
    for pattern in words.values(&["-e", "--exclude"]) {
        copy.rules.exclude(pattern, "an option of restic");
    }
    copy.rule_files.extend(words.values(&["--exclude-file"]).map(str::to_owned));
    if words
        .values(&["--files-from", "--files-from-verbatim", "--files-from-raw", "--iexclude", "--iexclude-file"])
        .next()
        .is_some()
    {
        copy.rules.unclear("a list of restic is not read");
    }
    match words.plain.split_first() {
        Some((&"backup", paths)) => copy.sources = owned(paths),
        Some((&"restore", _)) => copy.targets = words.values(&["-t", "--target"]).map(str::to_owned).collect(),
        _ => return false,
    }
    true
}

const BORG_VALUED: [&str; 22] = [
    "-e",
    "--exclude",
    "--exclude-from",
    "--pattern",
    "--patterns-from",
    "--exclude-if-present",
    "-C",
    "--compression",
    "--comment",
    "--timestamp",
    "-c",
    "--checkpoint-interval",
    "--chunker-params",
    "--files-cache",
    "--lock-wait",
    "--umask",
    "--remote-path",
    "--rsh",
    "-a",
    "--glob-archives",
    "--upload-ratelimit",
    "-r",
];

pub(super) fn borg(copy: &mut Copy, arguments: &[String]) -> bool {
    let words = Words::clustered(arguments, &BORG_VALUED);
    if words.has("-n") || words.has("--dry-run") {
        return false;
    }
    for (name, value) in &words.options {
        let Some(value) = *value else { continue };
        match *name {
            "-e" | "--exclude" => borg_rule(copy, value),
            "--exclude-from" => copy.rule_files.push(value.to_owned()),
            "--pattern" => match value.split_at_checked(1) {
                Some(("-" | "!", pattern)) => borg_rule(copy, pattern.trim()),
                Some(("+", pattern)) => copy.rules.keep(pattern.trim(), "an option of borg"),
                _ => copy.rules.unclear("a pattern of borg is not read"),
            },
            "--patterns-from" => copy.rules.unclear("a list of borg is not read"),
            _ => {}
        }
    }
    match words.plain.as_slice() {
        ["create", _, paths @ ..] => copy.sources = owned(paths),
        _ => return false,
    }
    true
}

fn borg_rule(copy: &mut Copy, pattern: &str) {
    match pattern.split_once(':') {
        Some(("re", _)) => copy.rules.unclear("a pattern of borg is not read"),
        Some(("fm" | "sh" | "pp" | "pf", pattern)) => copy.rules.exclude(pattern, "an option of borg"),
        _ => copy.rules.exclude(pattern, "an option of borg"),
    }
}

pub(super) fn kopia(copy: &mut Copy, arguments: &[String]) -> bool {
    let words = Words::of(
        arguments,
        &["--tags", "--description", "--config-file", "--log-dir", "--parallel", "-p", "--password"],
    );
    match words.plain.as_slice() {
        ["snapshot" | "snap", "create", paths @ ..] if !paths.is_empty() => copy.sources = owned(paths),
        ["restore", _, target, ..] => copy.targets = owned(&[target]),
        _ => return false,
    }
    true
}

pub(super) fn duplicati(copy: &mut Copy, arguments: &[String]) -> bool {
    let words = Words::of(arguments, &[]);
    for pattern in words.values(&["--exclude"]) {
        copy.rules.exclude(pattern, "an option of duplicati");
    }
    match words.plain.as_slice() {
        ["backup", _, paths @ ..] => copy.sources = owned(paths),
        ["restore", ..] => copy.targets = words.values(&["--restore-path"]).map(str::to_owned).collect(),
        _ => return false,
    }
    true
}
