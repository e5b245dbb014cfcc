//! How fast flow records are decoded: NetFlow v5, v9 and IPFIX datagrams made here, 20 fields a record.

use std::hint::black_box;
use std::net::IpAddr;
use std::time::Instant;

use eddy_wire::Limits;
use eddy_wire::export::{Collector, Exported};

/// Element and length of the fields of a common template.
const FIELDS: [(u16, u16); 20] = [
    (8, 4),
    (12, 4),
    (15, 4),
    (10, 4),
    (14, 4),
    (2, 8),
    (1, 8),
    (22, 4),
    (21, 4),
    (7, 2),
    (11, 2),
    (6, 1),
    (4, 1),
    (5, 1),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
    (61, 1),
    (60, 1),
];

fn words(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn datagram(version: u16, set: u16, body: &[u8]) -> Vec<u8> {
    let set = [&words(&[set, body.len() as u16 + 4])[..], body].concat();
    let mut bytes = words(&[version, if version == 10 { set.len() as u16 + 16 } else { 20 }]);
    if version == 9 {
        bytes.extend(100_000_u32.to_be_bytes());
    }
    bytes.extend([1_700_000_000_u32, 1, 1].map(u32::to_be_bytes).concat());
    [bytes, set].concat()
}

fn main() {
    let fields: Vec<u16> = FIELDS.iter().flat_map(|(id, len)| [*id, *len]).collect();
    let template = words(&[&[256, 20][..], &fields].concat());
    let record: Vec<u8> = FIELDS
        .iter()
        .enumerate()
        .flat_map(|(idx, (_, len))| vec![idx as u8 + 1; usize::from(*len)])
        .collect();
    let mut five = words(&[5, 30]);
    five.extend([100_000_u32, 1_700_000_000, 0, 1, 0].map(u32::to_be_bytes).concat());
    five.extend(vec![1; 48 * 30]);
    for (name, template, data) in [
        ("NetFlow v5", None, five),
        ("NetFlow v9", Some(datagram(9, 0, &template)), datagram(9, 256, &record.repeat(20))),
        ("IPFIX", Some(datagram(10, 2, &template)), datagram(10, 256, &record.repeat(20))),
    ] {
        let mut collector = Collector::new(&Limits::default());
        let exporter = IpAddr::from([192, 0, 2, 1]);
        let now = 1_700_000_000_000_000_000;
        if let Some(template) = template {
            let _ = collector.collect(exporter, now, &template, |_| {});
        }
        let (mut n, mut octets) = (0_u64, 0_u64);
        let begin = Instant::now();
        for _ in 0..200_000 {
            let _ = collector.collect(exporter, now, black_box(&data), |exported| {
                if let Exported::Flow(record) = exported {
                    n += 1;
                    octets = octets.wrapping_add(record.flow.octet_delta_count);
                }
            });
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!("{name}: {n} records, {:.2} M/s (sum of octets {octets})", n as f64 / seconds / 1e6);
    }
}
