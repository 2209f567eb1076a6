//! Layout: wrapped paragraphs and aligned columns.

use jiff::Timestamp;
use textwrap::{Options, WordSeparator, WordSplitter};

use crate::output::plain;

/// Below this the last column of a table is not worth wrapping.
const NARROW: usize = 16;

/// A paragraph, wrapped and indented; continuation lines keep the indentation.
pub(super) fn paragraph(text: &str, indent: usize, width: usize) -> String {
    labelled("", text, indent, 0, width)
}

/// A label in a column of its own, and a paragraph beside it.
pub(super) fn labelled(label: &str, text: &str, indent: usize, column: usize, width: usize) -> String {
    let head = format!("{}{label:<column$}", " ".repeat(indent));
    let pad = " ".repeat(indent + column);
    wrapped(&plain(text), &head, &pad, width)
}

/// Lines are broken at blanks alone: a path or a flag that is torn at its hyphen cannot be copied.
fn wrapped(text: &str, first: &str, other: &str, width: usize) -> String {
    let options = Options::new(width)
        .initial_indent(first)
        .subsequent_indent(other)
        .break_words(false)
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    let mut out = String::new();
    for line in textwrap::wrap(text, options) {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Rows with aligned columns, two blanks apart. The last column is wrapped where there is room for it.
pub(super) fn columns(rows: &[Vec<String>], indent: usize, width: usize) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width_of =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| visible(cell)).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width_of).collect();
    let mut out = String::new();
    for row in rows {
        let Some((last, cells)) = row.split_last() else { continue };
        let mut line = " ".repeat(indent);
        for (cell, column) in cells.iter().zip(&widths) {
            line.push_str(cell);
            line.push_str(&" ".repeat(column.saturating_sub(visible(cell)) + 2));
        }
        let used = visible(&line);
        if used + NARROW > width {
            out.push_str(format!("{line}{last}").trim_end());
            out.push('\n');
        } else {
            out.push_str(&wrapped(last, &line, &" ".repeat(used), width));
        }
    }
    out
}

/// Columns on the screen, colour not counted.
fn visible(cell: &str) -> usize {
    textwrap::core::display_width(&anstream::adapter::strip_str(cell).to_string())
}

/// Milliseconds for a reader: two digits where they matter.
pub(super) fn milliseconds(value: f64) -> String {
    if value < 10.0 { format!("{value:.1} ms") } else { format!("{value:.0} ms") }
}

/// `1 thing`, `2 things`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// A time of day, to the second.
pub(super) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Seconds for a reader.
pub(super) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..172_800 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        let spans: Vec<String> = [5, 65, 3_700, 90_061, 700_000].into_iter().map(span).collect();
        assert_eq!(spans, ["5 s", "1 min", "1 h 1 min", "25 h 1 min", "8 days"]);
    }

    #[test]
    fn a_path_is_never_torn_at_its_hyphens() {
        let text = "the file /Users/op/.openclaw/tmp/openclaw-501/gateway.state.lock is there";
        insta::assert_snapshot!(labelled("seen", text, 2, 6, 44), @"
        seen  the file
              /Users/op/.openclaw/tmp/openclaw-501/gateway.state.lock
              is there
        ");
    }

    #[test]
    fn the_last_column_is_wrapped_under_itself() {
        let row = |first: &str, last: &str| vec![first.to_owned(), last.to_owned()];
        let rows = [row("pass", "live"), row("?", "nothing came within four seconds of the question")];
        insta::assert_snapshot!(columns(&rows, 2, 40), @"
        pass  live
        ?     nothing came within four seconds
              of the question
        ");
    }
}
