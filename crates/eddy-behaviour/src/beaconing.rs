//! Beacons: a host calls somebody outside at regular intervals.

use std::net::IpAddr;

use crate::flow::{is_private, network};
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "beaconing",
    title: "Beacon",
    summary: "A host calls one host outside again and again, answered or not, at intervals and with sizes that hardly vary; \
              few others call it, and few others call anybody at such intervals; or it calls in vain without end. Calls that began when the host had been \
              known for an hour are new, and tell more than those that were there from the first.",
    blind_to: "Calls to hosts inside; echo requests; calls with large and random pauses; one long connection; calls to a \
               network that many call; fewer calls than the least number; calls at the same interval as those of three \
               other hosts, as things of one maker have them, unless they are new.",
    techniques: &["T1071", "T1571", "T1573"],
};

/// Pairs watched at most.
const CAPACITY: usize = 131_072;
/// Calls remembered of each pair.
const REMEMBERED: usize = 24;
/// Calls that are judged, at least; of those that may have been there for ever twice as many.
const LEAST_CALLS: u32 = 12;
/// Seconds between calls, at least: what is faster is one conversation.
const LEAST_INTERVAL_S: f32 = 5.0;
/// Regularity, 0 to 1, from which it is a beacon.
const LEAST_SCORE: f64 = 0.8;
/// Share of the intervals that are within a half of the median.
const LEAST_NEAR: f64 = 0.8;
/// Hosts that call the same network outside, from which it is a service: so many, or this share of all hosts.
const POPULAR: f64 = 4.0;
const POPULAR_SHARE: f64 = 0.05;
/// Hosts that call somebody at the same interval, from which it is how things of their kind are.
const OF_A_KIND: f64 = 4.0;
/// How long a host must have been known before its first call for that to be new: an hour.
const KNOWN_NS: i64 = 3_600_000_000_000;
/// Calls to the same port of the same host, mostly in vain and without end, that need no rhythm: programs that mean well
/// wait longer each time.
const LEAST_VAIN: u32 = 100;
const VAIN_SHARE: f64 = 0.6;
const VAIN_NS: i64 = 1_200_000_000_000;
const VAIN_INTERVAL_S: f64 = 60.0;
/// Services that are called regularly by design: time, names, leases, discovery.
const REGULAR_BY_DESIGN: [u16; 9] = [53, 67, 68, 123, 137, 547, 853, 1_900, 5_353];

#[derive(Debug, Clone, Copy)]
struct Calls {
    n: u32,
    last_ns: i64,
    first_ns: i64,
    /// How long the host had been known at the first call.
    known_ns: i64,
    intervals_s: [f32; REMEMBERED],
    octets: [f32; REMEMBERED],
    failed: u32,
}

type Key = (IpAddr, IpAddr, u16);

/// The behaviour.
pub(crate) struct Beaconing {
    pairs: Table<Key, Calls>,
    /// Who calls each network outside.
    callers: Table<IpAddr, Distinct>,
    /// When each host was first seen.
    known: Table<IpAddr, i64>,
    hosts: Distinct,
    /// Who calls anybody at an interval, by its logarithm.
    of_interval: [Distinct; INTERVALS],
    open: Open<Key>,
}

/// Intervals told apart: each a fifth longer than the one before, from five seconds to three days.
const INTERVALS: usize = 60;

impl Default for Beaconing {
    fn default() -> Self {
        Self {
            pairs: Table::new(CAPACITY),
            callers: Table::new(CAPACITY),
            known: Table::new(CAPACITY),
            hosts: Distinct::default(),
            of_interval: [Distinct::default(); INTERVALS],
            open: Open::new(6 * 3_600),
        }
    }
}

/// How regular the calls of a pair are.
#[derive(Debug, Clone, Copy)]
struct Rhythm {
    score: f64,
    near: f64,
    interval_s: f64,
}

impl Rhythm {
    fn is_regular(&self) -> bool {
        self.score >= LEAST_SCORE && self.near >= LEAST_NEAR
    }

    fn place(&self) -> usize {
        let steps = (self.interval_s / f64::from(LEAST_INTERVAL_S)).max(1.0).ln() / 1.2f64.ln();
        (steps as usize).min(INTERVALS - 1)
    }
}

impl Beaconing {
    /// How many hosts call somebody at about the same interval.
    fn of_a_kind(&self, rhythm: &Rhythm) -> f64 {
        let at = rhythm.place();
        let mut near = self.of_interval[at];
        near.join(&self.of_interval[at.saturating_sub(1)]);
        near.join(&self.of_interval[(at + 1).min(INTERVALS - 1)]);
        near.count()
    }

    /// Remembers a call; nothing where it is one of several connections of a call.
    fn call(&mut self, flow: &Flow<'_>, known_ns: i64) -> Option<Calls> {
        let key = (flow.source, flow.destination, flow.destination_port);
        let calls = self.pairs.entry(key, flow.start_ns, || Calls {
            n: 0,
            last_ns: flow.start_ns,
            first_ns: flow.start_ns,
            known_ns,
            intervals_s: [0.0; REMEMBERED],
            octets: [0.0; REMEMBERED],
            failed: 0,
        });
        let interval_s = (flow.start_ns.saturating_sub(calls.last_ns) as f64 / 1e9) as f32;
        if calls.n > 0 && interval_s < 1.0 {
            return None;
        }
        let at = calls.n as usize % REMEMBERED;
        calls.intervals_s[at] = interval_s;
        calls.octets[at] = flow.octets as f32;
        calls.last_ns = flow.start_ns;
        calls.n += 1;
        calls.failed += u32::from(flow.failed());
        Some(*calls)
    }
}

/// The mean interval in seconds of calls that never end and mostly come to nothing, if they are that.
fn in_vain(calls: &Calls) -> Option<Rhythm> {
    let lasted_ns = calls.last_ns.saturating_sub(calls.first_ns);
    let interval_s = lasted_ns as f64 / 1e9 / f64::from(calls.n.max(1));
    let holds = calls.failed >= LEAST_VAIN
        && f64::from(calls.failed) >= VAIN_SHARE * f64::from(calls.n)
        && lasted_ns >= VAIN_NS
        && interval_s <= VAIN_INTERVAL_S;
    let interval_s = (interval_s * 10.0).round() / 10.0;
    holds.then_some(Rhythm { score: 0.0, near: 0.0, interval_s })
}

impl Behaviour for Beaconing {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let first_seen_ns = *self.known.entry(flow.source, flow.start_ns, || flow.start_ns);
        let outward = matches!(flow.protocol, Flow::TCP | Flow::UDP)
            && !is_private(flow.destination)
            && flow.is_unicast();
        if !outward || REGULAR_BY_DESIGN.contains(&flow.destination_port) {
            return;
        }
        self.hosts.see(flow.source);
        let of_network = self.callers.entry(network(flow.destination), flow.start_ns, Distinct::default);
        of_network.see(flow.source);
        let callers = of_network.count();
        let Some(calls) = self.call(flow, flow.start_ns.saturating_sub(first_seen_ns)) else { return };
        let key = (flow.source, flow.destination, flow.destination_port);
        if let Some(sighting) = self.open.extend(&key, flow, flow.destination) {
            sighting.strength = sighting.strength.max((f64::from(calls.n) / f64::from(LEAST_CALLS)).min(2.0));
            return;
        }
        let regular = judge(&calls).filter(Rhythm::is_regular);
        let Some(rhythm) = regular.or_else(|| in_vain(&calls)) else { return };
        if regular.is_some() {
            self.of_interval[rhythm.place()].see(flow.source);
        }
        let is_new = calls.known_ns >= KNOWN_NS;
        let of_a_kind = self.of_a_kind(&rhythm);
        let is_popular = callers >= POPULAR.max(POPULAR_SHARE * self.hosts.count());
        if is_popular || !is_new && (calls.n < 2 * LEAST_CALLS || of_a_kind >= OF_A_KIND) {
            return;
        }
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: if regular.is_some() { "beacon" } else { "calls in vain without end" },
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: Some(flow.destination_port),
            first_ns: calls.first_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: u64::from(calls.n) - 1,
            octets: 0,
            evidence: evidence(&calls, &rhythm, callers, of_a_kind),
            severity: Severity::Medium,
            strength: if is_new { 1.2 } else { 1.0 },
            techniques: &["T1071", "T1573"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.pairs.dropped() + self.callers.dropped() + self.known.dropped() + self.open.dropped()
    }

    bounded!(pairs, callers, known, open);
}

fn evidence(calls: &Calls, rhythm: &Rhythm, callers: f64, of_a_kind: f64) -> Vec<Evidence> {
    let hours = |ns: i64| (ns as f64 / 3.6e12 * 10.0).round() / 10.0;
    vec![
        Evidence {
            what: "regularity of intervals and sizes, 0 to 1",
            seen: rhythm.score,
            usual: LEAST_SCORE,
        },
        Evidence {
            what: "seconds between calls",
            seen: rhythm.interval_s,
            usual: f64::from(LEAST_INTERVAL_S),
        },
        Evidence { what: "hosts that call the same network", seen: callers, usual: POPULAR },
        Evidence { what: "hosts that call somebody at this interval", seen: of_a_kind, usual: OF_A_KIND },
        Evidence {
            what: "hours the host was known before its first call",
            seen: hours(calls.known_ns),
            usual: hours(KNOWN_NS),
        },
        Evidence {
            what: "calls without an answer, per cent",
            seen: (100.0 * f64::from(calls.failed) / f64::from(calls.n)).round(),
            usual: 0.0,
        },
    ]
}

/// Regularity, 0 to 1, and the median interval in seconds, once there are enough calls. The mean of two parts, for
/// intervals and for sizes: one minus the median absolute deviation over the median; and for intervals the absence of
/// skew (Bowley, "Elements of statistics", 1901), as calls with a random delay are spread evenly about their mean. Bursts
/// with pauses between them may have a steady median; of their intervals few are near it.
fn judge(calls: &Calls) -> Option<Rhythm> {
    if calls.n < LEAST_CALLS + 1 {
        return None;
    }
    let kept = (calls.n as usize).min(REMEMBERED);
    // The first interval is none.
    let from = usize::from(calls.n as usize <= REMEMBERED);
    let intervals = &calls.intervals_s[from..kept];
    let (median, deviation, skew) = spread(intervals);
    if median < f64::from(LEAST_INTERVAL_S) {
        return None;
    }
    let (size, size_deviation, _) = spread(&calls.octets[from..kept]);
    let steadiness = |median: f64, deviation: f64| (1.0 - deviation / median.max(1e-9)).clamp(0.0, 1.0);
    let score = 0.4 * steadiness(median, deviation)
        + 0.2 * (1.0 - skew.abs())
        + 0.4 * steadiness(size.max(1.0), size_deviation);
    let near = intervals.iter().filter(|&&one| (f64::from(one) - median).abs() <= 0.55 * median).count();
    Some(Rhythm {
        score: (score * 1_000.0).round() / 1_000.0,
        near: near as f64 / intervals.len().max(1) as f64,
        interval_s: (median * 10.0).round() / 10.0,
    })
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
    use crate::watch::tests::{flow, watched};

    const OUTSIDE: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));

    fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
        watched::<Beaconing>(flows)
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

    #[test]
    fn things_of_one_maker_are_no_beacons_and_what_begins_later_is_one() {
        // Eight things report every forty seconds to networks of their own from the first; one begins to call
        // somebody else after two hours.
        let mut flows: Vec<_> = (0..8 * 400u32)
            .map(|at| Flow {
                destination: IpAddr::V4(Ipv4Addr::new(203, 0, (at % 8) as u8, 9)),
                ..call(f64::from(at / 8) * 40.0 + f64::from(at % 8), (at % 8) as u8 + 1, 300)
            })
            .collect();
        flows.extend((0..60).map(|at| call(7_300.0 + f64::from(at) * 41.0, 3, 512)));
        flows.sort_by_key(|flow| flow.start_ns);
        let found = run(flows);
        let late: Vec<_> = found.iter().filter(|one| one.targets == [OUTSIDE]).collect();
        assert_eq!((late.len(), late[0].actor), (1, Some(crate::watch::tests::address(3))));
        assert!(found.len() <= 4, "{}", found.len());
    }

    #[test]
    fn bursts_with_pauses_between_them_are_no_beacon() {
        let bursts =
            (0..200u32).map(|at| call(f64::from(at / 3) * 4_000.0 + f64::from(at % 3) * 30.0, 4, 400));
        assert!(run(bursts).is_empty());
    }

    #[test]
    fn calls_in_vain_without_end_need_no_rhythm() {
        let retry = |at: u32| Flow {
            reverse_packets: 0,
            reverse_octets: 0,
            state: crate::ConnectionState::Unanswered,
            ..call(
                f64::from(at / 2) * 10.0 + f64::from(at % 2) * 7.2,
                4,
                if at.is_multiple_of(2) { 180 } else { 60 },
            )
        };
        let found = run((0..600).map(retry));
        assert_eq!(found.iter().map(|one| one.kind).collect::<Vec<_>>(), ["calls in vain without end"]);
        assert!(run((0..90).map(retry)).is_empty());
    }
}
