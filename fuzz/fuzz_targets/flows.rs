//! Captures into flows: every packet is accounted for, whatever the timeouts and the room.
#![no_main]

use eddy_fuzz::flow_survival::survive_flows;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    survive_flows(data);
});
