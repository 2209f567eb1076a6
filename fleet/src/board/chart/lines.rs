//! Values over time.

use jiff::Timestamp;
use plotters::chart::ChartBuilder;
use plotters::element::Circle;
use plotters::series::LineSeries;
use plotters::style::Color;
use plotters::style::text_anchor::HPos;

use super::axis::{Axis, time_label};
use super::{Legend, Picture, SERIES, Tint, drawn, text};

/// Height of the picture.
const HEIGHT: u32 = 220;
/// Rows of the table: every so many where there are more.
const MOST_ROWS: usize = 48;
/// A gap of so many times the usual distance is drawn as one.
const GAP: i64 = 3;

/// One line.
pub(crate) struct Line {
    /// Its name.
    pub(crate) name: String,
    /// Its points, in the order of time.
    pub(crate) points: Vec<(Timestamp, f64)>,
}

/// What is drawn.
pub(crate) struct Lines<'a> {
    /// Unique on its page.
    pub(crate) id: &'a str,
    /// What it shows.
    pub(crate) title: &'a str,
    /// How to read it.
    pub(crate) about: &'a str,
    /// Beginning and end of the time.
    pub(crate) span: (Timestamp, Timestamp),
    /// The lines; those that have no colour of their own are left out.
    pub(crate) series: Vec<Line>,
    /// How a value is written.
    pub(crate) write: fn(f64) -> String,
    /// A value that should not be exceeded, with its name.
    pub(crate) bound: Option<(f64, &'a str)>,
}

/// Lines, with a table of the same.
#[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^52")]
pub(crate) fn lines(spec: &Lines<'_>) -> Picture {
    let shown = || spec.series.iter().filter(|line| !line.points.is_empty()).take(SERIES);
    let values = || shown().flat_map(|line| &line.points).map(|point| point.1).filter(|value| value.is_finite());
    let greatest = values().fold(0.0_f64, f64::max);
    let bound = spec.bound.filter(|(bound, _)| *bound <= greatest * 3.0);
    let wide = spec.span.1.duration_since(spec.span.0).as_secs() > 172_800;
    let svg = values().next().is_some().then(|| {
        drawn(spec.id, spec.title, spec.about, HEIGHT, |area| {
            let y = Axis::from_zero(greatest.max(bound.map_or(0.0, |bound| bound.0)));
            let x = Axis::time(spec.span.0, spec.span.1);
            let end = x.end();
            let mut chart = ChartBuilder::on(area)
                .margin_top(10)
                .margin_right(14)
                .x_label_area_size(28)
                .y_label_area_size(62)
                .build_cartesian_2d(x, y)?;
            chart
                .configure_mesh()
                .disable_x_mesh()
                .bold_line_style(Tint::Hair.placeholder())
                .axis_style(Tint::Rule.placeholder())
                .label_style(text(11, Tint::Quiet, HPos::Center))
                .x_label_formatter(&|seconds| time_label(*seconds, wide))
                .y_label_formatter(&|value| (spec.write)(*value))
                .draw()?;
            if let Some((bound, name)) = bound {
                let start = spec.span.0.as_second() as f64;
                let style = Tint::Standing(super::Standing::Blocked).placeholder().stroke_width(1);
                chart.draw_series([plotters::element::DashedPathElement::new(
                    [(start, bound), (end, bound)],
                    5,
                    4,
                    style,
                )])?;
                let (x, y) = chart.backend_coord(&(end, bound));
                area.draw_text(name, &text(11, Tint::Standing(super::Standing::Blocked), HPos::Right), (x, y - 9))?;
            }
            for (at, line) in shown().enumerate() {
                let tint = Tint::Series(at).placeholder();
                for piece in pieces(&line.points) {
                    let points = piece.iter().map(|(at, value)| (at.as_second() as f64, *value));
                    if let [only] = piece {
                        chart.draw_series([Circle::new((only.0.as_second() as f64, only.1), 2, tint.filled())])?;
                    } else {
                        chart.draw_series(LineSeries::new(points, tint.stroke_width(2)))?;
                    }
                }
            }
            Ok(())
        })
    });
    let legend =
        shown().enumerate().map(|(at, line)| Legend { class: Tint::Series(at).class(), name: line.name.clone() });
    let (heads, rows) = table(&shown().collect::<Vec<_>>(), spec.write);
    Picture {
        id: spec.id.to_owned(),
        title: spec.title.to_owned(),
        about: spec.about.to_owned(),
        svg: svg.flatten(),
        legend: legend.collect(),
        heads,
        rows,
    }
}

/// Runs of points without a gap between them.
fn pieces(points: &[(Timestamp, f64)]) -> Vec<&[(Timestamp, f64)]> {
    let mut steps: Vec<i64> =
        points.windows(2).filter_map(|pair| Some(pair.get(1)?.0.as_second() - pair.first()?.0.as_second())).collect();
    steps.sort_unstable();
    let usual = steps.get(steps.len() / 2).copied().unwrap_or(60).max(1);
    points.chunk_by(|one, next| next.0.as_second() - one.0.as_second() <= usual.saturating_mul(GAP)).collect()
}

fn table(lines: &[&Line], write: fn(f64) -> String) -> (Vec<String>, Vec<Vec<String>>) {
    let mut times: Vec<Timestamp> = lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)).collect();
    times.sort_unstable();
    times.dedup();
    let step = times.len().div_ceil(MOST_ROWS).max(1);
    let row = |at: &Timestamp| {
        let value = |line: &&Line| {
            let found =
                line.points.binary_search_by_key(at, |point| point.0).ok().and_then(|place| line.points.get(place));
            found.map_or_else(|| "–".to_owned(), |point| write(point.1))
        };
        std::iter::once(at.strftime("%Y-%m-%d %H:%M").to_string()).chain(lines.iter().map(value)).collect()
    };
    let heads = std::iter::once("Time (UTC)".to_owned()).chain(lines.iter().map(|line| line.name.clone())).collect();
    (heads, times.iter().rev().step_by(step).map(row).collect())
}
