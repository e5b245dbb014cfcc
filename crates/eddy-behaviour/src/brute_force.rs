//! Guessing of passwords.

use std::net::IpAddr;

use crate::flow::{FIRST_OF_CLIENTS, is_private};
use crate::moments::Moments;
use crate::open::Open;
use crate::sighting::{Evidence, Severity};
use crate::sketch::Distinct;
use crate::table::{Table, bounded};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "brute_force",
    title: "Guessing of passwords",
    summary: "One host opens many short connections of like but not equal size to a service that asks for a password, or \
              very many to a web server (fewer within a minute where each gets the same answer) or within a minute to a port that is nobody's, and not at fixed intervals; or a few to each of many hosts; or many hosts outside \
              do so at one service.",
    blind_to: "Few guesses a day; guesses within one long connection; guesses over datagrams, other than of SNMP, SIP, RADIUS, IPMI and TFTP; guesses \
               at fixed intervals, which look like checks whether a service is there; services on ports \
               of their own that the source of the flows does not name.",
    techniques: &["T1110.001", "T1110.003", "T1110"],
};

/// Pairs watched at most.
const CAPACITY: usize = 65_536;
/// Seconds that guesses are counted over.
const WINDOW_S: i64 = 600;
/// Short connections of like size within that time that make it guessing.
const LEAST: u32 = 12;
/// The same for web servers, to which programs connect again and again for many reasons.
const LEAST_WEB: u32 = 120;
/// Bytes of a guess at most, both ways.
const MOST_OCTETS: u64 = 20_000;
/// Seconds of a guess at most.
const MOST_S: i64 = 60;
/// Coefficient of variation of the sizes at most.
const LIKE_SIZE: f64 = 0.5;
/// The same for web servers.
const LIKE_SIZE_WEB: f64 = 0.15;
/// Coefficient of variation of the sizes at least, unless the pauses are uneven: checks whether a service is there are
/// all of one size, and by some clock.
const NOT_EQUAL: f64 = 0.001;
const UNEVEN: f64 = 0.3;
/// Coefficient of variation of the intervals up to which something is done by the clock, and the least interval.
const BY_THE_CLOCK: f64 = 0.1;
const CLOCK_S: f64 = 2.0;
/// Ports at which programs log in again and again for many reasons, and connections to them that make it guessing.
const BUSY: [u16; 3] = [88, 1_883, 8_883];
const LEAST_BUSY: u32 = 40;
/// Hosts of which each is tried a few times, or who each try a few times, and their tries; how often at most on average;
/// packets one way of a log-in; how much their sizes vary at most.
const LEAST_SPRAYED: f64 = 8.0;
const LEAST_CROWD: f64 = 6.0;
const LEAST_GROUP: u32 = 24;
const MOST_AT_EACH: f64 = 12.0;
const LEAST_PACKETS: u64 = 7;
const LIKE_SIZE_GROUP: f64 = 0.1;
/// Ports of mail, which many ask again and again.
const MAIL: [u16; 8] = [25, 110, 143, 465, 587, 993, 995, 4_190];
/// Questions of one conversation of datagrams that are guesses, and how many a second.
const LEAST_QUESTIONS: u64 = 60;
const LEAST_QUESTIONS_A_SECOND: f64 = 5.0;
/// Ports of telephony, and mean bytes of a question and of a refusal at most.
const SIP: [u16; 2] = [5_060, 5_061];
const SIP_QUESTION: u64 = 900;
const SIP_REFUSAL: u64 = 650;
/// Short connections of like size that make it guessing when all of them are begun within half a minute.
const LEAST_QUICK: u32 = 8;
const QUICK_NS: i64 = 30_000_000_000;
/// Ports of log-ins over datagrams, of boards and of networks, and mean bytes of a refusal at most.
const LOG_INS: [u16; 3] = [623, 1_645, 1_812];
const REFUSAL: u64 = 128;
/// Files asked for by their names, one after the other, that are guesses (TFTP): systems that start ask for some, too.
const FILES: u16 = 69;
const LEAST_FILES: u32 = 60;
/// Short connections of like size within a minute that are guesses: to a service on a port that is nobody's, or to a web
/// server that answers each with the same; bytes of one
/// at most, both ways.
const LEAST_UNLISTED: u32 = 48;
const UNLISTED_NS: i64 = 60_000_000_000;
const UNLISTED_OCTETS: u64 = 4_000;
/// Coefficient of variation up to which what is answered, without the heads of packets, is the same each time.
const SAME_ANSWER: f64 = 0.03;
const HEAD: u64 = 40;
/// Ports of services that ask for a password.
const PORTS: [u16; 42] = [
    21, 22, 23, 25, 110, 139, 143, 389, 445, 465, 513, 554, 587, 636, 873, 990, 993, 995, 1_080, 1_433,
    1_494, 1_521, 2_222, 2_323, 3_128, 3_306, 3_389, 3_690, 4_899, 5_038, 5_222, 5_432, 5_900, 5_901, 5_985,
    5_986, 6_379, 8_291, 8_728, 9_042, 27_017, 50_000,
];
/// Ports of web servers, and of databases that are asked over HTTP.
const WEB_PORTS: [u16; 11] = [80, 443, 5_984, 8_000, 8_008, 8_080, 8_086, 8_443, 8_888, 9_200, 10_000];

#[derive(Debug, Clone, Copy, Default)]
struct Tries {
    start_ns: i64,
    last_ns: i64,
    n: u32,
    octets: Moments,
    /// Bytes that were said in answer, without the heads of packets.
    answers: Moments,
    intervals_s: Moments,
}

type Key = (IpAddr, IpAddr, u16);

/// The behaviour.
pub(crate) struct BruteForce {
    pairs: Table<Key, Tries>,
    /// Over all that one host tries, and over all that try one service, with how many they are.
    groups: Table<Key, (Tries, Distinct)>,
    open: Open<Key>,
}

impl Default for BruteForce {
    fn default() -> Self {
        Self { pairs: Table::new(CAPACITY), groups: Table::new(CAPACITY), open: Open::new(1_800) }
    }
}

/// Whether a flow goes to a service that asks for a password.
pub(crate) fn asks_for_password(flow: &Flow<'_>) -> bool {
    PORTS.contains(&flow.destination_port)
        || BUSY.contains(&flow.destination_port)
        || matches!(flow.application, "ssh" | "ftp" | "telnet" | "rdp" | "smb" | "mysql" | "vnc" | "rfb")
}

/// Whether both sides said something, as far as it was recorded: of some captures one side is missing.
fn is_conversation(flow: &Flow<'_>) -> bool {
    match (flow.packets, flow.reverse_packets) {
        (0, answers) => answers >= 4 || answers == 3 && flow.reverse_octets > 60 * answers,
        (questions, 0) => {
            (questions >= 5 || questions == 4 && flow.octets > 45 * questions) && flow.was_taken_up_unseen()
        }
        (questions, answers) => questions >= 3 && answers >= 2,
    }
}

/// Packets of the side that sent fewer, or of the one that was recorded.
fn recorded(flow: &Flow<'_>) -> u64 {
    match (flow.packets, flow.reverse_packets) {
        (0, packets) | (packets, 0) => packets,
        (questions, answers) => questions.min(answers),
    }
}

impl Tries {
    /// Counts a try; says whether it is the first of another ten minutes.
    fn add(&mut self, flow: &Flow<'_>, octets: u64) -> bool {
        let is_first = flow.start_ns.saturating_sub(self.start_ns) >= WINDOW_S * 1_000_000_000;
        if is_first {
            *self = Self { start_ns: flow.start_ns, ..Self::default() };
        } else if self.n > 0 {
            self.intervals_s.add(flow.start_ns.saturating_sub(self.last_ns) as f64 / 1e9);
        }
        self.last_ns = flow.start_ns;
        self.n += 1;
        self.octets.add(octets as f64);
        let heads = HEAD.saturating_mul(flow.reverse_packets);
        self.answers.add(flow.reverse_octets.saturating_sub(heads) as f64);
        is_first
    }

    /// Whether everything asked, of changing size, got the same few words: a refusal.
    fn are_refused(&self) -> bool {
        self.octets.variation() >= NOT_EQUAL
            && self.answers.sum > 0.0
            && self.answers.variation() <= SAME_ANSWER
    }

    fn is_guessing(&self, least: u32, like_size: f64) -> bool {
        let variation = self.octets.variation();
        let by_the_clock = self.intervals_s.mean() >= CLOCK_S && self.intervals_s.variation() <= BY_THE_CLOCK;
        let is_even = variation < NOT_EQUAL && self.intervals_s.variation() < UNEVEN;
        self.n >= least && variation <= like_size && !by_the_clock && !is_even
    }
}

/// What is told of guesses that belong together.
struct Told {
    kind: &'static str,
    /// Who guesses; none of a crowd.
    actor: Option<IpAddr>,
    target: IpAddr,
    n_targets: u64,
    least: u32,
    like_size: f64,
    techniques: &'static [&'static str],
    severity: Severity,
}

/// What a flow is a try of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Try {
    LogIn,
    Web,
    /// The name of a file.
    File,
    /// A service on a port that is nobody's.
    Unlisted,
}

impl Try {
    fn of(flow: &Flow<'_>) -> Option<Self> {
        let octets = flow.octets.saturating_add(flow.reverse_octets);
        let is_short = octets <= MOST_OCTETS && flow.duration_ns <= MOST_S * 1_000_000_000;
        if flow.protocol == Flow::UDP && flow.destination_port == FILES && flow.packets <= 4 {
            return Some(Self::File);
        }
        if flow.protocol != Flow::TCP || !is_short || !is_conversation(flow) {
            return None;
        }
        let port = flow.destination_port;
        if asks_for_password(flow) {
            Some(Self::LogIn)
        } else if WEB_PORTS.contains(&port) {
            Some(Self::Web)
        } else {
            let is_small = octets <= UNLISTED_OCTETS && recorded(flow) >= 5;
            let is_known = !flow.application.is_empty();
            ((1_024..FIRST_OF_CLIENTS).contains(&port) && is_small && !is_known).then_some(Self::Unlisted)
        }
    }
}

/// Whether a conversation is guesses at a log-in over datagrams: each question, of changing size, gets the same few words.
fn is_log_in_guessing(flow: &Flow<'_>) -> bool {
    LOG_INS.contains(&flow.destination_port)
        && is_full_of_questions(flow)
        && flow.reverse_packets >= flow.packets / 5 * 4
        && flow.reverse_packets <= flow.packets
        && flow.reverse_octets <= REFUSAL.saturating_mul(flow.reverse_packets)
        && flow.reverse_octets.is_multiple_of(flow.reverse_packets)
}

/// Whether a conversation of datagrams has as many questions a second, of changing size, as guesses have.
fn is_full_of_questions(flow: &Flow<'_>) -> bool {
    flow.protocol == Flow::UDP
        && flow.packets >= LEAST_QUESTIONS
        && flow.packets as f64 * 1e9 >= LEAST_QUESTIONS_A_SECOND * flow.duration_ns as f64
        && !flow.octets.is_multiple_of(flow.packets)
}

/// Whether a conversation is guesses at accounts of a telephone exchange: each question is answered by a refusal. Where
/// calls are made both sides say how they are carried, which takes more.
fn is_account_guessing(flow: &Flow<'_>) -> bool {
    SIP.contains(&flow.destination_port)
        && is_full_of_questions(flow)
        && flow.octets <= SIP_QUESTION.saturating_mul(flow.packets)
        && flow.reverse_octets <= SIP_REFUSAL.saturating_mul(flow.reverse_packets)
        && (flow.packets / 2..=flow.packets.saturating_mul(5) / 2).contains(&flow.reverse_packets)
}

/// Whether a conversation is guesses at the word that an agent of network management answers to: next to nothing is
/// answered.
fn is_community_guessing(flow: &Flow<'_>) -> bool {
    flow.destination_port == 161 && is_full_of_questions(flow) && flow.reverse_packets <= flow.packets / 10
}

impl BruteForce {
    /// Tells of guesses that are all in one conversation.
    fn see_conversation(&mut self, flow: &Flow<'_>, kind: &'static str, what: &'static str) {
        let key = (flow.source, flow.destination, flow.destination_port);
        if self.open.extend(&key, flow, flow.destination).is_some() {
            return;
        }
        let (seen, usual) = (flow.packets as f64, LEAST_QUESTIONS as f64);
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind,
            actor: Some(flow.source),
            targets: Vec::new(),
            n_targets: 1,
            port: Some(flow.destination_port),
            first_ns: flow.start_ns,
            detected_ns: flow.end_ns(),
            last_ns: flow.end_ns(),
            flows: 0,
            octets: 0,
            evidence: vec![Evidence { what, seen, usual }],
            severity: Severity::High,
            strength: seen / usual,
            techniques: &["T1110.001", "T1110"],
        };
        sighting.extend(flow, flow.destination);
        self.open.open(key, flow.start_ns, sighting);
    }

    /// Tells of guesses, or adds one more to those that were told of.
    fn tell(&mut self, key: Key, flow: &Flow<'_>, tries: &Tries, told: &Told) {
        let octets = flow.octets.saturating_add(flow.reverse_octets);
        let evidence = || {
            let rounded = |number: f64| (number * 1_000.0).round() / 1_000.0;
            vec![
                Evidence {
                    what: "short connections in 10 min",
                    seen: f64::from(tries.n),
                    usual: f64::from(told.least),
                },
                Evidence {
                    what: "coefficient of variation of their size",
                    seen: rounded(tries.octets.variation()),
                    usual: told.like_size,
                },
            ]
        };
        let strength = f64::from(tries.n) / f64::from(told.least);
        if let Some(sighting) = self.open.extend(&key, flow, told.target) {
            sighting.n_targets = sighting.n_targets.max(told.n_targets);
            if strength > sighting.strength {
                sighting.strength = strength;
                sighting.evidence = evidence();
            }
            sighting.severity = sighting.severity.max(told.severity);
            return;
        }
        if !tries.is_guessing(told.least, told.like_size) {
            return;
        }
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: told.kind,
            actor: told.actor,
            targets: Vec::new(),
            n_targets: told.n_targets,
            port: Some(flow.destination_port),
            first_ns: tries.start_ns,
            detected_ns: flow.start_ns,
            last_ns: flow.end_ns(),
            flows: u64::from(tries.n) - 1,
            octets: (tries.octets.sum as u64).saturating_sub(octets),
            evidence: evidence(),
            severity: told.severity,
            strength,
            techniques: told.techniques,
        };
        sighting.extend(flow, told.target);
        self.open.open(key, flow.start_ns, sighting);
    }

    /// Counts a guess over everybody that one host tries, or over everybody that tries one service.
    fn see_group(&mut self, key: Key, other: IpAddr, flow: &Flow<'_>, octets: u64) -> (Tries, f64) {
        let (tries, others) = self.groups.entry(key, flow.start_ns, Default::default);
        if tries.add(flow, octets) {
            *others = Distinct::default();
        }
        others.see(other);
        (*tries, others.count())
    }
}

impl Behaviour for BruteForce {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        if is_community_guessing(flow) {
            let what = "questions without an answer in one conversation";
            self.see_conversation(flow, "guessing of SNMP communities", what);
            return;
        }
        if is_account_guessing(flow) {
            let what = "questions that were refused in one conversation";
            self.see_conversation(flow, "guessing of SIP accounts", what);
            return;
        }
        if is_log_in_guessing(flow) {
            let what = "questions that got the same few words in one conversation";
            self.see_conversation(flow, "guessing of passwords", what);
            return;
        }
        let Some(tried) = Try::of(flow) else { return };
        let octets = flow.octets.saturating_add(flow.reverse_octets);
        let (source, target, port) = (flow.source, flow.destination, flow.destination_port);
        let tries = self.pairs.entry((source, target, port), flow.start_ns, Tries::default);
        tries.add(flow, octets);
        let tries = *tries;
        let took_ns = flow.start_ns.saturating_sub(tries.start_ns);
        // What is said in a log-in takes more than what says whether a service is there.
        let is_whole = flow.packets.max(flow.reverse_packets) >= LEAST_PACKETS;
        let is_busy = BUSY.contains(&port);
        let is_quick = is_whole && took_ns <= QUICK_NS && !MAIL.contains(&port);
        let (least, like_size, severity) = match tried {
            Try::Web if tries.n < LEAST_WEB && took_ns <= UNLISTED_NS && tries.are_refused() => {
                (LEAST_UNLISTED, LIKE_SIZE_GROUP, Severity::Medium)
            }
            Try::Web => (LEAST_WEB, LIKE_SIZE_WEB, Severity::Medium),
            Try::File => (LEAST_FILES, LIKE_SIZE, Severity::Medium),
            Try::Unlisted if took_ns > UNLISTED_NS => return,
            Try::Unlisted => (LEAST_UNLISTED, LIKE_SIZE_GROUP, Severity::Medium),
            Try::LogIn if is_busy => (LEAST_BUSY, LIKE_SIZE, Severity::High),
            Try::LogIn if is_quick && tries.n < LEAST => (LEAST_QUICK, LIKE_SIZE_GROUP, Severity::Medium),
            Try::LogIn => (LEAST, LIKE_SIZE, Severity::High),
        };
        let told = Told {
            kind: if tried == Try::File { "guessing of names of files" } else { "guessing of passwords" },
            actor: Some(source),
            target,
            n_targets: 1,
            least,
            like_size,
            techniques: &["T1110.001", "T1110"],
            severity,
        };
        self.tell((source, target, port), flow, &tries, &told);
        if tried != Try::LogIn || is_busy || !is_whole {
            return;
        }
        let (tries, hosts) = self.see_group((source, source, port), target, flow, octets);
        if hosts >= LEAST_SPRAYED && f64::from(tries.n) <= MOST_AT_EACH * hosts {
            let kind = "passwords tried at many hosts";
            let told = Told {
                kind,
                n_targets: hosts as u64,
                least: LEAST_GROUP,
                like_size: LIKE_SIZE_GROUP,
                severity: Severity::High,
                techniques: &["T1110.003", "T1110"],
                ..told
            };
            self.tell((source, source, port), flow, &tries, &told);
        }
        if is_private(source) || MAIL.contains(&port) {
            return;
        }
        let (tries, hosts) = self.see_group((target, target, port), source, flow, octets);
        if hosts >= LEAST_CROWD && f64::from(tries.n) <= MOST_AT_EACH * hosts {
            let told = Told {
                kind: "guessing of passwords by many",
                actor: None,
                least: LEAST_GROUP,
                like_size: LIKE_SIZE_GROUP,
                severity: Severity::High,
                ..told
            };
            self.tell((target, target, port), flow, &tries, &told);
        }
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.pairs.dropped() + self.groups.dropped() + self.open.dropped()
    }

    bounded!(pairs, groups, open);
}

#[cfg(test)]
mod tests;
