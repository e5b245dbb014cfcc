//! Who talks to whom: hosts with habits, the servers they use, and the parties of attacks.

use std::net::Ipv4Addr;

use crate::Spec;
use crate::draw::{Draw, Purpose};
use crate::plan::Planned;
use crate::service::{HTTPS, SERVICES, SSH};
use crate::table::Parties;
use crate::{Scenario, Shape};

/// One host or server, as its IPv4 address.
pub(crate) type Address = u32;

/// Servers of one service; the first is the most used and is the one that is attacked or fails.
const SERVERS: u32 = 4;

/// A call of a client to a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) client: Address,
    pub(crate) server: Address,
    /// Position in [`SERVICES`].
    pub(crate) service: usize,
    pub(crate) client_port: u16,
}

/// The hosts of a network and their habits, drawn once from the seed.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// Running sums of how active each host is.
    activity: Vec<f64>,
    /// For each host the running sums of how often it uses each service.
    mixes: Vec<[f64; SERVICES.len()]>,
    /// Running sums of how often each server of a service is used.
    server_use: [f64; SERVERS as usize],
}

impl Network {
    pub(crate) fn new(spec: &Spec) -> Self {
        let mut draw = Draw::new(spec.seed, Purpose::Population);
        let mut activity = Vec::with_capacity(spec.hosts);
        let mut mixes = Vec::with_capacity(spec.hosts);
        let mut total = 0.0;
        for _ in 0..spec.hosts {
            total += draw.log_normal(1.0, 0.7);
            activity.push(total);
            let mut sum = 0.0;
            mixes.push(SERVICES.map(|service| {
                sum += service.weight * draw.gamma(2.0, 0.5);
                sum
            }));
        }
        Self { activity, mixes, server_use: [0.45, 0.7, 0.87, 1.0] }
    }

    /// The address of the client at position `idx`.
    pub(crate) fn client(idx: usize) -> Address {
        address(10, 20, (idx / 250) as u32, (idx % 250) as u32 + 1)
    }

    /// The address of a server of a service.
    fn server(service: usize, idx: u32) -> Address {
        // The first server is the office's own; the rest of the web is outside (RFC 5737 addresses).
        if idx == 0 {
            address(10, 20, 200, 10 + service as u32)
        } else {
            address(203, 0, 113, service as u32 * 10 + idx)
        }
    }

    /// The service a host at position `host` uses.
    pub(crate) fn service_of(&self, host: usize, draw: &mut Draw) -> usize {
        draw.weighted(&self.mixes[host])
    }

    /// A host, the active ones more often.
    pub(crate) fn any_host(&self, draw: &mut Draw) -> usize {
        draw.weighted(&self.activity)
    }

    /// A normal call of the host at position `host`.
    pub(crate) fn call(&self, host: usize, draw: &mut Draw) -> Call {
        let service = self.service_of(host, draw);
        let server = Self::server(service, draw.weighted(&self.server_use) as u32);
        Call { client: Self::client(host), server, service, client_port: draw.client_port() }
    }

    /// The next call of an attack; `attempt` counts its calls.
    pub(crate) fn attack_call(&self, event_idx: usize, scenario: Scenario, draw: &mut Draw) -> Call {
        let client_port = draw.client_port();
        let (client, server) = self.parties_of(event_idx, scenario);
        let service = if scenario == Scenario::BruteForce { SSH } else { HTTPS };
        // Sources of a flood are forged, so each call has another.
        let client = client
            .unwrap_or_else(|| address(198, 18 + draw.whole(0, 1), draw.whole(0, 255), draw.whole(1, 254)));
        Call { client, server, service, client_port }
    }

    /// The one source (none for a flood or an outage) and the target of an event.
    fn parties_of(&self, event_idx: usize, scenario: Scenario) -> (Option<Address>, Address) {
        let insider = Self::client((event_idx * 7 + 3) % self.activity.len());
        let outsider = address(198, 51, 100, 20 + event_idx as u32 % 200);
        match scenario {
            Scenario::PortScan => (Some(outsider), address(10, 20, 200, 30)),
            Scenario::BruteForce => (Some(outsider), Self::server(SSH, 0)),
            Scenario::Exfiltration => (Some(insider), address(192, 0, 2, 44)),
            Scenario::Beaconing => (Some(insider), address(192, 0, 2, 80)),
            Scenario::DdosSpike | Scenario::Outage | Scenario::LevelShift | Scenario::SlowDrift => {
                (None, Self::server(HTTPS, 0))
            }
        }
    }

    /// The server that fails in an outage.
    pub(crate) fn failing_server() -> Address {
        Self::server(HTTPS, 0)
    }

    /// Who takes part in an event, for the truth.
    pub(crate) fn parties(&self, event_idx: usize, planned: &Planned, shape: Shape) -> Parties {
        let (client, server) = self.parties_of(event_idx, planned.scenario);
        let rows = if shape == Shape::PacketList { "packets" } else { "connections" };
        let note = match planned.scenario {
            Scenario::DdosSpike => format!("half-open {rows} from forged sources"),
            Scenario::PortScan => format!("refused {rows} to many ports"),
            Scenario::Exfiltration => format!("long uploads in large {rows}"),
            Scenario::Beaconing => {
                format!("small {rows} of like size every {:.0} s", planned.call_distance_s(60.0))
            }
            Scenario::BruteForce => format!("short SSH {rows} that end in failed logins"),
            Scenario::Outage | Scenario::LevelShift | Scenario::SlowDrift => {
                format!("{rows} to this server stay unanswered")
            }
        };
        Parties { actor: client.map(dotted), target: Some(dotted(server)), note }
    }
}

/// An address in dotted notation.
pub(crate) fn dotted(address: Address) -> String {
    Ipv4Addr::from(address).to_string()
}

fn address(a: u32, b: u32, c: u32, d: u32) -> Address {
    (a << 24) | (b << 16) | (c << 8) | d
}
