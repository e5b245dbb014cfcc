//! What to do about an incident: advice tied to its evidence, and filter rules with a trial of what they would have done.
//!
//! A [`Rule`] is one plain description; `nftables`, `suricata`, `flowspec` and `acl` write it down for one kind of filter
//! each. Nothing here is ever applied.

mod acl;
mod advice;
mod draft;
mod flowspec;
mod form;
mod nftables;
mod rule;
mod suricata;
mod table_advice;
mod trial;

use serde::Serialize;

pub use advice::{Advice, When};
pub(crate) use draft::{Candidate, candidates};
pub use form::Rendered;
use form::{Tag, render_all};
pub(crate) use rule::protocol_in_words;
pub use rule::{Action, Packets, Rule};
pub(crate) use table_advice::table_advice;
pub(crate) use trial::Tally;
pub use trial::{PeerHit, Simulation};

use crate::Incident;
use crate::examine::Profile;

/// What to do about an incident.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Mitigation {
    /// What to do, most urgent first.
    pub advice: Vec<Advice>,
    /// Filter rules, most useful first. Eddy never applies them.
    pub filters: Vec<Filter>,
}

/// A filter rule, what it is for, and what it would have done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filter {
    /// What it is for, in a sentence.
    pub purpose: String,
    /// The rule.
    pub rule: Rule,
    /// The rule in words.
    pub in_words: String,
    /// What it would have done to the flows at hand.
    pub simulation: Simulation,
    /// That in a sentence, and why this rule and no wider one.
    pub effect: String,
    /// The rule as filters take it.
    pub rendered: Vec<Rendered>,
}

/// Advice and the rules of choice, once they were tried on `all` flows.
pub(crate) fn mitigation(
    incident: &Incident,
    profile: &Profile,
    tried: &[Candidate],
    tallies: &[Tally],
    all: u64,
) -> Mitigation {
    let mut purposes: Vec<&'static str> = Vec::new();
    for candidate in tried {
        if !purposes.contains(&candidate.purpose) {
            purposes.push(candidate.purpose);
        }
    }
    let mut filters = Vec::new();
    for purpose in purposes {
        let variants: Vec<(&Rule, Simulation)> = tried
            .iter()
            .zip(tallies)
            .filter(|(candidate, _)| candidate.purpose == purpose)
            .map(|(candidate, tally)| (&candidate.rule, tally.simulation(&candidate.rule, profile)))
            .collect();
        let Some((rule, simulation, effect)) = trial::choose(&variants, all) else { continue };
        if filters.iter().any(|other: &Filter| other.rule == rule) {
            continue;
        }
        let tag = Tag::new(&incident.id, filters.len() + 1);
        filters.push(Filter {
            purpose: purpose.to_owned(),
            in_words: rule.in_words(),
            rendered: render_all(&rule, &tag),
            rule,
            simulation,
            effect,
        });
    }
    Mitigation { advice: advice::advice(incident, profile), filters }
}

#[cfg(test)]
mod grammar;
#[cfg(test)]
mod real;
#[cfg(test)]
mod tests;
