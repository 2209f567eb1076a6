//! Recognises an OpenClaw command line.

/// Scripts that start OpenClaw and whose name says so.
const OWN_ENTRIES: [&str; 2] = ["openclaw.mjs", "openclaw"];

/// Scripts that start OpenClaw but could be anybody's.
const COMMON_ENTRIES: [&str; 5] =
    ["dist/index.js", "dist/entry.js", "scripts/run-node.mjs", "src/entry.ts", "src/index.ts"];

/// Options of node that take their value as the next argument.
const RUNTIME_OPTIONS_WITH_VALUE: [&str; 9] =
    ["-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file", "--title"];

/// Options of OpenClaw before the command that take a value.
const GLOBAL_OPTIONS_WITH_VALUE: [&str; 3] = ["--profile", "--log-level", "--container"];

/// Marks the worker half of a node host, after the entry script.
const NODE_HOST_CHILD: &str = "--openclaw-node-host-child";

/// An OpenClaw command line taken apart. Holds no option values but the ones that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Command<'a> {
    /// The program that runs the script; `None` when the script itself is the program.
    pub(super) runtime: Option<&'a str>,
    /// The script.
    pub(super) entry: &'a str,
    /// `gateway`, `node`, `doctor`, …
    pub(super) name: Option<&'a str>,
    /// The word after it, where that is no option: `run`, `status`, …
    pub(super) action: Option<&'a str>,
    /// Everything after the entry.
    pub(super) arguments: &'a [String],
}

/// The last part of a path, in either system's notation.
pub(super) fn base_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Whether a program can run JavaScript: `node`, `nodejs`, `node-24`, `bun`, also after its file was replaced.
pub(super) fn is_runtime(path: &str) -> bool {
    let name = base_name(path.trim_end_matches(" (deleted)"));
    ["node", "bun"].iter().any(|runtime| {
        name.strip_prefix(runtime).is_some_and(|rest| {
            rest.is_empty() || rest == "js" || rest.starts_with(|c: char| c == '-' || c == '.' || c.is_ascii_digit())
        })
    })
}

/// Takes `argv` apart if it is an OpenClaw command line that runs by itself. A shell, editor or pager with such words
/// among its arguments is none.
pub(super) fn parse(argv: &[String]) -> Option<Command<'_>> {
    let program = argv.first()?;
    let is_path = program.contains('/');
    let command = take_apart(argv, is_path)?;
    // `dist/index.js` of an unknown package counts only with a command that OpenClaw has and few others would.
    let is_ours = OWN_ENTRIES.contains(&base_name(command.entry))
        || (is_common_entry(command.entry)
            && (command.entry.contains("/openclaw/")
                || command.name == Some("gateway")
                || (command.name == Some("node") && command.action == Some("run"))));
    is_ours.then_some(command)
}

/// Takes the words apart that a definition starts a program with, where they start OpenClaw. They are looked up in the search path,
/// so that a bare `openclaw` is the program and no title. With `in_package` the working directory is known to be OpenClaw's package.
pub(super) fn parse_definition(words: &[String], in_package: bool) -> Option<Command<'_>> {
    let command = take_apart(words, true)?;
    let is_ours = OWN_ENTRIES.contains(&base_name(command.entry)) || (in_package && is_common_entry(command.entry));
    if is_ours { Some(command) } else { parse(words) }
}

fn is_common_entry(entry: &str) -> bool {
    COMMON_ENTRIES
        .iter()
        .any(|common| entry.strip_suffix(common).is_some_and(|dir| dir.is_empty() || dir.ends_with('/')))
}

/// Runtime, entry and words of a command line, whoever's it is. `is_program` says whether an entry of OpenClaw's name may be the program.
fn take_apart(argv: &[String], is_program: bool) -> Option<Command<'_>> {
    let program = argv.first()?;
    let (runtime, at) = if is_program && OWN_ENTRIES.contains(&base_name(program)) {
        (None, 0)
    } else if is_runtime(program) {
        (Some(program.as_str()), entry_index(argv)?)
    } else {
        return None;
    };
    let entry = argv.get(at)?;
    let arguments = argv.get(at + 1..).unwrap_or_default();
    let words = arguments.strip_prefix(&[NODE_HOST_CHILD.to_owned()][..]).unwrap_or(arguments);
    let (name, action) = command_words(words);
    Some(Command { runtime, entry, name, action, arguments })
}

/// Where the script stands after the options of its runtime.
fn entry_index(argv: &[String]) -> Option<usize> {
    let mut at = 1;
    loop {
        let argument = argv.get(at)?;
        if !argument.starts_with('-') {
            return Some(at);
        }
        // Code on the command line, or a look at the version: there is no script.
        if matches!(argument.as_str(), "-e" | "--eval" | "-p" | "--print" | "-v" | "--version") {
            return None;
        }
        at += if RUNTIME_OPTIONS_WITH_VALUE.contains(&argument.as_str()) { 2 } else { 1 };
    }
}

fn command_words(words: &[String]) -> (Option<&str>, Option<&str>) {
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if !word.starts_with('-') {
            let action = rest.next().map(String::as_str).filter(|next| !next.starts_with('-'));
            return (Some(word), action);
        }
        if GLOBAL_OPTIONS_WITH_VALUE.contains(&word.as_str()) {
            rest.next();
        }
    }
    (None, None)
}

impl<'a> Command<'a> {
    /// Whether it runs the gateway, in the foreground: `gateway` with no other action than `run`.
    pub(super) fn runs_gateway(&self) -> bool {
        self.name == Some("gateway") && matches!(self.action, None | Some("run"))
    }

    /// Whether it runs a node host.
    pub(super) fn runs_node_host(&self) -> bool {
        self.name == Some("node") && self.action == Some("run")
            || self.arguments.first().is_some_and(|first| first == NODE_HOST_CHILD)
    }

    /// The value of `--name value` or `--name=value`; the first one, as the others are OpenClaw's to judge.
    pub(super) fn option(&self, name: &str) -> Option<&'a str> {
        self.arguments.iter().enumerate().find_map(|(at, argument)| {
            let rest = argument.strip_prefix(name)?;
            match rest.strip_prefix('=') {
                Some(value) => Some(value),
                None if rest.is_empty() => self.arguments.get(at + 1).map(String::as_str),
                None => None,
            }
        })
    }

    /// The port of `--port`.
    pub(super) fn port(&self) -> Option<u16> {
        self.option("--port").and_then(|port| port.parse().ok()).filter(|port| *port != 0)
    }

    /// The profile of `--profile`, or `dev` for `--dev`.
    pub(super) fn profile(&self) -> Option<&'a str> {
        self.option("--profile").or_else(|| self.arguments.iter().any(|argument| argument == "--dev").then_some("dev"))
    }

    /// Whether a secret stands on the command line, where every account of the machine can read it.
    pub(super) fn shows_secret(&self) -> bool {
        ["--token", "--password"].iter().any(|name| self.option(name).is_some_and(|value| !value.is_empty()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argv(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn finds_command_and_action() {
        for (line, name, action) in [
            ("/n/bin/node /x/openclaw/openclaw.mjs gateway run --port 1", Some("gateway"), Some("run")),
            (
                "node --max-old-space-size=8192 /x/node_modules/openclaw/dist/index.js gateway --port 18791",
                Some("gateway"),
                None,
            ),
            ("node dist/index.js gateway --bind lan --port 18789", Some("gateway"), None),
            (
                "/usr/bin/node -r /x/hook.js /usr/bin/openclaw --profile rescue gateway status",
                Some("gateway"),
                Some("status"),
            ),
            ("/usr/local/bin/openclaw doctor", Some("doctor"), None),
            ("node /x/openclaw.mjs --openclaw-node-host-child node run", Some("node"), Some("run")),
            ("node /x/openclaw.mjs", None, None),
        ] {
            let argv = argv(line);
            let command = parse(&argv);
            assert_eq!(command.map(|c| (c.name, c.action)), Some((name, action)), "{line}");
        }
    }

    #[test]
    fn is_not_fooled_by_words() {
        for line in [
            "vim /x/openclaw.mjs",
            "grep -r openclaw gateway",
            "/bin/sh -c node /x/openclaw.mjs gateway run",
            "tini -s -- node dist/index.js gateway",
            "node dist/index.js serve",
            "node -e gateway openclaw.mjs",
            "node_exporter openclaw.mjs gateway",
            "nodemon openclaw.mjs gateway",
            "openclaw",
            "node",
        ] {
            assert_eq!(parse(&argv(line)), None, "{line}");
        }
    }

    #[test]
    fn reads_options_in_both_notations() {
        let spaced = argv("node /x/openclaw.mjs gateway --port 18791 --token abc");
        let joined = argv("node /x/openclaw.mjs gateway --port=18791 --dev");
        let (spaced, joined) = (parse(&spaced), parse(&joined));
        assert_eq!(spaced.and_then(|c| c.port()), Some(18_791));
        assert_eq!(joined.and_then(|c| c.port()), Some(18_791));
        assert_eq!(joined.and_then(|c| c.profile()), Some("dev"));
        assert_eq!(spaced.map(|c| c.shows_secret()), Some(true));
        assert_eq!(joined.map(|c| c.shows_secret()), Some(false));
    }
}
