//! Reads captures and counts what their packets are: `count FILE...`; with `--times N` from memory, to measure speed.

use std::collections::BTreeMap;
use std::time::Instant;

use eddy_wire::{CaptureReader, Limits, decode};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut times = 1;
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if_eq("--times").is_some() {
        times = arguments.next().ok_or("--times wants a number")?.parse()?;
    }
    let limits = Limits::default();
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for path in arguments {
        let bytes = std::fs::read(&path)?;
        let begin = Instant::now();
        let (mut packets, mut ports) = (0_u64, 0_u64);
        for _ in 0..times {
            let mut reader = match CaptureReader::new(&bytes[..], &limits) {
                Ok(reader) => reader,
                Err(error) => {
                    println!("{path}: {error}");
                    break;
                }
            };
            while let Some(frame) = reader.next_frame()? {
                let packet = decode(frame.link, frame.bytes, frame.wire_len, &limits);
                packets += 1;
                ports += u64::from(packet.source_port) + u64::from(packet.destination_port);
                if let Some(reason) = packet.reason {
                    let key = format!("{reason} (link type {}, {:?})", frame.link.0, packet.network);
                    *reasons.entry(key).or_default() += 1;
                }
            }
            if times == 1 {
                reader.notes().iter().for_each(|note| println!("{path}: {note}"));
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{path}: {packets} packets, {:.2} M/s (sum of ports {ports})",
            packets as f64 / seconds / 1e6
        );
    }
    reasons.iter().for_each(|(reason, n)| println!("{n:8} {reason}"));
    Ok(())
}
