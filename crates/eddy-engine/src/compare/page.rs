//! A comparison as a page.

use eddy_report::{
    CompareReport, ConfusionMatrix, Curve, Figures, HonestyCheck, ModelResult, ReliabilityBin, UnseenClass,
};

use super::{Binary, Comparison, Contender, Curves};
use crate::report::{read_summary, title};

/// Features whose importance is drawn at most.
const MOST_FEATURES: usize = 20;

/// Everything that the page of a comparison is drawn from.
pub fn compare_report(found: &Comparison) -> CompareReport {
    CompareReport {
        title: title(&found.description),
        eddy_version: env!("CARGO_PKG_VERSION").to_owned(),
        generated_from: found.description.sources.clone(),
        read: read_summary(&found.description, &found.stats),
        cautions: Vec::new(),
        label: found.label.clone(),
        split: found.split.clone(),
        n_measured: found.n_measured,
        base_rate: found.base_rate,
        classes: found.classes.clone(),
        checks: found
            .checks
            .iter()
            .map(|check| HonestyCheck {
                name: check.name.to_owned(),
                found: check.found,
                evidence: check.evidence.clone(),
            })
            .collect(),
        models: found.contenders.iter().map(model).collect(),
        agreement: found.agreement.as_ref().map(|agreement| eddy_report::Agreement {
            names: agreement.names.clone(),
            equal: agreement.equal.clone(),
            kappa: agreement.kappa.clone(),
        }),
    }
}

fn model(one: &Contender) -> ModelResult {
    let [[passed, wrong], [missed, caught]] = one.verdicts;
    let curves = one.curves.as_ref();
    let points = |points: fn(&Curves) -> &Vec<(f64, f64)>| {
        let (x, y) = curves.map(points).into_iter().flatten().copied().unzip();
        Curve { x, y }
    };
    ModelResult {
        name: one.detector.clone(),
        learned_from: one.learned_from.to_owned(),
        failed: one.failed.clone(),
        figures: one.binary.as_ref().map(|binary| figures(binary, one)),
        binary: one.binary.is_some().then(|| ConfusionMatrix {
            names: vec!["normal".to_owned(), "attack".to_owned()],
            counts: vec![vec![passed, wrong], vec![missed, caught]],
        }),
        multi: one.multi.as_ref().map(|multi| ConfusionMatrix {
            names: multi.classes.iter().map(|class| class.name.clone()).collect(),
            counts: multi.confusion.clone(),
        }),
        roc: points(|curves| &curves.roc),
        precision_recall: points(|curves| &curves.precision_recall),
        reliability: curves.and_then(|curves| curves.reliability.as_ref()).map(|one| {
            eddy_report::Reliability {
                brier: one.brier,
                bins: one
                    .bins
                    .iter()
                    .map(|&(predicted, observed, rows)| ReliabilityBin { predicted, observed, rows })
                    .collect(),
            }
        }),
        importance: curves
            .map(|curves| curves.importance.iter())
            .into_iter()
            .flatten()
            .take(MOST_FEATURES)
            .map(|one| eddy_report::Importance { feature: one.feature.clone(), drop: one.drop, sd: one.sd })
            .collect(),
        unseen: one
            .unseen
            .iter()
            .map(|(class, rows, caught)| UnseenClass { class: class.clone(), rows: *rows, caught: *caught })
            .collect(),
        fit_seconds: one.fit_seconds,
        score_seconds: one.score_seconds,
        bytes: one.bytes,
    }
}

fn figures(binary: &Binary, one: &Contender) -> Figures {
    Figures {
        balanced_accuracy: binary.balanced_accuracy,
        accuracy: binary.accuracy,
        accuracy_sd: (binary.accuracy_sd > 0.0).then_some(binary.accuracy_sd),
        precision: binary.precision,
        recall: binary.recall,
        f1: binary.f1,
        false_positive_rate: binary.false_positive_rate,
        roc_auc: binary.roc_auc,
        average_precision: binary.average_precision,
        macro_f1: one.multi.as_ref().map(|multi| multi.macro_f1),
        at_base_rates: binary.at_base_rates.clone(),
        at_alerts: binary.at_alerts.iter().map(|&(n, hits)| (n as u64, hits / n as f64)).collect(),
    }
}
