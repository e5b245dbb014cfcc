//! Arrow IPC files and streams.
#![no_main]

use eddy_fuzz::survival::survive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    survive(data);
});
