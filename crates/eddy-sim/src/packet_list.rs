//! Packet lists as Wireshark exports them.

use eddy_frame::{Column, Field, Kind, Role, TextColumn, TimeStyle};

use crate::conversation::{Conversation, Packet, Side};
use crate::draw::{Draw, Purpose};
use crate::network::{Call, Network, dotted};
use crate::plan::{Planned, event_at};
use crate::rhythm::Rhythm;
use crate::service::{SERVICES, Talk};
use crate::table::{Parties, Table, field};
use crate::timeline::{Merge, Timeline, Traffic};
use crate::{Scenario, Shape, Spec};

/// Mean packets of a normal conversation (measured; a test holds it).
const CONVERSATION_PACKETS: f64 = 17.6;
/// Most bytes of one normal message.
const MOST_BYTES: f64 = 120_000.0;

/// The table of [`Shape::PacketList`].
pub(crate) struct PacketList {
    merge: Merge<Conversations>,
    start_ns: i64,
    written: u64,
}

/// What makes the packets.
struct Conversations {
    network: Network,
    rhythm: Rhythm,
    plan: Vec<Planned>,
    draw: Draw,
    outage_draw: Draw,
    /// Sequence numbers of the connection each exfiltration uploads in.
    uploads: Vec<[u32; 2]>,
    interval_s: f64,
    noise: f64,
}

impl Conversations {
    /// The packets of a normal conversation.
    fn converse(&mut self, at_ns: i64, call: Call, out: &mut Timeline<Packet>) {
        let draw = &mut self.draw;
        let service = &SERVICES[call.service];
        let [request_info, answer_info] = service.info;
        let protocol = service.packet_protocol;
        let round_trip_s = draw.log_normal(0.018, 0.6 * self.noise);
        let mut bytes =
            |median: f64, sigma: f64| draw.log_normal(median, sigma * self.noise).min(MOST_BYTES) as u32;
        let mut talk = Conversation::new(out, 0, at_ns, call, round_trip_s);
        if service.talk == Talk::Datagram {
            talk.datagram(Side::Client, bytes(service.request_bytes, 0.15), protocol, request_info);
            talk.wait(round_trip_s);
            talk.datagram(Side::Server, bytes(service.answer_bytes, 0.4), protocol, answer_info);
            return;
        }
        talk.open();
        if service.talk == Talk::Tls {
            talk.message(Side::Client, bytes(517.0, 0.05), protocol, "Client Hello");
            talk.message(
                Side::Server,
                bytes(2_600.0, 0.3),
                protocol,
                "Server Hello, Change Cipher Spec, Application Data",
            );
        }
        let [mut request_bytes, mut answer_bytes] =
            [bytes(service.request_bytes, 0.45), bytes(service.answer_bytes, 0.95)];
        let rounds = 1.0 + self.draw.poisson(0.6);
        for round in 0..rounds as usize {
            if round > 0 {
                let draw = &mut self.draw;
                talk.wait(draw.exponential(0.6));
                request_bytes =
                    draw.log_normal(service.request_bytes, 0.45 * self.noise).min(MOST_BYTES) as u32;
                answer_bytes =
                    draw.log_normal(service.answer_bytes, 0.95 * self.noise).min(MOST_BYTES) as u32;
            }
            talk.message(Side::Client, request_bytes, protocol, request_info);
            talk.wait(round_trip_s);
            talk.message(Side::Server, answer_bytes, protocol, answer_info);
        }
        talk.close();
    }

    /// The outage, if any, that a call runs into.
    fn outage_of(&mut self, at_ns: i64, call: &Call) -> Option<usize> {
        let idx = event_at(&self.plan, at_ns)?;
        let planned = &self.plan[idx];
        let is_hit = planned.scenario == Scenario::Outage && call.server == Network::failing_server();
        (is_hit && self.outage_draw.chance(planned.strength)).then_some(idx)
    }
}

impl Traffic for Conversations {
    type Record = Packet;

    fn arrive(&mut self, at_ns: i64, out: &mut Timeline<Packet>) -> f64 {
        let host = self.network.any_host(&mut self.draw);
        let call = self.network.call(host, &mut self.draw);
        if let Some(idx) = self.outage_of(at_ns, &call) {
            // What would have been said is drawn all the same, so that later traffic stays as it is.
            self.converse(at_ns, call, &mut Timeline::empty());
            Conversation::new(out, idx as u8 + 1, at_ns, call, 0.0).unanswered();
        } else {
            self.converse(at_ns, call, out);
        }
        self.draw.exponential(CONVERSATION_PACKETS * self.interval_s / self.rhythm.load(at_ns))
    }

    fn attack(&mut self, event_idx: usize, at_ns: i64, draw: &mut Draw, out: &mut Timeline<Packet>) -> f64 {
        let planned = &self.plan[event_idx];
        let strength = planned.strength;
        let call = self.network.attack_call(event_idx, planned.scenario, draw);
        let mut talk = Conversation::new(out, event_idx as u8 + 1, at_ns, call, draw.log_normal(0.03, 0.2));
        match planned.scenario {
            Scenario::DdosSpike => {
                talk.segment(Side::Client, "SYN", 0);
                if draw.chance(0.3) {
                    talk.wait(0.000_4);
                    talk.segment(Side::Server, "SYN, ACK", 0);
                }
                draw.exponential(self.interval_s / (6.0 * strength * planned.swell(at_ns)))
            }
            Scenario::PortScan => {
                talk.port = draw.whole(1, 10_000) as u16;
                talk.segment(Side::Client, "SYN", 0);
                if draw.chance(0.85) {
                    talk.next_sequence[1] = 1;
                    talk.wait(0.000_3);
                    talk.segment(Side::Server, "RST, ACK", 0);
                }
                draw.exponential(self.interval_s / (2.0 * strength))
            }
            Scenario::Exfiltration => {
                // One long connection that is already open: bursts of full segments.
                talk.call.client_port = 51_000 + event_idx as u16;
                talk.next_sequence = self.uploads[event_idx];
                let segments = draw.whole(25, 60);
                talk.message(Side::Client, segments * 1_460, "TLSv1.2", "Application Data");
                self.uploads[event_idx] = talk.next_sequence;
                f64::from(segments) * 1.5 * self.interval_s / strength * draw.log_normal(1.0, 0.2)
            }
            Scenario::Beaconing => {
                talk.open();
                talk.message(Side::Client, draw.whole(146, 149), "TLSv1.2", "Application Data");
                talk.message(Side::Server, 96, "TLSv1.2", "Application Data");
                talk.close();
                planned.call_distance_s(60.0) * (1.0 + 0.02 * draw.uniform(-1.0, 1.0))
            }
            Scenario::BruteForce => {
                talk.open();
                talk.message(Side::Client, 28, "SSHv2", "Client: Protocol (SSH-2.0-libssh2_1.10.0)");
                talk.message(Side::Server, 41, "SSHv2", "Server: Protocol (SSH-2.0-OpenSSH_9.6)");
                talk.message(Side::Client, 640, "SSHv2", "Client: Key Exchange Init");
                talk.message(Side::Server, 1_080, "SSHv2", "Server: Key Exchange Init");
                for _ in 0..draw.whole(1, 3) {
                    talk.message(Side::Client, 148, "SSHv2", "Client: Encrypted packet (len=148)");
                    talk.wait(1.2);
                    talk.message(Side::Server, 52, "SSHv2", "Server: Encrypted packet (len=52)");
                }
                talk.close();
                draw.exponential(22.0 * self.interval_s / (0.8 * strength))
            }
            // An outage changes normal calls; the others are refused for this shape.
            Scenario::Outage | Scenario::LevelShift | Scenario::SlowDrift => f64::INFINITY,
        }
    }

    fn is_lost(&self, at_ns: i64, packet: &Packet) -> bool {
        let failing = Network::failing_server();
        (packet.source == failing || packet.destination == failing)
            && event_at(&self.plan, at_ns).is_some_and(|idx| {
                self.plan[idx].scenario == Scenario::Outage && self.plan[idx].strength >= 1.0
            })
    }
}

impl PacketList {
    pub(crate) fn new(spec: &Spec, plan: &[Planned]) -> Self {
        let conversations = Conversations {
            network: Network::new(spec),
            rhythm: Rhythm::new(),
            uploads: vec![[1, 1]; plan.len()],
            plan: plan.to_vec(),
            draw: Draw::new(spec.seed, Purpose::Background(0)),
            outage_draw: Draw::new(spec.seed, Purpose::Background(1)),
            interval_s: spec.interval_s,
            noise: spec.noise,
        };
        Self { merge: Merge::new(spec, plan, conversations), start_ns: spec.start_ns, written: 0 }
    }
}

impl Table for PacketList {
    fn fields(&self) -> Vec<Field> {
        let mut time = field("Time", Kind::Time, Role::Time, "s");
        time.time_style = TimeStyle::RelativeSeconds;
        vec![
            field("No.", Kind::Float, Role::Identifier, ""),
            time,
            field("Source", Kind::Text, Role::Entity, ""),
            field("Destination", Kind::Text, Role::Identifier, ""),
            field("Protocol", Kind::Text, Role::Category, ""),
            field("Length", Kind::Float, Role::Feature, "bytes"),
            field("Info", Kind::Text, Role::Identifier, ""),
        ]
    }

    fn fill(&mut self, most_rows: usize) -> (Vec<Column>, Vec<u8>) {
        let mut texts: [TextColumn; 4] = std::array::from_fn(|_| TextColumn::default());
        let (mut numbers, mut times, mut lengths, mut truth) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (at_ns, row_truth, packet) in self.merge.by_ref().take(most_rows) {
            self.written += 1;
            numbers.push(self.written as f64);
            // Wireshark writes microseconds.
            times.push((at_ns - self.start_ns) / 1_000 * 1_000);
            lengths.push(f64::from(packet.length));
            let (source, destination) = (dotted(packet.source), dotted(packet.destination));
            let words = [source.as_str(), destination.as_str(), packet.protocol, packet.info.as_str()];
            texts.iter_mut().zip(words).for_each(|(column, word)| column.push(word));
            truth.push(row_truth);
        }
        let [source, destination, protocol, info] = texts.map(Column::Text);
        let (number, time, length) = (Column::Float(numbers), Column::Time(times), Column::Float(lengths));
        (vec![number, time, source, destination, protocol, length, info], truth)
    }

    fn parties(&self, event_idx: usize) -> Parties {
        let conversations = &self.merge.traffic;
        conversations.network.parties(event_idx, &conversations.plan[event_idx], Shape::PacketList)
    }
}
