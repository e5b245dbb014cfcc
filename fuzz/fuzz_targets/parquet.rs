//! Parquet. Damage to pages and footer is made with the footer's length kept true, else hardly any gets past it.
#![no_main]

use eddy_fuzz::{mutate_parquet, survival::survive};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    survive(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_parquet(data, size, max_size, seed)
});
