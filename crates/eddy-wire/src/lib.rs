//! Views over untrusted bytes: capture files, packets, flow records of exporters.
//!
//! Three things are read here, each by a small parser that neither panics nor allocates by a length it was told:
//!
//! - **captures** ([`CaptureReader`]): pcap and pcapng from anything that can be read, frame by frame;
//! - **packets** ([`decode`]): one frame of any of about 40 link types to one flat [`Packet`], through VLAN tags, labels
//!   and tunnels down to the transport header; the first words of common applications are read by [`app`];
//! - **flow records** ([`export`]): NetFlow v5 and v9, IPFIX and sFlow v5 datagrams.
//!
//! Rules that hold everywhere: all bounds come from one [`Limits`]; every loop consumes input or stops; what is not
//! understood is counted and named ([`Reason`]), never guessed.
//!
//! Invariant: this crate knows nothing of flows or files.

#![forbid(unsafe_code)]
#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::panic,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

pub mod app;
mod capture;
mod cursor;
mod decode;
pub mod export;
mod fragments;
mod limits;
mod link;
mod network;
mod packet;
mod transport;
mod tunnel;
mod wlan;

pub use capture::{
    CaptureError, CaptureFormat, CaptureNote, CaptureReader, CaptureStats, Captured, NoteKind,
};
pub use decode::decode;
pub use fragments::{FragmentStats, FragmentTable};
pub use limits::{Limits, Tunnels};
pub use link::LinkType;
pub use packet::{
    Arp, Embedded, FragmentPart, Network, Packet, Reason, TCP_ACK, TCP_CWR, TCP_ECE, TCP_FIN, TCP_NS,
    TCP_PSH, TCP_RST, TCP_SYN, TCP_URG, TcpHeader, TunnelKind, protocol,
};
