//! Names that are the same in every run over the same input.

use std::fmt::Write as _;

use sha1::{Digest, Sha1};

/// The name space of everything Eddy names: version 5 of `eddy` in the name space of DNS names (RFC 9562).
const NAME_SPACE: [u8; 16] =
    [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];

/// The name space in which STIX names addresses and other things that are what they are (STIX 2.1, section 2.9).
const STIX_SPACE: [u8; 16] =
    [0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c, 0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7];

/// A UUID of version 5: the same text gives the same name.
pub(crate) fn uuid(text: &str) -> String {
    version5(&NAME_SPACE, &format!("eddy:{text}"))
}

/// The UUID that everybody gives an address in STIX.
pub(crate) fn stix_address(address: std::net::IpAddr) -> String {
    version5(&STIX_SPACE, &format!("{{\"value\":\"{address}\"}}"))
}

fn version5(space: &[u8; 16], text: &str) -> String {
    let whole = Sha1::new().chain_update(space).chain_update(text).finalize();
    let mut digest = [0u8; 16];
    digest.copy_from_slice(&whole[..16]);
    digest[6] = (digest[6] & 0x0f) | 0x50;
    digest[8] = (digest[8] & 0x3f) | 0x80;
    let hex = hex(&digest);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Twelve hexadecimal digits for a text: what an incident is called.
pub(crate) fn short(text: &str) -> String {
    hex(&Sha1::new().chain_update("eddy incident:").chain_update(text).finalize()[..6])
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_well_formed_and_depend_on_the_text_alone() {
        let name = uuid("incident 1");
        assert_eq!(name, uuid("incident 1"));
        assert_ne!(name, uuid("incident 2"));
        let lengths: Vec<usize> = name.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert!(name.as_bytes()[14] == b'5' && b"89ab".contains(&name.as_bytes()[19]), "{name}");
        // RFC 9562, appendix A.4.
        assert_eq!(version5(&NAME_SPACE, "www.example.com"), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
        assert_eq!(short("a").len(), 12);
        assert_ne!(short("a"), short("b"));
    }
}
