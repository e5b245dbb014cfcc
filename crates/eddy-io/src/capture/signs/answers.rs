//! Answers that are somebody else's to give: names of neighbours, and leases of addresses.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

use eddy_wire::app::Dhcp;
use eddy_wire::{Limits, Packet};

use super::{is_to_all, mark};

/// Servers of names, and servers of leases, that are remembered at most.
const MOST_SERVERS: usize = 1_024;
/// Questions for leases that are remembered at most, and for how many nanoseconds.
const MOST_QUESTIONS: usize = 4_096;
const ASKED_NS: i64 = 60_000_000_000;

/// A server of leases, and the router that it names.
type Offer = (u128, Option<u128>);

/// Who answers what.
#[derive(Default)]
pub(super) struct Answers {
    /// Hosts that were asked for names of NetBIOS alone: they serve names.
    servers: HashSet<u128>,
    /// The first offer to each question for a lease, and its time.
    offers: HashMap<u32, (Offer, i64)>,
    order: VecDeque<u32>,
    /// When servers of leases were heard first.
    heard: HashMap<u128, i64>,
}

impl Answers {
    /// A mark of the name that a packet answers for, if it answers for one to a neighbour that asked all.
    pub(super) fn name(&mut self, packet: &Packet<'_>) -> Option<u64> {
        let [_, _, flags, low, _, _, answers_high, answers_low, .., length] = *packet.payload.get(..13)?
        else {
            return None;
        };
        let is_answer = flags & 0x80 != 0;
        let has_answers = (answers_high, answers_low) != (0, 0) && low % 16 == 0;
        let is_netbios = packet.source_port == 137 || packet.destination_port == 137;
        if is_netbios && !is_answer {
            if !is_to_all(packet.destination) && flags & 0x78 == 0 && self.servers.len() < MOST_SERVERS {
                self.servers.insert(packet.destination);
            }
            return None;
        }
        if !is_answer || !has_answers || flags & 0x78 != 0 || self.servers.contains(&packet.source) {
            return None;
        }
        let name = packet.payload.get(13..)?.get(..usize::from(length))?;
        let after = packet.payload.get(13 + usize::from(length)..)?;
        if is_netbios {
            // Fifteen letters of half a byte each; the sixteenth says what kind of service it is.
            let is_plain = length == 32 && name.iter().all(u8::is_ascii_uppercase);
            let is_name = matches!(after, [0, 0, 32, ..]);
            return (is_plain && is_name).then(|| mark(name.get(..30)));
        }
        // Addresses only: whoever is asked for the name of an address answers for that.
        let is_address = matches!(after, [0, 0, 1 | 28, ..]);
        is_address.then(|| mark(name.to_ascii_lowercase()))
    }

    /// The server of a lease that names another router than the one that answered the same question before it was first
    /// heard, or after.
    pub(super) fn lease(&mut self, packet: &Packet<'_>, time_ns: i64, limits: &Limits) -> Option<u128> {
        let message = Dhcp::parse(packet.payload, limits)?;
        if !message.is_reply || !matches!(message.message_type, 2 | 5) {
            return None;
        }
        let bits = |address: std::net::Ipv4Addr| address.to_ipv6_mapped().to_bits();
        let server = message.server.map_or(packet.source, bits);
        let is_nobody = Ipv6Addr::from_bits(server).to_canonical() == IpAddr::from([0, 0, 0, 0]);
        if is_nobody {
            return None;
        }
        if self.heard.len() < MOST_SERVERS {
            self.heard.entry(server).or_insert(time_ns);
        }
        let offer = (server, message.router.map(bits));
        let known = self.offers.get(&message.transaction).copied();
        let Some((first, at_ns)) = known.filter(|(_, at_ns)| time_ns.saturating_sub(*at_ns) <= ASKED_NS)
        else {
            self.remember(message.transaction, offer, time_ns);
            return None;
        };
        if first.0 == server || first.1 == offer.1 || offer.1.is_none() || first.1.is_none() {
            return None;
        }
        // The one that was there before is the right one, as far as anybody can tell.
        let heard = |server: u128| self.heard.get(&server).copied().unwrap_or(at_ns);
        Some(if heard(first.0) > heard(server) { first.0 } else { server })
    }

    fn remember(&mut self, transaction: u32, offer: Offer, time_ns: i64) {
        if self.offers.insert(transaction, (offer, time_ns)).is_none() {
            self.order.push_back(transaction);
        }
        if self.order.len() > MOST_QUESTIONS
            && let Some(oldest) = self.order.pop_front()
        {
            self.offers.remove(&oldest);
        }
    }
}
