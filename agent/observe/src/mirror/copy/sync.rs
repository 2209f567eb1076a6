//! Programs that keep folders alike: rclone, unison, mutagen, lsyncd.

use super::super::shell::UNTOLD;
use super::{Copy, Words, owned};

const RCLONE_VALUED: [&str; 30] = [
    "--config",
    "--log-file",
    "--log-level",
    "--exclude",
    "--exclude-from",
    "--exclude-if-present",
    "--include",
    "--include-from",
    "-f",
    "--filter",
    "--filter-from",
    "--files-from",
    "--files-from-raw",
    "--backup-dir",
    "--suffix",
    "--cache-dir",
    "--temp-dir",
    "--password-command",
    "--transfers",
    "--checkers",
    "--bwlimit",
    "--retries",
    "--stats",
    "--max-age",
    "--min-age",
    "--max-size",
    "--min-size",
    "--workdir",
    "--compare-dest",
    "--copy-dest",
];

pub(super) fn rclone(copy: &mut Copy, arguments: &[String]) -> bool {
    let words = Words::clustered(arguments, &RCLONE_VALUED);
    if words.has("-n") || words.has("--dry-run") {
        return false;
    }
    let Some((verb, paths)) = words.plain.split_first() else { return false };
    match *verb {
        "copy" | "copyto" | "move" | "moveto" => {}
        "sync" => copy.deletes = true,
        "bisync" => copy.two_way = true,
        _ => return false,
    }
    for (name, value) in &words.options {
        match (*name, *value) {
            ("--exclude", Some(pattern)) => copy.rules.exclude(pattern, "an option of rclone"),
            ("--include", Some(_))
            | ("--include-from" | "--files-from" | "--files-from-raw" | "--filter-from" | "--filters-file", _) => {
                copy.rules.unclear("a list of rclone is not read");
            }
            ("-f" | "--filter", Some(filter)) => match filter.split_once(' ') {
                Some(("-", pattern)) => copy.rules.exclude(pattern, "a filter of rclone"),
                Some(("+", pattern)) => copy.rules.keep(pattern, "a filter of rclone"),
                _ => copy.rules.unclear("a filter of rclone is not read"),
            },
            ("--exclude-from", Some(file)) => copy.rule_files.push(file.to_owned()),
            _ => {}
        }
    }
    // A value of an option that is not known here may stand among the paths: only what looks like a path or a remote is one.
    let paths: Vec<&str> = paths
        .iter()
        .copied()
        .filter(|path| path.contains('/') || path.contains(':') || path.starts_with(['~', '.', UNTOLD]))
        .collect();
    let [source, target, ..] = paths.as_slice() else { return false };
    copy.sources = owned(&[source]);
    copy.targets = owned(&[target]);
    true
}

pub(super) fn unison(copy: &mut Copy, arguments: &[String]) -> bool {
    let valued = [
        "-path",
        "-ignore",
        "-ignorenot",
        "-root",
        "-force",
        "-prefer",
        "-repeat",
        "-logfile",
        "-sshargs",
        "-sshcmd",
        "-servercmd",
    ];
    let words = Words::of(arguments, &valued);
    copy.two_way = true;
    if words.has("-server") || words.has("-version") || words.has("-doc") {
        return false;
    }
    for ignore in words.values(&["-ignore"]) {
        unison_rule(copy, ignore);
    }
    let roots: Vec<&str> = words.plain.iter().copied().chain(words.values(&["-root"])).collect();
    match roots.as_slice() {
        [] => return false,
        // One word is the name of a profile.
        [profile] => copy.settings = Some((*profile).to_owned()),
        roots => copy.sources = owned(roots),
    }
    let paths: Vec<String> = words.values(&["-path"]).map(str::to_owned).collect();
    only_below(copy, &paths);
    true
}

/// Narrows the sides to some paths below them.
fn only_below(copy: &mut Copy, paths: &[String]) {
    if paths.is_empty() {
        return;
    }
    let sides = std::mem::take(&mut copy.sources);
    copy.sources = sides
        .iter()
        .flat_map(|side| paths.iter().map(move |path| format!("{}/{path}", side.trim_end_matches('/'))))
        .collect();
}

fn unison_rule(copy: &mut Copy, rule: &str) {
    let place = "a preference of unison";
    match rule.trim().split_once(' ') {
        Some(("Name", name)) => copy.rules.exclude(name.trim(), place),
        Some(("Path" | "BelowPath", path)) => {
            copy.rules.exclude(&format!("/{}", path.trim().trim_start_matches('/')), place);
        }
        _ => copy.rules.unclear("a preference of unison is not read"),
    }
}

/// Reads a profile of unison (`~/.unison/NAME.prf`).
pub fn unison_profile(copy: &mut Copy, text: &str) {
    let mut paths = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match line.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
            Some(("root", root)) => copy.sources.push(root.to_owned()),
            Some(("ignore", rule)) => unison_rule(copy, rule),
            Some(("path", path)) => paths.push(path.to_owned()),
            Some(("ignorenot", _)) => copy.rules.unclear("a preference of unison is not read"),
            None if line.starts_with("include ") || line.starts_with("source ") => {
                copy.rules.unclear("a profile that another one includes is not read");
            }
            _ => {}
        }
    }
    only_below(copy, &paths);
}

pub(super) fn mutagen(copy: &mut Copy, arguments: &[String]) -> bool {
    let words = Words::of(
        arguments,
        &["--name", "-n", "--ignore", "-i", "--mode", "-m", "--label", "-l", "--configuration-file", "-c"],
    );
    let ["sync", "create", sides @ ..] = words.plain.as_slice() else { return false };
    copy.two_way = !words.values(&["--mode", "-m"]).any(|mode| mode.starts_with("one-way"));
    for pattern in words.values(&["--ignore", "-i"]) {
        copy.rules.exclude(pattern, "an option of mutagen");
    }
    let [source, target, ..] = sides else { return false };
    if copy.two_way {
        copy.sources = owned(sides);
    } else {
        (copy.sources, copy.targets) = (owned(&[source]), owned(&[target]));
        copy.deletes = true;
    }
    true
}

pub(super) fn lsyncd(copy: &mut Copy, arguments: &[String]) -> bool {
    let at = |name: &str| arguments.iter().position(|word| word == name);
    copy.deletes = true;
    for (mode, source) in [("-rsync", 1), ("-rsyncssh", 1), ("-direct", 1)] {
        if let Some(at) = at(mode) {
            copy.sources = arguments.get(at + source).into_iter().cloned().collect();
            copy.targets =
                arguments.get(at + source + 1).into_iter().filter(|_| mode != "-rsyncssh").cloned().collect();
            return true;
        }
    }
    let words =
        Words::of(arguments, &["-log", "-logfile", "-pidfile", "-delay", "--log", "--logfile", "--pidfile", "--delay"]);
    copy.settings = words.plain.first().map(|file| (*file).to_owned());
    copy.settings.is_some()
}

/// Reads a configuration of lsyncd: a Lua program, of which `source`, `target` and `exclude` are looked for.
pub fn lsyncd_settings(copy: &mut Copy, text: &str) {
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("--")) {
        let strings: Vec<&str> = line.split(['"', '\'']).skip(1).step_by(2).collect();
        let Some((name, _)) = line.split_once('=') else { continue };
        let name = name.trim().rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
        match name {
            "source" => copy.sources.extend(strings.first().map(|path| (*path).to_owned())),
            "target" => copy.targets.extend(strings.first().map(|path| (*path).to_owned())),
            "exclude" if strings.is_empty() => copy.rules.unclear("an `exclude` of lsyncd is not read"),
            "exclude" => strings.iter().for_each(|pattern| copy.rules.exclude(pattern, "`exclude` of lsyncd")),
            "excludeFrom" => copy.rule_files.extend(strings.first().map(|path| (*path).to_owned())),
            _ => {}
        }
    }
}
