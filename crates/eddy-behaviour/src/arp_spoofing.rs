//! An adapter that takes the addresses of others.

use std::net::IpAddr;

use crate::sighting::{Evidence, MOST_TARGETS, Severity};
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};
use eddy_flow::ArpClaim;

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "arp_spoofing",
    title: "ARP spoofing",
    summary: "An adapter says that the address of another is its own, again and again and unasked; or floods the network with such announcements. With IPv6 the discovery of neighbours is read in place of ARP.",
    blind_to: "Switches that were told before the capture began; a single forged answer; flow logs, which hold no ARP; forged routers of IPv6. A cluster whose nodes take an address over and back may look like it.",
    techniques: &["T1557.002", "T1498.001"],
};

/// The behaviour, and what it goes by.
pub(crate) struct ArpSpoofing {
    /// Unasked answers for an address that another adapter holds, from which on it is spoofing.
    least_unasked: u64,
    /// The same for addresses whose holder was never heard of, each of two at least.
    least_unasked_alone: u64,
    /// Unasked answers and announcements of one adapter in a minute, from which on they are a flood.
    flood_a_minute: u64,
    /// Nanoseconds after which what was said counts no more.
    memory_ns: i64,
    /// By address: who holds it.
    holders: Table<IpAddr, Vec<Holder>>,
    /// By adapter: what it said.
    adapters: Table<[u8; 6], Adapter>,
}

/// An adapter that says it has an address.
#[derive(Clone, Default)]
struct Holder {
    mac: [u8; 6],
    last_ns: i64,
    unasked: u64,
    /// Everything else that it said under this address.
    honest: u64,
}

/// What an adapter did.
#[derive(Clone, Default)]
struct Adapter {
    /// The address that it asks under.
    own: Option<(IpAddr, u64)>,
    /// Unasked answers and announcements of a minute, and when that began.
    loud: u64,
    minute_ns: i64,
    /// Addresses that it claimed unasked, and how often; the first few.
    unasked: Vec<(IpAddr, u64)>,
    sighting: Option<Sighting>,
}

const SECOND: i64 = 1_000_000_000;
/// Adapters remembered of one address.
const MOST_HOLDERS: usize = 8;
/// Addresses remembered of one adapter.
const MOST_CLAIMED: usize = 64;

impl Default for ArpSpoofing {
    fn default() -> Self {
        Self {
            least_unasked: 3,
            least_unasked_alone: 10,
            flood_a_minute: 200,
            memory_ns: 3_600 * SECOND,
            holders: Table::new(16_384),
            adapters: Table::new(16_384),
        }
    }
}

/// Whether a hardware address is one that routers share (VRRP, HSRP, GLBP, CARP): it moves between machines by design.
fn is_shared(mac: [u8; 6]) -> bool {
    matches!(
        mac,
        [0, 0, 0x5e, 0, 1 | 2, _]
            | [0, 0, 0x0c, 7, 0xac, _]
            | [0, 0, 0x0c, 0x9f, 0xf0..=0xff, _]
            | [0, 7, 0xb4, ..]
    )
}

/// Why a claim is a false one.
enum Why {
    /// Another adapter holds the address.
    Held,
    /// Nobody was heard to hold it, but it is claimed beside others, again and again.
    Alone,
    /// There are too many.
    Flood,
}

impl ArpSpoofing {
    /// What the claim is, after it was taken in.
    fn judge(&mut self, claim: &ArpClaim) -> Option<(Why, u64)> {
        let adapter = self.adapters.entry(claim.mac, claim.last_ns, Adapter::default);
        if claim.first_ns.saturating_sub(adapter.minute_ns) >= 60 * SECOND {
            (adapter.minute_ns, adapter.loud) = (claim.first_ns, 0);
        }
        adapter.loud = adapter.loud.saturating_add(claim.unasked).saturating_add(claim.announcements);
        let loud = adapter.loud;
        if claim.asks > adapter.own.map_or(0, |(_, asks)| asks) {
            adapter.own = Some((claim.address, claim.asks));
        }
        if claim.unasked > 0 {
            if let Some((_, times)) =
                adapter.unasked.iter_mut().find(|(address, _)| *address == claim.address)
            {
                *times = times.saturating_add(claim.unasked);
            } else if adapter.unasked.len() < MOST_CLAIMED {
                adapter.unasked.push((claim.address, claim.unasked));
            }
        }
        let least = self.least_unasked_alone;
        let often = adapter.unasked.iter().filter(|(_, times)| *times >= least).count();
        let holders = self.holders.entry(claim.address, claim.last_ns, Vec::new);
        holders.retain(|holder| claim.first_ns.saturating_sub(holder.last_ns) <= self.memory_ns);
        let at = holders.iter().position(|holder| holder.mac == claim.mac).unwrap_or_else(|| {
            if holders.len() == MOST_HOLDERS {
                holders.remove(0);
            }
            holders.push(Holder { mac: claim.mac, ..Holder::default() });
            holders.len() - 1
        });
        holders[at].last_ns = holders[at].last_ns.max(claim.last_ns);
        holders[at].unasked = holders[at].unasked.saturating_add(claim.unasked);
        holders[at].honest = holders[at].honest.saturating_add(claim.packets().saturating_sub(claim.unasked));
        let mine = holders[at].clone();
        // Whoever speaks under the address in an ordinary way holds it, whether it came first or not.
        let is_held = holders.iter().any(|other| {
            other.mac != claim.mac
                && !is_shared(other.mac)
                && other.honest > 0
                && other.unasked < mine.unasked
        });
        if is_shared(claim.mac) {
            return None;
        }
        if claim.unasked > 0 && is_held && mine.unasked >= self.least_unasked {
            return Some((Why::Held, mine.unasked));
        }
        // Who has the address by right asks under it as well.
        if claim.unasked > 0 && often >= 2 && mine.unasked >= least && mine.honest == 0 {
            return Some((Why::Alone, mine.unasked));
        }
        (loud >= self.flood_a_minute).then_some((Why::Flood, loud))
    }

    fn sighting(&self, why: &Why, claim: &ArpClaim, seen: u64) -> Sighting {
        let (kind, what, usual, techniques): (_, _, _, &'static [&'static str]) = match why {
            Why::Held => (
                "ARP spoofing",
                "unasked answers that give another's address to this adapter",
                self.least_unasked,
                &["T1557.002"],
            ),
            Why::Alone => (
                "ARP spoofing",
                "unasked answers for an address, one of several",
                self.least_unasked_alone,
                &["T1557.002"],
            ),
            Why::Flood => (
                "flood of ARP announcements",
                "unasked answers and announcements in a minute",
                self.flood_a_minute,
                &["T1498.001", "T1557.002"],
            ),
        };
        Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: None,
            targets: Vec::new(),
            n_targets: 0,
            port: None,
            first_ns: claim.first_ns,
            detected_ns: claim.last_ns,
            last_ns: claim.last_ns,
            flows: 0,
            octets: 0,
            evidence: vec![Evidence { what, seen: seen as f64, usual: usual as f64 }],
            severity: if matches!(why, Why::Flood) { Severity::Medium } else { Severity::High },
            strength: seen as f64 / usual.max(1) as f64,
            techniques,
        }
    }

    /// Takes a claim into what its adapter is known for.
    fn tell(&mut self, why: &Why, claim: &ArpClaim, seen: u64) {
        let fresh = self.sighting(why, claim, seen);
        let Some(adapter) = self.adapters.get_mut(&claim.mac) else { return };
        let own = adapter.own.map(|(address, _)| address).filter(|own| *own != claim.address);
        let sighting = adapter.sighting.get_or_insert(fresh);
        sighting.last_ns = sighting.last_ns.max(claim.last_ns);
        sighting.flows = sighting.flows.saturating_add(claim.packets());
        sighting.octets = sighting.octets.saturating_add(claim.packets().saturating_mul(42));
        sighting.actor = sighting.actor.or(own);
        if let Some(evidence) = sighting.evidence.first_mut() {
            evidence.seen = evidence.seen.max(seen as f64);
            sighting.strength = sighting.strength.max(seen as f64 / evidence.usual.max(1.0));
        }
        for target in std::iter::once(claim.address).chain(claim.told.iter().copied()) {
            if Some(target) != sighting.actor && !sighting.targets.contains(&target) {
                sighting.n_targets += 1;
                if sighting.targets.len() < MOST_TARGETS {
                    sighting.targets.push(target);
                }
            }
        }
    }
}

impl Behaviour for ArpSpoofing {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, _: &Flow<'_>, _: &mut Vec<Sighting>) {}

    fn see_claim(&mut self, claim: &ArpClaim, _: &mut Vec<Sighting>) {
        if let Some((why, seen)) = self.judge(claim) {
            self.tell(&why, claim, seen);
        }
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        let mut told: Vec<([u8; 6], Sighting)> = self
            .adapters
            .iter_mut()
            .filter_map(|(mac, adapter)| {
                let mut sighting = adapter.sighting.take()?;
                let own = adapter.own.map(|(address, _)| address);
                sighting.actor = sighting.actor.or(own.filter(|own| !sighting.targets.contains(own)));
                Some((*mac, sighting))
            })
            .collect();
        told.sort_by_key(|(mac, sighting)| (sighting.first_ns, *mac));
        out.extend(told.into_iter().map(|(_, sighting)| sighting));
    }

    fn dropped(&self) -> u64 {
        self.holders.dropped() + self.adapters.dropped()
    }

    bounded!(holders, adapters);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::address;

    const MINUTE: i64 = 60 * SECOND;

    /// What the adapter of host `mac` said of host `of` in a minute: questions, answers, unasked answers, announcements.
    fn claim(minute: i64, mac: u8, of: u8, [asks, answers, unasked, announcements]: [u64; 4]) -> ArpClaim {
        ArpClaim {
            address: address(of),
            mac: [2, 0, 0, 0, 0, mac],
            first_ns: minute * MINUTE,
            last_ns: minute * MINUTE + 50 * SECOND,
            asks,
            answers,
            unasked,
            announcements,
            asked: asks.min(1),
            told: if unasked > 0 { vec![address(2)] } else { Vec::new() },
        }
    }

    fn seen(claims: &[ArpClaim]) -> Vec<Sighting> {
        let (mut spoofing, mut out) = (ArpSpoofing::default(), Vec::new());
        claims.iter().for_each(|claim| spoofing.see_claim(claim, &mut out));
        spoofing.end(&mut out);
        out
    }

    #[test]
    fn who_takes_the_address_of_the_router_is_named_with_whom_it_told() {
        let mut claims =
            vec![claim(0, 1, 1, [0, 3, 0, 0]), claim(0, 2, 2, [4, 1, 0, 0]), claim(0, 66, 66, [5, 0, 0, 0])];
        claims.extend((1..5).map(|minute| claim(minute, 66, 1, [0, 0, 30, 0])));
        let out = seen(&claims);
        assert_eq!(out.len(), 1);
        let sighting = &out[0];
        assert_eq!((sighting.kind, sighting.actor), ("ARP spoofing", Some(address(66))));
        assert_eq!(sighting.targets, [address(1), address(2)]);
        assert_eq!((sighting.severity, sighting.evidence[0].seen), (Severity::High, 120.0));
        assert_eq!((sighting.first_ns, sighting.detected_ns), (MINUTE, MINUTE + 50 * SECOND));
    }

    #[test]
    fn both_ends_may_be_taken_before_their_holders_were_ever_heard_of() {
        let claims: Vec<ArpClaim> = (0..4)
            .flat_map(|minute| [claim(minute, 66, 1, [0, 0, 30, 0]), claim(minute, 66, 2, [0, 0, 30, 0])])
            .collect();
        assert_eq!(seen(&claims).len(), 1);
        // One address alone may be that of a machine which is talkative.
        assert_eq!(seen(&claims[..1]).len(), 0);
    }

    #[test]
    fn an_address_that_moves_to_another_machine_is_nothing() {
        let leased =
            [claim(0, 1, 9, [3, 2, 0, 1]), claim(30, 2, 9, [2, 0, 0, 3]), claim(31, 2, 9, [4, 3, 0, 0])];
        let router = [ArpClaim { mac: [0, 0, 0x5e, 0, 1, 7], ..claim(1, 0, 1, [0, 0, 40, 0]) }];
        let proxy: Vec<ArpClaim> = (1..50).map(|of| claim(1, 1, of, [0, 5, 0, 0])).collect();
        let announced = [claim(0, 1, 1, [2, 2, 0, 0]), claim(1, 5, 1, [0, 0, 2, 3])];
        for claims in [&leased[..], &router, &proxy, &announced] {
            assert_eq!(seen(claims).len(), 0);
        }
    }

    #[test]
    fn a_flood_of_announcements_is_told() {
        let out = seen(&[claim(0, 7, 7, [1, 0, 0, 500])]);
        assert_eq!(out.len(), 1);
        assert_eq!((out[0].kind, out[0].severity), ("flood of ARP announcements", Severity::Medium));
        assert_eq!(seen(&[claim(0, 7, 7, [1, 0, 0, 100])]).len(), 0);
    }
}
