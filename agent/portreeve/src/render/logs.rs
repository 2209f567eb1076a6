//! What logs say, as a summary and line by line.

use anstyle::Style;
use jiff::Timestamp;
use portreeve_core::logs::{Closes, CodeCount, Entry, LogLayer, LogReport, LogSource, Starts, Windowed};

use super::text::{columns, labelled, milliseconds};
use crate::output::{BAD, BOLD, COMMAND, DIM, GOOD, WARN, plain, styled};

/// Width of the column of labels.
const LABEL: usize = 11;
/// Most rows of a table.
const ROWS: usize = 15;
/// Hours and starts that are shown, the latest.
const LATEST: usize = 6;

/// What logs say.
pub(crate) fn logs(report: &LogReport, width: usize) -> String {
    let mut out = format!("{}  {} lines, {}\n", styled(BOLD, "Logs"), report.lines, bytes(report.bytes));
    if let (Some(first), Some(last)) = (report.first, report.last) {
        out.push_str(&labelled("from", &format!("{} to {}", time(first), time(last)), 2, LABEL, width));
    }
    let layers = &report.layers;
    let layers = format!(
        "transport {}, auth {}, channels {}, other {}",
        layers.transport, layers.auth, layers.channels, layers.other
    );
    out.push_str(&labelled("layers", &layers, 2, LABEL, width));
    if report.unparsed > 0 {
        out.push_str(&labelled("torn", &format!("{} lines are torn or foreign", report.unparsed), 2, LABEL, width));
    }
    if !report.events.is_empty() {
        out.push_str(&format!("\n{}\n", styled(BOLD, "Events")));
        let rows: Vec<Vec<String>> = report
            .events
            .iter()
            .take(ROWS)
            .map(|event| {
                let last = event.last.map_or_else(String::new, |at| styled(DIM, &format!("last {}", time(at))));
                vec![format!("{:>7}", event.count), layered(event.layer, event.layer.name()), event.kind.clone(), last]
            })
            .collect();
        out.push_str(&columns(&rows, 2, width));
        out.push_str(&more(report.events.len()));
    }
    out.push_str(&closes(&report.closes, width));
    let windows =
        [("secrets", "refused", &report.token_mismatches), ("pairing", "turned away", &report.pairing_attempts)];
    let windows: String = windows
        .iter()
        .filter(|(_, _, window)| window.total > 0)
        .map(|(label, what, w)| windowed(label, what, w, width))
        .collect();
    if !windows.is_empty() {
        out.push_str(&format!("\n{}\n{windows}", styled(BOLD, "Refusals")));
    }
    out.push_str(&starts(&report.starts, width));
    out.push_str(&format!("\n{}\n", styled(BOLD, "Sources")));
    let rows: Vec<Vec<String>> = report.sources.iter().map(source).collect();
    out.push_str(&columns(&rows, 2, width));
    out
}

fn more(count: usize) -> String {
    if count > ROWS {
        format!("  {}\n", styled(DIM, &format!("and {} more: `--json`", count - ROWS)))
    } else {
        String::new()
    }
}

fn closes(closes: &Closes, width: usize) -> String {
    if closes.total == 0 {
        return String::new();
    }
    let mut out = format!("\n{}  {} connections ended\n", styled(BOLD, "Close codes"), closes.total);
    let rows: Vec<Vec<String>> = closes
        .reasons
        .iter()
        .take(ROWS)
        .map(|reason| {
            let text = if reason.reason.is_empty() { "no reason given" } else { &reason.reason };
            vec![format!("{:>7}", reason.count), code(reason.code), plain(text)]
        })
        .collect();
    out.push_str(&columns(&rows, 2, width));
    out.push_str(&more(closes.reasons.len()));
    let skipped = closes.hours.len().saturating_sub(LATEST);
    for hour in closes.hours.iter().skip(skipped) {
        let codes: Vec<String> =
            hour.codes.iter().map(|CodeCount { code: c, count }| format!("{} × {count}", code(*c))).collect();
        let hour = hour.start.strftime("%m-%d %H h").to_string();
        out.push_str(&labelled(&hour, &codes.join(", "), 2, LABEL, width));
    }
    out
}

fn windowed(label: &str, what: &str, window: &Windowed, width: usize) -> String {
    let until = window.most_at.map_or_else(String::new, |at| format!(", until {}", time(at)));
    let verdict = if window.is_storm() { "more than" } else { "not more than" };
    let text = format!(
        "{} {what}; at most {} within {} min{until}: {verdict} the {} that a person explains",
        window.total,
        window.most,
        window.window_s / 60,
        window.bar
    );
    let text = labelled(label, &text, 2, LABEL, width);
    if window.is_storm() { styled(BAD, &text) } else { text }
}

fn starts(starts: &Starts, width: usize) -> String {
    if starts.counted.total == 0 {
        return String::new();
    }
    let storm = if starts.counted.is_storm() {
        styled(BAD, &format!(", {} of them within 10 min", starts.counted.most))
    } else {
        String::new()
    };
    let mut out =
        format!("\n{}  {}, {} became ready{storm}\n", styled(BOLD, "Starts"), starts.counted.total, starts.ready);
    if let Some(ready) = &starts.ready_ms {
        let text = format!(
            "p50 {}, p95 {}, max {}",
            milliseconds(ready.p50),
            milliseconds(ready.p95),
            milliseconds(ready.max)
        );
        out.push_str(&labelled("ready after", &text, 2, LABEL + 2, width));
    }
    let skipped = starts.latest.len().saturating_sub(LATEST);
    let rows: Vec<Vec<String>> = starts
        .latest
        .iter()
        .skip(skipped)
        .map(|start| {
            #[expect(clippy::cast_precision_loss, reason = "below an hour")]
            let ready = match start.ready_ms {
                Some(ms) => styled(GOOD, &format!("ready after {}", milliseconds(ms as f64))),
                None => styled(WARN, "not ready"),
            };
            vec![start.at.map_or_else(|| "?".to_owned(), time), ready]
        })
        .collect();
    out.push_str(&columns(&rows, 2, width));
    out
}

fn source(source: &LogSource) -> Vec<String> {
    let mut what = format!("{} lines, {}", source.lines, bytes(source.bytes));
    if source.cut > 0 {
        what.push_str(&format!(", {} cut", source.cut));
    }
    if let Some(offset) = source.offset_ms {
        what.push_str(&format!(", clock {offset:+} ms"));
    }
    if let Some(problem) = &source.problem {
        what.push_str(&format!("; {}", plain(problem)));
    }
    vec![source.origin.name().to_owned(), plain(&source.id), what]
}

/// One line of a timeline.
pub(crate) fn entry(entry: &Entry) -> String {
    let offset =
        if entry.offset_ms == 0 { String::new() } else { styled(DIM, &format!(" (clock {:+} ms)", entry.offset_ms)) };
    let kind = entry.kind.as_deref().unwrap_or("-");
    format!(
        "{}  {:<9}{}  {}  {}{offset}\n",
        styled(DIM, &entry.at.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()),
        entry.origin.name(),
        layered(entry.layer, &format!("{:<9}", entry.layer.name())),
        format_args!("{:<24}", plain(kind)),
        plain(&entry.text),
    )
}

fn layered(layer: LogLayer, text: &str) -> String {
    let style = match layer {
        LogLayer::Transport => COMMAND,
        LogLayer::Auth => WARN,
        LogLayer::Channels => GOOD,
        LogLayer::Other => Style::new(),
    };
    styled(style, text)
}

fn code(code: Option<u16>) -> String {
    code.map_or_else(|| "-".to_owned(), |code| code.to_string())
}

fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "a digit after the point is shown")]
fn bytes(count: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{value:.digits$} {}", units.get(unit).copied().unwrap_or_default())
}
