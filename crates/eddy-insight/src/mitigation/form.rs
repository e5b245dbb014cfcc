//! Rules as programs and routers take them.

use std::net::IpAddr;

use eddy_behaviour::Flow;
use serde::Serialize;

use super::{Rule, acl, flowspec, nftables, suricata};

/// A rule, ready for one kind of filter. Nobody but the reader ever applies it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rendered {
    /// Name of the kind of filter: `nftables`, `suricata`, `flowspec` or `acl`.
    pub form: &'static str,
    /// Its name in prose.
    pub title: &'static str,
    /// The rule.
    pub text: String,
    /// The line or lines that take it away again.
    pub undo: String,
    /// How it ends by itself, in a sentence.
    pub expiry: String,
}

/// A kind of filter.
struct Form {
    name: &'static str,
    title: &'static str,
    render: fn(&Rule, &Tag) -> (String, String, String),
}

/// The list of kinds of filters.
const FORMS: [Form; 4] = [
    Form { name: "nftables", title: "nftables", render: nftables::render },
    Form { name: "suricata", title: "Suricata", render: suricata::render },
    Form { name: "flowspec", title: "BGP flowspec (GoBGP)", render: flowspec::render },
    Form { name: "acl", title: "Cisco IOS access list", render: acl::render },
];

/// What a rule is called in a filter: the id of its incident and its number there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tag {
    incident: String,
    number: usize,
}

impl Tag {
    /// The tag of the rule of a number, from 1. Of the id sixteen hexadecimal digits are kept at most: whatever else it
    /// held could mean something to a filter.
    pub(crate) fn new(incident: &str, number: usize) -> Self {
        let digits = incident.chars().filter(char::is_ascii_hexdigit).take(16);
        Self { incident: digits.collect(), number }
    }

    /// The id of the incident, hexadecimal digits alone.
    pub(crate) fn incident(&self) -> &str {
        &self.incident
    }

    /// A name of letters, digits and underscores.
    pub(crate) fn name(&self) -> String {
        format!("eddy_{}_{}", self.incident, self.number)
    }

    /// The first of ten numbers that are the same in every run, in the range that Suricata leaves to its users.
    pub(crate) fn number_of_rule(&self) -> u32 {
        let hash = self
            .incident
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        1_000_000 + hash % 9_900 * 100 + (self.number as u32).min(9) * 10
    }
}

/// A rule in every form.
pub(crate) fn render_all(rule: &Rule, tag: &Tag) -> Vec<Rendered> {
    let rendered = FORMS.iter().map(|form| {
        let (text, undo, expiry) = (form.render)(rule, tag);
        Rendered { form: form.name, title: form.title, text, undo, expiry }
    });
    rendered.filter(|one| !one.text.is_empty()).collect()
}

/// Hours, minutes or seconds, whatever is whole, as `24 hours`.
pub(crate) fn at_span(seconds: u32) -> String {
    match seconds {
        s if s % 3_600 == 0 => format!("{} hours", s / 3_600),
        s => format!("{} minutes", s.div_ceil(60)),
    }
}

/// The protocols a rule is for: those that have ports where it names a port.
pub(crate) fn protocols(rule: &Rule) -> Vec<Option<u8>> {
    let with_port = rule.source_port.or(rule.destination_port).is_some();
    match rule.protocol {
        None if with_port => vec![Some(Flow::TCP), Some(Flow::UDP)],
        other => vec![other],
    }
}

/// Every pair of a source and a destination; an empty side counts as one that is anybody.
pub(crate) fn pairs(sources: &[IpAddr], destinations: &[IpAddr]) -> Vec<(Option<IpAddr>, Option<IpAddr>)> {
    let side = |addresses: &[IpAddr]| -> Vec<Option<IpAddr>> {
        if addresses.is_empty() { vec![None] } else { addresses.iter().copied().map(Some).collect() }
    };
    let destinations = side(destinations);
    side(sources)
        .into_iter()
        .flat_map(|source| destinations.iter().map(move |&destination| (source, destination)))
        .collect()
}
