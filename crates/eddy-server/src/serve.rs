//! Starting, listening, stopping.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use eddy_store::{Store, StoreError, now_ms, random_bytes};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::access::Peer;
use crate::app::App;
use crate::config::{Config, LogForm, LogLevel};
use crate::connection::Timed;
use crate::jobs::{JobRequest, Workers};
use crate::password::{Hasher, hex};
use crate::router::router;
use crate::tls::server_config;

/// Time for the head of a request to arrive.
const HEAD: Duration = Duration::from_secs(15);
/// Time for TLS to be agreed on.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The folder cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The address cannot be listened to.
    #[error("{address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// It would be open to everybody.
    #[error("{address} can be reached from other machines, but {lacks}; or start with --force")]
    Open {
        /// The address.
        address: SocketAddr,
        /// What is missing.
        lacks: &'static str,
    },
    /// TLS cannot be spoken.
    #[error("{}: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused something else.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// How to start.
#[derive(Debug, Clone)]
pub struct Start {
    /// What is set.
    pub config: Config,
    /// Where it was read from, to be read again on SIGHUP.
    pub config_file: Option<PathBuf>,
    /// Who does the work.
    pub workers: Workers,
    /// Make a new one-time link even where somebody can log in already.
    pub new_link: bool,
}

/// Starts to write the log.
pub fn log(form: LogForm, level: LogLevel) {
    let level = match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
    };
    let log = tracing_subscriber::fmt().with_max_level(level).with_writer(std::io::stderr).with_target(false);
    // A log that is there already is the one that is written.
    let _ = match form {
        LogForm::Text => tracing::subscriber::set_global_default(log.with_ansi(false).finish()),
        LogForm::Json => tracing::subscriber::set_global_default(log.json().finish()),
    };
}

/// Runs a server until it is told to stop. Says on standard output where it listens.
pub fn serve(start: Start) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(run(start));
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn run(start: Start) -> Result<(), ServeError> {
    let Start { config, config_file, workers, new_link } = start;
    let (store, swept) = Store::open(&config.server.data)?;
    if swept != eddy_store::Swept::default() {
        tracing::warn!(?swept, "put in order what the last end left half done");
    }
    let address = config.server.listen;
    let n_users = store.n_users()?;
    refuse_open(&config, n_users)?;
    let tls = config.server.tls.as_ref().map(server_config).transpose()?;
    let listener =
        TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
    let address = listener.local_addr()?;
    let mut config = config;
    config.server.listen = address;
    let link = (n_users == 0 || new_link).then(|| invitation(&store, &config)).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    println!("Eddy listens on {scheme}://{address}");
    if let Some(secret) = link {
        let hours = config.accounts.invitation_hours;
        let at = reached_at(address);
        println!("Become the admin, once and within {hours} hours: {scheme}://{at}/#setup={secret}");
    }
    let app = App::new(config, config_file, store, workers, Hasher::new());
    take_up(&app, &swept.unchecked).await;
    let mut tasks = JoinSet::new();
    for _ in 0..app.config().limits.workers {
        tasks.spawn(app.clone().work());
    }
    tasks.spawn(app.clone().tidy_up());
    let tls = tls.map(|tls| Arc::new(RwLock::new(tls)));
    tasks.spawn(signals(app.clone(), tls.clone()));
    listen(&app, listener, tls).await;
    tracing::info!("stopping");
    park(&app, tasks).await;
    Ok(())
}

/// What a browser on this machine calls an address: a server that listens on all of them has no name of its own.
fn reached_at(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("localhost:{}", address.port()) } else { address.to_string() }
}

/// A server that others can reach speaks TLS and has somebody who can log in.
fn refuse_open(config: &Config, n_users: u64) -> Result<(), ServeError> {
    let address = config.server.listen;
    if config.is_local() || config.server.force {
        return Ok(());
    }
    if config.server.tls.is_none() {
        return Err(ServeError::Open {
            address,
            lacks: "speaks no TLS: set server.tls, or listen on 127.0.0.1",
        });
    }
    if n_users == 0 {
        return Err(ServeError::Open {
            address,
            lacks: "nobody can log in yet: start on 127.0.0.1 first and follow the link",
        });
    }
    Ok(())
}

/// A one-time link. Its secret stands behind a `#`, which browsers send to nobody.
fn invitation(store: &Store, config: &Config) -> Result<String, StoreError> {
    let secret = hex(&random_bytes::<24>());
    let hours = config.accounts.invitation_hours;
    store.invite(&secret, now_ms() + (hours * 3_600_000.0) as i64)?;
    Ok(secret)
}

/// Jobs that waited, and data sets that were being looked at.
async fn take_up(app: &Arc<App>, unchecked: &[String]) {
    match app.ask(|store| Ok(store.queued_jobs()?)).await {
        Ok(jobs) => jobs.into_iter().for_each(|job| app.queue.push(job.id)),
        Err(problem) => tracing::error!(problem = problem.detail(), "waiting jobs cannot be read"),
    }
    for dataset in unchecked {
        if let Err(problem) = app.submit(JobRequest::Check { dataset: dataset.clone() }, None).await {
            tracing::error!(problem = problem.detail(), dataset, "a data set cannot be looked at again");
        }
    }
}

/// SIGTERM and SIGINT stop, a second one at once; SIGHUP reads configuration and certificate again.
async fn signals(app: Arc<App>, tls: Option<Arc<RwLock<Arc<ServerConfig>>>>) {
    let (Ok(mut term), Ok(mut int), Ok(mut hup)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()), signal(SignalKind::hangup()))
    else {
        return;
    };
    let mut stopping = false;
    loop {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
            _ = hup.recv() => {
                reload(&app, tls.as_deref());
                continue;
            }
        }
        if stopping {
            std::process::exit(0);
        }
        stopping = true;
        app.stop();
    }
}

fn reload(app: &App, tls: Option<&RwLock<Arc<ServerConfig>>>) {
    match Config::load(app.config_file.as_deref(), std::env::vars()) {
        Ok(config) => {
            app.reconfigure(config);
            tracing::info!("the configuration was read again");
        }
        Err(error) => tracing::error!(%error, "the configuration stays as it was"),
    }
    if let (Some(held), Some(files)) = (tls, &app.config().server.tls) {
        match server_config(files) {
            Ok(config) => *held.write().unwrap_or_else(PoisonError::into_inner) = config,
            Err(error) => tracing::error!(%error, "the certificate stays as it was"),
        }
    }
}

/// How many connections each address has.
#[derive(Default)]
struct PerAddress(Mutex<HashMap<IpAddr, usize>>);

struct Counted(Arc<PerAddress>, IpAddr);

impl PerAddress {
    fn take(self: &Arc<Self>, address: IpAddr, most: usize) -> Option<Counted> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = all.entry(address).or_default();
        if *n >= most {
            return None;
        }
        *n += 1;
        Some(Counted(self.clone(), address))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(n) = all.get_mut(&self.1) {
            *n -= 1;
            if *n == 0 {
                all.remove(&self.1);
            }
        }
    }
}

pub(crate) async fn listen(
    app: &Arc<App>,
    listener: TcpListener,
    tls: Option<Arc<RwLock<Arc<ServerConfig>>>>,
) {
    let limits = app.config().limits.clone();
    let places = Arc::new(Semaphore::new(limits.connections));
    let per_address = Arc::new(PerAddress::default());
    let service = router(app);
    let mut stop = app.stopping();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Most likely there are too many open files: those that end make room.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let place = places.clone().try_acquire_owned();
        let counted = per_address.take(peer.ip(), limits.connections_per_address);
        let (Ok(place), Some(counted)) = (place, counted) else {
            app.metrics.connections_refused.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        app.metrics.connections.fetch_add(1, Ordering::Relaxed);
        let _ = stream.set_nodelay(true);
        let acceptor = tls
            .as_ref()
            .map(|tls| TlsAcceptor::from(tls.read().unwrap_or_else(PoisonError::into_inner).clone()));
        let (service, stop) = (service.clone(), app.stopping());
        connections.spawn(async move {
            let _held = (place, counted);
            converse(stream, peer, acceptor, service, stop).await;
        });
    }
    drop(listener);
    let patience = Duration::from_secs_f64(app.config().server.shutdown_seconds);
    let _ = tokio::time::timeout(patience, async { while connections.join_next().await.is_some() {} }).await;
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    service: Router,
    stop: watch::Receiver<bool>,
) {
    let stream = Timed::new(stream);
    match acceptor {
        None => answer(stream, peer, service, stop).await,
        Some(acceptor) => match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => answer(stream, peer, service, stop).await,
            Ok(Err(error)) => tracing::debug!(%error, %peer, "no TLS was agreed on"),
            Err(_) => tracing::debug!(%peer, "TLS took too long"),
        },
    }
}

async fn answer<S>(stream: S, peer: SocketAddr, service: Router, mut stop: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service.map_request(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request
    });
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10).half_close(false);
    let connection = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    tokio::select! {
        done = connection.as_mut() => {
            if let Err(error) = done {
                tracing::debug!(%error, %peer, "a connection ended early");
            }
            return;
        }
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Lets jobs finish for a while; those that do not are ended and can be resumed.
async fn park(app: &Arc<App>, mut tasks: JoinSet<()>) {
    let patience = Duration::from_secs_f64(app.config().server.shutdown_seconds);
    let until = tokio::time::Instant::now() + patience;
    while app.queue.lengths().1 > 0 && tokio::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.queue.cancel_all();
    let _ = tokio::time::timeout(Duration::from_secs(3), async {
        while app.queue.lengths().1 > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    tasks.abort_all();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_of_a_server_that_listens_everywhere_leads_to_this_machine() {
        let shown = |address: &str| reached_at(address.parse().unwrap());
        assert_eq!(shown("0.0.0.0:7700"), "localhost:7700");
        assert_eq!(shown("[::]:80"), "localhost:80");
        assert_eq!(shown("192.0.2.7:7700"), "192.0.2.7:7700");
    }
}
