//! `eddy explain`

use anyhow::bail;
use clap::Args;
use eddy_engine::{Run, detect};
use eddy_insight::{Finding, Incident};

use crate::args::{FitArgs, ReadArgs, RuleArgs};
use crate::{explanation, terminal};

/// Show one incident whole: evidence, flows, timeline, what to do, ready rules and what they would have done.
#[derive(Args)]
pub(crate) struct Explain {
    /// File, folder or glob, as for `eddy detect`, or - for standard input
    #[arg(value_name = "FILE")]
    input: String,
    /// Which: its number in the list of `eddy detect`, the beginning of its id, or row:N or line:N of an unusual
    /// row [default: the most urgent]
    #[arg(value_name = "WHICH")]
    which: Option<String>,
    /// The form in which rules are shown
    #[arg(long, value_name = "FORM", default_value = "nftables", value_parser = ["nftables", "suricata", "flowspec", "acl", "all"], help_heading = "Output")]
    rules: String,
    /// Print it as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    read: ReadArgs,
    #[command(flatten)]
    fit: FitArgs,
    #[command(flatten)]
    rule: RuleArgs,
}

impl Explain {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let mut options = self.read.options();
        options.rule = self.rule.rule()?;
        let run = detect(std::slice::from_ref(&self.input), &self.fit.fitting()?, &options)?;
        if run.incidents.is_empty() && self.which.is_none() {
            if self.json {
                terminal::print("null\n")?;
            } else {
                terminal::print("No incident: nothing stands out from what is ordinary here.\n")?;
            }
            return Ok(0);
        }
        let finding = self.which.as_deref().and_then(|asked| finding(&run, asked));
        let incident = match (which(&run.incidents, self.which.as_deref()), finding) {
            (Ok(incident), _) => incident,
            (Err(_), Some(finding)) => {
                let text = if self.json {
                    format!("{}\n", serde_json::to_string_pretty(finding)?)
                } else {
                    explanation::of_finding(finding, &run.incidents)
                };
                terminal::print(&text)?;
                return Ok(0);
            }
            (Err(error), None) => return Err(error),
        };
        let text = if self.json {
            format!("{}\n", serde_json::to_string_pretty(incident)?)
        } else {
            explanation::text(incident, run.incidents.len(), &self.rules)
        };
        terminal::print(&text)?;
        Ok(0)
    }
}

/// The explained row that is asked for, whether it belongs to an incident or not.
fn finding<'a>(run: &'a Run, asked: &str) -> Option<&'a Finding> {
    let (kind, number) = asked.split_once(':')?;
    let number = number.parse::<u64>().ok()?;
    run.findings.iter().find(|finding| match kind {
        "row" => finding.place.row == number,
        "line" => finding.place.line == Some(number),
        _ => false,
    })
}

/// The incident that is asked for.
fn which<'a>(incidents: &'a [Incident], asked: Option<&str>) -> anyhow::Result<&'a Incident> {
    let Some(asked) = asked else {
        return incidents.first().ok_or_else(|| anyhow::anyhow!("there is no incident"));
    };
    let all = incidents.len();
    if let Some((kind, number)) = asked.split_once(':') {
        let Ok(number) = number.parse::<u64>() else {
            bail!("{asked}: write row:17 or line:17");
        };
        let has = |incident: &&Incident| {
            incident.rows.iter().any(|row| match kind {
                "row" => row.row == number,
                "line" => row.line == Some(number),
                _ => false,
            })
        };
        return incidents.iter().find(has).ok_or_else(|| {
            anyhow::anyhow!("{asked}: that row is not unusual, or not among the most unusual")
        });
    }
    let by_number = asked.parse::<usize>().ok().and_then(|n| incidents.get(n.checked_sub(1)?));
    let by_id = || {
        let mut found = incidents.iter().filter(|incident| incident.id.starts_with(asked));
        found.next().filter(|_| asked.len() >= 4 && found.next().is_none())
    };
    by_number.or_else(by_id).ok_or_else(|| {
        anyhow::anyhow!(
            "{asked}: there is no such incident; write a number from 1 to {all}, or the first four or more digits of an id"
        )
    })
}
