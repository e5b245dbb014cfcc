//! What must hold for any bytes whatever: shared by the tests of this crate and by the fuzz targets in `fuzz/`.

// No one uses all of it, and the targets see it from another crate.
#![allow(dead_code, unreachable_pub)]

use std::net::{IpAddr, Ipv4Addr};

use eddy_wire::app::{ClientHello, Dhcp, Dns, HelloTransport, HttpRequest, QuicInitial, SshBanner};
use eddy_wire::export::{Collector, Exported};
use eddy_wire::{CaptureReader, FragmentTable, Limits, LinkType, Packet, decode};

/// What reading a capture came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Frames handed out.
    pub frames: u64,
    /// Packets of IP among them.
    pub ip: u64,
    /// Frames that were set aside with a reason.
    pub without_ip: u64,
}

/// Reads a capture to its end, and every packet in it with all views.
///
/// # Panics
/// When a count does not add up.
pub fn survive_capture(bytes: &[u8]) -> Option<Seen> {
    let limits = Limits::default();
    let mut reader = CaptureReader::new(bytes, &limits).ok()?;
    let mut fragments = FragmentTable::new(&limits);
    let mut collector = Collector::new(&limits);
    let mut seen = Seen::default();
    while let Some(frame) = reader.next_frame().expect("memory can be read") {
        assert!(frame.bytes.len() <= limits.frame_bytes as usize, "a frame above the limit");
        assert!(frame.wire_len as usize >= frame.bytes.len(), "more captured than there was");
        seen.frames += 1;
        let mut packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
        check_packet(&packet, frame.bytes);
        fragments.complete(&mut packet, frame.time_ns);
        if packet.is_ip() {
            seen.ip += 1;
        } else {
            let arp = packet.arp.is_some();
            assert!(arp || packet.reason.is_some(), "neither read nor set aside: {packet:?}");
            seen.without_ip += 1;
        }
        survive_payload(packet.payload);
        if [2055, 4739, 6343, 9995, 9996].contains(&packet.destination_port) {
            survive_datagram(&mut collector, packet.payload, frame.time_ns);
        }
    }
    let stats = reader.stats();
    assert_eq!(stats.frames, seen.frames);
    assert!(reader.offset() <= bytes.len() as u64, "read past the end");
    assert!(reader.notes().len() <= limits.notes as usize);
    Some(seen)
}

/// What is true of every packet.
///
/// # Panics
/// When it is not.
pub fn check_packet(packet: &Packet<'_>, frame: &[u8]) {
    let range = frame.as_ptr_range();
    let inside = packet.payload.is_empty() || range.contains(&packet.payload.as_ptr());
    assert!(inside && packet.payload.len() <= frame.len(), "the payload is a part of the frame");
    assert_eq!(packet.is_ip(), packet.source_address().is_some() && packet.arp.is_none() && packet.is_ip());
}

/// Reads a frame as every link type there is.
pub fn survive_frame(bytes: &[u8]) {
    let limits = Limits::default();
    let mut fragments = FragmentTable::new(&limits);
    for link in (0..300).map(LinkType) {
        let mut packet = decode(link, bytes, bytes.len() as u32, &limits);
        check_packet(&packet, bytes);
        fragments.complete(&mut packet, 0);
        let longer = decode(link, bytes, u32::MAX, &limits);
        check_packet(&longer, bytes);
    }
}

/// Reads a payload with all views of applications.
///
/// # Panics
/// When a text is longer than what it came from allows.
pub fn survive_payload(payload: &[u8]) {
    let limits = Limits::default();
    for dns in [Dns::parse(payload, &limits), Dns::parse_tcp(payload, &limits)].into_iter().flatten() {
        if let Some(question) = dns.question {
            assert!(question.name.to_string().len() <= 4 * 255 && question.name.text_len() <= 255);
        }
        let mut n = 0;
        for record in dns.records() {
            assert!(record.name.text_len() <= 255 && record.data.len() <= payload.len());
            n += 1;
        }
        assert!(n <= usize::from(limits.dns_records));
        assert!(dns.answers().count() <= n);
    }
    let hellos = [
        ClientHello::parse(payload, &limits),
        ClientHello::parse_datagram(payload, &limits),
        ClientHello::from_handshake(payload, HelloTransport::Quic, &limits),
    ];
    for hello in hellos.into_iter().flatten() {
        let fingerprint = hello.ja4();
        assert_eq!(fingerprint.chars().count(), 36, "{fingerprint}");
        assert!(hello.extensions.len() <= usize::from(limits.tls_items));
        let _ = (hello.ja4_raw(), hello.server_name_text());
    }
    let _ = QuicInitial::parse(payload);
    let _ = HttpRequest::parse(payload, &limits);
    let _ = Dhcp::parse(payload, &limits);
    let _ = SshBanner::parse(payload);
}

/// Reads a datagram of an exporter, and all fields of its records.
///
/// # Panics
/// When the counts do not add up.
pub fn survive_datagram(collector: &mut Collector, datagram: &[u8], received_ns: i64) -> u32 {
    let before = collector.stats();
    let mut records = 0;
    let outcome = collector.collect(IpAddr::V4(Ipv4Addr::LOCALHOST), received_ns, datagram, |exported| {
        records += 1;
        if let Exported::Flow(record) | Exported::Options(record) = exported {
            assert!(record.flow.flow_end_ns >= record.flow.flow_start_ns);
            for field in record.fields() {
                let _ = (field.value(), field.element.name());
            }
        }
    });
    let after = collector.stats();
    if let Ok(outcome) = outcome {
        assert_eq!(outcome.records, records);
        assert!(outcome.consumed <= datagram.len());
        assert_eq!(after.datagrams, before.datagrams + 1);
    } else {
        assert_eq!(records, 0);
        assert_eq!(after.refused, before.refused + 1);
    }
    records
}

/// Reads bytes as a row of datagrams, each with its length (2 bytes) before it.
pub fn survive_datagrams(mut bytes: &[u8]) {
    let mut collector = Collector::new(&Limits::default());
    let mut received_ns = 1_700_000_000_000_000_000;
    while let Some((len, rest)) = bytes.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*len)).min(rest.len());
        let (datagram, rest) = rest.split_at(len);
        survive_datagram(&mut collector, datagram, received_ns);
        received_ns += 1_000_000_000;
        bytes = rest;
    }
}
