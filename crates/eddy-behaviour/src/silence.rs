//! Silence of a host that always spoke.

use std::net::IpAddr;

use crate::flow::is_private;
use crate::sighting::{Evidence, Severity};
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "silence",
    title: "Silence",
    summary: "A host inside that spoke in nearly every ten minutes for hours says nothing any more, while others go on.",
    blind_to: "Hosts outside; hosts that speak now and then; silence shorter than an hour; records shorter than three hours; hosts \
               that are switched off every evening look alike until a day has passed.",
    techniques: &["T1489", "T1499"],
};

/// Hosts watched at most.
const CAPACITY: usize = 65_536;
/// Length of a step in nanoseconds: ten minutes.
const STEP_NS: i64 = 600_000_000_000;
/// Steps that are remembered, one bit each.
const REMEMBERED: u32 = 64;
/// Steps without a break, at least, before a silence means anything.
const LEAST_STEPS: u32 = 12;
/// Share of the steps before in which it spoke.
const ALWAYS: f64 = 0.9;
/// Silent steps that make a silence.
const SILENT_STEPS: i64 = 6;
/// When more than this share of those who always spoke fall silent together, the record has a gap.
const ALL_AT_ONCE: f64 = 0.5;

#[derive(Debug, Clone, Copy)]
struct Voice {
    /// The step of the last flow.
    step: i64,
    /// Whether it spoke in that step (lowest bit) and those before.
    spoke: u64,
    last_ns: i64,
    told: bool,
}

/// The behaviour.
pub(crate) struct Silence {
    voices: Table<IpAddr, Voice>,
    step: i64,
    open: Vec<Sighting>,
}

impl Default for Silence {
    fn default() -> Self {
        Self { voices: Table::new(CAPACITY), step: i64::MIN, open: Vec::new() }
    }
}

impl Silence {
    /// Who always spoke and has not for a while: told when a step begins.
    fn listen(&mut self, now_ns: i64) {
        let step = self.step;
        let mut silent: Vec<(IpAddr, Voice, f64)> = Vec::new();
        let mut always = 0usize;
        for (host, voice) in self.voices.iter_mut() {
            let known = REMEMBERED - voice.spoke.leading_zeros();
            if known < LEAST_STEPS {
                continue;
            }
            let share = f64::from(voice.spoke.count_ones()) / f64::from(known);
            if share < ALWAYS {
                continue;
            }
            always += 1;
            // Just now, neither earlier nor again.
            if !voice.told && step - voice.step == SILENT_STEPS + 1 {
                voice.told = true;
                silent.push((*host, *voice, share));
            }
        }
        if silent.len() > 1 && silent.len() as f64 > ALL_AT_ONCE * always as f64 {
            return;
        }
        silent.sort_unstable_by_key(|(host, ..)| *host);
        self.open.extend(silent.into_iter().map(|(host, voice, share)| Sighting {
            behaviour: ABOUT.name,
            kind: "silence",
            actor: None,
            targets: vec![host],
            n_targets: 1,
            port: None,
            first_ns: voice.last_ns,
            detected_ns: now_ns,
            last_ns: now_ns,
            flows: 0,
            octets: 0,
            evidence: vec![
                Evidence {
                    what: "minutes without a flow",
                    seen: ((now_ns - voice.last_ns) as f64 / 60e9).round(),
                    usual: 10.0,
                },
                Evidence {
                    what: "share of the ten minutes before in which it spoke, per cent",
                    seen: (100.0 * share).round(),
                    usual: 100.0 * ALWAYS,
                },
            ],
            severity: Severity::Medium,
            strength: 1.0,
            techniques: &["T1489"],
        }));
    }
}

impl Behaviour for Silence {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        let step = flow.start_ns.div_euclid(STEP_NS);
        if step > self.step {
            // Steps in which nobody spoke are a gap of the record.
            self.step = step;
            self.listen(flow.start_ns);
            out.append(&mut self.open);
        }
        for (host, spoke) in [(flow.source, flow.packets > 0), (flow.destination, flow.reverse_packets > 0)] {
            // Hosts outside owe nobody an answer.
            if !spoke || !is_private(host) {
                continue;
            }
            let voice = self.voices.entry(host, flow.start_ns, || Voice {
                step,
                spoke: 0,
                last_ns: flow.start_ns,
                told: false,
            });
            let passed = (step - voice.step).clamp(0, i64::from(REMEMBERED));
            voice.spoke = if passed >= i64::from(REMEMBERED) { 0 } else { voice.spoke << passed } | 1;
            voice.step = voice.step.max(step);
            voice.last_ns = voice.last_ns.max(flow.end_ns().min(flow.start_ns.saturating_add(STEP_NS)));
            voice.told = false;
        }
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        out.append(&mut self.open);
    }

    fn dropped(&self) -> u64 {
        self.voices.dropped()
    }

    bounded!(voices);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::{address, flow};

    #[test]
    fn a_host_that_always_spoke_is_missed_and_a_gap_of_the_record_is_not_its_silence() {
        let (mut silence, mut out) = (Silence::default(), Vec::new());
        for minute in 0..600u32 {
            for host in 1..9u8 {
                // Host 3 falls silent after five hours; nothing at all is recorded for two hours later.
                let gone = (host == 3 && minute > 300) || (450..570).contains(&minute);
                if !gone {
                    silence.see(&flow(f64::from(minute) * 60.0, host, 100, 443), &mut out);
                }
            }
        }
        silence.end(&mut out);
        assert_eq!(out.iter().map(|s| s.targets[0]).collect::<Vec<_>>(), [address(3)]);
        assert!((60.0..=80.0).contains(&out[0].evidence[0].seen), "{:?}", out[0].evidence);
    }
}
