//! What hosts, services and pairs of hosts do, window by window.

use std::net::IpAddr;

use serde::Serialize;

use crate::Flow;
use crate::moments::Moments;
use crate::sketch::{Distinct, mark};
use crate::table::Table;

/// Entities watched at most; those that were not seen for longest go.
const CAPACITY: usize = 65_536;
/// Places of a histogram.
const PLACES: usize = 32;

/// Of whom there is one row a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// A host, whether it calls or is called.
    Host,
    /// A port of a host that is called, with its protocol.
    Service,
    /// A host that calls and a host that is called.
    Pair,
}

/// Who a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Entity {
    /// The host; of a service the one that is called, of a pair the one that calls.
    pub host: IpAddr,
    /// The host called, of a pair.
    pub called: Option<IpAddr>,
    /// Protocol and port, of a service.
    pub service: Option<(u8, u16)>,
}

impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.called, self.service) {
            (Some(called), _) => write!(f, "{} > {called}", self.host),
            (_, Some((protocol, port))) => write!(f, "{} {protocol}/{port}", self.host),
            _ => write!(f, "{}", self.host),
        }
    }
}

/// Names of the features of a window, with unit and meaning.
pub const FEATURES: [(&str, &str, &str); 19] = [
    ("flowsBegun", "", "flows that the entity began (of a service: that came to it)"),
    ("flowsReceived", "", "flows that others began with the host"),
    ("octetsSent", "bytes", "bytes it sent"),
    ("octetsReceived", "bytes", "bytes it got"),
    ("packetsSent", "packets", "packets it sent"),
    ("packetsReceived", "packets", "packets it got"),
    ("peers", "", "different hosts called (of a service: that called), estimated"),
    ("services", "", "different ports called, estimated"),
    ("newPeers", "", "of the peers, those never met in a window before, estimated"),
    ("newServices", "", "of the ports, those never called in a window before, estimated"),
    ("failedFlows", "", "flows begun that nothing came of"),
    ("failedShare", "", "the same as a share of the flows begun"),
    ("portEntropy", "bits", "entropy of the ports called, over 32 places"),
    ("addressEntropy", "bits", "entropy of the peers, over 32 places"),
    ("noveltyRate", "", "new peers and ports for each flow begun"),
    (
        "intervalVariation",
        "",
        "coefficient of variation of the time between flows begun: 0 is a clock, 1 is chance",
    ),
    ("sizeVariation", "", "coefficient of variation of the bytes of flows begun"),
    ("asymmetry", "", "bytes sent less bytes got over both: 1 sends only, -1 gets only"),
    ("secondsKnown", "s", "how long the entity has been known: how old the evidence of novelty is"),
];

/// One entity in one window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntityWindow {
    /// Begin of the window, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Who it is about.
    pub entity: Entity,
    /// The features in the order of [`FEATURES`].
    pub features: [f64; FEATURES.len()],
}

/// What is kept of an entity: below a kibibyte.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    first_ns: i64,
    begun: u32,
    received: u32,
    failed: u32,
    octets: [u64; 2],
    packets: [u64; 2],
    peers: Distinct,
    services: Distinct,
    /// Peers of windows before, by address: two sketches hold more than one.
    known_peers: [Distinct; 2],
    known_services: Distinct,
    new_peers: u16,
    new_services: u16,
    ports: [u16; PLACES],
    addresses: [u16; PLACES],
    last_ns: i64,
    intervals: Moments,
    sizes: Moments,
}

/// Features of entities in windows of event time, in bounded room.
///
/// Windows begin at whole multiples of their length. A flow belongs to the window in which it begins; one that comes
/// late belongs to the window that is open. Rows of a window are handed over, in the order of their entities, when the
/// first flow of a later one comes.
pub struct EntityWindows {
    per: Per,
    window_ns: i64,
    start_ns: Option<i64>,
    states: Table<Entity, State>,
}

impl EntityWindows {
    /// Bytes kept of an entity, without its place in the table.
    pub const BYTES_AN_ENTITY: usize = size_of::<State>();

    /// Windows of a length in nanoseconds; at least a second.
    pub fn new(per: Per, window_ns: i64) -> Self {
        Self { per, window_ns: window_ns.max(1_000_000_000), start_ns: None, states: Table::new(CAPACITY) }
    }

    /// Sees the next flow. Rows of windows that are over go to `out`.
    pub fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<EntityWindow>) {
        let start_ns = flow.start_ns.div_euclid(self.window_ns).saturating_mul(self.window_ns);
        match self.start_ns {
            Some(open_ns) if start_ns > open_ns => {
                self.close(open_ns, out);
                self.start_ns = Some(start_ns);
            }
            None => self.start_ns = Some(start_ns),
            Some(_) => {}
        }
        let at = flow.start_ns;
        let fresh = || State { first_ns: at, ..State::default() };
        let host = |host| Entity { host, called: None, service: None };
        match self.per {
            Per::Host => {
                self.states.entry(host(flow.source), at, fresh).begin(flow, flow.destination, false);
                self.states.entry(host(flow.destination), at, fresh).receive(flow);
            }
            Per::Service => {
                let service = Some((flow.protocol, flow.destination_port));
                let entity = Entity { service, ..host(flow.destination) };
                self.states.entry(entity, at, fresh).begin(flow, flow.source, true);
            }
            Per::Pair => {
                let entity = Entity { called: Some(flow.destination), ..host(flow.source) };
                self.states.entry(entity, at, fresh).begin(flow, flow.destination, false);
            }
        }
    }

    /// Hands over the rows of the window that is open.
    pub fn end(&mut self, out: &mut Vec<EntityWindow>) {
        if let Some(open_ns) = self.start_ns.take() {
            self.close(open_ns, out);
        }
    }

    pub(crate) fn most_bytes(&self) -> usize {
        self.states.most_bytes()
    }

    pub(crate) fn shrink(&mut self, share: f64) {
        self.states.shrink(share);
    }

    /// Entities that had to go for want of room.
    pub fn dropped(&self) -> u64 {
        self.states.dropped()
    }

    fn close(&mut self, start_ns: i64, out: &mut Vec<EntityWindow>) {
        let end_ns = start_ns.saturating_add(self.window_ns);
        let from = out.len();
        for (entity, state) in self.states.iter_mut() {
            if state.begun + state.received > 0 {
                out.push(EntityWindow { start_ns, entity: *entity, features: state.features(end_ns) });
                state.renew();
            }
        }
        out[from..].sort_by_key(|row| row.entity);
    }
}

impl State {
    /// A flow that the entity began; of a service, one that came to it.
    fn begin(&mut self, flow: &Flow<'_>, peer: IpAddr, is_service: bool) {
        let (sent, got) = (usize::from(is_service), usize::from(!is_service));
        self.octets[sent] = self.octets[sent].saturating_add(flow.octets);
        self.octets[got] = self.octets[got].saturating_add(flow.reverse_octets);
        self.packets[sent] = self.packets[sent].saturating_add(flow.packets);
        self.packets[got] = self.packets[got].saturating_add(flow.reverse_packets);
        if self.begun > 0 {
            self.intervals.add(flow.start_ns.saturating_sub(self.last_ns).max(0) as f64 / 1e9);
        }
        self.last_ns = self.last_ns.max(flow.start_ns);
        self.sizes.add(flow.octets.saturating_add(flow.reverse_octets) as f64);
        self.begun = self.begun.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(flow.failed()));
        let (host, port) = (mark(peer), mark((flow.destination_port, flow.protocol)));
        if self.peers.see_mark(host) && !self.known_peers[known_at(peer)].has_mark(host) {
            self.new_peers += 1;
        }
        if self.services.see_mark(port) && !self.known_services.has_mark(port) {
            self.new_services += 1;
        }
        let count = |place: &mut u16| *place = place.saturating_add(1);
        count(&mut self.ports[usize::from(port) % PLACES]);
        count(&mut self.addresses[usize::from(host) % PLACES]);
        // Peers are known from the next window on.
        self.known_peers[known_at(peer)].see_mark(host);
        self.known_services.see_mark(port);
    }

    fn receive(&mut self, flow: &Flow<'_>) {
        self.received = self.received.saturating_add(1);
        self.octets[1] = self.octets[1].saturating_add(flow.octets);
        self.octets[0] = self.octets[0].saturating_add(flow.reverse_octets);
        self.packets[1] = self.packets[1].saturating_add(flow.packets);
        self.packets[0] = self.packets[0].saturating_add(flow.reverse_packets);
    }

    fn features(&self, end_ns: i64) -> [f64; FEATURES.len()] {
        let begun = f64::from(self.begun);
        let (sent, got) = (self.octets[0] as f64, self.octets[1] as f64);
        let (new_peers, new_services) =
            (Distinct::estimate(u32::from(self.new_peers)), Distinct::estimate(u32::from(self.new_services)));
        [
            begun,
            f64::from(self.received),
            sent,
            got,
            self.packets[0] as f64,
            self.packets[1] as f64,
            self.peers.count(),
            self.services.count(),
            new_peers,
            new_services,
            f64::from(self.failed),
            f64::from(self.failed) / begun.max(1.0),
            entropy(&self.ports),
            entropy(&self.addresses),
            ((new_peers + new_services) / begun.max(1.0)).min(2.0),
            self.intervals.variation(),
            self.sizes.variation(),
            (sent - got) / (sent + got).max(1.0),
            end_ns.saturating_sub(self.first_ns).max(0) as f64 / 1e9,
        ]
    }

    /// Begins a window; what is known stays.
    fn renew(&mut self) {
        *self = Self {
            first_ns: self.first_ns,
            known_peers: self.known_peers,
            known_services: self.known_services,
            last_ns: self.last_ns,
            ..Self::default()
        };
    }
}

fn known_at(peer: IpAddr) -> usize {
    let last = match peer {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    };
    usize::from(last % 2)
}

/// Shannon's entropy of counts, in bits.
fn entropy(counts: &[u16]) -> f64 {
    let n: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let share = |&count: &u16| f64::from(count) / n;
    counts.iter().filter(|&&count| count > 0).map(share).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::{address, flow};

    fn feature(row: &EntityWindow, name: &str) -> f64 {
        row.features[FEATURES.iter().position(|(known, ..)| *known == name).unwrap()]
    }

    fn run(per: Per, flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<EntityWindow> {
        let (mut windows, mut out) = (EntityWindows::new(per, 300_000_000_000), Vec::new());
        flows.into_iter().for_each(|flow| windows.see(&flow, &mut out));
        windows.end(&mut out);
        out
    }

    #[test]
    fn features_are_those_computed_by_hand() {
        // Every ten seconds one of four ports of two hosts, 600 bytes out and 4,000 back.
        let talk =
            (0..40u32).map(|at| flow(f64::from(at) * 10.0, 1, (at % 2) as u8 + 8, (at % 4) as u16 + 80));
        let rows: Vec<EntityWindow> =
            run(Per::Host, talk).into_iter().filter(|row| row.entity.host == address(1)).collect();
        // The flows begin at a full five minutes and a bit: 1,700,000,000 is 200 s after one.
        let begun: Vec<f64> = rows.iter().map(|row| feature(row, "flowsBegun")).collect();
        assert_eq!(begun, [10.0, 30.0]);
        let first = &rows[0];
        assert_eq!(feature(first, "octetsSent"), 6_000.0);
        assert_eq!(feature(first, "octetsReceived"), 40_000.0);
        assert!((feature(first, "asymmetry") - (6.0 - 40.0) / 46.0).abs() < 1e-12);
        assert_eq!([feature(first, "peers"), feature(first, "newPeers")], [2.0, 2.0]);
        assert_eq!([feature(first, "services"), feature(first, "newServices")], [4.0, 4.0]);
        assert!(feature(first, "portEntropy") <= 2.0 && feature(first, "portEntropy") > 1.4);
        assert!(feature(first, "intervalVariation") < 1e-6 && feature(first, "sizeVariation") < 1e-6);
        assert_eq!([feature(&rows[1], "newPeers"), feature(&rows[1], "noveltyRate")], [0.0, 0.0]);
        assert_eq!([feature(first, "secondsKnown"), feature(&rows[1], "secondsKnown")], [100.0, 400.0]);
    }

    #[test]
    fn services_and_pairs_have_rows_of_their_own_and_room_is_bounded() {
        let talk = || (0..60u32).map(|at| flow(f64::from(at), (at % 3) as u8 + 1, 9, 443));
        let service = run(Per::Service, talk());
        assert_eq!(service.iter().map(|row| row.entity.to_string()).collect::<Vec<_>>(), ["10.0.0.9 6/443"]);
        assert_eq!([feature(&service[0], "peers"), feature(&service[0], "octetsSent")], [3.0, 240_000.0]);
        let pairs = run(Per::Pair, talk());
        assert_eq!(pairs.len(), 3);
        assert_eq!(pairs[0].entity.to_string(), "10.0.0.1 > 10.0.0.9");
        const { assert!(EntityWindows::BYTES_AN_ENTITY <= 512) };
        let failed = run(Per::Host, [Flow { reverse_packets: 0, ..flow(0.0, 1, 2, 3) }]);
        assert!(failed.iter().flat_map(|row| row.features).all(f64::is_finite));
    }
}
