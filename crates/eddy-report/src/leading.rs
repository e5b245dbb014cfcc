//! Which features matter most in a run.

use std::collections::HashMap;

use crate::DetectReport;

/// What is named as a cause, with its part in all findings.
pub(crate) struct Leader<'a> {
    /// Name of the cause.
    pub(crate) name: &'a str,
    /// Share of all causes, above 0 and at most 1.
    pub(crate) share: f64,
    /// Position of the feature of that name, where it is drawn: a value some rows before, say, is not.
    pub(crate) feature: Option<usize>,
}

/// All causes, those first that did most.
pub(crate) fn causes(report: &DetectReport) -> Vec<Leader<'_>> {
    let mut weights: HashMap<&str, f64> = HashMap::new();
    for cause in report.findings.iter().flat_map(|finding| &finding.causes) {
        if cause.share.is_finite() && cause.share > 0.0 {
            *weights.entry(&cause.feature).or_default() += cause.share;
        }
    }
    let mut leaders: Vec<Leader<'_>> = weights
        .into_iter()
        .map(|(name, share)| {
            let feature = report.features.iter().position(|feature| feature.name == name);
            Leader { name, share, feature }
        })
        .collect();
    // The order of a hash map must not show, not even in the last digit of the sum.
    leaders.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.name.cmp(b.name)));
    let total: f64 = leaders.iter().map(|leader| leader.share).sum();
    leaders.iter_mut().for_each(|leader| leader.share /= total);
    leaders
}

/// Positions of the features, those first that did most of the findings.
pub(crate) fn ranking(report: &DetectReport) -> Vec<usize> {
    let mut ranked: Vec<usize> = causes(report).iter().filter_map(|leader| leader.feature).collect();
    let rest: Vec<usize> = (0..report.features.len()).filter(|idx| !ranked.contains(idx)).collect();
    ranked.extend(rest);
    ranked
}

/// Positions of the features that are numbers, those first that matter most.
pub(crate) fn numbers(report: &DetectReport) -> Vec<usize> {
    ranking(report).into_iter().filter(|&idx| report.features[idx].levels.is_empty()).collect()
}
