//! Bidirectional flows of Argus (`ra`), as in CTU-13 and other captures of the Stratosphere laboratory.

use eddy_frame::{Column, Kind, MISSING_INT, TextColumn};

use super::column::Flow;
use super::mapped::{Mapped, Raw, addresses, between, counts, milliseconds, protocols, states, swap_ends};
use super::zeek::labels;
use super::{Gives, Log, Wanted, state};

/// What is read of a record.
const WANTED: &[Wanted] = &[
    ("StartTime", Kind::Time),
    ("LastTime", Kind::Time),
    ("Dur", Kind::Float),
    ("Proto", Kind::Text),
    ("SrcAddr", Kind::Text),
    ("Sport", Kind::Text),
    ("Dir", Kind::Text),
    ("DstAddr", Kind::Text),
    ("Dport", Kind::Text),
    ("State", Kind::Text),
    ("TotPkts", Kind::Int),
    ("SrcPkts", Kind::Int),
    ("DstPkts", Kind::Int),
    ("TotBytes", Kind::Int),
    ("SrcBytes", Kind::Int),
    ("DstBytes", Kind::Int),
    ("SrcMac", Kind::Text),
    ("DstMac", Kind::Text),
    ("Label", Kind::Text),
    ("detailedlabel", Kind::Text),
];

/// Records.
pub(super) const ARGUS: Log =
    Log { shape: "ctu13", short: "binetflow", gives: Gives::Flows, wanted: WANTED, unless_zero: &[], map };

fn map(raw: &Raw<'_>) -> Mapped {
    let mut mapped = Mapped::new();
    let start = raw.time(&["StartTime"]);
    mapped.set(Flow::Start, start.map(|times| Column::Time(times.to_vec())));
    let told = milliseconds(raw.float(&["Dur"]));
    mapped.set(Flow::Duration, told.or_else(|| between(start, raw.time(&["LastTime"]))));
    mapped.set(Flow::Source, addresses(raw.text(&["SrcAddr"])));
    mapped.set(Flow::Destination, addresses(raw.text(&["DstAddr"])));
    mapped.set(Flow::Protocol, protocols(raw.text(&["Proto"])));
    let both_bytes = divided(raw.int(&["TotBytes"]), raw.int(&["SrcBytes"]), raw.int(&["DstBytes"]));
    let both_packets = divided(raw.int(&["TotPkts"]), raw.int(&["SrcPkts"]), raw.int(&["DstPkts"]));
    let undivided = raw.int(&["SrcPkts"]).is_none() && raw.int(&["DstPkts"]).is_none();
    let (octets, reverse_octets) = both_bytes;
    let (packets, reverse_packets) =
        if undivided { of_total(raw.int(&["TotPkts"]), reverse_octets.as_ref()) } else { both_packets };
    mapped.set(Flow::Octets, octets);
    mapped.set(Flow::ReverseOctets, reverse_octets);
    mapped.set(Flow::Packets, packets);
    mapped.set(Flow::ReversePackets, reverse_packets);
    if undivided && raw.has("TotPkts") {
        mapped.note(Flow::Packets, "packets of both directions: the log does not divide them");
    }
    ports(&mut mapped, raw);
    if let Some(states) = raw.text(&["State"]) {
        flags(&mut mapped, states);
    }
    mapped.set(Flow::SourceMac, addresses(raw.text(&["SrcMac"])));
    mapped.set(Flow::DestinationMac, addresses(raw.text(&["DstMac"])));
    mapped.set(Flow::Label, labels(raw.text(&["Label"]), raw.text(&["detailedlabel"])));
    if let Some(directions) = raw.text(&["Dir"]) {
        let swapped: Vec<bool> = directions.iter().map(|text| matches!(text.trim(), "<-" | "<?")).collect();
        if swapped.contains(&true) {
            swap_ends(&mut mapped, &swapped);
        }
    }
    let derived = states(&mapped, raw.n_rows);
    let states = match raw.text(&["State"]) {
        Some(told) => known_states(told, &derived),
        None => derived,
    };
    mapped.set(Flow::State, Column::Text(states));
    mapped.need_addresses(raw.n_rows);
    mapped
}

/// Counts of the source and of the destination, from two of the three.
fn divided(
    total: Option<&[i64]>,
    source: Option<&[i64]>,
    destination: Option<&[i64]>,
) -> (Option<Column>, Option<Column>) {
    let rest = |total: &[i64], part: &[i64]| {
        let of = |(total, part): (&i64, &i64)| {
            if *total < 0 || *part < 0 || part > total { MISSING_INT } else { total - part }
        };
        Column::Int(total.iter().zip(part).map(of).collect())
    };
    match (total, source, destination) {
        (_, Some(source), Some(destination)) => (counts(Some(source)), counts(Some(destination))),
        (Some(total), Some(source), None) => (counts(Some(source)), Some(rest(total, source))),
        (Some(total), None, Some(destination)) => (Some(rest(total, destination)), counts(Some(destination))),
        (total, source, None) => (counts(source.or(total)), None),
        (None, None, destination) => (None, counts(destination)),
    }
}

/// Packets where only their sum is known: all are the source's where the destination sent no bytes.
fn of_total(total: Option<&[i64]>, reverse_octets: Option<&Column>) -> (Option<Column>, Option<Column>) {
    let reverse = match (total, reverse_octets) {
        (Some(total), Some(Column::Int(octets))) => {
            let of = |row_idx: usize| if octets.get(row_idx) == Some(&0) { 0 } else { MISSING_INT };
            Some(Column::Int((0..total.len()).map(of).collect()))
        }
        _ => None,
    };
    (counts(total), reverse)
}

/// Ports, in decimal or after `0x`; those of ICMP are none.
fn ports(mapped: &mut Mapped, raw: &Raw<'_>) {
    let protocols = mapped.int(Flow::Protocol).unwrap_or_default();
    let port = |(row_idx, text): (usize, &str)| {
        let text = text.trim();
        let number = match text.strip_prefix("0x") {
            Some(digits) => u16::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        let has_ports = !matches!(protocols.get(row_idx), Some(1 | 58));
        number.filter(|_| has_ports).map_or(MISSING_INT, i64::from)
    };
    let column =
        |name: &str| raw.text(&[name]).map(|texts| Column::Int(texts.iter().enumerate().map(port).collect()));
    let (from, to) = (column("Sport"), column("Dport"));
    mapped.set(Flow::SourcePort, from);
    mapped.set(Flow::DestinationPort, to);
}

/// States of ICMP, with their type and code.
const ICMP: [(&str, i64); 12] = [
    ("ECO", 8 << 8),
    ("ECR", 0),
    ("URN", 3 << 8),
    ("URH", (3 << 8) + 1),
    ("URO", (3 << 8) + 2),
    ("URP", (3 << 8) + 3),
    ("URF", (3 << 8) + 4),
    ("URS", (3 << 8) + 5),
    ("SRC", 4 << 8),
    ("RED", 5 << 8),
    ("TXD", 11 << 8),
    ("PAR", 12 << 8),
];

/// Flags of both ends from states such as `SPA_SRPA`, and ICMP types from states such as `URP`.
fn flags(mapped: &mut Mapped, states: &TextColumn) {
    let protocols = mapped.int(Flow::Protocol).unwrap_or_default().to_vec();
    let (mut opener, mut other) = (vec![MISSING_INT; states.len()], vec![MISSING_INT; states.len()]);
    let mut codes = vec![MISSING_INT; states.len()];
    for (row_idx, text) in states.iter().enumerate() {
        let text = text.trim();
        match protocols.get(row_idx) {
            Some(6) => {
                let Some((from, to)) = text.split_once('_') else { continue };
                let slots = (opener.get_mut(row_idx), other.get_mut(row_idx));
                if let ((Some(opener), Some(other)), Some(from), Some(to)) =
                    (slots, state::of_letters(from), state::of_letters(to))
                {
                    (*opener, *other) = (from, to);
                }
            }
            Some(1) => {
                if let (Some(code), Some((_, known))) =
                    (codes.get_mut(row_idx), ICMP.iter().find(|(name, _)| *name == text))
                {
                    *code = *known;
                }
            }
            _ => {}
        }
    }
    mapped.set(Flow::Flags, Some(Column::Int(opener)));
    mapped.set(Flow::ReverseFlags, Some(Column::Int(other)));
    mapped.set(Flow::Icmp, Some(Column::Int(codes)));
}

/// Zeek's states, where they follow from flags and packets; else from Argus's own words.
fn known_states(told: &TextColumn, derived: &TextColumn) -> TextColumn {
    let word = |told: &str| match told.trim() {
        "CON" | "EST" | "RSP" => "SF",
        "INT" | "REQ" | "ECO" => "S0",
        _ => "",
    };
    let mut states = TextColumn::with_capacity(derived.len(), derived.len() * 3);
    for (told, derived) in told.iter().zip(derived.iter()) {
        states.push(if derived.is_empty() { word(told) } else { derived });
    }
    states
}
