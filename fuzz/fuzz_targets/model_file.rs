//! Model files: decoded, rebuilt, used. Checksum and length are kept true, else all damage would end there.
#![no_main]

use eddy_fuzz::{model_survival::survive_model, mutate_model};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| {
    survive_model(data);
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate_model(data, size, max_size, seed)
});
