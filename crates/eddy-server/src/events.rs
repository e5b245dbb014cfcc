//! The live stream: what happens, to whoever listens, with bounded buffers.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::stream::{self, Stream};
use serde_json::Value;
use tokio::sync::{broadcast, watch};

/// Events that a slow listener may be behind; beyond, it is told to look again at everything.
const BEHIND: usize = 256;

/// Something that happened.
#[derive(Debug, Clone)]
pub(crate) struct News {
    kind: &'static str,
    data: Arc<str>,
}

/// Where news come together.
#[derive(Clone)]
pub(crate) struct Events {
    sender: broadcast::Sender<News>,
    listeners: Arc<AtomicUsize>,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { sender: broadcast::Sender::new(BEHIND), listeners: Arc::default() }
    }

    /// Tells everybody. Nobody listening is no error.
    pub(crate) fn send(&self, kind: &'static str, data: &Value) {
        let _ = self.sender.send(News { kind, data: data.to_string().into() });
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<News> {
        self.sender.subscribe()
    }

    pub(crate) fn listeners(&self) -> usize {
        self.listeners.load(Ordering::Relaxed)
    }

    /// A stream for one more listener, unless there are too many.
    pub(crate) fn stream(
        &self,
        most: usize,
        stop: watch::Receiver<bool>,
    ) -> Option<Sse<impl Stream<Item = Result<Event, Infallible>> + use<>>> {
        let place = Place::take(&self.listeners, most)?;
        let hello = Event::default().event("hello").data("{}").retry(Duration::from_secs(2));
        let first = stream::once(async move { Ok(hello) });
        let rest =
            stream::unfold((self.subscribe(), stop, place), |(mut news, mut stop, place)| async move {
                let event = tokio::select! {
                    received = news.recv() => match received {
                        Ok(one) => Event::default().event(one.kind).data(&*one.data),
                        Err(broadcast::error::RecvError::Lagged(n)) => {
                            Event::default().event("resync").data(format!("{{\"missed\":{n}}}"))
                        }
                        Err(broadcast::error::RecvError::Closed) => return None,
                    },
                    _ = stop.wait_for(|stop| *stop) => return None,
                };
                Some((Ok(event), (news, stop, place)))
            });
        let keep_alive = KeepAlive::new().interval(Duration::from_secs(10));
        Some(Sse::new(futures_util::StreamExt::chain(first, rest)).keep_alive(keep_alive))
    }
}

/// A listener's place, given back when it goes.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(all: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let taken = all.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < most).then_some(n + 1));
        taken.is_ok().then(|| Self(all.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn listeners_are_counted_and_there_is_a_most() {
        let events = Events::new();
        let (_stop, stopped) = watch::channel(false);
        let first = events.stream(1, stopped.clone());
        assert!(first.is_some() && events.stream(1, stopped.clone()).is_none());
        drop(first);
        assert!(events.stream(1, stopped).is_some());
    }

    #[tokio::test]
    async fn a_slow_listener_misses_news_and_nothing_grows() {
        let events = Events::new();
        let mut slow = events.subscribe();
        (0..10_000).for_each(|n| events.send("job", &Value::from(n)));
        assert!(matches!(slow.recv().await, Err(broadcast::error::RecvError::Lagged(n)) if n >= 9_000));
        assert_eq!(&*slow.recv().await.unwrap().data, (10_000 - BEHIND).to_string());
    }
}
