//! What single packets tell beside flows: frames of Ethernet, with their lengths and times.
#![no_main]

use eddy_fuzz::survival::survive_signs;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    survive_signs(data);
});
