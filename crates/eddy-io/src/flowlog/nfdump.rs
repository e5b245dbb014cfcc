//! Flows as nfdump lists them (`nfdump -o csv`), in the words of its versions 1.5 to 1.7.

use eddy_frame::{Column, Kind, MISSING_INT, TextColumn};

use super::column::Flow;
use super::mapped::{
    Mapped, Raw, addresses, between, counts, ints, is_unset, milliseconds, plain_texts, protocols, states,
};
use super::{Gives, Log, Wanted};
use crate::cells::integer;
use crate::flowlog::state;

/// What is read of a record.
const WANTED: &[Wanted] = &[
    ("ts", Kind::Time),
    ("firstSeen", Kind::Time),
    ("te", Kind::Time),
    ("lastSeen", Kind::Time),
    ("td", Kind::Float),
    ("duration", Kind::Float),
    ("pr", Kind::Text),
    ("proto", Kind::Text),
    ("sa", Kind::Text),
    ("srcAddr", Kind::Text),
    ("da", Kind::Text),
    ("dstAddr", Kind::Text),
    ("sp", Kind::Text),
    ("srcPort", Kind::Text),
    ("dp", Kind::Text),
    ("dstPort", Kind::Text),
    ("flg", Kind::Text),
    ("flags", Kind::Text),
    ("ipkt", Kind::Int),
    ("packets", Kind::Int),
    ("pkt", Kind::Int),
    ("ibyt", Kind::Int),
    ("bytes", Kind::Int),
    ("byt", Kind::Int),
    ("opkt", Kind::Int),
    ("obyt", Kind::Int),
    ("ismc", Kind::Text),
    ("odmc", Kind::Text),
    ("exid", Kind::Int),
];

/// Records. Lists of single directions have the reverse counters too, all zero: no word on the reverse direction.
pub(super) const CSV: Log = Log {
    shape: "nfdump",
    short: "nfdump",
    gives: Gives::Flows,
    wanted: WANTED,
    unless_zero: &["opkt", "obyt"],
    map,
};

fn map(raw: &Raw<'_>) -> Mapped {
    let mut mapped = Mapped::new();
    let start = raw.time(&["ts", "firstSeen"]);
    mapped.set(Flow::Start, start.map(|times| Column::Time(times.to_vec())));
    let told = milliseconds(raw.float(&["td", "duration"]));
    mapped.set(Flow::Duration, told.or_else(|| between(start, raw.time(&["te", "lastSeen"]))));
    mapped.set(Flow::Source, addresses(raw.text(&["sa", "srcAddr"])));
    mapped.set(Flow::Destination, addresses(raw.text(&["da", "dstAddr"])));
    mapped.set(Flow::Protocol, protocols(raw.text(&["pr", "proto"])));
    mapped.set(Flow::Packets, counts(raw.int(&["ipkt", "packets", "pkt"])));
    mapped.set(Flow::Octets, counts(raw.int(&["ibyt", "bytes", "byt"])));
    mapped.set(Flow::ReversePackets, counts(raw.int(&["opkt"])));
    mapped.set(Flow::ReverseOctets, counts(raw.int(&["obyt"])));
    ports(&mut mapped, raw);
    if let (Some(flags), Some(protocols)) = (raw.text(&["flg", "flags"]), mapped.int(Flow::Protocol)) {
        let column = flags.iter().zip(protocols).map(|(text, protocol)| {
            if *protocol == 6 { flags_of(text.trim()).unwrap_or(MISSING_INT) } else { MISSING_INT }
        });
        let column = column.collect();
        mapped.set(Flow::Flags, Some(Column::Int(column)));
    }
    if raw.has("opkt") {
        let states = states(&mapped, raw.n_rows);
        mapped.set(Flow::State, Column::Text(states));
    } else {
        mapped.note(
            Flow::Octets,
            "a row is one direction of a connection: the log has the other as a row of its own",
        );
    }
    mapped.set(Flow::SourceMac, hardware(raw.text(&["ismc"])));
    mapped.set(Flow::DestinationMac, hardware(raw.text(&["odmc"])));
    mapped.set(Flow::Domain, ints(raw.int(&["exid"])));
    mapped.need_addresses(raw.n_rows);
    mapped
}

/// Flags as letters, or as a number where nfdump names bits beyond the usual.
fn flags_of(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok().filter(|flags| (0..=255).contains(flags)),
        None if is_unset(text) => None,
        None => state::of_letters(text),
    }
}

/// Ports; those of ICMP say type and code (`8.0`, or one number).
fn ports(mapped: &mut Mapped, raw: &Raw<'_>) {
    let (Some(sources), Some(destinations)) = (raw.text(&["sp", "srcPort"]), raw.text(&["dp", "dstPort"]))
    else {
        return;
    };
    let port = |text: &str| {
        integer(text.trim().as_bytes()).filter(|port| (0..=65_535).contains(port)).unwrap_or(MISSING_INT)
    };
    let mut from: Vec<i64> = sources.iter().map(port).collect();
    let mut to: Vec<i64> = destinations.iter().map(port).collect();
    let mut codes = vec![MISSING_INT; raw.n_rows];
    for (row_idx, protocol) in mapped.int(Flow::Protocol).unwrap_or_default().iter().enumerate() {
        if !matches!(protocol, 1 | 58) {
            continue;
        }
        if let (1, Some(code)) = (protocol, codes.get_mut(row_idx)) {
            *code = icmp_of(destinations.get(row_idx).trim());
        }
        for ports in [&mut from, &mut to] {
            if let Some(port) = ports.get_mut(row_idx) {
                *port = MISSING_INT;
            }
        }
    }
    mapped.set(Flow::SourcePort, Some(Column::Int(from)));
    mapped.set(Flow::DestinationPort, Some(Column::Int(to)));
    mapped.set(Flow::Icmp, Some(Column::Int(codes)));
}

fn icmp_of(text: &str) -> i64 {
    let byte = |text: &str| text.parse::<u8>().ok().map(i64::from);
    let both = text.split_once('.').and_then(|(kind, code)| Some(byte(kind)? * 256 + byte(code)?));
    both.or_else(|| text.parse::<u16>().ok().map(i64::from)).unwrap_or(MISSING_INT)
}

/// Hardware addresses; all zeros is none.
fn hardware(texts: Option<&TextColumn>) -> Option<Column> {
    let Some(Column::Text(texts)) = plain_texts(texts) else { return None };
    Some(Column::Text(texts.iter().map(|text| if text == "00:00:00:00:00:00" { "" } else { text }).collect()))
}
