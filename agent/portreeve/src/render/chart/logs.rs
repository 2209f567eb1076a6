//! Which close codes came when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use plotters::chart::ChartBuilder;
use plotters::element::Rectangle;
use plotters::style::text_anchor::HPos;
use plotters::style::{Color, RGBColor};

use portreeve_core::logs::{CloseBucket, LogReport};
use portreeve_core::order::Gather as _;

use super::axis::Axis;
use super::{ALARM, Area, ChartError, FAINT, GREY, Heading, INK, MARGIN, RULE, SERIES, WIDTH, cut, picture, text};

/// Height of the axes, in pixels.
const PLOT: i32 = 300;
/// From one row of the list below to the next.
const ROW: i32 = 22;
/// Marks along the time.
const MARKS: usize = 12;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
const FOUR_DAYS: i64 = 4 * DAY;
const HALF_A_YEAR: i64 = 180 * DAY;
/// Codes that have a colour of their own.
const MOST_CODES: usize = 7;
/// Bars that have room: of a longer time, the last.
const MOST_BARS: i64 = 400;

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CloseChart {
    /// What stands above: `Closed connections of the gateway on port 18789`.
    pub(crate) title: String,
    /// What it was counted from: which logs, since when.
    pub(crate) about: String,
    /// What each bar is divided into, from below: `1000 normal closure`, `1006 no close frame`.
    pub(crate) names: Vec<String>,
    /// Seconds of one bucket: 3,600 or 86,400.
    pub(crate) bucket_s: i64,
    /// The bars in the order of time, without gaps.
    pub(crate) buckets: Vec<Bucket>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// When it begins.
    pub(crate) start: Timestamp,
    /// How many of each of the names.
    pub(crate) counts: Vec<u64>,
}

impl CloseChart {
    /// By hour where all of it lies within four days, by day within half a year, else by week.
    pub(crate) fn of(report: &LogReport) -> Self {
        let closes = &report.closes;
        let span = |buckets: &[CloseBucket]| match (buckets.first(), buckets.last()) {
            (Some(first), Some(last)) => last.start.as_second().saturating_sub(first.start.as_second()),
            _ => 0,
        };
        let (bucket_s, counted) = match span(&closes.days) {
            0..FOUR_DAYS => (HOUR, &closes.hours),
            FOUR_DAYS..HALF_A_YEAR => (DAY, &closes.days),
            _ => (WEEK, &closes.weeks),
        };
        let mut codes: Vec<Option<u16>> =
            closes.codes.iter().filter(|code| code.count > 0).map(|code| code.code).collect();
        codes.dedup();
        let others = codes.split_off(codes.len().min(MOST_CODES));
        let counts = |bucket: &CloseBucket| {
            let of = |code: &Option<u16>| {
                bucket.codes.iter().filter(|count| count.code == *code).map(|count| count.count).sum()
            };
            let mut counts: Vec<u64> = codes.iter().map(of).collect();
            if !others.is_empty() {
                counts.push(bucket.total.saturating_sub(sum(counts.iter())));
            }
            counts
        };
        let known: BTreeMap<i64, &CloseBucket> =
            counted.iter().map(|bucket| (bucket.start.as_second(), bucket)).gather();
        let (first, last) = (known.keys().next().copied().unwrap_or(0), known.keys().last().copied().unwrap_or(-1));
        let first = first.max(last.saturating_sub((MOST_BARS - 1) * bucket_s));
        let starts = (0..).map(|n| first + n * bucket_s).take_while(|start| *start <= last);
        let bars = starts.filter_map(|start| {
            let counts = known
                .get(&start)
                .map_or_else(|| vec![0; codes.len() + usize::from(!others.is_empty())], |bucket| counts(bucket));
            Some(Bucket { start: Timestamp::from_second(start).ok()?, counts })
        });
        let mut names: Vec<String> = codes.iter().map(|code| name(*code)).collect();
        names.extend((!others.is_empty()).then(|| "other codes".to_owned()));
        let told = |at: Option<Timestamp>| {
            at.map_or_else(|| "unknown".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M UTC").to_string())
        };
        let about = format!(
            "{} ends in {} lines, from {} to {}",
            closes.total,
            report.lines,
            told(report.first),
            told(report.last)
        );
        Self { title: "How connections ended".to_owned(), about, bucket_s, buckets: bars.collect(), names }
    }
}

/// A close code with what it means.
fn name(code: Option<u16>) -> String {
    let Some(code) = code else { return "no code told".to_owned() };
    let meaning = match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1005 => "no code",
        1006 => "no close frame",
        1008 => "refused",
        1009 => "too large",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        _ => "",
    };
    format!("{code} {meaning}").trim_end().to_owned()
}

/// Bars over time, each divided by close code.
pub(crate) fn logs_svg(closes: &CloseChart) -> Result<String, ChartError> {
    let lines = [closes.about.clone()];
    let heading = Heading { title: &closes.title, lines: &lines };
    let rows = i32::try_from(closes.names.len().div_ceil(2)).unwrap_or(0);
    picture(&heading, PLOT + 24 + rows * ROW, |area| {
        let (upper, lower) = area.split_vertically(PLOT);
        bars(&upper, closes)?;
        let half = i32::try_from(WIDTH / 2).unwrap_or(0);
        for (index, name) in closes.names.iter().enumerate() {
            let row = i32::try_from(index / 2).unwrap_or(0);
            let (x, y) = (MARGIN + if index % 2 == 0 { 0 } else { half }, 12 + row * ROW);
            lower.draw(&Rectangle::new([(x, y - 6), (x + 12, y + 6)], colour(name, index).filled()))?;
            let count = sum(closes.buckets.iter().filter_map(|bucket| bucket.counts.get(index)));
            lower.draw_text(&cut(&format!("{name}: {count}"), 56), &text(12, INK, HPos::Left), (x + 20, y))?;
        }
        Ok(())
    })
}

/// The colour of alarm belongs to connections without a close frame, that of good ends to 1000.
fn colour(name: &str, index: usize) -> RGBColor {
    const OTHERS: [RGBColor; 5] = [SERIES[0], SERIES[3], SERIES[4], SERIES[5], SERIES[6]];
    match name.split_whitespace().next() {
        Some("1006") => ALARM,
        Some("1000") => SERIES[2],
        _ => OTHERS.get(index % OTHERS.len()).copied().unwrap_or(GREY),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of log lines and buckets are far below 2^52")]
fn bars(area: &Area<'_>, closes: &CloseChart) -> Result<(), ChartError> {
    let buckets = &closes.buckets;
    let greatest = buckets.iter().map(|bucket| sum(bucket.counts.iter())).max().unwrap_or(0);
    let unit = match closes.bucket_s {
        HOUR => "hour",
        DAY => "day",
        WEEK => "week",
        _ => "bar",
    };
    let mut chart = ChartBuilder::on(area)
        .margin_right(40)
        .margin_top(14)
        .margin_left(16)
        .margin_bottom(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(Axis::places(buckets.len(), &places(closes)), Axis::counts(greatest))?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(RULE)
        .light_line_style(FAINT)
        .axis_style(RULE)
        .label_style(text(11, GREY, HPos::Center))
        .axis_desc_style(text(12, GREY, HPos::Center))
        .x_label_formatter(&|place| {
            // The place is one of those above, which are whole and not negative.
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number of buckets")]
            let index = place.round() as usize;
            buckets.get(index).map(|bucket| when(bucket.start, closes.bucket_s)).unwrap_or_default()
        })
        .y_label_formatter(&|count| format!("{count:.0}"))
        .x_desc("time, UTC")
        .y_desc(format!("closed connections per {unit}"))
        .draw()?;
    let gap = if buckets.len() > 200 { 0.0 } else { 0.12 };
    for (place, bucket) in buckets.iter().enumerate() {
        let (left, right) = (place as f64 + gap, (place + 1) as f64 - gap);
        let mut height = 0_u64;
        for (index, (count, name)) in bucket.counts.iter().zip(&closes.names).enumerate() {
            let from = height as f64;
            height = height.saturating_add(*count);
            let to = height as f64;
            if *count > 0 {
                let bar = Rectangle::new([(left, to), (right, from)], colour(name, index).filled());
                chart.draw_series([bar])?;
            }
        }
    }
    Ok(())
}

fn sum<'a>(counts: impl Iterator<Item = &'a u64>) -> u64 {
    counts.fold(0, |sum, count| sum.saturating_add(*count))
}

/// Where the marks along the time are: at full days, or at hours that divide a day.
fn places(closes: &CloseChart) -> Vec<usize> {
    let count = closes.buckets.len();
    let hours: &[i64] = &[1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672, 1_344, 2_016];
    let fits = |hours: &&i64| {
        let steps = **hours * 3_600 / closes.bucket_s.max(1);
        steps >= 1 && count / usize::try_from(steps).unwrap_or(1).max(1) <= MARKS
    };
    let step = hours.iter().find(fits).copied().unwrap_or(8_760) * 3_600;
    let marked = closes
        .buckets
        .iter()
        .enumerate()
        .filter(|(_, bucket)| bucket.start.as_second().rem_euclid(step) < closes.bucket_s);
    marked.map(|(place, _)| place).collect()
}

/// `Nov 21` at midnight, `18:00` within a day.
fn when(start: Timestamp, bucket_s: i64) -> String {
    let start = start.to_zoned(TimeZone::UTC);
    let form = if bucket_s >= 86_400 || start.hour() == 0 { "%b %-d" } else { "%H:%M" };
    start.strftime(form).to_string()
}
