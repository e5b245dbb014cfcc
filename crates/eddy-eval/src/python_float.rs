//! Numbers as Python writes them.

use std::fmt::Write as _;

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Digits {
    /// The fewest digits that give the same number again: `repr` in Python 3.
    Shortest,
    /// Twelve significant digits at most: `str` in Python 2, which most of NAB's stored results were written with.
    Twelve,
}

/// A number as Python writes it, always with a point or an exponent.
pub fn python_float(number: f64, digits: Digits) -> String {
    if !number.is_finite() {
        return if number.is_nan() {
            "nan"
        } else if number > 0.0 {
            "inf"
        } else {
            "-inf"
        }
        .to_owned();
    }
    let (written, fixed_below) = match digits {
        Digits::Shortest => (format!("{number:e}"), 16),
        Digits::Twelve => (format!("{number:.11e}"), 12),
    };
    let (mantissa, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if mantissa.starts_with('-') { "-" } else { "" };
    let all: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = all.trim_end_matches('0');
    let significant = if significant.is_empty() { "0" } else { significant };
    let mut text = sign.to_owned();
    if (-4..fixed_below).contains(&exponent) {
        fixed(&mut text, significant, exponent);
    } else {
        let (first, rest) = significant.split_at(1);
        text.push_str(first);
        if !rest.is_empty() {
            let _ = write!(text, ".{rest}");
        }
        let _ = write!(text, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    text
}

/// Writes digits with the point where the exponent wants it.
fn fixed(text: &mut String, significant: &str, exponent: i32) {
    if exponent < 0 {
        text.push_str("0.");
        (1..-exponent).for_each(|_| text.push('0'));
        text.push_str(significant);
        return;
    }
    let whole = exponent as usize + 1;
    if significant.len() > whole {
        let (before, after) = significant.split_at(whole);
        let _ = write!(text, "{before}.{after}");
    } else {
        text.push_str(significant);
        (significant.len()..whole).for_each(|_| text.push('0'));
        text.push_str(".0");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_python_3_writes_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-0.11, "-0.11"),
            (0.1 + 0.2, "0.30000000000000004"),
            (0.8612849233250001, "0.8612849233250001"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (123_456.75, "123456.75"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (-2.5e-100, "-2.5e-100"),
            (f64::NAN, "nan"),
        ];
        for (number, wanted) in cases {
            assert_eq!(python_float(number, Digits::Shortest), wanted);
        }
    }

    #[test]
    fn numbers_are_written_as_python_2_writes_them() {
        let cases = [
            (0.0, "0.0"),
            (-0.11, "-0.11"),
            (1.0, "1.0"),
            (0.861_284_923_325_000_1, "0.861284923325"),
            (-0.109_998_045_727_123, "-0.109998045727"),
            (0.999_999_999_999_9, "1.0"),
            (123_456_789_012.0, "123456789012.0"),
            (1_234_567_890_123.0, "1.23456789012e+12"),
            (0.000_012_5, "1.25e-05"),
        ];
        for (number, wanted) in cases {
            assert_eq!(python_float(number, Digits::Twelve), wanted);
        }
    }
}
