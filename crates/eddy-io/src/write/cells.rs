//! Single values as text: numbers and times, appended to a buffer without any allocation.

use eddy_frame::{CivilTime, Column, Field, Frame, NANOS_PER_SECOND, Schema, TextColumn, TimeStyle};

/// The values of a column, and what is needed to write them.
pub(super) enum Cells<'a> {
    Float(&'a [f64]),
    Int(&'a [i64]),
    Time(&'a [i64], TimeText),
    Text(&'a TextColumn),
}

impl<'a> Cells<'a> {
    /// Those of all columns.
    pub(super) fn all(schema: &Schema, frame: &'a Frame) -> Vec<Self> {
        schema.fields.iter().zip(frame.columns()).map(|(field, column)| Self::new(field, column)).collect()
    }

    fn new(field: &Field, column: &'a Column) -> Self {
        match column {
            Column::Float(values) => Self::Float(values),
            Column::Int(values) => Self::Int(values),
            Column::Time(values) => Self::Time(values, TimeText::new(field.time_style)),
            Column::Text(texts) => Self::Text(texts),
        }
    }
}

/// Two digits for each number below a hundred.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
    2021222324252627282930313233343536373839\
    4041424344454647484950515253545556575859\
    6061626364656667686970717273747576777879\
    8081828384858687888990919293949596979899";

/// The two digits of a number below a hundred.
fn pair(value: u64) -> [u8; 2] {
    let at = (value % 100) as usize * 2;
    match PAIRS.get(at..at + 2) {
        Some(&[tens, ones]) => [tens, ones],
        _ => *b"00",
    }
}

/// Appends a finite number or an infinity in the shortest form that reads back the same; nothing for NaN.
pub(super) fn push_float(line: &mut Vec<u8>, value: f64) {
    // Counts, ports and sizes are whole: they take the short way. Negative zero keeps its sign.
    let whole = value as i64;
    if whole as f64 == value
        && whole.unsigned_abs() < 1_000_000_000_000_000
        && (whole != 0 || value.is_sign_positive())
    {
        push_whole(line, whole);
    } else if value.is_finite() {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(value);
        line.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    } else if value.is_infinite() {
        line.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    }
}

/// Appends a whole number.
pub(super) fn push_whole(line: &mut Vec<u8>, value: i64) {
    if value < 0 {
        line.push(b'-');
    }
    push_unsigned(line, value.unsigned_abs());
}

fn push_unsigned(line: &mut Vec<u8>, value: u64) {
    if value < 10 {
        line.push(b'0' + value as u8);
        return;
    }
    // Pairs of digits from the right.
    let mut digits = [0_u8; 20];
    let mut left = value;
    let mut used = 0;
    for slot in digits.rchunks_exact_mut(2) {
        slot.copy_from_slice(&pair(left));
        left /= 100;
        used += 2;
        if left == 0 {
            break;
        }
    }
    let (_, text) = digits.split_at(digits.len() - used);
    line.extend_from_slice(text.strip_prefix(b"0").unwrap_or(text));
}

/// Writes times as [`eddy_frame::format_time`] does, and remembers the last day: neighbouring rows share it.
#[derive(Debug, Clone)]
pub(super) struct TimeText {
    style: TimeStyle,
    day: i64,
    date: Vec<u8>,
}

impl TimeText {
    /// A writer of times in one style.
    pub(super) fn new(style: TimeStyle) -> Self {
        Self { style, day: i64::MIN, date: Vec::new() }
    }

    /// Whether the text is a number, in JSON too.
    pub(super) fn is_number(&self) -> bool {
        !matches!(self.style, TimeStyle::Iso | TimeStyle::Spaced)
    }

    /// Appends a time that is not missing.
    pub(super) fn push(&mut self, line: &mut Vec<u8>, nanos: i64) {
        match self.style {
            TimeStyle::Iso => {
                self.push_civil(line, nanos, b'T');
                line.push(b'Z');
            }
            TimeStyle::Spaced => self.push_civil(line, nanos, b' '),
            TimeStyle::EpochSeconds | TimeStyle::RelativeSeconds => {
                push_decimal(line, nanos, NANOS_PER_SECOND);
            }
            TimeStyle::EpochMillis => push_decimal(line, nanos, 1_000_000),
            TimeStyle::EpochMicros => push_decimal(line, nanos, 1_000),
            TimeStyle::EpochNanos => push_whole(line, nanos),
        }
    }

    fn push_civil(&mut self, line: &mut Vec<u8>, nanos: i64, separator: u8) {
        let second = nanos.div_euclid(NANOS_PER_SECOND);
        let day = second.div_euclid(86_400);
        if day != self.day || self.date.is_empty() {
            self.day = day;
            // 64-bit nanoseconds reach from 1677 to 2262: years have four digits.
            let civil = CivilTime::from_nanos(nanos);
            self.date.clear();
            let year = civil.year.unsigned_abs();
            self.date.extend(pair(year / 100));
            self.date.extend(pair(year));
            self.date.push(b'-');
            self.date.extend(pair(civil.month.into()));
            self.date.push(b'-');
            self.date.extend(pair(civil.day.into()));
        }
        line.extend_from_slice(&self.date);
        let second = second.rem_euclid(86_400).unsigned_abs();
        let ([h, i], [m, n], [s, t]) = (pair(second / 3600), pair(second / 60 % 60), pair(second % 60));
        line.extend_from_slice(&[separator, h, i, b':', m, n, b':', s, t]);
        push_fraction(line, nanos.rem_euclid(NANOS_PER_SECOND).unsigned_abs());
    }
}

/// Appends a number of nanoseconds in units of `unit` nanoseconds.
fn push_decimal(line: &mut Vec<u8>, nanos: i64, unit: i64) {
    if nanos < 0 {
        line.push(b'-');
    }
    let (magnitude, unit) = (nanos.unsigned_abs(), unit.unsigned_abs());
    push_unsigned(line, magnitude / unit);
    push_fraction(line, magnitude % unit * (NANOS_PER_SECOND.unsigned_abs() / unit));
}

/// Appends nine decimals without the zeros at their end; nothing when all are zero.
fn push_fraction(line: &mut Vec<u8>, nanos: u64) {
    if nanos == 0 {
        return;
    }
    line.push(b'.');
    for divisor in [10_000_000, 100_000, 1_000, 10] {
        line.extend(pair(nanos / divisor));
    }
    line.push(b'0' + (nanos % 10) as u8);
    while line.last() == Some(&b'0') {
        line.pop();
    }
}

#[cfg(test)]
mod tests {
    use eddy_frame::format_time;
    use proptest::prelude::*;

    use super::*;

    fn text_of(value: f64) -> String {
        let mut line = Vec::new();
        push_float(&mut line, value);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn whole_numbers_have_no_point_and_missing_ones_no_text() {
        fn check(value: f64, expect: &str) {
            assert_eq!(text_of(value), expect);
        }
        check(3.0, "3");
        check(10.0, "10");
        check(-120.0, "-120");
        check(99_999.0, "99999");
        check(123_456_789_012_345.0, "123456789012345");
        check(0.1, "0.1");
        check(-0.0, "-0");
        check(f64::NAN, "");
        check(f64::INFINITY, "inf");
        check(f64::NEG_INFINITY, "-inf");
    }

    proptest! {
        #[test]
        fn numbers_read_back_the_same(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(!value.is_nan());
            let back: f64 = text_of(value).parse().unwrap();
            prop_assert_eq!(back.to_bits(), value.to_bits());
        }

        #[test]
        fn whole_numbers_are_written_to_the_last_digit(value in any::<i64>()) {
            let mut line = Vec::new();
            push_whole(&mut line, value);
            prop_assert_eq!(String::from_utf8(line).unwrap(), value.to_string());
        }

        #[test]
        fn times_are_written_as_format_time_does(nanos in any::<i64>(), coarse in any::<i32>()) {
            use TimeStyle::{EpochMicros, EpochMillis, EpochNanos, EpochSeconds, Iso, RelativeSeconds, Spaced};
            for style in [Iso, Spaced, EpochSeconds, EpochMillis, EpochMicros, EpochNanos, RelativeSeconds] {
                let mut times = TimeText::new(style);
                for nanos in [nanos, nanos / 1_000 * 1_000, i64::from(coarse) * NANOS_PER_SECOND, 0] {
                    let mut line = Vec::new();
                    times.push(&mut line, nanos);
                    prop_assert_eq!(String::from_utf8(line).unwrap(), format_time(nanos, style));
                }
            }
        }
    }
}
