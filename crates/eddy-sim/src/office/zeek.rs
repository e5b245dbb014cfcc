//! Flows as the logs Zeek writes: conn.log, dns.log, ssl.log and http.log, tab-separated.

use std::fmt::Write as _;
use std::net::IpAddr;

use eddy_frame::{CivilTime, NANOS_PER_SECOND};

use super::flow::{Detail, Flow, Transport};

/// The logs: name, columns, types.
const LOGS: [(&str, &str, &str); 4] = [
    (
        "conn",
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state \
         local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents",
        "time string addr port addr port enum string interval count count string bool bool count string count count \
         count count set[string]",
    ),
    (
        "dns",
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto trans_id rtt query qclass qclass_name qtype qtype_name \
         rcode rcode_name AA TC RD RA Z answers TTLs rejected",
        "time string addr port addr port enum count interval string count string count string count string bool bool \
         bool bool count vector[string] vector[interval] bool",
    ),
    (
        "ssl",
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p version cipher curve server_name resumed last_alert \
         next_protocol established",
        "time string addr port addr port string string string string bool string string bool",
    ),
    (
        "http",
        "ts uid id.orig_h id.orig_p id.resp_h id.resp_p trans_depth method host uri referrer version user_agent origin \
         request_body_len response_body_len status_code status_msg",
        "time string addr port addr port count string string string string string string string count count count \
         string",
    ),
];

/// The logs of a sensor, as text that grows until it is taken.
#[derive(Debug, Default)]
pub struct ZeekLogs {
    texts: [String; LOGS.len()],
    begun: bool,
    last_ns: i64,
}

impl ZeekLogs {
    /// The names of the files, in the order of [`ZeekLogs::take`].
    pub const NAMES: [&'static str; LOGS.len()] = ["conn.log", "dns.log", "ssl.log", "http.log"];

    /// Adds a flow. ARP is in none of the logs.
    pub fn push(&mut self, flow: &Flow) {
        if !self.begun {
            self.begin(flow.start_ns);
        }
        self.last_ns = self.last_ns.max(flow.start_ns);
        if flow.transport == Transport::Arp {
            return;
        }
        let common = common(flow);
        self.conn(flow, &common);
        match &flow.detail {
            Detail::Dns { name, kind, code, answers, address, .. } => {
                self.dns(flow, &common, (name, *kind, *code), (*answers, *address));
            }
            Detail::Tls { server_name, .. } => {
                let _ = writeln!(
                    self.texts[2],
                    "{common}\tTLSv13\tTLS_AES_128_GCM_SHA256\tx25519\t{server_name}\tF\t-\th2\tT"
                );
            }
            Detail::Http { host, target, agent } => {
                let totals = flow.totals();
                let body = totals.payload_bytes[1].saturating_sub(super::payload::LEAST_HTTP_RESPONSE_BYTES);
                let _ = writeln!(
                    self.texts[3],
                    "{common}\t1\tGET\t{host}\t{target}\t-\t1.1\t{agent}\t-\t0\t{body}\t200\tOK"
                );
            }
            Detail::None | Detail::Arp { .. } => {}
        }
    }

    /// The text written since it was last taken.
    pub fn take(&mut self) -> [String; LOGS.len()] {
        std::mem::take(&mut self.texts)
    }

    /// Bytes that wait to be taken.
    pub fn pending_bytes(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }

    /// Writes what stands at the end of a log.
    pub fn finish(&mut self) {
        if !self.begun {
            self.begin(self.last_ns);
        }
        for text in &mut self.texts {
            let _ = writeln!(text, "#close\t{}", stamp(self.last_ns));
        }
    }

    fn begin(&mut self, at_ns: i64) {
        self.begun = true;
        self.last_ns = at_ns;
        for (text, (name, columns, types)) in self.texts.iter_mut().zip(LOGS) {
            let tabs = |words: &str| words.split_whitespace().collect::<Vec<_>>().join("\t");
            let _ = write!(
                text,
                "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{name}\n\
                 #open\t{}\n#fields\t{}\n#types\t{}\n",
                stamp(at_ns),
                tabs(columns),
                tabs(types)
            );
        }
    }

    fn conn(&mut self, flow: &Flow, common: &str) {
        let totals = flow.totals();
        let proto = proto(flow);
        let service = if flow.application.is_empty() { "-" } else { flow.application };
        // Zeek gives no duration and no bytes to what was one packet.
        let is_single = totals.packets[0] + totals.packets[1] == 1;
        let (duration, bytes) = if is_single && flow.transport == Transport::Tcp {
            ("-".to_owned(), ["-".to_owned(), "-".to_owned()])
        } else {
            (seconds(totals.duration_us), totals.payload_bytes.map(|bytes| bytes.to_string()))
        };
        let history = if flow.transport == Transport::Icmp { "-".to_owned() } else { flow.history() };
        let history = if history.is_empty() { "-" } else { &history };
        let _ = writeln!(
            self.texts[0],
            "{common}\t{proto}\t{service}\t{duration}\t{}\t{}\t{}\t{}\t{}\t0\t{history}\t{}\t{}\t{}\t{}\t-",
            bytes[0],
            bytes[1],
            flow.state(),
            local(flow.source),
            local(flow.destination),
            totals.packets[0],
            totals.ip_bytes[0],
            totals.packets[1],
            totals.ip_bytes[1],
        );
    }

    fn dns(
        &mut self,
        flow: &Flow,
        common: &str,
        (name, kind, code): (&str, u16, u8),
        (answers, address): (u8, Option<IpAddr>),
    ) {
        let kind_name = match kind {
            1 => "A",
            12 => "PTR",
            16 => "TXT",
            28 => "AAAA",
            _ => "-",
        };
        let is_answered = code < 16;
        let (rcode, rcode_name) = match code {
            0 => ("0", "NOERROR"),
            3 => ("3", "NXDOMAIN"),
            _ => ("-", "-"),
        };
        let rtt = if is_answered { seconds(flow.totals().duration_us) } else { "-".to_owned() };
        let (texts, times): (Vec<String>, Vec<&str>) = (0..if is_answered { answers } else { 0 })
            .map(|at| {
                let text = match address {
                    Some(IpAddr::V4(v4)) => {
                        std::net::Ipv4Addr::from(u32::from(v4).wrapping_add(u32::from(at))).to_string()
                    }
                    Some(IpAddr::V6(v6)) => {
                        std::net::Ipv6Addr::from(u128::from(v6).wrapping_add(u128::from(at))).to_string()
                    }
                    None => "TXT".to_owned(),
                };
                (text, "300.000000")
            })
            .unzip();
        let or_unset = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let _ = writeln!(
            self.texts[1],
            "{common}\tudp\t{}\t{rtt}\t{name}\t1\tC_INTERNET\t{kind}\t{kind_name}\t{rcode}\t{rcode_name}\tF\tF\tT\t{}\t0\t{}\t{}\tF",
            flow.id as u16,
            if is_answered { "T" } else { "F" },
            or_unset(texts.join(",")),
            or_unset(times.join(",")),
        );
    }
}

/// The columns all logs begin with: time, name and ends of the connection.
fn common(flow: &Flow) -> String {
    let (source_port, port) =
        if flow.transport == Transport::Icmp { (8, 0) } else { (flow.source_port, flow.destination_port) };
    format!(
        "{}.{:06}\tC{}\t{}\t{source_port}\t{}\t{port}",
        flow.start_ns.div_euclid(NANOS_PER_SECOND),
        flow.start_ns.rem_euclid(NANOS_PER_SECOND) / 1_000,
        base62(flow.id),
        flow.source,
        flow.destination
    )
}

fn proto(flow: &Flow) -> &'static str {
    match flow.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::Icmp => "icmp",
        Transport::Arp => "-",
    }
}

fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

fn local(address: IpAddr) -> char {
    let is_local = match address {
        IpAddr::V4(v4) => v4.octets()[..2] == [10, 20],
        IpAddr::V6(v6) => v6.segments()[..3] == [0x2001, 0xdb8, 0x20],
    };
    if is_local { 'T' } else { 'F' }
}

fn base62(mut number: u64) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(11);
    while number > 0 || text.is_empty() {
        text.push(char::from(DIGITS[(number % 62) as usize]));
        number /= 62;
    }
    text
}

fn stamp(at_ns: i64) -> String {
    let t = CivilTime::from_nanos(at_ns);
    format!("{:04}-{:02}-{:02}-{:02}-{:02}-{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second)
}
