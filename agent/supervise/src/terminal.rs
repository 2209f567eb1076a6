//! The controlling terminal.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{Pid, getpgrp, tcgetpgrp, tcsetpgrp};

/// The controlling terminal of this process.
#[derive(Debug)]
pub(crate) struct Terminal {
    file: File,
}

impl Terminal {
    /// None where there is none.
    pub(crate) fn find() -> Option<Self> {
        let flags = OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let file = OpenOptions::new().read(true).write(true).custom_flags(flags.bits()).open("/dev/tty").ok()?;
        Some(Self { file })
    }

    /// Whether this process is in its foreground.
    pub(crate) fn is_ours(&self) -> bool {
        self.foreground() == Some(getpgrp())
    }

    /// Gives the foreground to a group.
    pub(crate) fn give(&self, group: Pid) {
        // Who is in the background is stopped for asking, unless it blocks that.
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGTTOU);
        let blocked = mask.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK);
        // Where the terminal is gone, nothing is left to give.
        let _ = tcsetpgrp(&self.file, group);
        if let Ok(before) = blocked {
            let _ = before.thread_set_mask();
        }
    }

    /// Takes the foreground back from a group that has it.
    pub(crate) fn take_back(&self, group: Pid) {
        if self.foreground() == Some(group) {
            self.give(getpgrp());
        }
    }

    /// Whether a group is in its foreground.
    pub(crate) fn has(&self, group: Pid) -> bool {
        self.foreground() == Some(group)
    }

    fn foreground(&self) -> Option<Pid> {
        tcgetpgrp(&self.file).ok()
    }
}
