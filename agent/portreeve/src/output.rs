//! Standard output, standard error and colour.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::cli::{ColorChoice, Global};

/// A heading.
pub(crate) const BOLD: Style = Style::new().bold();
/// Something that holds.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Something that blocks.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Something that degrades or is not known.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
/// What only the curious read.
pub(crate) const DIM: Style = Style::new().dimmed();
/// A command to copy.
pub(crate) const COMMAND: Style = AnsiColor::Cyan.on_default();

/// Text in a style. Colour is stripped on its way out where it is not wanted.
pub(crate) fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Follows `--color`; without it, `NO_COLOR`, `CLICOLOR` and the kind of the stream decide.
pub(crate) fn choose_colour(choice: ColorChoice) {
    match choice {
        ColorChoice::Auto => {}
        ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
        ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
    }
}

/// Writes data to standard output.
pub(crate) fn print(text: &str) -> io::Result<()> {
    // JSON can be megabytes, and holds nothing that would have to be taken out.
    if !text.contains('\u{1b}') {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        return out.flush();
    }
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes what a command goes on after, or ends with a status after, even where the reader went away.
pub(crate) fn verdict(text: &str) -> io::Result<()> {
    match print(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Shows how far something has come, on a terminal and until the next such line; an empty one takes it away.
pub(crate) fn progress(global: &Global, text: &str) {
    if global.quiet || !io::stderr().is_terminal() {
        return;
    }
    // A terminal that is gone misses nothing.
    drop(write!(anstream::stderr().lock(), "\r\u{1b}[K{}", plain(text)));
}

/// Begins anew at the top of the terminal.
pub(crate) fn redraw(text: &str) -> io::Result<()> {
    print(&format!("\u{1b}[H\u{1b}[2J{text}"))
}

/// Whether standard output is a terminal.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Writes an error with its causes and its hint to standard error.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut text = format!("{} {}\n", styled(BAD, "error:"), lines(&error.to_string()));
    for cause in error.chain().skip(1) {
        text.push_str(&format!("  caused by: {}\n", lines(&cause.to_string())));
    }
    if let Some(hint) = crate::error::hint(error) {
        text.push_str(&format!("\n{} {}\n", styled(BOLD, "hint:"), plain(&hint)));
    }
    // Nothing is left to tell if even the message cannot be written.
    drop(anstream::stderr().lock().write_all(text.as_bytes()));
}

/// Writes a line on what a command is doing to standard error.
pub(crate) fn note(text: &str) {
    let line = format!("{} {}\n", styled(DIM, "portreeve:"), plain(text));
    // Nothing is left to tell if even the message cannot be written.
    drop(anstream::stderr().lock().write_all(line.as_bytes()));
}

/// Whether the reader of our output went away, which is no failure of ours. A connection that breaks is the cause of another error.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Characters of one piece of text that are shown to a reader; `--json` has them all.
const MOST: usize = 600;

/// One line of text from the node: what could drive the terminal, reorder the line or begin a new one is made visible, and what no reader
/// would read to its end is cut.
pub(crate) fn plain(text: &str) -> String {
    let mut out: String = text.chars().take(MOST).flat_map(visible).collect();
    if text.len() > MOST && text.chars().nth(MOST).is_some() {
        out.push_str(&format!("… ({} bytes)", text.len()));
    }
    out
}

/// A command to copy, on one line and whole; none where it cannot be shown as what it is.
pub(crate) fn copyable(command: &str) -> Option<&str> {
    (command.len() <= 4 * MOST && !command.chars().any(is_unsafe)).then_some(command)
}

/// Text of our own that may have several lines.
fn lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n  ")
}

fn visible(c: char) -> Vec<char> {
    if is_unsafe(c) { c.escape_default().collect() } else { vec![c] }
}

/// Controls, and the characters of Unicode that hide or reorder their neighbours (UAX #9, UTS #55).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Columns to write for: those of `COLUMNS`, else the terminal's, else 80; from 40 to 100.
pub(crate) fn width() -> usize {
    let named = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let columns = named.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)));
    columns.unwrap_or(80_usize).clamp(40, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_neither_drive_the_terminal_nor_reorder_or_break_a_line() {
        assert_eq!(plain("a\u{1b}[2Jb\rc\u{202e}d\u{feff}"), "a\\u{1b}[2Jb\\rc\\u{202e}d\\u{feff}");
        assert_eq!(plain("one\nREADY"), "one\\nREADY");
        assert_eq!(plain("fünf Ümlaute: 東京"), "fünf Ümlaute: 東京");
    }

    #[test]
    fn only_our_own_output_counts_as_a_reader_that_went_away() {
        let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert!(is_broken_pipe(&broken().into()));
        let elsewhere = crate::error::UserError::Read { path: "/proc".into(), source: broken() };
        assert!(!is_broken_pipe(&elsewhere.into()));
    }

    #[test]
    fn what_nobody_would_read_is_cut() {
        assert_eq!(plain(&"é".repeat(MOST)), "é".repeat(MOST));
        assert_eq!(plain(&"é".repeat(MOST + 1)), format!("{}… ({} bytes)", "é".repeat(MOST), 2 * MOST + 2));
    }

    #[test]
    fn only_a_command_that_is_what_it_looks_like_is_shown_to_copy() {
        assert_eq!(copyable("kill 42"), Some("kill 42"));
        assert_eq!(copyable("kill 42\nrm -rf ~"), None);
        assert_eq!(copyable("rm \u{202e}x"), None);
        assert_eq!(copyable(&"x".repeat(1 << 20)), None);
    }
}
