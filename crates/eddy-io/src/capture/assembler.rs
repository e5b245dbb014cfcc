//! Packets to rows, and the count of every packet.

use std::cell::Cell;

use eddy_flow::{FlowSettings, FlowTable, Placed};
use eddy_wire::{Captured, Limits, Packet, Reason, decode};

use super::details::{Budget, Kept};
use super::exports::Exports;
use super::row::Row;
use crate::Note;
use crate::names::{list, note};
use crate::raw::Tally;

/// Puts packets into flows, and flows into rows.
pub(super) struct Assembler {
    limits: Limits,
    table: FlowTable<Kept>,
    budget: Budget,
    exports: Exports,
    /// Rows of flows that are over.
    pub rows: Vec<Row>,
    /// For each reason why packets are set aside, and last for address resolution, the number of the first such packet.
    first_aside: [u64; Reason::ALL.len() + 1],
}

impl Assembler {
    /// An assembler that takes about so many bytes at most.
    pub(super) fn new(memory_bytes: usize) -> Self {
        let limits = Limits::default();
        // What is read of applications gets a quarter, packets that were sampled by switches a sixteenth.
        let table = FlowSettings { memory_bytes: memory_bytes / 4 * 3, ..FlowSettings::default() };
        Self {
            table: FlowTable::new(table, &limits),
            budget: Budget::new(memory_bytes / 4),
            exports: Exports::new(memory_bytes / 16, &limits),
            limits,
            rows: Vec::new(),
            first_aside: [0; Reason::ALL.len() + 1],
        }
    }

    /// Takes the next packet in.
    pub(super) fn see(&mut self, frame: &Captured<'_>) {
        let packet = decode(frame.link, frame.bytes, frame.wire_len, &self.limits);
        let placed = self.place(&packet, frame.time_ns);
        let aside = match placed {
            Placed::InFlow { .. } => {
                self.exports.see(&packet, frame.time_ns, &self.limits, &mut self.rows);
                return;
            }
            Placed::Arp => Reason::ALL.len(),
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
        self.table.add_with(
            packet,
            time_ns,
            |kept, flow, packet, side| kept.see(flow, packet, side, limits, budget),
            |flow, kept| {
                rows.push(Row::of(flow, kept));
                kept.give_back(budget);
            },
        )
    }

    /// There are no more packets.
    pub(super) fn finish(&mut self) {
        let (rows, budget) = (&mut self.rows, &self.budget);
        self.table.finish(|flow, kept| {
            rows.push(Row::of(flow, kept));
            kept.give_back(budget);
        });
        self.exports.finish(rows);
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
