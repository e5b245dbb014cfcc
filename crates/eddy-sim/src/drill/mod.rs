//! Drills: short captures of one attack each, among a little ordinary traffic, with what is true of them.
//!
//! An office of [`OfficeSpec`](crate::OfficeSpec) lives for hours; a drill lasts a minute. It is what somebody hands over
//! who recorded an attack: from outside or within, of either version of the internet protocol, with a tag, cut at its
//! head, or seen from one side only. A [`Drill`] plays one kind of attack as the tools that are known for it do; a
//! [`DrillSetting`] says how it is recorded.

mod floods;
mod further;
mod logins;
mod others;
mod scans;
mod stage;
mod tiny;

use std::net::IpAddr;

use stage::Stage;

/// From where to where an attack goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillWay {
    /// From outside to a host inside.
    Inward,
    /// From a host inside to another.
    Within,
    /// From a host inside to one outside.
    Outward,
}

/// Which packets the recorder saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillSeen {
    /// All of them.
    Both,
    /// Only those towards whoever is attacked.
    Requests,
    /// Only those back.
    Answers,
}

/// How a drill is played and recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct DrillSetting {
    /// Seed of all random numbers.
    pub seed: u64,
    /// From where to where.
    pub way: DrillWay,
    /// Over version 6 of the internet protocol.
    pub is_ipv6: bool,
    /// The tag of the virtual network, if there is one.
    pub vlan: Option<u16>,
    /// What the recorder saw.
    pub seen: DrillSeen,
    /// Seconds after which the recorder is switched on: what came before is missing.
    pub from_s: f64,
    /// Seconds that are recorded.
    pub seconds: f64,
    /// Scales how much is done at a time.
    pub strength: f64,
}

impl Default for DrillSetting {
    fn default() -> Self {
        Self {
            seed: 1,
            way: DrillWay::Inward,
            is_ipv6: false,
            vlan: None,
            seen: DrillSeen::Both,
            from_s: 0.0,
            seconds: 30.0,
            strength: 1.0,
        }
    }
}

/// What is true of a drill.
#[derive(Debug, Clone, PartialEq)]
pub struct DrillTruth {
    /// The behaviour it is to be told as; several with `|` between them, each with words of its kinds after a colon.
    pub told_as: &'static str,
    /// Who does it, any of them; none where senders are forged or a crowd.
    pub actors: Vec<IpAddr>,
    /// Senders are forged, so that whoever is named is wrong.
    pub is_forged: bool,
    /// To whom, any of them.
    pub targets: Vec<IpAddr>,
}

/// One kind of attack.
#[derive(Clone, Copy)]
pub struct Drill {
    /// Its name.
    pub name: &'static str,
    play: fn(&mut Stage) -> DrillTruth,
    ways: &'static [DrillWay],
    is_ipv4: bool,
    is_ipv6: bool,
    least_s: f64,
    least_packets: usize,
}

impl std::fmt::Debug for Drill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Drill").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Packets of a drill that are something to be seen.
const LEAST_PACKETS: usize = 12;

const ANY: &[DrillWay] = &[DrillWay::Inward, DrillWay::Within, DrillWay::Outward];
const INTO: &[DrillWay] = &[DrillWay::Inward, DrillWay::Within];
const INWARD: &[DrillWay] = &[DrillWay::Inward];
const WITHIN: &[DrillWay] = &[DrillWay::Within];
const OUTWARD: &[DrillWay] = &[DrillWay::Outward];

impl Drill {
    const fn new(name: &'static str, ways: &'static [DrillWay], play: fn(&mut Stage) -> DrillTruth) -> Self {
        Self { name, play, ways, is_ipv4: false, is_ipv6: false, least_s: 0.0, least_packets: LEAST_PACKETS }
    }

    /// One that there is of version 4 only.
    const fn ipv4(self) -> Self {
        Self { is_ipv4: true, ..self }
    }

    /// One that there is of version 6 only.
    const fn ipv6(self) -> Self {
        Self { is_ipv6: true, ..self }
    }

    /// One that takes so long at least.
    const fn least(self, least_s: f64) -> Self {
        Self { least_s, ..self }
    }

    /// One of which few packets are something to be seen.
    const fn tiny(self) -> Self {
        Self { least_packets: 2, ..self }
    }

    /// From where to where it may go.
    pub fn ways(&self) -> &'static [DrillWay] {
        self.ways
    }

    /// Whether it can be played in a setting.
    pub fn fits(&self, setting: &DrillSetting) -> bool {
        self.ways.contains(&setting.way)
            && !(self.is_ipv4 && setting.is_ipv6)
            && (!self.is_ipv6 || setting.is_ipv6)
    }

    /// Whether there is one of version 6 of the internet protocol only.
    pub fn needs_ipv6(&self) -> bool {
        self.is_ipv6
    }

    /// Whether it takes longer than a drill usually does.
    pub fn is_long(&self) -> bool {
        self.least_s > 0.0
    }

    /// Plays it: the bytes of a capture file, and what is true of it. What takes longer than the setting gives is
    /// played for as long as it takes.
    pub fn record(&self, setting: &DrillSetting) -> (Vec<u8>, DrillTruth) {
        let setting = DrillSetting { seconds: setting.seconds.max(self.least_s), ..setting.clone() };
        let mut stage = Stage::new(setting);
        let truth = (self.play)(&mut stage);
        stage.ordinary_traffic();
        (stage.capture(), truth)
    }

    /// Whether the recorder sees enough of it to tell anything: of one side there may be nothing.
    pub fn is_seen(&self, setting: &DrillSetting) -> bool {
        let setting = DrillSetting { seconds: setting.seconds.max(self.least_s), ..setting.clone() };
        let mut stage = Stage::new(setting);
        (self.play)(&mut stage);
        stage.packets() >= self.least_packets
    }
}

/// All drills.
pub const DRILLS: &[&[Drill]] =
    &[scans::DRILLS, floods::DRILLS, logins::DRILLS, others::DRILLS, further::DRILLS, tiny::DRILLS];

/// The drill of a name.
pub fn drill(name: &str) -> Option<Drill> {
    DRILLS.iter().flat_map(|list| list.iter()).find(|drill| drill.name == name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drill_is_played_the_same_way_twice_and_says_what_is_true_of_it() {
        let mut names: Vec<&str> = Vec::new();
        for drill in DRILLS.iter().flat_map(|list| list.iter()) {
            assert!(!names.contains(&drill.name), "{} stands there twice", drill.name);
            names.push(drill.name);
            let setting = DrillSetting {
                way: drill.ways()[0],
                is_ipv6: drill.needs_ipv6(),
                seconds: 5.0,
                ..DrillSetting::default()
            };
            let (bytes, truth) = drill.record(&setting);
            assert!(bytes.len() > 1_000, "{}", drill.name);
            let is_somebody = !truth.actors.is_empty() || !truth.targets.is_empty();
            assert!(is_somebody && !truth.told_as.is_empty(), "{}", drill.name);
            assert_eq!(drill.record(&setting).0, bytes, "{}", drill.name);
        }
    }
}
