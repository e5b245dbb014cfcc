//! What single cells of text mean: missing, a number, or neither.

/// Whether a cell of a numeric or time column says that there is no value.
pub(crate) fn is_missing(cell: &[u8]) -> bool {
    match cell.len() {
        0 => true,
        1 => matches!(cell, b"-" | b"?"),
        2..=7 => [
            &b"na"[..],
            b"n/a",
            b"nan",
            b"null",
            b"none",
            b"nil",
            b"#n/a",
            b"-nan",
            b"(null)",
            b"(empty)",
            b"nat",
        ]
        .iter()
        .any(|word| cell.eq_ignore_ascii_case(word)),
        _ => false,
    }
}

/// Whether a cell of a text column says that there is no value. Fewer words than for numbers: `-`, `?` and `None` are
/// values of their own in the known data sets (UNSW-NB15 writes `-` for "no service").
pub(crate) fn is_missing_text(cell: &[u8]) -> bool {
    match cell.len() {
        0 => true,
        2..=4 => [&b"na"[..], b"n/a", b"nan", b"null"].iter().any(|word| cell.eq_ignore_ascii_case(word)),
        _ => false,
    }
}

/// The number at the beginning of `bytes` and its length. Short whole numbers take a short way.
#[inline]
pub(crate) fn number_at(bytes: &[u8]) -> Option<(f64, usize)> {
    let mut value: u64 = 0;
    let mut length = 0;
    for &byte in bytes.iter().take(15) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value * 10 + u64::from(digit);
        length += 1;
    }
    match bytes.get(length) {
        Some(b'.' | b'e' | b'E' | b'0'..=b'9') => {}
        _ if length == 0 => {}
        _ => return Some((value as f64, length)),
    }
    fast_float2::parse_partial(bytes).ok().filter(|(_, length)| *length > 0)
}

/// The number a whole cell holds: decimal, `Infinity`, or hexadecimal after `0x`. NaN counts as missing, not as a number.
pub(crate) fn number(cell: &[u8]) -> Option<f64> {
    match number_at(cell) {
        Some((value, length)) if length == cell.len() => (!value.is_nan()).then_some(value),
        _ => hexadecimal(cell),
    }
}

/// As [`number`], with a comma before the decimals ("1.234,5" is not read: points that group digits are ambiguous).
pub(crate) fn number_with_comma(cell: &[u8]) -> Option<f64> {
    if !cell.contains(&b',') {
        return number(cell);
    }
    if cell.contains(&b'.') {
        return None;
    }
    let cell: Vec<u8> = cell.iter().map(|&byte| if byte == b',' { b'.' } else { byte }).collect();
    number(&cell)
}

/// A whole number, exactly.
pub(crate) fn integer(cell: &[u8]) -> Option<i64> {
    std::str::from_utf8(cell).ok()?.parse().ok()
}

/// How many digits a whole number has, when the cell is one.
pub(crate) fn whole_digits(cell: &[u8]) -> Option<usize> {
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(digits.len())
}

fn hexadecimal(cell: &[u8]) -> Option<f64> {
    let digits = cell.strip_prefix(b"0x").or_else(|| cell.strip_prefix(b"0X"))?;
    if digits.first() == Some(&b'+') {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok().map(|value| value as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &str, expect: Option<f64>) {
        assert_eq!(number(cell.as_bytes()), expect, "{cell}");
    }

    #[test]
    fn numbers_are_read_to_the_last_bit() {
        check("0", Some(0.0));
        check("-12", Some(-12.0));
        check("+7", Some(7.0));
        check("123456789012345", Some(123456789012345.0));
        check("1234567890123456789", Some(1234567890123456789.0));
        check("0.1", Some(0.1));
        check("1e-3", Some(0.001));
        check("12e", None);
        check("37806.10000000001", Some(37806.10000000001));
        check("Infinity", Some(f64::INFINITY));
        check("-inf", Some(f64::NEG_INFINITY));
        check("nan", None);
        check("0x0303", Some(771.0));
        check("0x", None);
        check("Infiltration", None);
        check("1.2.3.4", None);
        check("", None);
        check("12 ", None);
    }

    #[test]
    fn decimal_commas_are_read_where_they_are_in_use() {
        assert_eq!(number_with_comma(b"1,5"), Some(1.5));
        assert_eq!(number_with_comma(b"15"), Some(15.0));
        assert_eq!(number_with_comma(b"1.234,5"), None);
    }

    #[test]
    fn words_for_nothing_are_missing() {
        for word in ["", "-", "?", "NaN", "null", "N/A", "None"] {
            assert!(is_missing(word.as_bytes()), "{word}");
        }
        assert!(
            !is_missing(b"0") && !is_missing(b"nano") && !is_missing_text(b"-") && is_missing_text(b"NaN")
        );
    }
}
