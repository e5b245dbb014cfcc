//! Exfiltration: far more goes out than ever before.

use std::net::IpAddr;

use crate::flow::is_private;
use crate::open::Open;
use crate::rounds::{Rounds, is_between};
use crate::sighting::{Evidence, Severity};
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "exfiltration",
    title: "Large transfer outwards",
    summary: "A host inside sends one host outside far more than it gets back, and far more than it or its peers sent \
              anybody outside in an hour before; or in a day, to a host that it did not know when the record began. What it did again and again at even intervals, such as copies, is \
              less urgent.",
    blind_to: "Leaks below the usual of a day, and slow ones that were there from the first; transfers over hosts inside; what is sent in the first hour of a record is \
               compared with peers only.",
    techniques: &["T1048", "T1041", "T1030"],
};

/// Pairs and hosts watched at most.
const CAPACITY: usize = 65_536;
/// Length of a window in nanoseconds: an hour.
const WINDOW_NS: i64 = 3_600_000_000_000;
/// Bytes in an hour below which nothing is said.
const LEAST_OCTETS: u64 = 50_000_000;
/// The same of a day, to a host outside that was first spoken to when the record was known for so long.
const DAY_NS: i64 = 24 * WINDOW_NS;
const LEAST_OCTETS_A_DAY: u64 = 250_000_000;
const KNOWN_NS: i64 = 3 * WINDOW_NS;
/// Times as much as the most this host sent in any hour before.
const TIMES_OWN: f64 = 4.0;
/// Times as much as its peers sent: nineteen in twenty of them.
const TIMES_PEERS: f64 = 10.0;
/// Times as much out as back.
const LOPSIDED: f64 = 5.0;

#[derive(Debug, Clone, Copy, Default)]
struct Hour {
    start_ns: i64,
    out: u64,
    back: u64,
    rounds: Rounds,
    /// First flow to that host, begin of the day, and bytes in it.
    first_ns: i64,
    day_ns: i64,
    day_out: u64,
    day_back: u64,
}

impl Hour {
    /// Adds to the day; another one begins when the time has come.
    fn add_to_day(&mut self, flow: &Flow<'_>) {
        if flow.start_ns.saturating_sub(self.day_ns) >= DAY_NS {
            (self.day_ns, self.day_out, self.day_back) = (flow.start_ns, 0, 0);
        }
        self.day_out = self.day_out.saturating_add(flow.octets);
        self.day_back = self.day_back.saturating_add(flow.reverse_octets);
    }
}

/// The most a host sent any one host outside in an hour, in the hours before this one.
#[derive(Debug, Clone, Copy, Default)]
struct Past {
    most: u64,
    hours: u32,
    last_hour: i64,
    /// The most it sent any one host in a day.
    most_a_day: u64,
}

type Key = (IpAddr, IpAddr);

/// The behaviour.
pub(crate) struct Exfiltration {
    pairs: Table<Key, Hour>,
    hosts: Table<IpAddr, Past>,
    /// Begin of the record.
    first_ns: Option<i64>,
    open: Open<Key>,
}

impl Default for Exfiltration {
    fn default() -> Self {
        Self {
            pairs: Table::new(CAPACITY),
            hosts: Table::new(CAPACITY),
            first_ns: None,
            open: Open::new(2 * 3_600),
        }
    }
}

impl Exfiltration {
    /// Whether so much of the record is known that never to have sent means something.
    fn is_known(&self, now_ns: i64) -> bool {
        self.first_ns.is_some_and(|first_ns| now_ns.saturating_sub(first_ns) >= 3 * WINDOW_NS)
    }

    /// What nineteen in twenty other hosts stay below; none with fewer than five of them.
    fn peers(&self, host: IpAddr) -> Option<f64> {
        let others = self.hosts.iter().filter(|(other, past)| **other != host && past.hours > 0);
        let mut most: Vec<u64> = others.map(|(_, past)| past.most).collect();
        if most.len() < 5 {
            return None;
        }
        let at = (most.len() * 19 / 20).min(most.len() - 1);
        Some(*most.select_nth_unstable(at).1 as f64)
    }
}

impl Exfiltration {
    /// Looks at the day where the hour is nothing: a host that was not known is sent little at a time, and much in all.
    fn see_day(&mut self, flow: &Flow<'_>, now: &Hour) {
        let is_new = self.first_ns.is_some_and(|first_ns| now.first_ns.saturating_sub(first_ns) >= KNOWN_NS);
        let seen = now.day_out as f64;
        if !is_new || now.day_out < LEAST_OCTETS_A_DAY || seen < LOPSIDED * now.day_back as f64 {
            return;
        }
        let others = self.hosts.iter().filter(|(other, _)| **other != flow.source);
        let mut most: Vec<u64> = others.map(|(_, past)| past.most_a_day).collect();
        if most.len() < 5 {
            return;
        }
        let at = (most.len() * 19 / 20).min(most.len() - 1);
        let usual = (*most.select_nth_unstable(at).1 as f64 * TIMES_PEERS).max(LEAST_OCTETS_A_DAY as f64);
        if seen < usual {
            return;
        }
        let hours = flow.start_ns.saturating_sub(now.first_ns) as f64 / WINDOW_NS as f64;
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: "slow transfer outwards",
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: Some(flow.destination_port),
            first_ns: now.first_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: 0,
            octets: now
                .day_out
                .saturating_add(now.day_back)
                .saturating_sub(flow.octets + flow.reverse_octets),
            evidence: vec![
                Evidence { what: "bytes sent to one host outside in a day", seen, usual },
                Evidence {
                    what: "times as much out as back",
                    seen: (seen / (now.day_back.max(1) as f64)).round(),
                    usual: LOPSIDED,
                },
                Evidence {
                    what: "hours that it went on for",
                    seen: (hours * 10.0).round() / 10.0,
                    usual: 1.0,
                },
            ],
            severity: Severity::Medium,
            strength: seen / usual,
            techniques: &["T1048", "T1030"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open((flow.source, flow.destination), flow.start_ns, sighting);
    }
}

impl Behaviour for Exfiltration {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        self.first_ns.get_or_insert(flow.start_ns);
        if !is_private(flow.source) || is_private(flow.destination) || !flow.is_unicast() {
            return;
        }
        let key = (flow.source, flow.destination);
        let hour = self.pairs.entry(key, flow.start_ns, || Hour {
            start_ns: flow.start_ns,
            first_ns: flow.start_ns,
            day_ns: flow.start_ns,
            ..Hour::default()
        });
        let ended = flow.start_ns.saturating_sub(hour.start_ns) >= WINDOW_NS;
        let before = *hour;
        if ended {
            *hour = Hour { start_ns: flow.start_ns, out: 0, back: 0, ..*hour };
        }
        hour.out = hour.out.saturating_add(flow.octets);
        hour.back = hour.back.saturating_add(flow.reverse_octets);
        if hour.out >= LEAST_OCTETS && hour.out as f64 >= LOPSIDED * hour.back as f64 {
            hour.rounds.see(flow.start_ns, WINDOW_NS);
        }
        hour.add_to_day(flow);
        let now = *hour;
        let past = self.hosts.entry(flow.source, flow.start_ns, Past::default);
        if ended {
            past.most = past.most.max(before.out);
        }
        let this_hour = flow.start_ns.div_euclid(WINDOW_NS);
        if this_hour != past.last_hour {
            past.hours += u32::from(past.last_hour != 0);
            past.last_hour = this_hour;
        }
        past.most_a_day = past.most_a_day.max(now.day_out);
        let past = *past;
        if self.open.extend(&key, flow, flow.destination).is_some() {
            return;
        }
        let seen = now.out as f64;
        if now.out < LEAST_OCTETS || seen < LOPSIDED * now.back as f64 {
            self.see_day(flow, &now);
            return;
        }
        let own = past.most as f64 * TIMES_OWN;
        let peers = self.peers(flow.source);
        let usual = match peers {
            // A host that always sends much is compared with itself.
            _ if past.hours >= 3 => own,
            Some(peers) => own.max(peers * TIMES_PEERS),
            None => own.max(LEAST_OCTETS as f64 * TIMES_PEERS),
        };
        if seen < usual {
            self.see_day(flow, &now);
            return;
        }
        let mut evidence = vec![
            Evidence { what: "bytes sent to one host outside in an hour", seen, usual: usual.max(1.0) },
            Evidence {
                what: "times as much out as back",
                seen: (seen / (now.back.max(1) as f64)).round(),
                usual: LOPSIDED,
            },
            Evidence { what: "hours of its own past known", seen: f64::from(past.hours), usual: 3.0 },
        ];
        evidence.extend(peers.map(|usual| Evidence {
            what: "most its peers sent in an hour, bytes",
            seen,
            usual,
        }));
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: "large transfer outwards",
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: Some(flow.destination_port),
            first_ns: now.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: 0,
            octets: now.out.saturating_add(now.back).saturating_sub(flow.octets + flow.reverse_octets),
            evidence,
            // Without a past nobody knows whether it always does.
            severity: if past.hours >= 3 || self.is_known(flow.start_ns) {
                Severity::High
            } else {
                Severity::Medium
            },
            strength: seen / usual.max(LEAST_OCTETS as f64),
            techniques: &["T1048", "T1041"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
        for (&(actor, target), hour) in self.pairs.iter() {
            hour.rounds.lower(out, ABOUT.name, |one| is_between(one, actor, target));
        }
    }

    fn dropped(&self) -> u64 {
        self.pairs.dropped() + self.hosts.dropped() + self.open.dropped()
    }

    bounded!(pairs, hosts, open);
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::watch::tests::{address, flow};

    fn outward(at_s: f64, source: u8, octets: u64) -> Flow<'static> {
        let destination = IpAddr::V4(Ipv4Addr::new(203, 0, 113, source));
        Flow { destination, octets, ..flow(at_s, source, 0, 443) }
    }

    #[test]
    fn copies_that_go_out_by_the_clock_are_less_urgent_than_one_that_went_once() {
        let run = |hours: &[f64]| {
            let (mut exfiltration, mut out) = (Exfiltration::default(), Vec::new());
            for hour in hours {
                exfiltration.see(&outward(3_600.0 * hour, 1, 1_500_000_000), &mut out);
            }
            exfiltration.end(&mut out);
            out.iter().map(|one| one.severity).collect::<Vec<_>>()
        };
        assert_eq!(run(&[1.0, 5.1, 9.0, 12.9, 17.0]), [Severity::Low]);
        assert_eq!(run(&[1.0]), [Severity::Medium]);
    }

    #[test]
    fn a_host_that_suddenly_sends_much_is_seen_and_one_that_always_does_is_not() {
        let (mut exfiltration, mut out) = (Exfiltration::default(), Vec::new());
        for hour in 0..24 {
            for host in 1..20u8 {
                // Host 1 sends much every hour; host 2 once, in the last hour.
                let octets = match (host, hour) {
                    (1, _) => 900_000_000,
                    (2, 23) => 2_000_000_000,
                    _ => 3_000_000,
                };
                exfiltration
                    .see(&outward(f64::from(hour) * 3_601.0 + f64::from(host), host, octets), &mut out);
            }
        }
        exfiltration.end(&mut out);
        let actors: Vec<Option<IpAddr>> = out.iter().map(|sighting| sighting.actor).collect();
        // In the very first hour nothing is known of anybody.
        let after: Vec<_> = out.iter().filter(|s| s.evidence[2].seen >= 3.0).map(|s| s.actor).collect();
        assert_eq!(after, [Some(address(2))], "{actors:?}");
    }

    #[test]
    fn a_little_at_a_time_to_a_host_that_is_new_is_seen_within_the_day_and_what_was_always_there_is_not() {
        let run = |first_hour: f64| {
            let (mut exfiltration, mut out) = (Exfiltration::default(), Vec::new());
            for minute in 0..960u32 {
                let at_s = f64::from(minute) * 60.0;
                let peer = outward(at_s, (minute % 20 + 10) as u8, 40_000);
                exfiltration.see(&peer, &mut out);
                if at_s >= 3_600.0 * first_hour {
                    exfiltration.see(&outward(at_s + 1.0, 1, 700_000), &mut out);
                }
            }
            exfiltration.end(&mut out);
            out.iter().map(|one| (one.kind, one.actor)).collect::<Vec<_>>()
        };
        assert_eq!(run(5.0), [("slow transfer outwards", Some(address(1)))]);
        assert_eq!(run(0.0), []);
    }
}
