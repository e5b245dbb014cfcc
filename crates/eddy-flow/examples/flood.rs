//! A flood of packets that each begin a flow, in a table of 512 MiB: `flood [PACKETS]`. Prints speed, memory and counts.

use std::time::Instant;

use eddy_flow::{Biflow, FlowSettings, FlowTable};
use eddy_wire::{Limits, Network, Packet, TCP_SYN, TcpHeader, protocol};

fn main() {
    let n = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10_000_000_u64);
    let settings = FlowSettings { memory_bytes: 512 << 20, ..FlowSettings::default() };
    let mut table: FlowTable = FlowTable::new(settings, &Limits::default());
    let mut out = 0_u64;
    let mut end = |flow: &Biflow, (): &()| out += flow.packets();
    let begin = Instant::now();
    for idx in 0..n {
        // Spreads the numbers: a multiplication by an odd number is a permutation.
        let mixed = idx.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let packet = Packet {
            network: Network::Ipv4,
            source: 0xffff_0000_0000 | u128::from(mixed >> 32),
            destination: 0xffff_0a00_0001,
            protocol: protocol::TCP,
            source_port: (mixed >> 16) as u16,
            destination_port: 80,
            tcp: TcpHeader { flags: TCP_SYN, ..TcpHeader::default() },
            wire_len: 60,
            ip_len: 46,
            ..Packet::default()
        };
        table.add(&packet, (idx * 1000).cast_signed(), &mut end);
    }
    let seconds = begin.elapsed().as_secs_f64();
    let memory = table.memory_bytes();
    table.finish(&mut end);
    let stats = table.stats();
    println!("{n} packets in {seconds:.2} s: {:.2} M/s", n as f64 / seconds / 1e6);
    println!("table: {} MiB, room for {} flows", memory >> 20, table.capacity());
    println!(
        "packets out {out}; flows {}, evicted {}, most at once {}",
        stats.flows,
        stats.evicted(),
        stats.most_flows
    );
}
