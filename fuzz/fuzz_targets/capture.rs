//! Captures: pcap and pcapng, and every packet in them.
#![no_main]

use eddy_fuzz::wire_survival::survive_capture;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = survive_capture(data);
});
