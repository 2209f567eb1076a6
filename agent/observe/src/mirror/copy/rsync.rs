//! Rsync, on either side of a copy.

use super::{Copy, Words, owned};

const RSYNC_VALUED: [&str; 44] = [
    "-e",
    "--rsh",
    "-f",
    "--filter",
    "--exclude",
    "--exclude-from",
    "--include",
    "--include-from",
    "--files-from",
    "--link-dest",
    "--copy-dest",
    "--compare-dest",
    "--backup-dir",
    "--suffix",
    "-T",
    "--temp-dir",
    "--partial-dir",
    "--log-file",
    "--log-file-format",
    "--out-format",
    "--password-file",
    "--bwlimit",
    "-B",
    "--block-size",
    "--timeout",
    "--contimeout",
    "--port",
    "--sockopts",
    "--address",
    "--rsync-path",
    "--max-size",
    "--min-size",
    "--max-delete",
    "--modify-window",
    "-@",
    "--chmod",
    "--chown",
    "--usermap",
    "--groupmap",
    "--iconv",
    "--protocol",
    "-M",
    "--remote-option",
    "--checksum-seed",
];

pub(super) fn rsync(copy: &mut Copy, arguments: &[String]) -> bool {
    let words = Words::clustered(arguments, &RSYNC_VALUED);
    if words.has("--daemon") || words.has("-n") || words.has("--dry-run") {
        return false;
    }
    for (name, value) in &words.options {
        match (*name, *value) {
            ("--exclude", Some(pattern)) => copy.rules.exclude(pattern, "an option of rsync"),
            ("--include", Some(pattern)) => copy.rules.keep(pattern, "an option of rsync"),
            ("--exclude-from", Some(file)) => copy.rule_files.push(file.to_owned()),
            ("-f" | "--filter", Some(filter)) => match filter.split_once([' ', '_']) {
                Some(("-" | "exclude" | "-p", pattern)) => copy.rules.exclude(pattern, "a filter of rsync"),
                Some(("+" | "include", pattern)) => copy.rules.keep(pattern, "a filter of rsync"),
                Some(("P" | "protect" | "R" | "risk" | "H" | "hide" | "S" | "show", _)) => {}
                _ => copy.rules.unclear("a filter of rsync is not read"),
            },
            ("--include-from" | "--files-from", _) => copy.rules.unclear("a list of files for rsync is not read"),
            _ => {}
        }
        if name.starts_with("--delete") || *name == "--del" {
            copy.deletes = true;
        }
    }
    if words.has("-F") && !words.has("--server") {
        copy.rules.unclear("`.rsync-filter` files are not read");
    }
    let Some((last, others)) = words.plain.split_last() else { return false };
    if words.has("--server") {
        // The far end of a copy: the word before the paths is always `.`.
        let paths: Vec<&str> = words.plain.iter().copied().skip_while(|word| *word == ".").collect();
        if words.has("--sender") {
            copy.sources = owned(&paths);
        } else {
            copy.targets = owned(&paths);
        }
        return true;
    }
    if others.is_empty() {
        return false;
    }
    copy.sources = owned(others);
    copy.targets = vec![(*last).to_owned()];
    true
}
