//! What a command line copies: from where, to where, which way, and what it leaves out.

mod backup;
mod rsync;
mod sync;

pub use sync::{lsyncd_settings, unison_profile};

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
        "rsync" => rsync::rsync(&mut copy, arguments),
        "rclone" => sync::rclone(&mut copy, arguments),
        "unison" => sync::unison(&mut copy, arguments),
        "mutagen" => sync::mutagen(&mut copy, arguments),
        "lsyncd" => sync::lsyncd(&mut copy, arguments),
        "restic" => backup::restic(&mut copy, arguments),
        "borg" => backup::borg(&mut copy, arguments),
        "kopia" => backup::kopia(&mut copy, arguments),
        _ => backup::duplicati(&mut copy, arguments),
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
        type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str], bool, bool);
        let cases: [Case<'_>; 17] = [
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
