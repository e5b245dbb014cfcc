//! The packets of one conversation, as a packet list describes them.

use crate::network::{Address, Call};
use crate::service::SERVICES;
use crate::timeline::{Timeline, after};

/// Bytes of the Ethernet, IPv4 and TCP headers.
const TCP_HEADERS: u32 = 54;
/// The same with the options of a connection's first packets.
const SYN_HEADERS: u32 = 66;
/// Bytes of the Ethernet, IPv4 and UDP headers.
const UDP_HEADERS: u32 = 42;
/// Most bytes of payload in one segment.
const SEGMENT_BYTES: u32 = 1_460;
/// Seconds between segments sent in one go.
const SEGMENT_GAP_S: f64 = 0.000_12;

/// One packet.
#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) protocol: &'static str,
    pub(crate) length: u32,
    pub(crate) info: String,
}

/// Who sends a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Client,
    Server,
}

/// A conversation being written onto the timeline.
pub(crate) struct Conversation<'a> {
    pub(crate) out: &'a mut Timeline<Packet>,
    pub(crate) truth: u8,
    pub(crate) at_ns: i64,
    pub(crate) call: Call,
    /// The server's port; scans try others than the service's.
    pub(crate) port: u16,
    /// Time to the other side and back, in seconds.
    pub(crate) round_trip_s: f64,
    /// Next relative sequence numbers of client and server.
    pub(crate) next_sequence: [u32; 2],
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(
        out: &'a mut Timeline<Packet>,
        truth: u8,
        at_ns: i64,
        call: Call,
        round_trip_s: f64,
    ) -> Self {
        let port = SERVICES[call.service].port;
        Self { out, truth, at_ns, call, port, round_trip_s, next_sequence: [0, 0] }
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, seconds: f64) {
        self.at_ns = after(self.at_ns, seconds);
    }

    fn push(&mut self, side: Side, protocol: &'static str, length: u32, info: String) {
        let (source, destination) = match side {
            Side::Client => (self.call.client, self.call.server),
            Side::Server => (self.call.server, self.call.client),
        };
        self.out.push(self.at_ns, self.truth, Packet { source, destination, protocol, length, info });
    }

    /// One TCP segment with the description Wireshark gives it.
    pub(crate) fn segment(&mut self, side: Side, flags: &str, payload: u32) {
        let info = self.advance(side, flags, payload);
        let headers = if flags.contains("SYN") { SYN_HEADERS } else { TCP_HEADERS };
        self.push(side, "TCP", headers + payload, info);
    }

    /// Describes a segment and counts its bytes.
    fn advance(&mut self, side: Side, flags: &str, payload: u32) -> String {
        let (from, to, own, other) = match side {
            Side::Client => (self.call.client_port, self.port, 0, 1),
            Side::Server => (self.port, self.call.client_port, 1, 0),
        };
        let sequence = self.next_sequence[own];
        let acknowledged =
            if flags.contains("ACK") { format!(" Ack={}", self.next_sequence[other]) } else { String::new() };
        let options = if flags.contains("SYN") { " MSS=1460 WS=256 SACK_PERM" } else { "" };
        let window = if flags.contains("RST") { 0 } else { 64_240 };
        let counts_one = u32::from(flags.contains("SYN") || flags.contains("FIN"));
        self.next_sequence[own] = sequence.wrapping_add(payload + counts_one);
        format!("{from} → {to} [{flags}] Seq={sequence}{acknowledged} Win={window} Len={payload}{options}")
    }

    /// The three packets that open a connection.
    pub(crate) fn open(&mut self) {
        self.segment(Side::Client, "SYN", 0);
        self.wait(self.round_trip_s);
        self.segment(Side::Server, "SYN, ACK", 0);
        self.wait(SEGMENT_GAP_S);
        self.segment(Side::Client, "ACK", 0);
    }

    /// The packets that close a connection.
    pub(crate) fn close(&mut self) {
        self.segment(Side::Client, "FIN, ACK", 0);
        self.wait(self.round_trip_s);
        self.segment(Side::Server, "FIN, ACK", 0);
        self.wait(SEGMENT_GAP_S);
        self.segment(Side::Client, "ACK", 0);
    }

    /// A message of some bytes: full segments, of which the last carries the description, and an acknowledgement of
    /// every second one.
    pub(crate) fn message(&mut self, side: Side, bytes: u32, protocol: &'static str, info: &str) {
        let other = if side == Side::Client { Side::Server } else { Side::Client };
        let mut left = bytes.max(1);
        let mut sent = 0;
        while left > SEGMENT_BYTES {
            let info =
                format!("{} [TCP segment of a reassembled PDU]", self.advance(side, "ACK", SEGMENT_BYTES));
            self.push(side, "TCP", TCP_HEADERS + SEGMENT_BYTES, info);
            left -= SEGMENT_BYTES;
            sent += 1;
            self.wait(SEGMENT_GAP_S);
            if sent % 2 == 0 {
                self.segment(other, "ACK", 0);
                self.wait(SEGMENT_GAP_S);
            }
        }
        self.advance(side, "PSH, ACK", left);
        self.push(side, protocol, TCP_HEADERS + left, info.to_owned());
        self.wait(self.round_trip_s / 2.0);
        self.segment(other, "ACK", 0);
        self.wait(SEGMENT_GAP_S);
    }

    /// One datagram.
    pub(crate) fn datagram(&mut self, side: Side, bytes: u32, protocol: &'static str, info: &str) {
        self.push(side, protocol, UDP_HEADERS + bytes, info.to_owned());
    }

    /// Attempts to connect that nobody answers, each later than the one before.
    pub(crate) fn unanswered(&mut self) {
        for (attempt, wait_s) in [1.0, 2.0, 4.0].into_iter().enumerate() {
            self.next_sequence = [0, 0];
            let info = self.advance(Side::Client, "SYN", 0);
            let info = if attempt == 0 { info } else { format!("[TCP Retransmission] {info}") };
            self.push(Side::Client, "TCP", SYN_HEADERS, info);
            self.wait(wait_s);
        }
    }
}
