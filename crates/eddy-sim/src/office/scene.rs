//! What habits and attacks work with: who is there, what was looked up, and where flows are put.

use std::net::IpAddr;

use eddy_frame::{CivilTime, NANOS_PER_SECOND};

use super::exchange::{Ends, address_question, dns};
use super::flow::Flow;
use super::population::{HostRole, Population};
use crate::draw::{Draw, Purpose};
use crate::rhythm::Rhythm;
use crate::spec::hours_to_ns;

/// Nanoseconds of a day.
const DAY_NS: i64 = 86_400 * NANOS_PER_SECOND;
/// Time to another host of the office and back.
pub(crate) const NEAR_US: u64 = 350;
/// Ports of normal connections: those Linux gives; attackers' tools get those above.
const PORTS: (u16, u16) = (32_768, 60_999);
/// Ports of planted connections.
const PLANTED_PORTS: (u16, u16) = (61_000, 65_535);

/// Everything that lasts from flow to flow.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) people: Population,
    pub(crate) rhythm: Rhythm,
    pub(crate) seed: u64,
    pub(crate) start_ns: i64,
    pub(crate) end_ns: i64,
    pub(crate) rate: f64,
    /// For each host and site, until when its address is known, in seconds after the start.
    known: Vec<Vec<u32>>,
    /// The same for the name server of the office.
    resolved: Vec<u32>,
    /// The last port each host used; the last one is for the world outside.
    ports: Vec<u16>,
    planted_ports: Vec<u16>,
}

/// A moment in which flows are made.
pub(crate) struct Scene<'a> {
    pub(crate) memory: &'a mut Memory,
    pub(crate) draw: &'a mut Draw,
    pub(crate) out: &'a mut Vec<Flow>,
    /// The position of the event plus 1, or 0 for normal traffic.
    pub(crate) truth: u8,
}

impl Memory {
    pub(crate) fn new(people: Population, seed: u64, start_ns: i64, end_ns: i64, rate: f64) -> Self {
        let (n_hosts, n_sites) = (people.hosts.len(), people.sites.len());
        let (known, resolved) = (vec![Vec::new(); n_hosts], vec![0; n_sites]);
        let (ports, planted_ports) = (vec![PORTS.0; n_hosts + 1], vec![PLANTED_PORTS.0; n_hosts + 1]);
        let rhythm = Rhythm::new();
        Self { people, rhythm, seed, start_ns, end_ns, rate, known, resolved, ports, planted_ports }
    }

    /// When somebody sits at a workstation on the day of `at_ns`; nobody does on most days of a weekend.
    pub(crate) fn workday(&self, host: usize, at_ns: i64) -> Option<(i64, i64)> {
        let day = at_ns.div_euclid(DAY_NS);
        let mut draw = Draw::new(self.seed ^ (day as u64) << 20, Purpose::Background(1 << 28 | host));
        let is_weekend = CivilTime::from_nanos(at_ns).weekday >= 5;
        if draw.chance(if is_weekend { 0.93 } else { 0.04 }) {
            return None;
        }
        let from = (8.3 + 0.6 * draw.normal()).clamp(5.0, 12.0);
        let hours = (8.8 + 0.8 * draw.normal()).clamp(3.0, 11.5);
        let midnight_ns = day * DAY_NS;
        Some((midnight_ns + hours_to_ns(from), midnight_ns + hours_to_ns(from + hours)))
    }

    /// Whether somebody works at `host`, and if not when that happens next (looked for on two weeks).
    pub(crate) fn working(&self, host: usize, at_ns: i64) -> Result<(), i64> {
        for day in 0..14 {
            match self.workday(host, at_ns + day * DAY_NS) {
                Some((from, to)) if at_ns < to => {
                    return if at_ns >= from { Ok(()) } else { Err(from) };
                }
                _ => {}
            }
        }
        Err(i64::MAX)
    }
}

impl Scene<'_> {
    /// Adds a flow.
    pub(crate) fn push(&mut self, mut flow: Flow) {
        flow.truth = self.truth;
        self.out.push(flow);
    }

    fn port(&mut self, host: Option<usize>) -> u16 {
        let (ports, (low, high)) = if self.truth == 0 {
            (&mut self.memory.ports, PORTS)
        } else {
            (&mut self.memory.planted_ports, PLANTED_PORTS)
        };
        let slot = host.unwrap_or(ports.len() - 1);
        let port = ports[slot];
        ports[slot] = if port == high { low } else { port + 1 };
        port
    }

    pub(crate) fn address(&self, host: usize) -> IpAddr {
        self.memory.people.hosts[host].address
    }

    /// The address of the first host of a role.
    pub(crate) fn server(&self, role: HostRole) -> IpAddr {
        self.address(self.memory.people.first(role))
    }

    /// A call of a host to another of the office.
    pub(crate) fn near(&mut self, at_ns: i64, host: usize, to: IpAddr, port: u16) -> Ends {
        let round_trip_us = NEAR_US + u64::from(self.draw.whole(0, 250));
        self.ends(at_ns, host, to, port, round_trip_us)
    }

    /// A call of a host to any address.
    pub(crate) fn ends(
        &mut self,
        at_ns: i64,
        host: usize,
        to: IpAddr,
        port: u16,
        round_trip_us: u64,
    ) -> Ends {
        let source = match (to, self.memory.people.hosts[host].address6) {
            (IpAddr::V6(_), Some(address6)) => address6,
            _ => self.address(host),
        };
        let source_port = self.port(Some(host));
        Ends { at_ns, source, source_port, destination: to, port, round_trip_us }
    }

    /// A call from outside.
    pub(crate) fn call_from_outside(&mut self, at_ns: i64, source: IpAddr, to: IpAddr, port: u16) -> Ends {
        let source_port = self.port(None);
        let round_trip_us = self.draw.log_normal(30_000.0, 0.6) as u64 + 2_000;
        Ends { at_ns, source, source_port, destination: to, port, round_trip_us }
    }

    /// Looks a site up, unless its address is still known. Answers how long that takes, in nanoseconds.
    pub(crate) fn look_up(&mut self, at_ns: i64, host: usize, site_idx: usize) -> i64 {
        let since_s = ((at_ns - self.memory.start_ns) / NANOS_PER_SECOND) as u32 + 1;
        let known = &mut self.memory.known[host];
        if known.is_empty() {
            known.resize(self.memory.resolved.len(), 0);
        }
        if known[site_idx] >= since_s {
            return 0;
        }
        let site = self.memory.people.sites[site_idx].clone();
        self.memory.known[host][site_idx] = since_s + site.time_to_live_s;
        let resolver = self.memory.people.first(HostRole::DnsServer);
        let asks_both = !host.is_multiple_of(4);
        let is_resolved = self.memory.resolved[site_idx] >= since_s;
        self.memory.resolved[site_idx] =
            if is_resolved { self.memory.resolved[site_idx] } else { since_s + site.time_to_live_s };
        let mut waited_us = NEAR_US;
        if !is_resolved {
            waited_us += 300 + site.round_trip_us * 2;
        }
        let questions = [Some((1, site.addresses, Some(site.address))), {
            asks_both.then(|| (28, site.address6.map_or(0, |_| site.addresses.min(3)), site.address6))
        }];
        for (kind, answers, address) in questions.into_iter().flatten() {
            let question = address_question(&site.name, kind, answers, address);
            if !is_resolved {
                let ends = self.ends(at_ns + 150_000, resolver, site.name_server, 53, site.round_trip_us * 2);
                let flow = dns(ends, question.clone());
                self.push(flow);
            }
            let to = self.address(resolver);
            let mut ends = self.near(at_ns, host, to, 53);
            ends.round_trip_us = waited_us;
            self.push(dns(ends, question));
        }
        waited_us as i64 * 1_000
    }
}

/// A moment some seconds later.
pub(crate) fn later(at_ns: i64, seconds: f64) -> i64 {
    at_ns.saturating_add((seconds * NANOS_PER_SECOND as f64) as i64)
}
