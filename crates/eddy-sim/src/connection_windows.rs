//! The columns of a connection record that are about the connections before it.
//!
//! As in KDD Cup 99 (W. Lee and S. Stolfo, "A framework for constructing features and models for intrusion detection
//! systems", 2000): one window of the last two seconds, and one of a number of connections. KDD does not define the
//! second exactly; here it holds the last 255 connections, the present one included.

use std::collections::VecDeque;

use crate::network::Address;

/// Length of the window in time.
const WINDOW_NS: i64 = 2_000_000_000;
/// Most connections kept of the window in time; counts are capped at 511 as in KDD.
const MOST_RECENT: usize = 2_048;
const MOST_COUNTED: f64 = 511.0;
/// Length of the window in connections.
const MOST_KEPT: usize = 255;

/// What the windows know of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) at_ns: i64,
    pub(crate) server: Address,
    pub(crate) service: &'static str,
    pub(crate) client_port: u16,
    pub(crate) flag: &'static str,
}

impl Seen {
    fn is_syn_error(&self) -> bool {
        matches!(self.flag, "S0" | "S1" | "S2" | "S3")
    }

    fn is_reject(&self) -> bool {
        matches!(self.flag, "REJ" | "RSTO" | "RSTR")
    }
}

/// The connections of the recent past.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    recent: VecDeque<Seen>,
    kept: VecDeque<Seen>,
}

/// Sums over the connections of a window that share something with the present one.
#[derive(Debug, Default)]
struct Sums {
    count: f64,
    syn_errors: f64,
    rejects: f64,
    /// Those that share the other thing as well (service for host sums, host for service sums).
    same_other: f64,
    same_client_port: f64,
}

impl Sums {
    fn add(&mut self, seen: &Seen, now: &Seen, is_same_other: bool) {
        self.count += 1.0;
        self.syn_errors += f64::from(u8::from(seen.is_syn_error()));
        self.rejects += f64::from(u8::from(seen.is_reject()));
        self.same_other += f64::from(u8::from(is_same_other));
        self.same_client_port += f64::from(u8::from(seen.client_port == now.client_port));
    }

    /// The share of a sum in the count, with the two decimals of KDD.
    fn rate(&self, sum: f64) -> f64 {
        (sum / self.count.max(1.0) * 100.0).round() / 100.0
    }
}

impl Windows {
    /// Takes in a connection and answers with its last 19 columns, `count` to `dst_host_srv_rerror_rate`.
    pub(crate) fn columns(&mut self, now: Seen) -> [f64; 19] {
        self.recent.push_back(now);
        while self.recent.len() > MOST_RECENT
            || self.recent.front().is_some_and(|seen| now.at_ns - seen.at_ns > WINDOW_NS)
        {
            self.recent.pop_front();
        }
        self.kept.push_back(now);
        if self.kept.len() > MOST_KEPT {
            self.kept.pop_front();
        }
        let (host, service) = sums(&self.recent, &now);
        let (kept_host, kept_service) = sums(&self.kept, &now);
        [
            host.count.min(MOST_COUNTED),
            service.count.min(MOST_COUNTED),
            host.rate(host.syn_errors),
            service.rate(service.syn_errors),
            host.rate(host.rejects),
            service.rate(service.rejects),
            host.rate(host.same_other),
            host.rate(host.count - host.same_other),
            service.rate(service.count - service.same_other),
            kept_host.count,
            kept_service.count,
            kept_host.rate(kept_host.same_other),
            kept_host.rate(kept_host.count - kept_host.same_other),
            kept_host.rate(kept_host.same_client_port),
            kept_service.rate(kept_service.count - kept_service.same_other),
            kept_host.rate(kept_host.syn_errors),
            kept_service.rate(kept_service.syn_errors),
            kept_host.rate(kept_host.rejects),
            kept_service.rate(kept_service.rejects),
        ]
    }
}

/// Sums over the connections to the host of `now`, and over those to its service.
fn sums(window: &VecDeque<Seen>, now: &Seen) -> (Sums, Sums) {
    let mut host = Sums::default();
    let mut service = Sums::default();
    for seen in window {
        let is_same_host = seen.server == now.server;
        let is_same_service = seen.service == now.service;
        if is_same_host {
            host.add(seen, now, is_same_service);
        }
        if is_same_service {
            service.add(seen, now, is_same_host);
        }
    }
    (host, service)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_agree_with_counting_by_hand() {
        let mut windows = Windows::default();
        let mut see = |millis: i64, server, service, flag| {
            windows.columns(Seen { at_ns: millis * 1_000_000, server, service, client_port: 40_000, flag })
        };
        see(0, 1, "http", "SF");
        see(1_000, 1, "ssh", "S0");
        see(1_500, 2, "http", "REJ");
        let columns = see(2_500, 1, "http", "SF");
        // The first is out of the two seconds; host 1 keeps the ssh and this one, http keeps host 2 and this one.
        assert_eq!(columns[..9], [2.0, 2.0, 0.5, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]);
        assert_eq!(columns[9..], [3.0, 3.0, 0.67, 0.33, 1.0, 0.33, 0.33, 0.0, 0.0, 0.33]);
    }

    #[test]
    fn windows_are_bounded() {
        let mut windows = Windows::default();
        let now = Seen { at_ns: 0, server: 1, service: "http", client_port: 1, flag: "S0" };
        let last = (0..10_000).map(|_| windows.columns(now)).last().unwrap();
        assert_eq!((last[0], last[9]), (MOST_COUNTED, 255.0));
        assert_eq!((windows.recent.len(), windows.kept.len()), (MOST_RECENT, MOST_KEPT));
    }
}
