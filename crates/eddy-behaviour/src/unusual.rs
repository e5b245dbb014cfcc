//! A host that does far more than ever, in no known way.

use std::net::IpAddr;

use crate::entity::{EntityWindow, EntityWindows, Per};
use crate::flow::is_private;
use crate::sighting::{Evidence, Severity};
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "unusual",
    title: "Unusual, of no known shape",
    summary: "A host inside does in an hour many times what it did in any hour of its past, in two respects at least: bytes \
              sent, bytes got, flows begun, flows received, peers it never met, ports it never called. Where less than a \
              day is known, many times what any other host inside ever did.",
    blind_to: "What grows slowly; what takes less than an hour's least numbers; hosts that do everything by fits; in the \
               first day of a record, whatever stays below what the busiest hosts do.",
    techniques: &["T1071"],
};

/// Hosts watched at most.
const CAPACITY: usize = 65_536;
/// Length of a window in nanoseconds: an hour.
const WINDOW_NS: i64 = 3_600_000_000_000;
/// Windows of the record from which a host is compared with its own past: a day.
const OWN_PAST: u32 = 24;
/// Windows of the record before which nothing is said, and hosts to compare with at least.
const LEAST_WINDOWS: u32 = 3;
const LEAST_PEERS: usize = 8;
/// Times as much as in any window of its own past, or as any other host ever.
const TIMES: f64 = 5.0;
/// Times as much as is typical of it, once its past is known.
const TIMES_TYPICAL: f64 = 20.0;
/// Respects in which it must be unusual.
const LEAST_RESPECTS: usize = 2;
/// What is looked at: its place among the features, what it is, and below which number nothing is said.
const RESPECTS: [(usize, &str, f64); 6] = [
    (2, "bytes sent in an hour", 20e6),
    (3, "bytes got in an hour", 200e6),
    (0, "flows begun in an hour", 500.0),
    (1, "flows received in an hour", 1_000.0),
    (8, "hosts called for the first time, in an hour", 60.0),
    (9, "ports called for the first time, in an hour", 20.0),
];

#[derive(Debug, Clone, Copy, Default)]
struct Past {
    /// The most in any window before, and an average that forgets, of each respect.
    most: [f64; RESPECTS.len()],
    typical: [f64; RESPECTS.len()],
    /// Windows of the record when it was last told of.
    told: Option<u32>,
}

/// The behaviour.
pub(crate) struct Unusual {
    windows: EntityWindows,
    rows: Vec<EntityWindow>,
    past: Table<IpAddr, Past>,
    /// Windows of the record so far.
    known: u32,
}

impl Default for Unusual {
    fn default() -> Self {
        Self {
            windows: EntityWindows::new(Per::Host, WINDOW_NS),
            rows: Vec::new(),
            past: Table::new(CAPACITY),
            known: 0,
        }
    }
}

impl Unusual {
    /// Judges the rows of a window that is over.
    fn judge(&mut self, out: &mut Vec<Sighting>) {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return;
        }
        let inside: Vec<&EntityWindow> = rows.iter().filter(|row| is_private(row.entity.host)).collect();
        let best = self.two_greatest(&inside);
        for row in &inside {
            let values = RESPECTS.map(|(at, ..)| row.features[at]);
            let past = self.past.get_mut(&row.entity.host).copied().unwrap_or_default();
            let usual = self.usual(row.entity.host, &past, &best);
            let mut evidence: Vec<(f64, Evidence)> = (0..RESPECTS.len())
                .filter(|&at| values[at] >= usual[at])
                .map(|at| {
                    let (_, what, _) = RESPECTS[at];
                    (values[at] / usual[at], Evidence { what, seen: values[at], usual: usual[at] })
                })
                .collect();
            evidence.sort_by(|a, b| b.0.total_cmp(&a.0));
            let may_judge = self.known >= LEAST_WINDOWS && inside.len() > LEAST_PEERS;
            let is_new = past.told.is_none_or(|told| self.known - told > OWN_PAST);
            if may_judge && is_new && evidence.len() >= LEAST_RESPECTS {
                out.push(self.sighting(row, evidence));
                if let Some(past) = self.past.get_mut(&row.entity.host) {
                    past.told = Some(self.known);
                }
            }
        }
        for row in &inside {
            let past = self.past.entry(row.entity.host, row.start_ns, Past::default);
            for (at, (place, ..)) in RESPECTS.iter().enumerate() {
                past.most[at] = past.most[at].max(row.features[*place]);
                past.typical[at] += (row.features[*place] - past.typical[at]) / 12.0;
            }
        }
        self.known = self.known.saturating_add(1);
    }

    /// The greatest and the second greatest of each respect, over all hosts inside and all windows, with whose it is.
    fn two_greatest(&self, inside: &[&EntityWindow]) -> [[(f64, Option<IpAddr>); 2]; RESPECTS.len()] {
        let mut best = [[(0.0f64, None); 2]; RESPECTS.len()];
        let mut offer = |at: usize, value: f64, host: IpAddr| {
            let [first, second] = &mut best[at];
            if first.1 == Some(host) {
                first.0 = first.0.max(value);
            } else if value > first.0 {
                (*second, *first) = (*first, (value, Some(host)));
            } else if value > second.0 {
                *second = (value, Some(host));
            }
        };
        let mut past: Vec<(&IpAddr, &Past)> = self.past.iter().collect();
        past.sort_unstable_by_key(|(host, _)| **host);
        for (host, past) in past {
            past.most.iter().enumerate().for_each(|(at, most)| offer(at, *most, *host));
        }
        for row in inside {
            for (at, (place, ..)) in RESPECTS.iter().enumerate() {
                offer(at, row.features[*place], row.entity.host);
            }
        }
        best
    }

    fn usual(
        &self,
        host: IpAddr,
        past: &Past,
        best: &[[(f64, Option<IpAddr>); 2]; RESPECTS.len()],
    ) -> [f64; RESPECTS.len()] {
        std::array::from_fn(|at| {
            let (.., least) = RESPECTS[at];
            let own = (TIMES * past.most[at]).max(TIMES_TYPICAL * past.typical[at]);
            let [first, second] = best[at];
            let others = TIMES * if first.1 == Some(host) { second.0 } else { first.0 };
            least.max(if self.known >= OWN_PAST { own } else { own.max(others) })
        })
    }

    fn sighting(&self, row: &EntityWindow, evidence: Vec<(f64, Evidence)>) -> Sighting {
        // As sure as the second strongest respect.
        let strength = evidence.get(1).map_or(1.0, |(strength, _)| *strength);
        let mut evidence: Vec<Evidence> = evidence.into_iter().map(|(_, one)| one).collect();
        evidence.push(Evidence {
            what: "hours of the past known",
            seen: f64::from(self.known),
            usual: f64::from(OWN_PAST),
        });
        let end_ns = row.start_ns.saturating_add(WINDOW_NS);
        Sighting {
            behaviour: ABOUT.name,
            kind: "unusual, of no known shape",
            actor: Some(row.entity.host),
            targets: Vec::new(),
            n_targets: row.features[6] as u64,
            port: None,
            first_ns: row.start_ns,
            detected_ns: end_ns,
            last_ns: end_ns,
            flows: (row.features[0] + row.features[1]) as u64,
            octets: (row.features[2] + row.features[3]) as u64,
            evidence,
            severity: Severity::Medium,
            strength,
            techniques: &["T1071"],
        }
    }
}

impl Behaviour for Unusual {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.windows.see(flow, &mut self.rows);
        if !self.rows.is_empty() {
            self.judge(out);
        }
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.windows.end(&mut self.rows);
        self.judge(out);
    }

    fn dropped(&self) -> u64 {
        self.windows.dropped() + self.past.dropped()
    }

    bounded!(windows, past);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::{address, flow};

    fn day(days: u32, odd: impl Fn(u32, &mut Vec<Flow<'static>>)) -> Vec<Sighting> {
        let (mut unusual, mut out) = (Unusual::default(), Vec::new());
        for hour in 0..24 * days {
            let mut flows: Vec<Flow<'static>> = (0..20u8)
                .flat_map(|host| {
                    // Everybody works by day.
                    let n = if (8..18).contains(&(hour % 24)) { 300 } else { 5 };
                    (0..n).map(move |at| {
                        let at_s = f64::from(hour) * 3_600.0 + f64::from(at) * 10.0 + f64::from(host);
                        flow(at_s, host, (at % 40) as u8 + 100, 443)
                    })
                })
                .collect();
            odd(hour, &mut flows);
            flows.sort_by_key(|flow| flow.start_ns);
            flows.iter().for_each(|flow| unusual.see(flow, &mut out));
        }
        unusual.end(&mut out);
        out
    }

    /// Host 7 talks to hundreds of hosts it never met, in one night hour.
    fn outbreak(at_hour: u32) -> impl Fn(u32, &mut Vec<Flow<'static>>) {
        move |hour, flows| {
            if hour == at_hour {
                flows.extend((0..3_000u32).map(|at| Flow {
                    destination: IpAddr::from([203, 0, (at % 7) as u8, (at % 250) as u8]),
                    octets: 90_000,
                    ..flow(f64::from(hour) * 3_600.0 + f64::from(at), 7, 0, 443)
                }));
            }
        }
    }

    #[test]
    fn far_more_than_ever_to_new_peers_is_told_with_and_without_a_past_of_a_day() {
        for (days, hour) in [(1, 20), (2, 44)] {
            let found = day(days, outbreak(hour));
            assert_eq!(found.iter().map(|s| s.actor).collect::<Vec<_>>(), [Some(address(7))], "{found:?}");
            assert!(found[0].evidence.len() >= 3 && found[0].strength >= 1.0);
        }
    }

    #[test]
    fn the_morning_of_everybody_is_not() {
        assert!(day(2, |_, _| ()).is_empty());
    }
}
