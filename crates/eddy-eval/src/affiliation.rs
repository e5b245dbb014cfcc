//! How near alarms lie to windows.

use serde::Serialize;

use crate::{Truth, Window};

/// How near flagged rows lie to labelled ones, against flagging at random.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Affiliation {
    /// Mean over the windows near which something is flagged: how much nearer flagged rows lie than random ones.
    pub precision: f64,
    /// Mean over all windows: how much nearer the window's rows are to flagged ones than to random ones; 0 where nothing
    /// is flagged.
    pub recall: f64,
}

impl Affiliation {
    /// The harmonic mean.
    pub fn f1(&self) -> f64 {
        let sum = self.precision + self.recall;
        if sum > 0.0 { 2.0 * self.precision * self.recall / sum } else { 0.0 }
    }
}

/// Affiliation precision and recall of flagged rows, from row `from` on; none where there is no window, and a precision
/// of 0 where nothing is flagged.
///
/// Every row belongs to the nearest window. Within the rows that belong to a window, the distance of a flagged row to
/// the window is turned into the chance that a random row lies at least as far (precision), and so is the distance of a
/// row of the window to the nearest flagged one (recall). Rows are intervals of length 1; the integrals are exact, since
/// their integrands are straight between quarters of rows.
///
/// Source: Huet, Navarro & Rossi, "Local Evaluation of Time Series Anomaly Detection Algorithms", KDD 2022. It is
/// lenient: a few random alarms score well, so it is printed as a second opinion only.
pub fn affiliation(truth: &Truth, flagged: &[bool]) -> Option<Affiliation> {
    let from = truth.probation();
    let windows: Vec<Window> = truth
        .judged_windows()
        .map(|(_, window)| Window { first: window.first.max(from), last: window.last })
        .collect();
    let n = truth.n_rows().min(flagged.len());
    let mut precisions = Vec::new();
    let mut recalls = Vec::new();
    let mut begin = from as f64;
    for (at, window) in windows.iter().enumerate() {
        let (start, stop) = (window.first as f64, (window.last + 1) as f64);
        let end = windows.get(at + 1).map_or(n as f64, |next| f64::midpoint(stop, next.first as f64));
        let zone = Zone { begin, end, start, stop };
        let near: Vec<(f64, f64)> = zone.flagged(flagged);
        if near.is_empty() {
            recalls.push(0.0);
        } else {
            precisions.push(zone.precision(&near));
            recalls.push(zone.recall(&near));
        }
        begin = end;
    }
    if windows.is_empty() {
        return None;
    }
    let mean = |of: &[f64]| if of.is_empty() { 0.0 } else { of.iter().sum::<f64>() / of.len() as f64 };
    Some(Affiliation { precision: mean(&precisions), recall: mean(&recalls) })
}

/// The rows nearest to a window, as intervals.
struct Zone {
    begin: f64,
    end: f64,
    start: f64,
    stop: f64,
}

impl Zone {
    /// Flagged intervals within the zone, cut to it.
    fn flagged(&self, flagged: &[bool]) -> Vec<(f64, f64)> {
        let rows = self.begin.floor() as usize..(self.end.ceil() as usize).min(flagged.len());
        let mut found: Vec<(f64, f64)> = Vec::new();
        for row in rows.filter(|&row| flagged[row]) {
            let (from, to) = ((row as f64).max(self.begin), ((row + 1) as f64).min(self.end));
            match found.last_mut() {
                Some(before) if before.1 == from => before.1 = to,
                _ if to > from => found.push((from, to)),
                _ => {}
            }
        }
        found
    }

    /// Length of the part of the zone that lies farther than `distance` from an interval.
    fn farther(&self, from: f64, to: f64, distance: f64) -> f64 {
        (from - distance - self.begin).max(0.0) + (self.end - to - distance).max(0.0)
    }

    fn precision(&self, near: &[(f64, f64)]) -> f64 {
        let whole = self.end - self.begin;
        let (mut sum, mut length) = (0.0, 0.0);
        for &(from, to) in near {
            each_quarter(from, to, |middle, part| {
                let distance = (self.start - middle).max(middle - self.stop).max(0.0);
                let chance =
                    if distance == 0.0 { 1.0 } else { self.farther(self.start, self.stop, distance) / whole };
                sum += chance * part;
                length += part;
            });
        }
        sum / length
    }

    fn recall(&self, near: &[(f64, f64)]) -> f64 {
        let whole = self.end - self.begin;
        let mut sum = 0.0;
        let mut at = 0;
        each_quarter(self.start, self.stop, |middle, part| {
            while at + 1 < near.len() && near[at + 1].0 <= middle {
                at += 1;
            }
            let distance = |&(from, to): &(f64, f64)| (from - middle).max(middle - to).max(0.0);
            let nearest = near[at..].iter().take(2).map(distance).fold(f64::INFINITY, f64::min);
            sum += self.farther(middle, middle, nearest) / whole * part;
        });
        sum / (self.stop - self.start)
    }
}

/// Goes through an interval in pieces between quarters of rows: middle and length of each.
fn each_quarter(from: f64, to: f64, mut visit: impl FnMut(f64, f64)) {
    let mut at = from;
    while at < to {
        let next = ((at * 4.0).floor() / 4.0 + 0.25).min(to);
        visit(f64::midpoint(at, next), next - at);
        at = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(n: usize, windows: &[(usize, usize)], flagged: &[usize]) -> Affiliation {
        let windows: Vec<Window> = windows.iter().map(|&(first, last)| Window { first, last }).collect();
        let truth = Truth::of_rows(n, &windows).with_probation(0);
        let flags: Vec<bool> = (0..n).map(|row| flagged.contains(&row)).collect();
        affiliation(&truth, &flags).unwrap()
    }

    #[test]
    fn flagging_exactly_the_window_is_perfect() {
        let got = measure(100, &[(40, 49)], &(40..50).collect::<Vec<_>>());
        assert!((got.precision - 1.0).abs() < 1e-12 && (got.recall - 1.0).abs() < 1e-12, "{got:?}");
        assert!((got.f1() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn by_hand_one_row_beside_the_window() {
        // Ten rows, window [4, 6), flagged [7, 8): distances 1 to 2, beyond them lie (4-d) + (4-d) of 10 rows.
        let got = measure(10, &[(4, 5)], &[7]);
        assert!((got.precision - (8.0 - 3.0) / 10.0).abs() < 1e-12, "{got:?}");
        // A row y of the window is 7 - y away: beyond lie y - (7 - y) (from 0) and 10 - 7 rows: mean of 2y - 4 is 6.
        assert!((got.recall - 0.6).abs() < 1e-12, "{got:?}");
    }

    #[test]
    fn a_window_without_any_alarm_near_it_is_not_recalled() {
        let got = measure(100, &[(10, 19), (80, 89)], &(10..20).collect::<Vec<_>>());
        assert!((got.recall - 0.5).abs() < 1e-12 && (got.precision - 1.0).abs() < 1e-12, "{got:?}");
        assert_eq!(measure(100, &[(10, 19)], &[]).f1(), 0.0);
    }

    #[test]
    fn without_a_window_there_is_nothing_to_measure() {
        assert_eq!(affiliation(&Truth::of_rows(10, &[]), &[true; 10]), None);
    }
}
