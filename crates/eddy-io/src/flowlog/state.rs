//! How a connection went, in the letters of Zeek's `conn_state`, from flags and packets.

/// TCP flags as they stand in the header (RFC 9293, section 3.1).
pub(crate) const FIN: i64 = 1;
/// Synchronise.
pub(crate) const SYN: i64 = 2;
/// Reset.
pub(crate) const RST: i64 = 4;
/// Push.
pub(crate) const PSH: i64 = 8;
/// Acknowledge.
pub(crate) const ACK: i64 = 16;
/// Urgent.
pub(crate) const URG: i64 = 32;
/// Congestion experienced, echoed.
pub(crate) const ECE: i64 = 64;
/// Congestion window reduced.
pub(crate) const CWR: i64 = 128;

/// The state of a TCP connection from the unions of the flags of both ends. The order in which flags came is not known:
/// a reset by both ends counts as the opener's.
pub(crate) fn of_tcp(opener: i64, other: i64) -> &'static str {
    let (syn, answer) = (opener & SYN != 0, other & SYN != 0);
    let (fin, other_fin) = (opener & FIN != 0, other & FIN != 0);
    let (rst, other_rst) = (opener & RST != 0, other & RST != 0);
    match (syn, answer) {
        (true, true) if rst => "RSTO",
        (true, true) if other_rst => "RSTR",
        (true, true) => match (fin, other_fin) {
            (true, true) => "SF",
            (true, false) => "S2",
            (false, true) => "S3",
            (false, false) => "S1",
        },
        (true, false) if other_rst => "REJ",
        (true, false) if rst => "RSTOS0",
        (true, false) if fin => "SH",
        (true, false) if other == 0 => "S0",
        (false, true) if other_rst => "RSTRH",
        (false, true) if other_fin => "SHR",
        _ => "OTH",
    }
}

/// The state of anything but TCP, from whether each end sent something.
pub(crate) fn of_packets(opener: i64, other: i64) -> &'static str {
    match (opener > 0, other > 0) {
        (true, true) => "SF",
        (true, false) => "S0",
        (false, true) => "SHR",
        (false, false) => "OTH",
    }
}

/// Flags written as letters, in any order, points and blanks for those not set: `.AP.SF`, `FSPA`, `SPA_SRPA` is for the
/// caller to part. Nothing when a letter is none.
pub(crate) fn of_letters(text: &str) -> Option<i64> {
    let mut flags = 0;
    for byte in text.bytes() {
        flags |= match byte {
            b'F' => FIN,
            b'S' => SYN,
            b'R' => RST,
            b'P' => PSH,
            b'A' => ACK,
            b'U' => URG,
            b'E' => ECE,
            b'C' | b'W' => CWR,
            b'.' | b' ' => 0,
            _ => return None,
        };
    }
    Some(flags)
}

/// Flags of both ends from Zeek's `history`, as far as it tells: push and urgent are not in it.
pub(crate) fn of_history(text: &str) -> (i64, i64) {
    let (mut opener, mut other) = (0, 0);
    for letter in text.bytes() {
        let flags = match letter.to_ascii_lowercase() {
            b's' => SYN,
            b'h' => SYN | ACK,
            b'a' | b'd' => ACK,
            b'f' => FIN,
            b'r' => RST,
            // A packet with both SYN and FIN, and one with both SYN and RST.
            b'i' => SYN | FIN,
            b'q' => SYN | FIN | RST,
            _ => 0,
        };
        if letter.is_ascii_uppercase() { opener |= flags } else { other |= flags }
    }
    (opener, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_follow_from_the_flags_of_both_ends() {
        for (opener, other, expect) in [
            ("S", "", "S0"),
            ("SA", "SA", "S1"),
            ("FSPA", "FSPA", "SF"),
            ("FSPA", "SPA", "S2"),
            ("SPA", "FSPA", "S3"),
            ("S", "RA", "REJ"),
            ("SRPA", "SPA", "RSTO"),
            ("SPA", "SRA", "RSTR"),
            ("SR", "", "RSTOS0"),
            ("SF", "", "SH"),
            ("", "SAR", "RSTRH"),
            ("", "SAF", "SHR"),
            ("PA", "PA", "OTH"),
            ("", "", "OTH"),
        ] {
            let flags = |text| of_letters(text).unwrap();
            assert_eq!(of_tcp(flags(opener), flags(other)), expect, "{opener} {other}");
        }
        assert_eq!(of_packets(1, 0), "S0");
        assert_eq!(of_packets(1, 1), "SF");
    }

    #[test]
    fn letters_and_histories_become_flags() {
        assert_eq!(of_letters(".AP.SF"), Some(ACK | PSH | SYN | FIN));
        assert_eq!(of_letters("INT"), None);
        assert_eq!(of_history("ShADadfF"), (SYN | ACK | FIN, SYN | ACK | FIN));
        assert_eq!(of_history("Sr"), (SYN, RST));
        assert_eq!(of_history("^d"), (0, ACK));
    }
}
