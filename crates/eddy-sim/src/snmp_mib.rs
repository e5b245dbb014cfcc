//! The SNMP MIB variables of one router, polled at a fixed interval.

use eddy_frame::{Column, CounterBits, Field, Kind, Role};

use crate::draw::{Draw, Purpose};
use crate::plan::{Planned, event_at};
use crate::rhythm::Rhythm;
use crate::table::{Grid, Parties, Table, field};
use crate::{Scenario, Spec};

/// The variables, in the order of the table: RFC 1213 names, those of the interface with its index 11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mib {
    IfInOctets,
    IfOutOctets,
    IfOutDiscards,
    IfInUcastPkts,
    IfInNUcastPkts,
    IfInDiscards,
    IfOutUcastPkts,
    IfOutNUcastPkts,
    TcpOutRsts,
    TcpInSegs,
    TcpOutSegs,
    TcpPassiveOpens,
    TcpRetransSegs,
    TcpCurrEstab,
    TcpEstabResets,
    TcpActiveOpens,
    UdpInDatagrams,
    UdpOutDatagrams,
    UdpInErrors,
    UdpNoPorts,
    IpInReceives,
    IpInDelivers,
    IpOutRequests,
    IpOutDiscards,
    IpInDiscards,
    IpForwDatagrams,
    IpOutNoRoutes,
    IpInAddrErrors,
    IcmpInMsgs,
    IcmpInDestUnreachs,
    IcmpOutMsgs,
    IcmpOutDestUnreachs,
    IcmpInEchos,
    IcmpOutEchoReps,
}

const N_VARIABLES: usize = 34;

/// Names and units, in the order of [`Mib`].
const VARIABLES: [(&str, &str); N_VARIABLES] = [
    ("ifInOctets11", "bytes"),
    ("ifOutOctets11", "bytes"),
    ("ifOutDiscards11", "packets"),
    ("ifInUcastPkts11", "packets"),
    ("ifInNUcastPkts11", "packets"),
    ("ifInDiscards11", "packets"),
    ("ifOutUcastPkts11", "packets"),
    ("ifOutNUcastPkts11", "packets"),
    ("tcpOutRsts", "segments"),
    ("tcpInSegs", "segments"),
    ("tcpOutSegs", "segments"),
    ("tcpPassiveOpens", "connections"),
    ("tcpRetransSegs", "segments"),
    ("tcpCurrEstab", "connections"),
    ("tcpEstabResets", "connections"),
    ("tcpActiveOpens", "connections"),
    ("udpInDatagrams", "datagrams"),
    ("udpOutDatagrams", "datagrams"),
    ("udpInErrors", "datagrams"),
    ("udpNoPorts", "datagrams"),
    ("ipInReceives", "datagrams"),
    ("ipInDelivers", "datagrams"),
    ("ipOutRequests", "datagrams"),
    ("ipOutDiscards", "datagrams"),
    ("ipInDiscards", "datagrams"),
    ("ipForwDatagrams", "datagrams"),
    ("ipOutNoRoutes", "datagrams"),
    ("ipInAddrErrors", "datagrams"),
    ("icmpInMsgs", "messages"),
    ("icmpInDestUnreachs", "messages"),
    ("icmpOutMsgs", "messages"),
    ("icmpOutDestUnreachs", "messages"),
    ("icmpInEchos", "messages"),
    ("icmpOutEchoReps", "messages"),
];

/// Mean bytes a second that come in on the interface.
const IN_OCTETS_S: f64 = 1_000_000.0;
/// What leaves, relative to what comes in.
const OUT_SHARE: f64 = 0.42;
/// Most bytes a second of the link (100 Mbit/s): a flood cannot wrap a counter twice in five minutes.
const LINK_OCTETS_S: f64 = 12_500_000.0;

/// The table of [`crate::Shape::SnmpMib`].
pub(crate) struct SnmpMib {
    grid: Grid,
    interval_s: f64,
    rhythm: Rhythm,
    plan: Vec<Planned>,
    event_draws: Vec<Draw>,
    draw: Draw,
    /// Logarithm of how far the traffic is from its rhythm.
    deviation: f64,
    counters: Tally,
    noise: f64,
}

/// A number for every variable.
#[derive(Debug, Clone)]
struct Tally([f64; N_VARIABLES]);

impl std::ops::Index<Mib> for Tally {
    type Output = f64;

    fn index(&self, variable: Mib) -> &f64 {
        &self.0[variable as usize]
    }
}

impl std::ops::IndexMut<Mib> for Tally {
    fn index_mut(&mut self, variable: Mib) -> &mut f64 {
        &mut self.0[variable as usize]
    }
}

impl Tally {
    fn zero() -> Self {
        Self([0.0; N_VARIABLES])
    }

    /// Counters of a router that has been up for some weeks, as they stand after their last wrap.
    fn after_uptime(draw: &mut Draw) -> Self {
        let uptime_s = draw.uniform(5e5, 4e6);
        let mut tally = Self::zero();
        for (variable, mean) in rare_means(1.0) {
            tally[variable] = draw.log_normal(mean * uptime_s, 0.2);
        }
        tally.add_volume(IN_OCTETS_S * uptime_s, 0.0, draw);
        tally[Mib::TcpOutSegs] = tally[Mib::TcpInSegs] * 0.87;
        tally.settle();
        for value in &mut tally.0 {
            *value %= CounterBits::B32.modulus();
        }
        tally
    }

    /// Sets octets and packets of the interface from the octets that came in.
    fn add_volume(&mut self, in_octets: f64, noise: f64, draw: &mut Draw) {
        self[Mib::IfInOctets] = in_octets;
        self[Mib::IfInUcastPkts] = in_octets / draw.log_normal(820.0, 0.05 * noise);
        self[Mib::IfOutOctets] = in_octets * draw.log_normal(OUT_SHARE, 0.08 * noise);
        self[Mib::IfOutUcastPkts] = self[Mib::IfInUcastPkts] * draw.log_normal(0.78, 0.04 * noise);
    }

    /// Whole numbers, and the sums that hold between variables: what is received is delivered, forwarded or
    /// discarded; what is delivered belongs to TCP, UDP or ICMP.
    fn settle(&mut self) {
        for value in &mut self.0 {
            *value = value.round().max(0.0);
        }
        self[Mib::IcmpOutEchoReps] = self[Mib::IcmpInEchos];
        self[Mib::IcmpInMsgs] = self[Mib::IcmpInEchos] + self[Mib::IcmpInDestUnreachs];
        self[Mib::IcmpOutMsgs] = self[Mib::IcmpOutEchoReps] + self[Mib::IcmpOutDestUnreachs];
        self[Mib::IpInDelivers] = self[Mib::TcpInSegs]
            + self[Mib::UdpInDatagrams]
            + self[Mib::UdpNoPorts]
            + self[Mib::UdpInErrors]
            + self[Mib::IcmpInMsgs];
        let kept = self[Mib::IpInDelivers] + self[Mib::IpInDiscards] + self[Mib::IpInAddrErrors];
        self[Mib::IpInReceives] = (self[Mib::IfInUcastPkts] + self[Mib::IfInNUcastPkts]).max(kept);
        self[Mib::IpForwDatagrams] = self[Mib::IpInReceives] - kept;
        self[Mib::IpOutRequests] = self[Mib::TcpOutSegs]
            + self[Mib::TcpRetransSegs]
            + self[Mib::UdpOutDatagrams]
            + self[Mib::IcmpOutMsgs];
    }
}

/// What happens rarely, with its mean per second at a load.
fn rare_means(load: f64) -> [(Mib, f64); 21] {
    [
        (Mib::TcpInSegs, 2.4 * load),
        (Mib::TcpPassiveOpens, 0.1 * load),
        (Mib::UdpInDatagrams, 5.0 * load.sqrt()),
        (Mib::UdpOutDatagrams, 4.2 * load.sqrt()),
        (Mib::IfInNUcastPkts, 0.9),
        (Mib::IfOutNUcastPkts, 0.3),
        (Mib::TcpActiveOpens, 0.02),
        (Mib::TcpEstabResets, 0.012),
        (Mib::TcpOutRsts, 0.01),
        (Mib::TcpRetransSegs, 0.02 * load),
        (Mib::UdpNoPorts, 0.03),
        (Mib::UdpInErrors, 0.002),
        (Mib::IfInDiscards, 0.01 * load),
        (Mib::IfOutDiscards, 0.006 * load),
        (Mib::IpInDiscards, 0.004),
        (Mib::IpOutDiscards, 0.006),
        (Mib::IpOutNoRoutes, 0.002),
        (Mib::IpInAddrErrors, 0.003),
        (Mib::IcmpInEchos, 0.2),
        (Mib::IcmpInDestUnreachs, 0.03),
        (Mib::IcmpOutDestUnreachs, 0.03),
    ]
}

impl SnmpMib {
    pub(crate) fn new(spec: &Spec, plan: &[Planned]) -> Self {
        Self {
            grid: Grid::new(spec),
            interval_s: spec.interval_s,
            rhythm: Rhythm::new(),
            event_draws: (0..plan.len()).map(|idx| Draw::new(spec.seed, Purpose::Planted(idx))).collect(),
            plan: plan.to_vec(),
            draw: Draw::new(spec.seed, Purpose::Background(0)),
            deviation: 0.0,
            counters: Tally::after_uptime(&mut Draw::new(spec.seed, Purpose::Population)),
            noise: spec.noise,
        }
    }

    /// What the counters gain in one interval of normal traffic, not yet settled.
    fn normal_gain(&mut self, at_ns: i64) -> Tally {
        let draw = &mut self.draw;
        let (seconds, noise) = (self.interval_s, self.noise);
        self.deviation = 0.75 * self.deviation + 0.09 * noise * draw.normal();
        let load = self.rhythm.load(at_ns) * self.deviation.exp();
        let mut gain = Tally::zero();
        gain.add_volume(IN_OCTETS_S * seconds * load, noise, draw);
        // Few of these happen in an interval, so chance is all their noise.
        for (variable, mean) in rare_means(load) {
            gain[variable] = draw.poisson(mean * seconds);
        }
        gain[Mib::TcpOutSegs] = gain[Mib::TcpInSegs] * draw.uniform(0.8, 0.95);
        gain[Mib::TcpCurrEstab] = 3.0 + draw.poisson(9.0 * load);
        gain
    }

    /// Adds what the event at `idx` does in one interval.
    fn plant(&mut self, idx: usize, at_ns: i64, gain: &mut Tally) {
        let planned = &self.plan[idx];
        let draw = &mut self.event_draws[idx];
        let strength = planned.strength;
        let seconds = self.interval_s;
        match planned.scenario {
            Scenario::DdosSpike => {
                // Small datagrams to closed ports; the router answers a few of them.
                let flood = draw.log_normal(2_600.0, 0.15) * strength * planned.swell(at_ns) * seconds;
                gain[Mib::IfInUcastPkts] += flood;
                gain[Mib::IfInOctets] += flood * draw.log_normal(540.0, 0.05);
                gain[Mib::UdpNoPorts] += flood * 0.12;
                gain[Mib::IfInDiscards] += flood * 0.02;
                gain[Mib::IcmpOutDestUnreachs] += flood.min(seconds * 20.0);
                gain[Mib::IfOutUcastPkts] += flood.min(seconds * 20.0);
            }
            Scenario::PortScan => {
                let probes = draw.poisson(25.0 * strength * seconds);
                gain[Mib::TcpInSegs] += probes;
                gain[Mib::TcpOutSegs] += probes * 0.98;
                gain[Mib::TcpOutRsts] += probes * 0.98;
                gain[Mib::UdpNoPorts] += draw.poisson(2.0 * strength * seconds);
                gain[Mib::IcmpOutDestUnreachs] += draw.poisson(2.0 * strength * seconds);
                gain[Mib::IfInUcastPkts] += probes;
                gain[Mib::IfOutUcastPkts] += probes;
                gain[Mib::IfInOctets] += probes * 62.0;
                gain[Mib::IfOutOctets] += probes * 60.0;
            }
            Scenario::Exfiltration => {
                let octets = draw.log_normal(420_000.0, 0.05) * strength * seconds;
                let packets = octets / 1_410.0;
                gain[Mib::IfOutOctets] += octets;
                gain[Mib::IfOutUcastPkts] += packets;
                gain[Mib::IfInUcastPkts] += packets / 2.0;
                gain[Mib::IfInOctets] += packets / 2.0 * 66.0;
            }
            Scenario::Outage => {
                // The line is down: what came through it stops, and the router's own attempts go nowhere.
                let left = planned.level(at_ns);
                gain.0.iter_mut().for_each(|value| *value *= left);
                gain[Mib::TcpRetransSegs] += draw.poisson((1.0 - left) * 0.1 * seconds);
                gain[Mib::IpOutNoRoutes] += draw.poisson((1.0 - left) * 0.5 * seconds);
            }
            Scenario::LevelShift | Scenario::SlowDrift => {
                let level = planned.level(at_ns);
                for variable in [Mib::IfInOctets, Mib::IfOutOctets, Mib::IfInUcastPkts, Mib::IfOutUcastPkts] {
                    gain[variable] *= level;
                }
            }
            Scenario::BruteForce => {
                let attempts = draw.poisson(1.6 * strength * seconds);
                gain[Mib::TcpPassiveOpens] += attempts;
                gain[Mib::TcpInSegs] += attempts * 13.0;
                gain[Mib::TcpOutSegs] += attempts * 11.0;
                gain[Mib::TcpEstabResets] += attempts * 0.4;
                gain[Mib::TcpCurrEstab] += 3.0 + draw.poisson(3.0 * strength);
                gain[Mib::IfInUcastPkts] += attempts * 13.0;
                gain[Mib::IfOutUcastPkts] += attempts * 11.0;
                gain[Mib::IfInOctets] += attempts * 1_900.0;
                gain[Mib::IfOutOctets] += attempts * 2_300.0;
            }
            // Refused for this shape.
            Scenario::Beaconing => {}
        }
    }

    /// One poll: the counters after another interval.
    fn poll(&mut self, at_ns: i64) -> u8 {
        let mut gain = self.normal_gain(at_ns);
        let event = event_at(&self.plan, at_ns);
        if let Some(idx) = event {
            self.plant(idx, at_ns, &mut gain);
        }
        let most_octets = LINK_OCTETS_S * self.interval_s;
        for variable in [Mib::IfInOctets, Mib::IfOutOctets] {
            gain[variable] = gain[variable].min(most_octets);
        }
        for variable in [Mib::IfInUcastPkts, Mib::IfOutUcastPkts] {
            gain[variable] = gain[variable].min(most_octets / 60.0);
        }
        gain.settle();
        for (idx, (counter, more)) in self.counters.0.iter_mut().zip(gain.0).enumerate() {
            let is_gauge = idx == Mib::TcpCurrEstab as usize;
            *counter = if is_gauge { more } else { (*counter + more) % CounterBits::B32.modulus() };
        }
        event.map_or(0, |idx| idx as u8 + 1)
    }
}

impl Table for SnmpMib {
    fn fields(&self) -> Vec<Field> {
        VARIABLES
            .iter()
            .enumerate()
            .map(|(idx, (name, unit))| {
                let mut field = field(name, Kind::Float, Role::Feature, unit);
                field.counter = (idx != Mib::TcpCurrEstab as usize).then_some(CounterBits::B32);
                field
            })
            .collect()
    }

    fn fill(&mut self, most_rows: usize) -> (Vec<Column>, Vec<u8>) {
        let mut columns: [Vec<f64>; N_VARIABLES] = std::array::from_fn(|_| Vec::new());
        let mut truth = Vec::new();
        while truth.len() < most_rows {
            let Some(at_ns) = self.grid.next() else { break };
            truth.push(self.poll(at_ns));
            columns.iter_mut().zip(self.counters.0).for_each(|(column, value)| column.push(value));
        }
        (columns.into_iter().map(Column::Float).collect(), truth)
    }

    fn parties(&self, event_idx: usize) -> Parties {
        let note = match self.plan[event_idx].scenario {
            Scenario::DdosSpike => "a flood of datagrams to closed ports: ifIn*, udpNoPorts, ifInDiscards",
            Scenario::PortScan => "probes answered with resets: tcpInSegs, tcpOutRsts, icmpOutDestUnreachs",
            Scenario::Exfiltration => "uploads in full-sized packets: ifOutOctets, ifOutUcastPkts",
            Scenario::Outage => "the line is down: ifIn* and ifOut* stand still, ipOutNoRoutes grows",
            Scenario::LevelShift => "more octets and packets on the interface",
            Scenario::SlowDrift => "slowly more octets and packets on the interface",
            Scenario::BruteForce => "connections opened and reset: tcpPassiveOpens, tcpEstabResets",
            Scenario::Beaconing => "",
        };
        Parties { actor: None, target: Some("interface 11".to_owned()), note: note.to_owned() }
    }
}
