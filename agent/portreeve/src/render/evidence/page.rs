//! The page.

use jiff::Timestamp;
use portreeve_core::Verdict;
use portreeve_core::evidence::{Answer, Evidence, Told};

use super::html::{all, badge, code, list, paragraph, quiet, section, sentence, table, text};
use super::{Shown, findings, logs, parts};
use crate::render::maintenance;
use crate::render::report::verdict;

/// Nothing is fetched, run or sent, whatever the page holds.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";
/// Spells of one verdict that are shown, the latest.
const MOST_SPELLS: usize = 60;
const STYLE: &str = include_str!("style.css");

/// The page: one file that needs no other.
pub(crate) fn page(shown: &Shown) -> String {
    let evidence = &shown.evidence;
    let host = evidence.host.as_deref().unwrap_or("this node");
    let sections = [
        ("cause", findings::title(&shown.report), findings::causes(&shown.report)),
        ("findings", "Other findings", findings::others(&shown.report)),
        ("ladder", "Rungs", findings::ladder(&shown.report)),
        ("questions", "After the incident", questions(&evidence.questions)),
        ("topology", "Topology", parts::topology(&shown.topology)),
        ("locks", "Locks", parts::locks(shown.locks.as_ref())),
        ("digests", "Images", parts::images(&shown.images)),
        ("history", "Earlier verdicts", history(evidence)),
        ("timeline", "Timeline", logs::timeline(evidence, &shown.entries)),
        ("lines", "Last log lines", logs::levels(evidence)),
        ("unseen", "Not seen", findings::blind(&shown.report)),
        ("bundle", "About this bundle", about(evidence)),
    ];
    let shown_sections: Vec<_> = sections.into_iter().filter(|(_, _, body)| !body.is_empty()).collect();
    let links = all(&shown_sections, |(id, heading, _)| format!("<li><a href=\"#{id}\">{}</a></li>\n", text(heading)));
    let body = all(&shown_sections, |(id, heading, body)| section(id, heading, body));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Portreeve evidence: {host}, {word}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{head}\
         <nav aria-label=\"Parts of this page\"><ul>\n{links}</ul></nav>\n<main>\n{body}</main>\n\
         <footer><p>Made by portreeve {version}. This page fetches nothing, runs nothing and sends nothing.</p></footer>\n</body>\n</html>\n",
        host = text(host),
        word = verdict(&shown.report).1,
        head = header(shown, host),
        version = text(&evidence.agent.version),
    )
}

fn header(shown: &Shown, host: &str) -> String {
    let (_, word, meaning) = verdict(&shown.report);
    let look = look(shown.report.verdict);
    let node = &shown.report.node;
    let mut facts: Vec<String> = vec![text(host)];
    if let (Some(os), Some(version)) = (&node.os, &node.os_version) {
        let build = node.os_build.as_ref().map(|build| format!(" ({build})")).unwrap_or_default();
        facts.push(text(&format!("{os} {version}{build}, {}", node.arch)));
    }
    facts.extend(node.uptime_s.map(|seconds| format!("up {}", duration(seconds))));
    facts.push(format!("facts of {}", time(shown.report.generated_at)));
    facts.push(format!("logs since {}", time(shown.evidence.since)));
    let announced =
        shown.report.maintenance.as_ref().map(|announced| {
            format!("<p><strong>Maintenance</strong> {}</p>\n", text(&maintenance::sentence(announced)))
        });
    let announced = announced.unwrap_or_default();
    format!(
        "<header>\n<h1>Portreeve evidence</h1>\n<div class=\"verdict {look}\">\n<p class=\"word\">{word}</p>\n<p class=\"meaning\">{}</p>\n\
         {announced}<p class=\"facts\">{}</p>\n</div>\n</header>\n",
        sentence(&meaning),
        facts.join(" · ")
    )
}

fn look(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ready => "good",
        Verdict::Degraded | Verdict::Unknown => "warn",
        Verdict::Blocked => "bad",
    }
}

fn questions(answers: &[Answer]) -> String {
    let mut out = String::new();
    for answer in answers {
        let (look, word) = match answer.told {
            Told::Wholly => ("good", "answered"),
            Told::Partly => ("warn", "answered in part"),
            Told::Not => ("warn", "cannot tell"),
        };
        out.push_str(&format!("<article class=\"card\">\n<h3>{} {}</h3>\n", text(&answer.text), badge(look, word)));
        out.push_str(&answer.says.iter().map(|says| paragraph(says)).collect::<String>());
        for why in &answer.missing {
            out.push_str(&format!("<p class=\"missing\">Cannot tell {}.</p>\n", sentence(why.trim_end_matches('.'))));
        }
        if !answer.evidence.is_empty() {
            out.push_str("<h4>Evidence</h4>\n");
            out.push_str(&list(&findings::facts(&answer.evidence)));
        }
        out.push_str("</article>\n");
    }
    out
}

fn history(evidence: &Evidence) -> String {
    let rows: Vec<Vec<String>> = evidence
        .history
        .spells
        .iter()
        .rev()
        .take(MOST_SPELLS)
        .rev()
        .map(|spell| {
            let look = look(spell.verdict);
            let mut causes: Vec<String> = spell
                .causes
                .iter()
                .map(|cause| {
                    let named = cause.code.map(|cause| format!("{} ", code(cause.as_str()))).unwrap_or_default();
                    format!("{named}{}", sentence(&cause.summary))
                })
                .collect();
            if spell.cut {
                causes.push("<span class=\"quiet\">the daemon was not there when it ended</span>".to_owned());
            }
            let verdict = badge(look, &format!("{:?}", spell.verdict).to_lowercase());
            vec![stamp(spell.since), verdict, duration(spell.lasted_s), causes.join("<br>")]
        })
        .collect();
    let left_out = match evidence.history.spells.len().saturating_sub(MOST_SPELLS) {
        0 => String::new(),
        count => quiet(&format!("Left out: {count} older ones, which evidence.json has.")),
    };
    let table = table("Verdicts, oldest first", &["Since", "Verdict", "Lasted", "Why"], &rows);
    quiet(&evidence.history.about) + &left_out + &table
}

fn about(evidence: &Evidence) -> String {
    let out = &evidence.redacted;
    let counted = [
        (out.secrets, "places where a secret, or what looked like one, stood (***)"),
        (out.users as u64, "people (user-1, …)"),
        (out.hosts as u64, "other machines (host-1, …)"),
        (out.peers as u64, "addresses outside the node (peer-1, …; where only an address can stand, 2001:db8::1, …)"),
        (out.mails as u64, "mail addresses (mail-1, …)"),
        (out.accounts as u64, "accounts of cloud storage (account-1, …)"),
        (out.macs as u64, "hardware addresses (mac-1, …)"),
        (out.ids as u64, "devices, requests and containers (id- and a fingerprint under a key of the node)"),
    ];
    let items: Vec<String> =
        counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| text(&format!("{what}: {count}"))).collect();
    let mut body = paragraph(
        "Taken out, the same thing under the same name in all parts. The node's own name and addresses are left in.",
    );
    body.push_str(&list(&items));
    if items.is_empty() {
        body.push_str(&quiet("There was nothing to take out."));
    }
    if out.ids > 0 {
        body.push_str(&quiet(
            "A command that needs an id is shown with its fingerprint; `portreeve check` on the node shows it whole.",
        ));
    }
    body + &parts::list_of(evidence)
}

/// A time in the cell of a table.
pub(super) fn stamp(at: Timestamp) -> String {
    format!("<span class=\"t\">{}</span>", time(at))
}

pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}
