//! What a look measured, for whoever counts over time. A look counts nothing itself: it does not know what was counted before.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::images::Standing;
use crate::snapshot::WorkloadRole;

/// What a look measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Readings. Those of one look replace those of the look of the same lane before it.
    pub readings: Vec<Reading>,
    /// Images in use, by their normal form; none where the look was not at images.
    #[serde(default)]
    pub images: Option<BTreeMap<String, ImageState>>,
}

/// One series of a metric, as one look read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Name of the metric.
    pub metric: String,
    /// Attributes of the series.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// What was read.
    pub value: Value,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// A value of now.
    Now(f64),
    /// What happened during the look, so many times.
    Count(u64),
    /// Values of a distribution, each with how often it came up during the look.
    Weighed(Vec<(f64, u64)>),
    /// Times at which something happened, seen in a log that the next look reads again. In any order.
    Happened(Vec<Timestamp>),
    /// The same, with a value of a distribution for each.
    Took(Vec<(Timestamp, f64)>),
}

/// An image in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageState {
    /// What uses it, by their ids.
    pub used_by: Vec<String>,
    /// What those are.
    pub roles: Vec<WorkloadRole>,
    /// Digest of what runs; none where nothing does.
    pub running: Option<String>,
    /// Version of the image, where it tells.
    #[serde(default)]
    pub version: Option<String>,
    /// Digests that are right by the first pin there is.
    #[serde(default)]
    pub pinned: Vec<String>,
    /// Whether what runs is not what is right.
    pub drift: bool,
    /// The digest that the registry last gave.
    pub registry: Option<String>,
    /// How what runs stands to it.
    pub standing: Standing,
}
