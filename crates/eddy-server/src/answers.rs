//! Descriptions of answers that are written by other crates, or field by field, and so have no type here.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A type that stands for an answer in the description of the API, and for nothing else.
macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident: $schema:tt)*) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

/// A verdict, or one for each record.
pub(crate) enum Predicted {}

impl JsonSchema for Predicted {
    fn schema_name() -> Cow<'static, str> {
        "Predicted".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (one, many) = (generator.subschema_for::<Verdict>(), generator.subschema_for::<Verdicts>());
        json_schema!({
            "description": "A verdict for one record; verdicts for several.",
            "anyOf": [one, many]
        })
    }
}

answers! {
    /// What `verdict.rs` writes of a record.
    Verdict: {
        "type": "object",
        "description": "What a model says of a record.",
        "properties": {
            "prediction": { "type": ["integer", "string"],
                "description": "1 normal, -1 anomaly; of models that learned from labels 0 normal and 1 attack, or the class." },
            "message": { "type": "string", "description": "The same in words." },
            "result": { "enum": ["Normal", "Anomaly"], "type": "string", "description": "The verdict in a word." },
            "description": { "type": "string", "description": "The verdict in a sentence." },
            "probabilities": { "type": "object", "additionalProperties": { "type": "number" },
                "description": "Of each class, for models that learned from labels." },
            "class": { "type": "string", "description": "The most probable class." },
            "anomaly_score": { "type": "number", "minimum": 0, "maximum": 1, "description": "Calibrated score." },
            "threshold": { "type": "number", "description": "The score from which on a record is an anomaly." },
            "why": { "type": "string", "description": "The features that did it, in a sentence; with `explain`." },
            "causes": { "type": "array", "items": { "type": "object" }, "description": "The same for programs." },
            "note": { "type": "string", "description": "What to know about a lone value of a series." },
            "model": { "type": "object", "description": "Who answered: `id`, `name`, `version`, `detector`." },
            "network_in": { "type": "number", "description": "The value, where it came as a lone number." }
        },
        "required": ["prediction", "message", "result", "description", "anomaly_score", "threshold"],
        "additionalProperties": false
    }

    /// What `predict.rs` writes of several records.
    Verdicts: {
        "type": "object",
        "description": "What a model says of several records.",
        "properties": {
            "predictions": { "type": "array", "items": { "$ref": "#/components/schemas/Verdict" },
                "description": "One for each record, in their order." },
            "records": { "type": "integer", "minimum": 0, "description": "How many there are." },
            "anomalies": { "type": "integer", "minimum": 0, "description": "How many of them are anomalies." },
            "model": { "type": "object", "description": "Who answered: `id`, `name`, `version`, `detector`." }
        },
        "required": ["predictions", "records", "anomalies", "model"],
        "additionalProperties": false
    }

    /// What `eddy-report` draws a report from.
    ReportData: {
        "type": "object",
        "description": "What a report is drawn from.",
        "properties": {
            "title": { "type": "string", "description": "What the report is called." },
            "eddy_version": { "type": "string", "description": "The version that wrote it." },
            "generated_from": { "type": "array", "items": { "type": "string" }, "description": "Names of the inputs." },
            "read": { "type": "object", "description": "What was read, and what was set aside." },
            "columns": { "type": "array", "items": { "type": "object" }, "description": "Columns with role and unit." },
            "pipeline": { "type": "array", "items": { "type": "string" }, "description": "Steps, in words." },
            "detector": { "type": "string", "description": "Name of the detector." },
            "threshold": { "type": ["object", "null"], "description": "Rule, value, rows flagged." },
            "cautions": { "type": "array", "items": { "type": "string" }, "description": "What to be careful about." },
            "points": { "type": ["object", "null"], "description": "Score over time or row, verdict, truth." },
            "features": { "type": "array", "items": { "type": "object" }, "description": "Values of the features." },
            "score_histogram": { "type": ["object", "null"], "description": "Scores, ordinary and flagged." },
            "findings": { "type": "array", "items": { "type": "object" }, "description": "Most unusual first." },
            "finding_columns": { "type": "array", "items": { "type": "string" }, "description": "Columns of their values." },
            "evaluation": { "type": ["object", "null"], "description": "Measured against labels, where there are any." },
            "incidents": { "type": "array", "items": { "type": "object" }, "description": "Most urgent first." }
        },
        "required": ["title", "detector", "columns", "findings", "cautions", "incidents"]
    }

    /// What `eddy-engine` found in an exploration, a comparison or a search.
    JobResult: {
        "description": "What an exploration, a comparison or a search found.",
        "anyOf": [
            {
                "type": "object",
                "title": "Exploration",
                "properties": {
                    "description": { "type": "object", "description": "Sources, format, shape, columns." },
                    "stats": { "type": "object", "description": "Rows read and set aside." },
                    "n_rows": { "type": "integer", "minimum": 0, "description": "Rows." },
                    "columns": { "type": "array", "items": { "type": "object" }, "description": "What each column holds." },
                    "cautions": { "type": "array", "description": "What to be careful about." }
                },
                "required": ["description", "stats", "n_rows", "columns", "cautions"]
            },
            {
                "type": "object",
                "title": "Comparison",
                "properties": {
                    "label": { "type": "string", "description": "The label column." },
                    "split": { "type": "string", "description": "How rows were dealt." },
                    "models": { "type": "array", "items": { "type": "object" }, "description": "Measures of each model." },
                    "checks": { "type": "array", "items": { "type": "object" }, "description": "Honesty checks." }
                },
                "required": ["label", "split", "models", "checks"]
            },
            {
                "type": "object",
                "title": "Search",
                "properties": {
                    "split": { "type": "string", "description": "How rows were dealt." },
                    "trials": { "type": "array", "items": { "type": "object" },
                        "description": "Parameters, what was measured, or why it failed." },
                    "resumed": { "type": "integer", "minimum": 0, "description": "Trials that an earlier attempt made." }
                },
                "required": ["split", "trials"]
            }
        ]
    }
}
