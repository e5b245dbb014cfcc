//! Whether the sizes in a Parquet footer can be true.
//!
//! The footer is a struct in Thrift's compact protocol
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>). A decoder reserves memory for as
//! many elements as a list says it has; each takes at least one byte, so a list that claims more than there are bytes left
//! is false.

/// Structs and lists within each other; the format itself needs about ten.
const MAX_DEPTH: usize = 64;

/// Whether each list, map and text of the footer fits into the bytes that follow it.
pub(super) fn is_sound(footer: &[u8]) -> bool {
    Walk { bytes: footer }.fields(0).is_some()
}

struct Walk<'a> {
    bytes: &'a [u8],
}

impl Walk<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*byte)
    }

    fn skip(&mut self, length: u64) -> Option<()> {
        self.bytes = self.bytes.get(usize::try_from(length).ok()?..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// The fields of a struct up to its end.
    fn fields(&mut self, depth: usize) -> Option<()> {
        loop {
            let head = self.byte()?;
            let kind = head & 0x0f;
            if kind == 0 {
                return Some(());
            }
            if head >> 4 == 0 {
                self.varint()?;
            }
            // The value of a truth is part of its type.
            if kind > 2 {
                self.value(kind, depth)?;
            }
        }
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.varint().map(drop),
            7 => self.skip(8),
            8 => {
                let length = self.varint()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                self.elements(length, &[head & 0x0f], depth)
            }
            11 => {
                let length = self.varint()?;
                if length == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                self.elements(length, &[kinds >> 4, kinds & 0x0f], depth)
            }
            12 => self.fields(depth + 1),
            13 => self.skip(16),
            _ => None,
        }
    }

    fn elements(&mut self, length: u64, kinds: &[u8], depth: usize) -> Option<()> {
        if length > self.bytes.len() as u64 {
            return None;
        }
        for _ in 0..length {
            for kind in kinds {
                self.value(*kind, depth + 1)?;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_that_claim_too_much_are_false() {
        fn check(footer: &[u8], expect: bool) {
            assert_eq!(is_sound(footer), expect, "{footer:?}");
        }
        // An i32, then a list of two bytes, then the end.
        check(&[0x15, 0x02, 0x19, 0x23, 1, 2, 0], true);
        // A list of 2^31 structs.
        check(&[0x49, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x08, 0, 0], false);
        // A text longer than what follows.
        check(&[0x18, 0x7f, b'a', 0], false);
        // No end.
        check(&[0x15, 0x02], false);
        check(&[], false);
        check(&[0x1c; 1000], false);
    }
}
