//! What all handlers share.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use eddy_store::{Expired, Folder, Retention, Store};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore, watch};

use crate::Config;
use crate::events::Events;
use crate::jobs::{Queue, Workers};
use crate::limiter::{CostLimiter, LoginLimiter};
use crate::metrics::Metrics;
use crate::password::Hasher;
use crate::predict::Predictors;
use crate::problem::Problem;

/// A running server, without its sockets.
pub(crate) struct App {
    config: RwLock<Arc<Config>>,
    /// Where the configuration is read from again.
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) store: Arc<Store>,
    pub(crate) events: Events,
    pub(crate) queue: Queue,
    pub(crate) workers: Workers,
    /// Places for work that a caller waits for, besides that of the queue.
    pub(crate) at_once: Semaphore,
    /// Rings when something was added, so that what is too much is let go at once.
    pub(crate) added: Notify,
    pub(crate) hasher: Hasher,
    pub(crate) logins: LoginLimiter,
    /// Counts the requests that cost much.
    pub(crate) costly: CostLimiter,
    pub(crate) predictors: Arc<Predictors>,
    pub(crate) metrics: Metrics,
    pub(crate) started: Instant,
    stop: watch::Sender<bool>,
    me: Weak<App>,
}

impl App {
    pub(crate) fn new(
        config: Config,
        config_file: Option<PathBuf>,
        store: Store,
        workers: Workers,
        hasher: Hasher,
    ) -> Arc<Self> {
        let at_once = Semaphore::new(config.limits.workers);
        Arc::new_cyclic(|me| Self {
            config: RwLock::new(Arc::new(config)),
            config_file,
            store: Arc::new(store),
            events: Events::new(),
            queue: Queue::default(),
            workers,
            at_once,
            added: Notify::new(),
            hasher,
            logins: LoginLimiter::new(),
            costly: CostLimiter::new(),
            predictors: Arc::default(),
            metrics: Metrics::default(),
            started: Instant::now(),
            stop: watch::Sender::new(false),
            me: me.clone(),
        })
    }

    pub(crate) fn me(&self) -> Weak<Self> {
        self.me.clone()
    }

    /// The configuration of this moment.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a new configuration; what only a start can change stays as it was.
    pub(crate) fn reconfigure(&self, mut config: Config) {
        let mut now = self.config.write().unwrap_or_else(PoisonError::into_inner);
        config.server.listen = now.server.listen;
        config.server.data.clone_from(&now.server.data);
        config.server.tls.clone_from(&now.server.tls);
        config.limits.workers = now.limits.workers;
        *now = Arc::new(config);
    }

    /// Asks the store, on a thread that may wait.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Store) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let store = self.store.clone();
        tokio::task::spawn_blocking(move || ask(&store)).await?
    }

    /// Makes room for what has arrived, or says that there is none.
    pub(crate) async fn make_room(&self) -> Result<(), Problem> {
        let most = self.config().retention.most_bytes;
        let predictors = self.predictors.clone();
        let made = self.ask(move |store| {
            let (fits, gone) = store.make_room(most)?;
            has_gone(&gone, &predictors);
            Ok(fits)
        });
        if made.await? {
            return Ok(());
        }
        Err(Problem::over_quota(format!(
            "no more than {most} bytes are kept (retention.most_bytes), and what must stay, such as models that \
             an alias points to, leaves too little; remove some of it, or allow more"
        )))
    }

    pub(crate) fn folder(&self) -> &Folder {
        self.store.folder()
    }

    /// Tells listeners what happened.
    pub(crate) fn announce(&self, kind: &'static str, about: &Value) {
        self.events.send(kind, about);
    }

    /// Becomes true when the server is to stop.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Lets go of what is too old or too much, now and then and when something was added, until the server stops.
    pub(crate) async fn tidy_up(self: Arc<Self>) {
        let mut stop = self.stopping();
        loop {
            let keep = retention(&self.config());
            let predictors = self.predictors.clone();
            let expired = self.ask(move |store| {
                has_gone(&store.expire(&keep)?, &predictors);
                Ok(())
            });
            if let Err(problem) = expired.await {
                tracing::error!(problem = problem.detail(), "nothing could be let go");
            }
            tokio::select! {
                () = tokio::time::sleep(Duration::from_mins(10)) => {}
                () = self.added.notified() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }
}

/// What was let go answers no more, and the log says so.
fn has_gone(gone: &Expired, predictors: &Predictors) {
    if gone.models > 0 {
        predictors.forget_all();
    }
    if *gone != Expired::default() {
        tracing::info!(?gone, "let go of what was too old or too much");
    }
}

fn retention(config: &Config) -> Retention {
    let keep = &config.retention;
    Retention {
        run_days: keep.run_days,
        dataset_days: keep.dataset_days,
        job_days: keep.job_days,
        model_days: keep.model_days,
        audit_days: keep.audit_days,
        audit_lines: keep.audit_lines,
        most_bytes: keep.most_bytes,
    }
}
