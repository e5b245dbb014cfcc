use std::collections::HashMap;
use std::net::IpAddr;

use proptest::prelude::*;

use super::{Collector, Element, ExportError, Exported, FlowRecord, Outcome, Value};
use crate::{Limits, Network};

const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
/// The time of export in all datagrams made here, in seconds.
const NOW: u32 = 1_700_000_000;
const NOW_NS: i64 = NOW as i64 * 1_000_000_000;

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn set(id: u16, body: &[u8]) -> Vec<u8> {
    [&words(&[id, body.len() as u16 + 4])[..], body].concat()
}

/// NetFlow v9, sent 100 seconds after the exporter's start.
fn v9(domain: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let header = [100_000, NOW, 1, domain].map(u32::to_be_bytes).concat();
    [&words(&[9, 1])[..], &header, &sets.concat()].concat()
}

fn ipfix(domain: u32, sets: &[Vec<u8>]) -> Vec<u8> {
    let sets = sets.concat();
    let header = [NOW, 1, domain].map(u32::to_be_bytes).concat();
    [&words(&[10, 16 + sets.len() as u16])[..], &header, &sets].concat()
}

/// Addresses, ports, octets, packets and times of a plain flow.
const FIELDS: [u16; 20] = [256, 9, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 22, 4, 21, 4];

fn flow() -> Vec<u8> {
    let addresses = [10, 0, 0, 1, 10, 0, 0, 2, 0, 99, 0, 53, 17];
    [&addresses[..], &[1500_u32, 3, 99_000, 99_500].map(u32::to_be_bytes).concat()].concat()
}

/// The flows of a datagram and what came out of it.
fn collect(collector: &mut Collector, datagram: &[u8]) -> (Vec<FlowRecord>, Outcome) {
    let mut flows = Vec::new();
    let outcome = collector.collect(EXPORTER, NOW_NS, datagram, |exported| {
        if let Exported::Flow(record) = exported {
            flows.push(record.flow);
        }
    });
    (flows, outcome.unwrap())
}

fn collector() -> Collector {
    Collector::new(&Limits::default())
}

fn check_plain(flow: &FlowRecord) {
    assert_eq!(flow.source_address(), Some([10, 0, 0, 1].into()));
    assert_eq!(flow.destination_address(), Some([10, 0, 0, 2].into()));
    assert_eq!((flow.source_transport_port, flow.destination_transport_port), (99, 53));
    assert_eq!((flow.protocol_identifier, flow.octet_delta_count, flow.packet_delta_count), (17, 1500, 3));
    assert_eq!(flow.flow_start_ns, NOW_NS - 1_000_000_000);
    assert_eq!(flow.flow_end_ns, NOW_NS - 500_000_000);
    assert!(!flow.time_suspect);
}

#[test]
fn version_5_is_read() {
    let mut bytes = words(&[5, 1]);
    bytes.extend([100_000_u32, NOW, 0, 1].map(u32::to_be_bytes).concat());
    bytes.extend(words(&[7, 0x4064]));
    bytes.extend([10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4]);
    bytes.extend([3_u32, 1500, 99_000, 99_500].map(u32::to_be_bytes).concat());
    bytes.extend([0, 99, 0, 53, 0, 0x1b, 17, 8, 0, 65, 0, 66, 24, 24, 0, 0]);
    let (flows, outcome) = collect(&mut collector(), &bytes);
    check_plain(&flows[0]);
    assert_eq!((flows[0].tcp_control_bits, flows[0].ip_class_of_service), (0x1b, 8));
    assert_eq!((flows[0].ingress_interface, flows[0].egress_interface), (3, 4));
    assert_eq!((flows[0].bgp_source_as_number, flows[0].sampling_interval), (65, 100));
    assert_eq!((outcome.records, outcome.set_aside, outcome.consumed), (1, 0, bytes.len()));
    // Tells of more records than there are.
    bytes[3] = 30;
    assert_eq!(collect(&mut collector(), &bytes).1.set_aside, 1);
}

#[test]
fn version_9_is_read_once_its_template_is_known() {
    let mut collector = collector();
    let data = v9(1, &[set(256, &[flow(), flow(), vec![0, 0]].concat())]);
    let (flows, outcome) = collect(&mut collector, &data);
    assert_eq!((flows.len(), outcome.sets_without_template), (0, 1));
    let (_, outcome) = collect(&mut collector, &v9(1, &[set(0, &words(&FIELDS))]));
    assert_eq!(outcome.templates, 1);
    let (flows, outcome) = collect(&mut collector, &data);
    assert_eq!((flows.len(), outcome.records, outcome.set_aside), (2, 2, 0));
    flows.iter().for_each(check_plain);
    // Another domain, another exporter, another version: other templates.
    assert_eq!(collect(&mut collector, &v9(2, &[set(256, &flow())])).1.sets_without_template, 1);
    assert_eq!(collect(&mut collector, &ipfix(1, &[set(256, &flow())])).1.sets_without_template, 1);
    let other = collector.collect([192, 0, 2, 9].into(), NOW_NS, &data, |_| {});
    assert_eq!(other.unwrap().sets_without_template, 1);
}

#[test]
fn ipfix_has_variable_lengths_and_elements_of_enterprises() {
    let template = [
        words(&[300, 4, 8, 4, 460, 0xffff, 0x8001, 8]),
        29305_u32.to_be_bytes().to_vec(),
        words(&[0x8000 | 7, 2]),
        9_u32.to_be_bytes().to_vec(),
    ]
    .concat();
    let long = "x".repeat(300);
    let record = |name: &str| {
        let len = name.len() as u16;
        let head = if len < 255 { vec![len as u8] } else { [&[255][..], &len.to_be_bytes()].concat() };
        [&[10, 0, 0, 1][..], &head, name.as_bytes(), &77_u64.to_be_bytes(), &[0xab, 0xcd]].concat()
    };
    let message = ipfix(5, &[set(2, &template), set(300, &[record("a.example"), record(&long)].concat())]);
    let mut seen = Vec::new();
    let outcome = collector().collect(EXPORTER, NOW_NS, &message, |exported| {
        let Exported::Flow(record) = exported else { panic!("{exported:?}") };
        assert_eq!((record.domain, record.template_id, record.flow.reverse_octet_delta_count), (5, 300, 77));
        let fields: Vec<_> = record.fields().collect();
        assert_eq!(fields[0].value(), Value::Address([10, 0, 0, 1].into()));
        assert_eq!(fields[1].element.name(), Some("httpRequestHost"));
        assert_eq!(fields[3].element, Element { enterprise: 9, id: 7 });
        assert_eq!(fields[3].value(), Value::Octets(&[0xab, 0xcd]));
        let Value::Text(text) = fields[1].value() else { panic!("no text") };
        seen.push(text.to_owned());
    });
    assert_eq!(seen, ["a.example".to_owned(), long]);
    assert_eq!(outcome.unwrap().set_aside, 0);
}

#[test]
fn sampling_rates_of_options_reach_the_flows() {
    // Scope "system", then a sampler's number and its rate.
    let options = words(&[257, 4, 8, 1, 4, 48, 1, 34, 4, 0]);
    let rate = [&[0, 0, 0, 0, 5][..], &1000_u32.to_be_bytes(), &[0, 0, 0]].concat();
    let mut fields = FIELDS.to_vec();
    fields[1] = 10;
    fields.extend([48, 1]);
    let with = |sampler: u8| [&flow()[..], &[sampler]].concat();
    let sets =
        [set(1, &options), set(257, &rate), set(0, &words(&fields)), set(256, &[with(5), with(6)].concat())];
    let (flows, outcome) = collect(&mut collector(), &v9(1, &sets));
    assert_eq!(outcome.records, 3);
    assert_eq!((flows[0].sampling_interval, flows[1].sampling_interval), (1000, 1000));
    // RFC 5477: 1 of 1 + 99.
    let packets = words(&[256, 3, 1, 4, 305, 4, 306, 4]);
    let record = [1_u32, 1, 99].map(u32::to_be_bytes).concat();
    let (flows, _) = collect(&mut collector(), &ipfix(1, &[set(2, &packets), set(256, &record)]));
    assert_eq!(flows[0].sampling_interval, 100);
}

#[test]
fn times_that_run_over_or_make_no_sense_are_bent() {
    let mut collector = collector();
    collect(&mut collector, &v9(1, &[set(0, &words(&FIELDS))]));
    let with = |first: u32, last: u32| {
        let mut bytes = flow();
        let at = bytes.len() - 8;
        bytes[at..].copy_from_slice(&[first, last].map(u32::to_be_bytes).concat());
        v9(1, &[set(256, &bytes)])
    };
    // Began before the clock ran over.
    let flow = collect(&mut collector, &with(u32::MAX - 999, 0)).0[0];
    assert_eq!((flow.flow_end_ns - flow.flow_start_ns, flow.time_suspect), (1_000_000_000, false));
    let flow = collect(&mut collector, &with(99_500, 99_000)).0[0];
    assert_eq!(
        (flow.flow_start_ns, flow.flow_end_ns, flow.time_suspect),
        (NOW_NS - 500_000_000, NOW_NS - 500_000_000, true)
    );
    let flow = collect(&mut collector, &with(1 << 31, 99_000)).0[0];
    assert!(flow.time_suspect && flow.flow_start_ns <= flow.flow_end_ns);
    assert_eq!(collector.stats().times_suspect, 2);
}

#[test]
fn the_clock_of_the_exporter_counts_where_the_time_of_receipt_is_not_known() {
    let mut flows = Vec::new();
    let bytes = v9(1, &[set(0, &words(&FIELDS)), set(256, &flow())]);
    let outcome = collector().collect(EXPORTER, None, &bytes, |exported| {
        if let Exported::Flow(record) = exported {
            flows.push(record.flow);
        }
    });
    assert_eq!(outcome.unwrap().records, 1);
    check_plain(&flows[0]);
}

#[test]
fn fields_that_do_not_fit_their_type_are_left_as_bytes() {
    let fields = words(&[256, 3, 8, 5, 1, 9, 7, 2]);
    let record = [&[1; 5][..], &[2; 9], &[0, 80]].concat();
    let (flows, _) = collect(&mut collector(), &v9(1, &[set(0, &fields), set(256, &record)]));
    assert_eq!((flows[0].network, flows[0].octet_delta_count), (Network::None, 0));
    assert_eq!(flows[0].source_transport_port, 80);
}

#[test]
fn sets_and_templates_that_make_no_sense_are_set_aside() {
    for sets in [
        vec![words(&[256, 3])],
        vec![words(&[256, 100])],
        vec![words(&[7, 4])],
        vec![set(0, &words(&[256, 500, 1, 4]))],
        vec![set(0, &words(&[256, 2, 1, 0, 2, 0]))],
        vec![set(0, &words(&[5, 1, 1, 4]))],
        vec![set(1, &words(&[256, 400, 4, 1, 4]))],
        vec![vec![1, 2]],
    ] {
        let outcome = collect(&mut collector(), &v9(1, &sets)).1;
        assert_eq!((outcome.set_aside, outcome.templates), (1, 0), "{sets:?}");
    }
    let mut collector = collector();
    for (bytes, error) in [
        (&b"\0"[..], ExportError::NoHeader { len: 1 }),
        (&b"\0\x09\0\0"[..], ExportError::NoHeader { len: 4 }),
        (&b"\0\x07\0\0"[..], ExportError::Version { version: 7 }),
        (&[0, 10, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], ExportError::Header),
    ] {
        assert_eq!(collector.collect(EXPORTER, 0, bytes, |_| {}), Err(error));
    }
    assert_eq!(collector.stats().refused, 4);
}

#[test]
fn changed_withdrawn_and_old_templates_are_counted() {
    let mut collector = collector();
    let template = |fields: &[u16]| ipfix(1, &[set(2, &words(fields))]);
    collect(&mut collector, &template(&[256, 1, 1, 4]));
    collect(&mut collector, &template(&[256, 1, 1, 4]));
    assert_eq!(collector.template_stats().changed, 0);
    collect(&mut collector, &template(&[256, 1, 1, 8]));
    collect(&mut collector, &template(&[256, 0]));
    let stats = collector.template_stats();
    assert_eq!((stats.taken, stats.changed, stats.withdrawals, stats.kept), (3, 1, 1, 1));
    let data = ipfix(1, &[set(256, &[0; 8])]);
    assert_eq!(collect(&mut collector, &data).0.len(), 1);
    let late = NOW_NS + Limits::default().template_lifetime_ns + 1;
    let outcome = collector.collect(EXPORTER, late, &data, |_| {}).unwrap();
    assert_eq!((outcome.sets_without_template, collector.template_stats().expired), (1, 1));
}

#[test]
fn an_honest_exporter_keeps_its_templates_in_a_flood_of_others() {
    let limits = Limits { exporters: 64, templates: 1000, ..Limits::default() };
    let mut collector = Collector::new(&limits);
    let second = 1_000_000_000;
    let template = v9(1, &[set(0, &words(&FIELDS))]);
    let data = v9(1, &[set(256, &flow())]);
    collector.collect(EXPORTER, NOW_NS, &template, |_| {}).unwrap();
    collector.collect(EXPORTER, NOW_NS + 2 * second, &data, |_| {}).unwrap();
    let mut lost = 0;
    for source in 0..20_000_u32 {
        let spoofed = IpAddr::from((0x0b00_0000 + source).to_be_bytes());
        collector.collect(spoofed, NOW_NS + 3 * second, &template, |_| {}).unwrap();
        collector.collect(spoofed, NOW_NS + 3 * second, &data, |_| {}).unwrap();
        if source % 1000 == 999 {
            let outcome = collector.collect(EXPORTER, NOW_NS + 3 * second, &data, |_| {}).unwrap();
            lost += outcome.sets_without_template;
        }
    }
    assert_eq!(lost, 0);
    assert!(collector.template_stats().exporters_evicted > 19_000);
}

#[test]
fn samples_and_counters_of_sflow_are_read() {
    let long = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
    let frame = [
        &[0; 12][..],
        &[8, 0, 0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2],
        &[0, 99, 0, 53, 0, 10, 0, 0, b'a', b'b'],
    ]
    .concat();
    let header = [long(&[1, 1500, 4, frame.len() as u32]), frame].concat();
    let switch = long(&[12, 0, 12, 0]);
    let records = [long(&[1, header.len() as u32]), header, long(&[1001, 16]), switch].concat();
    let flow_sample = [long(&[9, 3, 512, 100, 7, 3, 0x4000_0000, 2]), records].concat();
    let mut counters = long(&[4, 6]);
    counters.extend(1_000_000_000_u64.to_be_bytes());
    counters.extend(long(&[1, 3]));
    counters.extend(5000_u64.to_be_bytes());
    counters.extend(long(&[1, 2, 3, 4, 5, 6]));
    counters.extend(6000_u64.to_be_bytes());
    counters.extend(long(&[1, 2, 3, 4, 5, 0]));
    let counter_sample = [long(&[9, 4, 1, 1, counters.len() as u32]), counters].concat();
    let datagram = [
        long(&[5, 1, 0x7f00_0001, 0, 1, 1000, 2]),
        long(&[1, flow_sample.len() as u32]),
        flow_sample,
        long(&[2, counter_sample.len() as u32]),
        counter_sample,
    ]
    .concat();
    let (mut samples, mut interfaces) = (0, 0);
    let outcome = collector().collect(EXPORTER, NOW_NS, &datagram, |exported| match exported {
        Exported::Sample(sample) => {
            samples += 1;
            let flow = &sample.flow;
            assert_eq!((sample.sample_pool, sample.drops, flow.sampling_interval), (100, 7, 512));
            assert_eq!((flow.octet_delta_count, flow.packet_delta_count, flow.vlan_id), (1500, 1, 12));
            assert_eq!((flow.ingress_interface, flow.egress_interface), (3, 0));
            assert_eq!((flow.destination_transport_port, sample.packet.unwrap().payload), (53, &b"ab"[..]));
        }
        Exported::Counters(found) => {
            interfaces += 1;
            assert_eq!((found.interface, found.in_octets, found.out_octets), (4, 5000, 6000));
            assert_eq!((found.in_packets, found.out_faults), ([1, 2, 3], [4, 5]));
        }
        other => panic!("{other:?}"),
    });
    assert_eq!((samples, interfaces, outcome.unwrap().set_aside), (1, 1, 0));
}

#[test]
fn counters_before_a_record_that_is_cut_are_counted() {
    let long = |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>();
    let counters = long(&[1; 22]);
    let sample = [long(&[9, 4, 2, 1, counters.len() as u32]), counters, long(&[1])].concat();
    let head = long(&[5, 1, 0x7f00_0001, 0, 1, 1000, 1, 2, sample.len() as u32]);
    let outcome = collector().collect(EXPORTER, NOW_NS, &[head, sample].concat(), |_| {}).unwrap();
    assert_eq!((outcome.records, outcome.set_aside), (1, 1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// RFC 3954, section 7: the last template of this exporter, domain and version counts, and no other.
    #[test]
    fn templates_are_kept_apart_and_the_last_one_counts(
        steps in proptest::collection::vec((0_u8..2, 0_u32..2, any::<bool>(), 0_u16..3, 0_u16..3, any::<bool>()), 1..80),
    ) {
        let mut collector = collector();
        let mut model = HashMap::new();
        for (exporter, domain, is_ipfix, id, layout, is_template) in steps {
            let address = IpAddr::from([192, 0, 2, exporter]);
            let key = (exporter, domain, is_ipfix, id);
            // Each layout puts the port of the source elsewhere.
            let fields = match layout {
                0 => [7, 2, 11, 2, 6, 2],
                1 => [11, 2, 7, 2, 6, 2],
                _ => [11, 2, 6, 2, 7, 2],
            };
            let body = if is_template {
                model.insert(key, layout);
                set(if is_ipfix { 2 } else { 0 }, &words(&[&[256 + id, 3][..], &fields].concat()))
            } else {
                set(256 + id, &words(&[100, 101, 102]))
            };
            let datagram = if is_ipfix { ipfix(domain, &[body]) } else { v9(domain, &[body]) };
            let mut ports = Vec::new();
            let outcome = collector.collect(address, NOW_NS, &datagram, |exported| {
                if let Exported::Flow(record) = exported {
                    ports.push(record.flow.source_transport_port);
                }
            }).unwrap();
            if !is_template {
                let expect: Vec<u16> = model.get(&key).map(|layout| 100 + layout).into_iter().collect();
                prop_assert_eq!(outcome.sets_without_template, u32::from(expect.is_empty()));
                prop_assert_eq!(ports, expect);
            }
        }
    }
}

#[test]
fn messages_of_version_9_one_after_another_end_with_the_records_they_count() {
    let counted = |count: u16, sets: &[Vec<u8>]| {
        let mut message = v9(1, sets);
        message[2..4].copy_from_slice(&count.to_be_bytes());
        message
    };
    let first = counted(2, &[set(0, &words(&FIELDS)), set(256, &flow())]);
    // One whose header counts too many, and one without its template.
    let second = counted(9, &[set(256, &flow())]);
    let third = counted(1, &[set(300, &flow())]);
    let bytes = [first.clone(), second.clone(), third.clone()].concat();
    let (mut collector, mut at, mut flows, mut lengths) = (collector(), 0, 0, Vec::new());
    while at < bytes.len() {
        let outcome = collector.collect_next(EXPORTER, None, &bytes[at..], |_| flows += 1).unwrap();
        lengths.push(outcome.consumed);
        at += outcome.consumed;
    }
    assert_eq!(lengths, [first.len(), second.len(), third.len()]);
    assert_eq!(flows, 2);
}
