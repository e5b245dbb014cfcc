//! Flow logs of AWS virtual networks: one direction a record, in the default fields of version 2 or any others.

use eddy_frame::{Column, Kind};

use super::column::Flow;
use super::mapped::{Class, Mapped, Raw, addresses, between, counts, ints, protocols};
use super::zeek::ports;
use super::{Gives, Log, Wanted};

/// What is read of a record.
const WANTED: &[Wanted] = &[
    ("srcaddr", Kind::Text),
    ("dstaddr", Kind::Text),
    ("pkt-srcaddr", Kind::Text),
    ("pkt-dstaddr", Kind::Text),
    ("srcport", Kind::Int),
    ("dstport", Kind::Int),
    ("protocol", Kind::Text),
    ("packets", Kind::Int),
    ("bytes", Kind::Int),
    ("start", Kind::Time),
    ("end", Kind::Time),
    ("tcp-flags", Kind::Int),
    ("action", Kind::Text),
    ("log-status", Kind::Text),
];

/// Records.
pub(super) const AWS: Log =
    Log { shape: "vpc_flow_log", short: "vpc", gives: Gives::Flows, wanted: WANTED, unless_zero: &[], map };

fn map(raw: &Raw<'_>) -> Mapped {
    let mut mapped = Mapped::new();
    let start = raw.time(&["start"]);
    mapped.set(Flow::Start, start.map(|times| Column::Time(times.to_vec())));
    mapped.set(Flow::Duration, between(start, raw.time(&["end"])));
    mapped.set(Flow::Source, addresses(raw.text(&["srcaddr", "pkt-srcaddr"])));
    mapped.set(Flow::Destination, addresses(raw.text(&["dstaddr", "pkt-dstaddr"])));
    mapped.set(Flow::SourcePort, ports(raw.int(&["srcport"])));
    mapped.set(Flow::DestinationPort, ports(raw.int(&["dstport"])));
    mapped.set(Flow::Protocol, protocols(raw.text(&["protocol"])));
    mapped.set(Flow::Octets, counts(raw.int(&["bytes"])));
    mapped.set(Flow::Packets, counts(raw.int(&["packets"])));
    mapped.set(Flow::Flags, ints(raw.int(&["tcp-flags"])));
    mapped.note(
        Flow::Octets,
        "a row is one direction of a connection: the log has the other as a row of its own",
    );
    if let Some(actions) = raw.text(&["action"]) {
        let states = actions.iter().map(|action| if action.trim() == "REJECT" { "REJ" } else { "" });
        mapped.set(Flow::State, Some(Column::Text(states.collect())));
        mapped.note(Flow::State, "REJ where a security group or network ACL rejected the traffic");
    }
    mapped.need_addresses(raw.n_rows);
    if let Some(statuses) = raw.text(&["log-status"]) {
        for (row_idx, status) in statuses.iter().enumerate() {
            let reason = match status.trim() {
                "NODATA" => "no traffic in the interval (NODATA)",
                "SKIPDATA" => "records of the interval were skipped when the log was made (SKIPDATA)",
                _ => continue,
            };
            if mapped.classes.is_empty() {
                mapped.classes = vec![Class::Flow; raw.n_rows];
            }
            if let Some(class) = mapped.classes.get_mut(row_idx) {
                *class = Class::Broken(reason);
            }
        }
    }
    mapped
}
