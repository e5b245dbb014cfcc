//! The older format: a header of 24 bytes, then frames.

use std::io::{self, Read};

use super::buffer::Buffer;
use super::{CaptureError, NoteKind, Order, Place, Progress, size};
use crate::cursor::Cursor;
use crate::link::LinkType;

const FILE_HEADER: usize = 24;
/// Nanoseconds of a second.
const SECOND: i64 = 1_000_000_000;

/// Which of the two lengths of a frame comes first: some old programs wrote them the other way round.
#[derive(Clone, Copy)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    SmallerIsCaptured,
}

pub(super) struct Pcap {
    order: Order,
    link: LinkType,
    lengths: Lengths,
    /// Nanoseconds of a unit of the second word of a time.
    unit_ns: i64,
    /// Bytes of the header of a frame: 16, or 24 in the modified format.
    frame_header: usize,
}

impl Pcap {
    pub(super) fn open<R: Read>(buffer: &mut Buffer<R>, magic: [u8; 4]) -> Result<Self, CaptureError> {
        let known = |bytes: [u8; 4]| match u32::from_be_bytes(bytes) {
            // The second is a variant of one author's, with the same frames.
            0xa1b2_c3d4 | 0xa1b2_34cd => Some((1000, 16)),
            0xa1b2_3c4d => Some((1, 16)),
            // A variant with two more words in the header of a frame.
            0xa1b2_cd34 => Some((1000, 24)),
            _ => None,
        };
        let [a, b, c, d] = magic;
        let (order, (unit_ns, frame_header)) = match (known(magic), known([d, c, b, a])) {
            (Some(form), _) => (Order::Big, form),
            (_, Some(form)) => (Order::Little, form),
            _ => return Err(CaptureError::NotACapture(magic.to_vec())),
        };
        if !buffer.fill(FILE_HEADER)? {
            return Err(CaptureError::NoHeader(buffer.window().len() as u64));
        }
        let mut cursor = Cursor::new(buffer.window());
        let mut read = || {
            cursor.skip(4)?;
            let major = order.u16(cursor.array()?);
            let minor = order.u16(cursor.array()?);
            cursor.skip(12)?;
            Some((major, minor, order.u32(cursor.array()?)))
        };
        let (major, minor, link) = read().ok_or(CaptureError::NoHeader(0))?;
        if major != 2 && major != 543 {
            return Err(CaptureError::Version { major, minor });
        }
        let lengths = match minor {
            0..=2 => Lengths::WireFirst,
            3 => Lengths::SmallerIsCaptured,
            _ if major == 543 => Lengths::SmallerIsCaptured,
            _ => Lengths::CapturedFirst,
        };
        buffer.consume(FILE_HEADER);
        // The upper bits of the link type tell of checksums at the end of frames, which the lengths of IP cut off.
        Ok(Self { order, link: LinkType(link & 0x03ff_ffff), lengths, unit_ns, frame_header })
    }

    #[inline]
    pub(super) fn next<R: Read>(
        &mut self,
        buffer: &mut Buffer<R>,
        progress: &mut Progress,
    ) -> io::Result<Option<Place>> {
        let offset = buffer.offset();
        if !buffer.fill(self.frame_header)? {
            if !buffer.window().is_empty() {
                progress.end_with(offset, NoteKind::Truncated);
            }
            return Ok(None);
        }
        let Some(words) = buffer.window().first_chunk::<16>() else { return Ok(None) };
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *words;
        let seconds = i64::from(self.order.u32([a, b, c, d]));
        let units = i64::from(self.order.u32([e, f, g, h]));
        let (mut captured, mut wire) = (self.order.u32([i, j, k, l]), self.order.u32([m, n, o, p]));
        match self.lengths {
            Lengths::CapturedFirst => {}
            Lengths::SmallerIsCaptured if captured <= wire => {}
            _ => (captured, wire) = (wire, captured),
        }
        if captured > progress.limits.frame_bytes {
            progress.end_with(offset, NoteKind::FrameTooLong { bytes: captured });
            return Ok(None);
        }
        let len = size(captured);
        let whole = self.frame_header.saturating_add(len);
        if !buffer.fill(whole)? {
            progress.end_with(offset, NoteKind::Truncated);
            return Ok(None);
        }
        let start = buffer.consume(whole).saturating_add(self.frame_header);
        let time_ns = seconds.saturating_mul(SECOND).saturating_add(units.saturating_mul(self.unit_ns));
        Ok(Some(Place { time_ns, link: self.link, interface: 0, wire_len: wire.max(captured), start, len }))
    }
}
