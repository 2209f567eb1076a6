//! What waits to be delivered.

use jiff::Timestamp;
use portreeve_core::SpoolReport;
use portreeve_core::delivery::Delivery;
use portreeve_core::spool::SetAside;

use super::text::{columns, count, labelled, paragraph, span, time};
use crate::output::{BAD, BOLD, DIM, GOOD, plain, styled};

/// Width of the column that labels lines.
const LABEL: usize = 11;
/// Most records set aside that are listed.
const MAX_SHOWN: usize = 10;

/// What waits, what became of the rest, and what the endpoint said last.
pub(crate) fn spool(report: &SpoolReport, width: usize) -> String {
    let records = report.records();
    let mut out = match report.oldest() {
        Some(oldest) => {
            let waits = records_of(records);
            format!("{}  the oldest is {} old\n", styled(BOLD, &format!("{waits} wait")), age(report.at, oldest))
        }
        None => format!("{}\n", styled(GOOD, "nothing waits")),
    };
    let by = match report.in_use_by {
        Some(0) => "in use by another process".to_owned(),
        Some(pid) => format!("in use by process {pid}"),
        None => "in use by nobody".to_owned(),
    };
    let files = count(usize::try_from(report.files).unwrap_or(usize::MAX), "file", "files");
    let place = format!("{} · {files}, {} · {by}", report.folder, bytes(report.file_bytes));
    out.push_str(&format!("{}\n", styled(DIM, &plain(&place))));
    let waiting: Vec<Vec<String>> = report
        .waiting
        .iter()
        .filter_map(|(signal, waiting)| {
            let oldest = waiting.oldest?;
            let about = format!("{}, since {}", bytes(waiting.bytes), time(oldest));
            Some(vec![signal.clone(), waiting.records.to_string(), about])
        })
        .collect();
    out.push_str(&section("Waiting", &columns(&waiting, 2, width)));
    let events: Vec<Vec<String>> =
        report.events.iter().map(|(name, count)| vec![plain(name), count.to_string()]).collect();
    out.push_str(&section("Events", &columns(&events, 2, width)));
    let totals = &report.totals;
    let rows: Vec<Vec<String>> = [
        ("spooled", totals.spooled, String::new()),
        ("delivered", totals.delivered, String::new()),
        ("dropped", totals.dropped, " by the bound, the oldest first".to_owned()),
        ("refused", totals.refused, format!(" by the endpoint; {} still kept", report.set_aside.len())),
        ("lost", totals.lost, ", which could not be read any more".to_owned()),
        ("healed", totals.torn, " torn ends of files, as a crash leaves them".to_owned()),
    ]
    .into_iter()
    .filter(|(_, number, about)| *number > 0 || about.is_empty())
    .map(|(what, number, about)| vec![what.to_owned(), format!("{number}{about}")])
    .collect();
    let since = format!("Since {}", time(totals.since));
    out.push_str(&section(&since, &columns(&rows, 2, width)));
    out.push_str(&section("Delivery", &delivery(report.delivery.as_ref(), width)));
    let aside: String = report.set_aside.iter().take(MAX_SHOWN).map(|record| refused(record, width)).collect();
    let more = report.set_aside.len().saturating_sub(MAX_SHOWN);
    let more = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    out.push_str(&section("Set aside", &format!("{aside}{more}")));
    if !report.damages.is_empty() {
        out.push_str(&section("Damaged", &damages(report)));
    }
    out
}

/// What verifying found.
pub(crate) fn verified(report: &SpoolReport) -> String {
    let records = report.records() + report.set_aside.len() as u64;
    let files = count(usize::try_from(report.files).unwrap_or(usize::MAX), "file", "files");
    let read = format!("{} in {files}", records_of(records));
    if report.damages.is_empty() {
        return format!("{}  {read}\n", styled(GOOD, "sound"));
    }
    format!("{}  {read} can be read; the agent skips the rest\n{}", styled(BAD, "damaged"), damages(report))
}

/// What a flush did.
pub(crate) fn flushed(waited: usize, left: usize, delivery: Option<&Delivery>) -> String {
    let gone = waited.saturating_sub(left);
    if left == 0 {
        return format!("{} left the spool\n", records_of(gone as u64));
    }
    let why = delivery.and_then(|delivery| delivery.last_error.as_ref());
    let why = why.map_or_else(String::new, |error| format!(": {}", plain(&error.why)));
    format!("{} left the spool, {left} still wait{why}\n", records_of(gone as u64))
}

fn section(title: &str, body: &str) -> String {
    if body.is_empty() { String::new() } else { format!("\n{}\n{body}", styled(BOLD, title)) }
}

fn delivery(delivery: Option<&Delivery>, width: usize) -> String {
    let Some(delivery) = delivery else { return paragraph("nothing was delivered yet", 2, width) };
    let mut out = String::new();
    if !delivery.endpoint.is_empty() {
        out.push_str(&labelled("endpoint", &delivery.endpoint, 2, LABEL, width));
    }
    let took = delivery.last_success.map_or_else(|| "nothing yet".to_owned(), time);
    out.push_str(&labelled("took last", &took, 2, LABEL, width));
    if let Some(error) = &delivery.last_error {
        let of = error.signal.as_ref().map(|signal| format!(" ({signal})")).unwrap_or_default();
        let end = if delivery.is_failing { "" } else { "; it went on after that" };
        let text = format!("{}{of}: {}{end}", time(error.at), error.why);
        out.push_str(&labelled("last error", &text, 2, LABEL, width));
    }
    out
}

fn refused(record: &SetAside, width: usize) -> String {
    let what = if record.events.is_empty() { record.signal.clone() } else { record.events.join(", ") };
    let text = format!("{} {what}, {}, {}: {}", time(record.at), bytes(record.bytes), record.id, record.why);
    paragraph(&text, 2, width)
}

fn damages(report: &SpoolReport) -> String {
    let mut out = String::new();
    for damage in &report.damages {
        out.push_str(&format!("  {}: {} at byte {}\n", plain(&damage.file), bytes(damage.bytes), damage.offset));
    }
    out
}

fn records_of(count: u64) -> String {
    if count == 1 { "1 record".to_owned() } else { format!("{count} records") }
}

#[expect(clippy::cast_precision_loss, reason = "one digit is shown")]
fn bytes(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..0x10_0000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}

fn age(now: Timestamp, then: Timestamp) -> String {
    span(u64::try_from(now.as_second().saturating_sub(then.as_second())).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use portreeve_core::delivery::DeliveryError;
    use portreeve_core::spool::{Damage, SCHEMA, Totals, Waiting};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn report() -> SpoolReport {
        let of = |records: u64, second| Waiting { records, bytes: records * 700, oldest: Some(at(second)) };
        SpoolReport {
            schema: SCHEMA.to_owned(),
            at: at(7_500),
            folder: "/var/lib/portreeve/spool".to_owned(),
            in_use_by: Some(612),
            waiting: BTreeMap::from([("metrics".to_owned(), of(121, 300)), ("logs".to_owned(), of(3, 0))]),
            events: BTreeMap::from([
                ("portreeve.finding.opened".to_owned(), 2),
                ("portreeve.verdict.changed".to_owned(), 1),
            ]),
            set_aside: vec![SetAside {
                id: "0193-canary".to_owned(),
                signal: "logs".to_owned(),
                at: at(-60),
                bytes: 80_000,
                events: vec!["portreeve.report".to_owned()],
                why: "the endpoint refuses the request (400): field\x1b[31m 7 is unknown".to_owned(),
            }],
            damages: vec![Damage { file: "logs-00000000000000000000.v1".to_owned(), offset: 82, bytes: 90 }],
            files: 3,
            file_bytes: 167_000,
            totals: Totals {
                since: at(-90_000),
                spooled: 4_000,
                delivered: 3_860,
                dropped: 14,
                dropped_bytes: 9_000,
                refused: 1,
                lost: 1,
                torn: 2,
            },
            delivery: Some(Delivery {
                endpoint: "https://otel.example:4318".to_owned(),
                last_success: Some(at(0)),
                is_failing: true,
                last_error: Some(DeliveryError {
                    at: at(7_400),
                    signal: Some("metrics".to_owned()),
                    why: "no connection: Connection refused (os error 111)".to_owned(),
                }),
                ..Delivery::default()
            }),
        }
    }

    fn bare(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_spool_with_everything_in_it() {
        insta::assert_snapshot!(bare(&spool(&report(), 80)));
    }

    #[test]
    fn a_spool_with_nothing_in_it() {
        let mut report = report();
        (report.in_use_by, report.delivery) = (None, None);
        report.waiting.clear();
        report.events.clear();
        report.set_aside.clear();
        report.damages.clear();
        report.totals = Totals {
            since: at(0),
            spooled: 0,
            delivered: 0,
            dropped: 0,
            dropped_bytes: 0,
            refused: 0,
            lost: 0,
            torn: 0,
        };
        insta::assert_snapshot!(bare(&format!("{}\n{}", spool(&report, 80), verified(&report))));
    }

    #[test]
    fn what_verifying_and_flushing_say() {
        let report = report();
        let delivery = report.delivery.as_ref();
        let said = [verified(&report), flushed(9, 2, delivery), flushed(9, 2, None), flushed(1, 0, delivery)];
        insta::assert_snapshot!(bare(&said.concat()));
    }
}
