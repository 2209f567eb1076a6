//! Many connects from this node to one gateway.

pub(crate) mod deep;

use portreeve_core::{Series, Snapshot};
use portreeve_facts::Pace;
use portreeve_openclaw::endpoint::{Target, TargetError};

use crate::is_container;

/// Connects from this node to a gateway's URL, up to its challenge. No secret is sent.
pub async fn connects(url: &str, pace: &Pace) -> Result<Series, TargetError> {
    let target = Target::from_url(url)?;
    Ok(portreeve_facts::series(&target, pace, "this node").await)
}

/// The series that the probe made as the client of a container, by its name, service or id; else why there is none.
pub fn series_of(snapshot: &Snapshot, container: &str) -> Result<Series, String> {
    let mut workloads = snapshot.workloads.iter().filter(|workload| is_container(workload, container)).peekable();
    let first = workloads.peek().copied();
    let found = workloads.find_map(|workload| {
        let series = workload.view.get()?.series.clone()?;
        Some(Series { from: workload.id.clone(), ..series })
    });
    found.ok_or_else(|| match first {
        Some(workload) => workload.view.blind().map_or_else(|| format!("it {}", workload.role_reason), str::to_owned),
        None => "it is not there".to_owned(),
    })
}
