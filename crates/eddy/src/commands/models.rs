//! `eddy models`

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use eddy_detect::STEPS;
use eddy_engine::BEHAVIOURS;
use eddy_models::DETECTORS;

use crate::terminal;

/// List the detectors, or show what a model file holds.
#[derive(Args)]
pub(crate) struct Models {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List detectors, steps and behaviours
    List {
        /// As JSON, with the schema of every parameter
        #[arg(long)]
        json: bool,
    },
    /// Show a detector, step or behaviour, or what a model file holds
    Show {
        /// Name of a detector, step or behaviour, or a model file
        #[arg(value_name = "NAME|MODEL")]
        what: PathBuf,
    },
}

impl Models {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        match &self.what {
            What::List { json: true } => {
                let entries: Vec<serde_json::Value> = DETECTORS
                    .0
                    .iter()
                    .map(|entry| serde_json::json!({ "about": entry.about, "parameters": entry.schema() }))
                    .collect();
                let steps: Vec<serde_json::Value> = STEPS
                    .iter()
                    .map(|s| serde_json::json!({ "name": s.name, "summary": s.summary, "parameters": s.schema() }))
                    .collect();
                let behaviours: Vec<_> = BEHAVIOURS.iter().map(|entry| entry.about).collect();
                let all =
                    serde_json::json!({ "detectors": entries, "steps": steps, "behaviours": behaviours });
                terminal::print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
            }
            What::List { json: false } => {
                let mut text = String::from("Detectors\n");
                for entry in DETECTORS.0 {
                    let _ = writeln!(text, "  {:<26} {}", entry.about.name, entry.about.title);
                }
                text.push_str("\nSteps\n");
                for step in STEPS {
                    let _ = writeln!(text, "  {:<26} {}", step.name, step.summary);
                }
                text.push_str("\nBehaviours, watched for wherever rows are flows between addresses\n");
                for entry in BEHAVIOURS {
                    let _ = writeln!(text, "  {:<26} {}", entry.about.name, entry.about.title);
                }
                text.push_str("\nMore on one: eddy models show NAME\n");
                terminal::print(&text)?;
            }
            What::Show { what } => terminal::print(&show(what)?)?,
        }
        Ok(0)
    }
}

fn show(what: &std::path::Path) -> anyhow::Result<String> {
    let name = what.display().to_string();
    let mut text = String::new();
    if let Ok(entry) = DETECTORS.get(&name) {
        let about = entry.about;
        let _ = writeln!(text, "{} ({})\n\n{}\n", about.title, about.name, about.summary);
        let _ = writeln!(text, "blind to   {}", about.blind_to);
        let _ = writeln!(text, "cost       {}", about.cost);
        let _ = writeln!(text, "source     {}\n", about.source);
        parameters(&mut text, &entry.schema());
    } else if let (Ok(step), false) = (eddy_detect::step(&name), what.exists()) {
        let _ = writeln!(text, "{}: {}\n", step.name, step.summary);
        parameters(&mut text, &step.schema());
    } else if let (Some(entry), false) =
        (BEHAVIOURS.iter().find(|entry| entry.about.name == name), what.exists())
    {
        let about = entry.about;
        let _ = writeln!(text, "{} ({})\n\n{}\n", about.title, about.name, about.summary);
        let _ = writeln!(text, "blind to   {}", about.blind_to);
        let _ = writeln!(text, "ATT&CK     {}", about.techniques.join(", "));
    } else if what.exists() {
        let pipeline = eddy_engine::load_model(what)?;
        let _ = writeln!(text, "{name}");
        let _ = writeln!(text, "detector   {} ({:?})", pipeline.spec.detector, pipeline.model.kind());
        let _ = writeln!(
            text,
            "learned    from {} rows, seed {}",
            pipeline.trained_rows,
            pipeline.spec.seed.get()
        );
        for (key, value) in &pipeline.notes {
            let _ = writeln!(text, "{key:<10} {value}");
        }
        if let Some(threshold) = &pipeline.threshold {
            let _ = writeln!(text, "threshold  {:.4}: {}", threshold.anomaly_score(), threshold.in_words());
        }
        for step in pipeline.steps_in_words() {
            let _ = writeln!(text, "step       {step}");
        }
        let names: Vec<&str> = pipeline.feature_fields.iter().map(|field| &*field.name).collect();
        let _ = writeln!(text, "features   {}", names.join(", "));
    } else {
        anyhow::bail!(
            "'{name}' is neither a detector, nor a step, nor a file; there are the detectors {}",
            DETECTORS.0.iter().map(|entry| entry.about.name).collect::<Vec<_>>().join(", ")
        );
    }
    Ok(text)
}

fn parameters(text: &mut String, schema: &serde_json::Value) {
    let Some(properties) = schema.get("properties").and_then(serde_json::Value::as_object) else {
        text.push_str("No parameters.\n");
        return;
    };
    text.push_str("Parameters\n");
    for (name, property) in properties {
        let default = property.get("default").map(|value| format!(" [default: {value}]")).unwrap_or_default();
        let about = property.get("description").and_then(serde_json::Value::as_str).unwrap_or_default();
        let about = about.replace('\n', " ");
        let _ = writeln!(text, "  {name:<18} {about}{default}");
    }
}
