//! How sure an incident is.
//!
//! Every behaviour has a *doubt*, the share of its sightings that are nothing when the evidence just suffices, and a
//! *slope*, how quickly the doubt goes as the evidence grows: with a strength of `s` times what would have sufficed the
//! doubt is `doubt / s^slope`. Doubts of different behaviours of one cause are multiplied, as they are told from
//! different numbers; of several sightings of one behaviour only the strongest counts. One minus what is left of the doubt is
//! what the evidence says; confidence is the share that was right of all that was as sure ([`calibrated`]). It grows with
//! every strength and never falls when more is seen.

use eddy_behaviour::Sighting;

/// What is assumed of one behaviour.
struct Doubt {
    behaviour: &'static str,
    /// Share of just sufficient sightings that are nothing.
    at_least: f64,
    /// How quickly the doubt goes as the evidence grows.
    slope: f64,
}

/// By behaviour: the order of what is surer among behaviours. Forged answers that just suffice are mostly somebody's
/// ordinary ones. Calls at equal distances grow little surer with their number:
/// machines that keep in touch do so for longer than a beacon does.
const DOUBTS: [Doubt; 14] = [
    Doubt { behaviour: "scan", at_least: 0.40, slope: 1.5 },
    Doubt { behaviour: "flood", at_least: 0.40, slope: 0.8 },
    Doubt { behaviour: "brute_force", at_least: 0.30, slope: 1.0 },
    Doubt { behaviour: "beaconing", at_least: 0.35, slope: 0.15 },
    Doubt { behaviour: "exfiltration", at_least: 0.30, slope: 1.0 },
    Doubt { behaviour: "tunnel", at_least: 0.30, slope: 1.0 },
    Doubt { behaviour: "made_up_names", at_least: 0.30, slope: 1.0 },
    Doubt { behaviour: "wrong_port", at_least: 0.35, slope: 0.5 },
    Doubt { behaviour: "lateral_spread", at_least: 0.45, slope: 1.5 },
    Doubt { behaviour: "arp_spoofing", at_least: 0.35, slope: 0.7 },
    Doubt { behaviour: "crafted_packets", at_least: 0.35, slope: 0.5 },
    Doubt { behaviour: "forged_answers", at_least: 0.70, slope: 0.9 },
    Doubt { behaviour: "silence", at_least: 0.30, slope: 1.0 },
    Doubt { behaviour: "unusual", at_least: 0.50, slope: 1.0 },
];
/// Of a behaviour that is not listed.
const OTHERWISE: Doubt = Doubt { behaviour: "", at_least: 0.5, slope: 1.0 };
/// What was right of all that was as sure lies on a line of log odds: where it begins, and how steep it is. Both were fitted
/// to drills, public captures with and without something in them and generated networks; fitted to half of them they held
/// for the other half (how near stands in `docs/explanation/judging-incidents.md`).
const BEGINS: f64 = 0.2;
const STEEP: f64 = 1.8;
/// Nothing is surer than this.
pub(crate) const MOST: f64 = 0.99;
/// No strength counts for more than this.
const MOST_STRENGTH: f64 = 50.0;

/// 0 to 1, to the hundredth.
pub(crate) fn confidence(sightings: &[Sighting]) -> f64 {
    let mut strongest: Vec<(&str, f64)> = Vec::new();
    for sighting in sightings {
        let strength = if sighting.strength.is_finite() { sighting.strength } else { 1.0 };
        match strongest.iter_mut().find(|(behaviour, _)| *behaviour == sighting.behaviour) {
            Some((_, most)) => *most = most.max(strength),
            None => strongest.push((sighting.behaviour, strength)),
        }
    }
    let doubt: f64 = strongest.iter().map(|&(behaviour, strength)| doubt(behaviour, strength)).product();
    ((calibrated(1.0 - doubt) * 100.0).round() / 100.0).min(MOST)
}

/// The share that is right of all that is as sure by its evidence.
fn calibrated(sure: f64) -> f64 {
    let sure = sure.clamp(0.001, 0.999);
    let log_odds = BEGINS + STEEP * (sure / (1.0 - sure)).ln();
    1.0 / (1.0 + (-log_odds).exp())
}

/// What is left of the doubt of one behaviour at a strength.
fn doubt(behaviour: &str, strength: f64) -> f64 {
    let Doubt { at_least, slope, .. } =
        DOUBTS.iter().find(|one| one.behaviour == behaviour).unwrap_or(&OTHERWISE);
    at_least / strength.clamp(1.0, MOST_STRENGTH).powf(*slope)
}

#[cfg(test)]
mod tests {
    use eddy_behaviour::BEHAVIOURS;

    use super::*;

    #[test]
    fn doubt_falls_as_the_evidence_grows_for_every_behaviour() {
        for entry in BEHAVIOURS {
            let doubts: Vec<f64> =
                [0.5, 1.0, 1.5, 2.0, 5.0, 20.0, 50.0].iter().map(|&s| doubt(entry.about.name, s)).collect();
            assert!(doubts.windows(2).all(|pair| pair[1] <= pair[0]), "{}: {doubts:?}", entry.about.name);
            assert!(doubts[1] <= 0.9 && doubts[6] < doubts[1] / 1.5, "{}: {doubts:?}", entry.about.name);
            let known = DOUBTS.iter().any(|one| one.behaviour == entry.about.name);
            assert!(known || doubts[1] == OTHERWISE.at_least);
        }
    }

    #[test]
    fn confidence_is_the_share_that_was_right_of_what_was_as_sure() {
        // Of what was 0.64 sure on average 77 of 100 were right, of 0.75 92, of 0.86 99.
        for (sure, share) in [(0.64, 0.77), (0.75, 0.92), (0.86, 0.99)] {
            assert!((calibrated(sure) - share).abs() <= 0.05, "{sure}: {}", calibrated(sure));
        }
        let shares: Vec<f64> = (0..=100).map(|at| calibrated(f64::from(at) / 100.0)).collect();
        assert!(shares.is_sorted() && (0.0..=1.0).contains(&shares[0]) && shares[100] <= 1.0);
        // Answers that look forged and just suffice are mostly none.
        let forged = |strength| {
            let sighting = crate::incident::tests::sighting("forged_answers", None, 2, 0);
            confidence(&[Sighting { strength, ..sighting }])
        };
        assert!(forged(1.0) < 0.3 && forged(4.0) > 0.85, "{} {}", forged(1.0), forged(4.0));
    }

    #[test]
    fn hostile_strengths_leave_a_share() {
        for strength in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e300] {
            let sighting = crate::incident::tests::sighting("scan", Some(1), 2, 0);
            let sure = confidence(&[Sighting { strength, ..sighting }]);
            assert!((0.0..=1.0).contains(&sure), "{strength}: {sure}");
        }
    }
}
