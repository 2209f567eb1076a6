//! What only the operating system can tell, behind the same functions on each.
//!
//! | function | answers |
//! |--|--|
//! | `uptime()` | time since boot, sleep included |
//! | `program()` | a path by which this very program can be started, also after another was put in its place, where the system has one |
//! | `resident()` | bytes of this process in memory |
//! | `descriptors()` | descriptors that this process holds open |
//! | `start_of(pid)` | when a process started, in the system's own unit; an error of kind `NotFound` where there is none |
//! | `child_rss_bytes(n)` | the unit of `ru_maxrss` turned into bytes |

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "macos")]
use macos as system;

use std::io;
use std::time::Duration;

use portreeve_core::status::Alive;

pub(crate) use system::{child_rss_bytes, descriptors, program, resident};

/// Time since the machine booted, its sleep included.
pub fn uptime() -> io::Result<Duration> {
    system::uptime()
}

/// What names this boot of the machine; none where the system does not say.
pub fn boot() -> Option<String> {
    portreeve_observe::host::boot_session().ok().filter(|id| !id.is_empty())
}

/// When a process started, in the system's own unit; an error of kind `NotFound` where there is no such process.
pub fn start_of(pid: u32) -> io::Result<u64> {
    system::start_of(pid)
}

/// Whether the process of this number is still the one that started then.
pub fn is_alive(pid: u32, start: Option<u64>) -> Alive {
    match (start_of(pid), start) {
        (Ok(now), Some(then)) if now != then => Alive::No,
        (Ok(_), _) => Alive::Yes,
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => Alive::No,
        (Err(_), _) => Alive::NotSeen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_seen() {
        let own = std::process::id();
        let start = start_of(own).unwrap();
        assert_eq!(is_alive(own, Some(start)), Alive::Yes);
        assert_eq!(is_alive(own, Some(start + 1)), Alive::No);
        assert_eq!(is_alive(u32::MAX >> 1, None), Alive::No);
        assert!(uptime().unwrap() > Duration::ZERO);
        assert!(boot().is_some_and(|boot| boot.len() >= 32));
        assert!(resident().unwrap() > 100_000 && descriptors().unwrap() >= 3);
        assert!(program().unwrap().exists());
    }
}
