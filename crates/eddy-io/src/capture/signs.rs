//! What single packets, or a few, tell that nobody sends in good faith: packets from a host to itself, fragments that
//! overlap or never become whole, flags that no connection has, answers in the name of others. Flows do not show it.
//!
//! Every packet is looked at once, most of them at no more than their addresses and flags; everything that is remembered
//! has a fixed most. What has no room is not told.

mod adapters;
mod answers;
mod fragments;
mod resets;

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::net::Ipv6Addr;

use eddy_wire::{FragmentPart, Limits, Network, Packet, protocol};
use rustc_hash::FxHasher;

use self::adapters::Adapters;
use self::answers::Answers;
use self::fragments::{Fault, Fragments};
use self::resets::Resets;
use crate::{PacketSign, SignKind};

/// Signs of one kind and host are summed up over so many nanoseconds.
const WINDOW_NS: i64 = 600_000_000_000;
/// Signs that are kept at most.
const MOST_SIGNS: usize = 1 << 13;
/// Different things that are told apart in a sign.
const MOST_DIFFERENT: usize = 64;
/// Hosts that a sign names at most.
const MOST_TARGETS: usize = 16;
/// The longest packet there may be, without its head.
const LONGEST: u32 = 65_535;

/// Flags of TCP: end, begin, break off, and acknowledge.
const FIN: u16 = 1;
const SYN: u16 = 2;
const RST: u16 = 4;
const ACK: u16 = 16;

/// What a sign is summed up by: its kind, and the host it is about.
type Key = (SignKind, u128);

/// The signs of a capture.
#[derive(Default)]
pub(super) struct SignBook {
    signs: Vec<PacketSign>,
    /// The sign of each key that is still added to, with marks of the different things in it.
    open: HashMap<Key, (usize, Vec<u64>)>,
    fragments: Fragments,
    answers: Answers,
    resets: Resets,
    adapters: Adapters,
}

/// A packet that is a sign of something.
struct Noted {
    kind: SignKind,
    /// The host that the sign is about, by which it is summed up.
    about: u128,
    /// Who sends it, and to whom; 0 where nobody is to be named.
    actor: u128,
    target: u128,
    /// A mark of what is different in it.
    mark: u64,
}

/// A mark of anything.
fn mark(thing: impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    thing.hash(&mut hasher);
    // Its upper bits alone are not even for small keys.
    let z = hasher.finish();
    (z ^ (z >> 32)).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

/// Whether the flags of a segment are those of no connection (RFC 9293: every segment acknowledges but the first one, and
/// one that breaks off; nothing is begun and ended at once).
fn is_impossible(flags: u16) -> bool {
    let begins_and_ends = flags & SYN != 0 && flags & (FIN | RST) != 0;
    begins_and_ends || flags & (SYN | RST | ACK) == 0
}

/// Whether an address is one that packets are sent to all with.
fn is_to_all(bits: u128) -> bool {
    let address = Ipv6Addr::from_bits(bits);
    address.is_multicast()
        || address.to_ipv4_mapped().is_some_and(|v4| v4.octets()[3] == 255 || v4.is_multicast())
}

impl SignBook {
    /// Looks at a packet.
    #[inline]
    pub(super) fn see(&mut self, packet: &Packet<'_>, time_ns: i64, limits: &Limits) {
        if !packet.is_ip() {
            return;
        }
        if let Some(found) = self.adapters.see(packet, time_ns) {
            self.push(found);
        }
        if packet.source == packet.destination {
            self.self_addressed(packet, time_ns);
        }
        if packet.fragment != FragmentPart::Whole {
            self.fragment(packet, time_ns);
        }
        match packet.protocol {
            // Of a later fragment there are no flags, nor of what is cut.
            protocol::TCP if packet.fragment != FragmentPart::Later && packet.tcp.header_len >= 20 => {
                self.segment(packet, time_ns);
            }
            protocol::ICMP | protocol::ICMPV6 => self.message(packet, time_ns),
            protocol::UDP => self.datagram(packet, time_ns, limits),
            _ => {}
        }
    }

    /// There are no more packets.
    pub(super) fn finish(&mut self) {
        if let Some(found) = self.adapters.finish() {
            self.push(found);
        }
        for orphans in self.fragments.finish() {
            self.push(orphans);
        }
    }

    /// What was told so far, in the order in which it began to be told.
    pub(super) fn signs(&self) -> &[PacketSign] {
        &self.signs
    }

    fn push(&mut self, sign: PacketSign) {
        if self.signs.len() < MOST_SIGNS {
            self.signs.push(sign);
        }
    }

    #[cold]
    fn note(&mut self, packet: &Packet<'_>, time_ns: i64, noted: &Noted) {
        let key = (noted.kind, noted.about);
        let is_open = |sign: &PacketSign| (0..WINDOW_NS).contains(&time_ns.saturating_sub(sign.first_ns));
        let known = self.open.get(&key).map(|(at, _)| *at);
        let at = match known.filter(|at| self.signs.get(*at).is_some_and(is_open)) {
            Some(at) => at,
            None if self.signs.len() >= MOST_SIGNS => return,
            None => {
                self.signs.push(PacketSign {
                    kind: noted.kind,
                    actor: (noted.actor != 0).then(|| shown(noted.actor)),
                    targets: Vec::new(),
                    port: packet.destination_port,
                    first_ns: time_ns,
                    last_ns: time_ns,
                    packets: 0,
                    octets: 0,
                    different: 0,
                });
                self.open.insert(key, (self.signs.len() - 1, Vec::new()));
                self.signs.len() - 1
            }
        };
        let (Some(sign), Some((_, marks))) = (self.signs.get_mut(at), self.open.get_mut(&key)) else {
            return;
        };
        sign.last_ns = sign.last_ns.max(time_ns);
        sign.packets += 1;
        sign.octets = sign.octets.saturating_add(u64::from(packet.wire_len));
        // Several senders are forged, or a crowd.
        if sign.actor.is_some_and(|actor| actor != shown(noted.actor)) {
            sign.actor = None;
        }
        if marks.len() < MOST_DIFFERENT && !marks.contains(&noted.mark) {
            marks.push(noted.mark);
            sign.different += 1;
        }
        let target = shown(noted.target);
        if noted.target != 0 && sign.targets.len() < MOST_TARGETS && !sign.targets.contains(&target) {
            sign.targets.push(target);
        }
    }

    /// A packet from a host to itself: within a machine that is ordinary, on a network it is not.
    #[cold]
    fn self_addressed(&mut self, packet: &Packet<'_>, time_ns: i64) {
        let host = shown(packet.source);
        let is_on_network = packet.source_mac != packet.destination_mac;
        let begins = packet.protocol == protocol::TCP && packet.tcp.flags & (SYN | ACK) == SYN;
        let has_ports = matches!(packet.protocol, protocol::TCP | protocol::UDP);
        let is_same_port = has_ports && packet.source_port == packet.destination_port;
        if host.is_loopback() || host.is_unspecified() || !is_same_port || !(begins || is_on_network) {
            return;
        }
        let kind = SignKind::SelfAddressed;
        let noted = Noted { kind, about: packet.source, actor: 0, target: packet.source, mark: 0 };
        self.note(packet, time_ns, &noted);
    }

    #[cold]
    fn fragment(&mut self, packet: &Packet<'_>, time_ns: i64) {
        let faults = self.fragments.see(packet, time_ns);
        for fault in faults.into_iter().flatten() {
            let kind = match fault {
                Fault::Overlap => SignKind::Overlap,
                Fault::TooLong => SignKind::TooLong,
            };
            let (actor, target) = (packet.source, packet.destination);
            let noted = Noted { kind, about: target, actor, target, mark: u64::from(packet.identification) };
            self.note(packet, time_ns, &noted);
        }
    }

    #[inline]
    fn segment(&mut self, packet: &Packet<'_>, time_ns: i64) {
        let flags = packet.tcp.flags;
        if is_impossible(flags) {
            let mark = mark((packet.destination, packet.destination_port, flags));
            self.by_source(SignKind::ImpossibleFlags, mark, packet, time_ns);
        }
        if self.resets.is_refuted(packet, time_ns) {
            let (about, mark) = (packet.source, mark((packet.destination, packet.destination_port)));
            let kind = SignKind::ResetByOther;
            let noted = Noted { kind, about, actor: 0, target: packet.destination, mark };
            self.note(packet, time_ns, &noted);
        }
    }

    fn by_source(&mut self, kind: SignKind, mark: u64, packet: &Packet<'_>, time_ns: i64) {
        let (actor, target) = (packet.source, packet.destination);
        self.note(packet, time_ns, &Noted { kind, about: actor, actor, target, mark });
    }

    /// A message of ICMP.
    fn message(&mut self, packet: &Packet<'_>, time_ns: i64) {
        if packet.fragment == FragmentPart::Later {
            return;
        }
        let (kind, code) = (packet.icmp_type, packet.icmp_code);
        let (asks, redirects) = if packet.network == Network::Ipv4 {
            (matches!(kind, 13 | 15 | 17) || kind == 8 && code != 0, kind == 5)
        } else {
            (kind == 128 && code != 0, kind == 137)
        };
        if asks {
            // Several kinds of them at one host are needed, at several hosts they are a sweep.
            let kinds = if code != 0 { 2 } else { 1 };
            for at in 0..kinds {
                let marked = mark((packet.destination, kind, at));
                let about = mark((packet.source, packet.destination));
                let noted = Noted {
                    kind: SignKind::OddQuestions,
                    about: u128::from(about),
                    actor: packet.source,
                    target: packet.destination,
                    mark: marked,
                };
                self.note(packet, time_ns, &noted);
            }
        } else if redirects {
            // Whoever the way is to lead over gains by it, whoever says so.
            let over = packet.icmp_gateway();
            let actor = if over == 0 { packet.source } else { over };
            let mark = mark(packet.embedded.map(|about| about.destination));
            let noted =
                Noted { kind: SignKind::Redirect, about: actor, actor, target: packet.destination, mark };
            self.note(packet, time_ns, &noted);
        } else if packet.network == Network::Ipv4 && kind == 8 && is_to_all(packet.destination) {
            self.question_to_all(packet, time_ns);
        }
    }

    /// A question to a whole network: the answers go to whom it seems to come from.
    fn question_to_all(&mut self, packet: &Packet<'_>, time_ns: i64) {
        let (about, target) = (packet.source, packet.source);
        let noted = Noted { kind: SignKind::ToAll, about, actor: 0, target, mark: mark(packet.destination) };
        self.note(packet, time_ns, &noted);
    }

    #[inline]
    fn datagram(&mut self, packet: &Packet<'_>, time_ns: i64, limits: &Limits) {
        match (packet.source_port, packet.destination_port) {
            (5_355 | 137, _) | (_, 137) => {
                if let Some(mark) = self.answers.name(packet) {
                    self.by_source(SignKind::NameAnswers, mark, packet, time_ns);
                }
            }
            (67, _) => {
                if let Some(server) = self.answers.lease(packet, time_ns, limits) {
                    let mark = mark(server);
                    let noted =
                        Noted { kind: SignKind::Lease, about: server, actor: server, target: 0, mark };
                    self.note(packet, time_ns, &noted);
                }
            }
            // Services that answer to anything (fraggle).
            (_, 7 | 13 | 17 | 19) if is_to_all(packet.destination) => self.question_to_all(packet, time_ns),
            _ => {}
        }
    }
}

fn shown(bits: u128) -> std::net::IpAddr {
    // Addresses of version 4 are mapped.
    Ipv6Addr::from_bits(bits).to_canonical()
}

#[cfg(test)]
mod tests;
