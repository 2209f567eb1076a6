//! `portreeve-fleet backup` and `restore`

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::{Failure, entry};
use crate::Config;
use crate::store::{self, audit, schema};

/// Pages copied at once, and the pause between: a server that runs goes on writing.
const PAGES: i32 = 1_000;
const PAUSE: Duration = Duration::from_millis(5);

/// Copies the database of the settings' folder to a new file.
pub(super) fn backup(config: &Config, file: &Path, out: &mut impl Write) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure::refused(format!("`{}` is there already", file.display())));
    }
    let source = store::open(&config.data)?;
    let partial = beside(file, "partial");
    copy(&source, &partial)?;
    // Not before it is whole and on the disk does it get its name.
    fs::hard_link(&partial, file)?;
    fs::remove_file(&partial)?;
    sync_folder(file)?;
    audit::record(&source, Timestamp::now(), &entry("backup", &file.display().to_string(), String::new()))?;
    writeln!(out, "{}: {} bytes, checked", file.display(), fs::metadata(file)?.len())?;
    Ok(())
}

/// Puts a backup in place of the database.
pub(super) fn restore(config: &Config, file: &Path, replace: bool, out: &mut impl Write) -> Result<(), Failure> {
    let _lock = store::lock(&config.data)?;
    let target = config.data.join(store::FILE);
    if target.exists() && !replace {
        return Err(Failure::refused(format!("`{}` is there already: `--replace` it", target.display())));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(file, flags)?;
    if schema::version(&source)? == 0 {
        return Err(Failure::refused(format!("`{}` is no backup of portreeve-fleet", file.display())));
    }
    let partial = beside(&target, "partial");
    copy(&source, &partial)?;
    // A write-ahead log of the old database must not be taken for one of the new.
    for old in ["-wal", "-shm"] {
        match fs::remove_file(config.data.join(format!("{}{old}", store::FILE))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    fs::rename(&partial, &target)?;
    sync_folder(&target)?;
    let restored = store::open(&config.data)?;
    audit::record(&restored, Timestamp::now(), &entry("restore", &file.display().to_string(), String::new()))?;
    writeln!(out, "{}: restored from {}", target.display(), file.display())?;
    Ok(())
}

/// Copies a database to a new file and checks the copy.
fn copy(source: &Connection, file: &Path) -> Result<(), Failure> {
    if file.exists() {
        fs::remove_file(file)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let mut target = Connection::open(file)?;
    // One view of the database for the whole copy: without it, each commit of a running server would begin the copy anew.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let copied = Backup::new(source, &mut target).and_then(|copy| copy.run_to_completion(PAGES, PAUSE, None));
    source.execute_batch("COMMIT")?;
    copied?;
    let verdict: String = target.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    target.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    drop(target);
    if verdict != "ok" {
        fs::remove_file(file)?;
        return Err(Failure::refused(format!("the copy is damaged, and was deleted: {verdict}")));
    }
    Ok(File::open(file)?.sync_all()?)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{ending}"));
    file.with_file_name(name)
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}
