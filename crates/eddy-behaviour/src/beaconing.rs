//! Beacons: a host calls somebody outside at regular intervals.

use std::net::IpAddr;

use crate::flow::is_private;
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::Table;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "beaconing",
    title: "Beacon",
    summary: "A host inside calls one host outside again and again, at intervals and with sizes that hardly vary, and \
              few others call it.",
    blind_to: "Calls to hosts inside; echo requests; calls with large and random pauses; one long connection; calls to a service that \
               half the network calls; fewer calls than the least number.",
    techniques: &["T1071", "T1571", "T1573"],
};

/// Pairs watched at most.
const CAPACITY: usize = 131_072;
/// Calls remembered of each pair.
const REMEMBERED: usize = 24;
/// Calls that are judged, at least.
const LEAST_CALLS: u32 = 12;
/// Seconds between calls, at least: what is faster is one conversation.
const LEAST_INTERVAL_S: f32 = 5.0;
/// Regularity, 0 to 1, from which it is a beacon.
const LEAST_SCORE: f64 = 0.8;
/// Hosts inside that call the same host outside, from which it is a service.
const POPULAR: f64 = 4.0;
/// Services that are called regularly by design: time, names, leases, discovery.
const REGULAR_BY_DESIGN: [u16; 8] = [53, 67, 68, 123, 137, 547, 1_900, 5_353];

#[derive(Debug, Clone, Copy)]
struct Calls {
    n: u32,
    last_ns: i64,
    first_ns: i64,
    intervals_s: [f32; REMEMBERED],
    octets: [f32; REMEMBERED],
}

type Key = (IpAddr, IpAddr, u16);

/// The behaviour.
pub(crate) struct Beaconing {
    pairs: Table<Key, Calls>,
    callers: Table<IpAddr, Distinct>,
    open: Open<Key>,
}

impl Default for Beaconing {
    fn default() -> Self {
        Self { pairs: Table::new(CAPACITY), callers: Table::new(CAPACITY), open: Open::new(6 * 3_600) }
    }
}

impl Behaviour for Beaconing {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let outward = matches!(flow.protocol, Flow::TCP | Flow::UDP)
            && is_private(flow.source)
            && !is_private(flow.destination)
            && flow.is_unicast();
        if !outward || REGULAR_BY_DESIGN.contains(&flow.destination_port) {
            return;
        }
        let callers = self.callers.entry(flow.destination, flow.start_ns, Distinct::default);
        callers.see(0, flow.source);
        let callers = callers.count();
        let key = (flow.source, flow.destination, flow.destination_port);
        let calls = self.pairs.entry(key, flow.start_ns, || Calls {
            n: 0,
            last_ns: flow.start_ns,
            first_ns: flow.start_ns,
            intervals_s: [0.0; REMEMBERED],
            octets: [0.0; REMEMBERED],
        });
        let interval_s = (flow.start_ns.saturating_sub(calls.last_ns) as f64 / 1e9) as f32;
        if calls.n > 0 && interval_s < LEAST_INTERVAL_S.min(1.0) {
            // Several connections of one call.
            return;
        }
        let at = calls.n as usize % REMEMBERED;
        calls.intervals_s[at] = interval_s;
        calls.octets[at] = flow.octets as f32;
        calls.last_ns = flow.start_ns;
        calls.n += 1;
        let judged = judge(calls);
        let (n, first_ns) = (calls.n, calls.first_ns);
        if let Some(sighting) = self.open.extend(&key, flow, flow.destination) {
            sighting.strength = sighting.strength.max(f64::from(n) / f64::from(LEAST_CALLS));
            return;
        }
        let Some((score, interval_s)) = judged.filter(|(score, _)| *score >= LEAST_SCORE) else { return };
        if callers >= POPULAR {
            return;
        }
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: "beacon",
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: Some(flow.destination_port),
            first_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: u64::from(n) - 1,
            octets: 0,
            evidence: vec![
                Evidence {
                    what: "regularity of intervals and sizes, 0 to 1",
                    seen: score,
                    usual: LEAST_SCORE,
                },
                Evidence {
                    what: "seconds between calls",
                    seen: interval_s,
                    usual: f64::from(LEAST_INTERVAL_S),
                },
                Evidence { what: "hosts that call the same", seen: callers, usual: POPULAR },
            ],
            severity: Severity::Medium,
            strength: 1.0,
            techniques: &["T1071", "T1573"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.pairs.dropped() + self.callers.dropped() + self.open.dropped()
    }
}

/// Regularity, 0 to 1, and the median interval in seconds, once there are enough calls. The mean of two parts, for
/// intervals and for sizes: one minus the median absolute deviation over the median; and for intervals the absence of
/// skew (Bowley, "Elements of statistics", 1901), as calls with a random delay are spread evenly about their mean.
fn judge(calls: &Calls) -> Option<(f64, f64)> {
    if calls.n < LEAST_CALLS + 1 {
        return None;
    }
    let kept = (calls.n as usize).min(REMEMBERED);
    // The first interval is none.
    let from = usize::from(calls.n as usize <= REMEMBERED);
    let (median, deviation, skew) = spread(&calls.intervals_s[from..kept]);
    if median < f64::from(LEAST_INTERVAL_S) {
        return None;
    }
    let (size, size_deviation, _) = spread(&calls.octets[from..kept]);
    let steadiness = |median: f64, deviation: f64| (1.0 - deviation / median.max(1e-9)).clamp(0.0, 1.0);
    let score = 0.4 * steadiness(median, deviation)
        + 0.2 * (1.0 - skew.abs())
        + 0.4 * steadiness(size.max(1.0), size_deviation);
    Some(((score * 1_000.0).round() / 1_000.0, (median * 10.0).round() / 10.0))
}

/// Median, median absolute deviation and quartile skewness.
fn spread(values: &[f32]) -> (f64, f64, f64) {
    let mut sorted: Vec<f64> = values.iter().map(|&value| f64::from(value)).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| sorted[((sorted.len() - 1) as f64 * share).round() as usize];
    let (low, median, high) = (at(0.25), at(0.5), at(0.75));
    let mut deviations: Vec<f64> = sorted.iter().map(|value| (value - median).abs()).collect();
    deviations.sort_unstable_by(f64::total_cmp);
    let deviation = deviations[deviations.len() / 2];
    // A difference within a hundredth of the interval is no skew.
    let skew = if high - low > 0.01 * median { (high + low - 2.0 * median) / (high - low) } else { 0.0 };
    (median, deviation, skew)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::watch::tests::flow;

    const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

    fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
        let (mut beaconing, mut out) = (Beaconing::default(), Vec::new());
        flows.into_iter().for_each(|flow| beaconing.see(&flow, &mut out));
        beaconing.end(&mut out);
        out
    }

    fn call(at_s: f64, source: u8, octets: u64) -> Flow<'static> {
        Flow { destination: OUTSIDE, octets, ..flow(at_s, source, 0, 443) }
    }

    #[test]
    fn regular_calls_of_like_size_are_a_beacon_even_with_some_jitter() {
        let jitter = |at: u32| f64::from(at * 7_919 % 13) - 6.0;
        let found =
            run((0..60).map(|at| call(f64::from(at) * 60.0 + jitter(at), 4, 412 + u64::from(at % 3))));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].targets, [OUTSIDE]);
        assert!((found[0].evidence[1].seen - 60.0).abs() < 5.0);
    }

    #[test]
    fn people_and_popular_services_are_no_beacons() {
        // Pauses and sizes of somebody who reads pages.
        let mut at_s = 0.0;
        let person = (0..200u32).map(|at| {
            at_s += 5.0 + f64::from(at * 104_729 % 97).powi(2) / 10.0;
            call(at_s, 4, 300 + u64::from(at * 7_919 % 4_000))
        });
        assert!(run(person.collect::<Vec<_>>()).is_empty());
        let service = (0..600u32).map(|at| call(f64::from(at) * 10.0, (at % 6) as u8 + 1, 400));
        assert!(run(service.collect::<Vec<_>>()).is_empty());
    }
}
