//! Captures into flows: every packet is accounted for, whatever the timeouts and the room, and every feature is a number.
#![no_main]

use eddy_fuzz::flow_survival::{survive_features, survive_flows};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    survive_flows(data);
    survive_features(data);
});
