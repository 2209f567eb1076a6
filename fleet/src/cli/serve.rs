//! `portreeve-fleet serve`

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tracing_subscriber::filter::LevelFilter;

use super::{CONFIG, Failure};
use crate::Config;
use crate::config::Tls;
use crate::error::Chain;
use crate::server::{self, ServeError};

#[derive(Args)]
pub(super) struct Serve {
    /// Address and port to listen at [default: 127.0.0.1:4318]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Certificate chain, PEM. Read again at SIGHUP
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The address by which agents and browsers reach the server, where it is another one
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// What to log to standard error: `error`, `warn`, `info`, `debug`
    #[arg(long, value_name = "LEVEL", default_value_t = LevelFilter::INFO)]
    log: LevelFilter,
}

impl Serve {
    pub(super) fn run(self, mut config: Config) -> Result<(), Failure> {
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if let Some((cert_file, key_file)) = self.tls_cert.zip(self.tls_key) {
            config.tls = Some(Tls { cert_file, key_file });
        }
        config.public_url = self.public_url.or(config.public_url);
        config.check().map_err(|error| Failure { status: CONFIG, message: Chain(&error).to_string() })?;
        tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(self.log).with_target(false).init();
        raise_descriptors();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        let data = config.data.display().to_string();
        let listening = |address: SocketAddr| {
            if !address.ip().is_loopback() && scheme == "http" {
                tracing::warn!("this is plain HTTP: put a proxy with TLS in front of it, or give it a certificate");
            }
            tracing::info!(version = env!("CARGO_PKG_VERSION"), data, "listening at {scheme}://{address}");
            // What starts the server waits for this line where it chose port 0.
            drop(writeln!(io::stdout(), "listening at {scheme}://{address}"));
        };
        let served = runtime.block_on(server::serve(config, listening));
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        served.map_err(|error| match &error {
            ServeError::Tls(_) => Failure { status: CONFIG, message: Chain(&error).to_string() },
            _ => Failure::io(&error),
        })
    }
}

/// Each connection is a descriptor: lets this process have as many as it may.
fn raise_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    const WANTED: u64 = 32_768;
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < WANTED
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, WANTED.min(hard), hard);
    }
}
