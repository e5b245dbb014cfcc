//! Labelled network traffic, made to order.
//!
//! A [`Spec`] names a table [`Shape`], a start, a duration, a seed and what to plant; [`generate`] answers with the
//! whole table and its truth, [`Generator`] with the same rows in batches. Traffic has a daily and a weekly rhythm
//! (UTC), several hosts and services, and log-normal noise; planted [`Scenario`]s stand at their real time between
//! the normal rows.
//!
//! The normal traffic of a seed does not depend on what is planted: on tables with a fixed interval every row outside
//! the events is bit-identical to the same row of the clean table (cumulative counters: the same increments).
//!
//! An [`OfficeSpec`] makes traffic of a whole small network instead, flow by flow and packet by packet, with
//! [`Behaviour`]s of attackers planted.
//!
//! [`DRILLS`] are short captures of one attack each, of more kinds than an office is planted with.
//!
//! This crate is pure: it reads no clock and no file, prints nothing, and knows nothing of models.

mod connection_records;
mod connection_windows;
mod conversation;
mod draw;
mod drill;
mod error;
mod flow_features;
mod generator;
mod metric_series;
mod network;
mod office;
mod packet_list;
mod plan;
mod planted_series;
mod rhythm;
mod scenario;
mod service;
mod shape;
mod snmp_mib;
mod spec;
mod table;
mod timeline;

pub use drill::{DRILLS, Drill, DrillSeen, DrillSetting, DrillTruth, DrillWay, drill};
pub use error::SimError;
pub use generator::{Batch, Event, Generated, Generator, generate};
pub use office::{
    Behaviour, BehaviourEvent, BehaviourPlanting, Datagram, Flow, FlowTable, Host, HostRole, NetflowExporter,
    NetflowVersion, OfficeHabits, OfficeSpec, OfficeTraffic, Packets, Totals, Transport, ZeekLogs,
    pcap_header, pcap_record,
};
pub use planted_series::{Ground, PlantedEvent, PlantedKind, PlantedSeries, planted_series};
pub use scenario::Scenario;
pub use shape::Shape;
pub use spec::{Label, Planting, Spec};
