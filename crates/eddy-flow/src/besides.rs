//! What packets tell besides flows.

use std::net::IpAddr;

/// What an adapter said of one address within a minute, by ARP: captures of packets hold such claims besides flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArpClaim {
    /// The address that it says is its own.
    pub address: IpAddr,
    /// The adapter's hardware address.
    pub mac: [u8; 6],
    /// The first such packet, in nanoseconds since 1970.
    pub first_ns: i64,
    /// The last.
    pub last_ns: i64,
    /// Questions that it asked under this address.
    pub asks: u64,
    /// Answers to a question that was asked before.
    pub answers: u64,
    /// Answers that nobody had asked for.
    pub unasked: u64,
    /// Announcements of its own address.
    pub announcements: u64,
    /// Different addresses that it asked for, up to 256: of one network all, of more perhaps too few.
    pub asked: u64,
    /// Who was told unasked, the first few.
    pub told: Vec<IpAddr>,
}

impl ArpClaim {
    /// A claim of no packets yet.
    pub fn new(address: IpAddr, mac: [u8; 6]) -> Self {
        Self {
            address,
            mac,
            first_ns: 0,
            last_ns: 0,
            asks: 0,
            answers: 0,
            unasked: 0,
            announcements: 0,
            asked: 0,
            told: Vec::new(),
        }
    }

    /// How many packets it was said in.
    pub fn packets(&self) -> u64 {
        self.asks.saturating_add(self.answers).saturating_add(self.unasked).saturating_add(self.announcements)
    }
}

/// What single packets, or a few, tell that nobody sends in good faith.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SignKind {
    /// A packet from a host to itself, seen on a network.
    SelfAddressed,
    /// A fragment that lies over part of another one of its packet.
    Overlap,
    /// A fragment that reaches beyond the longest packet there may be.
    TooLong,
    /// Fragments of packets of which the rest never comes: heads, and tails.
    Orphans,
    /// Flags of TCP that no connection has together, or none; different are pairs of port and flags.
    ImpossibleFlags,
    /// Questions by ICMP that nobody has a use for any more; different are their kinds. An echo request with a code counts
    /// for two.
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
    /// Adapters that sent one packet only; different are the adapters.
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
    /// The first such packet, in nanoseconds since 1970.
    pub first_ns: i64,
    /// The last.
    pub last_ns: i64,
    /// How many.
    pub packets: u64,
    /// Their bytes on the wire.
    pub octets: u64,
    /// Different things in them, up to 64; adapters are counted up to some thousands.
    pub different: u64,
}
