//! Packets that nobody sends in good faith.

use crate::packet_sign::Told;
use crate::sighting::Severity;
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};
use eddy_flow::{PacketSign, SignKind};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "crafted_packets",
    title: "Crafted packets",
    summary: "A host gets packets that cannot be: from itself, fragments that lie over one another, or fragments that reach \
              beyond the longest packet there may be. A few of them once stopped whole systems, and one is enough to tell.",
    blind_to: "What is wrong within the payload; packets to a host from itself that the host sent (there are none on a \
               network); fragments that come later than five seconds after the first; flow logs, which hold no packets. \
               Fragments of a sender that uses the number of a lost packet again at once look like it.",
    techniques: &["T1499.004"],
};

/// The behaviour: single packets are enough, so that nothing is remembered.
#[derive(Default)]
pub(crate) struct CraftedPackets;

impl Behaviour for CraftedPackets {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, _: &Flow<'_>, _: &mut Vec<Sighting>) {}

    fn see_sign(&mut self, sign: &PacketSign, out: &mut Vec<Sighting>) {
        let (kind, what) = match sign.kind {
            SignKind::SelfAddressed => {
                ("packets to a host from itself", "packets that seem to come from their target")
            }
            SignKind::Overlap => {
                ("overlapping fragments", "packets with fragments that lie over one another")
            }
            SignKind::TooLong => ("fragments of a packet too long", "fragments beyond the longest packet"),
            _ => return,
        };
        // One may be a fault of somebody's; none happens twice within minutes.
        let severity = if sign.packets > 1 { Severity::Medium } else { Severity::Low };
        let told = Told {
            behaviour: ABOUT.name,
            kind,
            what,
            seen: sign.packets,
            least: 1,
            severity,
            techniques: ABOUT.techniques,
        };
        out.extend(told.sighting(sign));
    }

    fn end(&mut self, _: &mut Vec<Sighting>) {}

    fn dropped(&self) -> u64 {
        0
    }

    fn most_bytes(&self) -> usize {
        0
    }

    fn shrink(&mut self, _: f64) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet_sign::tests::{sign, told};

    #[test]
    fn one_packet_that_cannot_be_is_told_and_two_are_of_medium_severity() {
        for kind in [SignKind::SelfAddressed, SignKind::Overlap, SignKind::TooLong] {
            for (packets, severity) in [(1, Severity::Low), (2, Severity::Medium)] {
                let out = told::<CraftedPackets>(&[sign(kind, packets, 1)]);
                assert_eq!(out.len(), 1);
                assert_eq!((out[0].severity, out[0].evidence[0].seen), (severity, packets as f64));
            }
        }
        assert_eq!(told::<CraftedPackets>(&[sign(SignKind::Redirect, 9, 9)]), []);
    }
}
