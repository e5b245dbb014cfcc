//! The services hosts use, and how much traffic they make.

/// How a service's packets are shown in a packet list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Talk {
    /// A TCP connection that starts with a TLS handshake.
    Tls,
    /// A TCP connection with readable requests and answers.
    Plain,
    /// One UDP datagram and its answer.
    Datagram,
}

/// A service with its habits. Sizes are medians in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// The name in NSL-KDD.
    pub(crate) name: &'static str,
    /// The well-known port.
    pub(crate) port: u16,
    /// `tcp` or `udp`.
    pub(crate) transport: &'static str,
    /// The protocol in flow features.
    pub(crate) flow_protocol: &'static str,
    /// The protocol in a packet list.
    pub(crate) packet_protocol: &'static str,
    pub(crate) talk: Talk,
    /// Share of calls.
    pub(crate) weight: f64,
    /// Bytes of a minute's flow, relative to the mean service.
    pub(crate) volume: f64,
    /// Median bytes a packet of a minute's flow.
    pub(crate) packet_bytes: f64,
    /// Median bytes of one request.
    pub(crate) request_bytes: f64,
    /// Median bytes of one answer.
    pub(crate) answer_bytes: f64,
    /// Mean duration of a connection in seconds.
    pub(crate) duration_s: f64,
    /// A request and an answer as a packet list describes them.
    pub(crate) info: [&'static str; 2],
}

const fn tcp(
    name: &'static str,
    port: u16,
    flow_protocol: &'static str,
    packet_protocol: &'static str,
) -> Service {
    Service {
        name,
        port,
        transport: "tcp",
        flow_protocol,
        packet_protocol,
        talk: Talk::Plain,
        weight: 1.0,
        volume: 1.0,
        packet_bytes: 550.0,
        request_bytes: 300.0,
        answer_bytes: 2_000.0,
        duration_s: 1.0,
        info: ["", ""],
    }
}

const fn udp(name: &'static str, port: u16, packet_protocol: &'static str) -> Service {
    Service {
        transport: "udp",
        talk: Talk::Datagram,
        duration_s: 0.0,
        ..tcp(name, port, "UDP", packet_protocol)
    }
}

/// The service that floods aim at.
pub(crate) const HTTPS: usize = 0;
/// The service whose passwords are tried.
pub(crate) const SSH: usize = 3;

/// All services.
pub(crate) const SERVICES: [Service; 9] = [
    Service {
        talk: Talk::Tls,
        weight: 34.0,
        volume: 1.15,
        packet_bytes: 640.0,
        request_bytes: 620.0,
        answer_bytes: 5_200.0,
        duration_s: 1.8,
        info: ["Application Data", "Application Data"],
        ..tcp("http_443", 443, "HTTPS", "TLSv1.3")
    },
    Service {
        weight: 18.0,
        packet_bytes: 590.0,
        request_bytes: 260.0,
        answer_bytes: 3_100.0,
        duration_s: 0.6,
        info: ["GET /index.html HTTP/1.1", "HTTP/1.1 200 OK  (text/html)"],
        ..tcp("http", 80, "HTTP", "HTTP")
    },
    Service {
        weight: 26.0,
        volume: 0.55,
        packet_bytes: 300.0,
        request_bytes: 44.0,
        answer_bytes: 120.0,
        info: [
            "Standard query 0x2a61 A www.example.com",
            "Standard query response 0x2a61 A www.example.com A 198.51.100.7",
        ],
        ..udp("domain_u", 53, "DNS")
    },
    Service {
        weight: 4.0,
        volume: 0.7,
        packet_bytes: 360.0,
        request_bytes: 90.0,
        answer_bytes: 240.0,
        duration_s: 25.0,
        info: ["Client: Encrypted packet (len=84)", "Server: Encrypted packet (len=212)"],
        ..tcp("ssh", 22, "SSH", "SSHv2")
    },
    Service {
        weight: 2.5,
        volume: 1.4,
        packet_bytes: 760.0,
        request_bytes: 80.0,
        answer_bytes: 9_000.0,
        duration_s: 4.0,
        info: ["Request: RETR report.pdf", "Response: 226 Transfer complete."],
        ..tcp("ftp", 21, "FTP", "FTP")
    },
    Service {
        weight: 4.0,
        volume: 0.9,
        packet_bytes: 520.0,
        request_bytes: 1_900.0,
        answer_bytes: 330.0,
        duration_s: 1.5,
        info: ["C: DATA fragment", "S: 250 OK"],
        ..tcp("smtp", 25, "TCP", "SMTP")
    },
    Service {
        talk: Talk::Tls,
        weight: 5.0,
        volume: 0.85,
        packet_bytes: 480.0,
        request_bytes: 150.0,
        answer_bytes: 1_700.0,
        duration_s: 6.0,
        info: ["Application Data", "Application Data"],
        ..tcp("imap4", 993, "TCP", "TLSv1.2")
    },
    Service {
        weight: 4.5,
        volume: 1.05,
        packet_bytes: 430.0,
        request_bytes: 180.0,
        answer_bytes: 1_200.0,
        duration_s: 2.0,
        info: ["Request Query", "Response OK"],
        ..tcp("sql_net", 3306, "TCP", "MySQL")
    },
    Service {
        weight: 2.0,
        volume: 0.5,
        packet_bytes: 280.0,
        request_bytes: 48.0,
        answer_bytes: 48.0,
        info: ["NTP Version 4, client", "NTP Version 4, server"],
        ..udp("ntp_u", 123, "NTP")
    },
];
