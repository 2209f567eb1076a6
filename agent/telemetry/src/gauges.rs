//! Values of now, as the last look of each lane read them.

use portreeve_core::measure::{Reading, Value};
use portreeve_core::schedule::Lane;

use crate::encode::Attributes;
use crate::ledger;
use crate::metric::Metric;

/// Values of now.
#[derive(Debug, Default)]
pub struct Gauges {
    readings: Vec<(Lane, Reading)>,
}

impl Gauges {
    /// Takes what a look read in the place of what the look of the same lane before it read, and of what any lane read of the same metrics.
    pub fn take(&mut self, lane: Lane, readings: Vec<Reading>) {
        let fresh: Vec<Reading> =
            readings.into_iter().filter(|reading| matches!(reading.value, Value::Now(_))).collect();
        self.readings.retain(|(of, old)| *of != lane && !fresh.iter().any(|new| new.metric == old.metric));
        self.readings.extend(fresh.into_iter().map(|reading| (lane, reading)));
    }

    /// All of them, bounded.
    pub fn points(&self) -> Vec<(&'static Metric, Attributes, f64)> {
        ledger::gauges(self.readings.iter().map(|(_, reading)| reading))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;

    fn reading(metric: &Metric, gateway: &str) -> Reading {
        Reading {
            metric: metric.name.to_owned(),
            attributes: ledger::of(&[("gateway", gateway)]),
            value: Value::Now(1.0),
        }
    }

    #[test]
    fn the_newest_look_counts_and_what_it_does_not_see_is_gone() {
        let mut gauges = Gauges::default();
        gauges.take(Lane::Slow, vec![reading(&metric::GATEWAY_UP, "a"), reading(&metric::GATEWAY_INFO, "a")]);
        gauges.take(Lane::Fast, vec![reading(&metric::GATEWAY_UP, "b")]);
        let names = |gauges: &Gauges| -> Vec<String> {
            gauges.points().iter().map(|(metric, of, _)| format!("{} {}", metric.name, of["gateway"])).collect()
        };
        assert_eq!(names(&gauges), ["portreeve.gateway.info a", "portreeve.gateway.up b"]);
        gauges.take(Lane::Fast, Vec::new());
        assert_eq!(names(&gauges), ["portreeve.gateway.info a"]);
    }
}
