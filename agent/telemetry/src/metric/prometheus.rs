//! Names of metrics in Prometheus and `VictoriaMetrics`.

use super::{Kind, Metric};

impl Metric {
    /// Its name where it is translated as Prometheus 3 does by default: underscores for dots, the unit and `total` at the end
    /// (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>).
    pub fn prometheus(&self) -> String {
        let mut name = self.name.replace('.', "_");
        let is_gauge = matches!(self.kind, Kind::Gauge | Kind::StateSet);
        let unit = match self.unit {
            "s" => "seconds",
            "By" => "bytes",
            "1" if is_gauge => "ratio",
            _ => "",
        };
        if !unit.is_empty() && !name.ends_with(unit) {
            name.push('_');
            name.push_str(unit);
        }
        if self.kind == Kind::Counter {
            name.push_str("_total");
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use crate::metric;

    #[test]
    fn units_and_totals_come_last() {
        let names = [
            (&metric::LOCK_WAIT, "portreeve_lock_wait_seconds"),
            (&metric::CONNECT_ATTEMPTS, "portreeve_connect_attempts_total"),
            (&metric::CONNECT_SUCCESS, "portreeve_connect_success_ratio"),
            (&metric::VERDICT, "portreeve_verdict"),
            (&metric::NODE_SLEEP_TIME, "portreeve_node_sleep_time_seconds_total"),
            (&metric::SPOOL_SIZE, "portreeve_spool_size_bytes"),
        ];
        for (metric, name) in names {
            assert_eq!(metric.prometheus(), name);
        }
    }
}
