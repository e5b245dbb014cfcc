//! The newer format: sections of blocks.

use std::io::{self, Read};

use super::buffer::Buffer;
use super::{CaptureError, NoteKind, Order, Place, Progress, size};
use crate::cursor::Cursor;
use crate::link::LinkType;

/// The kind of a section header block, the same in both orders of bytes.
pub(super) const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// Kind and length before a block.
const BLOCK_HEADER: usize = 8;
/// Kind, length and the length again.
const SMALLEST_BLOCK: u32 = 12;

#[derive(Clone, Copy)]
struct Interface {
    link: LinkType,
    snap_len: u32,
    unit: Unit,
    offset_ns: i64,
}

/// How times of an interface become nanoseconds.
#[derive(Clone, Copy)]
enum Unit {
    Times(u64),
    Over(u128),
    /// Of a power of two per second.
    Shift(u32),
}

impl Unit {
    fn of(resolution: u8) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        if resolution & 0x80 != 0 {
            return Self::Shift(exponent);
        }
        match 9_u32.checked_sub(exponent) {
            Some(more) => Self::Times(10_u64.saturating_pow(more)),
            None => Self::Over(10_u128.saturating_pow(exponent.saturating_sub(9))),
        }
    }

    #[inline]
    fn nanoseconds(self, time: u64) -> i64 {
        let ns = match self {
            Self::Times(factor) => return i64::try_from(time.saturating_mul(factor)).unwrap_or(i64::MAX),
            Self::Over(divisor) => u128::from(time).checked_div(divisor).unwrap_or(0),
            Self::Shift(bits) => {
                u128::from(time).saturating_mul(1_000_000_000).checked_shr(bits).unwrap_or(0)
            }
        };
        i64::try_from(ns).unwrap_or(i64::MAX)
    }
}

/// What a block turned out to be.
enum Block {
    Frame(Place),
    Other,
    End,
}

pub(super) struct PcapNg {
    order: Order,
    interfaces: Vec<Interface>,
    last_time_ns: i64,
}

/// The frame inside a packet block, before its interface is looked up.
struct PacketBlock {
    interface: u32,
    time: Option<u64>,
    captured: u32,
    wire: u32,
    /// Bytes of the block before the frame.
    before: usize,
}

impl PcapNg {
    /// Looks at the first section header, which is then read as any block.
    pub(super) fn open<R: Read>(buffer: &mut Buffer<R>) -> Result<Self, CaptureError> {
        if !buffer.fill(28)? {
            return Err(CaptureError::NoHeader(buffer.window().len() as u64));
        }
        let Some((order, major, minor)) = section(buffer.window()) else {
            return Err(CaptureError::ByteOrder);
        };
        if major != 1 {
            return Err(CaptureError::Version { major, minor });
        }
        Ok(Self { order, interfaces: Vec::new(), last_time_ns: 0 })
    }

    #[inline]
    pub(super) fn next<R: Read>(
        &mut self,
        buffer: &mut Buffer<R>,
        progress: &mut Progress,
    ) -> io::Result<Option<Place>> {
        loop {
            match self.block(buffer, progress)? {
                Block::Frame(place) => return Ok(Some(place)),
                Block::Other => {}
                Block::End => return Ok(None),
            }
        }
    }

    fn block<R: Read>(&mut self, buffer: &mut Buffer<R>, progress: &mut Progress) -> io::Result<Block> {
        let offset = buffer.offset();
        let end = |progress: &mut Progress, kind| {
            progress.end_with(offset, kind);
            Ok(Block::End)
        };
        if !buffer.fill(BLOCK_HEADER)? {
            return if buffer.window().is_empty() {
                Ok(Block::End)
            } else {
                end(progress, NoteKind::Truncated)
            };
        }
        let Some(&[a, b, c, d, e, f, g, h]) = buffer.window().first_chunk::<BLOCK_HEADER>() else {
            return Ok(Block::End);
        };
        if [a, b, c, d] == SECTION {
            if !buffer.fill(16)? {
                return end(progress, NoteKind::Truncated);
            }
            match section(buffer.window()) {
                Some((order, 1, _)) => self.order = order,
                _ => return end(progress, NoteKind::UnknownSection),
            }
            self.interfaces.clear();
        }
        let (kind, total) = (self.order.u32([a, b, c, d]), self.order.u32([e, f, g, h]));
        if total < SMALLEST_BLOCK || !total.is_multiple_of(4) {
            return end(progress, NoteKind::BlockLength { bytes: total });
        }
        let whole = size(total);
        if total > progress.limits.block_bytes {
            if matches!(kind, OLD_PACKET | SIMPLE_PACKET | ENHANCED_PACKET) {
                progress.set_aside(offset, NoteKind::BlockTooLong { bytes: total });
            } else {
                progress.note(offset, NoteKind::BlockTooLong { bytes: total });
            }
            return Self::skip_long(buffer, progress, offset, whole);
        }
        if !buffer.fill(whole)? {
            return end(progress, NoteKind::Truncated);
        }
        let block = buffer.window().get(..whole).unwrap_or_default();
        let (rest, trailer) = block.split_last_chunk::<4>().unwrap_or((block, &[0; 4]));
        if self.order.u32(*trailer) != total {
            return end(progress, NoteKind::BlockTrailer);
        }
        let body = rest.get(BLOCK_HEADER..).unwrap_or_default();
        let found = match kind {
            ENHANCED_PACKET | OLD_PACKET | SIMPLE_PACKET => {
                let place = self.packet(kind, body, progress, offset);
                place.map_or(Block::Other, Block::Frame)
            }
            _ => {
                if kind == INTERFACE {
                    self.interface(body, progress, offset);
                }
                progress.stats.other_blocks = progress.stats.other_blocks.saturating_add(1);
                Block::Other
            }
        };
        let start = buffer.consume(whole);
        Ok(match found {
            Block::Frame(mut place) => {
                place.start = place.start.saturating_add(start).saturating_add(BLOCK_HEADER);
                Block::Frame(place)
            }
            other => other,
        })
    }

    #[cold]
    fn skip_long<R: Read>(
        buffer: &mut Buffer<R>,
        progress: &mut Progress,
        offset: u64,
        whole: usize,
    ) -> io::Result<Block> {
        if buffer.skip(whole)? {
            return Ok(Block::Other);
        }
        progress.end_with(offset, NoteKind::Truncated);
        Ok(Block::End)
    }

    /// The frame of a packet block; its place is counted from the start of the body.
    #[inline]
    fn packet(&mut self, kind: u32, body: &[u8], progress: &mut Progress, offset: u64) -> Option<Place> {
        let Some(packet) = self.packet_header(kind, body) else {
            progress.set_aside(offset, NoteKind::ShortBlock);
            return None;
        };
        let Some(interface) = self.interfaces.get(size(packet.interface)).copied() else {
            progress.set_aside(offset, NoteKind::UnknownInterface { interface: packet.interface });
            return None;
        };
        let mut len = size(packet.captured);
        if kind == SIMPLE_PACKET && interface.snap_len != 0 {
            len = len.min(size(interface.snap_len));
        }
        if packet.before.checked_add(len).is_none_or(|end| end > body.len()) {
            progress.set_aside(offset, NoteKind::FrameOutsideBlock);
            return None;
        }
        if len > size(progress.limits.frame_bytes) {
            progress.set_aside(offset, NoteKind::FrameTooLong { bytes: packet.captured });
            return None;
        }
        if let Some(time) = packet.time {
            self.last_time_ns = interface.unit.nanoseconds(time).saturating_add(interface.offset_ns);
        }
        Some(Place {
            time_ns: self.last_time_ns,
            link: interface.link,
            interface: packet.interface,
            wire_len: packet.wire.max(u32::try_from(len).unwrap_or(u32::MAX)),
            start: packet.before,
            len,
        })
    }

    #[inline]
    fn packet_header(&self, kind: u32, body: &[u8]) -> Option<PacketBlock> {
        let mut cursor = Cursor::new(body);
        let mut word = || cursor.array().map(|bytes| self.order.u32(bytes));
        if kind == SIMPLE_PACKET {
            let wire = word()?;
            let room = u32::try_from(cursor.len()).unwrap_or(u32::MAX);
            return Some(PacketBlock { interface: 0, time: None, captured: wire.min(room), wire, before: 4 });
        }
        let first = word()?;
        let interface = match (kind, self.order) {
            (OLD_PACKET, Order::Big) => first >> 16,
            (OLD_PACKET, Order::Little) => first & 0xffff,
            _ => first,
        };
        let (high, low, captured, wire) = (word()?, word()?, word()?, word()?);
        let time = (u64::from(high) << 32) | u64::from(low);
        Some(PacketBlock { interface, time: Some(time), captured, wire, before: 20 })
    }

    #[cold]
    fn interface(&mut self, body: &[u8], progress: &mut Progress, offset: u64) {
        if self.interfaces.len() >= size(progress.limits.interfaces) {
            progress.note(offset, NoteKind::TooManyInterfaces);
            return;
        }
        let mut cursor = Cursor::new(body);
        let mut read = || {
            let link = self.order.u16(cursor.array()?);
            cursor.skip(2)?;
            Some((link, self.order.u32(cursor.array()?)))
        };
        let Some((link, snap_len)) = read() else {
            progress.note(offset, NoteKind::ShortBlock);
            return;
        };
        let mut interface =
            Interface { link: LinkType(u32::from(link)), snap_len, unit: Unit::Times(1000), offset_ns: 0 };
        while let Some((code, value)) = option(&mut cursor, self.order) {
            match (code, value) {
                (0, _) => break,
                (9, [resolution, ..]) => interface.unit = Unit::of(*resolution),
                (14, [a, b, c, d, e, f, g, h, ..]) => {
                    let seconds = self.order.i64([*a, *b, *c, *d, *e, *f, *g, *h]);
                    interface.offset_ns = seconds.saturating_mul(1_000_000_000);
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        progress.stats.interfaces = progress.stats.interfaces.saturating_add(1);
    }
}

/// Code and value of the next option.
fn option<'a>(cursor: &mut Cursor<'a>, order: Order) -> Option<(u16, &'a [u8])> {
    let code = order.u16(cursor.array()?);
    let len = usize::from(order.u16(cursor.array()?));
    let value = cursor.take(len)?;
    cursor.take_most(len.next_multiple_of(4).saturating_sub(len));
    Some((code, value))
}

/// Byte order and version of a section header.
fn section(block: &[u8]) -> Option<(Order, u16, u16)> {
    let mut cursor = Cursor::new(block);
    cursor.skip(8)?;
    let order = match cursor.array()? {
        [0x1a, 0x2b, 0x3c, 0x4d] => Order::Big,
        [0x4d, 0x3c, 0x2b, 0x1a] => Order::Little,
        _ => return None,
    };
    Some((order, order.u16(cursor.array()?), order.u16(cursor.array()?)))
}
