//! Names that nobody can guess and that sort by time.

use crate::clock::now_ms;

/// Letters of an id: those of Crockford's base 32, in lower case, so that none looks like another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Letters of an id.
const LENGTH: usize = 26;

/// Random bytes from the operating system.
///
/// # Panics
/// When the system has no randomness to give: nothing that must be secret could then be made.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new id: 48 bits of time in milliseconds and 80 random bits, as 26 letters. Ids sort by the time they were made.
pub fn new_id() -> String {
    let mut bits = u128::from(now_ms().max(0) as u64 & 0xFFFF_FFFF_FFFF) << 80;
    for byte in random_bytes::<10>().into_iter().enumerate() {
        bits |= u128::from(byte.1) << (8 * byte.0);
    }
    (0..LENGTH).rev().map(|at| char::from(LETTERS[(bits >> (5 * at)) as usize & 31])).collect()
}

/// Whether a text has the form of an id. What has not is never looked for, in the database or on the disk.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| LETTERS.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ids_and_differ() {
        let (a, b) = (new_id(), new_id());
        assert!(is_id(&a) && is_id(&b) && a != b, "{a} {b}");
        assert!(!is_id("../../../../../etc/passwd") && !is_id("") && !is_id(&a.to_uppercase()));
    }
}
