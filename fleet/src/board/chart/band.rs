//! What held when: one band over time.

use jiff::Timestamp;
use plotters::chart::ChartBuilder;
use plotters::element::Rectangle;
use plotters::style::Color;
use plotters::style::text_anchor::HPos;

use super::axis::{Axis, time_label};
use super::{Legend, Picture, Tint, drawn, text};
use crate::board::standing::Standing;

/// Height of the picture.
const HEIGHT: u32 = 74;

/// A time over which a verdict stood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// From.
    pub(crate) from: Timestamp,
    /// To.
    pub(crate) to: Timestamp,
    /// How it stood.
    pub(crate) standing: Standing,
    /// Why.
    pub(crate) why: String,
}

/// Verdicts over time, with a table of the same.
#[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^52")]
pub(crate) fn band(id: &str, title: &str, about: &str, (from, to): (Timestamp, Timestamp), spans: &[Span]) -> Picture {
    let wide = to.duration_since(from).as_secs() > 172_800;
    let svg = (!spans.is_empty()).then(|| {
        drawn(id, title, about, HEIGHT, |area| {
            let mut chart = ChartBuilder::on(area)
                .margin_top(4)
                .margin_right(14)
                .margin_left(14)
                .x_label_area_size(28)
                .build_cartesian_2d(Axis::time(from, to), Axis::from_zero(1.0))?;
            chart
                .configure_mesh()
                .disable_mesh()
                .disable_y_axis()
                .axis_style(Tint::Rule.placeholder())
                .label_style(text(11, Tint::Quiet, HPos::Center))
                .x_label_formatter(&|seconds| time_label(*seconds, wide))
                .draw()?;
            for span in spans {
                // Heights differ too, so that the band reads without its colours.
                let height = match span.standing {
                    Standing::Blocked => 1.0,
                    Standing::Unknown => 0.8,
                    Standing::Absent => 0.2,
                    Standing::Degraded => 0.6,
                    Standing::Ready => 0.4,
                };
                let corners = [(span.from.as_second() as f64, 0.0), (span.to.as_second() as f64, height)];
                let tint = Tint::Standing(span.standing).placeholder();
                chart.draw_series([Rectangle::new(corners, tint.filled())])?;
            }
            Ok(())
        })
    });
    let used = Standing::ALL.into_iter().filter(|standing| spans.iter().any(|span| span.standing == *standing));
    let row = |span: &Span| {
        let lasted = super::super::moment::age(span.to.duration_since(span.from));
        vec![
            span.from.strftime("%Y-%m-%d %H:%M:%S").to_string(),
            span.standing.word().to_owned(),
            lasted,
            span.why.clone(),
        ]
    };
    Picture {
        id: id.to_owned(),
        title: title.to_owned(),
        about: about.to_owned(),
        svg: svg.flatten(),
        legend: used.map(|one| Legend { class: Tint::Standing(one).class(), name: one.word().to_owned() }).collect(),
        heads: ["Since (UTC)", "Verdict", "For", "Root causes"].map(str::to_owned).to_vec(),
        rows: spans.iter().rev().map(row).collect(),
    }
}
