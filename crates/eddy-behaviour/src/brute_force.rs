//! Guessing of passwords.

use std::net::IpAddr;

use crate::moments::Moments;
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::table::Table;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "brute_force",
    title: "Guessing of passwords",
    summary: "One host opens many short connections of like but not equal size to a service that asks for a password, or \
              very many to a web server, and not at fixed intervals.",
    blind_to: "Few guesses a day; guesses within one long connection; guesses from many hosts that each try little; guesses \
               at fixed intervals or all of one size, which look like checks whether a service is there; services on ports \
               of their own that the source of the flows does not name.",
    techniques: &["T1110.001", "T1110"],
};

/// Pairs watched at most.
const CAPACITY: usize = 65_536;
/// Seconds that guesses are counted over.
const WINDOW_S: i64 = 600;
/// Short connections of like size within that time that make it guessing.
const LEAST: u32 = 12;
/// The same for web servers, to which programs connect again and again for many reasons.
const LEAST_WEB: u32 = 120;
/// Bytes of a guess at most, both ways.
const MOST_OCTETS: u64 = 20_000;
/// Seconds of a guess at most.
const MOST_S: i64 = 60;
/// Coefficient of variation of the sizes at most.
const LIKE_SIZE: f64 = 0.5;
/// The same for web servers.
const LIKE_SIZE_WEB: f64 = 0.15;
/// Coefficient of variation of the sizes at least: checks whether a service is there are all of one size.
const NOT_EQUAL: f64 = 0.001;
/// Coefficient of variation of the intervals up to which something is done by the clock, and the least interval.
const BY_THE_CLOCK: f64 = 0.1;
const CLOCK_S: f64 = 2.0;
/// Ports of services that ask for a password.
const PORTS: [u16; 30] = [
    21, 22, 23, 25, 110, 139, 143, 389, 445, 465, 587, 636, 990, 993, 995, 1_433, 1_521, 2_222, 2_323, 3_306,
    3_389, 5_432, 5_900, 5_901, 5_985, 5_986, 6_379, 8_291, 8_728, 27_017,
];
/// Ports of web servers.
const WEB_PORTS: [u16; 7] = [80, 443, 8_000, 8_008, 8_080, 8_443, 8_888];

#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    start_ns: i64,
    last_ns: i64,
    n: u32,
    octets: Moments,
    intervals_s: Moments,
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

/// Whether a flow goes to a service that asks for a password.
pub(crate) fn asks_for_password(flow: &Flow<'_>) -> bool {
    PORTS.contains(&flow.destination_port)
        || matches!(flow.application, "ssh" | "ftp" | "telnet" | "rdp" | "smb" | "mysql" | "vnc" | "rfb")
}

impl Tries {
    fn add(&mut self, flow: &Flow<'_>, octets: u64) {
        if flow.start_ns.saturating_sub(self.start_ns) >= WINDOW_S * 1_000_000_000 {
            *self = Self { start_ns: flow.start_ns, ..Self::default() };
        } else if self.n > 0 {
            self.intervals_s.add(flow.start_ns.saturating_sub(self.last_ns) as f64 / 1e9);
        }
        self.last_ns = flow.start_ns;
        self.n += 1;
        self.octets.add(octets as f64);
    }

    fn is_guessing(&self, least: u32, like_size: f64) -> bool {
        let variation = self.octets.variation();
        let by_the_clock = self.intervals_s.mean() >= CLOCK_S && self.intervals_s.variation() <= BY_THE_CLOCK;
        self.n >= least && (NOT_EQUAL..=like_size).contains(&variation) && !by_the_clock
    }
}

impl Behaviour for BruteForce {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let is_login = asks_for_password(flow);
        let is_web = !is_login && WEB_PORTS.contains(&flow.destination_port);
        let octets = flow.octets.saturating_add(flow.reverse_octets);
        let is_guess = flow.protocol == Flow::TCP
            && (is_login || is_web)
            && flow.reverse_packets >= 2
            && flow.packets >= 3
            && octets <= MOST_OCTETS
            && flow.duration_ns <= MOST_S * 1_000_000_000;
        if !is_guess {
            return;
        }
        let (least, like_size) = if is_web { (LEAST_WEB, LIKE_SIZE_WEB) } else { (LEAST, LIKE_SIZE) };
        let key = (flow.source, flow.destination, flow.destination_port);
        let tries = self.pairs.entry(key, flow.start_ns, Tries::default);
        tries.add(flow, octets);
        let evidence = || {
            let rounded = |number: f64| (number * 1_000.0).round() / 1_000.0;
            vec![
                Evidence {
                    what: "short connections in 10 min",
                    seen: f64::from(tries.n),
                    usual: f64::from(least),
                },
                Evidence {
                    what: "coefficient of variation of their size",
                    seen: rounded(tries.octets.variation()),
                    usual: like_size,
                },
            ]
        };
        let strength = f64::from(tries.n) / f64::from(least);
        if let Some(sighting) = self.open.extend(&key, flow, flow.destination) {
            if strength > sighting.strength {
                sighting.strength = strength;
                sighting.evidence = evidence();
            }
            return;
        }
        if !tries.is_guessing(least, like_size) {
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
            octets: (tries.octets.sum as u64).saturating_sub(octets),
            evidence: evidence(),
            severity: if is_web { Severity::Medium } else { Severity::High },
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
            ..flow(f64::from(at) * 3.0 + f64::from(at * 7 % 5) * 0.4, 66, 5, 22)
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

    #[test]
    fn checks_by_the_clock_are_not_and_log_ins_to_a_web_server_are() {
        let check = |at: u32| Flow {
            octets: 300 + u64::from(at % 3),
            ..flow(f64::from(at) * 20.0 + f64::from(at % 2) * 0.1, 66, 5, 445)
        };
        assert!(run((0..500).map(check)).is_empty());
        let log_in = |at: u32| Flow {
            octets: 700 + u64::from(at % 9) * 3,
            reverse_octets: 1_200,
            ..flow(f64::from(at) * 0.4 + f64::from(at * 7 % 5) * 0.07, 66, 5, 8_080)
        };
        let found = run((0..500).map(log_in));
        assert_eq!(found.iter().map(|s| s.severity).collect::<Vec<_>>(), [Severity::Medium]);
        // Pages are of all sizes.
        let page = |at: u32| Flow { reverse_octets: 900 + u64::from(at * 7_919 % 15_000), ..log_in(at) };
        assert!(run((0..500).map(page)).is_empty());
    }
}
