//! What the containers of gateways printed.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use portreeve_core::Fact;
use portreeve_core::snapshot::{LogFacts, RunState, Workload, WorkloadRole};

use crate::engine::Observed;
use crate::log::{Printer, printed};

/// Logs that are read at a time.
const CONCURRENT: usize = 4;
/// Most containers whose logs are read.
const MAX_LOGS: usize = 32;

/// Reads the end of each log, by the id of the workload.
pub(super) async fn read(observed: &Observed, until: Instant, at: Timestamp) -> BTreeMap<String, Fact<LogFacts>> {
    let gateways = observed.workloads.iter().map(|seen| &seen.workload);
    let gateways = gateways.filter(|workload| workload.role == WorkloadRole::Gateway).take(MAX_LOGS);
    let logs = stream::iter(gateways).map(|workload| async move {
        let engine = workload.engine.as_ref()?;
        let client = observed.clients.get(engine)?;
        let answer = observed.engines.iter().find(|known| known.id == *engine)?.answer.get()?;
        let printer = Printer {
            id: workload.container_id.as_deref()?,
            name: &workload.name,
            ended: ended(workload),
            skew: SignedDuration::from_millis(answer.skew_ms.unwrap_or_default()),
        };
        Some((workload.id.clone(), printed(client, &printer, until, at).await))
    });
    logs.buffer_unordered(CONCURRENT).filter_map(std::future::ready).collect().await
}

fn ended(workload: &Workload) -> Option<Timestamp> {
    let runtime = workload.runtime.as_ref().filter(|runtime| runtime.state != RunState::Running)?;
    runtime.finished_at
}
