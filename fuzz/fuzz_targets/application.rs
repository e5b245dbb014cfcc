//! Payloads of applications: DNS, TLS, QUIC, HTTP, DHCP, SSH.
#![no_main]

use eddy_fuzz::wire_survival::survive_payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    survive_payload(data);
});
