//! What attackers do, flow by flow.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::behaviour::Behaviour;
use super::exchange::{
    Close, Ends, Exchange, address_question, dns, http, probe, refused, ssh_greeting, ssh_login_failed,
    unanswered,
};
use super::flow::{ACK, Content, Detail, FIN, Flow, PSH, RST, SYN, TlsClient, Transport, URG};
use super::people::smb_greeting;
use super::population::{BROADCAST_MAC, HostRole, Population, office, outsider};
use super::scene::{Scene, later};
use super::spec::PlacedBehaviour;
use super::things::service_port;
use crate::conversation::Side::{Client, Server};

/// What a tool that tries passwords calls itself.
const GUESSER: &str = "SSH-2.0-libssh2_1.10.0\r\n";
/// Ports in the order in which scanners like them.
const LIKED_PORTS: [u16; 12] = [22, 80, 443, 445, 3_389, 23, 21, 8_080, 25, 139, 5_900, 3_306];
/// Open servers that reflect.
const REFLECTORS: u32 = 240;

/// An attack under way.
#[derive(Debug, Clone)]
pub(crate) struct Attack {
    pub(crate) placed: PlacedBehaviour,
    /// The position of its event.
    idx: usize,
    pub(crate) actor: Option<IpAddr>,
    /// The position of the actor among the hosts, where it is one of the office.
    host: usize,
    /// Whom it is about: one address, or all that were tried so far.
    pub(crate) targets: Vec<IpAddr>,
    /// Hosts that are taken over and spread it further, and when each acts next.
    infected: Vec<usize>,
    /// The port of a horizontal scan.
    port: u16,
    /// Ports or addresses in the order in which they are tried.
    order: Vec<u32>,
    tried: usize,
}

/// Most targets the truth names one by one.
const MOST_TARGETS: usize = 2_000;

impl Attack {
    /// Casts the parts of a planned behaviour.
    pub(crate) fn new(
        placed: &PlacedBehaviour,
        idx: usize,
        seed: u64,
        people: &Population,
        scene_draw: &mut crate::draw::Draw,
    ) -> Self {
        use Behaviour::{
            BruteForce, FinScan, HorizontalScan, NullScan, Silence, SlowScan, SynFlood, UdpAmplification,
            VerticalScan, XmasScan,
        };
        let workstations: Vec<usize> = people.of_role(HostRole::Workstation).collect();
        // Neighbouring events are caused by hosts apart.
        let from = (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize;
        let at = |more: usize| workstations[(from + idx * 7 + more) % workstations.len()];
        let host = at(3);
        let web = people.hosts[people.first(HostRole::WebServer)].address;
        let outside = outsider(idx + from % 180);
        let (actor, targets) = match placed.behaviour {
            VerticalScan | FinScan | NullScan | XmasScan => (Some(outside), vec![web]),
            SynFlood | UdpAmplification => (None, vec![web]),
            BruteForce => (Some(outside), vec![people.hosts[people.first(HostRole::SshServer)].address]),
            Silence => {
                let role = [HostRole::Camera, HostRole::FileServer][placed.nth % 2];
                let silent =
                    people.of_role(role).nth(placed.nth / 2 % 3).unwrap_or_else(|| people.first(role));
                (None, vec![people.hosts[silent].address])
            }
            Behaviour::ArpSpoofing => {
                let victim = at(4);
                let targets = vec![people.hosts[victim].address, people.hosts[0].address];
                (Some(people.hosts[host].address), targets)
            }
            Behaviour::DnsTunnel => (
                Some(people.hosts[host].address),
                vec![people.hosts[people.first(HostRole::DnsServer)].address, outside],
            ),
            HorizontalScan | SlowScan | Behaviour::LateralSpread => {
                (Some(people.hosts[host].address), Vec::new())
            }
            _ => (Some(people.hosts[host].address), vec![outside]),
        };
        let n = match placed.behaviour {
            HorizontalScan => 1_024,
            VerticalScan | FinScan | NullScan | XmasScan => 8_192,
            _ => 0,
        };
        let mut order: Vec<u32> = (0..n).collect();
        for at in (1..order.len()).rev() {
            order.swap(at, scene_draw.whole(0, at as u32) as usize);
        }
        let port = [445, 22, 3_389, 80][placed.nth % 4];
        Self {
            placed: placed.clone(),
            idx,
            actor,
            host,
            targets,
            infected: vec![host],
            port,
            order,
            tried: 0,
        }
    }

    /// Does the next thing at a moment. Answers seconds until the one after.
    pub(crate) fn act(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let wait_s = match self.placed.behaviour {
            Behaviour::HorizontalScan => self.horizontal(at_ns, scene),
            Behaviour::VerticalScan => self.vertical(at_ns, SYN, scene),
            Behaviour::FinScan => self.vertical(at_ns, FIN, scene),
            Behaviour::NullScan => self.vertical(at_ns, 0, scene),
            Behaviour::XmasScan => self.vertical(at_ns, FIN | PSH | URG, scene),
            Behaviour::SlowScan => self.slow(at_ns, scene),
            Behaviour::SynFlood => self.flood(at_ns, scene),
            Behaviour::UdpAmplification => self.amplify(at_ns, scene),
            Behaviour::BruteForce => self.guess(at_ns, scene),
            Behaviour::Beaconing => self.call_home(at_ns, scene),
            Behaviour::Exfiltration => self.exfiltrate(at_ns, scene),
            Behaviour::DnsTunnel => self.tunnel_in_names(at_ns, scene),
            Behaviour::IcmpTunnel => self.tunnel_in_echoes(at_ns, scene),
            Behaviour::LateralSpread => self.spread(at_ns, scene),
            Behaviour::WrongPort => self.wrong_port(at_ns, scene),
            Behaviour::ArpSpoofing => self.spoof(at_ns, scene),
            // Silence takes flows away and adds none.
            Behaviour::Silence => return f64::INFINITY,
        };
        // What scales bytes does not scale the rate as well.
        if self.placed.behaviour == Behaviour::Exfiltration { wait_s } else { wait_s / self.placed.strength }
    }

    fn target(&self) -> IpAddr {
        self.targets.first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }

    fn remember(&mut self, target: IpAddr) {
        if self.targets.len() < MOST_TARGETS && !self.targets.contains(&target) {
            self.targets.push(target);
        }
    }

    fn next_in_order(&mut self) -> u32 {
        let next = self.order.get(self.tried % self.order.len().max(1)).copied().unwrap_or(0);
        self.tried += 1;
        next
    }

    /// A connection to a port of an address that may or may not be there.
    fn knock(&mut self, ends: Ends, scene: &mut Scene) {
        self.remember(ends.destination);
        let role =
            scene.memory.people.host_at(ends.destination).map(|idx| scene.memory.people.hosts[idx].role);
        let flow = match role {
            // On its own subnet a host asks for the adapter first, and nobody answers.
            None if is_neighbour(ends.source, ends.destination) => {
                question_for_adapter(ends, self.host, scene)
            }
            None => {
                let mut flow = unanswered(ends);
                // Scanners try twice.
                flow.steps.truncate(2);
                flow
            }
            Some(role) if service_port(role) == Some(ends.port) => {
                let mut talk = Exchange::new(ends, Transport::Tcp, "");
                talk.segment(Client, SYN, 0);
                talk.wait_us(ends.round_trip_us);
                talk.segment(Server, SYN | ACK, 0);
                talk.wait_us(80);
                talk.segment(Client, RST, 0);
                talk.done()
            }
            // Workstations drop what they do not expect.
            Some(HostRole::Workstation) if ends.port != 445 => unanswered(ends),
            Some(_) => refused(ends),
        };
        scene.push(flow);
    }

    fn horizontal(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let next = self.next_in_order();
        let subnet = [0, 1, 100, 2][(next / 256) as usize % 4];
        let to = office(subnet, (next % 254 + 1) as usize);
        if Some(to) != self.actor {
            let ends = scene.near(at_ns, self.host, to, self.port);
            self.knock(ends, scene);
        }
        scene.draw.exponential(0.5)
    }

    fn vertical(&mut self, at_ns: i64, flags: u8, scene: &mut Scene) -> f64 {
        let port = match self.tried {
            ..12 => {
                self.tried += 1;
                LIKED_PORTS[self.tried - 1]
            }
            _ => self.next_in_order() as u16 + 1,
        };
        let source = self.actor.unwrap_or(outsider(self.idx));
        let ends = scene.call_from_outside(at_ns, source, self.target(), port);
        let is_open = matches!(port, 80 | 443);
        scene.push(match (flags, is_open) {
            (SYN, true) => {
                let mut talk = Exchange::new(ends, Transport::Tcp, "");
                talk.segment(Client, SYN, 0);
                talk.wait_us(ends.round_trip_us);
                talk.segment(Server, SYN | ACK, 0);
                talk.wait_us(80);
                talk.segment(Client, RST, 0);
                talk.done()
            }
            // An open port says nothing to what is no beginning of a connection (RFC 793, page 65).
            (_, true) => probe(ends, flags, None),
            (_, false) => probe(ends, flags, Some(RST | ACK)),
        });
        scene.draw.exponential(0.2)
    }

    fn slow(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let subnet = [0, 0, 1, 100][scene.draw.whole(0, 3) as usize];
        let to = office(subnet, scene.draw.whole(1, 60) as usize);
        if Some(to) != self.actor {
            let port = LIKED_PORTS[scene.draw.whole(0, 11) as usize];
            let ends = scene.near(at_ns, self.host, to, port);
            self.knock(ends, scene);
        }
        scene.draw.uniform(25.0, 55.0)
    }

    fn flood(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let source = IpAddr::V4(Ipv4Addr::new(
            198,
            19,
            scene.draw.whole(0, 255) as u8,
            scene.draw.whole(0, 255) as u8,
        ));
        let mut ends = scene.call_from_outside(at_ns, source, self.target(), 443);
        ends.source_port = scene.draw.whole(1_024, 65_535) as u16;
        // The server answers while its queue has room.
        let answer = scene.draw.chance(0.4).then_some(SYN | ACK);
        scene.push(probe(ends, SYN, answer));
        scene.draw.exponential(0.004)
    }

    fn amplify(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let reflector = scene.draw.whole(0, REFLECTORS - 1);
        let source = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10 + reflector as u8));
        let is_ntp = !reflector.is_multiple_of(3);
        let port = scene.draw.whole(1_024, 65_535) as u16;
        let mut ends = scene.call_from_outside(at_ns, source, self.target(), port);
        ends.source_port = if is_ntp { 123 } else { 53 };
        let packets = u64::from(scene.draw.whole(10, 90));
        let flow = if is_ntp {
            let mut talk = Exchange::new(ends, Transport::Udp, "ntp");
            talk.datagrams(Client, Content::NtpMonlist, packets * 440, 440, 2_000);
            talk.done()
        } else {
            // Five texts a message, as large as a name server sends without cutting.
            let answer = Detail::Dns {
                name: "sig.reflect.example".into(),
                kind: 16,
                code: 0,
                answers: 5,
                address: None,
                text_bytes: 245,
            };
            let bytes = super::payload::dns_bytes(&answer, Server);
            let mut talk = Exchange::new(ends, Transport::Udp, "dns").detail(answer);
            talk.datagrams(Client, Content::DnsAnswer, packets / 3 * bytes + bytes, bytes as u16, 6_000);
            talk.done()
        };
        scene.push(flow);
        scene.draw.exponential(0.05)
    }

    fn guess(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let source = self.actor.unwrap_or(outsider(self.idx));
        let ends = scene.call_from_outside(at_ns, source, self.target(), 22);
        let tries = scene.draw.whole(1, 3);
        let flow = ssh_login_failed(ends, GUESSER, tries, scene.draw);
        scene.push(flow);
        scene.draw.log_normal(2.8, 0.25)
    }

    fn call_home(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let server_name: Arc<str> = format!("cdn-{}.updates.example", self.idx).into();
        let resolver = scene.server(HostRole::DnsServer);
        let ends = scene.near(at_ns, self.host, resolver, 53);
        let to = self.target();
        scene.push(dns(ends, address_question(&server_name, 1, 1, Some(to))));
        let ends = scene.ends(later(at_ns, 0.02), self.host, to, 443, 38_000);
        let mut talk =
            Exchange::tcp(ends, "ssl").detail(Detail::Tls { server_name, client: TlsClient::Script });
        talk.tls(scene.draw);
        talk.message(Client, Content::TlsData, u64::from(scene.draw.whole(196, 212)));
        talk.wait_s(0.03);
        talk.message(Server, Content::TlsData, u64::from(scene.draw.whole(118, 126)));
        scene.push(talk.close(Close::Fin));
        300.0 * (1.0 + 0.15 * scene.draw.uniform(-1.0, 1.0))
    }

    fn exfiltrate(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let server_name: Arc<str> = format!("store-{}.share.example", self.idx).into();
        let ends = scene.ends(at_ns, self.host, self.target(), 443, 31_000);
        let mut talk =
            Exchange::tcp(ends, "ssl").detail(Detail::Tls { server_name, client: TlsClient::Script });
        talk.tls(scene.draw);
        let bytes = scene.draw.log_normal(2.5e7, 0.4) * self.placed.strength;
        talk.train(Client, Content::TlsData, bytes.min(5e10) as u64, super::flow::SEGMENT_BYTES, 1_500);
        talk.message(Server, Content::TlsData, 410);
        scene.push(talk.close(Close::Fin));
        // About twenty uploads, however long it lasts.
        let length_s = (self.placed.end_ns - self.placed.start_ns) as f64 / 1e9;
        length_s / 20.0 * scene.draw.uniform(0.7, 1.3)
    }

    fn tunnel_in_names(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut letters = |n: u32| -> String {
            (0..n).map(|_| char::from(ALPHABET[scene.draw.whole(0, 31) as usize])).collect()
        };
        let name: Arc<str> = format!("{}.{}.t{}.tunnel.example", letters(56), letters(44), self.idx).into();
        let text_bytes = scene.draw.whole(90, 220) as u8;
        let question = Detail::Dns { name, kind: 16, code: 0, answers: 1, address: None, text_bytes };
        let (resolver, outside) = (self.targets[0], self.targets[1]);
        let mut ends = scene.near(at_ns, self.host, resolver, 53);
        ends.round_trip_us += 24_000;
        scene.push(dns(ends, question.clone()));
        let resolver = scene.memory.people.first(HostRole::DnsServer);
        let ends = scene.ends(at_ns + 200_000, resolver, outside, 53, 23_000);
        scene.push(dns(ends, question));
        scene.draw.exponential(0.6)
    }

    fn tunnel_in_echoes(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let ends = scene.ends(at_ns, self.host, self.target(), 0, 27_000);
        let mut talk = Exchange::new(ends, Transport::Icmp, "");
        for _ in 0..scene.draw.whole(60, 240) {
            let size = u64::from(scene.draw.whole(120, 1_300));
            talk.ask((Content::Filler, size), (Content::Filler, size));
            talk.wait_s(scene.draw.exponential(0.5 / self.placed.strength));
        }
        scene.push(talk.done());
        scene.draw.uniform(100.0, 160.0) * self.placed.strength
    }

    /// One of those taken over tries a neighbour.
    fn spread(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let from = self.infected[self.tried % self.infected.len()];
        self.tried += 1;
        let workstations: Vec<usize> = scene.memory.people.of_role(HostRole::Workstation).collect();
        let to = workstations[scene.draw.whole(0, workstations.len() as u32 - 1) as usize];
        if to == from {
            return scene.draw.exponential(5.0);
        }
        let address = scene.address(to);
        self.remember(address);
        let ends = scene.near(at_ns, from, address, 445);
        if scene.draw.chance(0.45) {
            let mut talk = smb_greeting(ends);
            talk.message(Client, Content::Filler, scene.draw.log_normal(380_000.0, 0.1) as u64);
            talk.message(Server, Content::Filler, 240);
            scene.push(talk.close(Close::Fin));
            if !self.infected.contains(&to) && self.infected.len() < workstations.len() / 3 {
                self.infected.push(to);
            }
        } else {
            let mut talk = smb_greeting(ends);
            talk.message(Server, Content::Filler, 77);
            scene.push(talk.close(Close::ClientReset));
        }
        // Each of those taken over tries a neighbour about every forty seconds.
        scene.draw.exponential(40.0 / self.infected.len() as f64)
    }

    /// Hosts that act in the end; more than the first one where it spreads.
    pub(crate) fn actors(&self, people: &Population) -> Vec<IpAddr> {
        if self.placed.behaviour == Behaviour::LateralSpread {
            return self.infected.iter().map(|&idx| people.hosts[idx].address).collect();
        }
        self.actor.into_iter().collect()
    }

    fn wrong_port(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let to = self.target();
        if scene.draw.chance(0.5) {
            let ends = scene.ends(at_ns, self.host, to, 443, 36_000);
            let mut talk = ssh_greeting(ends, "SSH-2.0-OpenSSH_8.9\r\n", scene.draw);
            for _ in 0..scene.draw.whole(20, 90) {
                talk.wait_s(scene.draw.exponential(3.0).min(40.0));
                talk.message(Client, Content::Filler, u64::from(scene.draw.whole(36, 300)));
                talk.message(Server, Content::Filler, scene.draw.log_normal(400.0, 1.2).min(1e6) as u64);
            }
            scene.push(talk.close(Close::Fin));
        } else {
            let ends = scene.ends(at_ns, self.host, to, 53, 36_000);
            let target: Arc<str> = format!("/c?id={:08x}", scene.draw.whole(0, u32::MAX)).into();
            let host: Arc<str> = to.to_string().into();
            scene.push(http(ends, Detail::Http { host, target, agent: "curl/8.5.0" }, 900, 0.05));
        }
        scene.draw.exponential(400.0)
    }

    /// Tells each of two hosts that it is the other.
    fn spoof(&mut self, at_ns: i64, scene: &mut Scene) -> f64 {
        let mac = scene.memory.people.hosts[self.host].mac;
        for (told, claimed) in [(0, 1), (1, 0)] {
            let (told, claimed) = (self.targets[told], self.targets[claimed]);
            let told_mac = scene
                .memory
                .people
                .host_at(told)
                .map_or(BROADCAST_MAC, |idx| scene.memory.people.hosts[idx].mac);
            let ends = Ends {
                at_ns,
                source: claimed,
                source_port: 0,
                destination: told,
                port: 0,
                round_trip_us: 300,
            };
            let mut talk = Exchange::new(ends, Transport::Arp, "arp").detail(Detail::Arp { operation: 2 });
            talk.datagrams(Client, Content::Filler, 0, 1, 120);
            let mut flow = talk.done();
            flow.links = [[mac, told_mac], [told_mac, mac]];
            scene.push(flow);
        }
        scene.draw.uniform(1.9, 2.1)
    }
}

/// Whether two addresses are of one subnet.
fn is_neighbour(a: IpAddr, b: IpAddr) -> bool {
    matches!((a, b), (IpAddr::V4(a), IpAddr::V4(b)) if a.octets()[..3] == b.octets()[..3])
}

/// An ARP question that nobody answers.
fn question_for_adapter(ends: Ends, host: usize, scene: &Scene) -> Flow {
    let ends = Ends { source_port: 0, port: 0, ..ends };
    let mut talk = Exchange::new(ends, Transport::Arp, "arp").detail(Detail::Arp { operation: 1 });
    talk.datagrams(Client, Content::Filler, 0, 1, 120);
    let mut flow = talk.done();
    let mac = scene.memory.people.hosts[host].mac;
    flow.links = [[mac, BROADCAST_MAC], [BROADCAST_MAC, mac]];
    flow
}
