//! Measurements as pictures: SVG that needs nothing but itself.
//!
//! Text stays text, in whatever font the reader has. Nothing is to be fetched, run or styled from outside, and the background is part of
//! the picture, so that it reads the same on a dark page.

mod axis;
mod connects;
mod locks;
mod logs;
#[cfg(test)]
pub(super) mod tests;

use plotters::backend::SVGBackend;
use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontDesc, FontStyle, IntoFont, RGBColor, TextStyle};

pub(crate) use connects::connects_svg;
pub(crate) use locks::{LockChart, locks_svg};
pub(crate) use logs::{CloseChart, logs_svg};

use self::axis::{Axis, milliseconds};
use crate::output::plain;

/// Width of every picture, in pixels.
const WIDTH: u32 = 880;
/// Blank left and right of what stands outside the axes.
const MARGIN: i32 = 24;
/// Most characters of a line of text: what fits.
const COLUMNS: usize = 120;

const PAPER: RGBColor = RGBColor(0xff, 0xff, 0xff);
const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
const GREY: RGBColor = RGBColor(0x59, 0x63, 0x6e);
const RULE: RGBColor = RGBColor(0xd1, 0xd9, 0xe0);
const FAINT: RGBColor = RGBColor(0xee, 0xf1, 0xf4);
const ALARM: RGBColor = RGBColor(0xc4, 0x3d, 0x00);

/// Colours that the colour-blind tell apart (Okabe and Ito, 2008), dark enough for white paper.
const SERIES: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x7a, 0x5a, 0x2b),
];

/// A picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be drawn")]
pub(crate) struct ChartError(#[source] DrawingAreaErrorKind<std::io::Error>);

impl From<DrawingAreaErrorKind<std::io::Error>> for ChartError {
    fn from(error: DrawingAreaErrorKind<std::io::Error>) -> Self {
        Self(error)
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What stands above a picture, and what is read aloud of it.
struct Heading<'a> {
    title: &'a str,
    lines: &'a [String],
}

impl Heading<'_> {
    /// Pixels that it takes.
    fn height(&self) -> i32 {
        let lines = i32::try_from(self.lines.len()).unwrap_or(0);
        44 + 18 * lines
    }
}

/// A picture of this height below its heading.
fn picture(
    heading: &Heading<'_>,
    height: i32,
    draw: impl FnOnce(&Area<'_>) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    let top = heading.height();
    let mut drawn = String::new();
    {
        let size = (WIDTH, u32::try_from(top + height).unwrap_or(WIDTH));
        let root = SVGBackend::with_string(&mut drawn, size).into_drawing_area();
        root.fill(&PAPER)?;
        root.draw_text(&cut(heading.title, 92), &bold(17, INK, HPos::Left), (MARGIN, 28))?;
        for (line, y) in heading.lines.iter().zip((0..).map(|n| 49 + 18 * n)) {
            root.draw_text(&cut(line, COLUMNS), &text(12, GREY, HPos::Left), (MARGIN, y))?;
        }
        let (_, below) = root.split_vertically(top);
        draw(&below)?;
        root.present()?;
    }
    Ok(described(&drawn, heading))
}

/// Axes for shares, upwards, by durations; with what stands beside each.
fn shares_by_duration<'a, 'svg>(
    builder: &mut ChartBuilder<'a, '_, SVGBackend<'svg>>,
    durations: &Axis,
    (right, up): (&str, &str),
) -> Result<ChartContext<'a, SVGBackend<'svg>, Cartesian2d<Axis, Axis>>, ChartError> {
    let mut chart = builder
        .margin_left(16)
        .margin_bottom(14)
        .x_label_area_size(46)
        .y_label_area_size(64)
        .build_cartesian_2d(durations.clone(), Axis::shares())?;
    chart
        .configure_mesh()
        .bold_line_style(RULE)
        .light_line_style(FAINT)
        .axis_style(RULE)
        .label_style(text(11, GREY, HPos::Center))
        .axis_desc_style(text(12, GREY, HPos::Center))
        .x_label_formatter(&|value| milliseconds(*value))
        .y_label_formatter(&|share| format!("{:.0} %", share * 100.0))
        .x_desc(right)
        .y_desc(up)
        .draw()?;
    Ok(chart)
}

/// Tells whoever does not see it what the picture shows.
fn described(drawn: &str, heading: &Heading<'_>) -> String {
    let Some((opening, rest)) = drawn.split_once(">\n") else { return drawn.to_owned() };
    let lines: Vec<String> = heading.lines.iter().map(|line| escaped(line)).collect();
    format!(
        "{opening} role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n{rest}",
        escaped(heading.title),
        lines.join(". ")
    )
}

fn escaped(words: &str) -> String {
    super::map::escaped(&plain(words))
}

/// Text of this size in pixels, centred on its height.
fn text(pixels: i32, colour: RGBColor, at: HPos) -> TextStyle<'static> {
    font(pixels, FontStyle::Normal).color(&colour).pos(Pos::new(at, VPos::Center))
}

fn bold(pixels: i32, colour: RGBColor, at: HPos) -> TextStyle<'static> {
    font(pixels, FontStyle::Bold).color(&colour).pos(Pos::new(at, VPos::Center))
}

fn font(pixels: i32, style: FontStyle) -> FontDesc<'static> {
    // The library's sizes are those of a line, 1.24 times those of its letters.
    ("system-ui, sans-serif", f64::from(pixels) * 1.24, style).into_font()
}

/// One line that can be shown, with an ellipsis for what is too much.
fn cut(words: &str, columns: usize) -> String {
    // XML has no form for these two.
    let words = plain(words).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}");
    if words.chars().count() <= columns {
        return words;
    }
    let kept: String = words.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}
