//! The spool on a real file system, in processes that are killed and on a volume that has no room.

#![expect(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "test code")]

#[path = "../../../fuzz/checks/spool.rs"]
mod check;
#[path = "../../../fuzz/checks/seeds.rs"]
mod seeds;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use portreeve_deliver::spool::{Batch, Limits, Record, Signal, Spool, SpoolError, Survey};
use portreeve_store::Folder;
use uuid::Uuid;

/// Names the folder for a process that a test starts.
const FOLDER: &str = "PORTREEVE_TEST_SPOOL";
/// How often it is killed; set it for more.
const KILLS: &str = "PORTREEVE_KILLS";

fn now() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

fn record(number: u32, size: usize) -> Record {
    let signal = Signal::ALL[usize::from(!number.is_multiple_of(3))];
    let bytes = vec![number.to_le_bytes()[0]; size];
    Record { id: Uuid::from_u128(u128::from(number)), signal, at: now(), bytes }
}

fn open(path: &Path) -> Result<Spool, SpoolError> {
    Spool::open(Folder::create(path).unwrap(), Limits::default(), now())
}

fn waiting(spool: &mut Spool) -> BTreeSet<u128> {
    let mut ids = BTreeSet::new();
    for signal in Signal::ALL {
        let batch = spool.batch_of(signal, usize::MAX, usize::MAX).unwrap();
        ids.extend(batch.iter().flat_map(Batch::records).map(|record| record.id.as_u128()));
    }
    ids
}

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    // On macOS the temporary folder is reached by a link.
    let path = dir.path().canonicalize().unwrap().join("spool");
    (dir, path)
}

/// This program again, to run one of its tests that is meant for it.
fn child(test: &str, folder: &Path, words: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("{words} exec \"$0\" \"$@\"")).arg(program);
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]).env(FOLDER, folder);
    command
}

#[test]
#[ignore = "run by `a_killed_process_loses_nothing_that_it_was_promised`"]
fn spool_and_deliver_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut spool = open(Path::new(&folder)).unwrap();
    let first = u32::try_from(spool.state().spooled_total).unwrap() * 2;
    for number in (first..).step_by(3) {
        let records: Vec<Record> = (number..number + 3).map(|number| record(number, 200)).collect();
        spool.append(&records, now()).unwrap();
        println!("\nspooled {number}");
        if number.is_multiple_of(2)
            && let Some(batch) = spool.batch(4, usize::MAX).unwrap()
        {
            for record in batch.records() {
                println!("\ndelivered {}", record.id.as_u128());
            }
            spool.acknowledge(&batch).unwrap();
        }
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_was_promised() {
    let kills = std::env::var(KILLS).ok().and_then(|kills| kills.parse().ok()).unwrap_or(20);
    let (_dir, folder) = scratch();
    let mut known = BTreeSet::new();
    let mut delivered = BTreeSet::new();
    for round in 0..kills {
        let mut process = child("spool_and_deliver_until_killed", &folder, "").stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let until = Instant::now() + Duration::from_micros(fastrand::u64(0..40_000));
        let mut take = |line: &str| match line.split_once(' ') {
            Some(("spooled", number)) => known.extend((0..3).map(|next| number.parse::<u128>().unwrap() + next)),
            Some(("delivered", number)) => drop(delivered.insert(number.parse::<u128>().unwrap())),
            _ => {}
        };
        while Instant::now() < until {
            take(&lines.next().unwrap_or_else(|| panic!("it ended by itself in round {round}")));
        }
        process.kill().unwrap();
        process.wait().unwrap();
        lines.for_each(|line| take(&line));
        let mut spool = open(&folder).unwrap();
        let waits = waiting(&mut spool);
        let state = spool.state();
        assert_eq!((state.lost_total, state.dropped_total), (0, 0), "round {round}: {state:?}");
        assert_eq!(state.spooled_total, state.delivered_total + state.records, "round {round}: {state:?}");
        let missing: Vec<_> = known.iter().filter(|id| !waits.contains(id) && !delivered.contains(id)).collect();
        assert!(missing.is_empty(), "round {round}: {missing:?} of {}", known.len());
        drop(spool);
        let survey = Survey::read(&Folder::open(&folder).unwrap().unwrap(), now()).unwrap();
        assert!(survey.damages.is_empty() && survey.records.len() == waits.len(), "round {round}: {survey:?}");
    }
    assert!(!known.is_empty());
    println!("{kills} kills, {} records spooled, {} delivered", known.len(), delivered.len());
}

#[test]
#[ignore = "run by `a_volume_without_room_is_said_and_loses_nothing`"]
fn spool_until_there_is_no_room() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let mut spool = open(Path::new(&folder)).unwrap();
    for number in 0..1000 {
        match spool.append(&[record(number, 900)], now()) {
            Ok(()) => println!("\nspooled {number}"),
            Err(SpoolError::Full { .. }) => {
                let batch = spool.batch(2, usize::MAX).unwrap().unwrap();
                spool.acknowledge(&batch).unwrap();
                println!("\nfull {}", batch.records().len());
                return;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[test]
fn a_volume_without_room_is_said_and_loses_nothing() {
    let (_dir, folder) = scratch();
    // A limit on the size of files stands for the volume: 32 blocks of 512 or 1024 bytes. The signal would end the process.
    let output = child("spool_until_there_is_no_room", &folder, "trap '' XFSZ; ulimit -f 32;").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count() as u64;
    let spooled = count("spooled ");
    assert!(spooled >= 16 && text.contains("\nfull 2\n"), "{text}");
    let mut spool = open(&folder).unwrap();
    let state = spool.state();
    assert_eq!((state.records, state.delivered_total, state.healed_total), (spooled - 2, 2, 0), "{state:?}");
    spool.append(&[record(2000, 900)], now()).unwrap();
    assert!(waiting(&mut spool).contains(&2000));
}

#[test]
fn a_spool_is_open_once_and_read_by_anybody_meanwhile() {
    let (_dir, path) = scratch();
    let mut spool = open(&path).unwrap();
    let folder = Folder::open(&path).unwrap().unwrap();
    assert!(matches!(Spool::check_free(&folder), Err(SpoolError::InUse { holder: Some(_) })));
    spool.append(&[record(1, 50), record(2, 50), record(3, 50)], now()).unwrap();
    let poison = spool.batch(1, 1).unwrap().unwrap();
    spool.set_aside(&poison.records()[0], "status 400").unwrap();
    let survey = Survey::read(&folder, now()).unwrap();
    assert_eq!((survey.records.len(), survey.state), (3, spool.state()));
    assert_eq!(survey.records.last().unwrap().why.as_deref(), Some("status 400"));
    drop(spool);
    Spool::check_free(&folder).unwrap();
}

#[test]
fn seeds_are_read() {
    seeds::each("spool", check::check);
}
