//! The first packets of QUIC (RFC 9000, section 17.2.2): told apart, not decrypted.

use crate::cursor::Cursor;

/// The versions that have been seen in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuicVersion {
    /// RFC 9000.
    V1,
    /// RFC 9369.
    V2,
    /// A draft of the IETF, by its number.
    Draft(u8),
    /// Google's own, by its number.
    Google(u16),
    /// Facebook's own.
    Facebook,
    /// A version that is offered to be refused (GREASE).
    Reserved,
}

/// An initial packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuicInitial<'a> {
    /// The version as it was sent.
    pub version: u32,
    /// Which that is.
    pub known: QuicVersion,
    /// The connection id of the receiver.
    pub destination_id: &'a [u8],
    /// The connection id of the sender.
    pub source_id: &'a [u8],
    /// The token of a server that asked the client to come again.
    pub token: &'a [u8],
}

fn known(version: u32) -> Option<QuicVersion> {
    match version.to_be_bytes() {
        [0, 0, 0, 1] => Some(QuicVersion::V1),
        [0x6b, 0x33, 0x43, 0xcf] => Some(QuicVersion::V2),
        [0xff, 0, 0, draft] => Some(QuicVersion::Draft(draft)),
        [b'Q' | b'T', a, b, c] if [a, b, c].iter().all(u8::is_ascii_digit) => {
            let digits = [a, b, c].into_iter().map(|digit| u16::from(digit & 0x0f));
            digits.reduce(|n, digit| n.saturating_mul(10).saturating_add(digit)).map(QuicVersion::Google)
        }
        [0xfa, 0xce, 0xb0, _] => Some(QuicVersion::Facebook),
        [a, b, c, d] if [a, b, c, d].iter().all(|byte| byte & 0x0f == 0x0a) => Some(QuicVersion::Reserved),
        _ => None,
    }
}

/// A number of 1 to 8 bytes whose first two bits tell its length.
fn variable(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = cursor.u8()?;
    let more = (1_usize << (first >> 6)).saturating_sub(1);
    let rest = cursor.take(more)?;
    Some(rest.iter().fold(u64::from(first & 0x3f), |number, byte| (number << 8) | u64::from(*byte)))
}

impl<'a> QuicInitial<'a> {
    /// Reads the payload of a datagram; nothing where it is no initial packet of a known version.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(payload);
        let first = cursor.u8()?;
        let version = cursor.u32()?;
        let known = known(version)?;
        // The long form with the fixed bit; the type of an initial packet is another in version 2.
        let initial = u8::from(known == QuicVersion::V2);
        if first & 0xc0 != 0xc0 || (first >> 4) & 0x03 != initial {
            return None;
        }
        let destination_id = cursor.block8().filter(|id| id.len() <= 20)?;
        let source_id = cursor.block8().filter(|id| id.len() <= 20)?;
        let token_len = usize::try_from(variable(&mut cursor)?).ok()?;
        let token = cursor.take(token_len)?;
        variable(&mut cursor)?;
        Some(Self { version, known, destination_id, source_id, token })
    }
}
