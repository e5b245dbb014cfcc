//! Logs of flows: one alone as any input, and two that are joined, parted at the first zero byte.
#![no_main]

use eddy_fuzz::survival::{survive, survive_flows};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    match data.iter().position(|byte| *byte == 0) {
        Some(at) if !data.starts_with(&[0x0c, 0xa5]) => survive_flows(&data[..at], &data[at + 1..]),
        _ => drop(survive(data)),
    }
});
