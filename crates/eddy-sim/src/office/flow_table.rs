//! Flows as a table with the columns of IPFIX.

use std::sync::Arc;

use eddy_frame::{Column, Field, Frame, Kind, MISSING_INT, Role, Schema, TextColumn};

use super::behaviour::Behaviour;
use super::flow::{Detail, Flow, Transport};
use crate::Label;
use crate::table::field;

/// Rows of one batch.
const BATCH_ROWS: usize = 65_536;
/// The label of normal flows.
const NORMAL: &str = "normal";

/// Flows being put into columns. ARP is left out: it is no flow.
#[derive(Debug)]
pub struct FlowTable {
    schema: Arc<Schema>,
    label: Label,
    /// The name of each event.
    names: Vec<Behaviour>,
    rows: Rows,
    written: u64,
}

#[derive(Debug, Default)]
struct Rows {
    starts: Vec<i64>,
    durations: Vec<f64>,
    ints: [Vec<i64>; 12],
    texts: [TextColumn; 12],
}

/// Positions among the whole numbers of a row.
mod int {
    pub(super) const SOURCE_PORT: usize = 0;
    pub(super) const PROTOCOL: usize = 2;
    pub(super) const OCTETS: usize = 3;
    pub(super) const FLAGS: usize = 7;
    pub(super) const DNS_TYPE: usize = 9;
    pub(super) const DNS_CODE: usize = 10;
    pub(super) const ICMP: usize = 11;
}

/// The columns in their order: name, kind, role, unit, position among those of its kind.
const COLUMNS: &[(&str, Kind, Role, &str, usize)] = &[
    ("flowStartMilliseconds", Kind::Time, Role::Time, "", 0),
    ("flowDurationMilliseconds", Kind::Float, Role::Feature, "ms", 0),
    ("sourceAddress", Kind::Text, Role::Entity, "", 0),
    ("destinationAddress", Kind::Text, Role::Identifier, "", 1),
    ("sourceTransportPort", Kind::Int, Role::Identifier, "", int::SOURCE_PORT),
    ("destinationTransportPort", Kind::Int, Role::Category, "", 1),
    ("protocolIdentifier", Kind::Int, Role::Category, "", int::PROTOCOL),
    ("octetDeltaCount", Kind::Int, Role::Feature, "bytes", int::OCTETS),
    ("packetDeltaCount", Kind::Int, Role::Feature, "packets", 4),
    ("reverseOctetDeltaCount", Kind::Int, Role::Feature, "bytes", 5),
    ("reversePacketDeltaCount", Kind::Int, Role::Feature, "packets", 6),
    ("tcpControlBits", Kind::Int, Role::Category, "", int::FLAGS),
    ("reverseTcpControlBits", Kind::Int, Role::Category, "", 8),
    ("connectionState", Kind::Text, Role::Category, "", 2),
    ("applicationName", Kind::Text, Role::Category, "", 3),
    ("dnsQueryName", Kind::Text, Role::Identifier, "", 4),
    ("dnsQueryType", Kind::Int, Role::Category, "", int::DNS_TYPE),
    ("dnsResponseCode", Kind::Int, Role::Category, "", int::DNS_CODE),
    ("tlsServerName", Kind::Text, Role::Identifier, "", 5),
    ("httpRequestHost", Kind::Text, Role::Identifier, "", 6),
    ("httpRequestTarget", Kind::Text, Role::Identifier, "", 7),
    ("httpUserAgent", Kind::Text, Role::Identifier, "", 8),
    ("sourceMacAddress", Kind::Text, Role::Identifier, "", 9),
    ("destinationMacAddress", Kind::Text, Role::Identifier, "", 10),
    ("icmpTypeCodeIPv4", Kind::Int, Role::Category, "", int::ICMP),
    ("label", Kind::Text, Role::Label, "", 11),
];

impl FlowTable {
    /// A table for flows of the given events, in their order.
    pub fn new(events: &[super::BehaviourEvent], label: Label) -> Self {
        let n_columns = COLUMNS.len() - usize::from(label == Label::None);
        let fields: Vec<Field> = COLUMNS[..n_columns]
            .iter()
            .map(|(name, kind, role, unit, _)| field(name, *kind, *role, unit))
            .collect();
        let names = events.iter().map(|event| event.kind).collect();
        Self { schema: Arc::new(Schema { fields }), label, names, rows: Rows::default(), written: 0 }
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Adds a flow. Answers 65,536 rows when there are so many.
    pub fn push(&mut self, flow: &Flow) -> Option<Frame> {
        let protocol = flow.transport.number()?;
        let totals = flow.totals();
        let rows = &mut self.rows;
        rows.starts.push(flow.start_ns);
        rows.durations.push(totals.duration_us as f64 / 1_000.0);
        let is_icmp = flow.transport == Transport::Icmp;
        let known = |holds: bool, value: i64| if holds { value } else { MISSING_INT };
        let is_tcp = flow.transport == Transport::Tcp;
        let (mut dns, mut tls, mut http) = (("", MISSING_INT, MISSING_INT), "", ["", "", ""]);
        match &flow.detail {
            Detail::Dns { name, kind, code, .. } => {
                dns = (name, i64::from(*kind), known(*code < 16, i64::from(*code)));
            }
            Detail::Tls { server_name, .. } => tls = server_name,
            Detail::Http { host, target, agent } => http = [host, target, agent],
            Detail::None | Detail::Arp { .. } => {}
        }
        let ints = [
            known(!is_icmp, i64::from(flow.source_port)),
            known(!is_icmp, i64::from(flow.destination_port)),
            i64::from(protocol),
            totals.ip_bytes[0] as i64,
            totals.packets[0] as i64,
            totals.ip_bytes[1] as i64,
            totals.packets[1] as i64,
            known(is_tcp, i64::from(totals.flags[0])),
            known(is_tcp && totals.packets[1] > 0, i64::from(totals.flags[1])),
            dns.1,
            dns.2,
            known(is_icmp, 8 << 8),
        ];
        rows.ints.iter_mut().zip(ints).for_each(|(column, value)| column.push(value));
        let [source, destination] = [flow.source, flow.destination].map(|address| address.to_string());
        let [source_mac, destination_mac] = flow.links[0].map(mac_text);
        let label = match flow.truth {
            0 => NORMAL,
            truth => self.names.get(usize::from(truth) - 1).map_or(NORMAL, |behaviour| behaviour.name()),
        };
        let texts = [
            &source,
            &destination,
            flow.state(),
            flow.application,
            dns.0,
            tls,
            http[0],
            http[1],
            http[2],
            &source_mac,
            &destination_mac,
            label,
        ];
        rows.texts.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
        (rows.starts.len() >= BATCH_ROWS).then(|| self.batch()).flatten()
    }

    /// The rows that are left, if any.
    pub fn finish(&mut self) -> Option<Frame> {
        self.batch()
    }

    fn batch(&mut self) -> Option<Frame> {
        let rows = std::mem::take(&mut self.rows);
        if rows.starts.is_empty() {
            return None;
        }
        let n_rows = rows.starts.len() as u64;
        let mut ints = rows.ints.map(Some);
        let mut texts = rows.texts.map(Some);
        let (mut starts, mut durations) = (Some(rows.starts), Some(rows.durations));
        let columns: Vec<Column> = COLUMNS[..self.schema.fields.len()]
            .iter()
            .map(|(_, kind, _, _, at)| match kind {
                Kind::Time => Column::Time(starts.take().unwrap_or_default()),
                Kind::Float => Column::Float(durations.take().unwrap_or_default()),
                Kind::Int => Column::Int(ints[*at].take().unwrap_or_default()),
                Kind::Text => Column::Text(texts[*at].take().unwrap_or_default()),
            })
            .collect();
        let mut frame =
            Frame::new(self.schema.clone(), columns).expect("every flow fills the columns that are named");
        frame.first_row = self.written;
        self.written += n_rows;
        Some(frame)
    }

    /// Whether the table has a label column.
    pub fn label(&self) -> Label {
        self.label
    }
}

/// A hardware address as text.
pub(crate) fn mac_text(mac: u64) -> String {
    let [_, _, a, b, c, d, e, f] = mac.to_be_bytes();
    format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
}
