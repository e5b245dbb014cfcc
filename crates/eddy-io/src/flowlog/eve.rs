//! EVE: the JSON events of Suricata.

use eddy_frame::{Column, Kind, MISSING_INT, MISSING_TIME, TextColumn};

use super::column::Flow;
use super::mapped::{
    Class, Mapped, Raw, addresses, counts, dns_code, dns_type, is_unset, plain_texts, protocols, states,
};
use super::zeek::ports;
use super::{Gives, Log, Wanted};
use crate::json::scan::{Leaf, object, unescape};

/// What is read of an event.
const WANTED: &[Wanted] = &[
    ("timestamp", Kind::Time),
    ("flow_id", Kind::Text),
    ("event_type", Kind::Text),
    ("src_ip", Kind::Text),
    ("src_port", Kind::Int),
    ("dest_ip", Kind::Text),
    ("dest_port", Kind::Int),
    ("proto", Kind::Text),
    ("icmp_type", Kind::Int),
    ("icmp_code", Kind::Int),
    ("app_proto", Kind::Text),
    ("flow.start", Kind::Time),
    ("flow.end", Kind::Time),
    ("flow.pkts_toserver", Kind::Int),
    ("flow.pkts_toclient", Kind::Int),
    ("flow.bytes_toserver", Kind::Int),
    ("flow.bytes_toclient", Kind::Int),
    ("tcp.tcp_flags", Kind::Text),
    ("tcp.tcp_flags_ts", Kind::Text),
    ("tcp.tcp_flags_tc", Kind::Text),
    ("netflow.pkts", Kind::Int),
    ("netflow.bytes", Kind::Int),
    ("netflow.start", Kind::Time),
    ("netflow.end", Kind::Time),
    ("dns.rrname", Kind::Text),
    ("dns.rrtype", Kind::Text),
    ("dns.rcode", Kind::Text),
    ("dns.queries", Kind::Text),
    ("dns.query", Kind::Text),
    ("tls.sni", Kind::Text),
    ("tls.ja4", Kind::Text),
    ("http.hostname", Kind::Text),
    ("http.url", Kind::Text),
    ("http.http_user_agent", Kind::Text),
    ("ether.src_mac", Kind::Text),
    ("ether.dest_mac", Kind::Text),
    ("alert.signature", Kind::Text),
    ("label", Kind::Text),
];

/// Events.
pub(super) const EVE: Log = Log {
    shape: "suricata_eve",
    short: "eve",
    gives: Gives::Both,
    wanted: WANTED,
    unless_zero: &[],
    map: eve,
};

fn eve(raw: &Raw<'_>) -> Mapped {
    let n_rows = raw.n_rows;
    let mut mapped = Mapped::new();
    let kinds = raw.text(&["event_type"]).cloned().unwrap_or_default();
    let is = |row_idx: usize, kind: &str| row_idx < kinds.len() && kinds.get(row_idx) == kind;
    times(&mut mapped, raw);
    mapped.set(Flow::Source, addresses(raw.text(&["src_ip"])));
    mapped.set(Flow::Destination, addresses(raw.text(&["dest_ip"])));
    mapped.set(Flow::SourcePort, ports(raw.int(&["src_port"])));
    mapped.set(Flow::DestinationPort, ports(raw.int(&["dest_port"])));
    mapped.set(Flow::Protocol, protocols(raw.text(&["proto"])));
    counters(&mut mapped, raw, &is);
    icmp(&mut mapped, raw);
    let states = states(&mapped, n_rows);
    mapped.set(Flow::State, Column::Text(states));
    applications(&mut mapped, raw, &kinds);
    queries(&mut mapped, raw);
    mapped.set(Flow::TlsName, plain_texts(raw.text(&["tls.sni"])));
    mapped.set(Flow::TlsJa4, plain_texts(raw.text(&["tls.ja4"])));
    mapped.set(Flow::HttpHost, plain_texts(raw.text(&["http.hostname"])));
    mapped.set(Flow::HttpTarget, plain_texts(raw.text(&["http.url"])));
    mapped.set(Flow::HttpAgent, plain_texts(raw.text(&["http.http_user_agent"])));
    mapped.set(Flow::SourceMac, plain_texts(raw.text(&["ether.src_mac"])));
    mapped.set(Flow::DestinationMac, plain_texts(raw.text(&["ether.dest_mac"])));
    mapped.set(Flow::Label, plain_texts(raw.text(&["label"])));
    mapped.set(Flow::Alert, plain_texts(raw.text(&["alert.signature"])));
    mapped.classes = kinds
        .iter()
        .map(|kind| match kind {
            "flow" => Class::Flow,
            "netflow" => Class::Half,
            "dns" | "tls" | "http" | "alert" => Class::Detail,
            _ => Class::Other,
        })
        .collect();
    mapped.need_addresses(n_rows);
    mapped.keys = raw.text(&["flow_id"]).cloned();
    mapped.kinds = Some(kinds);
    mapped
}

/// Start and duration: of the flow where the event tells, else the moment of the event.
fn times(mapped: &mut Mapped, raw: &Raw<'_>) {
    let first = |names: [&str; 2], row_idx: usize| {
        names
            .into_iter()
            .filter_map(|name| raw.time(&[name])?.get(row_idx).copied())
            .find(|time| *time != MISSING_TIME)
            .unwrap_or(MISSING_TIME)
    };
    let mut starts = Vec::with_capacity(raw.n_rows);
    let mut durations = Vec::with_capacity(raw.n_rows);
    let moments = raw.time(&["timestamp"]);
    for row_idx in 0..raw.n_rows {
        let start = first(["flow.start", "netflow.start"], row_idx);
        let end = first(["flow.end", "netflow.end"], row_idx);
        let known = start != MISSING_TIME && end != MISSING_TIME;
        durations.push(if known { end.saturating_sub(start) as f64 / 1e6 } else { f64::NAN });
        let moment = moments.and_then(|times| times.get(row_idx)).copied().unwrap_or(MISSING_TIME);
        starts.push(if start == MISSING_TIME { moment } else { start });
    }
    mapped.set(Flow::Start, Some(Column::Time(starts)));
    mapped.set(Flow::Duration, Some(Column::Float(durations)));
}

/// Counters and flags of flows, and of halves of flows.
fn counters(mapped: &mut Mapped, raw: &Raw<'_>, is: &dyn Fn(usize, &str) -> bool) {
    for (flow, whole, half) in [
        (Flow::Octets, "flow.bytes_toserver", "netflow.bytes"),
        (Flow::Packets, "flow.pkts_toserver", "netflow.pkts"),
        (Flow::ReverseOctets, "flow.bytes_toclient", ""),
        (Flow::ReversePackets, "flow.pkts_toclient", ""),
    ] {
        let Some(Column::Int(mut values)) = counts(raw.int(&[whole])) else { continue };
        if let Some(halves) = raw.int(&[half]) {
            for (value, half) in values.iter_mut().zip(halves).filter(|(value, _)| **value == MISSING_INT) {
                *value = *half;
            }
        }
        mapped.set(flow, Some(Column::Int(values)));
    }
    let flags = |name: &str, row_idx: usize| {
        let texts = raw.text(&[name])?;
        i64::from_str_radix(texts.get(row_idx), 16).ok().filter(|flags| (0..=255).contains(flags))
    };
    let (mut opener, mut other) = (Vec::with_capacity(raw.n_rows), Vec::with_capacity(raw.n_rows));
    for row_idx in 0..raw.n_rows {
        let half = is(row_idx, "netflow").then(|| flags("tcp.tcp_flags", row_idx)).flatten();
        opener.push(flags("tcp.tcp_flags_ts", row_idx).or(half).unwrap_or(MISSING_INT));
        other.push(flags("tcp.tcp_flags_tc", row_idx).unwrap_or(MISSING_INT));
    }
    mapped.set(Flow::Flags, Some(Column::Int(opener)));
    mapped.set(Flow::ReverseFlags, Some(Column::Int(other)));
}

fn icmp(mapped: &mut Mapped, raw: &Raw<'_>) {
    let (Some(types), Some(protocols)) = (raw.int(&["icmp_type"]), mapped.int(Flow::Protocol)) else {
        return;
    };
    let codes = raw.int(&["icmp_code"]);
    let of = |(row_idx, (kind, protocol)): (usize, (&i64, &i64))| {
        let code = codes.and_then(|codes| codes.get(row_idx)).copied().unwrap_or(0).max(0);
        if *protocol == 1 && (0..=255).contains(kind) { kind * 256 + code.min(255) } else { MISSING_INT }
    };
    let column = types.iter().zip(protocols).enumerate().map(of).collect();
    mapped.set(Flow::Icmp, Some(Column::Int(column)));
}

/// The application protocol in Zeek's words: `ssl` for TLS, and nothing where it was not found out.
fn applications(mapped: &mut Mapped, raw: &Raw<'_>, kinds: &TextColumn) {
    let told = raw.text(&["app_proto"]);
    let texts = kinds.iter().enumerate().map(|(row_idx, kind)| {
        let told = told.map_or("", |texts| texts.get(row_idx));
        match (told, kind) {
            ("tls", _) | ("" | "failed" | "unknown", "tls") => "ssl",
            ("" | "failed" | "unknown", "dns" | "http") => kind,
            ("failed" | "unknown", _) => "",
            (told, _) if is_unset(told) => "",
            (told, _) => told,
        }
    });
    mapped.set(Flow::Application, Some(Column::Text(texts.collect())));
}

/// Name, type and response code: as members of `dns`, or of the first of its queries.
fn queries(mapped: &mut Mapped, raw: &Raw<'_>) {
    let cell = |name: &str, row_idx: usize| raw.text(&[name]).map_or("", |texts| texts.get(row_idx));
    let mut names = TextColumn::default();
    let (mut types, mut codes) = (Vec::with_capacity(raw.n_rows), Vec::with_capacity(raw.n_rows));
    for row_idx in 0..raw.n_rows {
        let nested = ["dns.queries", "dns.query"].map(|name| cell(name, row_idx));
        let nested = nested.into_iter().find(|text| text.starts_with('[')).map(first_query);
        let (name, kind) = match nested {
            Some((name, kind)) => (name, kind),
            None => (cell("dns.rrname", row_idx).to_owned(), cell("dns.rrtype", row_idx).to_owned()),
        };
        names.push(&name);
        types.push(dns_type(&kind));
        codes.push(dns_code(cell("dns.rcode", row_idx)));
    }
    mapped.set(Flow::DnsName, Some(Column::Text(names)));
    mapped.set(Flow::DnsType, Some(Column::Int(types)));
    mapped.set(Flow::DnsCode, Some(Column::Int(codes)));
}

/// Name and type of the first object of an array.
fn first_query(array: &str) -> (String, String) {
    let (mut name, mut kind) = (String::new(), String::new());
    let inner = array.trim_start_matches('[').trim_start().as_bytes();
    // What follows the first object is of no interest, so that something follows it is no error.
    object(inner, &mut Vec::new(), &mut |path, leaf| {
        let Leaf::Text(text, escaped) = leaf else { return };
        let text = || if escaped.0 { unescape(text) } else { String::from_utf8_lossy(text).into_owned() };
        match path {
            b"rrname" => name = text(),
            b"rrtype" => kind = text(),
            _ => {}
        }
    })
    .ok();
    (name, kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_several_queries_is_taken() {
        let array = r#"[{"rrname":"a.example","rrtype":"AAAA"}, {"rrname":"b.example","rrtype":"A"}]"#;
        assert_eq!(first_query(array), ("a.example".to_owned(), "AAAA".to_owned()));
        assert_eq!(first_query("[1]"), (String::new(), String::new()));
    }
}
