//! What confidence is worth: how many incidents of each were right.

use std::collections::BTreeMap;

use serde::Serialize;

use super::captures::Raised;

/// Incidents of like confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// Least confidence of the band.
    pub from: f64,
    /// Incidents in it.
    pub incidents: usize,
    /// Those that tell what is true.
    pub right: usize,
    /// Their mean confidence.
    pub mean_confidence: f64,
}

impl Band {
    /// The band of some incidents, each with its confidence and whether it tells what is true.
    fn of(from: f64, all: &[(f64, bool)]) -> Self {
        let sum: f64 = all.iter().map(|(confidence, _)| confidence).sum();
        Self {
            from,
            incidents: all.len(),
            right: all.iter().filter(|(_, right)| *right).count(),
            mean_confidence: sum / all.len().max(1) as f64,
        }
    }
}

/// Incidents of like behaviours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BandOfBehaviours {
    /// The behaviours, joined by commas.
    pub behaviours: String,
    /// The incidents of all their confidences.
    pub band: Band,
}

/// Incidents by their confidence, each with whether it tells what is true; bands without any are left out.
pub(super) fn bands(all: &[(f64, bool)]) -> Vec<Band> {
    const EDGES: [f64; 6] = [0.0, 0.5, 0.6, 0.7, 0.8, 0.9];
    (0..EDGES.len())
        .map(|at| {
            let to = EDGES.get(at + 1).copied().unwrap_or(f64::INFINITY);
            let of: Vec<(f64, bool)> =
                all.iter().filter(|(confidence, _)| (EDGES[at]..to).contains(confidence)).copied().collect();
            Band::of(EDGES[at], &of)
        })
        .filter(|band| band.incidents > 0)
        .collect()
}

/// The bands of what was raised in many captures, each incident with whether it is right.
pub(super) fn bands_of_raised<'a>(all: impl Iterator<Item = (&'a [Raised], &'a [bool])>) -> Vec<Band> {
    let of = |(raised, right): (&'a [Raised], &'a [bool])| {
        raised.iter().map(|one| one.confidence).zip(right.iter().copied())
    };
    bands(&all.flat_map(of).collect::<Vec<_>>())
}

/// The same by behaviours, in the order of their names.
pub(super) fn behaviours_of_raised<'a>(
    all: impl Iterator<Item = (&'a [Raised], &'a [bool])>,
) -> Vec<BandOfBehaviours> {
    let mut of: BTreeMap<String, Vec<(f64, bool)>> = BTreeMap::new();
    for (raised, right) in all {
        for (one, &right) in raised.iter().zip(right) {
            of.entry(one.behaviours.join(", ")).or_default().push((one.confidence, right));
        }
    }
    let band = |(behaviours, all): (String, Vec<(f64, bool)>)| {
        let least = all.iter().map(|(confidence, _)| *confidence).fold(1.0, f64::min);
        BandOfBehaviours { behaviours, band: Band::of(least, &all) }
    };
    of.into_iter().map(band).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidents_are_counted_by_their_confidence() {
        let found = bands(&[(0.3, false), (0.55, true), (0.55, false), (0.99, true), (0.9, true)]);
        let seen: Vec<(f64, usize, usize)> =
            found.iter().map(|band| (band.from, band.incidents, band.right)).collect();
        assert_eq!(seen, [(0.0, 1, 0), (0.5, 2, 1), (0.9, 2, 2)]);
        assert!((found[2].mean_confidence - 0.945).abs() < 1e-12);
    }

    #[test]
    fn incidents_are_counted_by_their_behaviours() {
        let raised = |behaviours: &[&str], confidence: f64| Raised {
            kind: String::new(),
            behaviours: behaviours.iter().map(|name| (*name).into()).collect(),
            actors: Vec::new(),
            targets: Vec::new(),
            severity: eddy_insight::Severity::Low,
            confidence,
            sentence: String::new(),
        };
        let all = [raised(&["scan"], 0.9), raised(&["flood", "scan"], 0.8), raised(&["scan"], 0.7)];
        let found = behaviours_of_raised([(&all[..], &[true, true, false][..])].into_iter());
        let seen: Vec<(&str, usize, usize)> =
            found.iter().map(|one| (one.behaviours.as_str(), one.band.incidents, one.band.right)).collect();
        assert_eq!(seen, [("flood, scan", 1, 1), ("scan", 2, 1)]);
        assert!((found[1].band.mean_confidence - 0.8).abs() < 1e-12);
    }
}
