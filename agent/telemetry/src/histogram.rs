//! Exponential histograms (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/#exponentialhistogram>).

use serde::{Deserialize, Serialize};

use crate::otlp::{ExponentialHistogramDataPoint, exponential_histogram_data_point::Buckets};

/// The finest scale: a bucket is 4.4 % wide.
pub const MAX_SCALE: i32 = 4;
/// The coarsest scale that is read.
const MIN_SCALE: i32 = -10;
/// Most buckets; a histogram that would need more becomes coarser. At scale 3, where one is 9 % wide, they reach from 1 µs to a month.
pub const MAX_BUCKETS: usize = 352;
/// What is not above it counts as zero.
pub const ZERO_THRESHOLD: f64 = 1e-6;

/// A distribution of values that are not negative. Bucket `i` holds those above `base^i` and up to `base^(i+1)`, where `base` is
/// 2^(2^−scale).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    scale: i32,
    zero: u64,
    sum: f64,
    /// Index of the first bucket.
    offset: i32,
    buckets: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { scale: MAX_SCALE, zero: 0, sum: 0.0, offset: 0, buckets: Vec::new() }
    }
}

impl Histogram {
    /// Counts a value so many times. What is no finite number is left out.
    #[expect(clippy::cast_precision_loss, reason = "a sum of doubles is not exact")]
    pub fn record(&mut self, value: f64, times: u64) {
        if !value.is_finite() || times == 0 {
            return;
        }
        self.sum += value.max(0.0) * times as f64;
        if value <= ZERO_THRESHOLD {
            self.zero = self.zero.saturating_add(times);
        } else {
            self.add(index(value, self.scale), times);
        }
    }

    /// How many values were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(self.zero, |count, bucket| count.saturating_add(*bucket))
    }

    /// Their sum.
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The value that this share of values does not exceed, 0 to 1, as the middle of its bucket; none where nothing was counted.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank within the count"
    )]
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((share.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count);
        let mut seen = self.zero;
        if rank <= seen {
            return Some(0.0);
        }
        let mut last = None;
        for (index, bucket) in (self.offset..).zip(&self.buckets) {
            seen = seen.saturating_add(*bucket);
            if *bucket > 0 {
                last = Some(middle(index, self.scale));
            }
            if seen >= rank {
                break;
            }
        }
        last
    }

    /// Adds another one.
    pub fn merge(&mut self, other: &Self) {
        self.coarsen(self.scale.saturating_sub(other.scale));
        let mut other = other.clone();
        other.coarsen(other.scale.saturating_sub(self.scale));
        self.zero = self.zero.saturating_add(other.zero);
        self.sum += other.sum;
        // `add` may make this one coarser on the way.
        let scale = other.scale;
        for (index, bucket) in (other.offset..).zip(&other.buckets) {
            if *bucket > 0 {
                self.add(index >> (scale - self.scale), *bucket);
            }
        }
    }

    /// What came since an earlier state of the same one; none where it is no earlier state of it.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let mut this = self.clone();
        let mut earlier = earlier.clone();
        this.coarsen(this.scale.saturating_sub(earlier.scale));
        earlier.coarsen(earlier.scale.saturating_sub(this.scale));
        this.zero = this.zero.checked_sub(earlier.zero)?;
        this.sum = (this.sum - earlier.sum).max(0.0);
        for (index, bucket) in (earlier.offset..).zip(&earlier.buckets) {
            if *bucket == 0 {
                continue;
            }
            let place = index.checked_sub(this.offset).and_then(|place| usize::try_from(place).ok());
            let counted = place.and_then(|place| this.buckets.get_mut(place))?;
            *counted = counted.checked_sub(*bucket)?;
        }
        Some(this)
    }

    /// Makes it coarser by so many steps, each of which joins two buckets.
    fn coarsen(&mut self, steps: i32) {
        if steps <= 0 {
            return;
        }
        let offset = self.offset >> steps.min(31);
        let mut buckets: Vec<u64> = Vec::new();
        for (index, bucket) in (self.offset..).zip(&self.buckets) {
            let place = usize::try_from((index >> steps.min(31)) - offset).unwrap_or(0);
            if buckets.len() <= place {
                buckets.resize(place + 1, 0);
            }
            if let Some(joined) = buckets.get_mut(place) {
                *joined = joined.saturating_add(*bucket);
            }
        }
        (self.scale, self.offset, self.buckets) = (self.scale - steps, offset, buckets);
    }

    fn add(&mut self, index: i32, times: u64) {
        if self.buckets.is_empty() {
            self.offset = index;
        }
        let mut index = index;
        loop {
            let last = self.offset.saturating_add(i32::try_from(self.buckets.len()).unwrap_or(i32::MAX)) - 1;
            let (low, high) = (self.offset.min(index), last.max(index));
            let width = usize::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(usize::MAX);
            if width <= MAX_BUCKETS || self.scale <= MIN_SCALE {
                break;
            }
            self.coarsen(1);
            index >>= 1;
        }
        let before = usize::try_from(i64::from(self.offset) - i64::from(index)).unwrap_or(0);
        if before > 0 {
            self.buckets.splice(0..0, std::iter::repeat_n(0, before));
            self.offset = index;
        }
        let place = usize::try_from(i64::from(index) - i64::from(self.offset)).unwrap_or(0);
        if self.buckets.len() <= place {
            self.buckets.resize(place + 1, 0);
        }
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket = bucket.saturating_add(times);
        }
    }

    /// Its buckets as a data point, without attributes and times.
    pub fn to_point(&self) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            count: self.count(),
            sum: Some(self.sum),
            scale: self.scale,
            zero_count: self.zero,
            zero_threshold: ZERO_THRESHOLD,
            positive: Some(Buckets { offset: self.offset, bucket_counts: self.buckets.clone() }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    /// Reads a data point that came from anywhere. None where it is none that this type can hold: too many buckets, a scale out of range,
    /// negative values, or a count that is not the sum of its buckets.
    pub fn from_point(point: &ExponentialHistogramDataPoint) -> Option<Self> {
        let negative = point.negative.iter().any(|buckets| buckets.bucket_counts.iter().any(|count| *count > 0));
        let positive = point.positive.as_ref();
        let buckets = positive.map_or(&[] as &[u64], |buckets| &buckets.bucket_counts);
        let offset = positive.map_or(0, |buckets| buckets.offset);
        // A double has an exponent of at most 1 075.
        let most = 1_100_i64 << point.scale.clamp(0, 20) >> point.scale.clamp(MIN_SCALE, 0).abs();
        let in_range = (MIN_SCALE..=20).contains(&point.scale) && i64::from(offset).abs() <= most;
        if negative || !in_range || buckets.len() > MAX_BUCKETS {
            return None;
        }
        let sum = point.sum.filter(|sum| sum.is_finite()).unwrap_or(0.0);
        let read = Self { scale: point.scale, zero: point.zero_count, sum, offset, buckets: buckets.to_vec() };
        (read.count() == point.count).then_some(read)
    }
}

/// The bucket of a positive value.
#[expect(clippy::cast_possible_truncation, reason = "doubles have exponents of eleven bits")]
fn index(value: f64, scale: i32) -> i32 {
    (value.log2() * f64::from(scale).exp2()).ceil() as i32 - 1
}

/// The geometric middle of a bucket.
fn middle(index: i32, scale: i32) -> f64 {
    ((f64::from(index) + 0.5) * f64::from(-scale).exp2()).exp2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        for value in values {
            histogram.record(*value, 1);
        }
        histogram
    }

    #[test]
    fn powers_of_two_are_the_upper_end_of_their_bucket() {
        assert_eq!([1.0, 2.0, 4.0].map(|value| index(value, 0)), [-1, 0, 1]);
        assert_eq!([1.000_001, 2.0, 2.000_001].map(|value| index(value, 0)), [0, 0, 1]);
    }

    #[test]
    fn zeros_and_what_is_no_number() {
        let histogram = of(&[0.0, -1.0, f64::NAN, f64::INFINITY, 1.0]);
        assert_eq!((histogram.count(), histogram.zero), (3, 2));
        assert_eq!(histogram.quantile(0.5), Some(0.0));
        assert_eq!(Histogram::default().quantile(0.5), None);
    }

    #[test]
    fn from_a_microsecond_to_a_day_it_stays_within_its_bound_and_ten_percent() {
        let values: Vec<f64> = (0..3_000).map(|n| 2e-6 * 1.008_2_f64.powi(n)).collect();
        let histogram = of(&values);
        assert!(histogram.buckets.len() <= MAX_BUCKETS && histogram.scale == 3, "{}", histogram.scale);
        for share in [0.01, 0.5, 0.95, 0.99, 1.0] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
            let exact = values[((3_000.0 * share) as usize).max(1) - 1];
            let told = histogram.quantile(share).unwrap();
            assert!((told / exact - 1.0).abs() < 0.05, "{share}: {told} and {exact}");
        }
    }

    proptest! {
        #[test]
        fn merging_is_counting_all(
            left in proptest::collection::vec(0.0_f64..1e5, 0..60),
            right in proptest::collection::vec(0.0_f64..1e-3, 0..60),
        ) {
            let mut merged = of(&left);
            let before = merged.clone();
            let other = of(&right);
            merged.merge(&other);
            let all = of(&[left, right].concat());
            prop_assert_eq!(merged.count(), all.count());
            prop_assert!((merged.sum() - all.sum()).abs() <= 1e-9 * all.sum().max(1.0));
            prop_assert!(merged.buckets.len() <= MAX_BUCKETS);
            let added = merged.since(&before).unwrap();
            prop_assert_eq!(added.count(), other.count());
            if other.count() > 0 {
                prop_assert_eq!(before.since(&merged), None);
            }
        }

        #[test]
        fn a_point_is_read_as_it_was_written(values in proptest::collection::vec(0.0_f64..1e9, 0..80)) {
            let histogram = of(&values);
            prop_assert_eq!(Histogram::from_point(&histogram.to_point()), Some(histogram));
        }

        #[test]
        fn points_from_anywhere_do_no_harm(
            scale in any::<i32>(), offset in any::<i32>(), zero in any::<u64>(),
            buckets in proptest::collection::vec(any::<u64>(), 0..5),
        ) {
            let count = buckets.iter().fold(zero, |sum, count| sum.saturating_add(*count));
            let point = ExponentialHistogramDataPoint {
                scale, zero_count: zero, count,
                positive: Some(Buckets { offset, bucket_counts: buckets }),
                ..ExponentialHistogramDataPoint::default()
            };
            if let Some(mut histogram) = Histogram::from_point(&point) {
                histogram.quantile(0.95);
                histogram.merge(&of(&[1e-5, 1.0, 1e6]));
                prop_assert!(histogram.buckets.len() <= MAX_BUCKETS || histogram.scale <= MIN_SCALE);
            }
        }
    }
}
