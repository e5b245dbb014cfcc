//! Traffic of a small office: hosts with roles and habits, and attackers among them.
//!
//! An [`OfficeSpec`] says how many hosts, how long and what is planted; [`OfficeTraffic`] is an iterator of [`Flow`]s
//! in order of their start. A flow knows every packet of its own, so the same flow gives a row of a [`FlowTable`], lines
//! of [`ZeekLogs`], [`Packets`] with all their bytes, and the records of a [`NetflowExporter`], and their counts agree.
//!
//! The normal traffic of a seed does not depend on what is planted; only a silence takes flows away.

mod attacks;
mod behaviour;
mod exchange;
pub(crate) mod flow;
mod flow_table;
pub(crate) mod frame_bytes;
mod habits;
mod netflow;
mod packets;
mod payload;
mod people;
mod population;
mod scene;
mod spec;
mod things;
mod traffic;
mod unlike;
mod zeek;

pub use behaviour::Behaviour;
pub use flow::{Flow, Totals, Transport};
pub use flow_table::FlowTable;
pub use frame_bytes::{pcap_header, pcap_record};
pub use netflow::{Datagram, NetflowExporter, NetflowVersion};
pub use packets::Packets;
pub use population::{Host, HostRole};
pub use spec::{BehaviourPlanting, OfficeHabits, OfficeSpec};
pub use traffic::{BehaviourEvent, OfficeTraffic};
pub use zeek::ZeekLogs;
