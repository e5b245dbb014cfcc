//! What happened within flows (DNS queries, TLS handshakes, HTTP requests, alerts), kept by the key of the flow until the
//! flow comes.

use std::collections::HashMap;

use eddy_frame::{Column, MISSING_INT, MISSING_TIME, TextColumn};

use super::column::Flow;
use super::mapped::{Mapped, is_unset, states};

/// Most bytes kept, about.
const MOST_BYTES: usize = 512 << 20;
/// Rows of one key that are looked at for a value. Usual flows have a few; without a limit many flows and many details under
/// one key would take the product of both.
const MOST_LOOKED_AT: usize = 64;
/// No row.
const NONE: u32 = u32::MAX;

/// What a detail can tell of its flow besides what the flow says itself.
const TOLD: [Flow; 10] = [
    Flow::Application,
    Flow::DnsName,
    Flow::DnsType,
    Flow::DnsCode,
    Flow::TlsName,
    Flow::TlsJa4,
    Flow::HttpHost,
    Flow::HttpTarget,
    Flow::HttpAgent,
    Flow::Alert,
];

/// Details, and which belong together.
#[derive(Debug, Default)]
pub(crate) struct Details {
    columns: Vec<(Flow, Column)>,
    /// First and last row of each key.
    chains: HashMap<Box<str>, (u32, u32)>,
    /// The next row of the same key.
    next: Vec<u32>,
    /// Whether the row is the first of its key.
    heads: Vec<bool>,
    /// Whether the flow of a first row has come.
    used: Vec<bool>,
    bytes: usize,
    most_bytes: usize,
    /// Details that found no room.
    pub dropped: u64,
}

impl Details {
    /// An empty store for the given columns.
    pub(crate) fn new(known: &[Flow]) -> Self {
        let columns = known.iter().map(|flow| (*flow, Column::empty(flow.kind()))).collect();
        Self { columns, most_bytes: MOST_BYTES, ..Self::default() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.next.len()
    }

    /// How many keys no flow had so far.
    pub(crate) fn unmatched(&self) -> usize {
        self.heads.iter().zip(&self.used).filter(|(head, used)| **head && !**used).count()
    }

    /// Forgets which flows have come.
    pub(crate) fn rewind(&mut self) {
        self.used.fill(false);
    }

    /// Keeps the row `row_idx` of `mapped`.
    pub(crate) fn add(&mut self, mapped: &Mapped, row_idx: usize) {
        let row = u32::try_from(self.next.len()).unwrap_or(NONE);
        if row == NONE || self.bytes > self.most_bytes {
            self.dropped += 1;
            return;
        }
        let key = mapped.keys.as_ref().map_or("", |keys| keys.get(row_idx));
        let mut is_head = true;
        if !is_unset(key) {
            if let Some((_, last)) = self.chains.get_mut(key) {
                if let Some(next) = self.next.get_mut(*last as usize) {
                    *next = row;
                }
                *last = row;
                is_head = false;
            } else {
                self.chains.insert(key.into(), (row, row));
                self.bytes += key.len() + 48;
            }
        }
        self.next.push(NONE);
        self.heads.push(is_head);
        self.used.push(false);
        for (flow, column) in &mut self.columns {
            self.bytes += 8 + push(column, mapped.get(*flow), row_idx);
        }
    }

    /// Tells the flows in `rows` of `mapped` what is known of them.
    pub(crate) fn join(&mut self, mapped: &mut Mapped, rows: &[usize]) {
        let Some(keys) = &mapped.keys else { return };
        let mut firsts = vec![NONE; keys.len()];
        let mut any = false;
        for row_idx in rows {
            if let Some((first, _)) = self.chains.get(keys.get(*row_idx))
                && let (Some(slot), Some(used)) =
                    (firsts.get_mut(*row_idx), self.used.get_mut(*first as usize))
            {
                (*slot, *used, any) = (*first, true, true);
            }
        }
        if !any {
            return;
        }
        for flow in TOLD {
            let Some((_, told)) = self.columns.iter().find(|(known, _)| *known == flow) else { continue };
            let mut column = Column::empty(flow.kind());
            let own = mapped.take(flow);
            for (row_idx, first) in firsts.iter().enumerate() {
                let lacks = own.as_ref().is_none_or(|own| own.is_missing(row_idx));
                match lacks.then(|| self.first_that_tells(told, *first)).flatten() {
                    Some(at) => push(&mut column, Some(told), at),
                    None => push(&mut column, own.as_ref(), row_idx),
                };
            }
            mapped.set(flow, Some(column));
        }
    }

    /// The first row of a chain with a value.
    fn first_that_tells(&self, column: &Column, first: u32) -> Option<usize> {
        let mut row = first as usize;
        for _ in 0..MOST_LOOKED_AT {
            if row >= column.len() {
                return None;
            }
            if !column.is_missing(row) {
                return Some(row);
            }
            row = *self.next.get(row)? as usize;
        }
        None
    }

    /// Rows of up to `most` keys that no flow had, from the row `from` on, each key as one flow; and where to go on.
    pub(crate) fn alone(&self, from: usize, most: usize) -> (Mapped, usize, usize) {
        let mut rows: Vec<usize> = Vec::new();
        let mut at = from;
        while at < self.len() && rows.len() < most {
            if self.heads.get(at) == Some(&true) && self.used.get(at) == Some(&false) {
                rows.push(at);
            }
            at += 1;
        }
        let mut mapped = Mapped::new();
        for (flow, _) in &self.columns {
            let mut column = Column::empty(flow.kind());
            for head in &rows {
                match self.told(*flow, *head) {
                    Some((from, row)) => push(&mut column, Some(from), row),
                    None => push(&mut column, None, 0),
                };
            }
            mapped.set(*flow, Some(column));
        }
        if mapped.get(Flow::State).is_some()
            && let Some(Column::Text(told)) = mapped.take(Flow::State)
        {
            let derived = states(&mapped, rows.len());
            let text = told
                .iter()
                .zip(derived.iter())
                .map(|(told, derived)| if told.is_empty() { derived } else { told });
            let text: TextColumn = text.collect();
            mapped.set(Flow::State, Some(Column::Text(text)));
        }
        (mapped, rows.len(), at)
    }

    fn column(&self, flow: Flow) -> Option<&Column> {
        self.columns.iter().find(|(known, _)| *known == flow).map(|(_, column)| column)
    }

    /// The first value of a key's rows, where rows that name the ends the other way round are read the other way round.
    fn told(&self, flow: Flow, head: usize) -> Option<(&Column, usize)> {
        let texts = |flow: Flow| self.column(flow).and_then(Column::as_text);
        let (sources, destinations) = (texts(Flow::Source)?, texts(Flow::Destination)?);
        let mut row = head;
        for _ in 0..MOST_LOOKED_AT {
            if row >= self.len() {
                return None;
            }
            let reversed = row != head
                && sources.get(row) == destinations.get(head)
                && sources.get(row) != sources.get(head);
            let flow = if reversed { mirrored(flow) } else { flow };
            if let Some(column) = self.column(flow).filter(|column| !column.is_missing(row)) {
                return Some((column, row));
            }
            row = *self.next.get(row)? as usize;
        }
        None
    }
}

/// The column of the other direction.
fn mirrored(flow: Flow) -> Flow {
    match flow {
        Flow::Source => Flow::Destination,
        Flow::Destination => Flow::Source,
        Flow::SourcePort => Flow::DestinationPort,
        Flow::DestinationPort => Flow::SourcePort,
        Flow::Octets => Flow::ReverseOctets,
        Flow::ReverseOctets => Flow::Octets,
        Flow::Packets => Flow::ReversePackets,
        Flow::ReversePackets => Flow::Packets,
        Flow::Flags => Flow::ReverseFlags,
        Flow::ReverseFlags => Flow::Flags,
        Flow::SourceMac => Flow::DestinationMac,
        Flow::DestinationMac => Flow::SourceMac,
        other => other,
    }
}

/// Appends a value, missing when there is none; gives the bytes it took beyond its slot.
fn push(to: &mut Column, from: Option<&Column>, row_idx: usize) -> usize {
    match (to, from) {
        (Column::Float(to), from) => {
            to.push(
                from.and_then(Column::as_float)
                    .and_then(|from| from.get(row_idx))
                    .copied()
                    .unwrap_or(f64::NAN),
            );
        }
        (Column::Int(to), Some(Column::Int(from))) => {
            to.push(from.get(row_idx).copied().unwrap_or(MISSING_INT));
        }
        (Column::Int(to), _) => to.push(MISSING_INT),
        (Column::Time(to), Some(Column::Time(from))) => {
            to.push(from.get(row_idx).copied().unwrap_or(MISSING_TIME));
        }
        (Column::Time(to), _) => to.push(MISSING_TIME),
        (Column::Text(to), Some(Column::Text(from))) if row_idx < from.len() => {
            let text = from.get(row_idx);
            to.push(text);
            return text.len();
        }
        (Column::Text(to), _) => to.push(""),
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(rows: &[(&str, &str, &str, i64)]) -> Details {
        let mut mapped = Mapped::new();
        mapped.set(Flow::Source, Some(Column::Text(rows.iter().map(|row| row.1).collect())));
        mapped.set(Flow::Destination, Some(Column::Text(rows.iter().map(|_| "10.0.0.9").collect())));
        mapped.set(Flow::DnsName, Some(Column::Text(rows.iter().map(|row| row.2).collect())));
        mapped.set(Flow::DnsCode, Some(Column::Int(rows.iter().map(|row| row.3).collect())));
        mapped.keys = Some(rows.iter().map(|row| row.0).collect());
        let mut details = Details::new(&mapped.known());
        (0..rows.len()).for_each(|row_idx| details.add(&mapped, row_idx));
        details
    }

    #[test]
    fn a_flow_hears_the_first_value_of_its_details_and_the_others_stand_alone() {
        let mut details = details(&[
            ("a", "10.0.0.1", "one.example", MISSING_INT),
            ("b", "10.0.0.2", "two.example", 0),
            ("a", "10.0.0.1", "three.example", 3),
            ("-", "10.0.0.4", "four.example", 0),
        ]);
        let mut flows = Mapped::new();
        flows.keys = Some(["x", "a"].into_iter().collect());
        flows.set(Flow::Source, Some(Column::Text(["10.0.0.7", "10.0.0.1"].into_iter().collect())));
        details.join(&mut flows, &[0, 1]);
        let names: Vec<&str> = flows.text(Flow::DnsName).unwrap().iter().collect();
        assert_eq!(names, ["", "one.example"]);
        assert_eq!(flows.int(Flow::DnsCode).unwrap(), [MISSING_INT, 3]);
        assert_eq!(details.unmatched(), 2);
        let (alone, n_rows, next) = details.alone(0, 10);
        assert_eq!((n_rows, next), (2, 4));
        let names: Vec<&str> = alone.text(Flow::DnsName).unwrap().iter().collect();
        assert_eq!(names, ["two.example", "four.example"]);
    }

    #[test]
    fn two_halves_of_a_flow_become_one() {
        let mut mapped = Mapped::new();
        mapped.set(Flow::Source, Some(Column::Text(["10.0.0.1", "10.0.0.2"].into_iter().collect())));
        mapped.set(Flow::Destination, Some(Column::Text(["10.0.0.2", "10.0.0.1"].into_iter().collect())));
        mapped.set(Flow::Octets, Some(Column::Int(vec![100, 900])));
        mapped.set(Flow::ReverseOctets, Some(Column::Int(vec![MISSING_INT; 2])));
        mapped.keys = Some(["1", "1"].into_iter().collect());
        let mut details = Details::new(&mapped.known());
        details.add(&mapped, 0);
        details.add(&mapped, 1);
        let (alone, n_rows, _) = details.alone(0, 10);
        assert_eq!(n_rows, 1);
        assert_eq!(alone.int(Flow::Octets).unwrap(), [100]);
        assert_eq!(alone.int(Flow::ReverseOctets).unwrap(), [900]);
    }

    #[test]
    fn a_full_store_counts_what_it_turns_away() {
        let mut details = details(&[("a", "10.0.0.1", "one.example", 0)]);
        details.most_bytes = 1;
        let mut more = Mapped::new();
        more.keys = Some(["b"].into_iter().collect());
        details.add(&more, 0);
        assert_eq!((details.len(), details.dropped), (1, 1));
    }
}
