//! Flows as Zeek's conn.log.

use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

use eddy_frame::{Column, Frame, Schema};

use super::Sink;
use super::cells::push_whole;
use super::ordered::Ordered;

/// Columns that a table must have to be written as a connection log.
const NEEDED: [&str; 3] = ["flowStartMilliseconds", "sourceAddress", "destinationAddress"];

/// The fields of a connection log, with their types.
const FIELDS: [(&str, &str); 21] = [
    ("ts", "time"),
    ("uid", "string"),
    ("id.orig_h", "addr"),
    ("id.orig_p", "port"),
    ("id.resp_h", "addr"),
    ("id.resp_p", "port"),
    ("proto", "enum"),
    ("service", "string"),
    ("duration", "interval"),
    ("orig_bytes", "count"),
    ("resp_bytes", "count"),
    ("conn_state", "string"),
    ("local_orig", "bool"),
    ("local_resp", "bool"),
    ("missed_bytes", "count"),
    ("history", "string"),
    ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"),
    ("resp_pkts", "count"),
    ("resp_ip_bytes", "count"),
    ("tunnel_parents", "set[string]"),
];

/// What a table lacks to be a connection log, if it lacks something.
pub(super) fn lacks(schema: &Schema) -> Option<String> {
    let lacking: Vec<&str> = NEEDED.into_iter().filter(|name| schema.index_of(name).is_none()).collect();
    (!lacking.is_empty()).then(|| {
        format!(
            "a connection log holds flows, and the table has no {}; use one of the other endings",
            lacking.join(", ")
        )
    })
}

/// Writes flows as Zeek's conn.log, in its own tab-separated form.
///
/// Octets are bytes of IP (`orig_ip_bytes`); `orig_bytes` is unset. Identifiers count the rows. The history lists the TCP
/// flags seen, the opener's in capitals, in the order of a usual connection: in which order they came is not known.
#[derive(Debug)]
pub(super) struct ConnLog {
    places: Places,
    first_row: u64,
    wrote_header: bool,
    ordered: Ordered,
}

impl ConnLog {
    /// A log of tables of the given schema.
    pub(super) fn new(schema: &Arc<Schema>) -> Self {
        Self { places: Places::of(schema), first_row: 0, wrote_header: false, ordered: Ordered::default() }
    }

    fn header(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        if std::mem::replace(&mut self.wrote_header, true) {
            return Ok(());
        }
        let label = self.places.label.map(|_| ("label", "string"));
        let fields: Vec<(&str, &str)> = FIELDS.into_iter().chain(label).collect();
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let types: Vec<&str> = fields.iter().map(|(_, kind)| *kind).collect();
        write!(
            out,
            "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\t{}\n#types\t{}\n",
            names.join("\t"),
            types.join("\t")
        )
    }
}

impl Sink for ConnLog {
    fn write(&mut self, frame: &Frame, out: &mut dyn Write) -> std::io::Result<()> {
        self.header(out)?;
        let (places, first) = (&self.places, self.first_row);
        self.first_row += frame.n_rows() as u64;
        self.ordered.write(frame.n_rows(), out, |rows, line| places.push_rows(frame, rows, first, line))
    }

    fn finish(&mut self, out: &mut dyn Write) -> std::io::Result<()> {
        self.header(out)
    }
}

/// Where the columns of a flow stand.
#[derive(Debug, Clone)]
struct Places {
    start: Option<usize>,
    duration: Option<usize>,
    source: Option<usize>,
    destination: Option<usize>,
    source_port: Option<usize>,
    destination_port: Option<usize>,
    protocol: Option<usize>,
    octets: Option<usize>,
    packets: Option<usize>,
    reverse_octets: Option<usize>,
    reverse_packets: Option<usize>,
    flags: Option<usize>,
    reverse_flags: Option<usize>,
    state: Option<usize>,
    application: Option<usize>,
    icmp: Option<usize>,
    label: Option<usize>,
}

impl Places {
    fn of(schema: &Schema) -> Self {
        let at = |name: &str| schema.index_of(name);
        Self {
            start: at("flowStartMilliseconds"),
            duration: at("flowDurationMilliseconds"),
            source: at("sourceAddress"),
            destination: at("destinationAddress"),
            source_port: at("sourceTransportPort"),
            destination_port: at("destinationTransportPort"),
            protocol: at("protocolIdentifier"),
            octets: at("octetDeltaCount"),
            packets: at("packetDeltaCount"),
            reverse_octets: at("reverseOctetDeltaCount"),
            reverse_packets: at("reversePacketDeltaCount"),
            flags: at("tcpControlBits"),
            reverse_flags: at("reverseTcpControlBits"),
            state: at("connectionState"),
            application: at("applicationName"),
            icmp: at("icmpTypeCodeIPv4"),
            label: at("label"),
        }
    }

    fn push_rows(&self, frame: &Frame, rows: Range<usize>, first: u64, line: &mut Vec<u8>) {
        for row_idx in rows {
            let whole = |place: Option<usize>| whole(frame, place, row_idx);
            let protocol = whole(self.protocol);
            let icmp = whole(self.icmp).filter(|_| protocol == Some(1));
            let (from, to) = match icmp {
                Some(code) => (Some(code / 256), Some(code % 256)),
                None => (whole(self.source_port).or(Some(0)), whole(self.destination_port).or(Some(0))),
            };
            push_micros(line, whole(self.start).map(|nanos| nanos.div_euclid(1000)));
            line.push(b'\t');
            push_uid(line, first + row_idx as u64);
            line.push(b'\t');
            push_text(line, frame, self.source, row_idx);
            push_count(line, from);
            push_text(line, frame, self.destination, row_idx);
            push_count(line, to);
            line.extend_from_slice(match protocol {
                Some(6) => b"tcp\t",
                Some(17) => b"udp\t",
                Some(1 | 58) => b"icmp\t",
                _ => b"unknown_transport\t",
            });
            push_text(line, frame, self.application, row_idx);
            let millis =
                self.duration.and_then(|at| frame.columns().get(at)).map(|column| column.number(row_idx));
            let micros =
                millis.filter(|millis| millis.abs() < 9e15).map(|millis| (millis * 1e3).round() as i64);
            push_micros(line, micros);
            line.extend_from_slice(b"\t-\t-\t");
            push_text(line, frame, self.state, row_idx);
            line.extend_from_slice(b"-\t-\t0\t");
            push_history(line, whole(self.flags).unwrap_or(0), whole(self.reverse_flags).unwrap_or(0));
            push_count(line, whole(self.packets));
            push_count(line, whole(self.octets));
            push_count(line, whole(self.reverse_packets));
            push_count(line, whole(self.reverse_octets));
            line.push(b'-');
            if self.label.is_some() {
                line.push(b'\t');
                push_text(line, frame, self.label, row_idx);
                line.pop();
            }
            line.push(b'\n');
        }
    }
}

/// A whole number, whatever kind its column has.
fn whole(frame: &Frame, place: Option<usize>, row_idx: usize) -> Option<i64> {
    match frame.columns().get(place?)? {
        Column::Int(values) | Column::Time(values) => {
            values.get(row_idx).copied().filter(|value| *value != i64::MIN)
        }
        Column::Float(values) => {
            values.get(row_idx).copied().filter(|value| value.abs() < 9e15).map(|value| value as i64)
        }
        Column::Text(texts) if row_idx < texts.len() => texts.get(row_idx).parse().ok(),
        Column::Text(_) => None,
    }
}

/// Millionths of a second as seconds.
fn push_micros(line: &mut Vec<u8>, micros: Option<i64>) {
    let Some(micros) = micros else {
        line.push(b'-');
        return;
    };
    if micros < 0 {
        line.push(b'-');
    }
    let micros = micros.unsigned_abs();
    line.extend_from_slice(format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000).as_bytes());
}

/// An identifier in Zeek's letters that counts the rows.
fn push_uid(line: &mut Vec<u8>, row: u64) {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    line.push(b'C');
    let mut left = row;
    for _ in 0..11 {
        line.push(LETTERS.get((left % 62) as usize).copied().unwrap_or(b'0'));
        left /= 62;
    }
}

fn push_count(line: &mut Vec<u8>, value: Option<i64>) {
    match value {
        Some(value) => push_whole(line, value),
        None => line.push(b'-'),
    }
    line.push(b'\t');
}

/// A text and a tab; what would end the cell is written as Zeek does, and an empty text as unset.
fn push_text(line: &mut Vec<u8>, frame: &Frame, place: Option<usize>, row_idx: usize) {
    let text = place.and_then(|at| frame.columns().get(at)?.as_text()).map_or("", |texts| texts.get(row_idx));
    match text {
        "" => line.push(b'-'),
        "-" => line.extend_from_slice(b"\\x2d"),
        text => {
            for byte in text.bytes() {
                match byte {
                    b'\t' | b'\n' | b'\r' | b'\\' => {
                        line.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
                    }
                    byte => line.push(byte),
                }
            }
        }
    }
    line.push(b'\t');
}

/// The flags of both ends, as letters.
fn push_history(line: &mut Vec<u8>, opener: i64, other: i64) {
    let start = line.len();
    let (fin, syn, rst, ack) = (1, 2, 4, 16);
    let mut letter = |seen: bool, letter: u8| {
        if seen {
            line.push(letter);
        }
    };
    letter(opener & syn != 0, b'S');
    letter(other & syn != 0, if other & ack != 0 { b'h' } else { b's' });
    letter(opener & ack != 0, b'A');
    letter(other & ack != 0 && other & syn == 0, b'a');
    letter(opener & fin != 0, b'F');
    letter(other & fin != 0, b'f');
    letter(opener & rst != 0, b'R');
    letter(other & rst != 0, b'r');
    if line.len() == start {
        line.push(b'-');
    }
    line.push(b'\t');
}
