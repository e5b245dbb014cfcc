//! Which features matter most in a run.

use crate::DetectReport;

/// Positions of the features, those first that did most of the findings, with their share of all causes (0 to 1).
pub(crate) fn ranking(report: &DetectReport) -> Vec<(usize, f64)> {
    let mut weights = vec![0.0; report.features.len()];
    let mut total = 0.0;
    for cause in report.findings.iter().flat_map(|finding| &finding.causes) {
        let share = if cause.share.is_finite() { cause.share.max(0.0) } else { 0.0 };
        total += share;
        if let Some(idx) = report.features.iter().position(|feature| feature.name == cause.feature) {
            weights[idx] += share;
        }
    }
    let mut ranked: Vec<(usize, f64)> = weights
        .into_iter()
        .map(|weight| if total > 0.0 { weight / total } else { 0.0 })
        .enumerate()
        .collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked
}

/// Positions of the features that are numbers, those first that matter most.
pub(crate) fn numbers(report: &DetectReport) -> Vec<usize> {
    ranking(report)
        .into_iter()
        .map(|(idx, _)| idx)
        .filter(|&idx| report.features[idx].levels.is_empty())
        .collect()
}
