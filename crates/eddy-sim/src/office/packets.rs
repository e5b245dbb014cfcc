//! Flows taken apart into their packets, in order of time, holding only the flows that are open.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::flow::{ACK, FIN, Flow, PSH, SYN, Transport};
use super::frame_bytes::{Segment, room, write_headers};
use super::payload;

/// A source of flows in order of their start, and the packets made of them in order of time.
pub struct Packets<I: Iterator<Item = Flow>> {
    flows: std::iter::Peekable<I>,
    open: BinaryHeap<Reverse<(i64, u64, u32)>>,
    slots: Vec<Option<Open>>,
    free: Vec<u32>,
    opened: u64,
}

impl<I: Iterator<Item = Flow>> std::fmt::Debug for Packets<I> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packets").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

/// A flow and how far its packets have been made.
#[derive(Debug)]
struct Open {
    flow: Flow,
    order: u64,
    step_idx: usize,
    /// The packet of the step, and whether its acknowledgement is next.
    packet_idx: u64,
    is_ack_next: bool,
    /// The even moment of the first packet of the step.
    base_ns: i64,
    sequence: [u32; 2],
    numbers: [u32; 2],
}

impl<I: Iterator<Item = Flow>> Packets<I> {
    /// Takes flows in order of their start.
    pub fn new(flows: I) -> Self {
        Self {
            flows: flows.peekable(),
            open: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            opened: 0,
        }
    }

    /// Writes the next packet, from its Ethernet header on, over what is in `frame`. Answers when it is sent and the
    /// truth of its flow, or nothing when there are no more.
    pub fn next_into(&mut self, frame: &mut Vec<u8>) -> Option<(i64, u8)> {
        self.admit();
        let Reverse((at_ns, order, slot)) = self.open.pop()?;
        let open = self.slots[slot as usize].as_mut()?;
        let truth = open.flow.truth;
        open.write(frame);
        if let Some(next_ns) = open.advance() {
            self.open.push(Reverse((next_ns, order, slot)));
        } else {
            self.slots[slot as usize] = None;
            self.free.push(slot);
        }
        Some((at_ns, truth))
    }

    /// Opens every flow that starts no later than the next packet.
    fn admit(&mut self) {
        while let Some(flow) = self.flows.peek() {
            if self.open.peek().is_some_and(|Reverse((at_ns, ..))| flow.start_ns > *at_ns) {
                return;
            }
            let Some(flow) = self.flows.next() else { return };
            if flow.steps.is_empty() {
                continue;
            }
            let open = Open::new(flow, self.opened);
            self.opened += 1;
            let slot = self.free.pop().unwrap_or_else(|| {
                self.slots.push(None);
                self.slots.len() as u32 - 1
            });
            self.open.push(Reverse((open.next_ns(), open.order, slot)));
            self.slots[slot as usize] = Some(open);
        }
    }
}

impl Open {
    fn new(flow: Flow, order: u64) -> Self {
        let base_ns = flow.start_ns + flow.steps[0].wait_us as i64 * 1_000;
        let sequence = [flow.id as u32, (flow.id >> 32) as u32];
        Self {
            flow,
            order,
            step_idx: 0,
            packet_idx: 0,
            is_ack_next: false,
            base_ns,
            sequence,
            numbers: [0; 2],
        }
    }

    /// The moment of the next packet.
    fn next_ns(&self) -> i64 {
        let step = &self.flow.steps[self.step_idx];
        let even_us = self.packet_idx * step.spacing_us;
        let offset_us = if self.is_ack_next {
            even_us + step.ack_delay_us()
        } else if self.packet_idx == 0 || self.packet_idx + 1 == step.packets() {
            even_us
        } else {
            let late = (self.flow.id ^ self.packet_idx).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
            even_us + late % step.most_late_us().max(1)
        };
        self.base_ns + offset_us as i64 * 1_000
    }

    fn write(&mut self, frame: &mut Vec<u8>) {
        frame.clear();
        let step = &self.flow.steps[self.step_idx];
        let (side, flags, offset, len) = if self.is_ack_next {
            (1 - step.side as usize, ACK, 0, 0)
        } else {
            let offset = self.packet_idx * u64::from(step.piece);
            let is_last = self.packet_idx + 1 == step.packets();
            // Only the last segment of a message is pushed.
            let flags = if is_last { step.flags } else { step.flags & !(PSH | FIN) };
            (step.side as usize, flags, offset, (step.bytes - offset).min(u64::from(step.piece)) as usize)
        };
        let acknowledged = if flags & ACK > 0 { self.sequence[1 - side] } else { 0 };
        let segment =
            Segment { side, flags, sequence: self.sequence[side], acknowledged, number: self.numbers[side] };
        frame.resize(room(&self.flow, flags), 0);
        if len > 0 {
            payload::write(&self.flow, step, offset, len, frame);
        }
        write_headers(&self.flow, segment, frame);
        self.numbers[side] = self.numbers[side].wrapping_add(1);
        if self.flow.transport == Transport::Tcp {
            let counts = u32::from(flags & (SYN | FIN) > 0);
            self.sequence[side] = self.sequence[side].wrapping_add(len as u32 + counts);
        }
    }

    /// Goes on to the next packet and answers its moment, or nothing after the last.
    fn advance(&mut self) -> Option<i64> {
        let step = &self.flow.steps[self.step_idx];
        let is_last = self.packet_idx + 1 == step.packets();
        if step.is_acknowledged && !self.is_ack_next && (self.packet_idx % 2 == 1 || is_last) {
            self.is_ack_next = true;
            return Some(self.next_ns());
        }
        self.is_ack_next = false;
        if !is_last {
            self.packet_idx += 1;
            return Some(self.next_ns());
        }
        self.base_ns += step.length_us() as i64 * 1_000;
        self.step_idx += 1;
        self.packet_idx = 0;
        let next = self.flow.steps.get(self.step_idx)?;
        self.base_ns += next.wait_us as i64 * 1_000;
        Some(self.next_ns())
    }
}
