//! JSON: arrays of objects, objects one after the other, arrays within an object.
#![no_main]

use eddy_fuzz::survival::survive;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    survive(data);
});
