//! What is seen from within a container's namespaces, as JSON.
//!
//! Reads one request from standard input, prints one answer on standard output. It changes nothing: no file is written but in a folder
//! that the request names for that purpose, and no gateway is told a device.

mod network;
mod os;
mod role;
mod state;
mod user;
mod view;

use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use portreeve_facts::file::chain;
use portreeve_facts::request::{MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, Request};

const HELP: &str = "\
Reports what is seen from within a container's namespaces.

Usage: portreeve-probe [--help | --version]

Reads one request (JSON, `portreeve.probe-request/1`) from standard input and
prints one answer (JSON, `portreeve.probe/1`) on standard output.

Exit status: 0 with an answer, 1 without one, 2 for a request that is none.
";

/// The request is none.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        None => {}
        Some(argument) if argument == "--help" || argument == "-h" => return say(HELP),
        Some(argument) if argument == "--version" || argument == "-V" => {
            return say(concat!("portreeve-probe ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        Some(_) => return complain("it takes no arguments but --help and --version", USAGE),
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_REQUEST_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    if let Err(error) = std::io::stdin().lock().take(limit).read_to_end(&mut bytes) {
        return complain(&format!("standard input could not be read: {error}"), USAGE);
    }
    let request = match Request::parse(&bytes) {
        Ok(request) => request,
        Err(error) => return complain(&chain(&error), USAGE),
    };
    match answer(&request) {
        Ok(text) => say(&text),
        Err((message, status)) => complain(&message, status),
    }
}

fn answer(request: &Request) -> Result<String, (String, u8)> {
    let key = request.key_bytes().map_err(|error| (chain(&error), USAGE))?;
    let key = portreeve_core::FingerprintKey::new(&key).map_err(|error| (chain(&error), USAGE))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| (format!("no runtime could be made: {error}"), 1))?;
    let view = runtime.block_on(view::take(request, &key));
    // A thread that waits for a dead disk or resolver is left behind.
    runtime.shutdown_timeout(Duration::ZERO);
    let mut text =
        serde_json::to_string(&view).map_err(|error| (format!("the answer cannot be written: {error}"), 1))?;
    text.push('\n');
    if text.len() > MAX_ANSWER_BYTES {
        return Err((format!("the answer has more than {MAX_ANSWER_BYTES} bytes"), 1));
    }
    Ok(text)
}

fn say(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(message: &str, status: u8) -> ExitCode {
    // With no standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "portreeve-probe: {message}");
    ExitCode::from(status)
}
