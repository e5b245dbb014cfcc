//! What reaches a target in a window, and whether that is a flood.

use std::net::IpAddr;

use crate::Flow;
use crate::flow::is_private;
use crate::moments::Moments;
use crate::sighting::Evidence;
use crate::sketch::Distinct;

/// What the evidence for a flood calls the number of those who send it.
pub const SENDERS: &str = "senders";

/// Length of a window in seconds.
pub(super) const WINDOW_S: i64 = 10;
/// Half-open connections in a window that make a flood.
const LEAST_HALF_OPEN: u64 = 150;
/// Complete connections in a window, of a few senders, that make a flood.
const LEAST_CONNECTIONS: u64 = 500;
/// Packets in a window that make a flood, when next to nothing comes back.
const LEAST_PACKETS: u64 = 1_000;
/// Connections of few senders in a window that are held open with next to nothing said, that make a flood.
const LEAST_HELD: u64 = 100;
/// Bytes each way of such a connection at most.
const HELD_OCTETS: u64 = 4_000;
/// Coefficient of variation of the bytes of connections up to which a crowd is a swarm that was sent.
const LIKE_SIZE: f64 = 0.15;
/// Connections of each of them in a window, on average.
const SWARM: f64 = 5.0;
/// Mean bytes of packets from which they are no tries of ports.
const NO_TRY: u64 = 200;
/// Share of packets that come back below which next to nothing does.
const NEXT_TO_NOTHING: f64 = 0.05;
/// Packets in a window from services that answer with more than they are asked, when nobody asked.
const LEAST_REFLECTED: u64 = 100;
/// The same where they come from fewer than [`FEW`] services: one that is asked much answers much.
const LEAST_REFLECTED_BY_FEW: u64 = 1_000;
/// Services below which an answer may have been asked for unseen.
const FEW: f64 = 4.0;
/// Mean bytes of such a packet.
const LARGE: u64 = 200;
/// Packets a second of a stream at most: about 10 Mbit/s.
const STREAM_RATE: u64 = 1_000;
/// The same of packets that are all of one size: sound has them, and no more than so many a second.
const EVEN_STREAM_RATE: u64 = 100;
/// Bytes of packets that pictures fill, so that they may be all of one size.
const FULL: u64 = 1_000;
/// Packets of a flow that may be a stream, at least.
const STREAM_PACKETS: u64 = 100;
/// Mean bytes of segments that carry nothing, at most.
const BARE: u64 = 80;
/// Packets each way within connections to web servers in a window, small ones, that are a flood of questions.
const LEAST_QUESTIONS: u64 = 2_000;
/// Packets a second of one such connection, and mean bytes of them at most.
const QUESTIONS_RATE: u64 = 20;
const QUESTION_BYTES: u64 = 400;
const LEAST_QUESTION_BYTES: u64 = 90;
/// Mean bytes of packets that are full, of questions that are sent many at a time: their answers are still small ones, and
/// no mere acknowledgements as of an upload. So much counts of one connection at most: what goes through a tunnel looks the
/// same, but has one.
const FULL_QUESTION_BYTES: u64 = 1_000;
const MOST_OF_ONE: u64 = LEAST_QUESTIONS / 4;
/// Of so many full packets one is answered by a small one, at least.
const ANSWERED_OF_FULL: u64 = 4;
/// Ports of web servers.
const WEB_PORTS: [u16; 5] = [80, 443, 8_000, 8_080, 8_443];
/// Questions in a window for names that are not there, that are a flood, and their share of all that are answered.
const LEAST_MISSING: u64 = 600;
const MISSING_SHARE: f64 = 0.6;
/// Leases asked for in a window that are a flood.
const LEAST_LEASES: u64 = 150;
/// Senders and ports that a sketch tells apart.
const MOST_TOLD_APART: u64 = 1_000;
/// So many times as much as makes a flood of one host makes one of a network.
const TIMES_NETWORK: u64 = 3;
/// Share of the half-open connections that come from senders of their own where these are forged.
const FORGED_SHARE: f64 = 0.5;
/// Senders above which they are taken to be forged or a crowd, and not named.
pub(super) const CROWD: f64 = 12.0;
/// So many times as much as in any window before, once there were [`WINDOWS_KNOWN`] of them.
const TIMES_BEFORE: u64 = 4;
const WINDOWS_KNOWN: u32 = 30;
/// Services over UDP that answer with more than they are asked (US-CERT alert TA14-017A lists most of them).
const REFLECTORS: [u16; 32] = [
    17, 19, 53, 69, 111, 123, 137, 161, 177, 389, 427, 500, 520, 623, 1_194, 1_434, 1_604, 1_701, 1_900,
    3_283, 3_478, 3_702, 5_060, 5_093, 5_353, 5_683, 10_001, 11_211, 17_185, 27_015, 27_960, 32_414,
];

/// Counts of a window that may show a flood, and their places.
const COUNTS: usize = 9;
const HALF_OPEN: usize = 0;
const CONNECTIONS: usize = 1;
const PACKETS: usize = 2;
const REFLECTED: usize = 3;
const HELD: usize = 4;
const BARE_ANSWERS: usize = 5;
const QUESTIONS: usize = 6;
const MISSING: usize = 7;
const LEASES: usize = 8;

/// What is told of them as evidence, and from when on.
const TOLD: [(usize, &str, u64); COUNTS] = [
    (REFLECTED, "packets from services nobody asked in 10 s", LEAST_REFLECTED),
    (BARE_ANSWERS, "bare answers that nobody asked for in 10 s", LEAST_REFLECTED),
    (HALF_OPEN, "half-open connections in 10 s", LEAST_HALF_OPEN),
    (PACKETS, "packets without an answer in 10 s", LEAST_PACKETS),
    (LEASES, "leases asked for in 10 s", LEAST_LEASES),
    (MISSING, "questions for names that are not there in 10 s", LEAST_MISSING),
    (QUESTIONS, "packets of questions within connections in 10 s", LEAST_QUESTIONS),
    (HELD, "connections held open, begun in 10 s", LEAST_HELD),
    (CONNECTIONS, "short connections in 10 s", LEAST_CONNECTIONS),
];

/// What reaches a target in a window.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    pub(super) start_ns: i64,
    /// Those who send what may be a flood, and the ports they send it to.
    pub(super) senders: Distinct,
    pub(super) ports: Distinct,
    /// The last of these ports.
    pub(super) port: u16,
    counts: [u64; COUNTS],
    /// Packets without an answer, of TCP, UDP, ICMP and others, and their bytes.
    packets: [u64; 4],
    octets: [u64; 4],
    /// Questions for names that were answered.
    answered: u64,
    /// Bytes of complete connections.
    sizes: Moments,
    /// Who sends most of it, by the vote of Boyer and Moore (1981).
    pub(super) sender: Option<IpAddr>,
    votes: u64,
}

/// What reached a target in the windows before, at most.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Before {
    windows: u32,
    most: [u64; COUNTS],
}

impl Before {
    /// Takes in a window that is over. What was told as a flood is not what is ordinary from then on.
    pub(super) fn learn(&mut self, load: &Load) {
        if load.start_ns > 0 && load.judge(self).is_none() {
            self.windows = self.windows.saturating_add(1);
            self.most.iter_mut().zip(load.counts).for_each(|(most, count)| *most = count.max(*most));
        }
    }
}

/// What a flow counts as, for one of its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All that can be seen of it.
    Whole,
    /// So many large answers that nobody asked for.
    Reflected(u64),
    /// So many bare answers to somebody who never asked.
    Bare(u64),
    /// A connection that was answered, and nothing more was heard of.
    HalfOpen,
    /// So many packets of which only the answers were recorded.
    Answered(u64),
}

/// A flow from the side of somebody whom it may flood: target, sender, and what it counts as.
pub(super) type View = (IpAddr, IpAddr, Part);

/// Those whom a flow may flood.
pub(super) fn views(flow: &Flow<'_>) -> [Option<View>; 2] {
    let (source, destination) = (flow.source, flow.destination);
    // Bare SYN-ACKs of which nobody saw the question: it was sent under another's address, or not recorded.
    if flow.protocol == Flow::TCP
        && flow.packets == 0
        && flow.reverse_packets > 0
        && flow.reverse_octets <= BARE.saturating_mul(flow.reverse_packets)
    {
        let is_opened = flow.reverse_flags.is_some_and(|flags| flags & 0x3f == 0x12);
        let asked = is_opened.then_some((destination, source, Part::HalfOpen));
        return [Some((source, destination, Part::Bare(flow.reverse_packets))), asked];
    }
    let is_service = flow.source_port < 1_024 && flow.destination_port >= 1_024;
    if let Some(asked) = flow.unseen_question() {
        let answers = asked.reverse_packets;
        let answered = (asked.destination, asked.source, Part::Answered(answers));
        match flow.protocol {
            Flow::ICMP => return [Some((destination, source, Part::Bare(answers))), Some(answered)],
            // Resets that come from where services are, to where clients are, answer something.
            _ if is_service => return [Some(answered), None],
            _ => {}
        }
    }
    let seen = reflected(flow).unwrap_or((destination, source, Part::Whole));
    [Some(seen), None]
}

/// Whether a flow consists of large answers that nobody asked for, or of few questions with large answers; then also who
/// gets them.
fn reflected(flow: &Flow<'_>) -> Option<View> {
    if flow.protocol != Flow::UDP {
        return None;
    }
    // The answers alone were recorded: the service seems to speak first.
    let unasked = flow.is_unicast()
        && REFLECTORS.contains(&flow.source_port)
        && flow.reverse_packets == 0
        && flow.octets >= LARGE.saturating_mul(flow.packets.max(1));
    if unasked {
        return Some((flow.destination, flow.source, Part::Reflected(flow.packets)));
    }
    // Questions under the address of the victim, and the answers to it.
    let amplified = REFLECTORS.contains(&flow.destination_port)
        && flow.reverse_octets >= 8 * flow.octets.max(1)
        && flow.reverse_octets >= LARGE.saturating_mul(flow.reverse_packets.max(1));
    amplified.then_some((flow.source, flow.destination, Part::Reflected(flow.reverse_packets)))
}

fn protocol_index(protocol: u8) -> usize {
    match protocol {
        Flow::TCP => 0,
        Flow::UDP => 1,
        Flow::ICMP | Flow::ICMP6 => 2,
        _ => 3,
    }
}

const PROTOCOL_FLOODS: [&str; 4] = ["TCP flood", "UDP flood", "ICMP flood", "packet flood"];

/// Whether neither side said anything.
fn is_bare(flow: &Flow<'_>) -> bool {
    flow.octets <= BARE.saturating_mul(flow.packets)
        && flow.reverse_octets <= BARE.saturating_mul(flow.reverse_packets)
}

/// Whether a connection was asked for and not taken up: nobody answered, or the opener never acknowledged the answer, or
/// it was thrown away at once, as by whoever has the address that was forged.
fn is_half_open(flow: &Flow<'_>) -> bool {
    if flow.protocol != Flow::TCP || !(1..=3).contains(&flow.packets) {
        return false;
    }
    let never_taken_up = flow.flags.is_some_and(|flags| {
        flags & 0x12 == 0x02 || flags & 0x07 == 0x06 && flow.reverse_packets <= 2 && is_bare(flow)
    });
    (flow.failed() || never_taken_up) && flow.flags.is_none_or(|flags| flags & 0x02 != 0)
}

/// Whether a connection was taken up and is held open with next to nothing said.
fn is_held(flow: &Flow<'_>) -> bool {
    let is_open = |flags: Option<u8>| flags.is_none_or(|flags| flags & 0x05 == 0);
    let is_begin = |flags: Option<u8>| flags.is_some_and(|flags| flags & 0x12 == 0x12);
    // Of one whose opener was not recorded the answers tell as much.
    let begins = if flow.packets == 0 { is_begin(flow.reverse_flags) } else { is_begin(flow.flags) };
    flow.protocol == Flow::TCP
        && begins
        && is_open(flow.flags)
        && is_open(flow.reverse_flags)
        && !flow.failed()
        && flow.octets.max(flow.reverse_octets) <= HELD_OCTETS
}

/// Whether a flow is what cameras and players send: one way over UDP, at a rate that a stream may have. Packets of sound are
/// all of one size and few; those of pictures are full, or of changing size.
fn is_stream(flow: &Flow<'_>) -> bool {
    let tenths = flow.duration_ns / 100_000_000;
    let is_even = flow.octets.is_multiple_of(flow.packets.max(1)) && flow.octets / flow.packets.max(1) < FULL;
    let rate = if is_even { EVEN_STREAM_RATE } else { STREAM_RATE };
    flow.protocol == Flow::UDP
        && flow.packets >= STREAM_PACKETS
        && tenths >= 20
        && flow.packets <= tenths.unsigned_abs().saturating_mul(rate / 10)
}

/// Windows that a flow goes on for.
fn windows(flow: &Flow<'_>) -> u64 {
    (flow.duration_ns / (WINDOW_S * 1_000_000_000)).max(1).unsigned_abs()
}

/// Packets of a flow that nothing comes back for: of a long one, what falls in a window.
fn unanswered(flow: &Flow<'_>) -> u64 {
    let answered = match flow.protocol {
        // Whoever is there answers echo requests; so many are a flood all the same.
        Flow::ICMP | Flow::ICMP6 => false,
        // What came back was not recorded.
        Flow::TCP if flow.was_taken_up_unseen() => true,
        // Segments outside of connections are answered by resets.
        Flow::TCP if is_bare(flow) && flow.flags.is_some_and(|flags| flags & 0x02 == 0) => false,
        _ => flow.reverse_packets as f64 > NEXT_TO_NOTHING * flow.packets as f64,
    };
    if answered || is_stream(flow) {
        return 0;
    }
    // Some logs count no packets where there was nothing but headers.
    flow.packets.max(u64::from(flow.protocol == Flow::TCP && flow.reverse_packets == 0)) / windows(flow)
}

/// Whether a flow is a complete connection that was over soon and is no log-in.
fn is_short_connection(flow: &Flow<'_>) -> bool {
    flow.protocol == Flow::TCP
        && !flow.failed()
        && (3..=30).contains(&flow.packets.max(flow.reverse_packets))
        // Of one whose opener was not recorded there is more than the answer to the first packet.
        && (flow.packets >= 3 || flow.packets == 0 && flow.reverse_packets >= 3)
        && flow.duration_ns <= WINDOW_S * 1_000_000_000
        && !crate::brute_force::asks_for_password(flow)
}

/// Packets of a connection to a web server that go on so fast that a question follows the other: small ones each way, or
/// full ones with many questions in each, of which a good part gets a small answer.
fn questions(flow: &Flow<'_>) -> u64 {
    // Of one of which one direction was recorded, packets that acknowledge are no questions.
    let says = |octets: u64, packets: u64| octets >= LEAST_QUESTION_BYTES.saturating_mul(packets);
    let both = match (flow.packets, flow.reverse_packets) {
        (0, answers) if says(flow.reverse_octets, answers) => answers,
        (questions, 0) if says(flow.octets, questions) => questions,
        (questions, answers) => questions.min(answers),
    };
    let seconds = (flow.duration_ns / 1_000_000_000).max(1).unsigned_abs();
    let is_small = |octets: u64, packets: u64| octets <= QUESTION_BYTES.saturating_mul(packets);
    let is_fast = |packets: u64| packets >= QUESTIONS_RATE.saturating_mul(seconds);
    if flow.protocol != Flow::TCP
        || !WEB_PORTS.contains(&flow.destination_port)
        || !is_small(flow.reverse_octets, flow.reverse_packets)
    {
        return 0;
    }
    let is_packed = flow.octets >= FULL_QUESTION_BYTES.saturating_mul(flow.packets)
        && says(flow.reverse_octets, flow.reverse_packets)
        && flow.packets <= flow.reverse_packets.saturating_mul(ANSWERED_OF_FULL);
    if is_small(flow.octets, flow.packets) && is_fast(both) {
        both / windows(flow)
    } else if is_packed && is_fast(flow.packets) {
        (flow.packets / windows(flow)).min(MOST_OF_ONE)
    } else {
        0
    }
}

impl Load {
    /// That of a window that begins.
    pub(super) fn new(start_ns: i64) -> Self {
        Self { start_ns, ..Self::default() }
    }

    /// Counts a flow; says whether it may belong to a flood.
    pub(super) fn add(&mut self, flow: &Flow<'_>, part: Part, sender: IpAddr) -> bool {
        let before = self.counts;
        let mut count = |at: usize, more: u64| {
            if let Some(count) = self.counts.get_mut(at) {
                *count = count.saturating_add(more);
            }
            more
        };
        let weight = match part {
            Part::Reflected(packets) => count(REFLECTED, packets),
            Part::Bare(packets) => count(BARE_ANSWERS, packets),
            Part::HalfOpen => count(HALF_OPEN, 1),
            Part::Answered(packets) => self.unanswered(flow.protocol, packets / windows(flow), 0),
            Part::Whole => self.add_whole(flow),
        };
        if before == self.counts {
            return false;
        }
        self.senders.see(sender);
        self.port = if matches!(part, Part::Answered(_)) { flow.source_port } else { flow.destination_port };
        self.ports.see(self.port);
        let weight = weight.max(1);
        if self.sender == Some(sender) {
            self.votes = self.votes.saturating_add(weight);
        } else if self.votes < weight {
            (self.sender, self.votes) = (Some(sender), weight - self.votes);
        } else {
            self.votes -= weight;
        }
        true
    }

    /// Counts all that can be seen of a flow; what its sender weighs.
    fn add_whole(&mut self, flow: &Flow<'_>) -> u64 {
        let packets = unanswered(flow);
        let octets = (flow.octets / flow.packets.max(1)).saturating_mul(packets);
        self.unanswered(flow.protocol, packets, octets);
        if is_short_connection(flow) {
            self.counts[CONNECTIONS] += 1;
            self.sizes.add(flow.octets.saturating_add(flow.reverse_octets) as f64);
        }
        let questions = questions(flow);
        self.counts[HALF_OPEN] += u64::from(is_half_open(flow));
        self.counts[HELD] += u64::from(is_held(flow));
        self.counts[QUESTIONS] = self.counts[QUESTIONS].saturating_add(questions);
        if flow.protocol == Flow::UDP && flow.destination_port == 67 {
            self.counts[LEASES] = self.counts[LEASES].saturating_add(flow.packets / windows(flow));
        }
        if let Some(code) = flow.dns_code {
            let asked = u64::from(flow.dns.queries.max(1)) / windows(flow);
            self.answered = self.answered.saturating_add(asked);
            self.counts[MISSING] = self.counts[MISSING].saturating_add(if code == 3 { asked } else { 0 });
        }
        packets.max(questions)
    }

    fn unanswered(&mut self, protocol: u8, packets: u64, octets: u64) -> u64 {
        let at = protocol_index(protocol);
        self.packets[at] = self.packets[at].saturating_add(packets);
        self.octets[at] = self.octets[at].saturating_add(octets);
        self.counts[PACKETS] = self.counts[PACKETS].max(self.packets[at]);
        packets
    }

    /// What the window shows, if it shows a flood, and how far beyond the least.
    pub(super) fn judge(&self, before: &Before) -> Option<(&'static str, f64)> {
        self.judge_of(before, 1)
    }

    /// The same of a whole network, of which each host gets little.
    pub(super) fn judge_network(&self, before: &Before) -> Option<(&'static str, f64)> {
        self.judge_of(before, TIMES_NETWORK)
            .filter(|(kind, _)| kind.ends_with("P flood") || *kind == "SYN flood")
    }

    fn judge_of(&self, before: &Before, times: u64) -> Option<(&'static str, f64)> {
        let found = |at: usize, least: u64| {
            let least = least.saturating_mul(times);
            let least = if before.windows < WINDOWS_KNOWN {
                least
            } else {
                least.max(before.most[at].saturating_mul(TIMES_BEFORE))
            };
            (self.counts[at] >= least).then(|| self.counts[at] as f64 / least as f64)
        };
        self.of_answers(&found)
            .or_else(|| self.of_packets(&found, times > 1))
            .or_else(|| self.of_names_and_leases(&found))
            .or_else(|| self.of_connections(&found))
    }

    fn of_answers(&self, found: &Found<'_>) -> Option<(&'static str, f64)> {
        let few = self.senders.count() < FEW;
        let least = if few { LEAST_REFLECTED_BY_FEW } else { LEAST_REFLECTED };
        let bare = || found(BARE_ANSWERS, LEAST_REFLECTED).filter(|_| !few);
        found(REFLECTED, least).or_else(bare).map(|strength| ("reflection flood", strength))
    }

    fn of_packets(&self, found: &Found<'_>, is_network: bool) -> Option<(&'static str, f64)> {
        // Many ports in vain are a scan, unless nearly every try has a sender of its own.
        let senders = self.senders.count();
        let half_open = self.counts[HALF_OPEN];
        let is_forged = senders > CROWD && senders >= FORGED_SHARE * half_open.min(MOST_TOLD_APART) as f64;
        let few_ports = |seen: u64| is_network || self.ports.count() <= 0.2 * seen as f64;
        if (few_ports(half_open) || is_forged)
            && let Some(strength) = found(HALF_OPEN, LEAST_HALF_OPEN)
        {
            return Some(("SYN flood", strength));
        }
        let (at, &most) = self.packets.iter().enumerate().max_by_key(|(_, packets)| **packets)?;
        let are_tries = self.octets[at] < NO_TRY.saturating_mul(most);
        if !few_ports(most) && are_tries {
            return None;
        }
        found(PACKETS, LEAST_PACKETS).map(|strength| (PROTOCOL_FLOODS[at], strength))
    }

    fn of_names_and_leases(&self, found: &Found<'_>) -> Option<(&'static str, f64)> {
        if self.counts[MISSING] as f64 >= MISSING_SHARE * self.answered as f64
            && let Some(strength) = found(MISSING, LEAST_MISSING)
        {
            return Some(("flood of questions for names", strength));
        }
        found(LEASES, LEAST_LEASES).map(|strength| ("flood of questions for leases", strength))
    }

    fn of_connections(&self, found: &Found<'_>) -> Option<(&'static str, f64)> {
        let is_crowd = self.senders.count() > CROWD;
        let few_ports = self.ports.count() <= 0.2 * self.counts[HELD] as f64;
        if few_ports
            && !is_crowd
            && let Some(strength) = found(HELD, LEAST_HELD)
        {
            return Some(("connections held open", strength));
        }
        if !is_crowd && let Some(strength) = found(QUESTIONS, LEAST_QUESTIONS) {
            return Some(("flood of questions", strength));
        }
        let strength = found(CONNECTIONS, LEAST_CONNECTIONS)?;
        // A swarm that was sent asks for the same again and again, and comes from outside.
        let is_sent = !is_crowd
            || self.sizes.variation() <= LIKE_SIZE
                && self.counts[CONNECTIONS] as f64 >= SWARM * self.senders.count()
                && self.sender.is_some_and(|sender| !is_private(sender));
        (self.ports.count() <= 2.0 && is_sent).then_some(("connection flood", strength))
    }

    /// The numbers that say so.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let mut numbers: Vec<Evidence> = TOLD
            .iter()
            .map(|&(at, what, usual)| Evidence { what, seen: self.counts[at] as f64, usual: usual as f64 })
            .collect();
        numbers.retain(|number| number.seen >= number.usual);
        numbers.push(Evidence { what: SENDERS, seen: self.senders.count(), usual: CROWD });
        numbers
    }
}

/// How far a count is beyond the least, if it is.
type Found<'a> = dyn Fn(usize, u64) -> Option<f64> + 'a;
