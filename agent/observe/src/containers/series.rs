//! Many connects from the namespaces of a client in a container.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portreeve_core::{FingerprintKey, Series};
use portreeve_facts::file::chain;
use portreeve_facts::request::SeriesAsked;

use super::Written;
use super::within::{PROGRAM_MS, caller_request};
use crate::engine::{Client, Seen};
use crate::inside::{Inside, Subject};

/// What the engine may take besides: make, start and remove a container.
const ENGINE_SHARE: Duration = Duration::from_secs(10);

/// The clients in containers, and what runs a probe there.
pub(crate) struct Callers<'a> {
    /// Each with its place among the workloads.
    pub(crate) seen: &'a [(usize, Seen)],
    /// Services that no container runs.
    pub(crate) written: &'a [Written],
    /// Clients of the engines, by their ids.
    pub(crate) engines: &'a BTreeMap<String, Client>,
    /// What runs the probe; none where none is to be run.
    pub(crate) inside: Option<&'a Inside>,
    /// Makes fingerprints.
    pub(crate) key: &'a FingerprintKey,
}

impl Callers<'_> {
    /// The series from where this workload runs to where its client connects.
    pub(crate) async fn series(&self, workload: &str, asked: &SeriesAsked) -> Series {
        self.try_series(workload, asked).await.unwrap_or_else(|why| Series {
            target: String::new(),
            from: workload.to_owned(),
            asked: asked.count,
            cut_short: Some(why),
            connects: Vec::new(),
        })
    }

    async fn try_series(&self, workload: &str, asked: &SeriesAsked) -> Result<Series, String> {
        let inside = self.inside.ok_or("no probe was to be run")?;
        let found = self.seen.iter().find(|(_, seen)| seen.workload.id == workload);
        let (index, seen) = found.ok_or("it is not there any more")?;
        let written = self.written.iter().find(|written| written.index == *index);
        let engine = seen.workload.engine.as_ref().or(written.map(|written| &written.engine));
        let client = engine.and_then(|engine| self.engines.get(engine)).ok_or("its engine gave no answer")?;
        let subject = match (&seen.workload.container_id, written) {
            (Some(id), _) => Subject::Container { id },
            (None, Some(written)) => Subject::Service(&written.definition),
            (None, None) => return Err("no container runs it".to_owned()),
        };
        let mut request = caller_request(seen, self.key);
        request.series = Some(asked.clone());
        request.deadline_ms = PROGRAM_MS + asked.spread_ms;
        request.brief = true;
        let until = Instant::now() + Duration::from_millis(request.deadline_ms) + ENGINE_SHARE;
        let view = inside.try_look(client, subject, &request, until).await.map_err(|error| chain(&error))?;
        let series = view.series.ok_or("the probe made none")?;
        Ok(Series { from: workload.to_owned(), ..series })
    }
}
