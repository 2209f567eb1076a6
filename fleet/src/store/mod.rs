//! The database: one thread writes, a few connections read.

pub mod audit;
pub mod beat;
pub mod board;
pub mod events;
mod keep;
mod load;
pub mod schema;
mod settings;
mod tx;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{Semaphore, oneshot};

pub use keep::room;
pub use load::{load_access, load_index};
pub use tx::Tx;
pub use writer::{Shared, Writer};

/// Name of the database in its folder.
pub const FILE: &str = "fleet.db";
/// Connections that read.
const READERS: usize = 4;
/// For how long a statement waits for another process.
const BUSY: Duration = Duration::from_secs(5);

/// What went wrong with the database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The folder is not there, or not ours.
    #[error("cannot use the folder `{}`", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The folder belongs to somebody else, or others may write into it.
    #[error("the folder `{}` {why}", .path.display())]
    Owner {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Another server uses the folder.
    #[error("another server uses the folder `{}`", .path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The database cannot be opened.
    #[error("cannot open the database")]
    Open(#[source] rusqlite::Error),
    /// The database is that of a later version of this program.
    #[error("the database is of version {found}, and this program knows up to {known}: use a newer portreeve-fleet")]
    Newer {
        /// What it is.
        found: i32,
        /// What would be understood.
        known: i32,
    },
    /// It is another program's database.
    #[error("the file is no database of portreeve-fleet")]
    Foreign,
    /// It could not be made current.
    #[error("cannot bring the database up to date")]
    Migrate(#[source] rusqlite::Error),
    /// A question failed.
    #[error("the database did not answer")]
    Query(#[from] rusqlite::Error),
    /// What was written could not be committed.
    #[error("cannot commit to the database")]
    Commit(#[source] Arc<rusqlite::Error>),
    /// Too much waits already.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// The writer has ended.
    #[error("the database is closed")]
    Closed,
    /// What was asked for cannot be done, for a reason that a person understands.
    #[error("{0}")]
    Refused(String),
    /// What the database holds is not what was once written.
    #[error("the database holds something that cannot be understood: {0}")]
    Corrupt(&'static str),
}

impl StoreError {
    /// Whether the disk or the file is at fault, rather than what was asked.
    fn is_of_disk(&self) -> bool {
        let Self::Query(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
            )
        )
    }
}

/// A piece of work for the writer: what it does within the transaction, and what is done once that is committed or lost.
pub(crate) type Work = Box<dyn FnOnce(&mut Tx<'_>) -> Done + Send>;
/// Called with why nothing was committed, if so. Whether its own part failed, the work knows itself.
pub(crate) type Done = (bool, Box<dyn FnOnce(Result<(), Arc<rusqlite::Error>>) + Send>);

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    jobs: SyncSender<Work>,
    readers: Arc<Readers>,
}

struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Store {
    /// A store whose writer takes its work from the other end of `jobs`.
    pub(crate) fn new(path: PathBuf, jobs: SyncSender<Work>) -> Self {
        let readers = Readers { path, idle: Mutex::new(Vec::new()), permits: Arc::new(Semaphore::new(READERS)) };
        Self { jobs, readers: Arc::new(readers) }
    }

    /// Does `work` in the writer's next transaction, and answers once that is committed: what is answered lasts. Where `work` fails,
    /// nothing of it stays. A full queue is an error at once.
    pub async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Work = Box::new(move |tx| {
            let outcome = work(tx);
            let keep = tx.settled(&outcome);
            let done = move |committed: Result<(), Arc<rusqlite::Error>>| {
                let outcome = outcome.and_then(|value| committed.map_err(StoreError::Commit).map(|()| value));
                drop(answer.send(outcome));
            };
            (keep, Box::new(done))
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Asks the database in a thread of its own. The connection cannot write.
    pub async fn read<T, F>(&self, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let permit = Arc::clone(&self.readers.permits).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        let readers = Arc::clone(&self.readers);
        let answer = tokio::task::spawn_blocking(move || {
            // The question goes on where nobody waits for its answer any longer.
            let _permit = permit;
            let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = idle.map_or_else(|| open_reader(&readers.path), Ok)?;
            let answer = question(&connection);
            readers.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            answer
        });
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

/// Opens the database of a folder for writing and makes it current. It is made where there is none.
pub fn open(folder: &Path) -> Result<Connection, StoreError> {
    check_folder(folder)?;
    let path = folder.join(FILE);
    let connection = Connection::open_with_flags(
        &path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .map_err(StoreError::Open)?;
    connection.busy_timeout(BUSY).map_err(StoreError::Open)?;
    // What is not ours is refused before anything is written to it.
    schema::version(&connection)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
             PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 67108864;",
        )
        .map_err(StoreError::Open)?;
    schema::migrate(&connection)?;
    Ok(connection)
}

/// Takes the folder for one server; until what is returned is dropped, no other one has it.
pub fn lock(folder: &Path) -> Result<std::fs::File, StoreError> {
    check_folder(folder)?;
    let failed = |source| StoreError::Folder { path: folder.to_owned(), source };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("serve.lock"))
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Busy { path: folder.to_owned() }),
        Err(std::fs::TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// Opens the database of a path for reading alone.
fn open_reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(StoreError::Open)?;
    connection.busy_timeout(BUSY).map_err(StoreError::Open)?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384;")
        .map_err(StoreError::Open)?;
    Ok(connection)
}

/// Makes the folder where it is not there, and refuses one that is another user's or that others may write into.
fn check_folder(folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    let failed = |source| StoreError::Folder { path: folder.to_owned(), source };
    if !folder.exists() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    }
    let metadata = std::fs::metadata(folder).map_err(failed)?;
    let wrong = |why: String| Err(StoreError::Owner { path: folder.to_owned(), why });
    let us = nix::unistd::geteuid().as_raw();
    if !metadata.is_dir() {
        return wrong("is no folder".to_owned());
    }
    if metadata.uid() != us {
        return wrong(format!("belongs to user {}, and this is user {us}: run as its owner", metadata.uid()));
    }
    if metadata.mode() & 0o077 != 0 {
        return wrong(format!("is open to others (mode {:04o}): `chmod 700` it", metadata.mode() & 0o7777));
    }
    Ok(())
}

/// Milliseconds since 1970, as the database keeps time.
pub fn millis(at: jiff::Timestamp) -> i64 {
    at.as_millisecond()
}

/// A time from the database.
pub fn timestamp(millis: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(millis).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_question_keeps_its_turn_where_nobody_waits_for_its_answer() {
        let folder = tempfile::TempDir::new().unwrap();
        let data = folder.path().join("data");
        drop(open(&data).unwrap());
        let store = Store::new(data.join(FILE), mpsc::sync_channel(1).0);
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let ask = || {
            let (store, begun) = (store.clone(), begun.clone());
            let (hold, end) = mpsc::channel::<()>();
            let question = move |_: &Connection| {
                begun.send(()).unwrap();
                let _ = end.recv();
                Ok(())
            };
            (hold, tokio::spawn(async move { store.read(question).await }))
        };
        let mut holds = Vec::new();
        for _ in 0..READERS {
            let (hold, asked) = ask();
            begins.recv().await.unwrap();
            asked.abort();
            holds.push(hold);
        }
        let (_hold, _asked) = ask();
        assert!(tokio::time::timeout(Duration::from_millis(200), begins.recv()).await.is_err());
        holds.pop();
        assert!(tokio::time::timeout(BUSY, begins.recv()).await.is_ok());
    }
}
