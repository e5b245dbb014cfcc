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
    /// Number of the encoding of its values, where it has any.
    pub(super) encoding: Option<u64>,
}

/// The header at the beginning of `bytes`, which may hold more. Nothing when it is not sound, or not all there.
pub(super) fn page_header(bytes: &[u8]) -> Option<PageHeader> {
    /// Places of the two sizes in the struct.
    const UNPACKED: u64 = 2;
    const PACKED: u64 = 3;
    /// The struct about values, in both versions of pages, and where it has the encoding.
    const DATA: (u64, u64) = (5, 2);
    const DATA_V2: (u64, u64) = (8, 4);
    let mut walk = Walk { bytes };
    let (mut field, mut unpacked, mut packed, mut encoding) = (0_u64, None, None, None);
    while let Some((kind, at)) = walk.field(field)? {
        field = at;
        match (field, kind) {
            (UNPACKED, 5) => unpacked = Some(walk.size()?),
            (PACKED, 5) => packed = Some(walk.size()?),
            (at, 12) if at == DATA.0 || at == DATA_V2.0 => {
                let (_, wanted) = if field == DATA.0 { DATA } else { DATA_V2 };
                encoding = walk.number_at(wanted)?;
            }
            (_, 1 | 2) => {}
            _ => walk.value(kind, 0)?,
        }
    }
    let length = bytes.len() - walk.bytes.len();
    Some(PageHeader { length, unpacked: unpacked?, packed: packed?, encoding })
}

/// Whether texts in a delta encoding are at most `most`, told from the number that stands before their lengths. With
/// shared prefixes there are two runs of lengths, one after the other (DELTA_BYTE_ARRAY), else one (DELTA_LENGTH_BYTE_ARRAY).
pub(super) fn are_at_most(most: u64, values: &[u8], prefixes: Prefixes) -> bool {
    let mut walk = Walk { bytes: values };
    match prefixes {
        Prefixes::None => walk.run_header(most).is_some(),
        Prefixes::Shared => walk.run(most).and_then(|()| walk.run_header(most)).is_some(),
    }
}

/// Whether texts share beginnings with those before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefixes {
    None,
    Shared,
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

    /// The number in field `wanted` of a struct, which is walked to its end.
    #[expect(clippy::option_option, reason = "a field that is not there is no fault")]
    fn number_at(&mut self, wanted: u64) -> Option<Option<u64>> {
        let (mut last, mut number) = (0, None);
        while let Some((kind, at)) = self.field(last)? {
            last = at;
            match kind {
                1 | 2 => {}
                5 if at == wanted => number = Some(self.size()?),
                _ => self.value(kind, 1)?,
            }
        }
        Some(number)
    }

    /// What stands before a run of delta-packed numbers: numbers of a block, its parts, numbers in all, of which there
    /// must not be more than `most`.
    fn run_header(&mut self, most: u64) -> Option<(u64, u64, u64)> {
        let (block, parts, total) = (self.varint()?, self.varint()?, self.varint()?);
        self.varint()?;
        (total <= most && parts > 0 && block.is_multiple_of(parts)).then_some((block, parts, total))
    }

    /// Walks a run of delta-packed numbers.
    fn run(&mut self, most: u64) -> Option<()> {
        let (block, parts, total) = self.run_header(most)?;
        let per_part = block / parts;
        let mut left = total.saturating_sub(1);
        while left > 0 {
            self.varint()?;
            let (widths, rest) = self.bytes.split_at_checked(usize::try_from(parts).ok()?)?;
            self.bytes = rest;
            for width in widths {
                if left > 0 {
                    self.skip(per_part.checked_mul(u64::from(*width))? / 8)?;
                }
                left = left.saturating_sub(per_part);
            }
            if per_part == 0 {
                return None;
            }
        }
        Some(())
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
        // The encoding stands in a struct of its own.
        let page = [0x15, 0, 0x15, 0xc8, 1, 0x15, 100, 0x2c, 0x15, 6, 0x15, 14, 0, 0];
        assert_eq!(page_header(&page).and_then(|header| header.encoding), Some(7));
        // A kind of page, 100 bytes unpacked, 50 packed, a struct with a number and a truth; what follows is the page.
        check(&[0x15, 0, 0x15, 0xc8, 1, 0x15, 100, 0x2c, 0x15, 6, 0x11, 0, 0, 9, 9], Some((13, 100, 50)));
        check(&[0x15, 0, 0x15, 0xc8, 1, 0x15, 100, 0x2c, 0x15, 6], None);
        check(&[0x15, 0, 0x15, 0xc9, 1, 0x15, 100, 0], None);
        check(&[0x15, 0, 0x15, 0xc8, 1, 0], None);
        // A list of truths.
        check(&[0x15, 0, 0x15, 0xc8, 1, 0x15, 100, 0x69, 0x21, 1, 1, 0], None);
    }

    #[test]
    fn runs_of_lengths_are_measured() {
        fn check(values: &[u8], prefixes: Prefixes, expect: bool) {
            assert_eq!(are_at_most(3, values, prefixes), expect, "{values:?}");
        }
        // Blocks of 128 in 4 parts, three numbers; the smallest delta, widths, 4 bytes of the first part.
        let run = [0x80, 1, 4, 3, 2, 0, 1, 0, 0, 0, 9, 9, 9, 9];
        check(&run, Prefixes::None, true);
        check(&run, Prefixes::Shared, false);
        check(&[run, run].concat(), Prefixes::Shared, true);
        let many = [0x80, 1, 4, 4, 2, 0, 1, 0, 0, 0, 9, 9, 9, 9];
        check(&many, Prefixes::None, false);
        check(&[run, many].concat(), Prefixes::Shared, false);
        check(&[0x80, 1, 0, 1, 2], Prefixes::None, false);
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
