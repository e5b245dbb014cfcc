//! How a run went, for programs.

use serde_json::{Value, json};

use crate::Run;

/// What was read, by what pipeline, with what threshold and in what time; without findings and incidents.
pub fn summary(run: &Run) -> Value {
    let spec = &run.pipeline.spec;
    json!({
        "read": { "description": run.description, "stats": run.stats },
        "pipeline": {
            "steps": spec.steps,
            "steps_in_words": run.pipeline.steps_in_words(),
            "detector": spec.detector,
            "parameters": spec.params,
            "seed": spec.seed,
            "learned_rows": run.pipeline.trained_rows,
        },
        "threshold": {
            "rule": run.threshold.rule,
            "in_words": run.threshold.in_words(),
            "anomaly_score": run.threshold.anomaly_score(),
            "warning": run.threshold.warning,
        },
        "rows": run.surprises.len(),
        "flagged": run.flagged,
        "cautions": run.cautions,
        "evaluation": run.evaluation.as_ref().map(|(label, measured)| json!({ "label": label, "measured": measured })),
        "seconds": {
            "read": run.timings.read.as_secs_f64(),
            "fit": run.timings.fit.as_secs_f64(),
            "score": run.timings.score.as_secs_f64(),
        },
    })
}
