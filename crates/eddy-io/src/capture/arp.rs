//! What captures say of who has which address: questions and answers of address resolution (ARP), and of the discovery of
//! neighbours (RFC 4861) that there is in its place with IPv6, summed up.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use eddy_wire::{Packet, protocol};

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
    // Addresses of version 4 are mapped.
    Ipv6Addr::from_bits(bits).to_canonical()
}

/// What an adapter says of an address.
struct Said {
    is_ask: bool,
    /// Whose address it is, and who asks or is told.
    sender: u128,
    target: u128,
    mac: [u8; 6],
    /// It is told to all, unasked.
    is_announcement: bool,
}

/// Types of messages of the discovery of neighbours: somebody asks, and somebody says that an address is there.
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// What a packet says of addresses; nothing where it is of neither protocol.
fn said(packet: &Packet<'_>) -> Option<Said> {
    if let Some(arp) = packet.arp {
        let (sender, target) = (packet.source, packet.destination);
        return matches!(arp.operation, 1 | 2).then_some(Said {
            is_ask: arp.operation == 1,
            sender,
            target,
            mac: arp.sender_mac,
            is_announcement: sender == target,
        });
    }
    // Nobody further away is believed (RFC 4861, section 7.1).
    let is_discovery = packet.protocol == protocol::ICMPV6
        && matches!(packet.icmp_type, SOLICITATION | ADVERTISEMENT)
        && packet.ttl == 255;
    if !is_discovery {
        return None;
    }
    let (about, options) = packet.payload.split_first_chunk::<16>()?;
    let about = u128::from_be_bytes(*about);
    let is_ask = packet.icmp_type == SOLICITATION;
    let mac = adapter(options, if is_ask { 1 } else { 2 }).unwrap_or(packet.source_mac);
    let (sender, target) = if is_ask { (packet.source, about) } else { (about, packet.destination) };
    let is_to_all = Ipv6Addr::from_bits(packet.destination).is_multicast();
    Some(Said { is_ask, sender, target, mac, is_announcement: !is_ask && is_to_all })
}

/// The adapter that an option names.
fn adapter(mut options: &[u8], wanted: u8) -> Option<[u8; 6]> {
    // Each has its length in units of eight bytes.
    while let [kind, units, ..] = *options {
        let (option, rest) = options.split_at_checked(usize::from(units) * 8).filter(|_| units > 0)?;
        if kind == wanted {
            return option.get(2..8)?.try_into().ok();
        }
        options = rest;
    }
    None
}

impl ArpBook {
    /// Takes a packet of address resolution in, or of the discovery of neighbours.
    pub(super) fn see(&mut self, packet: &Packet<'_>, time_ns: i64) {
        let Some(Said { is_ask, sender, target, mac, is_announcement }) = said(packet) else { return };
        // A probe asks under no address: it claims none yet.
        if shown(sender).is_unspecified() {
            return;
        }
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
        let Some(claim) = self.claim((sender, mac), asks_for, time_ns) else { return };
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
