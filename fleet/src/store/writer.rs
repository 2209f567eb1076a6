//! The thread that writes. Work that waits is done in one transaction: one `fsync` for all of it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::broadcast;

use super::tx::{Effects, Tx};
use super::{FILE, Store, StoreError, Work, keep, load_access, load_index, open};
use crate::Config;
use crate::auth::Access;
use crate::error::Chain;
use crate::index::{Change, Index};
use crate::meter::Meter;
use crate::series::Keys;

/// Most work of one transaction.
const BATCH: usize = 512;
/// How often the thread looks after the database where no work comes.
const TICK: Duration = Duration::from_millis(250);
/// How often it is looked at who is absent.
const ABSENT: Duration = Duration::from_secs(2);
/// How often it is looked at what is too old, and where the database is full.
const PRUNE: Duration = Duration::from_secs(5);
const PRUNE_FULL: Duration = Duration::from_secs(1);
/// Pairs of node and bucket that are added up at once: others wait meanwhile.
const ROLL_UP: u32 = 16;
/// Size that the write-ahead log has before it is put into the database, and how often that is looked at.
const CHECKPOINT_BYTES: u64 = 16 * 1024 * 1024;
const CHECKPOINT: Duration = Duration::from_secs(2);
/// Changes that a slow receiver may be behind.
const CHANGES: usize = 1_024;

/// What the writer keeps current in memory.
pub struct Shared {
    /// All nodes.
    pub index: Arc<Index>,
    /// Who may do what.
    pub access: Arc<Access>,
    /// Tells those who watch.
    pub changes: broadcast::Sender<Change>,
    /// The settings in force.
    pub config: Arc<Config>,
    /// Which number stands for which series.
    pub keys: Mutex<Keys>,
    /// What the server counts of itself.
    pub meter: Arc<Meter>,
    /// When this server started: before that, nobody could have reported to it.
    pub started: Instant,
    /// When the thread last looked after the database, in milliseconds: it lives.
    pub alive_at: AtomicI64,
    /// Whether the disk did not take what was to be written last.
    pub broken: AtomicBool,
}

/// The thread that writes. It ends when the last [`Store`] is gone.
pub struct Writer {
    thread: JoinHandle<()>,
}

struct State {
    connection: Connection,
    shared: Arc<Shared>,
    data_version: i64,
    ticked_at: Instant,
    checkpoint_at: Instant,
    absent_at: Instant,
    prune_at: Instant,
}

impl Writer {
    /// Opens the database of the settings' folder, reads it into memory and starts the thread.
    pub fn start(config: Arc<Config>) -> Result<(Self, Store, Arc<Shared>), StoreError> {
        let connection = open(&config.data)?;
        let (changes, _) = broadcast::channel(CHANGES);
        let shared = Arc::new(Shared {
            index: Arc::default(),
            access: Arc::new(Access::new(super::settings::key(&connection)?)),
            changes,
            keys: Mutex::default(),
            meter: Arc::default(),
            config,
            started: Instant::now(),
            alive_at: AtomicI64::new(Timestamp::now().as_millisecond()),
            broken: AtomicBool::new(false),
        });
        let data_version = data_version(&connection)?;
        shared.index.replace(load_index(&connection)?);
        shared.access.replace(load_access(&connection)?);
        let (sender, jobs) = sync_channel(shared.config.limits.queue);
        let store = Store::new(Path::new(&shared.config.data).join(FILE), sender);
        let now = Instant::now();
        for (kind, rows) in keep::dropped(&connection)? {
            shared.meter.dropped(kind, rows);
        }
        let mut state = State {
            connection,
            shared: Arc::clone(&shared),
            data_version,
            ticked_at: now,
            checkpoint_at: now,
            absent_at: now,
            prune_at: now,
        };
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || state.run(&jobs))
            .map_err(|source| StoreError::Folder { path: shared.config.data.clone(), source })?;
        Ok((Self { thread }, store, shared))
    }

    /// Whether the thread has ended.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for its end.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes has panicked");
        }
    }
}

impl State {
    fn run(&mut self, jobs: &Receiver<Work>) {
        loop {
            match jobs.recv_timeout(TICK) {
                Ok(first) => self.batch(std::iter::once(first).chain(jobs.try_iter()).take(BATCH).collect()),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.checkpoint();
            if self.ticked_at.elapsed() >= TICK {
                self.tick();
                self.ticked_at = Instant::now();
            }
        }
        self.truncate("TRUNCATE");
    }

    /// Does all of `jobs` in one transaction.
    fn batch(&mut self, jobs: Vec<Work>) {
        let mut effects = Effects::default();
        let mut done = Vec::with_capacity(jobs.len());
        let (started, count) = (Instant::now(), jobs.len());
        let (mut is_broken, mut has_written) = (false, false);
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
        let result = begun.and_then(|()| {
            for job in jobs {
                self.connection.execute_batch("SAVEPOINT work")?;
                let before = self.connection.total_changes();
                let mut tx = Tx::new(&self.connection, &self.shared, &effects);
                let (keep, answer) = job(&mut tx);
                is_broken |= tx.is_broken;
                let own = tx.own;
                done.push(answer);
                if keep {
                    has_written |= self.connection.total_changes() != before;
                    effects.extend(own);
                    self.connection.execute_batch("RELEASE work")?;
                } else {
                    self.connection.execute_batch("ROLLBACK TO work; RELEASE work")?;
                    self.shared.keys.lock().unwrap_or_else(PoisonError::into_inner).undone();
                }
            }
            self.connection.execute_batch("COMMIT")
        });
        let result = result.map_err(Arc::new);
        is_broken |= result.is_err();
        if is_broken || has_written {
            self.shared.broken.store(is_broken, Ordering::Relaxed);
        }
        match &result {
            Ok(()) => {
                self.shared.keys.lock().unwrap_or_else(PoisonError::into_inner).committed();
                effects.apply(&self.shared);
                self.shared.meter.commit(count, started.elapsed());
            }
            Err(error) => {
                self.shared.keys.lock().unwrap_or_else(PoisonError::into_inner).undone();
                tracing::error!(error = %Chain(error.as_ref()), "cannot commit");
                if !self.connection.is_autocommit() {
                    drop(self.connection.execute_batch("ROLLBACK"));
                }
            }
        }
        for answer in done {
            answer(result.clone());
        }
    }

    /// What is to be done from time to time.
    fn tick(&mut self) {
        self.shared.alive_at.store(Timestamp::now().as_millisecond(), Ordering::Relaxed);
        if let Err(error) = self.reload() {
            tracing::error!(error = %Chain(&error), "cannot read what another process has written");
        }
        self.own("add series up", |tx| keep::roll_up(tx, ROLL_UP).map(drop));
        if self.absent_at.elapsed() >= ABSENT {
            self.own("look who is absent", keep::absent);
            self.absent_at = Instant::now();
        }
        let is_full = keep::is_full(&self.connection, &self.shared.config).unwrap_or_default();
        if self.prune_at.elapsed() >= if is_full { PRUNE_FULL } else { PRUNE } {
            self.own("delete what is too old", keep::prune);
            self.prune_at = Instant::now();
        }
    }

    /// Does work that nobody asked for.
    fn own(&mut self, what: &'static str, work: fn(&mut Tx<'_>) -> Result<(), StoreError>) {
        let job: Work = Box::new(move |tx| {
            let outcome = work(tx);
            if let Err(error) = &outcome {
                tracing::error!(error = %Chain(error), "cannot {what}");
            }
            (tx.settled(&outcome), Box::new(|_| ()))
        });
        self.batch(vec![job]);
    }

    /// Reads everything anew where another process, such as `portreeve-fleet node revoke`, has written.
    fn reload(&mut self) -> Result<(), StoreError> {
        let version = data_version(&self.connection)?;
        if version == self.data_version {
            return Ok(());
        }
        self.shared.index.replace(load_index(&self.connection)?);
        self.shared.access.replace(load_access(&self.connection)?);
        self.data_version = version;
        drop(self.shared.changes.send(Change::All));
        Ok(())
    }

    /// Puts the write-ahead log into the database, so that it begins anew. Nobody waits for it: readers go on reading.
    fn checkpoint(&mut self) {
        if self.checkpoint_at.elapsed() < CHECKPOINT {
            return;
        }
        let wal = self.shared.config.data.join(format!("{FILE}-wal"));
        if std::fs::metadata(&wal).is_ok_and(|metadata| metadata.len() >= CHECKPOINT_BYTES) {
            self.truncate("PASSIVE");
        }
        self.checkpoint_at = Instant::now();
    }

    fn truncate(&self, mode: &str) {
        if let Err(error) = self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())) {
            tracing::warn!(%error, "cannot put the write-ahead log into the database");
        }
    }
}

/// Changes when another connection commits.
fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection.pragma_query_value(None, "data_version", |row| row.get(0))?)
}
