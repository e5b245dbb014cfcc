//! One frame, as every link type.
#![no_main]

use eddy_fuzz::wire_survival::survive_frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    survive_frame(data);
});
