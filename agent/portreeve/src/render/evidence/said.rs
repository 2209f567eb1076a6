//! What is said on the terminal, and the note beside the parts.

use portreeve_core::evidence::Evidence;
use portreeve_core::{Report, Verdict};

use super::bytes;
use crate::output::{BOLD, DIM, plain, styled};
use crate::render::report::verdict;
use crate::render::text::{columns, count, paragraph};

/// Verdict, files, and a word of care.
pub(crate) fn said(report: &Report, evidence: &Evidence, width: usize) -> String {
    let (style, word, meaning) = verdict(report);
    let mut out = columns(&[vec![styled(style, word), meaning]], 0, width);
    let answered = evidence.questions.iter().filter(|answer| !answer.says.is_empty()).count();
    let entries = evidence.timeline.entries;
    out.push_str(&styled(
        DIM,
        &format!("{answered} of {} questions answered, {entries} entries of logs", evidence.questions.len()),
    ));
    out.push_str(&format!("\n\n{}\n", styled(BOLD, "For the ticket")));
    let rows: Vec<Vec<String>> = evidence.files.iter().map(|file| vec![bytes(file.bytes), plain(&file.path)]).collect();
    out.push_str(&columns(&rows, 2, usize::MAX));
    for part in evidence.parts.iter().filter_map(|part| Some((part, part.left_out.as_ref()?))) {
        out.push_str(&paragraph(&format!("left out of {}: {}", part.0.name, part.1), 2, width));
    }
    let taken = &evidence.redacted;
    let secrets = count(usize::try_from(taken.secrets).unwrap_or(usize::MAX), "secret", "secrets");
    let people = count(taken.users, "person", "people");
    let words = format!(
        "Masked: {secrets}, {people}, {} and {}. Look at the page before it leaves your hands.",
        count(taken.hosts, "other machine", "other machines"),
        count(taken.peers, "address", "addresses"),
    );
    out.push('\n');
    out.push_str(&paragraph(&words, 0, width));
    out
}

/// The note beside the parts.
pub(crate) fn note(report: &Report, evidence: &Evidence) -> String {
    let (_, word, meaning) = verdict(report);
    let host = evidence.host.as_deref().unwrap_or("this node");
    let mut out = format!("Portreeve evidence of {}\n\n{word}: {}\n\n", plain(host), plain(&meaning));
    if report.verdict != Verdict::Ready {
        out.push_str("Begin with index.html; it opens in any browser and fetches nothing.\n\n");
    }
    for part in &evidence.parts {
        let size = part.bytes.map_or_else(|| "left out".to_owned(), bytes);
        let left_out = part.left_out.as_ref().map(|why| format!(" (left out: {})", plain(why))).unwrap_or_default();
        out.push_str(&format!("{:<16} {size:>10}  {}{left_out}\n", part.name, part.about));
    }
    out.push_str(
        "\nSecrets, people, other machines and addresses outside the node are masked or have\npseudonyms, the same in all parts. \
         The facts can be judged again: portreeve check --from snapshot.json\n",
    );
    out
}
