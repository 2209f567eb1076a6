//! Measurements as pictures within a page: SVG whose colours are those of the page, light or dark, with a table of the same.

mod axis;
mod band;
mod bars;
mod lines;
#[cfg(test)]
mod tests;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, IntoFont, RGBColor, TextStyle};

pub(crate) use band::{Span, band};
pub(crate) use bars::{Bars, bars};
pub(crate) use lines::{Line, Lines, lines};

use super::standing::Standing;

/// Width of every picture, in its own units.
pub(crate) const WIDTH: u32 = 880;
/// Most characters of a label.
const MAX_LABEL: usize = 40;

/// A picture with what stands around it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    /// Unique on its page.
    pub(crate) id: String,
    /// What it shows.
    pub(crate) title: String,
    /// How to read it.
    pub(crate) about: String,
    /// The picture; none where there is nothing to draw.
    pub(crate) svg: Option<String>,
    /// What its colours mean.
    pub(crate) legend: Vec<Legend>,
    /// The same as a table: its headings.
    pub(crate) heads: Vec<String>,
    /// Its rows.
    pub(crate) rows: Vec<Vec<String>>,
}

/// What a colour means.
#[derive(Debug, Clone)]
pub(crate) struct Legend {
    /// Class of the style sheet.
    pub(crate) class: String,
    /// Its name.
    pub(crate) name: String,
}

/// A colour of the page. While a picture is drawn a number stands for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tint {
    /// Text.
    Ink,
    /// Text of less weight.
    Quiet,
    /// Lines that separate.
    Rule,
    /// Lines to read values by.
    Hair,
    /// One of eight that are told apart.
    Series(usize),
    /// That of a verdict.
    Standing(Standing),
}

/// How many series have a colour of their own.
pub(crate) const SERIES: usize = 8;

impl Tint {
    #[expect(clippy::cast_possible_truncation, reason = "there are eight")]
    const fn number(self) -> u8 {
        match self {
            Self::Ink => 1,
            Self::Quiet => 2,
            Self::Rule => 3,
            Self::Hair => 4,
            Self::Series(at) => 16 + (at % SERIES) as u8,
            Self::Standing(standing) => 32 + standing as u8,
        }
    }

    /// What stands for it while a picture is drawn.
    pub(crate) fn placeholder(self) -> RGBColor {
        RGBColor(0x01, 0x02, self.number())
    }

    /// Name of its property in the style sheet.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Ink => "ink".to_owned(),
            Self::Quiet => "quiet".to_owned(),
            Self::Rule => "rule".to_owned(),
            Self::Hair => "hair".to_owned(),
            Self::Series(at) => format!("s{}", at % SERIES + 1),
            Self::Standing(standing) => standing.key().to_owned(),
        }
    }

    /// Class that fills with it.
    pub(crate) fn class(self) -> String {
        format!("fill-{}", self.name())
    }

    fn all() -> impl Iterator<Item = Self> {
        let plain = [Self::Ink, Self::Quiet, Self::Rule, Self::Hair];
        plain.into_iter().chain((0..SERIES).map(Self::Series)).chain(Standing::ALL.map(Self::Standing))
    }
}

/// A picture could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be drawn")]
pub(crate) struct ChartError(#[source] DrawingAreaErrorKind<std::io::Error>);

impl From<DrawingAreaErrorKind<std::io::Error>> for ChartError {
    fn from(error: DrawingAreaErrorKind<std::io::Error>) -> Self {
        Self(error)
    }
}

/// Where a picture is drawn.
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws, and gives the drawing the page's colours and words for who does not see it.
pub(crate) fn drawn(
    id: &str,
    title: &str,
    about: &str,
    height: u32,
    draw: impl FnOnce(&Area<'_>) -> Result<(), ChartError>,
) -> Option<String> {
    let mut svg = String::new();
    let outcome = {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        draw(&root).and_then(|()| Ok(root.present()?))
    };
    if let Err(error) = outcome {
        tracing::warn!(%error, "cannot draw");
        return None;
    }
    let (_, inner) = svg.split_once('>')?;
    let mut inner = inner.to_owned();
    for tint in Tint::all() {
        inner = inner.replace(&format!("\"#0102{:02X}\"", tint.number()), &format!("\"var(--{})\"", tint.name()));
    }
    // An opacity of 1 on every element is only bytes.
    inner = inner.replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "");
    Some(format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-st {id}-sd\">\
         <title id=\"{id}-st\">{}</title><desc id=\"{id}-sd\">{}</desc>{inner}",
        escaped(title),
        escaped(about)
    ))
}

/// Text within SVG.
fn escaped(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for letter in words.chars().filter(|letter| !letter.is_control()) {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// A label of one line.
pub(crate) fn label(words: &str) -> String {
    let plain: String = words.chars().filter(|letter| !letter.is_control()).collect();
    if plain.chars().count() <= MAX_LABEL {
        return plain;
    }
    let kept: String = plain.chars().take(MAX_LABEL - 1).collect();
    format!("{kept}…")
}

/// Text of this size in pixels, centred on its height.
pub(crate) fn text(pixels: i32, tint: Tint, at: HPos) -> TextStyle<'static> {
    // The library's sizes are those of a line, 1.24 times those of its letters.
    let font = ("sans-serif", f64::from(pixels) * 1.24, FontStyle::Normal).into_font();
    font.color(&tint.placeholder()).pos(Pos::new(at, VPos::Center))
}
