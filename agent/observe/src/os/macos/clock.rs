//! What the kernel says of its clock.

use std::io;
use std::mem::zeroed;

use nix::libc;
use portreeve_core::snapshot::Keeping;

/// Whether something keeps the clock. It reads only: no mode is set.
pub(crate) fn clock_keeping() -> io::Result<Keeping> {
    // SAFETY: a `timex` is made of numbers alone, of which zero is one; `modes` of zero asks for nothing to be changed.
    let mut time: libc::timex = unsafe { zeroed() };
    // SAFETY: the pointer is to a struct of the right type on this stack frame, which nothing else uses during the call.
    let state = unsafe { libc::ntp_adjtime(&raw mut time) };
    if state < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Keeping {
        synchronised: time.status & libc::STA_UNSYNC == 0,
        max_error_ms: u64::try_from(time.maxerror / 1_000).unwrap_or(0),
    })
}
