//! Tunnels: data carried in names that are asked for, or in echo packets.

use std::net::IpAddr;

use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{DnsAsked, Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "tunnel",
    title: "Tunnel",
    summary: "A host asks for ever new, long, random-looking names below one domain; or it asks a name server much more, \
              and in the same conversation, than a name takes; or echo packets between two hosts carry more than a ping \
              does, and of changing size, or go to and fro without a pause.",
    blind_to: "Tunnels over HTTPS; slow tunnels that ask for a few names an hour; tunnels in few echo packets all of one size; \
               services that hide data in names by design (block lists, virus checks) look alike.",
    techniques: &["T1071.004", "T1572", "T1095"],
};

/// Pairs watched at most.
const CAPACITY: usize = 65_536;
/// Length of a window in nanoseconds: ten minutes.
const WINDOW_NS: i64 = 600_000_000_000;
/// Different names below one domain in a window.
const LEAST_NAMES: f64 = 40.0;
/// Mean length of what stands before the domain.
const LEAST_LENGTH: f64 = 18.0;
/// Bits of entropy a character of it, on average.
const LEAST_ENTROPY: f64 = 2.8;
/// Questions in a window in few conversations, each of several questions, and their mean bytes from the IP header on.
/// Who asks for names takes another port for each (RFC 5452), and a question takes 60 to 85 bytes.
const LEAST_QUESTIONS: u64 = 40;
const QUESTIONS_A_FLOW: u64 = 8;
const LEAST_QUESTION_BYTES: f64 = 95.0;
/// The same for questions that are asked one by one, where the names are not known.
const LEAST_QUESTIONS_ONE_BY_ONE: u64 = 200;
const LEAST_QUESTION_BYTES_ONE_BY_ONE: f64 = 125.0;
/// The same where names are known, nearly all of them are new, and the most random one is as long and as random as this;
/// and the share of new names below which nothing is carried in them.
const LEAST_QUESTION_BYTES_RANDOM: f64 = 85.0;
const MOST_NEW: f64 = 0.8;
const FEW_NEW: f64 = 0.2;
const LEAST_LENGTH_WHOLE: f64 = 32.0;
const LEAST_ENTROPY_WHOLE: f64 = 3.6;
/// Bytes of the headers of a packet of a connection, and of a datagram.
const TCP_HEADERS: u64 = 40;
const UDP_HEADERS: u64 = 28;
/// Echo packets that are all of one size: mean bytes, packets in a window, and packets a second, each way.
const LEAST_EVEN_BYTES: f64 = 500.0;
const LEAST_EVEN_ECHOES: u64 = 200;
const LEAST_EVEN_RATE: f64 = 5.0;
/// Echo packets a second from which those that nobody answers may be a flood.
const FLOOD_RATE: f64 = 100.0;
/// Mean bytes of an echo packet, where sizes change.
const LEAST_ECHO_BYTES: f64 = 120.0;
/// Bytes by which sizes differ that change.
const CHANGING: f64 = 8.0;
/// Echo packets in a window.
const LEAST_ECHOES: u64 = 60;

#[derive(Debug, Clone, Copy, Default)]
struct Names {
    start_ns: i64,
    different: Distinct,
    asked: u32,
    length: u64,
    entropy: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Echoes {
    start_ns: i64,
    packets: u64,
    octets: u64,
    /// Least and greatest mean bytes of a flow, one way.
    least: f64,
    greatest: f64,
    /// Whether within a flow sizes were not all the same.
    changing: bool,
}

/// Questions of a host to a name server.
#[derive(Debug, Clone, Copy, Default)]
struct Talk {
    start_ns: i64,
    flows: u64,
    packets: u64,
    octets: u64,
    /// Questions and different names, and length and bits a character of the most random one, where they are known.
    asked: DnsAsked,
}

impl Talk {
    fn add(&mut self, flow: &Flow<'_>) {
        self.flows += 1;
        let (mut packets, mut octets) = (flow.packets, flow.octets);
        if flow.protocol == Flow::TCP {
            // As many bytes as the questions would have as datagrams.
            let said = octets.saturating_sub(TCP_HEADERS.saturating_mul(packets));
            packets = flow.dns.queries.into();
            octets = said.saturating_add(UDP_HEADERS.saturating_mul(packets));
        }
        self.packets = self.packets.saturating_add(packets);
        self.octets = self.octets.saturating_add(octets);
        self.asked.queries = self.asked.queries.saturating_add(flow.dns.queries);
        self.asked.names = self.asked.names.saturating_add(flow.dns.names);
        if flow.dns.entropy > self.asked.entropy {
            (self.asked.entropy, self.asked.length) = (flow.dns.entropy, flow.dns.length);
        }
    }

    /// Share of the questions that are for names not asked for before; none where it is not known.
    fn new_share(&self) -> Option<f64> {
        (self.asked.queries > 0).then(|| f64::from(self.asked.names) / f64::from(self.asked.queries))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Talk(IpAddr, IpAddr),
    Names(IpAddr, u64),
    Echoes(IpAddr, IpAddr),
}

/// The behaviour.
pub(crate) struct Tunnel {
    names: Table<(IpAddr, u64), Names>,
    echoes: Table<(IpAddr, IpAddr), Echoes>,
    talks: Table<(IpAddr, IpAddr), Talk>,
    open: Open<Key>,
}

impl Default for Tunnel {
    fn default() -> Self {
        Self {
            names: Table::new(CAPACITY),
            echoes: Table::new(CAPACITY),
            talks: Table::new(CAPACITY),
            open: Open::new(1_800),
        }
    }
}

/// The last two labels of a name (three where the last two are both short, as in `co.uk`), and what stands before.
pub(crate) fn domain(name: &str) -> Option<(&str, &str)> {
    let name = name.trim_end_matches('.');
    let mut ends = name.rmatch_indices('.').map(|(at, _)| at);
    let (last, second) = (ends.next()?, ends.next()?);
    let both_short = name.len() - last <= 4 && last - second <= 4;
    let from = if both_short { ends.next()? } else { second };
    Some((&name[from + 1..], &name[..from]))
}

/// Whether names below a domain are addresses turned around.
pub(crate) fn is_reverse(domain: &str) -> bool {
    domain.rsplit('.').next().is_some_and(|label| label.eq_ignore_ascii_case("arpa"))
}

/// Bits of entropy a character.
pub(crate) fn entropy(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte.to_ascii_lowercase())] += 1);
    let n = text.len().max(1) as f64;
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / n).map(|p| -p * p.log2()).sum()
}

fn hash_of(text: &str) -> u64 {
    // FNV-1a: a collision joins the counts of two domains of one host, no more.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Tunnel {
    fn see_name(&mut self, flow: &Flow<'_>) {
        // Addresses turned around are names by design.
        let Some((domain, below)) = domain(flow.dns_name).filter(|(domain, _)| !is_reverse(domain)) else {
            return;
        };
        let id = hash_of(domain);
        let names = self.names.entry((flow.source, id), flow.start_ns, Names::default);
        if flow.start_ns.saturating_sub(names.start_ns) >= WINDOW_NS {
            *names = Names { start_ns: flow.start_ns, ..Names::default() };
        }
        names.asked += 1;
        names.length += below.len() as u64;
        names.entropy += entropy(below);
        names.different.see(below);
        let key = Key::Names(flow.source, id);
        let asked = f64::from(names.asked);
        let (different, length, entropy) =
            (names.different.count(), names.length as f64 / asked, names.entropy / asked);
        let strength = different / LEAST_NAMES;
        if let Some(sighting) = self.open.extend(&key, flow, flow.destination) {
            sighting.strength = sighting.strength.max(strength);
            return;
        }
        if different < LEAST_NAMES || length < LEAST_LENGTH || entropy < LEAST_ENTROPY {
            return;
        }
        let rounded = |value: f64| (value * 10.0).round() / 10.0;
        let evidence = vec![
            Evidence {
                what: "different names below one domain in 10 min",
                seen: different,
                usual: LEAST_NAMES,
            },
            Evidence { what: "mean length of them", seen: rounded(length), usual: LEAST_LENGTH },
            Evidence { what: "bits of entropy a character", seen: rounded(entropy), usual: LEAST_ENTROPY },
        ];
        let first_ns = names.start_ns;
        let flows = u64::from(names.asked) - 1;
        self.begin(key, flow, "tunnel in names", (first_ns, flows), evidence, strength);
    }

    /// Questions by their size and number, whatever the names.
    fn see_talk(&mut self, flow: &Flow<'_>) {
        let pair = (flow.source, flow.destination);
        let talk = self.talks.entry(pair, flow.start_ns, Talk::default);
        if flow.start_ns.saturating_sub(talk.start_ns) >= WINDOW_NS {
            *talk = Talk { start_ns: flow.start_ns, ..Talk::default() };
        }
        talk.add(flow);
        let talk = *talk;
        let key = Key::Talk(flow.source, flow.destination);
        if self.open.extend(&key, flow, flow.destination).is_some() {
            return;
        }
        let mean = talk.octets as f64 / talk.packets.max(1) as f64;
        let in_few = talk.packets >= QUESTIONS_A_FLOW * talk.flows;
        let (least, bytes) = if in_few {
            (LEAST_QUESTIONS, LEAST_QUESTION_BYTES)
        } else {
            (LEAST_QUESTIONS_ONE_BY_ONE, LEAST_QUESTION_BYTES_ONE_BY_ONE)
        };
        // Ever new names of which one at least is random: then questions may be smaller. The same names again carry nothing.
        let is_random =
            f64::from(talk.asked.length) >= LEAST_LENGTH_WHOLE && talk.asked.entropy >= LEAST_ENTROPY_WHOLE;
        let bytes = match talk.new_share() {
            Some(share) if share < FEW_NEW => return,
            Some(share) if in_few && share >= MOST_NEW && is_random => LEAST_QUESTION_BYTES_RANDOM,
            _ => bytes,
        };
        // Where names are known they say more.
        if talk.packets < least || mean < bytes || !in_few && !flow.dns_name.is_empty() {
            return;
        }
        let evidence = vec![
            Evidence {
                what: "questions to one name server in 10 min",
                seen: talk.packets as f64,
                usual: least as f64,
            },
            Evidence { what: "mean bytes of a question", seen: mean.round(), usual: bytes },
            Evidence {
                what: "conversations they were asked in",
                seen: talk.flows as f64,
                usual: talk.packets as f64,
            },
        ];
        let strength = (talk.packets as f64 / least as f64) * (mean / bytes);
        self.begin(key, flow, "tunnel in questions", (talk.start_ns, talk.flows - 1), evidence, strength);
    }

    fn see_echo(&mut self, flow: &Flow<'_>) {
        // Of a conversation that begins with a reply the request was not recorded: the other side asked.
        let asked = (flow.icmp_type == Some(0)).then(|| flow.turned());
        let flow = asked.as_ref().unwrap_or(flow);
        let pair = (flow.source, flow.destination);
        let echoes = self.echoes.entry(pair, flow.start_ns, Echoes::default);
        if flow.start_ns.saturating_sub(echoes.start_ns) >= WINDOW_NS {
            *echoes = Echoes { start_ns: flow.start_ns, least: f64::MAX, ..Echoes::default() };
        }
        for (packets, octets) in [(flow.packets, flow.octets), (flow.reverse_packets, flow.reverse_octets)] {
            if packets == 0 {
                continue;
            }
            echoes.packets = echoes.packets.saturating_add(packets);
            echoes.octets = echoes.octets.saturating_add(octets);
            let mean = octets as f64 / packets as f64;
            echoes.least = echoes.least.min(mean);
            echoes.greatest = echoes.greatest.max(mean);
            // Packets all of one size have a whole mean.
            echoes.changing |= octets % packets != 0;
        }
        let mean = echoes.octets as f64 / echoes.packets.max(1) as f64;
        let changing = echoes.changing || echoes.greatest - echoes.least >= CHANGING;
        let key = Key::Echoes(flow.source, flow.destination);
        if self.open.extend(&key, flow, flow.destination).is_some() {
            return;
        }
        let n = flow.packets.max(flow.reverse_packets);
        let rate = n as f64 * 1e9 / flow.duration_ns.max(1) as f64;
        let is_fast = echoes.packets >= LEAST_EVEN_ECHOES && flow.packets > 1 && rate >= LEAST_EVEN_RATE;
        // What gets no answer is a flood where it is quick. Where it is slow and of changing size the other side was not
        // recorded.
        let answered = flow.packets > 0 && flow.reverse_packets > 0;
        let is_one_side = !answered && changing && n >= LEAST_ECHOES && rate < FLOOD_RATE;
        let is_even = is_fast && mean >= LEAST_EVEN_BYTES;
        if !(answered && (changing || is_even) || is_one_side)
            || echoes.packets < LEAST_ECHOES
            || mean < LEAST_ECHO_BYTES
        {
            return;
        }
        let evidence = vec![
            Evidence { what: "mean bytes of an echo packet", seen: mean.round(), usual: LEAST_ECHO_BYTES },
            Evidence {
                what: "echo packets in 10 min",
                seen: echoes.packets as f64,
                usual: LEAST_ECHOES as f64,
            },
        ];
        let strength = mean / LEAST_ECHO_BYTES;
        let first_ns = echoes.start_ns;
        self.begin(key, flow, "tunnel in echo packets", (first_ns, 0), evidence, strength);
    }

    fn begin(
        &mut self,
        key: Key,
        flow: &Flow<'_>,
        kind: &'static str,
        (first_ns, flows): (i64, u64),
        evidence: Vec<Evidence>,
        strength: f64,
    ) {
        let names = !matches!(key, Key::Echoes(..));
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: names.then_some(flow.destination_port),
            first_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows,
            octets: 0,
            evidence,
            severity: Severity::High,
            strength,
            techniques: if names { &["T1071.004", "T1572"] } else { &["T1095", "T1572"] },
        };
        sighting.extend(flow, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }
}

impl Behaviour for Tunnel {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        // Answers of which the question was not recorded.
        let is_answer = flow.protocol == Flow::UDP && flow.source_port == 53 && flow.reverse_packets == 0;
        let turned = (is_answer && flow.destination_port != 53).then(|| flow.turned());
        let flow = turned.as_ref().unwrap_or(flow);
        if !flow.dns_name.is_empty() {
            self.see_name(flow);
        }
        let is_question = flow.destination_port == 53
            && (flow.protocol == Flow::UDP || flow.protocol == Flow::TCP && flow.dns.queries > 0);
        if is_question && flow.is_unicast() {
            self.see_talk(flow);
        } else if matches!(flow.protocol, Flow::ICMP | Flow::ICMP6) {
            self.see_echo(flow);
        }
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.names.dropped() + self.echoes.dropped() + self.talks.dropped() + self.open.dropped()
    }

    bounded!(names, echoes, talks, open);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::tests::{address, flow};

    fn run(names: impl Iterator<Item = String>) -> Vec<Sighting> {
        let (mut tunnel, mut out) = (Tunnel::default(), Vec::new());
        for (at, name) in names.enumerate() {
            let asked = Flow { dns_name: &name, protocol: Flow::UDP, ..flow(at as f64, 8, 1, 53) };
            tunnel.see(&asked, &mut out);
        }
        tunnel.end(&mut out);
        out
    }

    #[test]
    fn ever_new_long_names_below_one_domain_are_a_tunnel() {
        let found = run((0..200u64).map(|at| {
            let data = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            format!("{data:016x}{:016x}.t.example.com", data.rotate_left(17))
        }));
        assert_eq!(
            found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(),
            [("tunnel in names", Some(address(8)))]
        );
    }

    #[test]
    fn ordinary_names_are_not() {
        assert!(run((0..500).map(|at| format!("www{at}.example.com"))).is_empty());
        assert!(run((0..500).map(|at| format!("host{at}.site{at}.example{at}.com"))).is_empty());
        assert!(run((0..500).map(|at| format!("{at}.2.0.10.in-addr.arpa"))).is_empty());
        assert!(run((0..500).map(|_| "a".repeat(60) + ".cdn.example.com")).is_empty());
    }

    #[test]
    fn the_domain_is_what_can_be_bought() {
        assert_eq!(domain("a.b.example.com"), Some(("example.com", "a.b")));
        assert_eq!(domain("a.b.example.co.uk."), Some(("example.co.uk", "a.b")));
        assert_eq!(domain("example.com"), None);
    }

    #[test]
    fn many_long_questions_in_one_conversation_are_a_tunnel_and_short_ones_are_not() {
        let run = |packets: u64, bytes: u64, name: &'static str| {
            let (mut tunnel, mut out) = (Tunnel::default(), Vec::new());
            let talk = Flow {
                protocol: Flow::UDP,
                packets,
                octets: packets * bytes,
                reverse_packets: packets,
                reverse_octets: packets * 240,
                dns_name: name,
                ..flow(0.0, 8, 9, 53)
            };
            tunnel.see(&talk, &mut out);
            tunnel.end(&mut out);
            out.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>()
        };
        let found = [("tunnel in questions", Some(address(8)))];
        assert_eq!(run(150, 130, "aaaaabbbbb.t.example"), found);
        assert_eq!(run(150, 130, ""), found);
        assert_eq!(run(150, 74, "www.example.com"), []);
        assert_eq!(run(12, 180, "aaaaabbbbb.t.example"), []);
    }

    #[test]
    fn names_that_are_new_and_random_count_for_more_and_the_same_names_again_for_nothing() {
        let run = |bytes: u64, dns: DnsAsked| {
            let (mut tunnel, mut out) = (Tunnel::default(), Vec::new());
            let talk = Flow {
                protocol: Flow::UDP,
                packets: 150,
                octets: 150 * bytes,
                dns_name: "aaaaabbbbb.t.example",
                dns,
                ..flow(0.0, 8, 9, 53)
            };
            tunnel.see(&talk, &mut out);
            tunnel.end(&mut out);
            out.len()
        };
        let asked = |names: u32, length: u32, entropy: f64| DnsAsked { queries: 150, names, length, entropy };
        assert_eq!(run(90, asked(148, 48, 4.2)), 1);
        assert_eq!(run(90, asked(148, 48, 2.9)), 0, "names of words");
        assert_eq!(run(90, asked(100, 48, 4.2)), 0, "a third of them again");
        assert_eq!(run(140, asked(3, 90, 4.2)), 0, "three names again and again");
        assert_eq!(run(140, DnsAsked::default()), 1);
    }

    #[test]
    fn echo_packets_of_changing_size_both_ways_are_a_tunnel_and_pings_are_not() {
        let run = |size: fn(u64) -> u64| {
            let (mut tunnel, mut out) = (Tunnel::default(), Vec::new());
            for at in 0..100u32 {
                let octets = size(u64::from(at));
                let echo = Flow {
                    protocol: Flow::ICMP,
                    packets: 1,
                    octets,
                    reverse_packets: 1,
                    reverse_octets: octets,
                    ..flow(f64::from(at), 8, 9, 0)
                };
                tunnel.see(&echo, &mut out);
            }
            tunnel.end(&mut out);
            out.len()
        };
        assert_eq!((run(|at| 200 + at * 7_919 % 900), run(|_| 84), run(|_| 1_428)), (1, 0, 0));
    }

    #[test]
    fn echo_packets_without_a_pause_and_questions_in_one_connection_are_tunnels_as_well() {
        let run = |flow: Flow<'static>| {
            let (mut tunnel, mut out) = (Tunnel::default(), Vec::new());
            tunnel.see(&flow, &mut out);
            tunnel.end(&mut out);
            out.iter().map(|found| found.kind).collect::<Vec<_>>()
        };
        let echoes = |seconds: i64, bytes: u64| Flow {
            protocol: Flow::ICMP,
            packets: 600,
            octets: 600 * bytes,
            reverse_packets: 600,
            reverse_octets: 600 * bytes,
            duration_ns: seconds * 1_000_000_000,
            ..flow(0.0, 8, 9, 0)
        };
        assert_eq!(run(echoes(30, 1_328)), ["tunnel in echo packets"]);
        assert!(run(echoes(600, 1_328)).is_empty() && run(echoes(30, 84)).is_empty());
        // Of one side alone sizes have to change, slower than in a flood.
        let one_side = |octets: u64, seconds: i64| Flow {
            octets,
            reverse_packets: 0,
            reverse_octets: 0,
            ..echoes(seconds, 0)
        };
        assert_eq!(run(one_side(600 * 500 + 7, 30)), ["tunnel in echo packets"]);
        assert!(run(one_side(600 * 500, 30)).is_empty() && run(one_side(600 * 500 + 7, 3)).is_empty());
        // Who replies first did not begin.
        let replied = Flow { icmp_type: Some(0), ..echoes(30, 1_328) };
        let (mut tunnel, mut out) = (Tunnel::default(), Vec::new());
        tunnel.see(&replied, &mut out);
        tunnel.end(&mut out);
        assert_eq!(
            (out[0].actor, out[0].targets.as_slice()),
            (Some(replied.destination), &[replied.source][..])
        );
        let asked = |queries: u32| Flow {
            packets: 400,
            octets: 400 * 40 + 200 * 130,
            dns: DnsAsked { queries, names: queries, length: 90, entropy: 4.0 },
            dns_name: "aaaaabbbbb.t.example",
            ..flow(0.0, 8, 9, 53)
        };
        assert_eq!(run(asked(200)), ["tunnel in questions"]);
        assert!(run(asked(1)).is_empty(), "a zone is handed over");
    }
}
