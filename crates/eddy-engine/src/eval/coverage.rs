//! Which flows the incidents cover.

use std::net::IpAddr;

use eddy_frame::{Column, Frame, MISSING_TIME, is_normal_label};
use eddy_insight::{Incident, Severity};
use eddy_io::FlowColumn as Name;
use serde::Serialize;

use crate::EngineError;
use crate::input::Input;
use crate::labels::label_of;

/// Different labels that are told apart.
const MOST_LABELS: usize = 64;

/// How well the flows that incidents cover agree with labels of flows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Flows labelled as attacks that an incident covers.
    pub covered_attacks: u64,
    /// Flows labelled as attacks.
    pub attacks: u64,
    /// Flows that an incident covers.
    pub covered: u64,
    /// Flows.
    pub flows: u64,
    /// For each label: its name, flows covered, flows.
    pub by_label: Vec<(String, u64, u64)>,
}

impl Coverage {
    /// Share of the covered flows that are attacks.
    pub fn precision(&self) -> f64 {
        self.covered_attacks as f64 / self.covered.max(1) as f64
    }

    /// Share of the attacks that are covered.
    pub fn recall(&self) -> f64 {
        self.covered_attacks as f64 / self.attacks.max(1) as f64
    }
}

/// A flow as far as coverage asks.
struct Ends {
    start_ns: i64,
    source: IpAddr,
    destination: IpAddr,
    port: Option<u16>,
}

/// Whether a flow is one of those that an incident of medium severity or more is about: within its time, between its
/// actor and one of its targets (anybody, where not all targets are named; to its target, where senders are forged),
/// on its port where it is about one.
fn covers(incident: &Incident, flow: &Ends) -> bool {
    incident.sightings.iter().any(|sighting| {
        let in_time = (sighting.first_ns..=sighting.last_ns).contains(&flow.start_ns);
        let on_port = match (sighting.port, flow.port) {
            (Some(wanted), Some(port)) => wanted == port,
            _ => true,
        };
        if !in_time || !on_port {
            return false;
        }
        let is_target = |address: &IpAddr| {
            sighting.targets.contains(address) || sighting.n_targets > sighting.targets.len() as u64
        };
        match sighting.actor {
            Some(actor) => {
                actor == flow.source && is_target(&flow.destination)
                    || actor == flow.destination && is_target(&flow.source)
            }
            None => {
                sighting.targets.contains(&flow.destination)
                    || sighting.kind.contains("reflection") && sighting.targets.contains(&flow.source)
            }
        }
    })
}

/// Holds incidents against the labels of flows; none where flows have no labels.
pub(crate) fn coverage(input: &mut Input, incidents: &[Incident]) -> Result<Option<Coverage>, EngineError> {
    let Some(label) = label_of(input.schema()).map(|field| field.name.clone()) else { return Ok(None) };
    let urgent: Vec<&Incident> =
        incidents.iter().filter(|incident| incident.severity >= Severity::Medium).collect();
    let mut out = Coverage { covered_attacks: 0, attacks: 0, covered: 0, flows: 0, by_label: Vec::new() };
    input.each::<EngineError>(1, &mut |frames| {
        for frame in frames {
            for row in 0..frame.n_rows() {
                let Some(ends) = ends(frame, row) else { continue };
                let name = text(frame, &label, row);
                let is_covered = u64::from(urgent.iter().any(|incident| covers(incident, &ends)));
                let is_attack = u64::from(!is_normal_label(name));
                out.flows += 1;
                out.attacks += is_attack;
                out.covered += is_covered;
                out.covered_attacks += is_covered & is_attack;
                let known = out.by_label.iter().position(|(known, ..)| known == name);
                if let Some(at) = known {
                    out.by_label[at].1 += is_covered;
                    out.by_label[at].2 += 1;
                } else if out.by_label.len() < MOST_LABELS {
                    out.by_label.push((name.to_owned(), is_covered, 1));
                }
            }
        }
        Ok(())
    })?;
    Ok(Some(out))
}

fn text<'a>(frame: &'a Frame, name: &str, row: usize) -> &'a str {
    match frame.by_name(name) {
        Some((_, Column::Text(texts))) => texts.get(row),
        _ => "",
    }
}

fn ends(frame: &Frame, row: usize) -> Option<Ends> {
    let (_, times) = frame.by_name(Name::Start.name())?;
    let start_ns = times.as_time()?.get(row).copied().filter(|&time| time != MISSING_TIME)?;
    let port = match frame.by_name(Name::DestinationPort.name()) {
        Some((_, Column::Text(texts))) => texts.get(row).parse().ok(),
        Some((_, column)) => Some(column.number(row)).filter(|port| *port >= 0.0).map(|port| port as u16),
        None => None,
    };
    Some(Ends {
        start_ns,
        source: text(frame, Name::Source.name(), row).parse().ok()?,
        destination: text(frame, Name::Destination.name(), row).parse().ok()?,
        port,
    })
}
