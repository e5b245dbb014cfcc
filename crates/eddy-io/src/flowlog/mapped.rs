//! Rows of a log as flows: what every map works with.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use eddy_frame::{Column, MISSING_INT, MISSING_TIME, TextColumn};
use rustc_hash::FxHashMap;

use super::column::Flow;
use super::state;
use crate::shapes::normalise;

/// Names of the columns of a log, without case, blanks and punctuation, and where each stands.
pub(crate) type Names = FxHashMap<String, usize>;

/// A batch of rows as the log has them.
pub(crate) struct Raw<'a> {
    /// Where the columns are.
    pub names: &'a Names,
    /// The columns.
    pub columns: &'a [Column],
    /// How many rows there are.
    pub n_rows: usize,
}

impl<'a> Raw<'a> {
    /// The first of the columns so called that is there.
    fn column(&self, names: &[&str]) -> Option<&'a Column> {
        names.iter().find_map(|name| self.columns.get(*self.names.get(&normalise(name))?))
    }

    /// Whether a column is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.column(&[name]).is_some()
    }

    /// Texts.
    pub(crate) fn text(&self, names: &[&str]) -> Option<&'a TextColumn> {
        self.column(names)?.as_text()
    }

    /// Whole numbers.
    pub(crate) fn int(&self, names: &[&str]) -> Option<&'a [i64]> {
        match self.column(names)? {
            Column::Int(values) => Some(values),
            _ => None,
        }
    }

    /// Numbers.
    pub(crate) fn float(&self, names: &[&str]) -> Option<&'a [f64]> {
        self.column(names)?.as_float()
    }

    /// Times.
    pub(crate) fn time(&self, names: &[&str]) -> Option<&'a [i64]> {
        self.column(names)?.as_time()
    }
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A flow.
    Flow,
    /// Something that happened within a flow, told apart from it by its key.
    Detail,
    /// One direction of a flow, as a record of its own.
    Half,
    /// A record of another kind, passed over and counted by what it is.
    Other,
    /// A record that cannot be used, and why.
    Broken(&'static str),
}

/// Rows as flows.
#[derive(Debug, Default)]
pub(crate) struct Mapped {
    /// One slot a flow column, in their order.
    columns: Vec<Option<Column>>,
    /// What each row is; empty when all are what the log says.
    pub classes: Vec<Class>,
    /// What ties details to flows.
    pub keys: Option<TextColumn>,
    /// What rows of another kind are called.
    pub kinds: Option<TextColumn>,
    /// What was assumed.
    pub notes: Vec<(Flow, &'static str)>,
}

impl Mapped {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { columns: (0..Flow::COUNT).map(|_| None).collect(), ..Self::default() }
    }

    /// Sets a column, if the log has it.
    pub(crate) fn set(&mut self, flow: Flow, column: impl Into<Option<Column>>) {
        if let (Some(slot), Some(column)) = (self.columns.get_mut(flow.idx()), column.into()) {
            *slot = Some(column);
        }
    }

    /// A column.
    pub(crate) fn get(&self, flow: Flow) -> Option<&Column> {
        self.columns.get(flow.idx())?.as_ref()
    }

    /// Takes a column out.
    pub(crate) fn take(&mut self, flow: Flow) -> Option<Column> {
        self.columns.get_mut(flow.idx())?.take()
    }

    /// The texts of a column.
    pub(crate) fn text(&self, flow: Flow) -> Option<&TextColumn> {
        self.get(flow)?.as_text()
    }

    /// The whole numbers of a column.
    pub(crate) fn int(&self, flow: Flow) -> Option<&[i64]> {
        match self.get(flow)? {
            Column::Int(values) => Some(values),
            _ => None,
        }
    }

    /// The columns that are there.
    #[cfg(test)]
    pub(crate) fn known(&self) -> Vec<Flow> {
        Flow::ALL.iter().map(|(flow, ..)| *flow).filter(|flow| self.get(*flow).is_some()).collect()
    }

    /// Says what was assumed of a column.
    pub(crate) fn note(&mut self, flow: Flow, text: &'static str) {
        self.notes.push((flow, text));
    }

    /// Marks the rows that are no flows for want of addresses.
    pub(crate) fn need_addresses(&mut self, n_rows: usize) {
        for flow in [Flow::Source, Flow::Destination] {
            let Some(texts) = self.columns.get(flow.idx()).and_then(|slot| slot.as_ref()?.as_text()) else {
                continue;
            };
            for (row_idx, text) in texts.iter().enumerate() {
                if text.is_empty() || !is_address(text) {
                    if self.classes.is_empty() {
                        self.classes = vec![Class::Flow; n_rows];
                    }
                    if let Some(class) = self.classes.get_mut(row_idx)
                        && matches!(class, Class::Flow | Class::Detail | Class::Half)
                    {
                        *class = Class::Broken(if text.is_empty() {
                            "an address is missing"
                        } else {
                            "what should be an address is none"
                        });
                    }
                }
            }
        }
    }
}

/// Whether a text may name an end of a flow: an IP address, a hardware address, or a name in their letters.
fn is_address(text: &str) -> bool {
    text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_%/".contains(&byte))
}

/// Whether a cell of a log says that there is nothing.
pub(crate) fn is_unset(text: &str) -> bool {
    matches!(text, "" | "-" | "(empty)" | "<unset>" | "null")
}

/// Texts, with those that say there is nothing missing.
pub(crate) fn plain_texts(texts: Option<&TextColumn>) -> Option<Column> {
    texts.map(|texts| {
        Column::Text(texts.iter().map(str::trim).map(|text| if is_unset(text) { "" } else { text }).collect())
    })
}

/// Addresses, IPv6 in the form of RFC 5952.
pub(crate) fn addresses(texts: Option<&TextColumn>) -> Option<Column> {
    texts.map(|texts| {
        let mut column = TextColumn::with_capacity(texts.len(), texts.len() * 14);
        texts.iter().for_each(|text| column.push(&address(text.trim())));
        Column::Text(column)
    })
}

fn address(text: &str) -> Cow<'_, str> {
    if is_unset(text) {
        return "".into();
    }
    if text.contains(':')
        && let Ok(address) = text.parse::<Ipv6Addr>()
    {
        return address.to_string().into();
    }
    text.into()
}

/// Whole numbers as they are.
pub(crate) fn ints(values: Option<&[i64]>) -> Option<Column> {
    values.map(|values| Column::Int(values.to_vec()))
}

/// Counts; negative ones are missing.
pub(crate) fn counts(values: Option<&[i64]>) -> Option<Column> {
    values.map(|values| {
        Column::Int(values.iter().map(|value| if *value < 0 { MISSING_INT } else { *value }).collect())
    })
}

/// Seconds as milliseconds.
pub(crate) fn milliseconds(seconds: Option<&[f64]>) -> Option<Column> {
    // Rounded to nanoseconds: 0.1 s is 100 ms and not 100.00000000000001.
    let of = |seconds: &f64| {
        let nanos = seconds * 1e9;
        if nanos.abs() < 9e15 { nanos.round() / 1e6 } else { seconds * 1e3 }
    };
    seconds.map(|seconds| Column::Float(seconds.iter().map(of).collect()))
}

/// Milliseconds from start to end.
pub(crate) fn between(start: Option<&[i64]>, end: Option<&[i64]>) -> Option<Column> {
    let of = |(start, end): (&i64, &i64)| {
        if *start == MISSING_TIME || *end == MISSING_TIME {
            f64::NAN
        } else {
            end.saturating_sub(*start) as f64 / 1e6
        }
    };
    Some(Column::Float(start?.iter().zip(end?).map(of).collect()))
}

/// Protocols by name or number.
pub(crate) fn protocols(texts: Option<&TextColumn>) -> Option<Column> {
    texts.map(|texts| Column::Int(texts.iter().map(|text| protocol(text.trim())).collect()))
}

/// IANA numbers of the protocols that logs name.
const PROTOCOLS: [(&str, i64); 40] = [
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("icmp6", 58),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("igmp", 2),
    ("ipip", 4),
    ("ipnip", 4),
    ("ip", 0),
    ("egp", 8),
    ("igp", 9),
    ("rdp", 27),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-no", 59),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("eigrp", 88),
    ("ospf", 89),
    ("ospfigp", 89),
    ("ospfig", 89),
    ("etherip", 97),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("l2tp", 115),
    ("isis", 124),
    ("fc", 133),
    ("sctp", 132),
    ("udplite", 136),
    ("udt", 17),
    ("rtp", 17),
    ("rtcp", 17),
    ("mobility", 135),
];

/// The number of a protocol, by number or name; missing when it has none.
pub(crate) fn protocol(text: &str) -> i64 {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return text.parse().ok().filter(|number| (0..=255).contains(number)).unwrap_or(MISSING_INT);
    }
    PROTOCOLS
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name))
        .map_or(MISSING_INT, |(_, number)| *number)
}

/// A constant.
pub(crate) fn all(value: i64, n_rows: usize) -> Column {
    Column::Int(vec![value; n_rows])
}

/// A constant text.
pub(crate) fn all_text(value: &str, n_rows: usize) -> Column {
    Column::Text(std::iter::repeat_n(value, n_rows).collect())
}

/// The state of each row from protocol, flags and packets, where both directions are known.
pub(crate) fn states(mapped: &Mapped, n_rows: usize) -> TextColumn {
    let at = |flow: Flow, row_idx: usize| {
        mapped.int(flow).and_then(|values| values.get(row_idx)).copied().unwrap_or(MISSING_INT)
    };
    let mut texts = TextColumn::with_capacity(n_rows, n_rows * 3);
    for row_idx in 0..n_rows {
        let (flags, reverse_flags) = (at(Flow::Flags, row_idx), at(Flow::ReverseFlags, row_idx));
        let (packets, reverse) = (at(Flow::Packets, row_idx), at(Flow::ReversePackets, row_idx));
        let protocol = at(Flow::Protocol, row_idx);
        texts.push(if protocol == 6 {
            match (flags, reverse_flags) {
                (MISSING_INT, _) | (_, MISSING_INT) => "",
                (flags, reverse) => state::of_tcp(flags, reverse),
            }
        } else if packets == MISSING_INT || reverse == MISSING_INT || protocol == MISSING_INT {
            ""
        } else {
            state::of_packets(packets, reverse)
        });
    }
    texts
}

/// Numbers of the DNS record types that logs name.
const DNS_TYPES: [(&str, i64); 26] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("NULL", 10),
    ("WKS", 11),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("KEY", 25),
    ("AAAA", 28),
    ("LOC", 29),
    ("NB", 32),
    ("NBSTAT", 33),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DS", 43),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("AXFR", 252),
    ("ANY", 255),
    ("*", 255),
];

/// The number of a DNS record type.
pub(crate) fn dns_type(text: &str) -> i64 {
    let number = text.strip_prefix("TYPE").unwrap_or(text).parse::<u16>().ok().map(i64::from);
    let named =
        || DNS_TYPES.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    number.or_else(named).unwrap_or(MISSING_INT)
}

/// Names of DNS response codes, in the order of their numbers.
const DNS_CODES: [&str; 11] = [
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET",
    "NOTAUTH", "NOTZONE",
];

/// The number of a DNS response code.
pub(crate) fn dns_code(text: &str) -> i64 {
    let number = text.parse::<u16>().ok().map(i64::from);
    let named = || {
        DNS_CODES
            .iter()
            .position(|name| text.eq_ignore_ascii_case(name))
            .and_then(|at| i64::try_from(at).ok())
    };
    number.or_else(named).unwrap_or(MISSING_INT)
}

/// Exchanges the ends of the rows at `swapped`.
pub(crate) fn swap_ends(mapped: &mut Mapped, swapped: &[bool]) {
    for (a, b) in [
        (Flow::Source, Flow::Destination),
        (Flow::SourcePort, Flow::DestinationPort),
        (Flow::Octets, Flow::ReverseOctets),
        (Flow::Packets, Flow::ReversePackets),
        (Flow::Flags, Flow::ReverseFlags),
        (Flow::SourceMac, Flow::DestinationMac),
    ] {
        match (mapped.take(a), mapped.take(b)) {
            (Some(Column::Int(mut first)), Some(Column::Int(mut second))) => {
                for ((one, other), swap) in first.iter_mut().zip(&mut second).zip(swapped) {
                    if *swap {
                        std::mem::swap(one, other);
                    }
                }
                mapped.set(a, Some(Column::Int(first)));
                mapped.set(b, Some(Column::Int(second)));
            }
            (Some(Column::Text(first)), Some(Column::Text(second))) => {
                let pick = |other: bool| -> TextColumn {
                    swapped
                        .iter()
                        .enumerate()
                        .map(
                            |(row_idx, swap)| {
                                if *swap == other { first.get(row_idx) } else { second.get(row_idx) }
                            },
                        )
                        .collect()
                };
                mapped.set(a, Some(Column::Text(pick(false))));
                mapped.set(b, Some(Column::Text(pick(true))));
            }
            (first, second) => {
                mapped.set(a, first);
                mapped.set(b, second);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_have_their_numbers_by_name_and_by_number() {
        for (text, expect) in [("tcp", 6), ("UDP", 17), ("6", 6), ("256", MISSING_INT), ("arp", MISSING_INT)]
        {
            assert_eq!(protocol(text), expect, "{text}");
        }
        assert_eq!(dns_type("AAAA"), 28);
        assert_eq!(dns_type("TYPE65"), 65);
        assert_eq!(dns_code("NXDOMAIN"), 3);
    }

    #[test]
    fn addresses_have_one_spelling() {
        assert_eq!(address("FE80:0000:0000:0000:0000:0000:0000:0001"), "fe80::1");
        assert_eq!(address("10.0.0.1"), "10.0.0.1");
        assert_eq!(address("00:15:17:2c:d2:52"), "00:15:17:2c:d2:52");
        assert_eq!(address("-"), "");
    }
}
