//! Logs of flows, all brought onto the same columns.
//!
//! Any of the formats that tables are read from may hold such a log: which it is, is told by the names of its columns.
//! One file a log says what is read and how it becomes flows; the list below is the only one.

mod binetflow;
pub(crate) mod column;
mod details;
mod eve;
mod found;
mod mapped;
mod nfdump;
pub(crate) mod nfdump_file;
mod source;
pub(crate) mod state;
mod table;
mod vpc;
mod zeek;

use eddy_frame::{Column, Kind};

use self::column::Flow;
use self::mapped::{Mapped, Names, Raw};
pub(crate) use self::source::{Flows, Kinds};
use crate::place::Place;
use crate::profile::Profile;
use crate::raw::{RawSource, RawTable, Target};
use crate::roles::holds_only;
use crate::shapes::{self, ShapeMap, normalise};
use crate::timeparse::TimeForm;
use crate::{ReadError, ReadOptions, json, sniff};

/// A column that is read, and how.
type Wanted = (&'static str, Kind);

/// What the rows of a log are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gives {
    /// Flows.
    Flows,
    /// Things that happened within flows.
    Details,
    /// Both, told apart row by row.
    Both,
}

/// A log of flows.
struct Log {
    /// Its shape.
    shape: &'static str,
    /// A word for it.
    short: &'static str,
    gives: Gives,
    /// The columns that are read.
    wanted: &'static [Wanted],
    /// Columns that say nothing where the beginning of the log has zeros only in all of them.
    unless_zero: &'static [&'static str],
    /// Rows to flows.
    map: fn(&Raw<'_>) -> Mapped,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.shape)
    }
}

/// The one list of logs.
const LOGS: [&Log; 10] = [
    &zeek::CONN,
    &zeek::DNS,
    &zeek::SSL,
    &zeek::HTTP,
    &zeek::STREAM,
    &eve::EVE,
    &nfdump::CSV,
    &binetflow::ARGUS,
    &vpc::AWS,
    &table::FLOWS,
];

/// Names that logs have for flow columns, so that users may name columns as they stand in their files.
const ALIASES: [(&[&str], Flow); 19] = [
    (&["ts", "StartTime", "start", "timestamp"], Flow::Start),
    (&["duration", "Dur", "td"], Flow::Duration),
    (&["id.orig_h", "SrcAddr", "sa", "src_ip", "srcaddr"], Flow::Source),
    (&["id.resp_h", "DstAddr", "da", "dest_ip", "dstaddr"], Flow::Destination),
    (&["id.orig_p", "Sport", "sp", "src_port", "srcport"], Flow::SourcePort),
    (&["id.resp_p", "Dport", "dp", "dest_port", "dstport"], Flow::DestinationPort),
    (&["proto", "pr", "protocol"], Flow::Protocol),
    (&["orig_ip_bytes", "orig_bytes", "SrcBytes", "ibyt", "bytes", "flow.bytes_toserver"], Flow::Octets),
    (&["orig_pkts", "SrcPkts", "TotPkts", "ipkt", "packets", "flow.pkts_toserver"], Flow::Packets),
    (&["resp_ip_bytes", "resp_bytes", "obyt", "flow.bytes_toclient"], Flow::ReverseOctets),
    (&["resp_pkts", "opkt", "flow.pkts_toclient"], Flow::ReversePackets),
    (&["conn_state", "State", "action"], Flow::State),
    (&["service", "app_proto"], Flow::Application),
    (&["query", "dns.rrname"], Flow::DnsName),
    (&["server_name", "tls.sni"], Flow::TlsName),
    (&["host", "http.hostname"], Flow::HttpHost),
    (&["uri", "http.url"], Flow::HttpTarget),
    (&["user_agent", "http.http_user_agent"], Flow::HttpAgent),
    (&["detailed-label"], Flow::Label),
];

/// The flow column that a log calls `name`.
fn alias(name: &str) -> Option<Flow> {
    let wanted = normalise(name);
    let is = |names: &[&str]| names.iter().any(|known| normalise(known) == wanted);
    ALIASES.iter().find(|(names, _)| is(names)).map(|(_, flow)| *flow)
}

/// An open log.
struct Open {
    log: &'static Log,
    raw: Box<dyn RawSource>,
    names: Names,
    targets: Vec<Target>,
    /// Whether its times are seconds since an unknown start.
    relative: bool,
    /// The columns that are read, if it is JSON.
    wanted: Option<Vec<Wanted>>,
}

/// The log that a table is, and the names of its columns.
fn log_of(table: &RawTable) -> Option<(&'static Log, Vec<String>)> {
    let mut names: Vec<String> = table.columns.iter().map(|column| column.name.trim().to_owned()).collect();
    let shape: &ShapeMap = if table.named {
        shapes::of_names(&names)?
    } else {
        let holds = |idx: usize, values: &[String]| {
            table.sample.get(idx).is_some_and(|column| holds_only(column, values))
        };
        let (shape, order) = shapes::of_values(names.len(), holds)?;
        names = order.to_vec();
        shape
    };
    let log = LOGS.iter().find(|log| log.shape == shape.id)?;
    if log.shape.starts_with("zeek")
        && let Some(at) = names.iter().position(|name| name == "_path")
    {
        return Some((zeek::of_paths(table.sample.get(at)?.as_text()?)?, names));
    }
    Some((log, names))
}

/// Columns that a log has or has not: they are read only where the beginning of the log has them. Any other may come up
/// for the first time further on.
const OPTIONAL: [&str; 11] = [
    "label",
    "detailed-label",
    "detailedlabel",
    "orig_l2_addr",
    "resp_l2_addr",
    "orig_ip_bytes",
    "resp_ip_bytes",
    "ja4",
    "_path",
    "ether.src_mac",
    "ether.dest_mac",
];

/// Opens an input if it is a log of flows.
fn open(place: &Place, options: &ReadOptions) -> Result<Option<Open>, ReadError> {
    let raw = sniff::open(place, options)?;
    let Some((log, names)) = log_of(raw.table()) else { return Ok(None) };
    if !json::is(&place.head(4096)?) {
        return Ok(as_log(log, raw, &names));
    }
    // Of JSON no more is read than is wanted: its records may have hundreds of keys.
    let seen = |name: &str| names.iter().any(|known| known == name);
    let is_needed = |name: &str| log.shape != table::FLOWS.shape && !OPTIONAL.contains(&name);
    let wanted: Vec<Wanted> =
        log.wanted.iter().filter(|(name, _)| seen(name) || is_needed(name)).copied().collect();
    open_json(place, options, log, &wanted)
}

/// Opens an input again that is known to be a log, and if it is JSON, which columns are read.
fn open_again(
    place: &Place,
    options: &ReadOptions,
    log: &'static Log,
    wanted: Option<&[Wanted]>,
) -> Result<Option<Open>, ReadError> {
    match wanted {
        Some(wanted) => open_json(place, options, log, wanted),
        None => Ok(open(place, options)?.filter(|open| open.log.shape == log.shape)),
    }
}

fn open_json(
    place: &Place,
    options: &ReadOptions,
    log: &'static Log,
    wanted: &[Wanted],
) -> Result<Option<Open>, ReadError> {
    let raw = json::open_known(place, options, wanted)?;
    let names: Vec<String> = wanted.iter().map(|(name, _)| (*name).to_owned()).collect();
    Ok(as_log(log, raw, &names).map(|open| Open { wanted: Some(wanted.to_vec()), ..open }))
}

/// Whether a value is zero, or none.
fn is_zero(column: &Column, row_idx: usize) -> bool {
    match column {
        Column::Text(texts) => matches!(texts.get(row_idx).trim(), "" | "0" | "-"),
        column => column.is_missing(row_idx) || column.number(row_idx) == 0.0,
    }
}

/// A table as a log; nothing when it lacks addresses.
fn as_log(log: &'static Log, raw: Box<dyn RawSource>, names: &[String]) -> Option<Open> {
    let mut relative = false;
    let mut targets = Vec::with_capacity(names.len());
    let table = raw.table();
    for ((name, column), sample) in names.iter().zip(&table.columns).zip(&table.sample) {
        let known = normalise(name);
        let wanted = log.wanted.iter().find(|(wanted, _)| normalise(wanted) == known);
        let kind = wanted.map_or(column.kind, |(_, kind)| *kind);
        let mut time = None;
        if kind == Kind::Time && column.kind != Kind::Time {
            let profile = Profile::of(sample, table.decimal_comma);
            let form = profile.time_form().or_else(|| profile.epoch());
            let form =
                form.unwrap_or(if profile.numbers > 0 { TimeForm::Relative } else { TimeForm::YearFirst });
            relative |= matches!(form, TimeForm::Relative | TimeForm::OfDay);
            time = Some(form);
        }
        targets.push(Target { name: name.clone(), kind, time });
    }
    let mut places = Names::default();
    for (idx, name) in names.iter().enumerate() {
        places.entry(normalise(name)).or_insert(idx);
    }
    let table = raw.table();
    let says_something = |name: &&str| {
        let sample = places.get(&normalise(name)).and_then(|idx| table.sample.get(*idx));
        let is_said = |sample: &Column| (0..sample.len()).any(|row_idx| !is_zero(sample, row_idx));
        sample.is_some_and(is_said)
    };
    if !log.unless_zero.iter().any(says_something) {
        for name in log.unless_zero {
            places.remove(&normalise(name));
        }
    }
    let open = Open { log, raw, names: places, targets, relative, wanted: None };
    let mapped = source::sample(&open, 64);
    let has_ends = mapped.get(Flow::Source).is_some() && mapped.get(Flow::Destination).is_some();
    has_ends.then_some(open)
}
