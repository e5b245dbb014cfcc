//! Whether the sizes in a Parquet footer or page header can be true.
//!
//! Both are structs in Thrift's compact protocol
//! (<https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>). A decoder reserves memory, or
//! goes round, for as many elements as a list says it has; each takes at least one byte, so a list that claims more than
//! there are bytes left is false. Lists of truths are refused, as decoders do not agree on whether those take bytes, and
//! what follows would be read otherwise here than there; neither struct has one.

/// Structs and lists within each other; the format itself needs about ten.
const MAX_DEPTH: usize = 64;

/// Whether each list, map and text of the footer fits into the bytes that follow it.
pub(super) fn is_sound(footer: &[u8]) -> bool {
    Walk { bytes: footer }.fields(0).is_some()
}

/// What the header of a page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Bytes of the header itself.
    pub(super) length: usize,
    /// Bytes of the page, unpacked.
    pub(super) unpacked: u64,
    /// Bytes of the page as it is stored.
    pub(super) packed: u64,
}

/// The header at the beginning of `bytes`, which may hold more. Nothing when it is not sound, or not all there.
pub(super) fn page_header(bytes: &[u8]) -> Option<PageHeader> {
    /// Places of the two sizes in the struct.
    const UNPACKED: u64 = 2;
    const PACKED: u64 = 3;
    let mut walk = Walk { bytes };
    let (mut field, mut unpacked, mut packed) = (0_u64, None, None);
    while let Some((kind, at)) = walk.field(field)? {
        field = at;
        match (field, kind) {
            (UNPACKED, 5) => unpacked = Some(walk.size()?),
            (PACKED, 5) => packed = Some(walk.size()?),
            (_, 1 | 2) => {}
            _ => walk.value(kind, 0)?,
        }
    }
    Some(PageHeader { length: bytes.len() - walk.bytes.len(), unpacked: unpacked?, packed: packed? })
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

    /// A number that must not be negative.
    fn size(&mut self) -> Option<u64> {
        let zigzag = self.varint()?;
        (zigzag & 1 == 0).then_some(zigzag >> 1)
    }

    /// Kind and number of the next field, the one before having the number `last`; `Some(None)` at the end of the struct.
    #[expect(clippy::option_option, reason = "the end of the struct is not the end of the bytes")]
    fn field(&mut self, last: u64) -> Option<Option<(u8, u64)>> {
        let head = self.byte()?;
        let kind = head & 0x0f;
        if kind == 0 {
            return Some(None);
        }
        let number = match head >> 4 {
            0 => self.varint()? >> 1,
            step => last.wrapping_add(u64::from(step)),
        };
        Some(Some((kind, number)))
    }

    /// The fields of a struct up to its end.
    fn fields(&mut self, depth: usize) -> Option<()> {
        while let Some((kind, _)) = self.field(0)? {
            // The value of a truth is part of its type.
            if kind > 2 {
                self.value(kind, depth)?;
            }
        }
        Some(())
    }

    fn value(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            3 => self.skip(1),
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
    fn page_headers_are_read() {
        fn check(bytes: &[u8], expect: Option<(usize, u64, u64)>) {
            let got = page_header(bytes).map(|header| (header.length, header.unpacked, header.packed));
            assert_eq!(got, expect, "{bytes:?}");
        }
        // A kind of page, 100 bytes unpacked, 50 packed, a struct with a number and a truth; what follows is the page.
        check(&[0x15, 0, 0x15, 0xc8, 1, 0x15, 100, 0x2c, 0x15, 6, 0x11, 0, 0, 9, 9], Some((13, 100, 50)));
        check(&[0x15, 0, 0x15, 0xc8, 1, 0x15, 100, 0x2c, 0x15, 6], None);
        check(&[0x15, 0, 0x15, 0xc9, 1, 0x15, 100, 0], None);
        check(&[0x15, 0, 0x15, 0xc8, 1, 0], None);
        // A list of truths.
        check(&[0x15, 0, 0x15, 0xc8, 1, 0x15, 100, 0x69, 0x21, 1, 1, 0], None);
    }

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
