//! What single packets tell that flows do not.

use std::net::IpAddr;

use crate::Sighting;
use crate::sighting::{Evidence, Severity};

/// What a packet tells that nobody sends in good faith.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignKind {
    /// A packet from a host to itself, seen on a network.
    SelfAddressed,
    /// A fragment that lies over part of another one of its packet.
    Overlap,
    /// A fragment that reaches beyond the longest packet there may be.
    TooLong,
    /// Fragments of packets of which the rest never comes: heads, and tails; different is the smaller number of both.
    Orphans,
    /// Flags of TCP that no connection has together, or none; different are pairs of port and flags.
    ImpossibleFlags,
    /// Questions by ICMP that nobody has a use for any more, at one host; different are their kinds, and an echo request
    /// with a code counts for two.
    OddQuestions,
    /// Echo requests and their like to all of a network.
    ToAll,
    /// A router says that there is a shorter way over somebody else.
    Redirect,
    /// Answers to questions that went to all neighbours; different are the names.
    NameAnswers,
    /// A lease of somebody who is not the server that is known, with another router.
    Lease,
    /// Connections that went on after one end was said to have thrown them away; different are the connections.
    ResetByOther,
    /// Adapters that sent one packet only; different are the most in ten seconds.
    Adapters,
}

/// Packets that tell the same sign of the same hosts within ten minutes, summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketSign {
    /// What they tell.
    pub kind: SignKind,
    /// Who sends them, or profits; none where that is forged, or there are several.
    pub actor: Option<IpAddr>,
    /// To whom, the first few.
    pub targets: Vec<IpAddr>,
    /// Port of the first of them; 0 where there is none.
    pub port: u16,
    /// First such packet, nanoseconds since the epoch.
    pub first_ns: i64,
    /// Last such packet.
    pub last_ns: i64,
    /// How many.
    pub packets: u64,
    /// Their bytes on the wire.
    pub octets: u64,
    /// Different things in them.
    pub different: u64,
}

/// What a behaviour says of a sign.
pub(crate) struct Told {
    pub(crate) behaviour: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) what: &'static str,
    pub(crate) seen: u64,
    pub(crate) least: u64,
    pub(crate) severity: Severity,
    pub(crate) techniques: &'static [&'static str],
}

impl PacketSign {
    /// A sighting of it, if there is enough of it.
    pub(crate) fn sighting(&self, told: &Told) -> Option<Sighting> {
        let (seen, usual) = (told.seen as f64, told.least as f64);
        (told.seen >= told.least).then(|| Sighting {
            behaviour: told.behaviour,
            kind: told.kind,
            actor: self.actor,
            targets: self.targets.clone(),
            n_targets: self.targets.len() as u64,
            port: None,
            first_ns: self.first_ns,
            detected_ns: self.last_ns,
            last_ns: self.last_ns,
            flows: self.packets,
            octets: self.octets,
            evidence: vec![Evidence { what: told.what, seen, usual }],
            severity: told.severity,
            strength: seen / usual.max(1.0),
            techniques: told.techniques,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::Behaviour;
    use crate::watch::tests::address;

    /// Signs of a kind, from one host to another.
    pub(crate) fn sign(kind: SignKind, packets: u64, different: u64) -> PacketSign {
        PacketSign {
            kind,
            actor: Some(address(66)),
            targets: vec![address(9)],
            port: 139,
            first_ns: 1_000,
            last_ns: 5_000,
            packets,
            octets: 60 * packets,
            different,
        }
    }

    /// What a behaviour tells of signs.
    pub(crate) fn told<B: Behaviour + Default>(signs: &[PacketSign]) -> Vec<Sighting> {
        let (mut behaviour, mut out) = (B::default(), Vec::new());
        signs.iter().for_each(|sign| behaviour.see_sign(sign, &mut out));
        behaviour.end(&mut out);
        out
    }
}
