//! The first bytes of one direction of a TCP connection, put together from its segments.

use crate::limits::Limits;
use crate::packet::{Packet, TCP_SYN, protocol};

/// Most segments that are kept until those before them have come.
const MOST_WAITING: usize = 8;

/// The first bytes of one direction of a TCP connection, for views that need more than one segment: a TLS hello with
/// keys against quantum computers has about 1,800 bytes.
///
/// It holds at most [`Limits::stream_head_bytes`] in order, and half as much again that came too early, in at most 8
/// segments. Bytes that come twice count the first time. Blind to: segments before a capture began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamHead {
    bytes: Vec<u8>,
    /// The sequence number that comes next.
    next: Option<u32>,
    /// Segments that came too early.
    waiting: Vec<(u32, Vec<u8>)>,
}

impl StreamHead {
    /// Takes in a segment of this direction; whether there are more bytes than before.
    pub fn add(&mut self, packet: &Packet<'_>, limits: &Limits) -> bool {
        if packet.protocol != protocol::TCP {
            return false;
        }
        let mut sequence = packet.tcp.sequence;
        if packet.tcp.flags & TCP_SYN != 0 {
            // The SYN itself takes one number; a new one begins anew.
            sequence = sequence.wrapping_add(1);
            *self = Self { next: Some(sequence), ..Self::default() };
        }
        if packet.payload.is_empty() {
            return false;
        }
        let most = usize::try_from(limits.stream_head_bytes).unwrap_or(usize::MAX);
        let before = self.bytes.len();
        let next = *self.next.get_or_insert(sequence);
        if sequence.wrapping_sub(next).cast_signed() > 0 {
            self.keep(sequence, packet.payload, most);
            return false;
        }
        self.append(sequence, packet.payload, most);
        while let Some(at) = self.waiting.iter().position(|(sequence, _)| !self.is_early(*sequence)) {
            let (sequence, bytes) = self.waiting.swap_remove(at);
            self.append(sequence, &bytes, most);
        }
        self.bytes.len() > before
    }

    /// The bytes in their order, without gaps.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn is_early(&self, sequence: u32) -> bool {
        self.next.is_none_or(|next| sequence.wrapping_sub(next).cast_signed() > 0)
    }

    fn keep(&mut self, sequence: u32, payload: &[u8], most: usize) {
        let kept = self.waiting.iter().map(|(_, bytes)| bytes.len()).fold(0_usize, usize::saturating_add);
        let known = self.waiting.iter().any(|(other, _)| *other == sequence);
        if self.waiting.len() < MOST_WAITING && kept.saturating_add(payload.len()) <= most / 2 && !known {
            self.waiting.push((sequence, payload.to_vec()));
        }
    }

    /// Puts in what is new of a segment that does not begin after the end.
    fn append(&mut self, sequence: u32, payload: &[u8], most: usize) {
        let Some(next) = self.next else { return };
        let old = usize::try_from(next.wrapping_sub(sequence)).unwrap_or(usize::MAX);
        let Some(new) = payload.get(old..) else { return };
        let room = most.saturating_sub(self.bytes.len());
        let new = new.get(..room).unwrap_or(new);
        self.bytes.extend_from_slice(new);
        self.next = Some(next.wrapping_add(u32::try_from(new.len()).unwrap_or(0)));
    }
}
