//! What the daemon itself uses, and may use.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the daemon itself uses, its children included where that is said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Percent of one core, children included, over the last ten minutes or since it started.
    pub cpu_percent: f64,
    /// Bytes resident in the daemon itself.
    pub resident_bytes: Option<u64>,
    /// Most bytes that were resident in one of its children.
    pub child_resident_bytes: Option<u64>,
    /// Descriptors that it holds open.
    pub descriptors: Option<u64>,
    /// Children that were given up and have not gone away.
    pub stuck: u64,
    /// What is above its budget.
    pub over: Vec<String>,
}

/// What the daemon may use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Percent of one core.
    pub cpu_percent: f64,
    /// Bytes.
    pub resident_bytes: u64,
    /// Open descriptors.
    pub descriptors: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { cpu_percent: 0.2, resident_bytes: 15 << 20, descriptors: 64 }
    }
}

impl Budget {
    /// What of a usage is above it, in words.
    pub fn over(&self, usage: &Usage) -> Vec<String> {
        let mut over = Vec::new();
        if usage.cpu_percent > self.cpu_percent {
            over.push(format!("{:.2} % of a core, of {:.2}", usage.cpu_percent, self.cpu_percent));
        }
        if let Some(bytes) = usage.resident_bytes.filter(|bytes| *bytes > self.resident_bytes) {
            over.push(format!("{} MiB resident, of {}", bytes >> 20, self.resident_bytes >> 20));
        }
        if let Some(count) = usage.descriptors.filter(|count| *count > self.descriptors) {
            over.push(format!("{count} open descriptors, of {}", self.descriptors));
        }
        if usage.stuck > 0 {
            over.push(format!("{} looks that were given up and do not end", usage.stuck));
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_the_budget_is_named() {
        let mut usage = Usage {
            cpu_percent: 0.1,
            resident_bytes: Some(8 << 20),
            child_resident_bytes: None,
            descriptors: Some(20),
            stuck: 0,
            over: Vec::new(),
        };
        assert!(Budget::default().over(&usage).is_empty());
        usage.cpu_percent = 1.5;
        usage.resident_bytes = Some(40 << 20);
        usage.stuck = 1;
        assert_eq!(Budget::default().over(&usage).len(), 3);
    }
}
