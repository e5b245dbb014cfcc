//! Names that a program makes up.

use std::net::IpAddr;

use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "made_up_names",
    title: "Made-up names",
    summary: "A host asks for ever new domains that are not there, and hardly for any that is: a program makes up names to \
              find whoever controls it.",
    blind_to: "Names made of words, where few are asked for; sources of flows that do not tell the answers of name servers; programs \
               that ask for a few names a day. Browsers try three random words when they start, without a domain: these do not count.",
    techniques: &["T1568.002", "T1071.004"],
};

/// Hosts watched at most.
const CAPACITY: usize = 32_768;
/// Length of a window in nanoseconds: ten minutes.
const WINDOW_NS: i64 = 600_000_000_000;
/// Different domains in a window that are not there.
const LEAST_DOMAINS: f64 = 20.0;
/// Share of the domains asked for that are not there.
const MISSING_SHARE: f64 = 0.7;
/// Mean length of what somebody would have to buy, and its bits of entropy a character.
const LEAST_LENGTH: f64 = 8.0;
const LEAST_ENTROPY: f64 = 2.5;

/// What a host asks for in a window.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    start_ns: i64,
    missing: Distinct,
    found: Distinct,
    n: u32,
    length: u64,
    entropy: f64,
}

impl Asked {
    /// Mean length and entropy of the domains that are not there.
    fn means(&self) -> (f64, f64) {
        let n = f64::from(self.n.max(1));
        (self.length as f64 / n, self.entropy / n)
    }

    fn is_made_up(&self) -> bool {
        let (missing, found) = (self.missing.count(), self.found.count());
        let (length, entropy) = self.means();
        missing >= LEAST_DOMAINS
            && missing >= MISSING_SHARE * (missing + found)
            && length >= LEAST_LENGTH
            && entropy >= LEAST_ENTROPY
    }
}

/// The behaviour.
pub(crate) struct MadeUpNames {
    hosts: Table<IpAddr, Asked>,
    open: Open<IpAddr>,
}

impl Default for MadeUpNames {
    fn default() -> Self {
        Self { hosts: Table::new(CAPACITY), open: Open::new(3_600) }
    }
}

/// What somebody would have to buy for a name: the label before the last, and that before it where both are short.
fn bought(name: &str) -> Option<&str> {
    let (domain, _) = crate::tunnel::domain(name).unwrap_or((name.trim_end_matches('.'), ""));
    let label = domain.split_once('.')?.0;
    (!label.is_empty() && !crate::tunnel::is_reverse(domain)).then_some(label)
}

impl Behaviour for MadeUpNames {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        let (Some(code), true) = (flow.dns_code, flow.is_unicast()) else { return };
        let Some(label) = bought(flow.dns_name) else { return };
        let is_answer = flow.source_port == 53 && flow.reverse_packets == 0 && flow.destination_port != 53;
        let turned = is_answer.then(|| flow.turned());
        let flow = turned.as_ref().unwrap_or(flow);
        let asked = self.hosts.entry(flow.source, flow.start_ns, Asked::default);
        if flow.start_ns.saturating_sub(asked.start_ns) >= WINDOW_NS {
            *asked = Asked { start_ns: flow.start_ns, ..Asked::default() };
        }
        match code {
            3 => {
                if asked.missing.see(label) {
                    asked.n += 1;
                    asked.length += label.len() as u64;
                    asked.entropy += crate::tunnel::entropy(label);
                }
            }
            0 => _ = asked.found.see(label),
            _ => return,
        }
        let asked = *asked;
        let strength = asked.missing.count() / LEAST_DOMAINS;
        if code == 3
            && let Some(sighting) = self.open.extend(&flow.source, flow, flow.destination)
        {
            sighting.strength = sighting.strength.max(strength);
            return;
        }
        if code == 3 && asked.is_made_up() {
            self.tell(flow, &asked, strength);
        }
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.hosts.dropped() + self.open.dropped()
    }

    bounded!(hosts, open);
}

impl MadeUpNames {
    fn tell(&mut self, flow: &Flow<'_>, asked: &Asked, strength: f64) {
        let (length, entropy) = asked.means();
        let rounded = |value: f64| (value * 10.0).round() / 10.0;
        let (missing, found) = (asked.missing.count(), asked.found.count());
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: "made-up names",
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: Some(flow.destination_port),
            first_ns: asked.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: u64::from(asked.n) - 1,
            octets: 0,
            evidence: vec![
                Evidence {
                    what: "different domains that are not there in 10 min",
                    seen: missing,
                    usual: LEAST_DOMAINS,
                },
                Evidence { what: "domains that are there", seen: found, usual: LEAST_DOMAINS },
                Evidence { what: "mean length of their names", seen: rounded(length), usual: LEAST_LENGTH },
                Evidence {
                    what: "bits of entropy a character",
                    seen: rounded(entropy),
                    usual: LEAST_ENTROPY,
                },
            ],
            severity: Severity::Medium,
            strength,
            techniques: &["T1568.002", "T1071.004"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open(flow.source, flow.start_ns, sighting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::{address, flow};

    fn run(names: impl Iterator<Item = (String, u8)>) -> Vec<Sighting> {
        let (mut behaviour, mut out) = (MadeUpNames::default(), Vec::new());
        for (at, (name, code)) in names.enumerate() {
            let asked = Flow {
                dns_name: &name,
                dns_code: Some(code),
                protocol: Flow::UDP,
                ..flow(at as f64, 8, 1, 53)
            };
            behaviour.see(&asked, &mut out);
        }
        behaviour.end(&mut out);
        out
    }

    fn made_up(at: u64) -> String {
        let data = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (0..12).map(|place| char::from(b'a' + (data >> (5 * place) & 31) as u8 % 26)).collect()
    }

    #[test]
    fn ever_new_domains_that_are_not_there_are_made_up() {
        let found = run((0..60).map(|at| (made_up(at) + ".com", if at % 30 == 29 { 0 } else { 3 })));
        assert_eq!(
            found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(),
            [("made-up names", Some(address(8)))]
        );
    }

    #[test]
    fn slips_of_the_pen_names_below_one_domain_and_single_words_are_not() {
        assert!(
            run((0..200).map(|at| (format!("{}.com", made_up(at)), if at % 3 == 0 { 3 } else { 0 })))
                .is_empty()
        );
        assert!(run((0..200).map(|at| (format!("{}.list.example.org", made_up(at)), 3))).is_empty());
        assert!(run((0..200).map(|at| (made_up(at), 3))).is_empty());
        assert!(run((0..200).map(|at| (format!("{at}.2.0.10.in-addr.arpa"), 3))).is_empty());
    }
}
