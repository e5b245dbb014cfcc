//! What single packets tell that flows do not.

use eddy_flow::PacketSign;

use crate::Sighting;
use crate::sighting::{Evidence, Severity};

/// What a behaviour says of a sign.
pub(crate) struct Told {
    pub(crate) behaviour: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) what: &'static str,
    pub(crate) seen: u64,
    pub(crate) least: u64,
    pub(crate) severity: Severity,
    pub(crate) techniques: &'static [&'static str],
}

impl Told {
    /// A sighting of a sign, if there is enough of it.
    pub(crate) fn sighting(&self, sign: &PacketSign) -> Option<Sighting> {
        let (seen, usual) = (self.seen as f64, self.least as f64);
        (self.seen >= self.least).then(|| Sighting {
            behaviour: self.behaviour,
            kind: self.kind,
            actor: sign.actor,
            targets: sign.targets.clone(),
            n_targets: sign.targets.len() as u64,
            port: None,
            first_ns: sign.first_ns,
            detected_ns: sign.last_ns,
            last_ns: sign.last_ns,
            flows: sign.packets,
            octets: sign.octets,
            evidence: vec![Evidence { what: self.what, seen, usual }],
            severity: self.severity,
            strength: seen / usual.max(1.0),
            techniques: self.techniques,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use eddy_flow::SignKind;

    use super::*;
    use crate::Behaviour;
    use crate::watch::tests::address;

    /// Signs of a kind, from one host to another.
    pub(crate) fn sign(kind: SignKind, packets: u64, different: u64) -> PacketSign {
        PacketSign {
            kind,
            actor: Some(address(66)),
            targets: vec![address(9)],
            port: 139,
            first_ns: 1_000,
            last_ns: 5_000,
            packets,
            octets: 60 * packets,
            different,
        }
    }

    /// What a behaviour tells of signs.
    pub(crate) fn told<B: Behaviour + Default>(signs: &[PacketSign]) -> Vec<Sighting> {
        let (mut behaviour, mut out) = (B::default(), Vec::new());
        signs.iter().for_each(|sign| behaviour.see_sign(sign, &mut out));
        behaviour.end(&mut out);
        out
    }
}
