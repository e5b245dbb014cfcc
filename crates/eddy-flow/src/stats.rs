//! Counts of a flow table.

use eddy_wire::{FragmentStats, Reason};

use crate::biflow::EndReason;

/// Exact counts: `packets == packets_in_flows + arp + set_aside_total()`, and
/// `flows == ended_total() + flows in the table`, at any time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableStats {
    /// Packets that were offered.
    pub packets: u64,
    /// Octets on the wire that were offered.
    pub octets: u64,
    /// Packets that went into flows.
    pub packets_in_flows: u64,
    /// Octets on the wire that went into flows.
    pub octets_in_flows: u64,
    /// Packets of address resolution, which has no flows.
    pub arp: u64,
    /// Packets set aside, by [`Reason`] in the order of [`Reason::ALL`].
    pub set_aside: [u64; Reason::ALL.len()],
    /// Records of flows that were begun.
    pub flows: u64,
    /// Records handed out, by [`EndReason`] in the order of [`EndReason::ALL`].
    pub ended: [u64; EndReason::ALL.len()],
    /// Packets of the records that made room for others.
    pub packets_evicted: u64,
    /// Octets on the wire of the records that made room for others.
    pub octets_evicted: u64,
    /// Most flows that were in the table at once.
    pub most_flows: u64,
    /// How often the clock was set back by more than the tolerance.
    pub clock_set_back: u64,
    /// What became of fragments.
    pub fragments: FragmentStats,
}

impl TableStats {
    /// Packets set aside, for any reason.
    pub fn set_aside_total(&self) -> u64 {
        self.set_aside.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Records handed out, for any reason.
    pub fn ended_total(&self) -> u64 {
        self.ended.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// Records that made room for others.
    pub fn evicted(&self) -> u64 {
        self.ended.last().copied().unwrap_or(0)
    }

    pub(crate) fn count_aside(&mut self, reason: Reason) {
        let idx = Reason::ALL.iter().position(|known| *known == reason);
        if let Some(n) = idx.and_then(|idx| self.set_aside.get_mut(idx)) {
            *n = n.saturating_add(1);
        }
    }

    pub(crate) fn count_ended(&mut self, reason: EndReason) {
        let idx = EndReason::ALL.iter().position(|known| *known == reason);
        if let Some(n) = idx.and_then(|idx| self.ended.get_mut(idx)) {
            *n = n.saturating_add(1);
        }
    }
}
