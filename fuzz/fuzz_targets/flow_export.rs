//! Datagrams of exporters, each with its length before it: NetFlow, IPFIX, sFlow.
#![no_main]

use eddy_fuzz::wire_survival::survive_datagrams;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    survive_datagrams(data);
});
