//! All behaviours together.

use serde::Serialize;

use eddy_flow::{ArpClaim, PacketSign};

use crate::{
    Flow, Sighting, arp_spoofing, beaconing, brute_force, crafted_packets, flood, forged_answers, lateral,
    made_up_names, scan, silence, transfer, tunnel, unusual, wrong_port,
};

/// What a behaviour says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AboutBehaviour {
    /// Name, in `snake_case`.
    pub name: &'static str,
    /// Name in prose.
    pub title: &'static str,
    /// What it looks for, in one or two sentences.
    pub summary: &'static str,
    /// What it cannot see, or takes for it.
    pub blind_to: &'static str,
    /// Techniques of MITRE ATT&CK that it may tell of.
    pub techniques: &'static [&'static str],
}

/// Something hosts do, told from flows in the order of time.
pub trait Behaviour: Send {
    /// What it says about itself.
    fn about(&self) -> &'static AboutBehaviour;

    /// Sees the next flow. Sightings that are over go to `out`.
    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>);

    /// Sees what an adapter said of an address within a minute; claims come in the order of time, and only from captures
    /// of packets. Most behaviours do not look at it.
    fn see_claim(&mut self, _claim: &ArpClaim, _out: &mut Vec<Sighting>) {}

    /// Sees what single packets told that flows do not show; signs come once per host and ten minutes, and only from captures
    /// of packets. Most behaviours do not look at it.
    fn see_sign(&mut self, _sign: &PacketSign, _out: &mut Vec<Sighting>) {}

    /// There are no more flows: the sightings that are still open go to `out`.
    fn end(&mut self, out: &mut Vec<Sighting>);

    /// Entries of its tables that had to go for want of room.
    fn dropped(&self) -> u64;

    /// Bytes that its tables take at most, about.
    fn most_bytes(&self) -> usize;

    /// Leaves room in its tables for so large a share of what there was room for: 0 to 1.
    fn shrink(&mut self, share: f64);
}

/// One line of the list of behaviours.
#[derive(Clone, Copy)]
pub struct BehaviourEntry {
    /// What it says about itself.
    pub about: &'static AboutBehaviour,
    /// Makes one with default parameters.
    make: fn() -> Box<dyn Behaviour>,
}

macro_rules! behaviours {
    ($($module:ident::$name:ident),+ $(,)?) => {
        /// The list of behaviours.
        pub const BEHAVIOURS: &[BehaviourEntry] = &[$(BehaviourEntry {
            about: &$module::ABOUT,
            make: || Box::new($module::$name::default()),
        }),+];
    };
}

behaviours! {
    scan::Scan,
    flood::Flood,
    brute_force::BruteForce,
    beaconing::Beaconing,
    transfer::Exfiltration,
    tunnel::Tunnel,
    made_up_names::MadeUpNames,
    wrong_port::WrongPort,
    lateral::LateralSpread,
    silence::Silence,
    arp_spoofing::ArpSpoofing,
    forged_answers::ForgedAnswers,
    crafted_packets::CraftedPackets,
    unusual::Unusual,
}

/// Watches flows with every behaviour.
pub struct Watch {
    behaviours: Vec<Box<dyn Behaviour>>,
    done: Vec<Sighting>,
    flows: u64,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            behaviours: BEHAVIOURS.iter().map(|entry| (entry.make)()).collect(),
            done: Vec::new(),
            flows: 0,
        }
    }
}

impl Watch {
    /// One whose tables take no more than so many bytes, about. Where they would, all of them are made smaller by the
    /// same share; what has to go for that is counted.
    pub fn within(bytes: usize) -> Self {
        let mut watch = Self::default();
        let most = watch.most_bytes();
        if most > bytes {
            let share = bytes as f64 / most as f64;
            watch.behaviours.iter_mut().for_each(|behaviour| behaviour.shrink(share));
        }
        watch
    }

    /// Bytes that the tables take at most, about.
    pub fn most_bytes(&self) -> usize {
        self.behaviours.iter().map(|behaviour| behaviour.most_bytes()).sum()
    }

    /// Sees the next flow; flows come in the order of their begin.
    pub fn see(&mut self, flow: &Flow<'_>) {
        self.flows += 1;
        self.behaviours.iter_mut().for_each(|behaviour| behaviour.see(flow, &mut self.done));
    }

    /// Sees the next claim to an address; claims come in the order of time, before, after or among the flows.
    pub fn see_claim(&mut self, claim: &ArpClaim) {
        self.behaviours.iter_mut().for_each(|behaviour| behaviour.see_claim(claim, &mut self.done));
    }

    /// Sees the next sign of single packets; signs come before, after or among the flows.
    pub fn see_sign(&mut self, sign: &PacketSign) {
        self.behaviours.iter_mut().for_each(|behaviour| behaviour.see_sign(sign, &mut self.done));
    }

    /// Flows seen.
    pub fn flows(&self) -> u64 {
        self.flows
    }

    /// Everything that was seen, in the order of time, once there are no more flows.
    pub fn end(mut self) -> (Vec<Sighting>, u64) {
        self.behaviours.iter_mut().for_each(|behaviour| behaviour.end(&mut self.done));
        let dropped = self.behaviours.iter().map(|behaviour| behaviour.dropped()).sum();
        self.done.sort_by(|a, b| {
            let key = |s: &Sighting| (s.first_ns, s.behaviour, s.actor, s.targets.first().copied());
            key(a).cmp(&key(b))
        });
        (self.done, dropped)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    /// A host of the test network.
    pub(crate) fn address(host: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, host))
    }

    /// What a behaviour tells of flows, up to their end.
    pub(crate) fn watched<B: Behaviour + Default>(
        flows: impl IntoIterator<Item = Flow<'static>>,
    ) -> Vec<Sighting> {
        let (mut behaviour, mut out) = (B::default(), Vec::new());
        flows.into_iter().for_each(|flow| behaviour.see(&flow, &mut out));
        behaviour.end(&mut out);
        out
    }

    /// An ordinary TCP flow `at_s` seconds after the beginning.
    pub(crate) fn flow(at_s: f64, source: u8, destination: u8, port: u16) -> Flow<'static> {
        let start_ns = 1_700_000_000_000_000_000 + (at_s * 1e9) as i64;
        Flow::answered(start_ns, address(source), address(destination), port)
    }

    #[test]
    fn tables_stay_within_the_memory_that_is_given() {
        assert!(Watch::default().most_bytes() <= 512 << 20, "{}", Watch::default().most_bytes());
        for bytes in [4 << 20, 32 << 20, 1 << 30] {
            let watch = Watch::within(bytes);
            assert!(watch.most_bytes() <= bytes, "{bytes}: {}", watch.most_bytes());
        }
        // What had no room is counted.
        let mut watch = Watch::within(4 << 20);
        for at in 0..5_000u32 {
            let source = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + at));
            watch.see(&Flow { source, ..flow(f64::from(at), 1, 2, 443) });
        }
        assert!(watch.end().1 > 1_000);
    }

    #[test]
    fn every_behaviour_says_what_it_is_and_names_techniques() {
        for entry in BEHAVIOURS {
            let about = (entry.make)().about();
            assert_eq!(about, entry.about);
            assert!(about.summary.ends_with('.') && about.blind_to.ends_with('.'), "{}", about.name);
            let is_technique = |id: &&str| {
                let digits =
                    |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
                id.strip_prefix('T').is_some_and(|rest| match rest.split_once('.') {
                    Some((whole, part)) => digits(whole, 4) && digits(part, 3),
                    None => digits(rest, 4),
                })
            };
            assert!(
                !about.techniques.is_empty() && about.techniques.iter().all(is_technique),
                "{}",
                about.name
            );
        }
    }
}
