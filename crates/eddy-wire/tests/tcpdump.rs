//! Packets of real captures against what tcpdump prints of them, where both are to be had ($EDDY_DATA).

#[path = "../../../testing/real_data.rs"]
mod real_data;

use std::collections::BTreeMap;
use std::net::IpAddr;

use eddy_wire::{CaptureReader, FragmentPart, Limits, Network, Packet, Tunnels, decode, protocol};
use real_data::data;

/// The number of the packet and the two ends, of a line such as ` 3  12:00:00 IP 10.0.0.1.99 > 10.0.0.2.53: ...`.
fn ends(line: &str) -> Option<(usize, String, String)> {
    let number = line.split_whitespace().next()?.parse().ok()?;
    let (_, rest) = line.split_once(" IP ").or_else(|| line.split_once(" IP6 "))?;
    let mut words = rest.split(' ');
    let (source, arrow, destination) = (words.next()?, words.next()?, words.next()?);
    let destination = destination.strip_suffix(':')?;
    (arrow == ">").then(|| (number, source.to_owned(), destination.to_owned()))
}

/// An end as tcpdump prints it: with a port where there is one.
fn shown(address: IpAddr, port: Option<u16>) -> String {
    port.map_or_else(|| address.to_string(), |port| format!("{address}.{port}"))
}

fn shown_ends(packet: &Packet<'_>) -> Option<(String, String)> {
    let ports = matches!(packet.protocol, protocol::TCP | protocol::UDP | protocol::SCTP)
        && packet.fragment != FragmentPart::Later;
    let source = shown(packet.source_address()?, ports.then_some(packet.source_port));
    let destination = shown(packet.destination_address()?, ports.then_some(packet.destination_port));
    Some((source, destination))
}

#[test]
fn addresses_and_ports_are_those_that_tcpdump_prints() {
    let Some(data) = data("") else { return };
    let limits = Limits { tunnels: Tunnels::None, ..Limits::default() };
    let Ok(entries) = std::fs::read_dir(data.join("pcap/tcpdump")) else { return };
    let (mut equal, mut differ) = (0, BTreeMap::<String, Vec<_>>::new());
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let Ok(text) = std::fs::read(data.join(format!("pcap/tcpdump-expected/{stem}.out"))) else {
            continue;
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut expected: BTreeMap<usize, (String, String)> =
            text.lines().filter_map(ends).map(|(number, source, to)| (number, (source, to))).collect();
        let bytes = std::fs::read(&path).unwrap();
        let Ok(mut reader) = CaptureReader::new(&bytes[..], &limits) else { continue };
        let mut number = 0;
        while let Some(frame) = reader.next_frame().unwrap() {
            number += 1;
            let packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
            let Some(theirs) = expected.remove(&number) else { continue };
            let ours = shown_ends(&packet).filter(|_| packet.network != Network::Arp);
            if ours.as_ref() == Some(&theirs) {
                equal += 1;
            } else {
                differ.entry(stem.clone()).or_default().push((number, theirs, ours, packet.reason));
            }
        }
        for (number, theirs) in expected {
            differ.entry(stem.clone()).or_default().push((number, theirs, None, None));
        }
    }
    let n: usize = differ.values().map(Vec::len).sum();
    for (name, packets) in &differ {
        eprintln!("{name}: {} of them, first {:?}", packets.len(), packets.first());
    }
    eprintln!("{equal} packets agree, {n} do not");
    assert!(equal > 1200 && n <= 2, "{equal} agree, {n} do not");
}
