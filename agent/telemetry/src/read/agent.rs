//! The daemon itself and its delivery.

use portreeve_core::delivery::Delivery;
use portreeve_core::measure::Reading;
use portreeve_core::status::Status;

use super::{Readings, double, seconds};
use crate::metric;

/// What the daemon knows of itself. `interval_s` are the seconds between two deliveries of metrics.
pub fn daemon(status: &Status, interval_s: u64, delivery: &Delivery) -> Vec<Reading> {
    let mut readings = Readings::default();
    let now = status.written_at;
    readings.now(&metric::VERDICT_DURATION, &[], double(status.lasted_s));
    readings.now(&metric::NODE_UPTIME, &[], double(status.daemon.uptime_s));
    readings.now(&metric::AGENT_UPTIME, &[], now.duration_since(status.daemon.since).as_secs_f64().max(0.0));
    readings.now(&metric::AGENT_INTERVAL, &[], double(interval_s));
    if let Some(usage) = &status.usage {
        readings.now(&metric::AGENT_CPU, &[], usage.cpu_percent / 100.0);
        for (process, bytes) in [("daemon", usage.resident_bytes), ("look", usage.child_resident_bytes)] {
            if let Some(bytes) = bytes {
                readings.now(&metric::AGENT_MEMORY, &[("process", process)], double(bytes));
            }
        }
        if let Some(descriptors) = usage.descriptors {
            readings.now(&metric::AGENT_DESCRIPTORS, &[], double(descriptors));
        }
    }
    for (lane, summary) in &status.lanes {
        if let Some(took) = summary.took_ms {
            readings.now(&metric::AGENT_LOOK_DURATION, &[("lane", lane.name())], seconds(double(took)));
        }
    }
    readings.now(&metric::SPOOL_RECORDS, &[], double(delivery.records));
    readings.now(&metric::SPOOL_SIZE, &[], double(delivery.bytes));
    let oldest = delivery.oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64().max(0.0));
    readings.now(&metric::SPOOL_OLDEST, &[], oldest);
    readings.flag(&metric::DELIVERY_FAILING, &[], delivery.is_failing);
    readings.0
}
