//! Logs of Zeek: connections, and the DNS queries, TLS handshakes and HTTP requests within them.

use eddy_frame::{Column, Kind, MISSING_INT, TextColumn, is_normal_label};

use super::column::Flow;
use super::mapped::{
    Class, Mapped, Raw, addresses, all, all_text, counts, dns_code, dns_type, ints, is_unset, milliseconds,
    plain_texts, protocols,
};
use super::state;
use super::{Gives, Log, Wanted};

/// What is read of any log of Zeek.
pub(super) const WANTED: &[Wanted] = &[
    ("ts", Kind::Time),
    ("_path", Kind::Text),
    ("uid", Kind::Text),
    ("id.orig_h", Kind::Text),
    ("id.orig_p", Kind::Int),
    ("id.resp_h", Kind::Text),
    ("id.resp_p", Kind::Int),
    ("proto", Kind::Text),
    ("service", Kind::Text),
    ("duration", Kind::Float),
    ("orig_bytes", Kind::Int),
    ("resp_bytes", Kind::Int),
    ("conn_state", Kind::Text),
    ("history", Kind::Text),
    ("orig_pkts", Kind::Int),
    ("orig_ip_bytes", Kind::Int),
    ("resp_pkts", Kind::Int),
    ("resp_ip_bytes", Kind::Int),
    ("orig_l2_addr", Kind::Text),
    ("resp_l2_addr", Kind::Text),
    ("label", Kind::Text),
    ("detailed-label", Kind::Text),
    ("detailedlabel", Kind::Text),
    ("query", Kind::Text),
    ("qtype", Kind::Int),
    ("qtype_name", Kind::Text),
    ("rcode", Kind::Int),
    ("rcode_name", Kind::Text),
    ("version", Kind::Text),
    ("server_name", Kind::Text),
    ("ja4", Kind::Text),
    ("method", Kind::Text),
    ("host", Kind::Text),
    ("uri", Kind::Text),
    ("user_agent", Kind::Text),
];

/// Connections.
pub(super) const CONN: Log = Log {
    shape: "zeek_conn",
    short: "conn",
    gives: Gives::Flows,
    wanted: WANTED,
    unless_zero: &[],
    map: conn,
};
/// DNS queries.
pub(super) const DNS: Log = Log {
    shape: "zeek_dns",
    short: "dns",
    gives: Gives::Details,
    wanted: WANTED,
    unless_zero: &[],
    map: dns,
};
/// TLS handshakes.
pub(super) const SSL: Log = Log {
    shape: "zeek_ssl",
    short: "ssl",
    gives: Gives::Details,
    wanted: WANTED,
    unless_zero: &[],
    map: ssl,
};
/// HTTP requests.
pub(super) const HTTP: Log = Log {
    shape: "zeek_http",
    short: "http",
    gives: Gives::Details,
    wanted: WANTED,
    unless_zero: &[],
    map: http,
};
/// Records of several logs in one stream, told apart by `_path`.
pub(super) const STREAM: Log = Log {
    shape: "zeek_stream",
    short: "stream",
    gives: Gives::Both,
    wanted: WANTED,
    unless_zero: &[],
    map: stream,
};

/// The log whose records name these paths; nothing when none of them is of flows.
pub(super) fn of_paths(paths: &TextColumn) -> Option<&'static Log> {
    let of = |path: &str| [&CONN, &DNS, &SSL, &HTTP].into_iter().find(|log| log.short == path);
    let one = paths.iter().all(|path| path == paths.get(0));
    if one && !paths.is_empty() {
        of(paths.get(0))
    } else {
        paths.iter().any(|path| of(path).is_some()).then_some(&STREAM)
    }
}

/// What all logs say.
fn ends(raw: &Raw<'_>) -> Mapped {
    let mut mapped = Mapped::new();
    mapped.set(Flow::Start, raw.time(&["ts"]).map(|times| Column::Time(times.to_vec())));
    mapped.set(Flow::Source, addresses(raw.text(&["id.orig_h"])));
    mapped.set(Flow::Destination, addresses(raw.text(&["id.resp_h"])));
    mapped.set(Flow::SourcePort, ports(raw.int(&["id.orig_p"])));
    mapped.set(Flow::DestinationPort, ports(raw.int(&["id.resp_p"])));
    mapped.set(Flow::Protocol, protocols(raw.text(&["proto"])));
    mapped.keys = raw.text(&["uid"]).cloned();
    mapped.need_addresses(raw.n_rows);
    mapped
}

/// Ports; numbers that are none are missing.
pub(super) fn ports(values: Option<&[i64]>) -> Option<Column> {
    let of = |port: &i64| if (0..=65_535).contains(port) { *port } else { MISSING_INT };
    values.map(|values| Column::Int(values.iter().map(of).collect()))
}

fn conn(raw: &Raw<'_>) -> Mapped {
    let mut mapped = ends(raw);
    mapped.set(Flow::Duration, milliseconds(raw.float(&["duration"])));
    let mut payload = false;
    for (flow, ip_bytes, bytes) in
        [(Flow::Octets, "orig_ip_bytes", "orig_bytes"), (Flow::ReverseOctets, "resp_ip_bytes", "resp_bytes")]
    {
        let column = match (raw.int(&[ip_bytes]), raw.int(&[bytes])) {
            (Some(whole), _) => counts(Some(whole)),
            (None, part) => {
                payload |= part.is_some();
                counts(part)
            }
        };
        mapped.set(flow, column);
    }
    if payload {
        mapped.note(Flow::Octets, "bytes of payload: the log has no bytes of IP");
    }
    mapped.set(Flow::Packets, counts(raw.int(&["orig_pkts"])));
    mapped.set(Flow::ReversePackets, counts(raw.int(&["resp_pkts"])));
    mapped.set(Flow::State, plain_texts(raw.text(&["conn_state"])));
    mapped.set(Flow::Application, plain_texts(raw.text(&["service"])));
    mapped.set(Flow::SourceMac, plain_texts(raw.text(&["orig_l2_addr"])));
    mapped.set(Flow::DestinationMac, plain_texts(raw.text(&["resp_l2_addr"])));
    mapped.set(Flow::Label, labels(raw.text(&["label"]), raw.text(&["detailed-label", "detailedlabel"])));
    if let Some(history) = raw.text(&["history"]) {
        flags(&mut mapped, history);
    }
    icmp(&mut mapped);
    mapped
}

/// Flags of TCP from the history.
fn flags(mapped: &mut Mapped, history: &TextColumn) {
    let Some(protocols) = mapped.int(Flow::Protocol) else { return };
    let (opener, other): (Vec<i64>, Vec<i64>) = history
        .iter()
        .zip(protocols)
        .map(|(history, protocol)| {
            let told = *protocol == 6 && !is_unset(history);
            if told { state::of_history(history) } else { (MISSING_INT, MISSING_INT) }
        })
        .unzip();
    mapped.set(Flow::Flags, Some(Column::Int(opener)));
    mapped.set(Flow::ReverseFlags, Some(Column::Int(other)));
    mapped.note(Flow::Flags, "flags are those that Zeek's history tells; push and urgent are not in it");
}

/// Zeek writes the ICMP type and code where the ports are, and has one name for ICMP of both families.
fn icmp(mapped: &mut Mapped) {
    let Some(Column::Int(mut protocols)) = mapped.take(Flow::Protocol) else { return };
    if protocols.contains(&1) || protocols.contains(&58) {
        let mut codes = vec![MISSING_INT; protocols.len()];
        if let (Some(Column::Int(mut from)), Some(Column::Int(mut to))) =
            (mapped.take(Flow::SourcePort), mapped.take(Flow::DestinationPort))
        {
            let sources = mapped.text(Flow::Source);
            for (row_idx, (protocol, code)) in protocols.iter_mut().zip(&mut codes).enumerate() {
                let (Some(from), Some(to)) = (from.get_mut(row_idx), to.get_mut(row_idx)) else { continue };
                if !matches!(protocol, 1 | 58) {
                    continue;
                }
                if sources.is_some_and(|texts| texts.get(row_idx).contains(':')) {
                    *protocol = 58;
                } else if (0..=255).contains(from) && (0..=255).contains(to) {
                    *code = *from * 256 + *to;
                }
                (*from, *to) = (MISSING_INT, MISSING_INT);
            }
            mapped.set(Flow::SourcePort, Some(Column::Int(from)));
            mapped.set(Flow::DestinationPort, Some(Column::Int(to)));
        }
        mapped.set(Flow::Icmp, Some(Column::Int(codes)));
    } else {
        mapped.set(Flow::Icmp, all(MISSING_INT, protocols.len()));
    }
    mapped.set(Flow::Protocol, Some(Column::Int(protocols)));
}

/// Labels; the detailed one of a row that is not normal.
pub(super) fn labels(labels: Option<&TextColumn>, details: Option<&TextColumn>) -> Option<Column> {
    let labels = labels?;
    let texts = labels.iter().enumerate().map(|(row_idx, label)| {
        let detail = details.map_or("", |details| details.get(row_idx)).trim();
        match label.trim() {
            label if is_unset(label) => "",
            label if is_unset(detail) || is_normal_label(label) => label,
            _ => detail,
        }
    });
    Some(Column::Text(texts.collect()))
}

fn dns(raw: &Raw<'_>) -> Mapped {
    let mut mapped = ends(raw);
    queries(&mut mapped, raw);
    mapped.set(Flow::Application, all_text("dns", raw.n_rows));
    mapped
}

fn queries(mapped: &mut Mapped, raw: &Raw<'_>) {
    mapped.set(Flow::DnsName, plain_texts(raw.text(&["query"])));
    let numbers = |number: &str, name: &str, of: fn(&str) -> i64| {
        ints(raw.int(&[number])).or_else(|| {
            raw.text(&[name]).map(|names| Column::Int(names.iter().map(|name| of(name.trim())).collect()))
        })
    };
    mapped.set(Flow::DnsType, numbers("qtype", "qtype_name", dns_type));
    mapped.set(Flow::DnsCode, numbers("rcode", "rcode_name", dns_code));
}

fn ssl(raw: &Raw<'_>) -> Mapped {
    let mut mapped = ends(raw);
    let over_udp = |row_idx: usize| {
        raw.text(&["version"]).is_some_and(|versions| versions.get(row_idx).starts_with("DTLS"))
    };
    let protocols = (0..raw.n_rows).map(|row_idx| if over_udp(row_idx) { 17 } else { 6 }).collect();
    mapped.set(Flow::Protocol, Some(Column::Int(protocols)));
    mapped.set(Flow::TlsName, plain_texts(raw.text(&["server_name"])));
    mapped.set(Flow::TlsJa4, plain_texts(raw.text(&["ja4"])));
    mapped.set(Flow::Application, all_text("ssl", raw.n_rows));
    mapped
}

fn http(raw: &Raw<'_>) -> Mapped {
    let mut mapped = ends(raw);
    requests(&mut mapped, raw);
    mapped.set(Flow::Protocol, all(6, raw.n_rows));
    mapped.set(Flow::Application, all_text("http", raw.n_rows));
    mapped
}

fn requests(mapped: &mut Mapped, raw: &Raw<'_>) {
    mapped.set(Flow::HttpHost, plain_texts(raw.text(&["host"])));
    mapped.set(Flow::HttpTarget, plain_texts(raw.text(&["uri"])));
    mapped.set(Flow::HttpAgent, plain_texts(raw.text(&["user_agent"])));
}

fn stream(raw: &Raw<'_>) -> Mapped {
    let mut mapped = conn(raw);
    queries(&mut mapped, raw);
    requests(&mut mapped, raw);
    mapped.set(Flow::TlsName, plain_texts(raw.text(&["server_name"])));
    mapped.set(Flow::TlsJa4, plain_texts(raw.text(&["ja4"])));
    let Some(paths) = raw.text(&["_path"]) else { return mapped };
    let mut applications = TextColumn::default();
    let services = mapped.text(Flow::Application).cloned().unwrap_or_default();
    let broken = std::mem::take(&mut mapped.classes);
    for (row_idx, path) in paths.iter().enumerate() {
        let class = match path {
            "conn" => Class::Flow,
            "dns" | "ssl" | "http" => Class::Detail,
            _ => Class::Other,
        };
        let is_broken = broken.get(row_idx).filter(|class| matches!(class, Class::Broken(_)));
        mapped.classes.push(match (class, is_broken) {
            (Class::Flow | Class::Detail, Some(broken)) => *broken,
            (class, _) => class,
        });
        let service = if row_idx < services.len() { services.get(row_idx) } else { "" };
        applications.push(if class == Class::Detail { path } else { service });
    }
    mapped.set(Flow::Application, Some(Column::Text(applications)));
    mapped.kinds = Some(paths.clone());
    mapped
}
