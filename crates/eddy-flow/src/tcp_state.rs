//! How far a connection of TCP got, from its flags.

use eddy_wire::{TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN};

use crate::biflow::Side;

/// How far a connection got. It follows the flags as they were seen, not the sequence numbers: enough to tell attempts
/// from connections and ends from silence, and it cannot be held up by lost packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TcpState {
    /// It is not TCP, or nothing was seen that tells.
    #[default]
    Unknown,
    /// Asked for, no answer.
    Opening,
    /// Asked for and answered, but not taken up.
    Answered,
    /// Open.
    Established,
    /// First seen in the middle.
    MidStream,
    /// Closed by the source, not yet by the destination.
    SourceClosed,
    /// Closed by the destination, not yet by the source.
    DestinationClosed,
    /// Closed by both.
    Closed,
    /// Asked for and refused.
    Refused,
    /// Broken off.
    Reset,
}

impl TcpState {
    /// Whether nothing more is to come.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Closed | Self::Refused | Self::Reset)
    }

    /// The state after one more segment.
    #[inline]
    pub(crate) fn after(self, flags: u16, side: Side) -> Self {
        let has = |flag: u16| flags & flag != 0;
        if has(TCP_RST) {
            return match self {
                Self::Closed => Self::Closed,
                Self::Opening | Self::Refused if side == Side::Reverse => Self::Refused,
                _ => Self::Reset,
            };
        }
        if self.is_over() {
            return self;
        }
        if has(TCP_SYN) {
            return match (self, side) {
                (Self::Unknown, Side::Forward) => Self::Opening,
                (Self::Unknown | Self::Opening, Side::Reverse) if has(TCP_ACK) => Self::Answered,
                _ => self,
            };
        }
        if has(TCP_FIN) {
            return match (self, side) {
                (Self::SourceClosed, Side::Reverse) | (Self::DestinationClosed, Side::Forward) => {
                    Self::Closed
                }
                (_, Side::Forward) => Self::SourceClosed,
                (_, Side::Reverse) => Self::DestinationClosed,
            };
        }
        match (self, side) {
            (Self::Answered, Side::Forward) => Self::Established,
            (Self::Unknown, _) if flags != 0 => Self::MidStream,
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{Forward, Reverse};

    fn check(segments: &[(u16, Side)], expect: TcpState) {
        let state =
            segments.iter().fold(TcpState::Unknown, |state, (flags, side)| state.after(*flags, *side));
        assert_eq!(state, expect, "{segments:?}");
    }

    #[test]
    fn connections_are_told_from_attempts() {
        let (syn, answer, ack) = (TCP_SYN, TCP_SYN | TCP_ACK, TCP_ACK);
        check(&[(syn, Forward)], TcpState::Opening);
        check(&[(syn, Forward), (syn, Forward), (TCP_RST | TCP_ACK, Reverse)], TcpState::Refused);
        check(&[(syn, Forward), (answer, Reverse)], TcpState::Answered);
        check(&[(syn, Forward), (answer, Reverse), (TCP_RST, Forward)], TcpState::Reset);
        check(&[(syn, Forward), (answer, Reverse), (ack, Forward)], TcpState::Established);
        check(&[(ack, Reverse)], TcpState::MidStream);
        check(&[(0, Forward)], TcpState::Unknown);
    }

    #[test]
    fn both_sides_have_to_close() {
        let (fin, ack) = (TCP_FIN | TCP_ACK, TCP_ACK);
        check(&[(ack, Forward), (fin, Forward)], TcpState::SourceClosed);
        check(&[(ack, Forward), (fin, Reverse), (ack, Forward)], TcpState::DestinationClosed);
        check(&[(fin, Forward), (fin, Forward)], TcpState::SourceClosed);
        check(&[(fin, Forward), (fin, Reverse), (ack, Forward)], TcpState::Closed);
        check(&[(fin, Forward), (fin, Reverse), (TCP_RST, Forward)], TcpState::Closed);
    }
}
