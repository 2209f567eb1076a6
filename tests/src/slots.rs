//! How many gateways may start at once: each takes a core for seconds, and a crowd of them misses every deadline.

use std::env;
use std::fs::{self, File};
use std::time::Duration;

use crate::wait_until;

const SLOTS: usize = 2;
const LIMIT: Duration = Duration::from_mins(10);

/// One of the machine's places for a gateway that starts, held until dropped, across all test programs.
#[derive(Debug)]
pub(crate) struct Slot(#[expect(dead_code, reason = "held for its lock")] File);

impl Slot {
    pub(crate) fn take() -> Self {
        let folder = env::temp_dir().join("portreeve-e2e");
        fs::create_dir_all(&folder).unwrap();
        wait_until("a place for a gateway to start", LIMIT, || {
            (0..SLOTS).find_map(|slot| {
                let file = File::options().create(true).append(true).open(folder.join(format!("{slot}.lock"))).unwrap();
                file.try_lock().is_ok().then_some(Self(file))
            })
        })
    }
}
