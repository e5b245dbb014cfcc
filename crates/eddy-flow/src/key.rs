//! What makes packets of one flow.

use std::hash::{BuildHasher, Hasher, RandomState};

use eddy_wire::{Network, Packet};

use crate::biflow::{Biflow, Side};

/// Addresses and ports in an order of their own, so that both directions have the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    low: (u128, u16),
    high: (u128, u16),
    protocol: u8,
    vlan: u16,
    network: Network,
}

impl Key {
    /// The key of a packet, and whether its source is the lower end.
    #[inline]
    pub(crate) fn of(packet: &Packet<'_>) -> (Self, bool) {
        let source = (packet.source, packet.source_port);
        let destination = (packet.destination, packet.destination_port);
        let from_low = source <= destination;
        let (low, high) = if from_low { (source, destination) } else { (destination, source) };
        let key = Self { low, high, protocol: packet.protocol, vlan: packet.vlan, network: packet.network };
        (key, from_low)
    }

    /// Which side of the flow sends from the lower end, if the flow has this key.
    #[inline]
    pub(crate) fn side_of_low(&self, flow: &Biflow) -> Option<Side> {
        if flow.protocol_identifier != self.protocol
            || flow.vlan_id != self.vlan
            || flow.network != self.network
        {
            return None;
        }
        let source = (flow.source, flow.source_transport_port);
        let destination = (flow.destination, flow.destination_transport_port);
        if (source, destination) == (self.low, self.high) {
            Some(Side::Forward)
        } else if (destination, source) == (self.low, self.high) {
            Some(Side::Reverse)
        } else {
            None
        }
    }

    /// SipHash with the keys of this table: nobody outside can tell which flows share a bucket.
    #[inline]
    pub(crate) fn hash(&self, keys: &RandomState) -> u64 {
        let (low, low_port) = self.low;
        let (high, high_port) = self.high;
        let rest = (u64::from(low_port) << 48)
            | (u64::from(high_port) << 32)
            | (u64::from(self.vlan) << 16)
            | (u64::from(self.protocol) << 8)
            | u64::from(self.network == Network::Ipv6);
        let mut bytes = [0; 40];
        let (first, others) = bytes.split_at_mut(16);
        let (second, third) = others.split_at_mut(16);
        first.copy_from_slice(&low.to_le_bytes());
        second.copy_from_slice(&high.to_le_bytes());
        third.copy_from_slice(&rest.to_le_bytes());
        let mut hasher = keys.build_hasher();
        hasher.write(&bytes);
        hasher.finish()
    }
}
