//! How often somebody may try.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Entries kept at most; beyond, those with the most left are let go.
const MOST: usize = 10_000;

/// A bucket of tries for each key: so many at once, then one in so many seconds.
struct Buckets<K> {
    burst: f64,
    seconds_each: f64,
    left: HashMap<K, (f64, Instant)>,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(burst: f64, seconds_each: f64) -> Self {
        Self { burst, seconds_each, left: HashMap::new() }
    }

    fn available(&self, key: &K, now: Instant) -> f64 {
        self.left.get(key).map_or(self.burst, |(left, at)| {
            (left + now.saturating_duration_since(*at).as_secs_f64() / self.seconds_each).min(self.burst)
        })
    }

    /// Seconds to wait, or none.
    fn wait(&self, key: &K, now: Instant) -> Option<u64> {
        let left = self.available(key, now);
        (left < 1.0).then(|| ((1.0 - left) * self.seconds_each).ceil().max(1.0) as u64)
    }

    fn take(&mut self, key: K, now: Instant) {
        if self.left.len() >= MOST && !self.left.contains_key(&key) {
            let half = self.burst / 2.0;
            let full: Vec<K> =
                self.left.keys().filter(|key| self.available(key, now) >= half).cloned().collect();
            for key in &full {
                self.left.remove(key);
            }
            if self.left.len() >= MOST {
                // A flood of addresses: what is forgotten is in favour of the guesser, so the account's bucket counts.
                self.left.clear();
            }
        }
        let left = self.available(&key, now) - 1.0;
        self.left.insert(key, (left, now));
    }
}

/// Keeps guessers of passwords slow: by address, and by account. Somebody who has logged in from an address before is
/// not kept out by those who guess from others.
pub(crate) struct LoginLimiter {
    inner: Mutex<Inner>,
    /// When it is, in tests.
    still: OnceLock<Instant>,
}

struct Inner {
    by_address: Buckets<IpAddr>,
    by_account: Buckets<String>,
    by_both: Buckets<(String, IpAddr)>,
    trusted: HashMap<(String, IpAddr), Instant>,
}

impl LoginLimiter {
    /// The moment that tries are counted at.
    pub(crate) fn now(&self) -> Instant {
        self.still.get().copied().unwrap_or_else(Instant::now)
    }

    /// Lets time stand still, so that a test does not depend on how fast it is.
    #[cfg(test)]
    pub(crate) fn stand_still(&self) {
        let _ = self.still.set(Instant::now());
    }

    pub(crate) fn new() -> Self {
        Self {
            still: OnceLock::new(),
            inner: Mutex::new(Inner {
                by_address: Buckets::new(10.0, 6.0),
                by_account: Buckets::new(10.0, 60.0),
                by_both: Buckets::new(5.0, 12.0),
                trusted: HashMap::new(),
            }),
        }
    }

    /// Seconds to wait before another try, or none: then the try is counted.
    pub(crate) fn begin(&self, account: &str, address: IpAddr, now: Instant) -> Result<(), u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let account = account.to_lowercase();
        let both = (account.clone(), address);
        let trusted = inner.trusted.contains_key(&both);
        let by_account = if trusted { None } else { inner.by_account.wait(&account, now) };
        let waits = [inner.by_address.wait(&address, now), inner.by_both.wait(&both, now), by_account];
        if let Some(seconds) = waits.into_iter().flatten().max() {
            return Err(seconds);
        }
        inner.by_address.take(address, now);
        inner.by_both.take(both, now);
        if !trusted {
            inner.by_account.take(account, now);
        }
        Ok(())
    }

    /// Somebody was who they said.
    pub(crate) fn succeeded(&self, account: &str, address: IpAddr, now: Instant) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let account = account.to_lowercase();
        let both = (account.clone(), address);
        inner.by_address.left.remove(&address);
        inner.by_both.left.remove(&both);
        if inner.trusted.len() >= MOST {
            inner.trusted.clear();
        }
        inner.trusted.insert(both, now);
    }
}

/// Who asks for what costs much: a user, or an address where nobody has to log in.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    User(String),
    Address(IpAddr),
}

/// Keeps a client from taking the whole machine for itself.
pub(crate) struct CostLimiter(Mutex<Buckets<Client>>);

impl CostLimiter {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Buckets::new(1.0, 1.0)))
    }

    /// Seconds to wait before another request, or none: then the request is counted. So many may come at once, and so
    /// many a minute after that; both may be others each time, as the configuration may change.
    pub(crate) fn begin(&self, client: Client, at_once: usize, per_minute: usize) -> Result<(), u64> {
        self.begin_at(client, at_once, per_minute, Instant::now())
    }

    fn begin_at(&self, client: Client, at_once: usize, per_minute: usize, now: Instant) -> Result<(), u64> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.burst = at_once as f64;
        buckets.seconds_each = 60.0 / per_minute as f64;
        if let Some(seconds) = buckets.wait(&client, now) {
            return Err(seconds);
        }
        buckets.take(client, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_guesser_gets_few_tries_and_then_has_to_wait() {
        let limiter = LoginLimiter::new();
        let start = Instant::now();
        let evaluated = (0..1_000).filter(|_| limiter.begin("anna", HERE, start).is_ok()).count();
        assert_eq!(evaluated, 5);
        let later = start + Duration::from_hours(1);
        assert!(limiter.begin("Anna", HERE, later).is_ok());
    }

    #[test]
    fn many_addresses_do_not_help_and_do_not_shut_the_owner_out() {
        let limiter = LoginLimiter::new();
        let start = Instant::now();
        limiter.begin("anna", HERE, start).unwrap();
        limiter.succeeded("anna", HERE, start);
        let from = |n: u32| IpAddr::V4(std::net::Ipv4Addr::from(0x0A00_0000 + n));
        let evaluated = (0..5_000).filter(|n| limiter.begin("anna", from(*n), start).is_ok()).count();
        assert!(evaluated <= 10, "{evaluated}");
        assert!(limiter.begin("anna", THERE, start).is_err());
        assert!(limiter.begin("anna", HERE, start).is_ok(), "the owner is shut out");
    }

    #[test]
    fn what_costs_much_is_counted_for_each_client_by_itself_and_comes_back_with_time() {
        let limiter = CostLimiter::new();
        let start = Instant::now();
        let taken = |client: &Client, at: Instant| {
            (0..100).filter(|_| limiter.begin_at(client.clone(), 5, 60, at).is_ok()).count()
        };
        let (anna, here) = (Client::User("anna".into()), Client::Address(HERE));
        assert_eq!((taken(&anna, start), taken(&here, start)), (5, 5));
        assert_eq!(limiter.begin_at(anna.clone(), 5, 60, start), Err(1));
        assert_eq!(taken(&anna, start + Duration::from_secs(3)), 3);
    }

    #[test]
    fn one_address_cannot_try_many_accounts() {
        let limiter = LoginLimiter::new();
        let start = Instant::now();
        let evaluated = (0..500).filter(|n| limiter.begin(&format!("user{n}"), HERE, start).is_ok()).count();
        assert_eq!(evaluated, 10);
    }
}
