//! Metrics of the agent itself and of its delivery.

use super::{Attribute, Kind, LANE, Metric};

/// Processor.
pub const AGENT_CPU: Metric = Metric {
    name: "portreeve.agent.cpu.utilization",
    kind: Kind::Gauge,
    unit: "1",
    attributes: &[],
    description: "Share of one core that the daemon and its looks used over the last ten minutes.",
};
/// Memory.
pub const AGENT_MEMORY: Metric = Metric {
    name: "portreeve.agent.memory",
    kind: Kind::Gauge,
    unit: "By",
    attributes: &[Attribute { key: "process", values: "`daemon`, or `look` for the largest of its looks so far" }],
    description: "Resident memory.",
};
/// Descriptors.
pub const AGENT_DESCRIPTORS: Metric = Metric {
    name: "portreeve.agent.descriptors",
    kind: Kind::Gauge,
    unit: "{descriptor}",
    attributes: &[],
    description: "Descriptors that the daemon holds open.",
};
/// Time since the daemon started.
pub const AGENT_UPTIME: Metric = Metric {
    name: "portreeve.agent.uptime",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[],
    description: "Time since the daemon started.",
};
/// The beat.
pub const AGENT_INTERVAL: Metric = Metric {
    name: "portreeve.agent.interval",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[],
    description: "Time between two deliveries of metrics. A node that is silent for three times as long is absent.",
};
/// Looks.
pub const AGENT_LOOKS: Metric = Metric {
    name: "portreeve.agent.looks",
    kind: Kind::Counter,
    unit: "{look}",
    attributes: &[LANE, Attribute { key: "outcome", values: "`done`, `failed`" }],
    description: "Looks at the node that ended.",
};
/// How long they took.
pub const AGENT_LOOK_DURATION: Metric = Metric {
    name: "portreeve.agent.look.duration",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[LANE],
    description: "How long the last look of this kind took.",
};
/// Undelivered records.
pub const SPOOL_RECORDS: Metric = Metric {
    name: "portreeve.spool.records",
    kind: Kind::Gauge,
    unit: "{record}",
    attributes: &[],
    description: "Records that wait for delivery.",
};
/// Their size.
pub const SPOOL_SIZE: Metric = Metric {
    name: "portreeve.spool.size",
    kind: Kind::Gauge,
    unit: "By",
    attributes: &[],
    description: "Size of the records that wait for delivery.",
};
/// Age of the oldest.
pub const SPOOL_OLDEST: Metric = Metric {
    name: "portreeve.spool.oldest",
    kind: Kind::Gauge,
    unit: "s",
    attributes: &[],
    description: "Age of the oldest record that waits for delivery; 0 where none does.",
};
/// Records dropped.
pub const SPOOL_DROPPED: Metric = Metric {
    name: "portreeve.spool.dropped",
    kind: Kind::Counter,
    unit: "{record}",
    attributes: &[],
    description: "Records that were dropped undelivered, since the spool's bound was reached.",
};
/// Records set aside.
pub const SPOOL_REFUSED: Metric = Metric {
    name: "portreeve.spool.refused",
    kind: Kind::Counter,
    unit: "{record}",
    attributes: &[],
    description: "Records that the endpoint refused for good, and that were set aside.",
};
/// Records delivered.
pub const DELIVERY_RECORDS: Metric = Metric {
    name: "portreeve.delivery.records",
    kind: Kind::Counter,
    unit: "{record}",
    attributes: &[],
    description: "Records that the endpoint took.",
};
/// Whether delivery fails.
pub const DELIVERY_FAILING: Metric = Metric {
    name: "portreeve.delivery.failing",
    kind: Kind::Gauge,
    unit: "{node}",
    attributes: &[],
    description: "1 where the last try to deliver failed, else 0. It arrives once the endpoint is there again.",
};
