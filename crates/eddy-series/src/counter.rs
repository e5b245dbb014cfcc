//! Cumulative counters.

use eddy_frame::{CounterBits, MISSING_TIME, NANOS_PER_SECOND};

/// The increase between two readings of a counter.
///
/// A smaller value than before is a wrap when the increase modulo the counter's width is below a quarter of the width;
/// otherwise the counter was reset (device restart) and the new value itself is the increase. After RFC 2578, section
/// 7.1.6 (Counter32) and RFC 2863 on wraps.
pub fn increase(before: f64, now: f64, bits: CounterBits) -> f64 {
    if now >= before {
        return now - before;
    }
    let wrapped = now - before + bits.modulus();
    if wrapped >= 0.0 && wrapped < bits.modulus() / 4.0 { wrapped } else { now }
}

/// Rates per second of the readings of a counter in the order of time; without times, increases from row to row. The
/// first reading, one that is missing, and one at the time of the one before have no rate.
pub fn rates(times: Option<&[i64]>, values: &[f64], bits: CounterBits) -> Vec<f64> {
    let mut last: Option<(f64, i64)> = None;
    let rate = |(at, &now): (usize, &f64)| {
        let time = times.and_then(|times| times.get(at)).copied().unwrap_or(at as i64 * NANOS_PER_SECOND);
        if !now.is_finite() || time == MISSING_TIME {
            return f64::NAN;
        }
        let rate = match last {
            Some((before, then)) if time > then => {
                increase(before, now, bits) / (time.saturating_sub(then) as f64 / NANOS_PER_SECOND as f64)
            }
            _ => f64::NAN,
        };
        if last.is_none_or(|(_, then)| time > then) {
            last = Some((now, time));
        }
        rate
    };
    values.iter().enumerate().map(rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_wrap_and_reset() {
        fn check(before: f64, now: f64, bits: CounterBits, expect: f64) {
            assert_eq!(increase(before, now, bits), expect, "{before} -> {now}");
        }
        check(10.0, 25.0, CounterBits::B32, 15.0);
        check(4_294_967_290.0, 4.0, CounterBits::B32, 10.0);
        check(1_000_000.0, 4.0, CounterBits::B32, 4.0);
        check(18_446_744_073_709_549_568.0, 2048.0, CounterBits::B64, 4096.0);
    }

    #[test]
    fn rates_are_per_second_and_bridge_missing_readings() {
        let times = [0, 10, 20, 20, 30].map(|t| t * NANOS_PER_SECOND);
        let got = rates(Some(&times), &[100.0, 200.0, f64::NAN, 400.0, 450.0], CounterBits::B64);
        assert!(got[0].is_nan() && got[2].is_nan());
        assert_eq!((got[1], got[3], got[4]), (10.0, 20.0, 5.0));
        assert_eq!(rates(None, &[1.0, 4.0], CounterBits::B64)[1], 3.0);
    }
}
