//! Connections: accepted up to a bound, each with deadlines, drained at the end.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tower::ServiceExt;

use super::paced::{Paced, Phase};
use super::tls::{Acceptor, TlsError};
use super::{DRAIN, router, state};
use crate::Config;
use crate::config::Limits;
use crate::error::Chain;
use crate::store::{StoreError, Writer};

/// Bytes that a request's head may take.
const MAX_HEAD: usize = 16 * 1024;
/// Header lines that a request may have.
const MAX_HEADERS: usize = 64;
/// How long to wait after a connection could not be accepted, as for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened at.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Signals cannot be waited for.
    #[error("cannot wait for signals")]
    Signal(#[source] io::Error),
    /// The database failed for good.
    #[error("the thread that writes to the database has ended")]
    WriterEnded,
}

/// Connections that are open.
#[derive(Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One of them; counted until it is dropped.
struct Slot {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
}

/// Serves until `SIGTERM` or `SIGINT`, and drains then. `listening` is called once with the address in use.
pub async fn serve(config: Config, listening: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let config = Arc::new(config);
    let tls = config.tls.clone().map(Acceptor::new).transpose()?.map(Arc::new);
    let _lock = crate::store::lock(&config.data)?;
    let address = config.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
    let (writer, store, shared) = Writer::start(Arc::clone(&config))?;
    let meter = Arc::clone(&shared.meter);
    let (ending, ended) = watch::channel(false);
    let app = router(state(&shared, store, ended));
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signal)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(ServeError::Signal)?;
    let graceful = GracefulShutdown::new();
    let open = Arc::new(Mutex::new(Open::default()));
    let mut look = tokio::time::interval(Duration::from_secs(1));
    listening(listener.local_addr().unwrap_or(address));
    let outcome = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    if let Some(slot) = Slot::take(&open, address.ip(), &config) {
                        connection(stream, address, slot, &app, &config, tls.clone(), &graceful);
                    } else {
                        meter.connection_refused();
                        tracing::debug!(%address, "a connection too many");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            _ = hang_up.recv() => match tls.as_ref().map(|tls| tls.reload()) {
                Some(Err(error)) => tracing::error!(error = %Chain(&error), "the old certificate stays in force"),
                Some(Ok(())) => tracing::info!("certificate and key are read again"),
                None => {}
            },
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            _ = look.tick() => {
                meter.connections(open.lock().unwrap_or_else(PoisonError::into_inner).all);
                if writer.has_ended() {
                    break Err(ServeError::WriterEnded);
                }
            }
        }
    };
    tracing::info!("ending: requests in flight are answered");
    drop(listener);
    let _ = ending.send(true);
    if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were not answered in time");
    }
    drop(app);
    if tokio::time::timeout(DRAIN, tokio::task::spawn_blocking(move || writer.join())).await.is_err() {
        tracing::warn!("the database was not closed in time");
    }
    outcome
}

/// Serves one connection in a task of its own.
fn connection(
    stream: TcpStream,
    address: SocketAddr,
    slot: Slot,
    app: &Router,
    config: &Arc<Config>,
    tls: Option<Arc<Acceptor>>,
    graceful: &GracefulShutdown,
) {
    let (app, watcher, limits) = (app.clone(), graceful.watcher(), config.limits.clone());
    drop(stream.set_nodelay(true));
    tokio::spawn(async move {
        let _slot = slot;
        match tls {
            None => http(stream, address, app, &limits, watcher).await,
            Some(tls) => match tokio::time::timeout(limits.header(), tls.current().accept(stream)).await {
                Ok(Ok(stream)) => http(stream, address, app, &limits, watcher).await,
                Ok(Err(error)) => tracing::debug!(%address, %error, "no TLS"),
                Err(_) => tracing::debug!(%address, "no TLS in time"),
            },
        }
    });
}

async fn http<S>(
    stream: S,
    address: SocketAddr,
    app: Router,
    limits: &Limits,
    watcher: hyper_util::server::graceful::Watcher,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let phase = Phase::default();
    let stream = Paced::new(stream, phase.clone(), limits.header(), limits.idle());
    let told = phase.clone();
    let app = app
        .map_request(move |mut request: Request<Incoming>| {
            phase.busy();
            request.extensions_mut().insert(ConnectInfo(address));
            request
        })
        .map_response(move |response: Response| {
            told.answered();
            response
        });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%address, %error, "a connection ended early");
    }
}

impl Slot {
    fn take(open: &Arc<Mutex<Open>>, address: IpAddr, config: &Config) -> Option<Self> {
        let mut held = open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_address = held.by_address.get(&address).copied().unwrap_or_default();
        if held.all >= config.limits.connections || of_address >= config.limits.connections_per_address {
            return None;
        }
        held.all += 1;
        *held.by_address.entry(address).or_default() += 1;
        Some(Self { open: Arc::clone(open), address })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all = open.all.saturating_sub(1);
        if let Some(count) = open.by_address.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.by_address.remove(&self.address);
            }
        }
    }
}
