//! How often and how long.

use std::time::Duration;

use super::Lane;

/// How often and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Between two glances.
    pub glance: Duration,
    /// Between two looks at rungs 1 to 4.
    pub fast: Duration,
    /// Between two looks at everything, to which up to a tenth is added.
    pub slow: Duration,
    /// Between two windows of looks at locks; never where it is zero.
    pub locks: Duration,
    /// How long such a window is.
    pub lock_window: Duration,
    /// Seconds between two checks of images; never where it is 0.
    pub images_s: u64,
    /// How long a look at everything may take by itself.
    pub observation: Duration,
    /// What tells this node from others, so that a fleet does not do the same at one moment.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            glance: Duration::from_secs(5),
            fast: Duration::from_secs(30),
            slow: Duration::from_mins(15),
            locks: Duration::from_mins(10),
            lock_window: Duration::from_secs(10),
            images_s: 7 * 86_400,
            observation: Duration::from_secs(15),
            seed: 0,
        }
    }
}

impl Settings {
    /// The time between two runs of a lane; none for one that comes by the time of day or when it is wanted.
    pub fn period(&self, lane: Lane) -> Option<Duration> {
        match lane {
            Lane::Glance => Some(self.glance),
            Lane::Fast => Some(self.fast),
            Lane::Slow => Some(self.slow),
            Lane::Locks => Some(self.locks).filter(|period| !period.is_zero()),
            Lane::Images | Lane::Acceptance => None,
        }
    }

    /// After how long a lane is given up.
    pub fn limit(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Glance => Duration::from_secs(5),
            Lane::Fast => self.observation + Duration::from_secs(3),
            // A self test may come first.
            Lane::Slow => self.observation + Duration::from_secs(25),
            Lane::Locks => self.lock_window + Duration::from_secs(10),
            Lane::Images => self.observation + Duration::from_secs(150),
            Lane::Acceptance => self.observation + Duration::from_mins(10),
        }
    }

    /// What is added to the period of a run, up to a tenth of it: the same for the same node and run.
    pub(super) fn jitter(&self, lane: Lane, run: u64) -> Duration {
        if lane != Lane::Slow {
            return Duration::ZERO;
        }
        let most = u64::try_from(self.slow.as_millis() / 10).unwrap_or(u64::MAX);
        Duration::from_millis(mix(self.seed ^ run.rotate_left(32)) % (most + 1))
    }
}

/// The output function of `SplitMix64`.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
