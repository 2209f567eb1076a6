//! The server under load: its process, memory and files.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

/// Between two looks at memory and files.
const LOOK: Duration = Duration::from_secs(2);
/// Longest start, and longest end.
const LIMIT: Duration = Duration::from_mins(1);

pub(crate) struct Server {
    command: Vec<String>,
    address: SocketAddr,
    folder: PathBuf,
    child: Child,
    /// Resident, in KiB.
    resident: Vec<u64>,
    /// Bytes on disk.
    sizes: Vec<u64>,
}

impl Server {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(command: &[String], address: SocketAddr, folder: &Path) -> Self {
        let child = spawn(command);
        let mut server = Self {
            command: command.to_vec(),
            address,
            folder: folder.to_owned(),
            child,
            resident: Vec::new(),
            sizes: Vec::new(),
        };
        server.wait().await;
        server
    }

    async fn wait(&mut self) {
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(self.address).await.is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "the server has ended");
            assert!(Instant::now() < deadline, "the server does not listen on {}", self.address);
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Looks at memory and files until then.
    pub(crate) async fn sample_until(&mut self, end: Instant) {
        while Instant::now() < end {
            self.resident.push(self.status("VmRSS"));
            self.sizes.push(size(&self.folder));
            sleep_until(end.min(Instant::now() + LOOK)).await;
        }
    }

    fn status(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or("0");
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// Processor time so far.
    pub(crate) fn processor(&self) -> Duration {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = text.rsplit_once(") ").unwrap().1.split(' ').collect();
        let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
        let per_second = u64::try_from(sysconf(SysconfVar::CLK_TCK).unwrap().unwrap()).unwrap();
        Duration::from_millis(ticks * 1000 / per_second)
    }

    /// Stops it by a signal and starts it again: when it was told, and how long the start took.
    pub(crate) async fn restart(&mut self, signal: Signal) -> (Instant, Duration) {
        let told = Instant::now();
        self.end(signal).await;
        let begun = Instant::now();
        self.child = spawn(&self.command);
        self.wait().await;
        eprintln!("{signal}: ended in {:?}, started in {:?}", begun - told, begun.elapsed());
        (told, begun.elapsed())
    }

    /// Stops it for good.
    pub(crate) async fn stop(&mut self) {
        self.end(Signal::SIGTERM).await;
    }

    async fn end(&mut self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        let deadline = Instant::now() + LIMIT;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the server did not end");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Resident memory in MiB: first, last, most and the growth over the second half.
    pub(crate) fn memory(&self) -> Value {
        let mib = |kib: u64| kib as f64 / 1024.0;
        let all = &self.resident;
        json!({
            "first_mib": all.first().copied().map(mib),
            "middle_mib": all.get(all.len() / 2).copied().map(mib),
            "last_mib": all.last().copied().map(mib),
            "peak_mib": all.iter().max().copied().map(mib),
            "series_mib": all.iter().step_by(15).copied().map(mib).collect::<Vec<_>>(),
        })
    }

    /// Bytes on disk: first, last and most.
    pub(crate) fn sizes(&self) -> Value {
        json!({ "first": self.sizes.first(), "last": self.sizes.last(), "peak": self.sizes.iter().max() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &[String]) -> Child {
    Command::new(&command[0]).args(&command[1..]).stdout(std::io::stderr()).spawn().unwrap()
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
