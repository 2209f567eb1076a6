//! How long who comes at a random time waits for each lock.

use plotters::chart::ChartBuilder;
use plotters::element::{DashedPathElement, PathElement};
use plotters::series::LineSeries;
use plotters::style::Color;
use plotters::style::text_anchor::HPos;

use portreeve_core::LocksReport;
use portreeve_core::locks::LockReport;
use portreeve_core::snapshot::{LockWait, Waits};

use super::axis::{Axis, milliseconds};
use super::{ALARM, ChartError, GREY, Heading, INK, MARGIN, SERIES, cut, picture, shares_by_duration, text};

/// Height of the axes, in pixels.
const PLOT: i32 = 340;
/// From one lock to the next in the list below.
const ROW: i32 = 22;
/// Least wait that the axis shows, in milliseconds; what waits less stands at its left end.
const LEAST_MS: f64 = 1.0;

/// Steps that lie closer are drawn as one: they fall on the same pixel.
const FINEST: f64 = 1.005;

/// What is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LockChart {
    /// What stands above: `Waits for locks of /home/op/.openclaw`.
    pub(crate) title: String,
    /// How it was measured: when, for how long, with how many samples.
    pub(crate) about: String,
    /// The wait at which the 95th percentile is an error, in seconds.
    pub(crate) threshold_s: f64,
    /// One curve for each lock, of which the first seven are drawn.
    pub(crate) locks: Vec<WaitCurve>,
}

/// One lock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WaitCurve {
    /// Its name.
    pub(crate) name: String,
    /// What stands behind the name in the list: `p95 1.2 s, held 40 % of the time`.
    pub(crate) about: String,
    /// Waits in seconds, ascending, each with the share (0 to 1) of arrivals that wait at most so long.
    pub(crate) points: Vec<(f64, f64)>,
}

impl LockChart {
    /// What was watched, longest wait first. Locks that are held for life are left out: nobody is meant to wait for them.
    pub(crate) fn of(report: &LocksReport, watched: &[LockWait]) -> Self {
        let dirs: Vec<&str> = report.state_dirs.iter().map(|dir| dir.path.as_str()).collect();
        let title = match dirs.as_slice() {
            [dir] => format!("Waits for the locks of {dir}"),
            dirs => format!("Waits for the locks of {} state directories", dirs.len()),
        };
        let seconds = report.state_dirs.iter().map(|dir| dir.watched_s).fold(0.0, f64::max);
        let about = format!("{} · watched for {seconds:.0} s", report.at.strftime("%Y-%m-%d %H:%M:%S UTC"));
        let curve = |lock: &LockReport| {
            let dir = watched.iter().find(|dir| dir.state_dir == lock.state_dir)?;
            let waits =
                dir.locks.iter().find(|other| other.path == lock.path && other.kind == lock.kind)?.waits.get()?;
            let wait = lock.wait_s.as_ref().filter(|_| !lock.meant_for_life)?;
            let held = lock.held_fraction.map(|held| format!(", held {:.1} % of the time", held * 100.0));
            let about = format!("95 % within {}{}", milliseconds(wait.p95 * 1_000.0), held.unwrap_or_default());
            let name =
                lock.path.strip_prefix(&lock.state_dir).map_or(lock.path.as_str(), |rest| rest.trim_start_matches('/'));
            Some(WaitCurve { name: name.to_owned(), about, points: points(waits) })
        };
        let locks = report.locks.iter().filter_map(curve).collect();
        Self { title, about, threshold_s: report.threshold_s, locks }
    }
}

/// The share of newcomers that wait at most so long, from how long the lock stayed held from each moment on.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a watch are far below 2^52")]
pub(super) fn points(waits: &Waits) -> Vec<(f64, f64)> {
    let held: u64 = waits.buckets.iter().fold(0, |sum, (_, time)| sum.saturating_add(*time));
    let total = waits.observed_us.max(held);
    if total == 0 {
        return Vec::new();
    }
    let mut reached = total - held;
    let mut points = vec![(0.0, reached as f64 / total as f64)];
    for (wait, time) in &waits.buckets {
        reached = reached.saturating_add(*time);
        points.push((*wait as f64 / 1e6, reached as f64 / total as f64));
    }
    points
}

/// The share of arrivals that wait at most so long.
pub(crate) fn locks_svg(waits: &LockChart) -> Result<String, ChartError> {
    let shown = waits.locks.get(..SERIES.len()).unwrap_or(&waits.locks);
    let lines = [waits.about.clone()];
    let heading = Heading { title: &waits.title, lines: &lines };
    let rows = i32::try_from(shown.len()).unwrap_or(0) + i32::from(shown.len() < waits.locks.len());
    let threshold = waits.threshold_s * 1_000.0;
    picture(&heading, PLOT + 20 + rows * ROW, |area| {
        let (upper, lower) = area.split_vertically(PLOT);
        let values = shown.iter().flat_map(|lock| &lock.points).map(|(wait, _)| wait * 1_000.0);
        let axis = Axis::durations(values.chain([LEAST_MS, threshold]), LEAST_MS);
        let mut chart = shares_by_duration(
            ChartBuilder::on(&upper).margin_right(40).margin_top(22),
            &axis,
            ("wait of who comes at a random time", "share of arrivals that wait at most so long"),
        )?;
        let dashed = |from, to| DashedPathElement::new([from, to], 6, 4, ALARM.stroke_width(1));
        let at = axis.within(threshold);
        chart.draw_series([dashed((at, 0.0), (at, 1.0)), dashed((axis.start(), 0.95), (axis.end(), 0.95))])?;
        let (x, y) = chart.backend_coord(&(at, 1.0));
        let (left, top) = upper.get_base_pixel();
        let words = format!("95 % within {}", milliseconds(threshold));
        upper.draw_text(&words, &text(11, ALARM, HPos::Center), (x - left, y - top - 9))?;
        for (lock, colour) in shown.iter().zip(SERIES) {
            chart.draw_series(LineSeries::new(steps(&lock.points, &axis), colour.stroke_width(2)))?;
        }
        for ((lock, colour), y) in shown.iter().zip(SERIES).zip((0..).map(|n| 12 + n * ROW)) {
            lower.draw(&PathElement::new([(MARGIN, y), (MARGIN + 26, y)], colour.stroke_width(3)))?;
            lower.draw_text(&cut(&lock.name, 52), &text(12, INK, HPos::Left), (MARGIN + 36, y))?;
            lower.draw_text(&cut(&lock.about, 60), &text(12, GREY, HPos::Left), (MARGIN + 400, y))?;
        }
        if shown.len() < waits.locks.len() {
            let words = format!("{} more are not drawn", waits.locks.len() - shown.len());
            lower.draw_text(&words, &text(12, GREY, HPos::Left), (MARGIN + 36, 12 + (rows - 1) * ROW))?;
        }
        Ok(())
    })
}

/// The curve between the ends of the axis, in milliseconds: flat until the next wait, then up.
fn steps(points: &[(f64, f64)], axis: &Axis) -> Vec<(f64, f64)> {
    let mut steps: Vec<(f64, f64)> = Vec::with_capacity(points.len() * 2 + 2);
    let mut reached = 0.0;
    for (wait, share) in points.iter().filter(|(wait, share)| wait.is_finite() && share.is_finite()) {
        let at = axis.within(wait * 1_000.0);
        if let Some(last) = steps.last_mut().filter(|last| at < last.0 * FINEST) {
            reached = share.clamp(reached, 1.0);
            last.1 = reached;
            continue;
        }
        steps.push((at, reached));
        reached = share.clamp(reached, 1.0);
        steps.push((at, reached));
    }
    steps.push((axis.end(), reached));
    steps
}
