//! Axes with marks where people expect them.

use std::ops::Range;

use jiff::Timestamp;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// An axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    range: Range<f64>,
    marks: Vec<f64>,
}

impl Axis {
    /// From zero to at least `greatest`, with about five marks.
    pub(super) fn from_zero(greatest: f64) -> Self {
        let greatest = if greatest.is_finite() && greatest > 0.0 { greatest } else { 1.0 };
        let rough = greatest / 5.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step =
            [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= rough * 0.999).unwrap_or(rough);
        let count = (greatest / step - 0.001).ceil().clamp(1.0, 12.0);
        let marks: Vec<f64> = (0..=12_u8).map(f64::from).take_while(|n| *n <= count).map(|n| n * step).collect();
        Self { range: 0.0..count * step, marks }
    }

    /// From zero, where only whole numbers mean something.
    pub(super) fn counts(greatest: f64) -> Self {
        let mut axis = Self::from_zero(greatest.max(1.0));
        axis.marks.retain(|mark| mark.fract() == 0.0);
        axis
    }

    /// So many places beside each other, each marked in its middle, but only every so many where they are many.
    pub(super) fn places(count: usize, most: usize) -> Self {
        let count = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        let step = count.div_ceil(u32::try_from(most.max(1)).unwrap_or(1)).max(1);
        let marks =
            (0..count).step_by(usize::try_from(step).unwrap_or(1)).map(|place| f64::from(place) + 0.5).collect();
        Self { range: 0.0..f64::from(count), marks }
    }

    /// A time, in seconds since 1970, with marks at round times.
    #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^52")]
    pub(super) fn time(from: Timestamp, to: Timestamp) -> Self {
        const STEPS: [i64; 14] =
            [60, 300, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000];
        let (start, end) = (from.as_second(), to.as_second().max(from.as_second() + 60));
        let step = STEPS.into_iter().find(|step| (end - start) / step <= 9).unwrap_or(7_776_000);
        let first = start.div_euclid(step) * step + step;
        let marks = (0..40).map(|n| first + n * step).take_while(|mark| *mark <= end).map(|mark| mark as f64).collect();
        Self { range: start as f64..end as f64, marks }
    }

    /// Its upper end.
    pub(super) fn end(&self) -> f64 {
        self.range.end
    }
}

/// A mark of an axis of time.
#[expect(clippy::cast_possible_truncation, reason = "seconds of an axis that was made from a time")]
pub(super) fn time_label(seconds: f64, wide: bool) -> String {
    let Ok(at) = Timestamp::from_second(seconds as i64) else { return String::new() };
    at.strftime(if wide { "%b %-d" } else { "%H:%M" }).to_string()
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "a place in a picture of some hundred pixels")]
    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let value = if value.is_finite() { value.clamp(self.range.start, self.range.end) } else { self.range.start };
        let share = (value - self.range.start) / (self.range.end - self.range.start);
        from + (f64::from(to - from) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.marks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}
