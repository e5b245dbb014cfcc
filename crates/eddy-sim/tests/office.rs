//! What holds for the traffic of an office, in every form in which it is written.

mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use eddy_frame::{Frame, NANOS_PER_SECOND};
use eddy_sim::{
    Behaviour, BehaviourPlanting, Flow, FlowTable, HostRole, Label, NetflowExporter, NetflowVersion,
    OfficeSpec, OfficeTraffic, Packets, SimError, Transport, ZeekLogs, pcap_header, pcap_record,
};
use wire::{Sent, Tuple, captured, count, dns, layers, server_name};

/// 2024-01-15 09:30, a Monday morning.
const MORNING_NS: i64 = 1_705_311_000 * NANOS_PER_SECOND;
const HOUR_NS: i64 = 3_600 * NANOS_PER_SECOND;

/// Eighteen minutes of a small office.
fn clean(seed: u64) -> OfficeSpec {
    OfficeSpec { hosts: 20, ..OfficeSpec::new(MORNING_NS, 0.3, seed) }
}

/// Everything planted at once, weak enough to be quick.
fn everything(seed: u64) -> OfficeSpec {
    let behaviours = Behaviour::ALL
        .map(|behaviour| {
            let strength = match behaviour {
                Behaviour::SynFlood | Behaviour::UdpAmplification | Behaviour::Exfiltration => 0.05,
                Behaviour::Beaconing | Behaviour::SlowScan | Behaviour::WrongPort => 5.0,
                _ => 1.0,
            };
            BehaviourPlanting::new(behaviour).at(0.1, 0.08).strength(strength)
        })
        .to_vec();
    OfficeSpec { behaviours, ..clean(seed) }
}

fn flows(spec: &OfficeSpec) -> (Vec<Flow>, OfficeTraffic) {
    let mut traffic = OfficeTraffic::new(spec).unwrap();
    (traffic.by_ref().collect(), traffic)
}

fn capture(spec: &OfficeSpec, snap_bytes: u32) -> Vec<u8> {
    let mut file = pcap_header(snap_bytes).to_vec();
    let mut packets = Packets::new(OfficeTraffic::new(spec).unwrap());
    let mut frame = Vec::new();
    while let Some((at_ns, _)) = packets.next_into(&mut frame) {
        pcap_record(at_ns, snap_bytes, &frame, &mut file);
    }
    file
}

fn table(spec: &OfficeSpec) -> Frame {
    let mut traffic = OfficeTraffic::new(spec).unwrap();
    let mut table = FlowTable::new(traffic.events(), Label::Column);
    let mut frames: Vec<Frame> = traffic.by_ref().filter_map(|flow| table.push(&flow)).collect();
    frames.extend(table.finish());
    Frame::concat(&frames).unwrap()
}

/// What every side of every five-tuple sent, after the flows.
fn expected(flows: &[Flow]) -> BTreeMap<Tuple, Sent> {
    let mut sent = BTreeMap::new();
    for flow in flows {
        let Some(protocol) = flow.transport.number() else { continue };
        let totals = flow.totals();
        let (a, b) = if flow.transport == Transport::Icmp {
            (flow.source_port, flow.source_port)
        } else {
            (flow.source_port, flow.destination_port)
        };
        let keys = [
            (flow.source, flow.destination, a, b, protocol),
            (flow.destination, flow.source, b, a, protocol),
        ];
        for (side, key) in keys.into_iter().enumerate() {
            if totals.packets[side] > 0 {
                count(&mut sent, key, totals.packets[side], totals.ip_bytes[side], totals.flags[side]);
            }
        }
    }
    sent
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let spec = OfficeSpec { duration_hours: 0.02, ..clean(1) };
    let first = capture(&spec, 96);
    assert!(first.len() > 100_000);
    assert!(first == capture(&spec, 96));
    assert!(first != capture(&OfficeSpec { seed: 2, ..spec }, 96));
}

#[test]
fn flows_come_in_order_of_time_within_the_traffic() {
    let spec = everything(3);
    let (flows, _) = flows(&spec);
    assert!(flows.len() > 10_000, "{}", flows.len());
    assert!(flows.is_sorted_by_key(|flow| flow.start_ns));
    assert!(flows.iter().all(|flow| (MORNING_NS..MORNING_NS + HOUR_NS * 3 / 10).contains(&flow.start_ns)));
    assert!(flows.iter().all(|flow| flow.start_ns % 1_000 == 0), "captures have microseconds");
}

#[test]
fn packets_are_valid_and_agree_with_the_flows_in_every_count() {
    let spec = everything(5);
    let (flows, _) = flows(&spec);
    let file = capture(&spec, 262_144);
    let mut sent: BTreeMap<Tuple, Sent> = BTreeMap::new();
    let mut n_arp = 0;
    let (mut last_us, mut names, mut hosts) = (0, BTreeSet::new(), BTreeSet::new());
    for packet in captured(&file) {
        assert_eq!(packet.original_bytes, packet.frame.len());
        last_us = packet.at_us;
        let layers = layers(packet.frame);
        let Some(ip) = layers.ip else {
            n_arp += 1;
            continue;
        };
        let key = (ip.source, ip.destination, ip.ports.0, ip.ports.1, ip.protocol);
        count(&mut sent, key, 1, ip.bytes, ip.flags);
        match ip.protocol {
            17 if ip.ports.1 == 53 => assert!(!dns(ip.payload).0.is_empty()),
            17 if ip.ports.0 == 53 && ip.payload.get(2) == Some(&0x81) => {
                let (_, _, code, answers) = dns(ip.payload);
                assert!(code == 0 || answers == 0);
            }
            6 if ip.payload.starts_with(&[22, 3, 1]) => {
                names.insert(server_name(ip.payload));
            }
            6 if ip.payload.starts_with(b"GET ") => {
                let request = std::str::from_utf8(ip.payload).unwrap();
                assert!(request.ends_with("\r\n\r\n"), "a request is one whole packet");
                hosts
                    .insert(request.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap().to_owned());
            }
            _ => {}
        }
    }
    let expected = expected(&flows);
    assert_eq!(sent.len(), expected.len());
    for (key, got) in &sent {
        assert_eq!(Some(got), expected.get(key), "{key:?}");
    }
    let arp_packets: u64 = flows
        .iter()
        .filter(|flow| flow.transport == Transport::Arp)
        .map(|flow| flow.totals().packets.iter().sum::<u64>())
        .sum();
    assert_eq!(n_arp, arp_packets);
    let end_ns = flows.iter().map(Flow::end_ns).max().unwrap();
    assert_eq!(last_us, end_ns as u64 / 1_000, "the last packet is where the longest flow ends");
    assert!(names.len() > 50 && hosts.contains("www.office.example"), "{} names", names.len());
    assert!(flows.iter().any(|flow| flow.source.is_ipv6()));
}

#[test]
fn tcp_numbers_add_up_as_a_receiver_would_see_them() {
    let file = capture(&OfficeSpec { duration_hours: 0.02, ..clean(7) }, 262_144);
    // The next number each side of a connection must send.
    let mut next: BTreeMap<Tuple, u32> = BTreeMap::new();
    let mut checked = 0;
    for packet in captured(&file) {
        let Some(ip) = layers(packet.frame).ip.filter(|ip| ip.protocol == 6) else { continue };
        let key = (ip.source, ip.destination, ip.ports.0, ip.ports.1, 6);
        let other = (ip.destination, ip.source, ip.ports.1, ip.ports.0, 6);
        if ip.flags & 0x12 == 0x02 {
            next.remove(&key);
            next.remove(&other);
        }
        if let Some(&expect) = next.get(&key) {
            assert_eq!(ip.sequence, expect, "{key:?}");
            checked += 1;
        }
        if ip.flags & 0x10 > 0
            && let Some(&expect) = next.get(&other)
        {
            assert_eq!(ip.acknowledged, expect, "{key:?}");
        }
        let counts = u32::from(ip.flags & 3 > 0);
        next.insert(key, ip.sequence.wrapping_add(ip.payload.len() as u32 + counts));
    }
    assert!(checked > 5_000, "{checked}");
}

#[test]
fn an_address_belongs_to_one_adapter_unless_somebody_spoofs_it() {
    // For each address of the office, the adapters that say they have it.
    let adapters = |file: &[u8]| {
        let mut claims: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>> = BTreeMap::new();
        let mut through = 0;
        for packet in captured(file) {
            let layers = layers(packet.frame);
            if let Some(arp) = layers.arp {
                claims.entry(arp[14..18].to_vec()).or_default().insert(layers.macs[0].to_vec());
            } else if let Some(IpAddr::V4(v4)) = layers.ip.map(|ip| ip.source)
                && v4.octets()[..3] == [10, 20, 1]
                && claims.get(&v4.octets()[..]).is_some_and(|macs| !macs.contains(layers.macs[0]))
            {
                through += 1;
            }
        }
        (claims, through)
    };
    let (claims, strange) = adapters(&capture(&clean(3), 262_144));
    assert!(claims.len() > 15 && claims.values().all(|macs| macs.len() == 1) && strange == 0);
    let planting = BehaviourPlanting::new(Behaviour::ArpSpoofing).at(0.05, 0.2);
    let spec = OfficeSpec { behaviours: vec![planting], ..clean(3) };
    let (claims, _) = adapters(&capture(&spec, 262_144));
    let two: Vec<_> = claims.iter().filter(|(_, macs)| macs.len() == 2).collect();
    assert_eq!(two.len(), 2, "the victim and the router");
    let common: Vec<_> = two[0].1.intersection(two[1].1).collect();
    assert_eq!(common.len(), 1, "both to the adapter of the attacker");
    // What the victim sends to the world goes to the attacker meanwhile.
    let (_, traffic) = flows(&spec);
    let IpAddr::V4(victim) = traffic.events()[0].targets[0] else { panic!("an IPv4 address") };
    let through = captured(&capture(&spec, 262_144))
        .iter()
        .map(|packet| layers(packet.frame))
        .filter(|layers| {
            layers.macs[1] == common[0] && layers.ip.as_ref().is_some_and(|ip| ip.source == victim)
        })
        .count();
    assert!(through > 100, "{through}");
}

#[test]
fn a_snap_length_cuts_packets_and_keeps_their_length() {
    let spec = OfficeSpec { duration_hours: 0.01, ..clean(1) };
    let (whole, cut) = (capture(&spec, 262_144), capture(&spec, 60));
    let (whole, cut) = (captured(&whole), captured(&cut));
    assert_eq!(whole.len(), cut.len());
    for (whole, cut) in whole.iter().zip(&cut) {
        assert_eq!((whole.at_us, whole.original_bytes), (cut.at_us, cut.original_bytes));
        assert!(whole.frame.starts_with(cut.frame) && cut.frame.len() <= 60);
    }
}

/// What a flow looks like, without its truth.
fn looks(flow: &Flow) -> (i64, IpAddr, IpAddr, u16, u16, eddy_sim::Totals) {
    let ports = (flow.source_port, flow.destination_port);
    (flow.start_ns, flow.source, flow.destination, ports.0, ports.1, flow.totals())
}

#[test]
fn the_normal_traffic_does_not_depend_on_what_is_planted() {
    let (before, _) = flows(&clean(11));
    let without_silence = everything(11);
    let behaviours: Vec<_> =
        without_silence.behaviours.into_iter().filter(|one| one.behaviour != Behaviour::Silence).collect();
    let (after, _) = flows(&OfficeSpec { behaviours, ..clean(11) });
    let normal: Vec<_> = after.iter().filter(|flow| flow.truth == 0).map(looks).collect();
    assert!(normal == before.iter().map(looks).collect::<Vec<_>>());
    assert!(after.len() > before.len() + 1_000);

    // A silence takes flows away and leaves the others.
    let silence = BehaviourPlanting::new(Behaviour::Silence).at(0.1, 0.2);
    let (after, traffic) = flows(&OfficeSpec { behaviours: vec![silence], ..clean(11) });
    let event = &traffic.events()[0];
    let silent = event.targets[0];
    assert!(event.missing_flows > 50, "{event:?}");
    assert_eq!(after.len() as u64 + event.missing_flows, before.len() as u64);
    let is_apart = |flow: &&Flow| flow.source != silent && flow.destination != silent;
    assert!(
        after.iter().filter(is_apart).map(looks).eq(before.iter().filter(is_apart).map(looks)),
        "who has nothing to do with the silent host is not changed"
    );
    for flow in after.iter().filter(|flow| (event.start_ns..event.end_ns).contains(&flow.start_ns)) {
        assert_ne!(flow.source, silent);
        assert!(flow.destination != silent || flow.totals().packets[1] == 0);
    }
}

#[test]
fn the_truth_agrees_with_the_flows() {
    for seed in [1, 2] {
        let spec = everything(seed);
        let (flows, traffic) = flows(&spec);
        let offices: BTreeSet<IpAddr> = traffic.hosts().iter().map(|host| host.address).collect();
        let resolver = traffic.hosts().iter().find(|host| host.role == HostRole::DnsServer).unwrap().address;
        assert_eq!(traffic.events().len(), Behaviour::ALL.len());
        for (idx, event) in traffic.events().iter().enumerate() {
            let own: Vec<&Flow> = flows.iter().filter(|flow| usize::from(flow.truth) == idx + 1).collect();
            let kind = event.kind;
            let n_arp = own.iter().filter(|flow| flow.transport == Transport::Arp).count() as u64;
            assert_eq!((event.flows, event.arp_exchanges), (own.len() as u64 - n_arp, n_arp), "{kind}");
            assert_eq!(event.first_packet_ns, own.first().map(|flow| flow.start_ns), "{kind}");
            let packets: u64 = own.iter().map(|flow| flow.totals().packets.iter().sum::<u64>()).sum();
            assert_eq!(event.packets, packets, "{kind}");
            for flow in &own {
                assert!((event.start_ns..event.end_ns).contains(&flow.start_ns), "{kind}");
                let forged = matches!(kind, Behaviour::SynFlood | Behaviour::UdpAmplification);
                let failing = kind == Behaviour::Silence || kind == Behaviour::ArpSpoofing;
                if !forged && !failing {
                    // Names are asked for through the resolver, which asks on behalf of the actor.
                    let is_known = event.actors.contains(&flow.source) || flow.source == resolver;
                    assert!(is_known, "{kind}: {:?}", flow.source);
                }
                if kind != Behaviour::ArpSpoofing {
                    assert!(
                        event.targets.contains(&flow.destination) || flow.destination == resolver,
                        "{kind}: {:?}",
                        flow.destination
                    );
                }
            }
            let least = u64::from(kind != Behaviour::ArpSpoofing);
            assert!(event.flows >= least && event.packets > 0, "{event:?}");
            let inside = event.actors.iter().chain(&event.targets).any(|address| offices.contains(address));
            assert!(inside, "somebody of the office takes part in {kind}");
        }
    }
}

#[test]
fn every_behaviour_looks_as_it_is_described() {
    let (flows, traffic) = flows(&everything(9));
    let of = |behaviour: Behaviour| -> Vec<&Flow> {
        let idx = traffic.events().iter().position(|event| event.kind == behaviour).unwrap();
        flows.iter().filter(|flow| usize::from(flow.truth) == idx + 1).collect()
    };
    let share = |flows: &[&Flow], holds: &dyn Fn(&Flow) -> bool| {
        flows.iter().filter(|flow| holds(flow)).count() as f64 / flows.len() as f64
    };
    let distinct = |flows: &[&Flow], of: &dyn Fn(&Flow) -> (IpAddr, u16)| {
        flows.iter().map(|flow| of(flow)).collect::<BTreeSet<_>>().len()
    };
    let mut scan = of(Behaviour::HorizontalScan);
    // On its own subnet the scanner asks for adapters instead.
    assert!(share(&scan, &|flow| flow.transport == Transport::Arp) > 0.1);
    scan.retain(|flow| flow.transport == Transport::Tcp);
    assert!(distinct(&scan, &|flow| (flow.destination, 0)) > 300);
    assert_eq!(distinct(&scan, &|flow| (flow.source, flow.destination_port)), 1);
    let scan = of(Behaviour::VerticalScan);
    assert!(distinct(&scan, &|flow| (flow.destination, flow.destination_port)) > 900);
    assert!(share(&scan, &|flow| flow.state() == "REJ") > 0.95);
    for (behaviour, flags) in [(Behaviour::FinScan, 1), (Behaviour::NullScan, 0), (Behaviour::XmasScan, 41)] {
        let scan = of(behaviour);
        assert_eq!(share(&scan, &|flow| flow.totals().flags[0] == flags), 1.0, "{behaviour}");
        assert!(share(&scan, &|flow| flow.totals().flags[1] == 0x14) > 0.9, "{behaviour}");
    }
    let flood = of(Behaviour::SynFlood);
    assert!(distinct(&flood, &|flow| (flow.source, 0)) as f64 > 0.9 * flood.len() as f64);
    assert_eq!(share(&flood, &|flow| flow.totals().flags[0] == 2), 1.0);
    let flood = of(Behaviour::UdpAmplification);
    assert!(share(&flood, &|flow| flow.totals().packets[1] == 0 && flow.totals().ip_bytes[0] > 4_000) > 0.6);
    let beacons = of(Behaviour::Beaconing);
    let starts: Vec<i64> =
        beacons.iter().filter(|flow| flow.transport == Transport::Tcp).map(|flow| flow.start_ns).collect();
    assert!(
        starts.windows(2).all(|pair| ((pair[1] - pair[0]) as f64 / 60e9 - 1.0).abs() < 0.16),
        "{starts:?}"
    );
    let names = of(Behaviour::DnsTunnel);
    assert!(share(&names, &|flow| flow.totals().payload_bytes[0] > 120) == 1.0);
    let echoes = of(Behaviour::IcmpTunnel);
    assert!(share(&echoes, &|flow| flow.totals().ip_bytes[0] > 10_000) == 1.0);
    let wrong = of(Behaviour::WrongPort);
    let expected = [(443, "ssh"), (53, "http")];
    assert!(share(&wrong, &|flow| expected.contains(&(flow.destination_port, flow.application))) == 1.0);
    let spread = traffic.events().iter().find(|event| event.kind == Behaviour::LateralSpread).unwrap();
    assert!(spread.actors.len() > 1);
}

#[test]
fn the_table_has_the_agreed_columns_and_counts() {
    let spec = everything(4);
    let (flows, traffic) = flows(&spec);
    let table = table(&spec);
    let flows: Vec<&Flow> = flows.iter().filter(|flow| flow.transport != Transport::Arp).collect();
    assert_eq!(table.n_rows(), flows.len());
    let column = |name: &str| table.by_name(name).unwrap_or_else(|| panic!("no column {name}")).1;
    let (octets, packets) = (column("reverseOctetDeltaCount"), column("packetDeltaCount"));
    let (labels, states) = (column("label").as_text().unwrap(), column("connectionState").as_text().unwrap());
    for (row, flow) in flows.iter().enumerate() {
        let totals = flow.totals();
        assert_eq!(octets.number(row), totals.ip_bytes[1] as f64);
        assert_eq!(packets.number(row), totals.packets[0] as f64);
        assert_eq!(states.get(row), flow.state());
        let name = match flow.truth {
            0 => "normal",
            truth => traffic.events()[usize::from(truth) - 1].kind.name(),
        };
        assert_eq!(labels.get(row), name);
    }
    let name = column("dnsQueryName").as_text().unwrap();
    assert!(name.iter().any(|name| name.ends_with(".tunnel.example")));
    assert!(column("tlsServerName").as_text().unwrap().iter().any(|name| name == "www.office.example"));
    let unlabelled = FlowTable::new(&[], Label::None);
    assert!(unlabelled.schema().index_of("label").is_none());
}

#[test]
fn zeek_logs_have_a_line_for_every_flow() {
    let spec = everything(4);
    let (flows, _) = flows(&spec);
    let mut logs = ZeekLogs::default();
    flows.iter().for_each(|flow| logs.push(flow));
    logs.finish();
    let texts = logs.take();
    let lines = |text: &str| text.lines().filter(|line| !line.starts_with('#')).count();
    let is_dns = |flow: &&Flow| flow.application == "dns";
    assert_eq!(lines(&texts[0]), flows.iter().filter(|flow| flow.transport != Transport::Arp).count());
    assert_eq!(lines(&texts[1]), flows.iter().filter(is_dns).count());
    for text in &texts {
        let fields = text.lines().find_map(|line| line.strip_prefix("#fields\t")).unwrap();
        let types = text.lines().find_map(|line| line.strip_prefix("#types\t")).unwrap();
        let n = fields.split('\t').count();
        assert_eq!(types.split('\t').count(), n);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split('\t').count(), n, "{line}");
            assert!(line.split('\t').all(|cell| !cell.is_empty()), "{line}");
        }
        assert!(
            text.starts_with("#separator \\x09\n") && text.lines().last().unwrap().starts_with("#close\t")
        );
    }
    let first = texts[0].lines().find(|line| line.contains("\tssl\t") && line.contains("\tSF\t")).unwrap();
    assert!(first.contains("ShADad") && first.contains("Ff\t"), "{first}");
}

/// Records of exported datagrams, read apart from the exporter: what every side of every five-tuple sent.
fn exported(datagrams: &[eddy_sim::Datagram]) -> BTreeMap<Tuple, Sent> {
    let mut sent = BTreeMap::new();
    let mut templates: BTreeMap<u16, Vec<(u16, usize)>> = BTreeMap::new();
    for datagram in datagrams {
        let bytes = &datagram.bytes;
        let word = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let number =
            |at: usize, len: usize| bytes[at..at + len].iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
        let address = |at: usize, len: usize| match len {
            4 => IpAddr::from(<[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap()),
            _ => IpAddr::from(<[u8; 16]>::try_from(&bytes[at..at + 16]).unwrap()),
        };
        let count_one = |sent: &mut BTreeMap<Tuple, Sent>, key: Tuple, totals: (u64, u64, u8)| {
            count(sent, key, totals.0, totals.1, totals.2);
        };
        if word(0) == 5 {
            assert_eq!(bytes.len(), 24 + 48 * usize::from(word(2)));
            for at in (24..bytes.len()).step_by(48) {
                assert!(number(at + 24, 4) <= number(at + 28, 4) && number(at + 28, 4) <= number(4, 4));
                let key = (address(at, 4), address(at + 4, 4), word(at + 32), word(at + 34), bytes[at + 38]);
                count_one(&mut sent, key, (number(at + 16, 4), number(at + 20, 4), bytes[at + 37]));
            }
            continue;
        }
        assert_eq!(word(0), 9);
        let (mut at, mut records) = (20, 0);
        while at < bytes.len() {
            let (set, end) = (word(at), at + usize::from(word(at + 2)));
            assert!(end <= bytes.len() && (end - at) % 4 == 0);
            at += 4;
            if set == 0 {
                while at < end {
                    let fields = (0..usize::from(word(at + 2)))
                        .map(|idx| (word(at + 4 + idx * 4), usize::from(word(at + 6 + idx * 4))))
                        .collect::<Vec<_>>();
                    let len = 4 + fields.len() * 4;
                    templates.insert(word(at), fields);
                    at += len;
                    records += 1;
                }
                continue;
            }
            let template = &templates[&set];
            let len: usize = template.iter().map(|(_, len)| len).sum();
            while at + len <= end {
                let place = |kinds: &[u16]| {
                    let mut from = at;
                    for &(kind, len) in template {
                        if kinds.contains(&kind) {
                            return (from, len);
                        }
                        from += len;
                    }
                    panic!("no field {kinds:?}")
                };
                let get = |kind: u16| {
                    let (from, len) = place(&[kind]);
                    number(from, len)
                };
                let [source, destination] = [&[8, 27][..], &[12, 28]].map(|kinds| {
                    let (from, len) = place(kinds);
                    address(from, len)
                });
                let key = (source, destination, get(7) as u16, get(11) as u16, get(4) as u8);
                assert!(get(22) <= get(21) && get(21) <= number(4, 4));
                count_one(&mut sent, key, (get(2), get(1), get(6) as u8));
                at += len;
                records += 1;
            }
            at = end;
        }
        assert_eq!(records, word(2), "the header counts its records");
    }
    sent
}

#[test]
fn exported_records_agree_with_the_flows() {
    let spec = OfficeSpec { duration_hours: 1.2, rate: 0.3, hosts: 24, ..everything(6) };
    let (flows, _) = flows(&spec);
    for version in [NetflowVersion::V5, NetflowVersion::V9] {
        let mut exporter = NetflowExporter::new(version);
        let mut datagrams: Vec<_> = flows.iter().flat_map(|flow| exporter.push(flow)).collect();
        datagrams.extend(exporter.finish());
        assert!(datagrams.is_sorted_by_key(|datagram| datagram.at_ns));
        let got = exported(&datagrams);
        let is_carried = |key: &Tuple| version == NetflowVersion::V9 || key.0.is_ipv4();
        // Exporters write type and code of ICMP in place of ports.
        let mut wanted: BTreeMap<Tuple, Sent> = BTreeMap::new();
        for (key, sent) in expected(&flows).iter().filter(|(key, _)| is_carried(key) && key.4 != 1) {
            count(&mut wanted, *key, sent.0, sent.1, sent.2);
        }
        let got: BTreeMap<Tuple, Sent> = got.into_iter().filter(|(key, _)| key.4 != 1).collect();
        assert!(got == wanted, "{version:?}");
        assert_eq!(exporter.left_out() > 0, version == NetflowVersion::V5);
        for datagram in &datagrams {
            let frame = datagram.frame();
            let ip = layers(&frame).ip.unwrap();
            assert_eq!((ip.ports.1, ip.payload), (2_055, &datagram.bytes[..]));
            assert!(frame.len() <= 1_514);
        }
    }
    // Sensors keep a connection open for hours, which is exported in parts.
    assert!(flows.iter().any(|flow| flow.totals().duration_us > 3_600_000_000));
}

#[test]
fn days_have_their_rhythm_and_nights_their_backups() {
    let spec =
        OfficeSpec { rate: 0.2, ..OfficeSpec::new(MORNING_NS / (24 * HOUR_NS) * 24 * HOUR_NS, 24.0, 2) };
    let (flows, _) = flows(&spec);
    let mut hours = [0u64; 24];
    flows.iter().for_each(|flow| hours[(flow.start_ns / HOUR_NS % 24) as usize] += 1);
    assert!(hours[10] > 4 * hours[3], "{hours:?}");
    let backups: Vec<&Flow> = flows.iter().filter(|flow| flow.totals().ip_bytes[1] > 40_000_000).collect();
    assert!(backups.len() >= 4, "{}", backups.len());
    assert!(
        backups
            .iter()
            .filter(|flow| flow.destination_port == 22)
            .all(|flow| { (1..4).contains(&(flow.start_ns / HOUR_NS % 24)) })
    );
    let failed = flows.iter().filter(|flow| matches!(flow.state(), "S0" | "REJ")).count() as f64;
    assert!((0.002..0.15).contains(&(failed / flows.len() as f64)), "{failed} of {}", flows.len());
}

#[test]
fn there_can_be_nothing_but_one_attack() {
    let planting = BehaviourPlanting::new(Behaviour::Beaconing).at(0.0, 0.01);
    let spec = OfficeSpec { rate: 0.0, behaviours: vec![planting], ..clean(1) };
    let (flows, _) = flows(&spec);
    assert_eq!(flows.len(), 2, "one name asked for, one call");
    assert!(OfficeTraffic::new(&OfficeSpec { rate: 0.0, ..clean(1) }).unwrap().next().is_none());
}

#[test]
fn extremes_are_survived() {
    for (strength, rate, hosts, hours) in [
        (1e-300, 1e-300, 12, 0.05),
        (10_000.0, 0.0, 12, 1e-6),
        (1e-9, 100.0, 12, 1e-4),
        (0.5, 0.01, 10_000, 0.001),
        (1.0, 0.0, 13, 1e-12),
    ] {
        let behaviours = Behaviour::ALL.map(|one| BehaviourPlanting::new(one).strength(strength)).to_vec();
        let spec = OfficeSpec { hosts, rate, behaviours, ..OfficeSpec::new(MORNING_NS, hours, 1) };
        let (flows, _) = flows(&spec);
        assert!(flows.is_sorted_by_key(|flow| flow.start_ns));
        let mut exporter = NetflowExporter::new(NetflowVersion::V9);
        flows.iter().take(5_000).for_each(|flow| assert!(exporter.push(flow).len() < 5_000));
        let mut packets = Packets::new(flows.into_iter().take(5_000));
        let mut frame = Vec::new();
        let mut last_ns = 0;
        for (at_ns, _) in std::iter::from_fn(|| packets.next_into(&mut frame)).take(200_000) {
            assert!(at_ns >= last_ns);
            last_ns = at_ns;
        }
    }
}

#[test]
fn what_cannot_be_generated_is_refused() {
    let refused = |spec: OfficeSpec, expect: &str| {
        let error = OfficeTraffic::new(&spec).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    refused(OfficeSpec { hosts: 11, ..clean(1) }, "hosts is 11");
    refused(OfficeSpec { rate: f64::NAN, ..clean(1) }, "rate is NaN");
    refused(OfficeSpec { duration_hours: 0.0, ..clean(1) }, "duration_hours is 0");
    refused(OfficeSpec { start_ns: i64::MAX, ..clean(1) }, "leaves the range of times");
    let late = BehaviourPlanting::new(Behaviour::SynFlood).at(0.4, 0.2);
    refused(OfficeSpec { behaviours: vec![late], ..clean(1) }, "syn-flood at 0.4 h for 0.2 h ends after");
    let many = vec![BehaviourPlanting::new(Behaviour::FinScan); 255];
    let error = OfficeTraffic::new(&OfficeSpec { behaviours: many, ..clean(1) }).map(|_| ()).unwrap_err();
    assert_eq!(error, SimError::TooMany { got: 255 });
    let text = r#"{"behaviour": "silence", "at_hours": 2, "length": 3}"#;
    assert!(serde_json::from_str::<BehaviourPlanting>(text).is_err());
}
