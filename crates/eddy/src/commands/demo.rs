//! `eddy demo`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use eddy_engine::{Fitting, RunOptions, detect};
use eddy_insight::count;
use eddy_io::TableWriter;
use eddy_sim::{Planting, Scenario, Shape, Spec, generate};

use crate::commands::generate::event_line;
use crate::terminal;

/// See Eddy at work on traffic it makes itself: no network, no privileges, a few seconds.
#[derive(Args)]
pub(crate) struct Demo {
    /// The same seed gives the same traffic
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Folder for the traffic and the report
    #[arg(long, default_value = "eddy-demo", value_name = "FOLDER")]
    out: PathBuf,
}

/// Monday 2024-01-15, 00:00 UTC.
const START_NS: i64 = 1_705_276_800_000_000_000;
/// Four days at a row a minute.
const HOURS: f64 = 96.0;
/// What is planted, at which hour, for how many hours.
const PLANTED: [(Scenario, f64, f64); 5] = [
    (Scenario::Exfiltration, 26.5, 0.6),
    (Scenario::PortScan, 38.2, 0.3),
    (Scenario::DdosSpike, 61.4, 0.4),
    (Scenario::BruteForce, 75.0, 0.4),
    (Scenario::Outage, 86.1, 0.5),
];

impl Demo {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let started = Instant::now();
        std::fs::create_dir_all(&self.out)?;
        let mut spec = Spec::new(Shape::FlowFeatures, START_NS, HOURS, self.seed);
        spec.scenarios = PLANTED.map(|(scenario, at, hours)| Planting::new(scenario).at(at, hours)).into();
        let generated = generate(&spec)?;
        let table = self.out.join("traffic.csv");
        let mut writer = TableWriter::create(&table, generated.frame.schema())?;
        writer.write(&generated.frame)?;
        writer.finish()?;
        let name = table.display().to_string();
        let options = RunOptions::default();
        let mut run = detect(std::slice::from_ref(&name), &Fitting::default(), &options)?;
        let flagged = run.verdicts.clone();

        let mut text = format!(
            "Four days of made-up traffic, {} rows, with {} events planted in it (seed {}).\n\
             The labels were kept from the detector; they are only used to measure.\n\n",
            count(flagged.len() as u64),
            generated.truth.len(),
            self.seed
        );
        let (mut found, mut false_alarms) = (0, 0);
        for (at, event) in generated.truth.iter().enumerate() {
            let caught = generated
                .row_truth
                .iter()
                .zip(&flagged)
                .filter(|(truth, flag)| usize::from(**truth) == at + 1 && **flag)
                .count();
            found += usize::from(caught > 0);
            let verdict =
                if caught > 0 { format!("found  {caught:>3} rows") } else { "missed         ".to_owned() };
            let _ = writeln!(text, "  {verdict}  {}", event_line(event));
        }
        for (truth, flag) in generated.row_truth.iter().zip(&flagged) {
            false_alarms += usize::from(*truth == 0 && *flag);
        }
        let planted = generated.row_truth.iter().filter(|truth| **truth > 0).count();
        let ordinary = generated.row_truth.len() - planted;
        let _ = writeln!(
            text,
            "\n  {found} of {} events found; {false_alarms} of {} ordinary rows falsely raised.\n",
            generated.truth.len(),
            count(ordinary as u64)
        );
        text.push_str("The most unusual, and why:\n");
        for finding in terminal::strongest_of_stretches(&run.findings).iter().take(PLANTED.len()) {
            let _ = writeln!(
                text,
                "  {:.3}  {}\n         {}",
                finding.anomaly_score,
                terminal::plain(&terminal::where_in_words(finding, false)),
                terminal::plain(&finding.sentence)
            );
        }
        let report = self.out.join("report.html");
        crate::commands::detect::write(&mut run, &report, &options)?;
        let _ = writeln!(
            text,
            "\n{:.1} s. Wrote {name} and {}.\n\nnext       open {}\n           eddy detect {name}\n           eddy detect YOURFILE",
            started.elapsed().as_secs_f64(),
            report.display(),
            report.display()
        );
        terminal::print(&text)?;
        Ok(0)
    }
}
