//! What the first packets of a flow say of its application.

use std::cell::Cell;
use std::hash::BuildHasher as _;
use std::sync::Arc;

use eddy_flow::{Biflow, PerFlow, Side};
use eddy_wire::app::{ClientHello, Dhcp, Dns, HttpRequest, QuicInitial, SshBanner, StreamHead};
use eddy_wire::{FragmentPart, Limits, Packet, protocol};
use rustc_hash::FxBuildHasher;

/// Packets with a payload that are looked at, of each flow.
const LOOKED_AT: u8 = 10;
/// Bytes of a text that are kept at most.
const TEXT_BYTES: usize = 255;
/// What the details of a flow are taken to need of the budget, in bytes.
const DETAILS_COST: u32 = 1_280;
/// What the beginning of a stream is taken to need.
const HEAD_COST: u32 = 12_288;
/// Different names of one flow of DNS that are told apart; further ones count as new only if they are unlike the last.
const MOST_NAMES: usize = 64;

/// Bytes that all flows together may use for what their applications say.
#[derive(Debug)]
pub(super) struct Budget {
    pub left: Cell<usize>,
    /// Flows that got nothing.
    pub refused: Cell<u64>,
}

impl Budget {
    fn take(&self, bytes: u32) -> bool {
        let left = self.left.get().checked_sub(bytes as usize);
        match left {
            Some(left) => self.left.set(left),
            None => self.refused.set(self.refused.get() + 1),
        }
        left.is_some()
    }

    fn give(&self, bytes: u32) {
        self.left.set(self.left.get() + bytes as usize);
    }
}

/// What an application says in clear text.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Details {
    pub dns_name: String,
    pub dns_type: Option<u16>,
    pub dns_code: Option<u8>,
    pub dns: DnsCounts,
    pub tls_name: String,
    pub tls_ja4: String,
    pub http_host: String,
    pub http_target: String,
    pub http_agent: String,
}

/// What is asked in one flow, summed up: names may carry data out.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DnsCounts {
    /// Queries.
    pub queries: u32,
    /// Different names, as far as they can be told apart.
    pub names: u32,
    /// Hashes of the names that are told apart.
    seen: Vec<u64>,
    /// Bits per character of the name that has most.
    pub entropy: f64,
    /// Length of that name.
    pub entropy_length: u32,
}

impl DnsCounts {
    /// Counts a name that is asked for.
    fn ask(&mut self, name: &str) {
        self.queries = self.queries.saturating_add(1);
        let hash = FxBuildHasher.hash_one(name);
        if self.seen.contains(&hash) {
            return;
        }
        self.names = self.names.saturating_add(1);
        if self.seen.len() < MOST_NAMES {
            self.seen.push(hash);
        } else if let Some(last) = self.seen.last_mut() {
            *last = hash;
        }
        let entropy = entropy(name);
        if entropy > self.entropy || self.names == 1 {
            self.entropy = entropy;
            self.entropy_length = name.len() as u32;
        }
    }
}

/// Bits per character of a text, small and capital letters being the same.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte.to_ascii_lowercase())) {
            *count += 1;
        }
    }
    let n = text.len().max(1) as f64;
    let bits = |count: &u32| -> f64 {
        let share = f64::from(*count) / n;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(bits).sum()
}

/// What is kept of a flow besides its counts.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The application, in Zeek's words; empty where it is not known.
    pub application: &'static str,
    pub details: Option<Arc<Details>>,
    head: Option<Box<StreamHead>>,
    source_mac: [u8; 6],
    destination_mac: [u8; 6],
    is_seen: bool,
    looked: u8,
    is_done: bool,
    cost: u32,
    pub domain: Option<u32>,
    pub sampling: Option<u32>,
}

impl PerFlow for Kept {
    fn add(&mut self, _: &Biflow, _: &Packet<'_>, _: Side, _: i64) {}
}

impl Kept {
    /// The hardware addresses of source and destination, where the link has some.
    pub(super) fn macs(&self) -> Option<([u8; 6], [u8; 6])> {
        let macs = (self.source_mac, self.destination_mac);
        (macs != ([0; 6], [0; 6])).then_some(macs)
    }

    /// Sees a packet of the flow.
    #[inline]
    pub(super) fn see(
        &mut self,
        flow: &Biflow,
        packet: &Packet<'_>,
        side: Side,
        limits: &Limits,
        budget: &Budget,
    ) {
        if !self.is_seen {
            self.is_seen = true;
            (self.source_mac, self.destination_mac) = match side {
                Side::Forward => (packet.source_mac, packet.destination_mac),
                Side::Reverse => (packet.destination_mac, packet.source_mac),
            };
        }
        if self.is_done || packet.payload.is_empty() || packet.fragment == FragmentPart::Later {
            return;
        }
        self.look(flow, packet, side, limits, budget);
        self.looked += 1;
        if self.looked >= LOOKED_AT {
            self.is_done = true;
        }
        if self.is_done {
            self.drop_head(budget);
        }
    }

    /// Gives back what the flow had of the budget, once it is over.
    pub(super) fn give_back(&self, budget: &Budget) {
        budget.give(self.cost);
    }

    fn drop_head(&mut self, budget: &Budget) {
        if self.head.take().is_some() {
            self.cost -= HEAD_COST;
            budget.give(HEAD_COST);
        }
    }

    /// The details, made if there is room.
    fn details(&mut self, budget: &Budget) -> Option<&mut Details> {
        if self.details.is_none() {
            if !budget.take(DETAILS_COST) {
                self.is_done = true;
                return None;
            }
            self.cost += DETAILS_COST;
            self.details = Some(Arc::default());
        }
        self.details.as_mut().map(Arc::make_mut)
    }

    fn look(&mut self, flow: &Biflow, packet: &Packet<'_>, side: Side, limits: &Limits, budget: &Budget) {
        let port = flow.destination_transport_port;
        let either = |known: u16| port == known || flow.source_transport_port == known;
        match packet.protocol {
            protocol::TCP if either(53) => {
                if let Some(dns) = Dns::parse_tcp(packet.payload, limits) {
                    self.dns(&dns, budget);
                }
            }
            protocol::TCP => self.stream(port, packet, side, limits, budget),
            protocol::UDP if either(53) || either(5_353) || either(5_355) => {
                if let Some(dns) = Dns::parse(packet.payload, limits) {
                    self.dns(&dns, budget);
                }
            }
            protocol::UDP => self.datagram(&either, packet, limits, budget),
            _ => self.is_done = true,
        }
    }

    fn dns(&mut self, dns: &Dns<'_>, budget: &Budget) {
        self.application = "dns";
        let Some(details) = self.details(budget) else { return };
        if let Some(question) = &dns.question
            && (details.dns_type.is_none() || !dns.is_response)
        {
            let name = question.name.to_string();
            if !dns.is_response {
                details.dns.ask(&name);
            }
            if details.dns_type.is_none() {
                details.dns_name = kept(name);
                details.dns_type = Some(question.kind);
            }
        }
        if dns.is_response {
            details.dns_code.get_or_insert(dns.rcode);
        }
        // All questions of a flow are counted.
        self.looked = 0;
    }

    fn stream(&mut self, port: u16, packet: &Packet<'_>, side: Side, limits: &Limits, budget: &Budget) {
        let payload = packet.payload;
        if let Some(mut head) = self.head.take() {
            if side == Side::Forward && head.add(packet, limits) {
                self.hello(head.bytes(), limits, budget);
            }
            self.head = Some(head);
            return;
        }
        if side == Side::Forward {
            if let Some(request) = HttpRequest::parse(payload, limits) {
                self.application = "http";
                if let Some(details) = self.details(budget) {
                    details.http_host = text(request.host);
                    details.http_target = text(Some(request.target));
                    details.http_agent = text(request.user_agent);
                }
                self.is_done = true;
                return;
            }
            if matches!(payload, [0x16, 3, _, _, _, 1, ..]) {
                self.application = "ssl";
                if !self.hello(payload, limits, budget) && budget.take(HEAD_COST) {
                    self.cost += HEAD_COST;
                    let mut head = Box::<StreamHead>::default();
                    head.add(packet, limits);
                    self.head = Some(head);
                }
                return;
            }
        }
        if SshBanner::parse(payload).is_some() {
            self.application = "ssh";
        } else {
            self.application = spoken(payload, port, side);
        }
        self.is_done = !self.application.is_empty();
    }

    /// Reads what there is of a hello; whether it is complete.
    fn hello(&mut self, bytes: &[u8], limits: &Limits, budget: &Budget) -> bool {
        let Some(hello) = ClientHello::parse(bytes, limits) else { return false };
        self.is_done = hello.is_complete;
        self.tls(&hello, budget);
        hello.is_complete
    }

    fn tls(&mut self, hello: &ClientHello<'_>, budget: &Budget) {
        if let Some(details) = self.details(budget) {
            details.tls_name = text(hello.server_name);
            if hello.is_complete {
                details.tls_ja4 = hello.ja4();
            }
        }
    }

    fn datagram(
        &mut self,
        either: &dyn Fn(u16) -> bool,
        packet: &Packet<'_>,
        limits: &Limits,
        budget: &Budget,
    ) {
        let payload = packet.payload;
        if let Some(hello) = ClientHello::parse_datagram(payload, limits) {
            self.application = "ssl";
            self.tls(&hello, budget);
            self.is_done = true;
            return;
        }
        let begins = |words: &[&str]| words.iter().any(|word| payload.starts_with(word.as_bytes()));
        let is_asn1 = payload.first() == Some(&0x30);
        self.application = match payload {
            _ if (either(67) || either(68)) && Dhcp::parse(payload, limits).is_some() => "dhcp",
            _ if either(123) && payload.len() >= 48 => "ntp",
            _ if (either(161) || either(162)) && is_asn1 => "snmp",
            _ if either(137) && payload.len() >= 12 => "nbns",
            _ if either(1_900) && begins(&["M-SEARCH ", "NOTIFY ", "HTTP/1.1 "]) => "ssdp",
            _ if either(514) && begins(&["<"]) => "syslog",
            _ if begins(&["INVITE sip", "REGISTER sip", "OPTIONS sip", "SIP/2.0 "]) => "sip",
            _ if QuicInitial::parse(payload).is_some() => "quic",
            [_, _, _, _, 0x21, 0x12, 0xa4, 0x42, ..] => "stun",
            _ => "",
        };
        self.is_done = !self.application.is_empty();
    }
}

/// The application that the first words of a TCP connection belong to; empty where they tell nothing.
fn spoken(payload: &[u8], port: u16, side: Side) -> &'static str {
    let begins = |words: &[&str]| words.iter().any(|word| payload.starts_with(word.as_bytes()));
    let holds = |word: &str| payload.windows(word.len()).take(512).any(|part| part == word.as_bytes());
    match (side, payload) {
        (_, [_, _, _, _, 0xff | 0xfe, b'S', b'M', b'B', ..]) => "smb",
        (_, [0xff, 0xfb..=0xfe, ..]) => "telnet",
        (_, [3, 0, _, _, _, 0xe0 | 0xd0, ..]) => "rdp",
        (_, [19, b'B', b'i', b't', b'T', b'o', b'r', ..]) => "bittorrent",
        (Side::Reverse, [0x16, 3, ..]) => "ssl",
        (Side::Reverse, _) if begins(&["HTTP/1."]) => "http",
        (Side::Reverse, _) if begins(&["220"]) => {
            if matches!(port, 25 | 465 | 587) || (port != 21 && holds("SMTP")) { "smtp" } else { "ftp" }
        }
        (Side::Reverse, _) if begins(&["+OK"]) => "pop3",
        (Side::Reverse, _) if begins(&["* OK"]) => "imap",
        (Side::Reverse, _) if begins(&["RFB 00"]) => "rfb",
        (Side::Reverse, [_, _, _, 0, 10, b'5' | b'8', b'.', ..]) => "mysql",
        (Side::Forward, _) if begins(&["EHLO ", "HELO "]) => "smtp",
        (Side::Forward, _) if begins(&["NICK ", "CAP LS"]) => "irc",
        // What miners say first to the pool they work for, in JSON-RPC.
        (Side::Forward, [b'{', ..])
            if holds("\"method\"")
                && (holds("\"mining.subscribe\"")
                    || holds("\"mining.authorize\"")
                    || holds("\"mining.submit\"")
                    || holds("\"eth_submitLogin\"")
                    || holds("\"login\"") && holds("\"agent\"")) =>
        {
            "stratum"
        }
        (Side::Forward, [0x10, ..]) if payload.len() < 512 && holds("MQTT") => "mqtt",
        _ => "",
    }
}

/// A text from outside: as UTF-8, cut to a length.
fn text(bytes: Option<&[u8]>) -> String {
    let bytes = bytes.unwrap_or_default();
    kept(String::from_utf8_lossy(bytes.get(..TEXT_BYTES).unwrap_or(bytes)).into_owned())
}

fn kept(mut text: String) -> String {
    let mut end = text.len().min(TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text.shrink_to_fit();
    text
}
