//! What a command line copies: from where, to where, which way, and what it leaves out.

use super::ignore::Rules;
use super::shell::UNTOLD;

/// One run of a program that copies files. Paths are as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// The program.
    pub tool: &'static str,
    /// What is read. With [`Copy::two_way`] the sides.
    pub sources: Vec<String>,
    /// What is written.
    pub targets: Vec<String>,
    /// Each side is written.
    pub two_way: bool,
    /// What the source lacks is deleted in the target.
    pub deletes: bool,
    /// What is left out.
    pub rules: Rules,
    /// Files with more of that, each with how its lines are read.
    pub rule_files: Vec<String>,
    /// A file or a profile of the program that says what it copies.
    pub settings: Option<String>,
}

/// Programs that copy.
const TOOLS: [&str; 9] = ["rsync", "rclone", "unison", "mutagen", "lsyncd", "restic", "borg", "kopia", "duplicati"];

/// Programs whose jobs cannot be read, by the names of their processes.
const OPAQUE: [(&str, &str); 5] = [
    ("ChronoSync", "ChronoSync"),
    ("ChronoSyncBackgrounder", "ChronoSync"),
    ("ccc", "Carbon Copy Cloner"),
    ("com.bombich.ccchelper", "Carbon Copy Cloner"),
    ("duplicati-server", "Duplicati"),
];

/// Words that may stand before the program, with the options that they take.
const WRAPPERS: [&str; 22] = [
    "sudo",
    "doas",
    "nice",
    "ionice",
    "env",
    "exec",
    "time",
    "nohup",
    "timeout",
    "gtimeout",
    "flock",
    "caffeinate",
    "chronic",
    "command",
    "if",
    "then",
    "else",
    "elif",
    "do",
    "while",
    "!",
    "{",
];

/// The last part of a path.
pub fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The program that copies, by the name it is called by.
pub fn tool(word: &str) -> Option<&'static str> {
    let name = base(word);
    if matches!(name, "duplicati-cli" | "duplicati-commandline") {
        return Some("duplicati");
    }
    TOOLS.iter().copied().find(|tool| *tool == name)
}

/// The program whose jobs cannot be read, by the name of its process.
pub fn opaque(name: &str) -> Option<&'static str> {
    OPAQUE.iter().find(|(process, _)| *process == name).map(|(_, product)| *product)
}

/// The words from the program that copies on, with what only starts it taken away; none where the command does not copy.
pub fn without_wrappers(words: &[String]) -> Option<&[String]> {
    let at = words.iter().position(|word| tool(word).is_some())?;
    let before = words.get(..at).unwrap_or_default();
    let starts = before.first().is_none_or(|first| {
        let first = base(first);
        WRAPPERS.contains(&first) || super::shell::assignment(first).is_some() || first.starts_with("python")
    });
    starts.then(|| words.get(at..).unwrap_or_default())
}

/// What a command line, from the program on, copies. None where the program copies nothing by it.
pub fn parse(words: &[String]) -> Option<Copy> {
    let (program, arguments) = words.split_first()?;
    let tool = tool(program)?;
    let mut copy = Copy {
        tool,
        sources: Vec::new(),
        targets: Vec::new(),
        two_way: false,
        deletes: false,
        rules: Rules::default(),
        rule_files: Vec::new(),
        settings: None,
    };
    let understood = match tool {
        "rsync" => rsync(&mut copy, arguments),
        "rclone" => rclone(&mut copy, arguments),
        "unison" => unison(&mut copy, arguments),
        "mutagen" => mutagen(&mut copy, arguments),
        "lsyncd" => lsyncd(&mut copy, arguments),
        "restic" => restic(&mut copy, arguments),
        "borg" => borg(&mut copy, arguments),
        "kopia" => kopia(&mut copy, arguments),
        _ => duplicati(&mut copy, arguments),
    };
    understood.then_some(copy)
}

/// Options of one letter that matter to some program, or that take a value.
const LETTERS: [&str; 19] =
    ["-a", "-c", "-e", "-f", "-i", "-l", "-m", "-n", "-o", "-p", "-r", "-t", "-B", "-C", "-F", "-H", "-M", "-T", "-@"];

/// Options and plain words of a command line.
struct Words<'a> {
    options: Vec<(&'a str, Option<&'a str>)>,
    plain: Vec<&'a str>,
}

impl<'a> Words<'a> {
    /// Takes a command line apart. `valued` are the options whose value is the next word.
    fn of(arguments: &'a [String], valued: &[&str]) -> Self {
        Self::read(arguments, valued, false)
    }

    /// The same where options of one letter may be written together, the last of them with its value behind it.
    fn clustered(arguments: &'a [String], valued: &[&str]) -> Self {
        Self::read(arguments, valued, true)
    }

    fn read(arguments: &'a [String], valued: &[&str], clustered: bool) -> Self {
        let mut words = Self { options: Vec::new(), plain: Vec::new() };
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            if word == "--" {
                words.plain.extend(rest.by_ref());
            } else if !word.starts_with('-') || word == "-" {
                words.plain.push(word);
            } else if let Some((name, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
                words.options.push((name, Some(value)));
            } else if valued.contains(&word) {
                words.options.push((word, rest.next()));
            } else if clustered && !word.starts_with("--") {
                words.letters(word, valued, &mut rest);
            } else {
                words.options.push((word, None));
            }
        }
        words
    }

    fn letters(&mut self, word: &'a str, valued: &[&str], rest: &mut impl Iterator<Item = &'a str>) {
        for (at, letter) in word.char_indices().skip(1) {
            let takes = valued.iter().find(|name| name.len() == 2 && name.ends_with(letter));
            let Some(name) = LETTERS.iter().copied().find(|name| name.ends_with(letter)) else { continue };
            let behind = word.get(at + letter.len_utf8()..).unwrap_or_default();
            match takes {
                Some(_) if behind.is_empty() => self.options.push((name, rest.next())),
                Some(_) => self.options.push((name, Some(behind))),
                None => self.options.push((name, None)),
            }
            if takes.is_some() {
                return;
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(known, _)| *known == name)
    }

    fn values<'b>(&'b self, names: &'b [&str]) -> impl Iterator<Item = &'a str> + 'b {
        self.options.iter().filter(|(name, _)| names.contains(name)).filter_map(|(_, value)| *value)
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

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

fn rsync(copy: &mut Copy, arguments: &[String]) -> bool {
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

fn rclone(copy: &mut Copy, arguments: &[String]) -> bool {
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

fn unison(copy: &mut Copy, arguments: &[String]) -> bool {
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
            copy.rules.exclude(&format!("/{}", path.trim().trim_start_matches('/')), place)
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

fn mutagen(copy: &mut Copy, arguments: &[String]) -> bool {
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

fn lsyncd(copy: &mut Copy, arguments: &[String]) -> bool {
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

fn restic(copy: &mut Copy, arguments: &[String]) -> bool {
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

fn borg(copy: &mut Copy, arguments: &[String]) -> bool {
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

fn kopia(copy: &mut Copy, arguments: &[String]) -> bool {
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

fn duplicati(copy: &mut Copy, arguments: &[String]) -> bool {
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

/// A path of this machine from a word: `~` and `$HOME` put in, relative ones below `folder`. None for what is elsewhere and for what
/// only a run tells.
pub fn local_path(word: &str, home: Option<&str>, folder: Option<&str>) -> Option<String> {
    let word = word.strip_prefix("local:").or_else(|| word.strip_prefix("file://")).unwrap_or(word);
    if word.is_empty() || word.contains(UNTOLD) {
        return None;
    }
    if word.starts_with('/') {
        // `borg` takes `/./` as where the stored path begins.
        return Some(word.to_owned());
    }
    if word == "~" || word.starts_with("~/") {
        return home.map(|home| format!("{home}{}", word.strip_prefix('~').unwrap_or_default()));
    }
    let remote = word.split('/').next().is_some_and(|first| first.contains(':'));
    if remote {
        return None;
    }
    folder.map(|folder| format!("{}/{word}", folder.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(line: &str) -> Option<Copy> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(without_wrappers(&words)?)
    }

    fn ways(line: &str) -> (Vec<String>, Vec<String>, bool, bool) {
        let copy = of(line).unwrap_or_else(|| panic!("{line}"));
        (copy.sources, copy.targets, copy.two_way, copy.deletes)
    }

    fn strings(words: &[&str]) -> Vec<String> {
        owned(words)
    }

    #[test]
    fn each_program_says_from_where_to_where() {
        let cases: [(&str, &[&str], &[&str], bool, bool); 17] = [
            ("rsync -az --delete -e ssh /home/op/ host:/b", &["/home/op/"], &["host:/b"], false, true),
            ("rsync -avze ssh /home/op/ host:/b", &["/home/op/"], &["host:/b"], false, false),
            ("/usr/bin/rsync -a --link-dest ../1 a b c/", &["a", "b"], &["c/"], false, false),
            ("rsync --server --sender -vlogDtpre.iLsfxCIvu . /home/op", &["/home/op"], &[], false, false),
            ("rsync --server -vlogDtpre.iLsfxCIvu . /home/op/.openclaw", &[], &["/home/op/.openclaw"], false, false),
            (
                "sudo -n nice -n 19 rclone sync --transfers 4 /home/op s3:bucket/op",
                &["/home/op"],
                &["s3:bucket/op"],
                false,
                true,
            ),
            ("rclone bisync /home/op drive: --resync", &["/home/op"], &["drive:"], true, false),
            ("unison /home/op ssh://host//srv/op -batch", &["/home/op", "ssh://host//srv/op"], &[], true, false),
            ("unison /a /b -path .openclaw -auto", &["/a/.openclaw", "/b/.openclaw"], &[], true, false),
            ("mutagen sync create --name x /home/op host:~/op", &["/home/op", "host:~/op"], &[], true, false),
            ("mutagen sync create --mode one-way-replica /a /b", &["/a"], &["/b"], false, true),
            ("lsyncd -nodaemon -rsyncssh /home/op host dir", &["/home/op"], &[], false, true),
            ("restic -r /srv/r backup --tag x /home/op /etc", &["/home/op", "/etc"], &[], false, false),
            ("restic restore latest --target /home/op", &[], &["/home/op"], false, false),
            ("python3 /usr/bin/borg create --stats -C zstd /srv/b::{now} /home", &["/home"], &[], false, false),
            ("kopia snapshot create /home/op", &["/home/op"], &[], false, false),
            ("duplicati-cli backup s3://x /home/op/ --exclude=*.tmp", &["/home/op/"], &[], false, false),
        ];
        for (line, sources, targets, two_way, deletes) in cases {
            assert_eq!(ways(line), (strings(sources), strings(targets), two_way, deletes), "{line}");
        }
    }

    #[test]
    fn what_copies_nothing_is_none() {
        for line in [
            "rsync --daemon --no-detach",
            "rsync -an /a /b",
            "rsync host::",
            "rclone ls remote:",
            "rclone mount remote: /mnt",
            "restic check",
            "borg list /srv/b",
            "rsync --server --sender -nvlogDtpre.iLsfx . /a",
            "echo rsync /a /b",
            "ssh host rsync /a /b",
            "kopia server start",
            "mutagen daemon run",
            "ls /a",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn profiles_and_settings() {
        let mut copy = of("unison work -batch").unwrap();
        assert_eq!(copy.settings.as_deref(), Some("work"));
        unison_profile(&mut copy, "# c\nroot = /home/op\nroot = ssh://host//srv\nignore = Name .openclaw\n");
        assert_eq!(copy.sources, ["/home/op", "ssh://host//srv"]);
        assert_ne!(copy.rules, Rules::default());
        let mut copy = of("lsyncd /etc/lsyncd.conf").unwrap();
        lsyncd_settings(
            &mut copy,
            "sync { default.rsync,\n  source = \"/home/op\",\n  target=\"/srv/op\",\n  exclude = { '.cache' },\n}\n",
        );
        assert_eq!((copy.sources, copy.targets), (strings(&["/home/op"]), strings(&["/srv/op"])));
    }

    #[test]
    fn paths_of_this_machine() {
        let of = |word: &str| local_path(word, Some("/home/op"), Some("/srv"));
        assert_eq!(of("~/x").as_deref(), Some("/home/op/x"));
        assert_eq!(of("/x").as_deref(), Some("/x"));
        assert_eq!(of("x/y").as_deref(), Some("/srv/x/y"));
        assert_eq!(of("local:/x").as_deref(), Some("/x"));
        for elsewhere in ["host:/x", "op@host:x", "rsync://host/x", "s3:bucket", "", "\u{FFFD}/x"] {
            assert_eq!(of(elsewhere), None, "{elsewhere}");
        }
    }

    proptest! {
        #[test]
        fn no_command_line_panics(words in proptest::collection::vec("\\PC{0,12}", 0..12), tool in proptest::sample::select(&TOOLS[..])) {
            let mut line = vec![tool.to_owned()];
            line.extend(words);
            let _ = parse(&line);
        }
    }
}
