//! Numbers and findings in plain words.

use eddy_detect::Typical;

use crate::{Cause, Seen};

/// A number with four significant digits and thousands separated: `12,340`, `0.00123`, `4.56e15`.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        return "nothing".into();
    }
    if value == 0.0 {
        return "0".into();
    }
    if !(1e-4..1e15).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let digits = 3 - magnitude.log10().floor() as i32;
    if digits <= 0 || (value.fract() == 0.0 && magnitude < 1e6) {
        let unit = if magnitude < 1e6 { 1.0 } else { 10f64.powi(-digits) };
        return thousands((value / unit).round() * unit);
    }
    let text = format!("{value:.*}", digits as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn thousands(value: f64) -> String {
    grouped(&format!("{:.0}", value.abs()), if value < 0.0 { "-" } else { "" })
}

fn grouped(digits: &str, sign: &str) -> String {
    let mut out = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A whole number with its thousands separated: `12,340`.
pub fn count(n: u64) -> String {
    grouped(&n.to_string(), "")
}

/// A feature's name in words: `value[-2]` is "value 2 rows before".
fn name_in_words(feature: &str) -> String {
    if let Some((name, back)) = feature.strip_suffix(']').and_then(|f| f.rsplit_once("[-")) {
        let rows = if back == "1" { "1 row".to_owned() } else { format!("{back} rows") };
        return format!("{name} {rows} before");
    }
    if let Some(name) = feature.strip_suffix(" change") {
        return format!("the change of {name}");
    }
    feature.to_owned()
}

fn with_unit(value: f64, unit: Option<&str>) -> String {
    unit.map_or_else(|| number(value), |unit| format!("{} {unit}", number(value)))
}

/// What one cause says.
fn clause(cause: &Cause) -> String {
    let name = name_in_words(&cause.feature);
    let unit = cause.unit.as_deref();
    match (&cause.seen, &cause.expected) {
        (Seen::Number(None), Typical::Number { median, .. }) => {
            format!("{name} is missing where {} is typical", with_unit(*median, unit))
        }
        (Seen::Number(Some(value)), Typical::Number { median, low, high }) => {
            let usual = if low == high {
                format!("it is nearly always {}", number(*median))
            } else {
                format!("usually {} to {}", number(*low), with_unit(*high, unit))
            };
            // A median near zero in a range that has both signs is no measure of anything.
            let times = if *low > 0.0 && *value / *median >= 2.0 {
                format!(
                    ", {} times the typical {}",
                    number((value / median * 10.0).round() / 10.0),
                    number(*median)
                )
            } else {
                String::new()
            };
            if (*low..=*high).contains(value) {
                format!("{name} is {}, unusual together with the rest ({usual})", with_unit(*value, unit))
            } else {
                format!("{name} is {}{times} ({usual})", with_unit(*value, unit))
            }
        }
        (Seen::Text(text), Typical::Category { mode, share, levels }) => {
            let shown = if text.is_empty() { "missing".to_owned() } else { format!("'{text}'") };
            let rarity = levels.iter().find(|(level, _)| level == text).map_or_else(
                || "rarely or never seen".to_owned(),
                |(_, share)| format!("{} % of the rows", number(share * 100.0)),
            );
            if text == mode {
                format!("{name} is {shown}, unusual together with the rest")
            } else {
                format!("{name} is {shown} ({rarity}; {} % are '{mode}')", number(share * 100.0))
            }
        }
        _ => name,
    }
}

/// A finding in a sentence: its three main causes.
pub fn sentence(causes: &[Cause]) -> String {
    let clauses: Vec<String> = causes.iter().take(3).map(clause).collect();
    match clauses.as_slice() {
        [] => "no single feature stands out; the combination does".into(),
        clauses => clauses.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_readable() {
        fn check(value: f64, expect: &str) {
            assert_eq!(number(value), expect);
        }
        check(0.0, "0");
        check(12.0, "12");
        check(1234.0, "1,234");
        check(1_234_567.0, "1,235,000");
        check(0.001_234_56, "0.001235");
        check(-56_718_587_433.0, "-56,720,000,000");
        check(2.71528, "2.715");
        check(1e20, "1.00e20");
        check(f64::NAN, "nothing");
    }

    fn cause(feature: &str, seen: f64) -> Cause {
        Cause {
            feature: feature.into(),
            unit: Some("bytes".into()),
            share: 1.0,
            seen: Seen::Number(Some(seen)),
            expected: Typical::Number { median: 100.0, low: 50.0, high: 200.0 },
        }
    }

    #[test]
    fn sentences_say_what_was_seen_and_what_was_expected() {
        assert_eq!(
            sentence(&[cause("size", 5000.0)]),
            "size is 5,000 bytes, 50 times the typical 100 (usually 50 to 200 bytes)"
        );
        assert_eq!(
            sentence(&[cause("size[-2]", 10.0)]),
            "size 2 rows before is 10 bytes (usually 50 to 200 bytes)"
        );
        assert_eq!(
            sentence(&[cause("size change", 120.0)]),
            "the change of size is 120 bytes, unusual together with the rest (usually 50 to 200 bytes)"
        );
        let service = Cause {
            feature: "service".into(),
            unit: None,
            share: 1.0,
            seen: Seen::Text("telnet".into()),
            expected: Typical::Category {
                mode: "http".into(),
                share: 0.8,
                levels: vec![("http".into(), 0.8)],
            },
        };
        assert_eq!(sentence(&[service]), "service is 'telnet' (rarely or never seen; 80 % are 'http')");
        assert!(sentence(&[]).contains("combination"));
    }
}
