//! Flows as the records a router exports: NetFlow version 5 (Cisco) and version 9 (RFC 3954).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr};

use eddy_frame::NANOS_PER_SECOND;

use super::flow::{Flow, Transport};
use super::frame_bytes::Sum;

/// After so long a record is exported although its flow goes on.
const ACTIVE_TIMEOUT_US: u64 = 1_800_000_000;
/// The router had been up for so long when the traffic began.
const UP_BEFORE_MS: i64 = 86_400_000;
/// Records of one datagram.
const RECORDS: usize = 24;
/// A datagram is sent after so long although it is not full.
const FLUSH_NS: i64 = 2 * NANOS_PER_SECOND;
/// Datagrams from one template to the next.
const TEMPLATE_EVERY: u32 = 20;
/// The template of records with addresses of four bytes.
const TEMPLATE_V4: u16 = 256;
/// The template of records with addresses of sixteen bytes.
const TEMPLATE_V6: u16 = 257;
/// The port of the collector.
const COLLECTOR_PORT: u16 = 2_055;
/// Fields of version 9 besides the addresses: type and bytes, in the order in which they are written.
const FIELDS: [(u16, u16); 9] = [(22, 4), (21, 4), (1, 8), (2, 8), (7, 2), (11, 2), (4, 1), (6, 1), (32, 2)];

/// Which protocol the router speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetflowVersion {
    /// Fixed records, IPv4 only.
    V5,
    /// Records described by templates.
    #[default]
    V9,
}

/// One direction of a flow, or of a part of one that goes on for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    end_ns: i64,
    start_ns: i64,
    order: u64,
    source: IpAddr,
    destination: IpAddr,
    ports: (u16, u16),
    protocol: u8,
    flags: u8,
    icmp: u16,
    packets: u64,
    bytes: u64,
}

/// A router that keeps the flows it sees and exports them as they end.
#[derive(Debug)]
pub struct NetflowExporter {
    version: NetflowVersion,
    boot_ns: Option<i64>,
    open: BinaryHeap<Reverse<Record>>,
    ready: Vec<Record>,
    pushed: u64,
    datagrams: u32,
    sequence: u32,
    /// Records of IPv6 that version 5 cannot carry.
    left_out: u64,
    written: u64,
}

/// A datagram of the router and when it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// The moment, in nanoseconds since the epoch.
    pub at_ns: i64,
    /// The payload of the UDP packet.
    pub bytes: Vec<u8>,
}

impl NetflowExporter {
    /// A router that was switched on a day before its first flow.
    pub fn new(version: NetflowVersion) -> Self {
        Self {
            version,
            boot_ns: None,
            open: BinaryHeap::new(),
            ready: Vec::new(),
            pushed: 0,
            datagrams: 0,
            sequence: 0,
            left_out: 0,
            written: 0,
        }
    }

    /// Records of IPv6 flows that were left out, as version 5 cannot carry them.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Records written so far.
    pub fn records(&self) -> u64 {
        self.written
    }

    /// Takes a flow, no earlier than the one before, and gives the datagrams sent until it starts.
    pub fn push(&mut self, flow: &Flow) -> Vec<Datagram> {
        self.boot_ns.get_or_insert(flow.start_ns - UP_BEFORE_MS * 1_000_000);
        let out = self.advance(flow.start_ns);
        self.split(flow);
        out
    }

    /// Gives the datagrams of everything that is still open.
    pub fn finish(&mut self) -> Vec<Datagram> {
        let mut out = self.advance(i64::MAX);
        if let Some(last) = self.ready.last() {
            let at_ns = last.end_ns;
            out.extend(self.send(at_ns));
        }
        out
    }

    /// Sends what ended before a moment.
    fn advance(&mut self, now_ns: i64) -> Vec<Datagram> {
        let mut out = Vec::new();
        while let Some(&Reverse(record)) = self.open.peek() {
            if record.end_ns >= now_ns {
                break;
            }
            self.open.pop();
            if let Some(first) = self.ready.first()
                && record.end_ns - first.end_ns > FLUSH_NS
            {
                let at_ns = first.end_ns + FLUSH_NS;
                out.extend(self.send(at_ns));
            }
            self.ready.push(record);
            if self.ready.len() >= RECORDS {
                out.extend(self.send(record.end_ns));
            }
        }
        out
    }

    /// Both directions of a flow, in parts no longer than the active timeout.
    fn split(&mut self, flow: &Flow) {
        let Some(protocol) = flow.transport.number() else { return };
        let totals = flow.totals();
        let is_icmp = flow.transport == Transport::Icmp;
        for side in 0..2 {
            let packets = totals.packets[side];
            if packets == 0 {
                continue;
            }
            let (source, destination, mut ports) = if side == 0 {
                (flow.source, flow.destination, (flow.source_port, flow.destination_port))
            } else {
                (flow.destination, flow.source, (flow.destination_port, flow.source_port))
            };
            let icmp = if is_icmp && side == 0 { 8 << 8 } else { 0 };
            if is_icmp {
                // Routers put type and code where the destination's port would be.
                ports = (0, icmp);
            }
            let parts = (totals.duration_us / ACTIVE_TIMEOUT_US + 1).min(packets);
            let part_us = totals.duration_us / parts;
            let share = |total: u64, part: u64| total * (part + 1) / parts - total * part / parts;
            for part in 0..parts {
                let start_ns = flow.start_ns + (part * part_us * 1_000) as i64;
                let end_us = if part + 1 == parts { totals.duration_us } else { (part + 1) * part_us };
                self.pushed += 1;
                self.open.push(Reverse(Record {
                    end_ns: flow.start_ns + (end_us * 1_000) as i64,
                    start_ns,
                    order: self.pushed,
                    source,
                    destination,
                    ports,
                    protocol,
                    flags: totals.flags[side],
                    icmp,
                    packets: share(packets, part),
                    bytes: share(totals.ip_bytes[side], part),
                }));
            }
        }
    }

    fn up_ms(&self, at_ns: i64) -> u32 {
        ((at_ns - self.boot_ns.unwrap_or(at_ns)) / 1_000_000) as u32
    }

    /// One datagram of all records that are ready; nothing where none of them can be carried.
    fn send(&mut self, at_ns: i64) -> Option<Datagram> {
        let records = std::mem::take(&mut self.ready);
        let bytes = match self.version {
            NetflowVersion::V5 => self.version_5(at_ns, &records)?,
            NetflowVersion::V9 => self.version_9(at_ns, &records),
        };
        self.datagrams += 1;
        Some(Datagram { at_ns, bytes })
    }

    fn version_5(&mut self, at_ns: i64, records: &[Record]) -> Option<Vec<u8>> {
        let carried: Vec<(&Record, Ipv4Addr, Ipv4Addr)> = records
            .iter()
            .filter_map(|record| match (record.source, record.destination) {
                (IpAddr::V4(a), IpAddr::V4(b)) => Some((record, a, b)),
                _ => None,
            })
            .collect();
        self.left_out += (records.len() - carried.len()) as u64;
        if carried.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(24 + 48 * carried.len());
        out.extend_from_slice(&[0, 5]);
        out.extend_from_slice(&(carried.len() as u16).to_be_bytes());
        for value in [
            self.up_ms(at_ns),
            at_ns.div_euclid(NANOS_PER_SECOND) as u32,
            at_ns.rem_euclid(NANOS_PER_SECOND) as u32,
            self.sequence,
        ] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        // Engine type and number, no sampling.
        out.extend_from_slice(&[0; 4]);
        for (record, source, destination) in &carried {
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
            // The next hop is not known; interfaces 1 and 2.
            out.extend_from_slice(&[0, 0, 0, 0, 0, 1, 0, 2]);
            for value in [
                record.packets.min(u64::from(u32::MAX)) as u32,
                record.bytes.min(u64::from(u32::MAX)) as u32,
                self.up_ms(record.start_ns),
                self.up_ms(record.end_ns),
            ] {
                out.extend_from_slice(&value.to_be_bytes());
            }
            out.extend_from_slice(&record.ports.0.to_be_bytes());
            out.extend_from_slice(&record.ports.1.to_be_bytes());
            // Padding, flags, protocol, type of service; autonomous systems and masks are not known.
            out.extend_from_slice(&[0, record.flags, record.protocol, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        self.sequence = self.sequence.wrapping_add(carried.len() as u32);
        self.written += carried.len() as u64;
        Some(out)
    }

    fn version_9(&mut self, at_ns: i64, records: &[Record]) -> Vec<u8> {
        let mut sets = Vec::new();
        let mut count = records.len();
        if self.datagrams.is_multiple_of(TEMPLATE_EVERY) {
            count += 2;
            write_templates(&mut sets);
        }
        for (template, is_wanted) in
            [(TEMPLATE_V4, IpAddr::is_ipv4 as fn(&IpAddr) -> bool), (TEMPLATE_V6, IpAddr::is_ipv6)]
        {
            let mut set = Vec::new();
            for record in records.iter().filter(|record| is_wanted(&record.source)) {
                self.write_record(record, &mut set);
            }
            if set.is_empty() {
                continue;
            }
            set.resize(set.len().next_multiple_of(4), 0);
            sets.extend_from_slice(&template.to_be_bytes());
            sets.extend_from_slice(&(set.len() as u16 + 4).to_be_bytes());
            sets.extend_from_slice(&set);
        }
        let mut out = Vec::with_capacity(20 + sets.len());
        out.extend_from_slice(&[0, 9]);
        out.extend_from_slice(&(count as u16).to_be_bytes());
        for value in [self.up_ms(at_ns), at_ns.div_euclid(NANOS_PER_SECOND) as u32, self.datagrams, 0] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        out.extend_from_slice(&sets);
        self.written += records.len() as u64;
        out
    }

    /// The fields in the order of [`FIELDS`], then the addresses.
    fn write_record(&self, record: &Record, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.up_ms(record.start_ns).to_be_bytes());
        out.extend_from_slice(&self.up_ms(record.end_ns).to_be_bytes());
        out.extend_from_slice(&record.bytes.to_be_bytes());
        out.extend_from_slice(&record.packets.to_be_bytes());
        out.extend_from_slice(&record.ports.0.to_be_bytes());
        out.extend_from_slice(&record.ports.1.to_be_bytes());
        out.extend_from_slice(&[record.protocol, record.flags]);
        out.extend_from_slice(&record.icmp.to_be_bytes());
        for address in [record.source, record.destination] {
            match address {
                IpAddr::V4(v4) => out.extend_from_slice(&v4.octets()),
                IpAddr::V6(v6) => out.extend_from_slice(&v6.octets()),
            }
        }
    }
}

fn write_templates(out: &mut Vec<u8>) {
    let addresses = [(TEMPLATE_V4, [(8, 4), (12, 4)]), (TEMPLATE_V6, [(27, 16), (28, 16)])];
    let n_fields = FIELDS.len() + 2;
    let len = 4 + addresses.len() * (4 + n_fields * 4);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&(len as u16).to_be_bytes());
    for (template, own) in addresses {
        out.extend_from_slice(&template.to_be_bytes());
        out.extend_from_slice(&(n_fields as u16).to_be_bytes());
        for (kind, bytes) in FIELDS.iter().chain(&own) {
            out.extend_from_slice(&u16::to_be_bytes(*kind));
            out.extend_from_slice(&u16::to_be_bytes(*bytes));
        }
    }
}

impl Datagram {
    /// The datagram as an Ethernet frame from the router to a collector in the office.
    pub fn frame(&self) -> Vec<u8> {
        let (source, destination) = (Ipv4Addr::new(10, 20, 0, 1), Ipv4Addr::new(10, 20, 0, 16));
        let udp_bytes = 8 + self.bytes.len() as u16;
        let mut ip = vec![0x45, 0];
        ip.extend_from_slice(&(20 + udp_bytes).to_be_bytes());
        ip.extend_from_slice(&[0, 0, 0x40, 0, 64, 17, 0, 0]);
        ip.extend_from_slice(&source.octets());
        ip.extend_from_slice(&destination.octets());
        let checksum = Sum::default().add(&ip).fold();
        ip[10..12].copy_from_slice(&checksum.to_be_bytes());
        let mut udp = Vec::with_capacity(usize::from(udp_bytes));
        for value in [COLLECTOR_PORT, COLLECTOR_PORT, udp_bytes, 0] {
            udp.extend_from_slice(&value.to_be_bytes());
        }
        udp.extend_from_slice(&self.bytes);
        let sum = Sum::default()
            .add(&source.octets())
            .add(&destination.octets())
            .add(&[0, 17])
            .add(&udp_bytes.to_be_bytes())
            .add(&udp)
            .fold();
        let sum = if sum == 0 { 0xffff } else { sum };
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
        let mut frame = vec![0x02, 0, 0x5e, 0x10, 0, 0x08, 0x02, 0, 0x5e, 0x10, 0, 0x01, 0x08, 0x00];
        frame.extend_from_slice(&ip);
        frame.extend_from_slice(&udp);
        frame
    }
}
