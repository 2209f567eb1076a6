//! Property lists of all three forms, and the launchd job in one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portreeve_observe::launchd::Job;
use portreeve_observe::plist;

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = plist::parse(data)
        && let Ok(job) = Job::from_plist(&value)
    {
        job.command_line();
    }
});
