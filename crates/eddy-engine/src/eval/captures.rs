//! Incidents held against captures and logs of which it is known who did what to whom.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use eddy_insight::{Incident, Severity};
use rayon::prelude::*;
use serde::Serialize;

use super::band::{Band, bands_of_raised};
use super::coverage::{Coverage, coverage};
use super::truth::{Known, TRUTH, What, known};
use crate::incidents::watch;
use crate::run::read;
use crate::{EngineError, RunOptions};

/// Which captures to look at.
#[derive(Debug, Clone, Default)]
pub struct CapturesOptions {
    /// Folder with the captures, as the table of truth names them.
    pub folder: PathBuf,
    /// Only files whose name holds this text; empty for all.
    pub only: String,
    /// A table of truth in place of the one of this program; its columns are those of `truth.tsv`.
    pub truth: Option<PathBuf>,
}

/// One incident, in short.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Raised {
    /// What it is.
    pub kind: String,
    /// Behaviours seen.
    pub behaviours: Vec<String>,
    /// Who does it.
    pub actors: Vec<IpAddr>,
    /// To whom.
    pub targets: Vec<IpAddr>,
    /// How soon somebody should look.
    pub severity: Severity,
    /// How sure it is.
    pub confidence: f64,
    /// What happened.
    pub sentence: String,
}

impl Raised {
    pub(crate) fn of(incident: &Incident) -> Self {
        Self {
            kind: incident.kind.to_string(),
            behaviours: incident.behaviours.iter().map(ToString::to_string).collect(),
            actors: incident.actors.clone(),
            targets: incident.targets.clone(),
            severity: incident.severity,
            confidence: incident.confidence,
            sentence: incident.sentence.clone(),
        }
    }
}

/// How one capture came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether one thing was told right")]
pub struct CaptureVerdict {
    /// Path below the folder.
    pub file: String,
    /// What is known to be in it, in words; `benign` where nothing is wrong.
    pub known: String,
    /// Whether nothing is wrong in it.
    pub is_benign: bool,
    /// Flows watched.
    pub flows: u64,
    /// Whether the first incident names the actor (or, of forged senders, nobody).
    pub actor_first: bool,
    /// Whether the first incident names the target.
    pub target_first: bool,
    /// Whether the first incident is of the right kind.
    pub kind_first: bool,
    /// The first incident with actor, target and kind right, counted from 1.
    pub rank: Option<usize>,
    /// What was raised, most urgent first.
    pub raised: Vec<Raised>,
    /// Of each that was raised, whether it tells who and what.
    pub right: Vec<bool>,
    /// How many incidents of each severity there are that tell nothing of what is known: high or more, medium, low.
    pub others: [usize; 3],
    /// Which flows the incidents cover, where flows have labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// Why it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl CaptureVerdict {
    /// Whether actor and kind are right in the first incident.
    pub fn is_right(&self) -> bool {
        self.actor_first && self.kind_first
    }
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CapturesReport {
    /// Captures with something in them, then those without.
    pub captures: Vec<CaptureVerdict>,
    /// Captures of the table that are not in the folder.
    pub missing: Vec<String>,
}

impl CapturesReport {
    /// Captures with something in them that could be read: how many, and in how many actor and kind were right.
    pub fn right(&self) -> (usize, usize) {
        let known = || self.captures.iter().filter(|one| !one.is_benign && one.error.is_none());
        (known().count(), known().filter(|one| one.is_right()).count())
    }

    /// By confidence: in a capture with something in it an incident is right that tells who and what, in one without none
    /// is.
    pub fn bands(&self) -> Vec<Band> {
        bands_of_raised(self.captures.iter().map(|one| (&*one.raised, &*one.right)))
    }

    /// Captures without anything in them that could be read: how many, and how many have an incident of severity high
    /// or more.
    pub fn benign(&self) -> (usize, usize) {
        let benign = || self.captures.iter().filter(|one| one.is_benign && one.error.is_none());
        (benign().count(), benign().filter(|one| one.others[0] > 0).count())
    }
}

/// Watches every capture of the table of truth and says what came of it.
///
/// # Errors
/// [`EngineError::Input`] when the table of truth cannot be read or nothing of it is in the folder.
pub fn eval_captures(options: &CapturesOptions) -> Result<CapturesReport, EngineError> {
    let text = match &options.truth {
        None => TRUTH.to_owned(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| EngineError::Io { path: path.display().to_string(), source })?,
    };
    let table = known(&text).map_err(EngineError::Input)?;
    let named: BTreeSet<&str> = table.iter().map(|known| known.file.as_str()).collect();
    let mut missing = Vec::new();
    let mut files: Vec<(String, &Known)> = Vec::new();
    for known in &table {
        if let Some(folder) = known.file.strip_suffix('/') {
            let mut found = Vec::new();
            walk(&options.folder.join(folder), &mut found, 0);
            let below = found.iter().filter_map(|path| {
                let name = path.strip_prefix(&options.folder).ok()?.to_str()?.replace('\\', "/");
                (!named.contains(name.as_str())).then_some(name)
            });
            files.extend(below.map(|name| (name, known)));
        } else if options.folder.join(&known.file).exists() {
            files.push((known.file.clone(), known));
        } else {
            missing.push(known.file.clone());
        }
    }
    files.retain(|(name, _)| name.contains(&options.only));
    if files.is_empty() {
        return Err(EngineError::Input(format!(
            "{}: none of the captures of the table of truth is here",
            options.folder.display()
        )));
    }
    let captures = files.par_iter().map(|(name, known)| judge(&options.folder, name, known)).collect();
    Ok(CapturesReport { captures, missing })
}

/// Captures below a folder, in the order of their names.
fn walk(folder: &Path, found: &mut Vec<PathBuf>, depth: usize) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() && depth < 8 {
            walk(&path, found, depth + 1);
        } else if path
            .extension()
            .and_then(|ending| ending.to_str())
            .is_some_and(|ending| matches!(ending, "pcap" | "pcapng" | "cap" | "dmp"))
        {
            found.push(path);
        }
    }
}

fn judge(folder: &Path, name: &str, known: &Known) -> CaptureVerdict {
    let path = folder.join(name);
    let mut verdict = CaptureVerdict {
        file: name.to_owned(),
        known: known.in_words(),
        is_benign: matches!(known.what, What::Benign),
        flows: 0,
        actor_first: false,
        target_first: false,
        kind_first: false,
        rank: None,
        raised: Vec::new(),
        right: Vec::new(),
        others: [0; 3],
        coverage: None,
        error: None,
    };
    let outcome = read(&[path.display().to_string()], &RunOptions::default()).and_then(|mut input| {
        let watched = watch(&mut input)?;
        let coverage = match &watched {
            Some(watched) if known.has_labels => coverage(&mut input, &watched.incidents)?,
            _ => None,
        };
        Ok((watched, coverage))
    });
    let incidents = match outcome {
        Ok((Some(watched), coverage)) => {
            verdict.flows = watched.flows;
            verdict.coverage = coverage;
            watched.incidents
        }
        Ok((None, _)) => {
            verdict.error = Some("there are no flows in it".into());
            return verdict;
        }
        Err(error) => {
            verdict.error = Some(error.to_string());
            return verdict;
        }
    };
    verdict.raised = incidents.iter().map(Raised::of).collect();
    if let Some(first) = verdict.raised.first() {
        verdict.actor_first = known.actor_is_right(first);
        verdict.target_first = known.target_is_right(first);
        verdict.kind_first = known.kind_is_right(first);
    }
    verdict.rank = (verdict.raised.iter())
        .position(|one| known.is_told_by(one) && known.target_is_right(one))
        .map(|at| at + 1);
    verdict.right = verdict.raised.iter().map(|one| known.is_told_by(one)).collect();
    for one in verdict.raised.iter().filter(|one| !known.concerns(one)) {
        verdict.others[match one.severity {
            Severity::Low => 2,
            Severity::Medium => 1,
            Severity::High => 0,
        }] += 1;
    }
    verdict
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn captures_are_held_against_what_is_known_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut scan = String::from(
            "flowStartMilliseconds,flowDurationMilliseconds,sourceAddress,destinationAddress,sourceTransportPort,\
             destinationTransportPort,protocolIdentifier,octetDeltaCount,packetDeltaCount,reverseOctetDeltaCount,\
             reversePacketDeltaCount,connectionState\n",
        );
        let calm = scan.clone() + "2024-01-01 00:00:01,1,10.0.0.5,10.0.0.6,5000,443,6,900,9,8000,9,SF\n";
        for port in 1..200 {
            let _ = writeln!(
                scan,
                "2024-01-01 00:00:{:02},0,10.0.0.66,10.0.0.9,50000,{port},6,60,1,0,0,S0",
                port / 4
            );
        }
        std::fs::create_dir(folder.path().join("calm")).unwrap();
        std::fs::write(folder.path().join("scan.csv"), &scan).unwrap();
        std::fs::write(folder.path().join("calm.csv"), calm).unwrap();
        let truth = folder.path().join("truth");
        let table = "scan.csv\tscan\t10.0.0.66\t10.0.0.9\tmade here\ncalm.csv\tbenign\t-\t-\tmade here\n\
                     scan.csv\tflood\t10.0.0.66\t10.0.0.9\twrong on purpose\nnone.csv\tscan\t-\t-\tmade here\n";
        std::fs::write(&truth, table).unwrap();
        let options = CapturesOptions {
            folder: folder.path().to_owned(),
            truth: Some(truth),
            ..CapturesOptions::default()
        };
        let report = eval_captures(&options).unwrap();
        assert_eq!((report.right(), report.benign()), ((2, 1), (1, 0)));
        assert_eq!(report.missing, ["none.csv"]);
        assert_eq!(report.captures.iter().map(|one| one.rank).collect::<Vec<_>>(), [Some(1), None, None]);
    }

    #[test]
    fn public_scans_are_told_by_whom_and_of_whom() {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
        let folder = std::env::var_os("EDDY_DATA").map_or(beside, PathBuf::from);
        if !folder.join("pcap/nmap-scans").exists() {
            eprintln!("skipped: there are no captures at {}; set EDDY_DATA", folder.display());
            return;
        }
        let options =
            CapturesOptions { folder, only: "nmap-scans/".to_owned(), ..CapturesOptions::default() };
        let report = eval_captures(&options).unwrap();
        assert_eq!(report.right(), (6, 6), "{:?}", report.captures);
        assert!(report.captures.iter().all(|one| one.others == [0; 3]));
    }
}
