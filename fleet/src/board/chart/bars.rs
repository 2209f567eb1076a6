//! Bars beside each other, each of parts.

use plotters::chart::ChartBuilder;
use plotters::element::Rectangle;
use plotters::style::Color;
use plotters::style::text_anchor::HPos;

use super::axis::Axis;
use super::{Legend, Picture, Tint, drawn, label, text};

/// Height of the picture.
const HEIGHT: u32 = 260;
/// Labels that have room below.
const MOST_LABELS: usize = 12;

/// What is drawn.
pub(crate) struct Bars<'a> {
    /// Unique on its page.
    pub(crate) id: &'a str,
    /// What it shows.
    pub(crate) title: &'a str,
    /// How to read it.
    pub(crate) about: &'a str,
    /// What the bars are: `week`.
    pub(crate) of: &'a str,
    /// The name of each bar.
    pub(crate) names: Vec<String>,
    /// The parts, from below: name, colour, and how much of it each bar has.
    pub(crate) parts: Vec<(String, Tint, Vec<u64>)>,
}

/// Bars, with a table of the same.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn bars(spec: &Bars<'_>) -> Picture {
    let total = |bar: usize| -> u64 { spec.parts.iter().filter_map(|part| part.2.get(bar)).sum() };
    let greatest = (0..spec.names.len()).map(total).max().unwrap_or(0);
    let svg = (greatest > 0).then(|| {
        drawn(spec.id, spec.title, spec.about, HEIGHT, |area| {
            let y = Axis::counts(greatest as f64);
            let mut chart = ChartBuilder::on(area)
                .margin_top(10)
                .margin_right(8)
                .x_label_area_size(30)
                .y_label_area_size(48)
                .build_cartesian_2d(Axis::places(spec.names.len(), MOST_LABELS), y)?;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the middle of a place")]
            let name = |place: &f64| spec.names.get(*place as usize).map_or_else(String::new, |name| label(name));
            chart
                .configure_mesh()
                .disable_x_mesh()
                .bold_line_style(Tint::Hair.placeholder())
                .axis_style(Tint::Rule.placeholder())
                .label_style(text(11, Tint::Quiet, HPos::Center))
                .x_label_formatter(&name)
                .y_label_formatter(&|value| format!("{value:.0}"))
                .draw()?;
            for bar in 0..spec.names.len() {
                let (mut below, left) = (0.0, bar as f64);
                for (_, tint, counts) in &spec.parts {
                    let count = counts.get(bar).copied().unwrap_or(0) as f64;
                    if count > 0.0 {
                        let corners = [(left + 0.16, below), (left + 0.84, below + count)];
                        chart.draw_series([Rectangle::new(corners, tint.placeholder().filled())])?;
                        below += count;
                    }
                }
            }
            Ok(())
        })
    });
    let legend = spec.parts.iter().map(|(name, tint, _)| Legend { class: tint.class(), name: name.clone() });
    let row = |(at, name): (usize, &String)| {
        let counts = spec.parts.iter().map(|part| part.2.get(at).copied().unwrap_or(0).to_string());
        std::iter::once(name.clone()).chain(counts).collect()
    };
    Picture {
        id: spec.id.to_owned(),
        title: spec.title.to_owned(),
        about: spec.about.to_owned(),
        svg: svg.flatten(),
        legend: if spec.parts.len() > 1 { legend.collect() } else { Vec::new() },
        heads: std::iter::once(spec.of.to_owned()).chain(spec.parts.iter().map(|part| part.0.clone())).collect(),
        rows: spec.names.iter().enumerate().map(row).collect(),
    }
}
