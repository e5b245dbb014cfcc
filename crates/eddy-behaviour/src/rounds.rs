//! What somebody does again and again by the clock.

use std::net::IpAddr;

use crate::Sighting;
use crate::sighting::{Evidence, Severity};

/// Pauses between rounds from which they are a routine, and how many times the shortest the longest is at most.
const LEAST_PAUSES: u32 = 3;
const EVEN: f64 = 1.25;

/// Rounds of one kind by one host: how many pauses there were, and how long they were from begin to begin.
///
/// An attack comes once, or goes on; backups, inventories and checks come by the clock. Nobody can tell them apart the
/// first time, but once they have come again at even intervals the first one is known as well.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rounds {
    pauses: u32,
    begun_ns: i64,
    last_ns: i64,
    shortest_ns: i64,
    longest_ns: i64,
}

impl Rounds {
    /// It is being done now; what is done after such a time of quiet is another round.
    pub(crate) fn see(&mut self, now_ns: i64, quiet_ns: i64) {
        let is_first = self.begun_ns == 0;
        if !is_first && now_ns.saturating_sub(self.last_ns) < quiet_ns {
            self.last_ns = now_ns.max(self.last_ns);
            return;
        }
        if !is_first {
            let pause_ns = now_ns.saturating_sub(self.begun_ns);
            self.shortest_ns = if self.pauses == 0 { pause_ns } else { self.shortest_ns.min(pause_ns) };
            self.longest_ns = self.longest_ns.max(pause_ns);
            self.pauses = self.pauses.saturating_add(1);
        }
        (self.begun_ns, self.last_ns) = (now_ns, now_ns);
    }

    /// Whether it is done by the clock.
    pub(crate) fn is_routine(&self) -> bool {
        self.pauses >= LEAST_PAUSES && self.longest_ns as f64 <= EVEN * self.shortest_ns as f64
    }

    /// Makes the sightings of a routine less urgent, and says why.
    pub(crate) fn lower(&self, told: &mut [Sighting], behaviour: &str, is_of: impl Fn(&Sighting) -> bool) {
        if !self.is_routine() {
            return;
        }
        for sighting in told.iter_mut().filter(|one| one.behaviour == behaviour && is_of(one)) {
            sighting.severity = Severity::Low;
            // However much it is, it is nothing new.
            sighting.strength = sighting.strength.min(1.0);
            sighting.evidence.push(Evidence {
                what: "times it was done again at even intervals",
                seen: f64::from(self.pauses),
                usual: f64::from(LEAST_PAUSES),
            });
        }
    }
}

/// Whether a sighting is of one host by another.
pub(crate) fn is_between(sighting: &Sighting, actor: IpAddr, target: IpAddr) -> bool {
    sighting.actor == Some(actor) && sighting.targets == [target]
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn is_routine(begins_h: &[f64], lasts_h: f64) -> bool {
        let mut rounds = Rounds::default();
        for begin in begins_h {
            for part in 0..20 {
                let at_h = 1_000.0 + begin + lasts_h * f64::from(part) / 20.0;
                rounds.see((at_h * HOUR as f64) as i64, HOUR / 6);
            }
        }
        rounds.is_routine()
    }

    #[test]
    fn what_comes_by_the_clock_is_a_routine_and_what_goes_on_or_comes_now_and_then_is_none() {
        assert!(is_routine(&[0.5, 3.4, 6.5, 9.5, 12.6], 0.1));
        assert!(!is_routine(&[0.5, 3.5, 6.5], 0.1), "twice may be chance");
        assert!(!is_routine(&[0.0], 3.0), "it goes on");
        assert!(!is_routine(&[0.0, 1.0, 5.0, 6.0, 11.0], 0.1));
    }
}
