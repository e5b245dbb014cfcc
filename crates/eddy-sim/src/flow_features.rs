//! Flow features: one row a minute with the volume, the length, the ports and the losses of its traffic.

use eddy_frame::{Column, Field, Kind, NANOS_PER_SECOND, Role, TextColumn, TimeStyle};

use crate::draw::{Draw, Purpose};
use crate::network::Network;
use crate::plan::{Planned, event_at};
use crate::rhythm::Rhythm;
use crate::service::{SERVICES, SSH};
use crate::table::{Grid, Parties, Table, field};
use crate::{Scenario, Spec};

/// Mean bytes of a normal row of one minute.
const MEAN_BYTES: f64 = 480_000.0;
/// The smallest packet: an Ethernet frame without payload.
const LEAST_PACKET_BYTES: f64 = 60.0;

/// What a normal row is mostly about.
struct Habit {
    volume: f64,
    /// Bytes a packet, where it is not the service that decides.
    packet_bytes: Option<f64>,
    /// Shape and scale of the gamma distribution of durations in seconds.
    duration: [f64; 2],
}

/// Ordinary use, bulk downloads and idle chatter. The last two are rare, harmless, and share a column or two with
/// what is planted, so that no single column gives an anomaly away.
const HABITS: [Habit; 3] = [
    Habit { volume: 1.0, packet_bytes: None, duration: [3.0, 10.0] },
    Habit { volume: 1.7, packet_bytes: Some(1_230.0), duration: [4.0, 28.0] },
    Habit { volume: 0.22, packet_bytes: Some(135.0), duration: [2.0, 2.5] },
];
/// Running sums of how often each habit is met.
const HABIT_SHARES: [f64; 3] = [0.95, 0.975, 1.0];

/// The table of [`crate::Shape::FlowFeatures`].
pub(crate) struct FlowFeatures {
    grid: Grid,
    interval_s: f64,
    rhythm: Rhythm,
    network: Network,
    plan: Vec<Planned>,
    event_draws: Vec<Draw>,
    draw: Draw,
    noise: f64,
}

/// The measured numbers of one row; the rest is derived from them.
#[derive(Debug, Clone)]
struct Flow {
    bytes: f64,
    packets: f64,
    duration_s: f64,
    source_port: u16,
    destination_port: u16,
    /// Share of packets sent again.
    loss: f64,
    protocol: &'static str,
}

impl Flow {
    /// Whole bytes, packets and retransmissions, milliseconds, and no packet below the least size.
    fn measured(self) -> Self {
        let packets = self.packets.round().max(0.0);
        let bytes = if packets == 0.0 { 0.0 } else { self.bytes.round().max(packets * LEAST_PACKET_BYTES) };
        let loss = if packets == 0.0 { 0.0 } else { (self.loss.clamp(0.0, 1.0) * packets).round() / packets };
        let duration_s = (self.duration_s.max(0.001) * 1000.0).round() / 1000.0;
        Self { bytes, packets, duration_s, loss, ..self }
    }
}

impl FlowFeatures {
    pub(crate) fn new(spec: &Spec, plan: &[Planned]) -> Self {
        Self {
            grid: Grid::new(spec),
            interval_s: spec.interval_s,
            rhythm: Rhythm::new(),
            network: Network::new(spec),
            event_draws: (0..plan.len()).map(|idx| Draw::new(spec.seed, Purpose::Planted(idx))).collect(),
            plan: plan.to_vec(),
            draw: Draw::new(spec.seed, Purpose::Background(0)),
            noise: spec.noise,
        }
    }

    fn normal_flow(&mut self, at_ns: i64) -> Flow {
        let draw = &mut self.draw;
        let host = self.network.any_host(draw);
        let service = &SERVICES[self.network.service_of(host, draw)];
        // The row is one of many flows of its minute, so the rhythm shows less than in the sum.
        let load = self.rhythm.load(at_ns).powf(0.7);
        let volume = MEAN_BYTES * self.interval_s / 60.0 * service.volume;
        let habit = &HABITS[draw.weighted(&HABIT_SHARES)];
        let packet_bytes = habit.packet_bytes.unwrap_or(service.packet_bytes);
        let bytes = load * habit.volume * draw.log_normal(volume, 0.24 * self.noise);
        Flow {
            bytes,
            packets: (bytes / draw.log_normal(packet_bytes, 0.11 * self.noise).min(1_480.0)).max(1.0),
            duration_s: draw.gamma(habit.duration[0], habit.duration[1]),
            source_port: draw.client_port(),
            destination_port: service.port,
            loss: draw.beta(2.0, 50.0),
            protocol: service.flow_protocol,
        }
    }

    /// What the event at `idx` makes of a normal row; `None` when it does not show in this row.
    fn planted_flow(&mut self, idx: usize, at_ns: i64, normal: &Flow) -> Option<Flow> {
        let planned = &self.plan[idx];
        let draw = &mut self.event_draws[idx];
        let strength = planned.strength;
        let minutes = self.interval_s / 60.0;
        let tcp = |port, protocol| Flow { destination_port: port, protocol, ..normal.clone() };
        Some(match planned.scenario {
            Scenario::DdosSpike => {
                let more = strength * planned.swell(at_ns) * minutes;
                let packets = normal.packets + more * draw.log_normal(4_200.0, 0.2);
                Flow {
                    bytes: normal.bytes + (packets - normal.packets) * draw.log_normal(210.0, 0.15),
                    packets,
                    duration_s: draw.gamma(3.0, 4.0),
                    loss: draw.beta(6.0, 24.0),
                    ..tcp(443, "HTTPS")
                }
            }
            Scenario::PortScan => {
                let packets = strength * minutes * draw.log_normal(620.0, 0.25);
                Flow {
                    bytes: packets * draw.uniform(60.0, 68.0),
                    packets,
                    duration_s: draw.gamma(4.0, 0.6),
                    loss: draw.beta(2.0, 20.0),
                    ..tcp(draw.whole(1, 10_000) as u16, "TCP")
                }
            }
            Scenario::Exfiltration => {
                let bytes = normal.bytes * 0.2 + strength * minutes * draw.log_normal(900_000.0, 0.12);
                Flow {
                    bytes,
                    packets: bytes / draw.log_normal(1_290.0, 0.03).min(1_480.0),
                    duration_s: draw.gamma(40.0, 7.5),
                    ..tcp(443, "HTTPS")
                }
            }
            Scenario::Beaconing => {
                let period = ((planned.call_distance_s(300.0) / self.interval_s).round() as i64).max(2);
                let interval_ns = (self.interval_s * NANOS_PER_SECOND as f64) as i64;
                if (at_ns - planned.start_ns) / interval_ns.max(1) % period != 0 {
                    return None;
                }
                let packets = f64::from(draw.whole(9, 11));
                Flow {
                    bytes: packets * draw.uniform(104.0, 110.0),
                    packets,
                    duration_s: draw.uniform(0.38, 0.44),
                    loss: 0.0,
                    ..tcp(8443, "TCP")
                }
            }
            Scenario::Outage => {
                // What is left are unanswered attempts to connect, half of them repeated.
                let attempts = 1.0 + draw.poisson(5.0 * minutes.max(0.2));
                let left = planned.level(at_ns);
                Flow {
                    bytes: normal.bytes * left + attempts * 66.0,
                    packets: (normal.packets * left).round() + attempts,
                    duration_s: if left > 0.0 { normal.duration_s } else { draw.uniform(15.0, 21.0) },
                    loss: (1.0 - left) * draw.uniform(0.45, 0.75) + left * normal.loss,
                    ..normal.clone()
                }
            }
            Scenario::LevelShift | Scenario::SlowDrift => {
                let level = planned.level(at_ns);
                Flow { bytes: normal.bytes * level, packets: normal.packets * level, ..normal.clone() }
            }
            Scenario::BruteForce => {
                let attempts = 1.0 + draw.poisson(38.0 * strength * minutes);
                Flow {
                    bytes: attempts * draw.log_normal(3_400.0, 0.03),
                    packets: attempts * draw.uniform(23.0, 25.0),
                    duration_s: draw.gamma(9.0, 0.25),
                    loss: draw.beta(2.0, 60.0),
                    ..tcp(SERVICES[SSH].port, "SSH")
                }
            }
        })
    }
}

impl Table for FlowFeatures {
    fn fields(&self) -> Vec<Field> {
        let number = |name, unit| field(name, Kind::Float, Role::Feature, unit);
        let mut time = field("timestamp", Kind::Time, Role::Time, "");
        time.time_style = TimeStyle::Spaced;
        vec![
            number("bytes_transferred", "bytes"),
            number("packet_count", "packets"),
            number("connection_duration", "s"),
            // Chosen by the client for each flow: a number without meaning.
            field("source_port", Kind::Float, Role::Identifier, ""),
            field("destination_port", Kind::Text, Role::Category, ""),
            number("retransmission_rate", "1"),
            field("protocol", Kind::Text, Role::Category, ""),
            time,
            number("bytes_per_packet", "bytes"),
            number("packets_per_second", "1/s"),
        ]
    }

    fn fill(&mut self, most_rows: usize) -> (Vec<Column>, Vec<u8>) {
        let mut numbers: [Vec<f64>; 7] = std::array::from_fn(|_| Vec::new());
        let mut destinations = TextColumn::default();
        let mut protocols = TextColumn::default();
        let mut times = Vec::new();
        let mut truth = Vec::new();
        while times.len() < most_rows {
            let Some(at_ns) = self.grid.next() else { break };
            let normal = self.normal_flow(at_ns);
            let planted = event_at(&self.plan, at_ns)
                .and_then(|idx| self.planted_flow(idx, at_ns, &normal).map(|flow| (idx as u8 + 1, flow)));
            let (row_truth, flow) = planted.unwrap_or((0, normal));
            let flow = flow.measured();
            let row = [
                flow.bytes,
                flow.packets,
                flow.duration_s,
                f64::from(flow.source_port),
                flow.loss,
                if flow.packets == 0.0 { 0.0 } else { flow.bytes / flow.packets },
                flow.packets / flow.duration_s,
            ];
            numbers.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
            destinations.push(&flow.destination_port.to_string());
            protocols.push(flow.protocol);
            times.push(at_ns);
            truth.push(row_truth);
        }
        let [bytes, packets, duration, source, loss, size, rate] = numbers.map(Column::Float);
        let (destination, protocols) = (Column::Text(destinations), Column::Text(protocols));
        let times = Column::Time(times);
        (vec![bytes, packets, duration, source, destination, loss, protocols, times, size, rate], truth)
    }

    fn parties(&self, event_idx: usize) -> Parties {
        let planned = &self.plan[event_idx];
        let (target, note) = match planned.scenario {
            Scenario::DdosSpike => (Some(443), "many small packets, short, with losses"),
            Scenario::PortScan => (None, "packets without payload to changing ports"),
            Scenario::Exfiltration => (Some(443), "long connections of full-sized packets"),
            Scenario::Beaconing => (Some(8443), "a few rows of about ten packets at equal distances"),
            Scenario::Outage => (None, "next to nothing but repeated attempts to connect"),
            Scenario::LevelShift => (None, "more bytes and packets at the same sizes"),
            Scenario::SlowDrift => (None, "slowly more bytes and packets at the same sizes"),
            Scenario::BruteForce => (Some(SERVICES[SSH].port), "short connections of small packets"),
        };
        Parties {
            actor: None,
            target: target.map(|port| format!("destination_port {port}")),
            note: note.to_owned(),
        }
    }
}
