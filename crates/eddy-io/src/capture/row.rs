//! A row, and rows to columns.

use std::net::IpAddr;
use std::sync::Arc;

use eddy_flow::Biflow;
use eddy_flow::features::Feature;
use eddy_frame::{Column, Kind, MISSING_INT, TextColumn};
use eddy_wire::protocol;

use super::details::{Details, DnsCounts, Kept};
use crate::flowlog::column::Flow;
use crate::flowlog::state::{of_packets, of_tcp};
use crate::raw::RawColumn;

/// What is known of a flow.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub start_ns: i64,
    pub end_ns: i64,
    pub source: IpAddr,
    pub destination: IpAddr,
    /// Of the source and of the destination, where the protocol has ports.
    pub ports: Option<(u16, u16)>,
    pub protocol: u8,
    pub octets: u64,
    pub packets: u64,
    /// Bytes and packets of the other direction; none where it is not known whether there are any.
    pub reverse: Option<(u64, u64)>,
    pub flags: Option<u16>,
    pub reverse_flags: Option<u16>,
    pub state: &'static str,
    pub details: Option<Arc<Details>>,
    pub application: &'static str,
    pub macs: Option<([u8; 6], [u8; 6])>,
    pub icmp: Option<u16>,
    pub domain: Option<u32>,
    pub sampling: Option<u32>,
    /// Features of the catalogue, where they are wanted and the packets were seen.
    pub features: Option<Box<[f64]>>,
}

impl Row {
    /// The row of a flow and what was kept of it.
    pub(super) fn of(flow: &Biflow, kept: &Kept) -> Self {
        let is_tcp = flow.protocol_identifier == protocol::TCP;
        let (flags, reverse_flags) = (flow.forward.tcp_control_bits, flow.reverse.tcp_control_bits);
        Self {
            start_ns: flow.flow_start_ns,
            end_ns: flow.flow_end_ns,
            source: flow.source_address(),
            destination: flow.destination_address(),
            ports: has_ports(flow.protocol_identifier)
                .then_some((flow.source_transport_port, flow.destination_transport_port)),
            protocol: flow.protocol_identifier,
            octets: flow.forward.octet_delta_count,
            packets: flow.forward.packet_delta_count,
            reverse: Some((flow.reverse.octet_delta_count, flow.reverse.packet_delta_count)),
            flags: is_tcp.then_some(flags),
            reverse_flags: is_tcp.then_some(reverse_flags),
            state: if is_tcp {
                of_tcp(flags.into(), reverse_flags.into())
            } else {
                let packets = [flow.forward, flow.reverse].map(|way| way.packet_delta_count.cast_signed());
                of_packets(packets[0], packets[1])
            },
            details: kept.details.clone(),
            application: kept.application,
            macs: kept.macs(),
            icmp: (flow.protocol_identifier == protocol::ICMP).then_some(flow.icmp_type_code),
            domain: kept.domain,
            sampling: kept.sampling,
            features: None,
        }
    }
}

/// Whether a protocol over IP has ports.
pub(super) fn has_ports(number: u8) -> bool {
    matches!(number, protocol::TCP | protocol::UDP | protocol::UDP_LITE | protocol::SCTP | protocol::DCCP)
}

/// How a value is taken out of a row.
enum Get {
    Time(fn(&Row) -> i64),
    Float(fn(&Row) -> f64),
    Int(fn(&Row) -> Option<i64>),
    Text(fn(&Row, &mut String)),
}

/// The columns, in the order that all sources of flows share.
const COLUMNS: [(Flow, Get); 32] = [
    (Flow::Start, Get::Time(|row| row.start_ns)),
    (Flow::Duration, Get::Float(|row| row.end_ns.saturating_sub(row.start_ns) as f64 / 1e6)),
    (Flow::Source, Get::Text(|row, text| address(text, row.source))),
    (Flow::Destination, Get::Text(|row, text| address(text, row.destination))),
    (Flow::SourcePort, Get::Int(|row| row.ports.map(|(port, _)| port.into()))),
    (Flow::DestinationPort, Get::Int(|row| row.ports.map(|(_, port)| port.into()))),
    (Flow::Protocol, Get::Int(|row| Some(row.protocol.into()))),
    (Flow::Octets, Get::Int(|row| Some(row.octets.cast_signed()))),
    (Flow::Packets, Get::Int(|row| Some(row.packets.cast_signed()))),
    (Flow::ReverseOctets, Get::Int(|row| row.reverse.map(|(octets, _)| octets.cast_signed()))),
    (Flow::ReversePackets, Get::Int(|row| row.reverse.map(|(_, packets)| packets.cast_signed()))),
    (Flow::Flags, Get::Int(|row| row.flags.map(i64::from))),
    (Flow::ReverseFlags, Get::Int(|row| row.reverse_flags.map(i64::from))),
    (Flow::State, Get::Text(|row, text| text.push_str(row.state))),
    (Flow::Application, Get::Text(|row, text| text.push_str(row.application))),
    (Flow::DnsName, Get::Text(|row, text| detail(row, text, |details| &details.dns_name))),
    (Flow::DnsType, Get::Int(|row| row.details.as_ref()?.dns_type.map(i64::from))),
    (Flow::DnsCode, Get::Int(|row| row.details.as_ref()?.dns_code.map(i64::from))),
    (Flow::DnsQueries, Get::Int(|row| asked(row).map(|dns| dns.queries.into()))),
    (Flow::DnsNames, Get::Int(|row| asked(row).map(|dns| dns.names.into()))),
    (Flow::DnsEntropyLength, Get::Int(|row| asked(row).map(|dns| dns.entropy_length.into()))),
    (Flow::DnsEntropy, Get::Float(|row| asked(row).map_or(f64::NAN, |dns| dns.entropy))),
    (Flow::TlsName, Get::Text(|row, text| detail(row, text, |details| &details.tls_name))),
    (Flow::TlsJa4, Get::Text(|row, text| detail(row, text, |details| &details.tls_ja4))),
    (Flow::HttpHost, Get::Text(|row, text| detail(row, text, |details| &details.http_host))),
    (Flow::HttpTarget, Get::Text(|row, text| detail(row, text, |details| &details.http_target))),
    (Flow::HttpAgent, Get::Text(|row, text| detail(row, text, |details| &details.http_agent))),
    (Flow::SourceMac, Get::Text(|row, text| mac(text, row.macs.map(|(mac, _)| mac)))),
    (Flow::DestinationMac, Get::Text(|row, text| mac(text, row.macs.map(|(_, mac)| mac)))),
    (Flow::Icmp, Get::Int(|row| row.icmp.map(i64::from))),
    (Flow::Domain, Get::Int(|row| row.domain.map(i64::from))),
    (Flow::Sampling, Get::Int(|row| row.sampling.map(i64::from))),
];

/// An address, without the detour through formatting where it is of version 4: there are two in each row.
fn address(text: &mut String, address: IpAddr) {
    use std::fmt::Write as _;
    let v4 = match address {
        IpAddr::V4(v4) => v4,
        IpAddr::V6(v6) => {
            // Writing to a string cannot fail.
            let _ = write!(text, "{v6}");
            return;
        }
    };
    for (at, byte) in v4.octets().into_iter().enumerate() {
        if at > 0 {
            text.push('.');
        }
        let digit = |value: u8| char::from(b'0' + value % 10);
        if byte >= 100 {
            text.push(digit(byte / 100));
        }
        if byte >= 10 {
            text.push(digit(byte / 10));
        }
        text.push(digit(byte));
    }
}

/// What was asked for, in flows of DNS.
fn asked(row: &Row) -> Option<&DnsCounts> {
    row.details.as_ref().map(|details| &details.dns).filter(|dns| dns.queries > 0)
}

fn detail(row: &Row, text: &mut String, of: fn(&Details) -> &str) {
    if let Some(details) = &row.details {
        text.push_str(of(details));
    }
}

fn mac(text: &mut String, mac: Option<[u8; 6]>) {
    let digit = |value: u8| char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 });
    for (at, byte) in mac.into_iter().flatten().enumerate() {
        if at > 0 {
            text.push(':');
        }
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
}

/// What the columns are.
pub(super) fn raw_columns() -> Vec<RawColumn> {
    let of = |(flow, _): &(Flow, Get)| RawColumn::new(flow.name(), flow.kind());
    COLUMNS.iter().map(of).collect()
}

/// The values of rows, column by column.
pub(super) fn columns(rows: &[&Row]) -> Vec<Column> {
    let of = |(_, get): &(Flow, Get)| match get {
        Get::Time(get) => Column::Time(rows.iter().map(|row| get(row)).collect()),
        Get::Float(get) => Column::Float(rows.iter().map(|row| get(row)).collect()),
        Get::Int(get) => Column::Int(rows.iter().map(|row| get(row).unwrap_or(MISSING_INT)).collect()),
        Get::Text(get) => {
            let mut texts = TextColumn::with_capacity(rows.len(), rows.len() * 8);
            let mut text = String::new();
            for row in rows {
                text.clear();
                get(row, &mut text);
                texts.push(&text);
            }
            Column::Text(texts)
        }
    };
    COLUMNS.iter().map(of).collect()
}

/// What the columns of features are.
pub(super) fn feature_column(feature: &Feature) -> RawColumn {
    let kind = if feature.is_whole { Kind::Int } else { Kind::Float };
    let unit = (!feature.unit.is_empty()).then(|| feature.unit.to_owned());
    RawColumn { unit, ..RawColumn::new(feature.name, kind) }
}

/// The features of rows, column by column.
pub(super) fn feature_values(rows: &[&Row], wanted: &[&Feature]) -> Vec<Column> {
    let empty = |feature: &&Feature| {
        if feature.is_whole {
            Column::Int(Vec::with_capacity(rows.len()))
        } else {
            Column::Float(Vec::with_capacity(rows.len()))
        }
    };
    let mut columns: Vec<Column> = wanted.iter().map(empty).collect();
    for row in rows {
        let values = row.features.as_deref().unwrap_or_default();
        let values = values.iter().copied().chain(std::iter::repeat(f64::NAN));
        for (column, value) in columns.iter_mut().zip(values) {
            match column {
                Column::Int(whole) => whole.push(if value.is_nan() { MISSING_INT } else { value as i64 }),
                Column::Float(floats) => floats.push(value),
                Column::Time(_) | Column::Text(_) => {}
            }
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_library_writes_them() {
        for v4 in ["0.0.0.0", "10.20.1.13", "255.255.255.255", "100.9.99.1"] {
            let mut text = String::new();
            address(&mut text, v4.parse().unwrap());
            assert_eq!(text, v4);
        }
        let mut text = String::new();
        address(&mut text, "2001:db8::1".parse().unwrap());
        text.push(' ');
        mac(&mut text, Some([0, 0x1a, 0xff, 9, 0xa0, 0x10]));
        mac(&mut text, None);
        assert_eq!(text, "2001:db8::1 00:1a:ff:09:a0:10");
    }
}
