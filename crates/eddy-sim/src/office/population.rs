//! The hosts of the office, and the world outside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use serde::Serialize;

use super::spec::OfficeHabits;
use crate::draw::{Draw, Purpose};

/// The hardware address of the router; the others follow it.
const ROUTER_MAC: u64 = 0x02_00_5e_10_00_01;
/// The hardware address every host listens to.
pub(crate) const BROADCAST_MAC: u64 = 0xffff_ffff_ffff;
/// Workstations, or things, of one subnet.
const SUBNET_HOSTS: usize = 240;
/// Number of places on the web.
const SITES: usize = 420;
/// Places that many pages fetch something from.
const SHARED_SITES: usize = 60;

/// What a host is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostRole {
    /// The way to the outside.
    Router,
    /// Answers names, hands out addresses, tells the time.
    DnsServer,
    /// Takes and keeps mail.
    MailServer,
    /// The web site of the office, reached from outside.
    WebServer,
    /// Files of the office (SMB).
    FileServer,
    /// The host administrators log in to (SSH).
    SshServer,
    /// Fetches the data of the servers at night.
    BackupServer,
    /// Asks every host every minute whether it is well.
    Monitor,
    /// Keeps the pictures of the cameras.
    VideoRecorder,
    /// Prints.
    Printer,
    /// Sends pictures to the recorder and reports to its maker.
    Camera,
    /// A thermostat, a door, a meter: a few bytes at equal distances.
    Sensor,
    /// Somebody works at it.
    Workstation,
}

/// One host of the office.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    /// Its address.
    pub address: IpAddr,
    /// Its second address, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address6: Option<IpAddr>,
    /// What it is there for.
    pub role: HostRole,
    #[serde(skip)]
    pub(crate) mac: u64,
}

/// A place on the web.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    pub(crate) name: Arc<str>,
    pub(crate) address: IpAddr,
    pub(crate) address6: Option<IpAddr>,
    /// How many addresses in a row it has.
    pub(crate) addresses: u8,
    /// Who answers for its name.
    pub(crate) name_server: IpAddr,
    pub(crate) time_to_live_s: u32,
    pub(crate) round_trip_us: u64,
}

/// The hosts and the world outside, drawn once from the seed.
#[derive(Debug, Clone)]
pub(crate) struct Population {
    pub(crate) hosts: Vec<Host>,
    pub(crate) sites: Vec<Site>,
    /// Running sums of how popular each site is.
    pub(crate) popularity: Vec<f64>,
    /// For each host its few favourite sites.
    pub(crate) favourites: Vec<Vec<u32>>,
    first_thing: usize,
    first_workstation: usize,
}

impl Population {
    pub(crate) fn new(n_hosts: usize, seed: u64, habits: OfficeHabits) -> Self {
        let mut draw = Draw::new(seed, Purpose::Population);
        let hosts = hosts(n_hosts, habits);
        let sites: Vec<Site> = (0..SITES).map(|idx| site(idx, &mut draw)).collect();
        let mut sum = 0.0;
        let popularity = (0..SITES)
            .map(|idx| {
                // Zipf's law, flattened at its head.
                sum += 1.0 / (idx as f64 + 6.0);
                sum
            })
            .collect::<Vec<_>>();
        let favourites =
            hosts.iter().map(|_| (0..14).map(|_| draw.weighted(&popularity) as u32).collect()).collect();
        let first = |role: HostRole| hosts.iter().position(|host: &Host| host.role == role).unwrap_or(0);
        let (first_thing, first_workstation) = (first(HostRole::Printer), first(HostRole::Workstation));
        Self { hosts, sites, popularity, favourites, first_thing, first_workstation }
    }

    /// Positions of the hosts of a role.
    pub(crate) fn of_role(&self, role: HostRole) -> impl Iterator<Item = usize> + '_ {
        self.hosts.iter().enumerate().filter(move |(_, host)| host.role == role).map(|(idx, _)| idx)
    }

    /// The first host of a role; the router where there is none.
    pub(crate) fn first(&self, role: HostRole) -> usize {
        self.of_role(role).next().unwrap_or(0)
    }

    /// Position of the host with an address.
    pub(crate) fn host_at(&self, address: IpAddr) -> Option<usize> {
        let IpAddr::V4(v4) = address else {
            return self.hosts.iter().position(|host| host.address6 == Some(address));
        };
        let [10, 20, subnet, last] = v4.octets() else { return None };
        let idx = match subnet {
            0 => usize::from(last).checked_sub(1)?,
            1..100 => {
                self.first_workstation
                    + usize::from(subnet - 1) * SUBNET_HOSTS
                    + usize::from(last).checked_sub(10)?
            }
            _ => {
                self.first_thing
                    + usize::from(subnet - 100) * SUBNET_HOSTS
                    + usize::from(last).checked_sub(10)?
            }
        };
        // Servers stand at 10, 11, 12 ...
        let idx = if subnet == 0 && last >= 10 { idx - 8 } else { idx };
        (self.hosts.get(idx)?.address == address).then_some(idx)
    }

    /// A place a person at `host` would go to.
    pub(crate) fn liked_site(&self, host: usize, draw: &mut Draw) -> usize {
        if draw.chance(0.75) {
            let favourites = &self.favourites[host];
            favourites[draw.whole(0, favourites.len() as u32 - 1) as usize] as usize
        } else {
            draw.weighted(&self.popularity)
        }
    }

    /// A place from which pages of others fetch something.
    pub(crate) fn shared_site(draw: &mut Draw) -> usize {
        draw.whole(0, SHARED_SITES as u32 - 1) as usize
    }

    /// The hardware addresses, source and destination, of a packet from one address to another. Traffic is watched
    /// where the hosts are plugged in: a host's own packets carry its own address, those to other subnets go to the
    /// router, and what comes from outside comes from there.
    pub(crate) fn link(&self, from: IpAddr, to: IpAddr) -> [u64; 2] {
        let (sender, receiver) = (self.host_at(from), self.host_at(to));
        let source = sender.map_or(ROUTER_MAC, |idx| self.hosts[idx].mac);
        if let IpAddr::V4(v4) = to {
            if v4.is_multicast() {
                return [source, 0x0100_5e00_0000 | u64::from(u32::from(v4) & 0x007f_ffff)];
            }
            if v4.octets()[3] == 255 {
                return [source, BROADCAST_MAC];
            }
        }
        let is_near = match (from, to) {
            (IpAddr::V4(a), IpAddr::V4(b)) => sender.is_none() || a.octets()[..3] == b.octets()[..3],
            _ => sender.is_none(),
        };
        [source, receiver.filter(|_| is_near).map_or(ROUTER_MAC, |idx| self.hosts[idx].mac)]
    }
}

/// An address of the office.
pub(crate) fn office(subnet: usize, last: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(10, 20, subnet as u8, last as u8))
}

/// A host outside that somebody attacks from (RFC 5737 addresses).
pub(crate) fn outsider(idx: usize) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 20 + (idx % 200) as u8))
}

/// A visitor from outside; the network for benchmarks (RFC 2544) stands for the internet.
pub(crate) fn visitor(draw: &mut Draw) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 19, draw.whole(0, 255) as u8, draw.whole(1, 254) as u8))
}

/// One of a few addresses with many people behind them.
pub(crate) fn guest(draw: &mut Draw) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 18, 200, draw.whole(1, 5) as u8))
}

fn hosts(n_hosts: usize, habits: OfficeHabits) -> Vec<Host> {
    use HostRole::{
        BackupServer, Camera, DnsServer, FileServer, MailServer, Monitor, Printer, Router, Sensor, SshServer,
        VideoRecorder, WebServer, Workstation,
    };
    let servers =
        [DnsServer, MailServer, WebServer, FileServer, SshServer, BackupServer, Monitor, VideoRecorder];
    let is_usual = habits == OfficeHabits::Usual;
    let things = (n_hosts - 1 - servers.len()) / if is_usual { 4 } else { 2 };
    let workstations = n_hosts - 1 - servers.len() - things;
    let thing = |idx: usize| match idx % 5 {
        0 if is_usual || idx == 0 => Printer,
        _ if !is_usual && idx % 5 != 2 => Camera,
        1 | 3 => Camera,
        _ => Sensor,
    };
    let mut hosts = vec![(Router, office(0, 1), None)];
    hosts.extend(servers.iter().enumerate().map(|(idx, &role)| (role, office(0, 10 + idx), None)));
    hosts.extend(
        (0..things)
            .map(|idx| (thing(idx), office(100 + idx / SUBNET_HOSTS % 156, 10 + idx % SUBNET_HOSTS), None)),
    );
    hosts.extend((0..workstations).map(|idx| {
        let address6 = (idx % 5 < 2)
            .then(|| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x20, 1, 0, 0, 0, idx as u16 + 10)));
        (Workstation, office(1 + idx / SUBNET_HOSTS % 99, 10 + idx % SUBNET_HOSTS), address6)
    }));
    hosts
        .into_iter()
        .enumerate()
        .map(|(idx, (role, address, address6))| Host {
            address,
            address6,
            role,
            mac: ROUTER_MAC + idx as u64,
        })
        .collect()
}

fn site(idx: usize, draw: &mut Draw) -> Site {
    const HEADS: [&str; 12] =
        ["bran", "cor", "dal", "fen", "gor", "hal", "kes", "lum", "mer", "nor", "sol", "tam"];
    const TAILS: [&str; 10] =
        ["brook", "dale", "field", "ford", "gate", "ley", "mont", "port", "ton", "wick"];
    let word = format!(
        "{}{}{}",
        HEADS[draw.whole(0, 11) as usize],
        HEADS[draw.whole(0, 11) as usize],
        TAILS[draw.whole(0, 9) as usize]
    );
    let name = match idx {
        0..20 => format!("cdn{idx}.{word}.example"),
        20..60 => format!("{}.{word}.example", ["static", "api", "img", "fonts", "tags"][idx % 5]),
        _ => format!("www.{word}{}.example", if idx.is_multiple_of(3) { "" } else { "-online" }),
    };
    let address6 = draw
        .chance(0.35)
        .then(|| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0x8000 + idx as u16, 0, 0, 0, 0, 0x50)));
    Site {
        name: name.into(),
        address: IpAddr::V4(Ipv4Addr::new(198, 18, (idx / 28) as u8, (idx % 28 * 9 + 2) as u8)),
        address6,
        addresses: draw.whole(1, 6) as u8,
        name_server: IpAddr::V4(Ipv4Addr::new(203, 0, 113, draw.whole(10, 120) as u8)),
        time_to_live_s: [60, 120, 300, 300, 900, 3_600][draw.whole(0, 5) as usize],
        round_trip_us: draw.log_normal(14_000.0, 0.7) as u64 + 1_500,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_host_is_found_by_its_address() {
        for n_hosts in [12, 50, 300, 5_000] {
            let population = Population::new(n_hosts, 3, OfficeHabits::Usual);
            assert_eq!(population.hosts.len(), n_hosts);
            for (idx, host) in population.hosts.iter().enumerate() {
                assert_eq!(population.host_at(host.address), Some(idx), "{host:?} of {n_hosts}");
            }
            assert_eq!(population.host_at(office(0, 9)), None);
            assert_eq!(population.host_at(office(3, 8)), None);
        }
    }

    #[test]
    fn fifty_hosts_have_every_role() {
        let population = Population::new(50, 3, OfficeHabits::Usual);
        assert_eq!(population.of_role(HostRole::Workstation).count(), 31);
        assert_eq!(population.of_role(HostRole::Camera).count(), 4);
        assert!(population.of_role(HostRole::Printer).count() >= 2);
        assert_eq!(population.of_role(HostRole::Monitor).count(), 1);
    }

    #[test]
    fn an_office_unlike_the_usual_one_has_many_cameras() {
        let many = |habits| {
            let population = Population::new(50, 3, habits);
            population.of_role(HostRole::Camera).count()
        };
        assert!(many(OfficeHabits::Unlike) >= 3 * many(OfficeHabits::Usual));
        let population = Population::new(50, 3, OfficeHabits::Unlike);
        assert!(
            population
                .hosts
                .iter()
                .enumerate()
                .all(|(idx, host)| population.host_at(host.address) == Some(idx))
        );
    }
}
