//! What the documentation shows is what comes of it.
//!
//! A block of the language `console` with a comment `<!-- run: FOLDER -->` before it is typed in a copy of that folder of the checkout.
//! `PORTREEVE_MANUAL=write` writes what comes of it into the page instead, where nothing is left out there.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use portreeve_manual::{Origin, Page, Step, Transcript, agrees, pages, programs, root};
use serde_json::Value;

use crate::bench::Bench;

#[test]
fn every_output_of_the_documentation_is_current() {
    let mut wrong = String::new();
    let mut run = 0;
    for page in pages().unwrap() {
        let mut written = vec![];
        for transcript in &page.transcripts {
            let Some(Origin::Run(folder)) = &transcript.origin else { continue };
            run += transcript.steps.len();
            let found = type_all(transcript, folder);
            if transcript.steps.iter().zip(&found).all(|(step, found)| agrees(&step.output, found)) {
                continue;
            }
            if env::var("PORTREEVE_MANUAL").is_ok_and(|what| what == "write") && !leaves_out(transcript) {
                let text: String =
                    transcript.steps.iter().zip(&found).map(|(step, found)| step.written.clone() + found).collect();
                written.push((transcript.range.clone(), text));
                continue;
            }
            for (Step { line, command, output, .. }, found) in transcript.steps.iter().zip(&found) {
                if !agrees(output, found) {
                    let _ = writeln!(
                        wrong,
                        "{}:{line}: `{command}` is shown with\n{output}and gives\n{found}",
                        page.path.display()
                    );
                }
            }
        }
        write(&page, written);
    }
    assert!(
        wrong.is_empty(),
        "{wrong}`PORTREEVE_MANUAL=write cargo test -p portreeve --test cli manual` writes what is not left out"
    );
    assert!(run > 20, "only {run} commands were run");
}

#[test]
fn every_output_says_where_it_comes_from() {
    let mut silent = String::new();
    for page in pages().unwrap() {
        for step in
            page.transcripts.iter().filter(|transcript| transcript.origin.is_none()).flat_map(|shown| &shown.steps)
        {
            let ours = programs(&step.command).unwrap_or_default().iter().flatten().any(|word| word == "portreeve");
            if ours && !step.output.trim().is_empty() {
                let _ = writeln!(silent, "{}:{}: `{}`", page.path.display(), step.line, step.command);
            }
        }
    }
    assert!(
        silent.is_empty(),
        "neither `<!-- run: FOLDER -->` nor `<!-- recorded: REASON -->` stands before\n{silent}"
    );
}

#[test]
fn every_finding_that_is_named_is_one() {
    let listed: Value = serde_json::from_str(&Bench::new().run(&["explain", "--json"]).stdout).unwrap();
    let text = listed.to_string();
    let families: BTreeSet<&str> = FAMILIES.into_iter().collect();
    let mut unknown = String::new();
    for page in
        pages().unwrap().iter().filter(|page| page.path.starts_with("docs") || page.path == Path::new("README.md"))
    {
        for code in &page.inline {
            let named = code.text.split_once('.').is_some_and(|(family, rest)| {
                families.contains(family) && rest.chars().all(|c| c.is_ascii_lowercase() || c == '-')
            });
            if named && !NO_FINDINGS.contains(&code.text.as_str()) && !text.contains(&format!("\"{}\"", code.text)) {
                let _ = writeln!(unknown, "{}:{}: {}", page.path.display(), code.line, code.text);
            }
        }
    }
    assert!(unknown.is_empty(), "these findings are not in the catalogue:\n{unknown}");
}

/// What codes of findings begin with, less `gateway`, which settings of OpenClaw begin with too.
const FAMILIES: [&str; 23] = [
    "auth",
    "bind",
    "channel",
    "close",
    "compose",
    "config",
    "device",
    "engine",
    "host",
    "image",
    "ingress",
    "mirror",
    "origin",
    "pairing",
    "port",
    "protocol",
    "proxy",
    "rate",
    "socket",
    "state",
    "token",
    "transport",
    "unit",
];
/// Files and attributes of OpenTelemetry of the same form.
const NO_FINDINGS: [&str; 5] = ["compose.yaml", "config.toml", "host.arch", "host.id", "host.name"];

/// What each command of a block gives, in a folder and with an environment of its own.
fn type_all(transcript: &Transcript, folder: &str) -> Vec<String> {
    let bench = Bench::new();
    let place = bench.path("here");
    fs::create_dir(&place).unwrap();
    if !folder.is_empty() {
        copy(&root().join(folder), &place);
    }
    let program = Path::new(env!("CARGO_BIN_EXE_portreeve"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut status = 0;
    let mut outputs = vec![];
    for step in &transcript.steps {
        if step.command.trim() == "echo $?" {
            outputs.push(format!("{status}\n"));
            continue;
        }
        let mut shell = Command::new("/bin/sh");
        for (name, value) in bench.command(&[]).get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        let output = shell.args(["-c", &format!("exec 2>&1\n{}", step.command)]).env("PATH", &path).current_dir(&place);
        let run = bench.tell(output.output().unwrap());
        status = run.status;
        outputs.push(run.stdout.lines().fold(String::new(), |text, line| text + line.trim_end() + "\n"));
    }
    outputs
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn leaves_out(transcript: &Transcript) -> bool {
    let mut lines = transcript.steps.iter().flat_map(|step| step.output.lines());
    lines.any(|line| line == "..." || line.contains('…'))
}

/// Puts texts into a page, the last one first so that the ranges of the others stay.
fn write(page: &Page, mut texts: Vec<(std::ops::Range<usize>, String)>) {
    texts.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let path = root().join(&page.path);
    for (range, new) in texts {
        let mut text = fs::read_to_string(&path).unwrap();
        text.replace_range(range, &new);
        fs::write(&path, text).unwrap();
    }
}
