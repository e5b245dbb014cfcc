//! What captures say of who has which address: questions and answers of address resolution (ARP), summed up.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};

use eddy_wire::Packet;

use crate::ArpClaim;

/// A claim is summed up over so many nanoseconds.
const WINDOW_NS: i64 = 60_000_000_000;
/// An answer this long after the question is an answer to it, in nanoseconds.
const ASKED_NS: i64 = 10_000_000_000;
/// Claims that are kept at most; further ones are counted.
const MOST_CLAIMS: usize = 1 << 16;
/// Questions that are remembered at most.
const MOST_QUESTIONS: usize = 1 << 14;
/// Hosts that are named of those told unasked.
const MOST_TOLD: usize = 4;

/// An address and the adapter that says it has it.
type Key = (u128, [u8; 6]);

/// The last octets of addresses that were asked for, one bit each.
type Asked = [u64; 4];

/// Who said that an address is theirs.
#[derive(Default)]
pub(super) struct ArpBook {
    claims: Vec<ArpClaim>,
    /// The claim of each key that is still added to.
    open: HashMap<Key, (usize, Asked)>,
    /// When somebody last asked for an address: asker and asked.
    questions: HashMap<(u128, u128), i64>,
    dropped: u64,
}

fn shown(bits: u128) -> IpAddr {
    // Truncation wanted: addresses of ARP are those of version 4, in the low bits.
    IpAddr::V4(Ipv4Addr::from_bits((bits & 0xffff_ffff) as u32))
}

impl ArpBook {
    /// Takes a packet of address resolution in.
    pub(super) fn see(&mut self, packet: &Packet<'_>, time_ns: i64) {
        let Some(arp) = packet.arp else { return };
        let (sender, target) = (packet.source, packet.destination);
        let is_ask = arp.operation == 1;
        // A probe asks under no address: it claims none yet.
        if shown(sender).is_unspecified() || !matches!(arp.operation, 1 | 2) {
            return;
        }
        let is_announcement = sender == target;
        if is_ask && !is_announcement {
            if self.questions.len() >= MOST_QUESTIONS {
                self.questions.retain(|_, asked_ns| time_ns.saturating_sub(*asked_ns) <= ASKED_NS);
            }
            if self.questions.len() < MOST_QUESTIONS {
                self.questions.insert((sender, target), time_ns);
            }
        }
        // A question is answered once: whoever answers after that was not asked.
        let asked = if is_ask { None } else { self.questions.remove(&(target, sender)) };
        let was_asked = asked.is_some_and(|asked_ns| time_ns.saturating_sub(asked_ns) <= ASKED_NS);
        let asks_for = (is_ask && !is_announcement).then_some(target);
        let Some(claim) = self.claim((sender, arp.sender_mac), asks_for, time_ns) else { return };
        claim.last_ns = claim.last_ns.max(time_ns);
        let count = match (is_ask, is_announcement, was_asked) {
            (_, true, _) => &mut claim.announcements,
            (true, ..) => &mut claim.asks,
            (false, _, true) => &mut claim.answers,
            (false, ..) => &mut claim.unasked,
        };
        *count += 1;
        let told = shown(target);
        if !is_ask
            && !is_announcement
            && !was_asked
            && claim.told.len() < MOST_TOLD
            && !claim.told.contains(&told)
        {
            claim.told.push(told);
        }
    }

    /// The claim that is added to; none where there is no room.
    fn claim(&mut self, key: Key, asks_for: Option<u128>, time_ns: i64) -> Option<&mut ArpClaim> {
        let is_open = |claim: &ArpClaim| (0..WINDOW_NS).contains(&time_ns.saturating_sub(claim.first_ns));
        let known = self.open.get(&key).copied();
        let (at, mut asked) = match known.filter(|(at, _)| self.claims.get(*at).is_some_and(is_open)) {
            Some(known) => known,
            None if self.claims.len() >= MOST_CLAIMS => {
                self.dropped += 1;
                return None;
            }
            None => {
                let (address, mac) = key;
                self.claims.push(ArpClaim {
                    first_ns: time_ns,
                    last_ns: time_ns,
                    ..ArpClaim::new(shown(address), mac)
                });
                (self.claims.len() - 1, Asked::default())
            }
        };
        let octet = asks_for.map(|address| (address & 0xff) as usize);
        if let Some(word) = octet.and_then(|octet| asked.get_mut(octet / 64)) {
            *word |= 1 << (octet.unwrap_or_default() % 64);
        }
        self.open.insert(key, (at, asked));
        let claim = self.claims.get_mut(at)?;
        claim.asked = asked.iter().map(|word| u64::from(word.count_ones())).sum();
        Some(claim)
    }

    /// What was said so far, in the order in which it began.
    pub(super) fn claims(&self) -> &[ArpClaim] {
        &self.claims
    }

    /// Packets that were not kept for want of room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}
