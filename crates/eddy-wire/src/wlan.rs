//! 802.11 data frames, and what capture programs put before them.

use crate::cursor::Cursor;
use crate::decode::{Step, Walk};
use crate::packet::Reason;

/// Radiotap: a list of fields told by bits; only the flags matter here (padding after the header).
pub(crate) fn radiotap(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let bytes = walk.cursor.rest();
    let header = (|| {
        let mut cursor = Cursor::new(bytes);
        cursor.skip(2)?;
        let len = usize::from(u16::from_le_bytes(cursor.array()?));
        bytes.split_at_checked(len)
    })();
    let (header, _) = header.ok_or(Reason::LinkTruncated)?;
    let padded = flags(header).is_some_and(|flags| flags & 0x20 != 0);
    walk.cursor.skip(header.len().max(8)).ok_or(Reason::LinkTruncated)?;
    frame(walk, padded)
}

/// The flags field: the first after the time, which is aligned to 8 bytes.
fn flags(header: &[u8]) -> Option<u8> {
    let mut cursor = Cursor::new(header);
    cursor.skip(4)?;
    let mut at: usize = 8;
    let present = u32::from_le_bytes(cursor.array()?);
    let mut word = present;
    while word & 0x8000_0000 != 0 {
        word = u32::from_le_bytes(cursor.array()?);
        at = at.saturating_add(4);
    }
    if present & 2 == 0 {
        return None;
    }
    if present & 1 != 0 {
        at = at.next_multiple_of(8).saturating_add(8);
    }
    header.get(at).copied()
}

/// Prism and AVS headers: the length is the second word.
pub(crate) fn prism_or_avs(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    let mut cursor = walk.cursor;
    let first: [u8; 4] = cursor.array().ok_or(Reason::LinkTruncated)?;
    let second: [u8; 4] = cursor.array().ok_or(Reason::LinkTruncated)?;
    let len = if first.starts_with(&[0x80, 0x21, 0x10]) || first.starts_with(&[0, 0, 0]) {
        u32::from_be_bytes(second)
    } else {
        u32::from_le_bytes(second)
    };
    let len = usize::try_from(len).unwrap_or(usize::MAX).max(8);
    walk.cursor.skip(len).ok_or(Reason::LinkTruncated)?;
    frame(walk, false)
}

pub(crate) fn data(walk: &mut Walk<'_, '_>) -> Result<Step, Reason> {
    frame(walk, false)
}

fn frame(walk: &mut Walk<'_, '_>, padded: bool) -> Result<Step, Reason> {
    let before = walk.cursor.len();
    let [control, more] = walk.cursor.array().ok_or(Reason::LinkTruncated)?;
    if control & 0x0c != 0x08 {
        // Management and control.
        return Err(Reason::NotIp);
    }
    let quality = control & 0x80 != 0;
    if control & 0x40 != 0 {
        // No data, only a poll or an acknowledgement.
        return Err(Reason::NotIp);
    }
    let mut addresses = || {
        walk.cursor.skip(2)?;
        let one: [u8; 6] = walk.cursor.array()?;
        let two: [u8; 6] = walk.cursor.array()?;
        let three: [u8; 6] = walk.cursor.array()?;
        walk.cursor.skip(2)?;
        // To and from the distribution system.
        let (destination, source) = match more & 0x03 {
            0 => (one, two),
            1 => (three, two),
            2 => (one, three),
            _ => (three, walk.cursor.array()?),
        };
        let quality_control = if quality { walk.cursor.u8().zip(walk.cursor.u8())?.0 } else { 0 };
        if quality && more & 0x80 != 0 {
            walk.cursor.skip(4)?;
        }
        Some((destination, source, quality_control))
    };
    let (destination, source, quality_control) = addresses().ok_or(Reason::LinkTruncated)?;
    walk.packet.destination_mac = destination;
    walk.packet.source_mac = source;
    if more & 0x40 != 0 {
        return Err(Reason::Encrypted);
    }
    let header = before.saturating_sub(walk.cursor.len());
    if padded {
        walk.cursor.skip(header.next_multiple_of(4).saturating_sub(header)).ok_or(Reason::LinkTruncated)?;
    }
    if quality_control & 0x80 != 0 {
        // Several packets in one frame: the first is read. Each has two addresses and a length before it.
        walk.cursor.skip(14).ok_or(Reason::LinkTruncated)?;
    }
    Ok(Step::Llc)
}
