//! Gzip and Zstandard around a table. Half of the damage is done inside and packed again.
#![no_main]

use eddy_fuzz::{mutate_packed, survival::survive};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    survive(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_packed(data, size, max_size, seed)
});
