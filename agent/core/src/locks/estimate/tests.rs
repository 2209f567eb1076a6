use proptest::prelude::*;

use super::*;

/// Holds and the gaps before them, in microseconds.
struct Timeline {
    holds: Vec<(u64, u64)>,
    end: u64,
}

impl Timeline {
    fn of(gaps_and_holds: &[(u64, u64)]) -> Self {
        let mut at = 0;
        let mut holds = Vec::new();
        for (gap, hold) in gaps_and_holds {
            holds.push((at + gap, at + gap + hold));
            at += gap + hold;
        }
        Self { holds, end: at }
    }

    /// With holds taken for one where the gap between them is shorter than this.
    fn joined(&self, gap: u64) -> Self {
        let mut holds: Vec<(u64, u64)> = Vec::new();
        for &(begin, end) in &self.holds {
            match holds.last_mut() {
                Some(last) if begin - last.1 < gap => last.1 = end,
                _ => holds.push((begin, end)),
            }
        }
        Self { holds, end: self.end }
    }

    fn free_at(&self, at: u64) -> Option<u64> {
        let next = self.holds.partition_point(|(_, end)| *end <= at);
        self.holds.get(next).filter(|(begin, _)| *begin <= at).map(|(_, end)| *end)
    }

    fn look(&self, at: u64) -> Look {
        if self.free_at(at).is_some() { Look::Held(Some(7)) } else { Look::Free }
    }

    /// The exact quantile, by bisection of the share of time from which the wait is longer.
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    fn quantile(&self, share: f64) -> f64 {
        let longer = |wait: f64| {
            let over = self.holds.iter().map(|(begin, end)| ((end - begin) as f64 - wait).max(0.0)).sum::<f64>();
            over / self.end as f64
        };
        let (mut low, mut high) = (0.0, self.end as f64);
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if longer(middle) > 1.0 - share { low = middle } else { high = middle }
        }
        high / 1e6
    }
}

/// A stream of numbers between 0 and 1.
struct Random(u64);

impl Random {
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive and small")]
    fn pause(&mut self, mean: u64) -> u64 {
        (-self.unit().ln() * f64::from(u32::try_from(mean).unwrap())) as u64 + 1
    }
}

/// Longest time between two looks at a lock that is held.
const SLOWEST_US: u64 = 5_000;

/// Watches as the sampler does: seldom while free, often while held.
fn watch(timeline: &Timeline, interval: u64, random: &mut Random) -> Estimate {
    let mut recorder = Recorder::default();
    let mut at = random.pause(interval);
    while at < timeline.end {
        recorder.arrive(at, interval, timeline.look(at));
        while let Some(followed) = recorder.followed_us() {
            at += (followed / 100).clamp(50, SLOWEST_US);
            if at >= timeline.end {
                break;
            }
            recorder.follow(at, timeline.look(at));
        }
        at += random.pause(interval);
    }
    recorder.estimate(timeline.end)
}

#[test]
fn a_newcomer_waits_for_the_rest_of_the_hold() {
    // Held for 1 s of each 2 s: one in twenty arrives in the first 0.1 s of a hold.
    let timeline = Timeline::of(&[(1_000_000, 1_000_000); 400]);
    let waits = watch(&timeline, 5_000, &mut Random(1)).waits;
    let near = |value: Option<f64>, truth: f64| {
        let value = value.unwrap();
        assert!((value - truth).abs() < 0.02 * truth.max(0.05), "{value} is not {truth}");
    };
    near(waits.held_fraction(), 0.5);
    near(waits.quantile_s(0.95), 0.9);
    near(waits.quantile_s(0.99), 0.98);
    near(waits.max_s(), 1.0);
    assert!(waits.quantile_s(0.40).unwrap() <= 0.0);
}

#[test]
fn holds_that_looks_mostly_miss_are_not_taken_for_longer_ones() {
    // 1 ms of each 4 ms, looked at every 20 ms.
    let timeline = Timeline::of(&vec![(3_000, 1_000); 100_000]);
    let waits = watch(&timeline, 20_000, &mut Random(2)).waits;
    let truth = timeline.quantile(0.95);
    let ours = waits.quantile_s(0.95).unwrap();
    assert!((ours / truth - 1.0).abs() < 0.1, "{ours} is not {truth}");
    assert!((waits.held_fraction().unwrap() - 0.25).abs() < 0.02);
}

#[test]
fn a_hold_that_goes_on_counts_as_at_least_its_age() {
    let mut recorder = Recorder::default();
    recorder.arrive(0, 1_000, Look::Free);
    recorder.arrive(1_000, 1_000, Look::Held(Some(42)));
    recorder.follow(2_900_000, Look::Held(Some(42)));
    let estimate = recorder.estimate(3_000_000);
    let running = estimate.running.unwrap();
    assert_eq!((running.holder, running.at_least, running.running), (Some(42), false, true));
    assert_eq!((running.since_us, running.length_us), (500, 2_999_500));
    assert_eq!(estimate.longest, estimate.running);
    assert!(estimate.waits.quantile_s(0.95).unwrap() > 2.8);
    assert!(recorder.followed_us().is_some(), "an estimate ends nothing");
}

#[test]
fn a_hold_from_before_the_first_look_is_at_least_as_long() {
    let mut recorder = Recorder::default();
    recorder.arrive(10, 1_000, Look::Held(None));
    recorder.follow(1_010, Look::Free);
    let longest = recorder.estimate(2_000).longest.unwrap();
    assert_eq!((longest.at_least, longest.running, longest.length_us), (true, false, 500));
}

#[test]
fn one_holder_after_another_is_one_wait_and_two_holds() {
    let mut recorder = Recorder::default();
    recorder.arrive(0, 1_000, Look::Free);
    recorder.arrive(1_000, 1_000, Look::Held(Some(1)));
    recorder.follow(2_000, Look::Held(Some(1)));
    recorder.follow(4_000, Look::Held(Some(2)));
    recorder.follow(9_000, Look::Held(Some(2)));
    recorder.follow(11_000, Look::Free);
    let estimate = recorder.estimate(11_000);
    assert_eq!(estimate.waits.holds, 2);
    let longest = estimate.longest.unwrap();
    assert_eq!((longest.holder, longest.since_us, longest.length_us), (Some(2), 3_000, 7_000));
    assert!((estimate.waits.max_s().unwrap() - 0.009).abs() < 0.000_1);
}

#[test]
fn nothing_watched_gives_no_wait() {
    let waits = Recorder::default().estimate(1_000).waits;
    assert_eq!((waits.quantile_s(0.95), waits.max_s(), waits.held_fraction()), (None, None, None));
}

fn holds() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let length = prop_oneof![200_u64..3_000, 1_000_u64..50_000, 20_000_u64..400_000];
    proptest::collection::vec((500_u64..100_000, length), 300..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_estimate_is_near_the_truth(parts in holds(), seed: u64) {
        let timeline = Timeline::of(&parts);
        let waits = watch(&timeline, 2_000, &mut Random(seed)).waits;
        // A gap that falls between two looks is seen by nobody, and not by a newcomer that polls either.
        let joined = timeline.joined(SLOWEST_US);
        let longest = joined.holds.iter().map(|(begin, end)| end - begin).max().unwrap();
        for share in [0.9, 0.95, 0.99] {
            let (least, most, ours) = (timeline.quantile(share), joined.quantile(share), waits.quantile_s(share).unwrap());
            let tolerance = 0.1 * least + 0.03 * seconds(longest);
            let near = least - tolerance..=most + tolerance;
            prop_assert!(near.contains(&ours), "p{}: {} is not within {:?}", share * 100.0, ours, near);
        }
    }

    #[test]
    fn two_windows_merged_are_one_window(parts in holds(), seed: u64, cut in 0.2_f64..0.8) {
        let timeline = Timeline::of(&parts);
        let mut random = Random(seed);
        let mut whole = Recorder::default();
        let mut windows = [Recorder::default(), Recorder::default()];
        let mut at = 0;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a moment")]
        let cut = (timeline.end as f64 * cut) as u64;
        while at < timeline.end {
            let window = if at < cut { &mut windows[0] } else { &mut windows[1] };
            for recorder in [&mut whole, window] {
                recorder.arrive(at, 1_000, timeline.look(at));
            }
            while let Some(end) = timeline.free_at(at) {
                // The look that ends a hold belongs to the window in which it began.
                at = end;
                let window = if whole.pending.is_some_and(|pending| pending.first < cut) { &mut windows[0] } else { &mut windows[1] };
                for recorder in [&mut whole, window] {
                    recorder.follow(at, timeline.look(at));
                }
            }
            at += random.pause(1_000);
        }
        let [first, second] = windows.map(|recorder| recorder.estimate(timeline.end).waits);
        let mut merged = first;
        merged.merge(&second);
        prop_assert_eq!(merged, whole.estimate(timeline.end).waits);
    }

    #[test]
    fn any_order_of_looks_is_counted(looks in proptest::collection::vec((any::<bool>(), 0_u64..1 << 40, any::<Option<u32>>(), any::<bool>()), 0..60)) {
        let mut recorder = Recorder::default();
        for (random, at, holder, held) in looks {
            let look = if held { Look::Held(holder) } else { Look::Free };
            if random { recorder.arrive(at, 1_000, look) } else { recorder.follow(at, look) }
        }
        let waits = recorder.estimate(1 << 41).waits;
        prop_assert!(waits.held_us <= waits.observed_us);
        prop_assert_eq!(waits.buckets.iter().map(|(_, weight)| weight).sum::<u64>(), waits.observed_us);
    }
}
