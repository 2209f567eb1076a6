//! Every seed of the fleet's fuzz targets, through the same functions in each ordinary test run.

use crate::{fuzz_seeds, otlp};

#[test]
fn otlp_logs() {
    fuzz_seeds::each("otlp_logs", otlp::check_logs);
}

#[test]
fn otlp_metrics() {
    fuzz_seeds::each("otlp_metrics", otlp::check_metrics);
}

#[test]
fn enrol() {
    fuzz_seeds::each("enrol", otlp::check_enrolment);
}
