//! Axes: where their marks are, and what stands beside them.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

/// An axis with marks of its own.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    /// Where labels stand, ascending.
    marks: Vec<f64>,
    /// Its ends.
    range: Range<f64>,
    /// By powers of ten; both ends are above zero then.
    logarithmic: bool,
}

impl Axis {
    /// Durations by powers of ten, in milliseconds. It holds all the values; those below `least` stand at its left end.
    pub(super) fn durations(values: impl Iterator<Item = f64>, least: f64) -> Self {
        let (marks, range) = durations(values, least);
        Self { marks, range, logarithmic: true }
    }

    /// From zero, with the last mark at the end.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub(super) fn counts(greatest: u64) -> Self {
        let marks: Vec<f64> = counts(greatest).into_iter().map(|mark| mark as f64).collect();
        let end = marks.last().copied().unwrap_or(1.0);
        Self { marks, range: 0.0..end, logarithmic: false }
    }

    /// From 0 to 1.
    pub(super) fn shares() -> Self {
        Self { marks: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0], range: 0.0..1.0, logarithmic: false }
    }

    /// So many places beside each other, with these marks.
    #[expect(clippy::cast_precision_loss, reason = "places are far below 2^52")]
    pub(super) fn places(count: usize, marks: &[usize]) -> Self {
        let marks = marks.iter().map(|place| *place as f64).collect();
        Self { marks, range: 0.0..count.max(1) as f64, logarithmic: false }
    }

    /// The left or lower end.
    pub(super) fn start(&self) -> f64 {
        self.range.start
    }

    /// The other end.
    pub(super) fn end(&self) -> f64 {
        self.range.end
    }

    /// The value, or the end that is nearer.
    pub(super) fn within(&self, value: f64) -> f64 {
        value.clamp(self.range.start, self.range.end)
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    #[expect(clippy::cast_possible_truncation, reason = "a place in a picture of some hundred pixels")]
    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let place = |value: f64| if self.logarithmic { value.ln() } else { value };
        let (start, end) = (place(self.range.start), place(self.range.end));
        let share = (place(self.within(*value)) - start) / (end - start);
        from + (f64::from(to - from) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.marks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// Marks of an axis of durations that is drawn by powers of ten, in the unit of the values, and the range that they span. The values lie
/// within it; what is not above zero counts as the least that is.
fn durations(values: impl Iterator<Item = f64>, least: f64) -> (Vec<f64>, Range<f64>) {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .map(|value| value.max(least))
        .fold((f64::INFINITY, least), |(low, high), value| (low.min(value), high.max(value)));
    let low = if low.is_finite() { low } else { least };
    let wide = high / low > 20.0;
    let steps: &[f64] = if wide { &[1.0, 2.0, 5.0] } else { &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0] };
    // Nine powers on either side hold nanoseconds and years.
    let marks = (-9..=9).flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
    let all: Vec<f64> = marks.collect();
    let from = all.iter().rposition(|mark| *mark <= low).unwrap_or(0);
    let to = all.iter().position(|mark| *mark >= high).unwrap_or(all.len().saturating_sub(1)).max(from + 1);
    let shown = all.get(from..=to).unwrap_or(&all).to_vec();
    let range = shown.first().copied().unwrap_or(least)..shown.last().copied().unwrap_or(1.0);
    (shown, range)
}

/// A duration in milliseconds: `1.5 ms`, `20 s`.
pub(super) fn milliseconds(value: f64) -> String {
    let (value, unit) = match value {
        value if value < 0.999 => (value * 1_000.0, "µs"),
        value if value < 999.0 => (value, "ms"),
        value => (value / 1_000.0, "s"),
    };
    let digits = usize::from(value < 9.95 && (value - value.round()).abs() > 0.04);
    format!("{value:.digits$} {unit}")
}

/// Marks of an axis that counts from zero, at most about six; the last is not below the greatest.
fn counts(greatest: u64) -> Vec<u64> {
    let rough = greatest.div_ceil(5).max(1);
    let power = 10_u64.pow(rough.ilog10());
    let step = [1, 2, 5, 10].into_iter().map(|n| power.saturating_mul(n)).find(|step| *step >= rough).unwrap_or(rough);
    (0..=greatest.div_ceil(step).max(1)).map(|n| n.saturating_mul(step)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_round_and_enclose_the_values() {
        let (marks, range) = durations([3.2, 140.0].into_iter(), 0.01);
        assert_eq!(marks, [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0]);
        assert_eq!(range, 2.0..200.0);
        assert_eq!(durations([3.2, 4.1].into_iter(), 0.01).0, [3.0, 4.0, 5.0]);
        assert_eq!(counts(7), [0, 2, 4, 6, 8]);
        assert_eq!(counts(0), [0, 1]);
        assert_eq!(counts(1_234), [0, 500, 1_000, 1_500]);
    }

    #[test]
    fn durations_read_well() {
        let shown = [0.05, 1.5, 20.0, 999.4, 2_500.0, 20_000.0].map(milliseconds);
        assert_eq!(shown, ["50 µs", "1.5 ms", "20 ms", "1 s", "2.5 s", "20 s"]);
    }

    proptest! {
        #[test]
        fn any_values_lie_within_the_marks(values in proptest::collection::vec(0.0_f64..1e8, 0..20), greatest: u32) {
            let (marks, range) = durations(values.iter().copied(), 0.01);
            prop_assert!(marks.len() >= 2 && marks.len() < 60, "{:?}", marks);
            prop_assert!(values.iter().all(|value| (range.start..=range.end).contains(&value.max(0.01))), "{:?}", range);
            let marks = counts(u64::from(greatest));
            prop_assert!(marks.len() <= 8 && marks.last().is_some_and(|last| *last >= u64::from(greatest)), "{:?}", marks);
        }
    }
}
