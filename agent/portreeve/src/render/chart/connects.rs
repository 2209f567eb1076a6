//! How long connects took, and what kept the others away.

use plotters::chart::ChartBuilder;
use plotters::element::{DashedPathElement, PathElement, Rectangle};
use plotters::series::LineSeries;
use plotters::style::Color;
use plotters::style::text_anchor::HPos;
use portreeve_core::connects::FailureCount;
use portreeve_core::{ConnectReport, Series};

use super::axis::{Axis, milliseconds};
use super::{
    ALARM, Area, ChartError, GREY, Heading, INK, MARGIN, RULE, SERIES, WIDTH, cut, picture, shares_by_duration, text,
};

/// Height of the axes, in pixels.
const PLOT: i32 = 320;
/// From one kind of failure to the next.
const ROW: i32 = 24;
/// Kinds of failures that are drawn.
const MOST: usize = 8;

/// The share of all connects that had their challenge within a time, and the failures below.
pub(crate) fn connects_svg(report: &ConnectReport, series: &Series) -> Result<String, ChartError> {
    let title = format!("Connects to {} from {}", report.target, report.from);
    let lines = [told(report), spread(report)];
    let heading = Heading { title: &title, lines: &lines };
    let kinds: Vec<&FailureCount> = report.failures.iter().take(MOST).collect();
    let rows = i32::try_from(kinds.len()).unwrap_or(0);
    let below = if rows == 0 { 0 } else { 44 + rows * ROW };
    picture(&heading, PLOT + below, |area| {
        let (upper, lower) = area.split_vertically(PLOT);
        curve(&upper, report, series)?;
        if rows == 0 { Ok(()) } else { failures(&lower, &kinds) }
    })
}

fn told(report: &ConnectReport) -> String {
    let at = report.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    match (report.rate, report.interval) {
        (Some(rate), Some([low, high])) => format!(
            "{at} · {} of {} came through, {:.1} % (true rate {:.1} to {:.1} % at 95 % confidence)",
            report.connected,
            report.made,
            rate * 100.0,
            low * 100.0,
            high * 100.0
        ),
        _ => format!("{at} · no connect was made"),
    }
}

fn spread(report: &ConnectReport) -> String {
    report.latency.as_ref().map_or_else(
        || "none had its challenge".to_owned(),
        |latency| {
            let [p50, p95, p99, max] = [latency.p50, latency.p95, latency.p99, latency.max].map(milliseconds);
            format!("to the challenge: half within {p50}, 95 % within {p95}, 99 % within {p99}, all within {max}")
        },
    )
}

#[expect(clippy::cast_precision_loss, reason = "numbers of connects are far below 2^52")]
fn curve(area: &Area<'_>, report: &ConnectReport, series: &Series) -> Result<(), ChartError> {
    let answered = series.connects.iter().filter(|probe| probe.answer().is_some());
    let mut latencies: Vec<f64> = answered.map(|probe| probe.elapsed_ms).filter(|value| value.is_finite()).collect();
    latencies.sort_by(f64::total_cmp);
    let axis = Axis::durations(latencies.iter().copied(), 0.01);
    let mut chart = shares_by_duration(
        ChartBuilder::on(area).margin_right(56).margin_top(12),
        &axis,
        ("time from the beginning to the gateway's challenge", "share of all connects"),
    )?;
    let wanted = report.threshold.clamp(0.0, 1.0);
    chart.draw_series([DashedPathElement::new(
        [(axis.start(), wanted), (axis.end(), wanted)],
        6,
        4,
        ALARM.stroke_width(1),
    )])?;
    let (_, y) = chart.backend_coord(&(axis.end(), wanted));
    let (_, top) = area.get_base_pixel();
    let right = i32::try_from(WIDTH).unwrap_or(i32::MAX) - 52;
    area.draw_text(&format!("{:.0} %", wanted * 100.0), &text(11, ALARM, HPos::Left), (right, y - top))?;
    if report.made == 0 || latencies.is_empty() {
        return Ok(());
    }
    let mut steps = vec![(axis.start(), 0.0)];
    for (before, latency) in latencies.iter().enumerate() {
        let at = axis.within(*latency);
        steps.push((at, before as f64 / report.made as f64));
        steps.push((at, (before + 1) as f64 / report.made as f64));
    }
    if let Some((_, share)) = steps.last().copied() {
        steps.push((axis.end(), share));
    }
    chart.draw_series(LineSeries::new(steps, SERIES[0].stroke_width(2)))?;
    Ok(())
}

fn failures(area: &Area<'_>, kinds: &[&FailureCount]) -> Result<(), ChartError> {
    const LEFT: i32 = MARGIN + 48;
    const ROOM: i32 = 180;
    let greatest = kinds.iter().map(|kind| kind.count).max().unwrap_or(1).max(1);
    area.draw_text("what kept the others away", &text(12, GREY, HPos::Left), (MARGIN, 14))?;
    for (kind, y) in kinds.iter().zip((0..).map(|n| 40 + n * ROW)) {
        let width = i32::try_from(kind.count.saturating_mul(180) / greatest).unwrap_or(ROOM).max(2);
        area.draw_text(&kind.count.to_string(), &text(12, INK, HPos::Right), (LEFT - 10, y))?;
        area.draw(&Rectangle::new([(LEFT, y - 7), (LEFT + width, y + 7)], ALARM.filled()))?;
        let errno = kind.errno.as_ref().map(|errno| format!(" ({errno})")).unwrap_or_default();
        let words = format!("{}: {}{errno}", kind.phase.name(), kind.message);
        area.draw_text(&cut(&words, 92), &text(12, INK, HPos::Left), (LEFT + ROOM + 12, y))?;
    }
    area.draw(&PathElement::new([(LEFT, 28), (LEFT, 28 + ROW * i32::try_from(kinds.len()).unwrap_or(0))], RULE))?;
    Ok(())
}
