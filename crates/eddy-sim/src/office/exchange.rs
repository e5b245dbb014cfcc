//! The exchanges flows are made of: a name looked up, a page fetched, a password tried.

use std::net::IpAddr;
use std::sync::Arc;

use super::flow::{ACK, Content, Detail, FIN, Flow, PSH, RST, SEGMENT_BYTES, SYN, Step, Transport};
use super::payload;
use crate::conversation::Side::{self, Client, Server};
use crate::draw::Draw;

/// Microseconds between packets sent in one go.
const BURST_US: u64 = 120;
/// Most bytes of a datagram's payload.
const DATAGRAM_BYTES: u16 = 1_400;

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Close {
    /// Both sides say FIN.
    Fin,
    /// The client resets it.
    ClientReset,
    /// The server resets it.
    ServerReset,
    /// Nobody closes it while it is watched.
    Never,
}

/// Who talks to whom, and how far apart they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) at_ns: i64,
    pub(crate) source: IpAddr,
    pub(crate) source_port: u16,
    pub(crate) destination: IpAddr,
    pub(crate) port: u16,
    pub(crate) round_trip_us: u64,
}

/// A flow being put together.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    flow: Flow,
    round_trip_us: u64,
    /// Waited since the last step.
    waited_us: u64,
    last_side: Side,
}

impl Exchange {
    pub(crate) fn new(ends: Ends, transport: Transport, application: &'static str) -> Self {
        let flow = Flow {
            start_ns: ends.at_ns.div_euclid(1_000) * 1_000,
            source: ends.source,
            destination: ends.destination,
            source_port: ends.source_port,
            destination_port: ends.port,
            transport,
            application,
            truth: 0,
            detail: Detail::None,
            steps: Vec::with_capacity(8),
            id: 0,
            links: [[0; 2]; 2],
        };
        Self { flow, round_trip_us: ends.round_trip_us, waited_us: 0, last_side: Client }
    }

    /// A TCP connection that is opened.
    pub(crate) fn tcp(ends: Ends, application: &'static str) -> Self {
        let mut talk = Self::new(ends, Transport::Tcp, application);
        talk.segment(Client, SYN, 0);
        talk.wait_us(talk.round_trip_us);
        talk.segment(Server, SYN | ACK, 0);
        talk.wait_us(60);
        talk.segment(Client, ACK, 0);
        talk
    }

    pub(crate) fn detail(mut self, detail: Detail) -> Self {
        self.flow.detail = detail;
        self
    }

    pub(crate) fn wait_us(&mut self, us: u64) {
        self.waited_us += us;
    }

    pub(crate) fn wait_s(&mut self, seconds: f64) {
        // Nobody waits for more than a day, whatever a strength near zero asks for.
        self.waited_us += (seconds.clamp(0.0, 86_400.0) * 1e6) as u64;
    }

    fn push(&mut self, mut step: Step) {
        step.wait_us = std::mem::take(&mut self.waited_us);
        self.last_side = step.side;
        self.flow.steps.push(step);
    }

    /// One packet without acknowledgement.
    pub(crate) fn segment(&mut self, side: Side, flags: u8, bytes: u64) {
        let content = Content::Filler;
        self.push(Step {
            side,
            content,
            flags,
            piece: SEGMENT_BYTES,
            is_acknowledged: false,
            wait_us: 0,
            spacing_us: BURST_US,
            bytes,
        });
    }

    /// A message over TCP: full segments, of which every second and the last are acknowledged. When the other side
    /// spoke last, half a round trip passes first.
    pub(crate) fn message(&mut self, side: Side, content: Content, bytes: u64) {
        if side != self.last_side {
            self.wait_us(self.round_trip_us / 2);
        }
        // A long transfer goes at about the speed of the path, not of the link.
        let spacing_us = if bytes > 200_000 { 400 } else { BURST_US };
        self.train(side, content, bytes, SEGMENT_BYTES, spacing_us);
    }

    /// A message over TCP in packets of a given size at even distances.
    pub(crate) fn train(&mut self, side: Side, content: Content, bytes: u64, piece: u16, spacing_us: u64) {
        self.push(Step {
            side,
            content,
            flags: PSH | ACK,
            piece,
            is_acknowledged: true,
            wait_us: 0,
            spacing_us: spacing_us.max(4),
            bytes: bytes.max(1),
        });
    }

    /// A line of a text protocol over TCP.
    pub(crate) fn line(&mut self, side: Side, text: &'static str) {
        self.message(side, Content::Text(text), text.len() as u64);
    }

    /// Datagrams (or echoes) of at most `piece` payload bytes.
    pub(crate) fn datagrams(
        &mut self,
        side: Side,
        content: Content,
        bytes: u64,
        piece: u16,
        spacing_us: u64,
    ) {
        self.push(Step {
            side,
            content,
            flags: 0,
            piece,
            is_acknowledged: false,
            wait_us: 0,
            spacing_us: spacing_us.max(4),
            bytes,
        });
    }

    /// One datagram (or echo) and, a round trip later, another from the other side.
    pub(crate) fn ask(&mut self, content: (Content, u64), answer: (Content, u64)) {
        self.datagrams(Client, content.0, content.1, DATAGRAM_BYTES, BURST_US);
        self.wait_us(self.round_trip_us);
        self.datagrams(Server, answer.0, answer.1, DATAGRAM_BYTES, BURST_US);
    }

    /// The handshake of TLS 1.3: hello, certificate, finish.
    pub(crate) fn tls(&mut self, draw: &mut Draw) {
        self.message(Client, Content::TlsHello, payload::TLS_HELLO_BYTES);
        self.message(Server, Content::TlsServerHello, u64::from(draw.whole(2_600, 5_200)));
        self.message(Client, Content::TlsData, 80);
    }

    /// Ends the exchange.
    pub(crate) fn close(mut self, how: Close) -> Flow {
        match how {
            Close::Fin => {
                self.segment(Client, FIN | ACK, 0);
                self.wait_us(self.round_trip_us);
                self.segment(Server, FIN | ACK, 0);
                self.wait_us(60);
                self.segment(Client, ACK, 0);
            }
            Close::ClientReset => self.segment(Client, RST | ACK, 0),
            Close::ServerReset => {
                self.wait_us(self.round_trip_us / 2);
                self.segment(Server, RST | ACK, 0);
            }
            Close::Never => {}
        }
        self.flow
    }

    /// The flow of datagrams as it stands.
    pub(crate) fn done(self) -> Flow {
        self.flow
    }
}

/// A connection that nobody answers: three tries, each later than the one before.
pub(crate) fn unanswered_steps() -> Vec<Step> {
    [0, 1_000_000, 2_000_000]
        .map(|wait_us| Step {
            side: Client,
            content: Content::Filler,
            flags: SYN,
            piece: SEGMENT_BYTES,
            is_acknowledged: false,
            wait_us,
            spacing_us: BURST_US,
            bytes: 0,
        })
        .to_vec()
}

/// A connection that nobody answers.
pub(crate) fn unanswered(ends: Ends) -> Flow {
    let mut flow = Exchange::new(ends, Transport::Tcp, "").done();
    flow.steps = unanswered_steps();
    flow
}

/// One packet with the given flags, and a reset when `is_answered`.
pub(crate) fn probe(ends: Ends, flags: u8, answer: Option<u8>) -> Flow {
    let mut talk = Exchange::new(ends, Transport::Tcp, "");
    talk.segment(Client, flags, 0);
    if let Some(flags) = answer {
        talk.wait_us(talk.round_trip_us);
        talk.segment(Server, flags, 0);
    }
    talk.done()
}

/// A connection that is refused.
pub(crate) fn refused(ends: Ends) -> Flow {
    probe(ends, SYN, Some(RST | ACK))
}

/// A question for a name and its answer.
pub(crate) fn dns(ends: Ends, detail: Detail) -> Flow {
    let mut talk = Exchange::new(ends, Transport::Udp, "dns");
    let sizes = [Client, Server].map(|side| payload::dns_bytes(&detail, side));
    talk.ask((Content::DnsQuery, sizes[0]), (Content::DnsAnswer, sizes[1]));
    talk.detail(detail).done()
}

/// The details of a question for an address.
pub(crate) fn address_question(name: &Arc<str>, kind: u16, answers: u8, address: Option<IpAddr>) -> Detail {
    Detail::Dns { name: name.clone(), kind, code: 0, answers, address, text_bytes: 0 }
}

/// Network time asked and told.
pub(crate) fn ntp(ends: Ends) -> Flow {
    let mut talk = Exchange::new(ends, Transport::Udp, "ntp");
    talk.ask((Content::Ntp, 48), (Content::Ntp, 48));
    talk.done()
}

/// Echo requests, each answered, a second apart.
pub(crate) fn ping(ends: Ends, count: u32, bytes: u64) -> Flow {
    let mut talk = Exchange::new(ends, Transport::Icmp, "");
    for at in 0..count {
        if at > 0 {
            talk.wait_us(1_000_000);
        }
        talk.ask((Content::Filler, bytes), (Content::Filler, bytes));
    }
    talk.done()
}

/// A request over HTTP and its response.
pub(crate) fn http(ends: Ends, detail: Detail, response_bytes: u64, think_s: f64) -> Flow {
    let request_bytes = payload::http_request_bytes(&detail);
    let mut talk = Exchange::tcp(ends, "http").detail(detail);
    talk.message(Client, Content::HttpRequest, request_bytes);
    talk.wait_s(think_s);
    talk.message(Server, Content::HttpResponse, response_bytes.max(payload::LEAST_HTTP_RESPONSE_BYTES));
    talk.close(Close::Fin)
}

/// A password tried over SSH and refused `tries` times.
pub(crate) fn ssh_login_failed(ends: Ends, banner: &'static str, tries: u32, draw: &mut Draw) -> Flow {
    let mut talk = ssh_greeting(ends, banner, draw);
    for _ in 0..tries {
        talk.message(Client, Content::Filler, 148);
        talk.wait_s(draw.uniform(0.9, 2.2));
        talk.message(Server, Content::Filler, 52);
    }
    talk.close(Close::Fin)
}

/// Banners and keys of an SSH connection.
pub(crate) fn ssh_greeting(ends: Ends, banner: &'static str, draw: &mut Draw) -> Exchange {
    let mut talk = Exchange::tcp(ends, "ssh");
    talk.line(Client, banner);
    talk.line(Server, "SSH-2.0-OpenSSH_9.6\r\n");
    talk.message(Client, Content::Filler, u64::from(draw.whole(900, 1_500)));
    talk.message(Server, Content::Filler, 1_080);
    talk.message(Client, Content::Filler, 48);
    talk.message(Server, Content::Filler, 612);
    talk.message(Client, Content::Filler, 116);
    talk
}
