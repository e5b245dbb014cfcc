//! What was read is written in every format and read again: no row is lost on the way.
#![no_main]

use eddy_fuzz::survival::writing::survive_writing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| survive_writing(data));
