//! Incidents held against drills: short generated captures of one attack each.

use std::net::IpAddr;

use eddy_insight::Severity;
use eddy_sim::{DRILLS, Drill, DrillSeen, DrillSetting, DrillTruth, DrillWay};
use rayon::prelude::*;
use serde::Serialize;

use super::band::{Band, BandOfBehaviours, bands_of_raised, behaviours_of_raised};
use super::captures::Raised;
use super::truth::{Known, known};
use crate::incidents::watch;
use crate::run::read;
use crate::{EngineError, RunOptions};

/// Which drills to play.
#[derive(Debug, Clone, Default)]
pub struct DrillsOptions {
    /// Only drills whose name holds this text; empty for all.
    pub only: String,
    /// The first seed.
    pub seed: u64,
    /// Only as each is played first: inward or within, all packets seen.
    pub is_plain: bool,
}

/// How one drill came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillVerdict {
    /// Its name.
    pub drill: &'static str,
    /// How it was recorded, in a word or two.
    pub recorded: String,
    /// What it is to be told as.
    pub known: &'static str,
    /// Flows watched.
    pub flows: u64,
    /// Whether the first incident names the actor (or, of forged senders, nobody).
    pub actor_first: bool,
    /// Whether the first incident names the target.
    pub target_first: bool,
    /// Whether the first incident is of the right kind.
    pub kind_first: bool,
    /// What was raised, most urgent first.
    pub raised: Vec<Raised>,
    /// Of each that was raised, whether it tells who and what.
    pub right: Vec<bool>,
}

impl DrillVerdict {
    /// Whether actor and kind are right in the first incident.
    pub fn is_right(&self) -> bool {
        self.actor_first && self.kind_first
    }

    /// Incidents of medium severity or more that tell nothing of the drill.
    pub fn others(&self) -> usize {
        let beside = |one: &&Raised| one.severity >= Severity::Medium;
        self.raised.iter().skip(usize::from(self.is_right())).filter(beside).count()
    }
}

/// All that was raised in drills by its confidence; right is what tells who and what.
pub fn drill_bands(verdicts: &[DrillVerdict]) -> Vec<Band> {
    bands_of_raised(verdicts.iter().map(|one| (&*one.raised, &*one.right)))
}

/// The same for the drills of even and of odd places in the list, so that what was fitted to the one half can be held
/// against the other.
pub fn drill_halves(verdicts: &[DrillVerdict]) -> [Vec<Band>; 2] {
    let place = |one: &DrillVerdict| {
        DRILLS.iter().flat_map(|list| list.iter()).position(|drill| drill.name == one.drill).unwrap_or(0)
    };
    [0, 1].map(|half| {
        let of = verdicts.iter().filter(|one| place(one) % 2 == half);
        bands_of_raised(of.map(|one| (&*one.raised, &*one.right)))
    })
}

/// The same by behaviours.
pub fn drill_behaviours(verdicts: &[DrillVerdict]) -> Vec<BandOfBehaviours> {
    behaviours_of_raised(verdicts.iter().map(|one| (&*one.raised, &*one.right)))
}

/// Plays every drill in every way of recording that it can be had in, watches each as `detect` does, and holds the
/// incidents against what is true.
///
/// # Errors
/// [`EngineError`] when a capture cannot be written or read again.
pub fn eval_drills(options: &DrillsOptions) -> Result<Vec<DrillVerdict>, EngineError> {
    let mut all: Vec<(Drill, String, DrillSetting)> = Vec::new();
    for drill in DRILLS.iter().flat_map(|list| list.iter()) {
        if drill.name.contains(&options.only) {
            all.extend(settings(drill, options).into_iter().map(|(name, setting)| (*drill, name, setting)));
        }
    }
    let folder = tempfile::tempdir()
        .map_err(|source| EngineError::Io { path: "a folder for captures".into(), source })?;
    let judged = all.into_par_iter().enumerate().map(|(at, (drill, recorded, setting))| {
        let path = folder.path().join(format!("{at}.pcap"));
        let name = path.display().to_string();
        let (bytes, truth) = drill.record(&setting);
        std::fs::write(&path, bytes).map_err(|source| EngineError::Io { path: name.clone(), source })?;
        let verdict = judge(&drill, recorded, &name, &truth);
        // What is not there cannot be left behind.
        _ = std::fs::remove_file(&path);
        verdict
    });
    judged.collect()
}

/// The ways in which a drill is recorded: in every direction that it can go, and in the first one also otherwise.
fn settings(drill: &Drill, options: &DrillsOptions) -> Vec<(String, DrillSetting)> {
    let is_ipv6 = drill.needs_ipv6();
    let plain = |way: DrillWay| DrillSetting { seed: options.seed, way, is_ipv6, ..DrillSetting::default() };
    let mut out: Vec<(String, DrillSetting)> = Vec::new();
    for &way in drill.ways() {
        let name = match way {
            DrillWay::Inward => "inward",
            DrillWay::Within => "within",
            DrillWay::Outward => "outward",
        };
        out.push((name.into(), plain(way)));
    }
    if options.is_plain {
        out.truncate(1);
        return out;
    }
    let first = plain(drill.ways()[0]);
    if !drill.is_long() {
        out.extend([
            ("short".into(), DrillSetting { seconds: 8.0, ..first.clone() }),
            ("weak".into(), DrillSetting { strength: 0.5, ..first.clone() }),
            ("strong".into(), DrillSetting { strength: 4.0, seconds: 15.0, ..first.clone() }),
        ]);
    }
    out.extend([
        ("version 6".into(), DrillSetting { is_ipv6: true, ..first.clone() }),
        ("tagged".into(), DrillSetting { vlan: Some(70), ..first.clone() }),
        ("from the middle".into(), DrillSetting { from_s: 4.0, ..first.clone() }),
        ("requests only".into(), DrillSetting { seen: DrillSeen::Requests, ..first.clone() }),
        ("answers only".into(), DrillSetting { seen: DrillSeen::Answers, ..first }),
    ]);
    out.retain(|(_, setting)| drill.fits(setting) && drill.is_seen(setting));
    out
}

fn truth_of(drill: &Drill, truth: &DrillTruth) -> Result<Known, EngineError> {
    let list = |addresses: &[IpAddr]| {
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        if texts.is_empty() { "-".to_owned() } else { texts.join("|") }
    };
    let actors = if truth.is_forged { "forged".to_owned() } else { list(&truth.actors) };
    let line = format!("{}\t{}\t{actors}\t{}\tmade", drill.name, truth.told_as, list(&truth.targets));
    known(&line)
        .map_err(EngineError::Input)?
        .pop()
        .ok_or_else(|| EngineError::Input(format!("{}: nothing is true of it", drill.name)))
}

fn judge(
    drill: &Drill,
    recorded: String,
    path: &str,
    truth: &DrillTruth,
) -> Result<DrillVerdict, EngineError> {
    let known = truth_of(drill, truth)?;
    let mut input = read(&[path.to_owned()], &RunOptions::default())?;
    let watched = watch(&mut input)?;
    let (flows, incidents) = watched.map_or((0, Vec::new()), |one| (one.flows, one.incidents));
    let raised: Vec<Raised> = incidents.iter().map(Raised::of).collect();
    let first = raised.first();
    Ok(DrillVerdict {
        drill: drill.name,
        recorded,
        known: truth.told_as,
        flows,
        actor_first: first.is_some_and(|one| known.actor_is_right(one)),
        target_first: first.is_some_and(|one| known.target_is_right(one)),
        kind_first: first.is_some_and(|one| known.kind_is_right(one)),
        right: raised.iter().map(|one| known.is_told_by(one)).collect(),
        raised,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drill_is_told_by_its_kind_and_its_actor_first() {
        let options = DrillsOptions { is_plain: true, seed: 1, ..DrillsOptions::default() };
        let verdicts = eval_drills(&options).unwrap();
        assert!(verdicts.len() >= 150, "{}", verdicts.len());
        let wrong: Vec<&str> = verdicts.iter().filter(|one| !one.is_right()).map(|one| one.drill).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    #[test]
    fn scans_and_floods_are_told_however_they_were_recorded() {
        let of = |only: &str| {
            let options = DrillsOptions { only: only.into(), seed: 2, is_plain: false };
            eval_drills(&options).unwrap().into_iter().filter(|one| !one.is_right()).collect::<Vec<_>>()
        };
        for only in ["fin-scan", "connect-scan", "syn-flood-silent"] {
            assert_eq!(of(only), []);
        }
    }
}
