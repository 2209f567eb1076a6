//! Compares, counts and spools what the daemon comes to know.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use portreeve_core::delivery;
use portreeve_core::history::Spell;
use portreeve_core::measure::ImageState;
use portreeve_core::report::NodeSummary;
use portreeve_core::schedule::Lane;
use portreeve_core::status::{Judgement, Status};
use portreeve_daemon::{REPORT_FILE, moment};
use portreeve_deliver::send::{Destination, enrolment};
use portreeve_deliver::spool::{MAX_RECORD, Record, Signal};
use portreeve_store::{Audience, Folder};
use portreeve_telemetry::encode::{self, Origin, Point, PointValue};
use portreeve_telemetry::event::{AgentStarted, Name, SpoolDropped};
use portreeve_telemetry::gauges::Gauges;
use portreeve_telemetry::ledger::Ledger;
use portreeve_telemetry::otlp::Message as _;
use portreeve_telemetry::told::{Outline, Sameness, Told};
use portreeve_telemetry::{metric, read};
use uuid::Uuid;

use super::teller::{Heard, State};
use crate::command::delivery::Deliveries;
use crate::settings::Settings;

/// What the endpoint was told, in the data folder.
const TOLD_FILE: &str = "told.json";
/// What was counted, in the data folder.
const LEDGER_FILE: &str = "ledger.json";
/// Most bytes of these.
const MAX_OWN: u64 = 16 << 20;
/// Most bytes of a report.
const MAX_REPORT: u64 = 32 << 20;

/// What the thread does.
pub(super) struct Worker {
    settings: Settings,
    deliveries: Deliveries,
    shared: Arc<Mutex<State>>,
    since: Timestamp,
    kept: Option<Kept>,
    gauges: Gauges,
    judgement: Option<Judgement>,
    /// Verdicts so far, oldest first.
    spells: Vec<Spell>,
    images: Option<(BTreeMap<String, ImageState>, Timestamp)>,
    node: Option<NodeSummary>,
    /// Totals of the spool when they were last counted.
    delivered: Option<u64>,
    refused: Option<u64>,
    problem: Option<String>,
    /// The report may be another one than when it was last read.
    is_unread: bool,
}

/// What is kept in the data folder.
struct Kept {
    folder: Folder,
    ledger: Ledger,
    /// None while there is nobody to tell.
    told: Option<Told>,
    identity: String,
}

impl Worker {
    pub(super) fn new(settings: Settings, deliveries: Deliveries, shared: Arc<Mutex<State>>) -> Self {
        Self {
            settings,
            deliveries,
            shared,
            since: Timestamp::now(),
            kept: None,
            gauges: Gauges::default(),
            judgement: None,
            spells: Vec::new(),
            images: None,
            node: None,
            delivered: None,
            refused: None,
            problem: None,
            is_unread: true,
        }
    }

    pub(super) fn run(mut self, heard: &Receiver<Heard>) {
        for heard in heard {
            if let Heard::End(done) = heard {
                // Nobody waits any more where that took too long.
                let _ = done.send(());
                return;
            }
            let outcome = self.hear(heard);
            self.complain(outcome.err().map(|error| format!("{error:#}")));
        }
    }

    /// Says what is wrong, once.
    fn complain(&mut self, problem: Option<String>) {
        if let Some(why) = problem.as_ref().filter(|why| self.problem.as_ref() != Some(why)) {
            tracing::error!("the endpoint cannot be told: {why}");
        }
        self.shared().problem = problem.clone().or_else(|| self.deliveries.problem());
        self.problem = problem;
    }

    fn shared(&self) -> MutexGuard<'_, State> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&mut self, heard: Heard) -> Result<()> {
        let now = Timestamp::now();
        if self.kept.is_none() {
            self.open(now)?;
            self.engage()?;
        }
        match heard {
            Heard::Judged(judgement, change, spells) => {
                if !spells.is_empty() {
                    self.spells = spells;
                }
                if let (Some(kept), Some(change)) = (&mut self.kept, &change) {
                    kept.ledger.add(&metric::VERDICT_CHANGES, &[("verdict", change.to.verdict.name())], 1.0);
                }
                if let Some(told) = told(&mut self.kept) {
                    told.judged(&self.spells);
                }
                self.judgement = Some(*judgement);
                self.is_unread = true;
                self.tell()
            }
            Heard::Looked(lane, well, measures) => {
                self.count_look(lane, well);
                let Some(measures) = measures else { return Ok(()) };
                if let Some(kept) = &mut self.kept {
                    kept.ledger.take(&measures.readings, now);
                }
                self.gauges.take(lane, measures.readings);
                let Some(images) = measures.images else { return Ok(()) };
                if let Some(told) = told(&mut self.kept) {
                    told.images(&images, now);
                }
                // The verdict of the same look follows, and is told together with them.
                self.images = Some((images, now));
                Ok(())
            }
            Heard::Slept(slept) => {
                if let Some(kept) = &mut self.kept {
                    kept.ledger.add(&metric::NODE_SLEEPS, &[], 1.0);
                    kept.ledger.add(&metric::NODE_SLEEP_TIME, &[], slept.as_secs_f64());
                }
                Ok(())
            }
            Heard::Beat(status) => {
                self.deliveries.look();
                self.engage()?;
                self.account(now);
                self.tell()?;
                self.measure(&status, now)
            }
            Heard::Configured(settings) => {
                self.settings = *settings;
                self.engage()
            }
            Heard::End(_) => Ok(()),
        }
    }

    /// Takes up what was kept.
    fn open(&mut self, now: Timestamp) -> Result<()> {
        let folder = Folder::create(&self.settings.data_dir)?;
        let ledger = folder.read(LEDGER_FILE, MAX_OWN)?.and_then(|bytes| Ledger::parse(&bytes, now));
        let key =
            portreeve_observe::fingerprint_key(&self.settings.data_dir, self.settings.shared_key_file.as_deref())?;
        let identity = portreeve_observe::node_identity(&self.settings.data_dir, &key)?;
        self.kept = Some(Kept { folder, ledger: ledger.unwrap_or_else(|| Ledger::new(now)), told: None, identity });
        Ok(())
    }

    /// Begins to tell where there is somebody to tell, and stops where there is nobody any more. Another endpoint is told everything anew.
    fn engage(&mut self) -> Result<()> {
        let wanted = Destination::new(&self.settings.deliver.options, &self.settings.data_dir);
        let endpoint = match wanted {
            Ok(Some(destination)) => destination.name(),
            Ok(None) => {
                if let Some(kept) = &mut self.kept {
                    kept.told = None;
                }
                self.shared().delivery = None;
                // What waits for nobody is no backlog.
                if let Some(kept) = &self.kept {
                    kept.folder.remove(delivery::FILE)?;
                }
                return Ok(());
            }
            // Delivery says why; what happens until it is mended is told later.
            Err(_) => return Ok(()),
        };
        let Some(kept) = &mut self.kept else { return Ok(()) };
        if kept.told.as_ref().is_some_and(|told| told.endpoint == endpoint) {
            return Ok(());
        }
        let before = kept.folder.read(TOLD_FILE, MAX_OWN)?.and_then(|bytes| Told::parse(&bytes));
        let mut told =
            before.filter(|told| told.endpoint == endpoint).unwrap_or_else(|| Told::new(Uuid::new_v4(), &endpoint));
        let moment = moment();
        told.started(AgentStarted {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: self.since,
            boot: moment.boot,
            uptime_s: moment.uptime.as_secs(),
            interval_s: self.settings.deliver.interval_s,
            updated_from: None,
        });
        told.judged(&self.spells);
        if let Some((images, at)) = &self.images {
            told.images(images, *at);
        }
        kept.told = Some(told);
        self.is_unread = true;
        self.tell()
    }

    /// Who tells.
    fn origin(&self) -> Origin {
        let enrolment = enrolment::read(&self.settings.data_dir).ok().flatten();
        let node = self.node.as_ref();
        let hostname = nix::unistd::gethostname().ok().map(|name| name.to_string_lossy().into_owned());
        Origin {
            node: match &enrolment {
                Some(enrolment) => enrolment.node.clone(),
                None => self.kept.as_ref().map(|kept| kept.identity.clone()).unwrap_or_default(),
            },
            name: enrolment.map(|enrolment| enrolment.name),
            hostname: node.and_then(|node| node.hostname.clone()).or(hostname),
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            os: node.and_then(|node| node.os.clone()),
            os_version: node.and_then(|node| node.os_version.clone()),
            os_build: node.and_then(|node| node.os_build.clone()),
            arch: Some(node.map_or_else(|| std::env::consts::ARCH.to_owned(), |node| node.arch.clone())),
        }
    }

    fn count_look(&mut self, lane: Lane, well: bool) {
        let outcome = if well { "done" } else { "failed" };
        if let Some(kept) = &mut self.kept {
            kept.ledger.add(&metric::AGENT_LOOKS, &[("lane", lane.name()), ("outcome", outcome)], 1.0);
        }
    }

    /// Counts what became of what was spooled.
    #[expect(clippy::cast_precision_loss, reason = "records are far fewer than 2^52")]
    fn account(&mut self, now: Timestamp) {
        let delivery = self.deliveries.delivery();
        let dropped = self.deliveries.with_spool(portreeve_deliver::spool::Spool::take_dropped).flatten();
        self.shared().delivery.clone_from(&delivery);
        let (Some(kept), Some(delivery)) = (&mut self.kept, delivery) else { return };
        let risen = |before: &mut Option<u64>, total: u64| total.saturating_sub(before.replace(total).unwrap_or(total));
        let delivered = risen(&mut self.delivered, delivery.delivered_total);
        kept.ledger.add(&metric::DELIVERY_RECORDS, &[], delivered as f64);
        let refused = risen(&mut self.refused, delivery.refused_total);
        kept.ledger.add(&metric::SPOOL_REFUSED, &[], refused as f64);
        kept.ledger.add(&metric::SPOOL_DROPPED, &[], dropped.as_ref().map_or(0.0, |dropped| dropped.records as f64));
        let Some(told) = &mut kept.told else { return };
        told.refused(delivery.refused_total, delivery.last_error.map(|error| error.why), now);
        if let Some(dropped) = dropped {
            let (oldest, newest) = dropped.span.unzip();
            let body =
                SpoolDropped { records: dropped.records, bytes: dropped.bytes, total: dropped.total, oldest, newest };
            told.dropped(body, now);
        }
    }

    /// Tells what is to be told: it is kept, then spooled, then struck off.
    fn tell(&mut self) -> Result<()> {
        let report = self.report()?;
        let origin = self.origin();
        let wants = self.deliveries.wants(Signal::Logs);
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let Some(told) = kept.told.as_mut().filter(|told| told.is_pending()) else { return Ok(()) };
        if !wants {
            // Without a spool it waits; where nobody wants to hear it, it is done with.
            if self.deliveries.delivery().is_some() {
                told.settled();
            }
            return kept.save_told();
        }
        let mut records = Vec::new();
        for event in told.pending() {
            let event = event?;
            let bytes = encode::event(&origin, &event)?.encode_to_vec();
            records.push(Record { id: event.id, signal: Signal::Logs, at: event.at, bytes });
        }
        if let Some((bytes, exact)) = report
            && let Some(report) = told.pending_report(&exact)
        {
            let bytes = encode::raw_event(&origin, report.id, report.at, Name::Report, &bytes)?.encode_to_vec();
            records.push(Record { id: report.id, signal: Signal::Logs, at: report.at, bytes });
        }
        kept.save_told()?;
        records.retain(|record| {
            let fits = record.bytes.len() <= MAX_RECORD;
            if !fits {
                tracing::error!(bytes = record.bytes.len(), "an event is too large to be told");
            }
            fits
        });
        if !self.deliveries.append(&records) {
            // It is tried again with the next beat.
            return Ok(());
        }
        let Some(kept) = &mut self.kept else { return Ok(()) };
        if let Some(told) = &mut kept.told {
            told.settled();
        }
        kept.save_told()
    }

    /// The report as it lies there, compared; its bytes and what names it, where it may be told.
    fn report(&mut self) -> Result<Option<(Vec<u8>, String)>> {
        let Some(kept) = &mut self.kept else { return Ok(None) };
        let is_pending = kept.told.as_ref().is_some_and(Told::is_report_pending);
        if !std::mem::take(&mut self.is_unread) && !is_pending {
            return Ok(None);
        }
        let Some(bytes) = kept.folder.read(REPORT_FILE, MAX_REPORT)? else { return Ok(None) };
        let outline: Outline = serde_json::from_slice(&bytes).context("the last report has another form")?;
        let sameness = Sameness::of(&bytes)?;
        let is_current = self.judgement.as_ref().is_some_and(|judgement| judgement.at == outline.generated_at);
        self.node = Some(outline.node.clone());
        let Some(told) = &mut kept.told else { return Ok(None) };
        let is_due = if is_current { told.reported(&outline, &sameness) } else { true };
        Ok(is_due.then_some((bytes, sameness.exact)))
    }

    /// Spools what is measured. What counts is kept first, so that no value that was told can fall after a crash.
    fn measure(&mut self, status: &Status, now: Timestamp) -> Result<()> {
        if self.kept.as_ref().is_none_or(|kept| kept.told.is_none()) || !self.deliveries.wants(Signal::Metrics) {
            return Ok(());
        }
        let delivery = self.deliveries.delivery().unwrap_or_default();
        // What the daemon says of itself is no look's: it takes the place of the glance's, which measures nothing.
        self.gauges.take(Lane::Glance, read::daemon(status, self.settings.deliver.interval_s, &delivery));
        let origin = self.origin();
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let is_kept = kept.folder.write_json(LEDGER_FILE, &kept.ledger, Audience::Owner);
        let gauges = self.gauges.points();
        let of_now = gauges.iter().map(|(metric, attributes, value)| Point {
            metric,
            attributes,
            start: kept.ledger.since,
            value: PointValue::Number(*value),
        });
        let counted = kept.ledger.points().filter(|_| is_kept.is_ok());
        let bytes = encode::metrics(&origin, now, of_now.chain(counted)).encode_to_vec();
        let record = Record { id: Uuid::new_v4(), signal: Signal::Metrics, at: now, bytes };
        self.deliveries.append(&[record]);
        Ok(is_kept?)
    }
}

/// What is told, where there is somebody to tell.
fn told(kept: &mut Option<Kept>) -> Option<&mut Told> {
    kept.as_mut()?.told.as_mut()
}

impl Kept {
    fn save_told(&self) -> Result<()> {
        let Some(told) = &self.told else { return Ok(()) };
        Ok(self.folder.write_json(TOLD_FILE, told, Audience::Owner)?)
    }
}
