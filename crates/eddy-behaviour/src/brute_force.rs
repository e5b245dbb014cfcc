//! Guessing of passwords.

use std::net::IpAddr;

use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::table::Table;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "brute_force",
    title: "Guessing of passwords",
    summary: "One host opens many short connections of like size to a service that asks for a password.",
    blind_to: "Few guesses a day; guesses within one long connection; services on ports of their own; web logins.",
    techniques: &["T1110.001", "T1110"],
};

/// Pairs watched at most.
const CAPACITY: usize = 65_536;
/// Seconds that guesses are counted over.
const WINDOW_S: i64 = 600;
/// Short connections of like size within that time that make it guessing.
const LEAST: u32 = 12;
/// Bytes of a guess at most, both ways.
const MOST_OCTETS: u64 = 20_000;
/// Seconds of a guess at most.
const MOST_S: i64 = 60;
/// Coefficient of variation of the sizes at most.
const LIKE_SIZE: f64 = 0.5;
/// Ports of services that ask for a password.
const PORTS: [u16; 20] = [
    21, 22, 23, 110, 139, 143, 389, 445, 993, 995, 1_433, 1_521, 2_222, 2_323, 3_306, 3_389, 5_432, 5_900,
    5_985, 6_379,
];

#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    start_ns: i64,
    n: u32,
    sum: f64,
    sum_of_squares: f64,
}

type Key = (IpAddr, IpAddr, u16);

/// The behaviour.
pub(crate) struct BruteForce {
    pairs: Table<Key, Tries>,
    open: Open<Key>,
}

impl Default for BruteForce {
    fn default() -> Self {
        Self { pairs: Table::new(CAPACITY), open: Open::new(1_800) }
    }
}

impl Behaviour for BruteForce {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let is_login = PORTS.contains(&flow.destination_port)
            || matches!(flow.application, "ssh" | "ftp" | "telnet" | "rdp");
        let octets = flow.octets.saturating_add(flow.reverse_octets);
        let is_guess = flow.protocol == Flow::TCP
            && is_login
            && flow.reverse_packets >= 2
            && flow.packets >= 3
            && octets <= MOST_OCTETS
            && flow.duration_ns <= MOST_S * 1_000_000_000;
        if !is_guess {
            return;
        }
        let key = (flow.source, flow.destination, flow.destination_port);
        let tries = self.pairs.entry(key, flow.start_ns, Tries::default);
        if flow.start_ns.saturating_sub(tries.start_ns) >= WINDOW_S * 1_000_000_000 {
            *tries = Tries { start_ns: flow.start_ns, ..Tries::default() };
        }
        tries.n += 1;
        tries.sum += octets as f64;
        tries.sum_of_squares += (octets as f64).powi(2);
        let n = f64::from(tries.n);
        let mean = tries.sum / n;
        let variation = (tries.sum_of_squares / n - mean * mean).max(0.0).sqrt() / mean.max(1.0);
        let evidence = || {
            vec![
                Evidence { what: "short connections in 10 min", seen: n, usual: f64::from(LEAST) },
                Evidence {
                    what: "coefficient of variation of their size",
                    seen: (variation * 100.0).round() / 100.0,
                    usual: LIKE_SIZE,
                },
            ]
        };
        let strength = n / f64::from(LEAST);
        if let Some(sighting) = self.open.extend(&key, flow, flow.destination) {
            if strength > sighting.strength {
                sighting.strength = strength;
                sighting.evidence = evidence();
            }
            return;
        }
        if tries.n < LEAST || variation > LIKE_SIZE {
            return;
        }
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: "guessing of passwords",
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: Some(flow.destination_port),
            first_ns: tries.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: u64::from(tries.n) - 1,
            octets: tries.sum as u64 - octets,
            evidence: evidence(),
            severity: Severity::High,
            strength,
            techniques: &["T1110.001", "T1110"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.pairs.dropped() + self.open.dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::{address, flow};

    fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
        let (mut brute_force, mut out) = (BruteForce::default(), Vec::new());
        flows.into_iter().for_each(|flow| brute_force.see(&flow, &mut out));
        brute_force.end(&mut out);
        out
    }

    #[test]
    fn many_short_logins_of_like_size_are_guessing() {
        let guess = |at: u32| Flow {
            octets: 1_900 + u64::from(at % 7) * 20,
            packets: 14,
            reverse_octets: 2_400,
            reverse_packets: 12,
            duration_ns: 2_000_000_000,
            ..flow(f64::from(at) * 3.0, 66, 5, 22)
        };
        let found = run((0..100).map(guess));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].actor, found[0].port, found[0].flows), (Some(address(66)), Some(22), 100));
    }

    #[test]
    fn long_logins_and_regular_checks_are_not() {
        let session = |at: u32| Flow { octets: 90_000, ..flow(f64::from(at) * 3.0, 66, 5, 22) };
        assert!(run((0..100).map(session)).is_empty());
        let check = |at: u32| flow(f64::from(at) * 60.0, 66, 5, 22);
        assert!(run((0..500).map(check)).is_empty());
        assert!(run((0..500).map(|at| flow(f64::from(at), 66, 5, 443))).is_empty());
    }
}
