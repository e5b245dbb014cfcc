//! Packets to rows, and the count of every packet.

use std::cell::Cell;

use eddy_flow::features::{Feature, FlowFeatures, Measured};
use eddy_flow::{Biflow, FlowSettings, FlowTable, PerFlow, Placed, Side};
use eddy_wire::{Captured, Limits, Packet, Reason, decode, protocol};

use super::arp::ArpBook;
use super::details::{Budget, Kept};
use super::exports::Exports;
use super::row::Row;
use super::signs::SignBook;
use crate::names::{list, note};
use crate::raw::Tally;
use crate::{ArpClaim, Note, PacketSign};

/// What is measured of each flow besides its counts and its application.
pub(super) trait Measure: PerFlow + Send {
    /// The values of features; none where none are measured.
    fn values(&self, flow: &Biflow, wanted: &[&Feature]) -> Option<Box<[f64]>>;
}

impl Measure for () {
    fn values(&self, _: &Biflow, _: &[&Feature]) -> Option<Box<[f64]>> {
        None
    }
}

impl Measure for FlowFeatures {
    fn values(&self, flow: &Biflow, wanted: &[&Feature]) -> Option<Box<[f64]>> {
        let measured = Measured::of(flow, self);
        Some(wanted.iter().map(|feature| feature.of(&measured)).collect())
    }
}

/// What lives in the table beside a flow.
#[derive(Default)]
struct Beside<M> {
    kept: Kept,
    measured: M,
}

impl<M: PerFlow> PerFlow for Beside<M> {
    fn add(&mut self, flow: &Biflow, packet: &Packet<'_>, side: Side, time_ns: i64) {
        self.measured.add(flow, packet, side, time_ns);
    }
}

impl<M: Measure> Beside<M> {
    /// The row of a flow that is over.
    fn row(&self, flow: &Biflow, budget: &Budget, wanted: &[&Feature]) -> Row {
        self.kept.give_back(budget);
        Row { features: self.measured.values(flow, wanted), ..Row::of(flow, &self.kept) }
    }
}

/// Puts packets into flows, and flows into rows.
pub(super) struct Assembler<M> {
    limits: Limits,
    /// The features of rows.
    wanted: Vec<&'static Feature>,
    table: FlowTable<Beside<M>>,
    budget: Budget,
    exports: Exports,
    arp: ArpBook,
    /// None where nobody asks for them.
    signs: Option<SignBook>,
    /// Rows of flows that are over.
    pub rows: Vec<Row>,
    /// For each reason why packets are set aside, and last for address resolution, the number of the first such packet.
    first_aside: [u64; Reason::ALL.len() + 1],
}

impl<M: Measure> Assembler<M> {
    /// An assembler that takes about so many bytes at most, and tells these features of each flow, or else what single
    /// packets tell.
    pub(super) fn new(memory_bytes: usize, wanted: Vec<&'static Feature>) -> Self {
        let limits = Limits::default();
        // What is read of applications gets a quarter, packets that were sampled by switches a sixteenth.
        let table = FlowSettings { memory_bytes: memory_bytes / 4 * 3, ..FlowSettings::default() };
        Self {
            table: FlowTable::new(table, &limits),
            budget: Budget::new(memory_bytes / 4),
            exports: Exports::new(memory_bytes / 16, &limits),
            arp: ArpBook::default(),
            signs: wanted.is_empty().then(SignBook::default),
            limits,
            wanted,
            rows: Vec::new(),
            first_aside: [0; Reason::ALL.len() + 1],
        }
    }

    /// What ARP packets said.
    pub(super) fn arp_claims(&self) -> &[ArpClaim] {
        self.arp.claims()
    }

    /// What single packets told that nobody sends in good faith.
    pub(super) fn packet_signs(&self) -> &[PacketSign] {
        self.signs.as_ref().map_or(&[], SignBook::signs)
    }

    /// The features of rows.
    pub(super) fn wanted(&self) -> &[&'static Feature] {
        &self.wanted
    }

    /// Takes the next packet in.
    pub(super) fn see(&mut self, frame: &Captured<'_>) {
        let packet = decode(frame.link, frame.bytes, frame.wire_len, &self.limits);
        let placed = self.place(&packet, frame.time_ns);
        if let Some(signs) = &mut self.signs {
            signs.see(&packet, frame.time_ns, &self.limits);
        }
        let aside = match placed {
            Placed::InFlow { .. } => {
                if packet.protocol == protocol::ICMPV6 {
                    self.arp.see(&packet, frame.time_ns);
                }
                self.exports.see(&packet, frame.time_ns, &self.limits, &mut self.rows);
                return;
            }
            Placed::Arp => {
                self.arp.see(&packet, frame.time_ns);
                Reason::ALL.len()
            }
            Placed::SetAside(reason) => {
                Reason::ALL.iter().position(|known| *known == reason).unwrap_or_default()
            }
        };
        let number = self.table.stats().packets;
        if let Some(first) = self.first_aside.get_mut(aside).filter(|first| **first == 0) {
            *first = number;
        }
    }

    fn place(&mut self, packet: &Packet<'_>, time_ns: i64) -> Placed {
        let (rows, budget, limits) = (&mut self.rows, &self.budget, &self.limits);
        let wanted = &self.wanted;
        self.table.add_with(
            packet,
            time_ns,
            |beside, flow, packet, side| {
                beside.measured.add(flow, packet, side, time_ns);
                beside.kept.see(flow, packet, side, limits, budget);
            },
            |flow, beside| rows.push(beside.row(flow, budget, wanted)),
        )
    }

    /// There are no more packets.
    pub(super) fn finish(&mut self) {
        let (rows, budget, wanted) = (&mut self.rows, &self.budget, &self.wanted);
        self.table.finish(|flow, beside| rows.push(beside.row(flow, budget, wanted)));
        self.exports.finish(rows);
        if let Some(signs) = &mut self.signs {
            signs.finish();
        }
    }

    /// Counts the packets set aside; the first of each reason is told.
    pub(super) fn tell_set_aside(&self, tally: &mut Tally, source: &str) {
        for ((count, first), reason) in self.set_aside() {
            tally.row(source, None, reason, &format!("packet {first}"));
            tally.stats.rows_set_aside += count - 1;
        }
    }

    /// For each reason that packets were set aside for: how many, the first, and the reason in words.
    fn set_aside(&self) -> Vec<((u64, u64), String)> {
        let stats = self.table.stats();
        let counts = stats.set_aside.iter().chain([&stats.arp]);
        let words = Reason::ALL
            .iter()
            .map(Reason::to_string)
            .chain(["address resolution (ARP) has no flows".to_owned()]);
        let all = counts.copied().zip(self.first_aside).zip(words);
        all.filter(|((count, _), _)| *count > 0).collect()
    }

    /// What became of the packets, and what had to be left out.
    pub(super) fn notes(&self) -> Vec<Note> {
        let stats = self.table.stats();
        let mut told =
            format!("{} packets: {} in {} flows", stats.packets, stats.packets_in_flows, stats.flows);
        let aside = self.set_aside();
        if !aside.is_empty() {
            let words: Vec<String> =
                aside.iter().map(|((count, _), reason)| format!("{count} set aside, {reason}")).collect();
            told.push_str("; ");
            told.push_str(&list(&words));
        }
        let mut notes = vec![note(told)];
        if stats.evicted() > 0 {
            notes.push(note(format!(
                "{} flows of {} packets were told early to make room for others; those that went on are several rows",
                stats.evicted(),
                stats.packets_evicted
            )));
        }
        if stats.clock_set_back > 0 {
            notes.push(note(format!(
                "the time of packets jumps back by more than a minute, {} times",
                stats.clock_set_back
            )));
        }
        if self.budget.refused.get() > 0 {
            notes.push(note(format!(
                "names and requests of {} flows were not kept, for want of room",
                self.budget.refused.get()
            )));
        }
        if self.arp.dropped() > 0 {
            notes.push(note(format!("{} ARP packets were not kept, for want of room", self.arp.dropped())));
        }
        notes.extend(self.exports.notes());
        notes
    }
}

impl Budget {
    /// A budget of so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self { left: Cell::new(bytes), refused: Cell::new(0) }
    }
}
