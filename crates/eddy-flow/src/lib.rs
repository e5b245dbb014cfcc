//! Packets to bidirectional flows, in a table of bounded memory.
//!
//! [`FlowTable`] is given packets in the order in which they were captured and hands out a [`Biflow`] whenever one ends:
//! by silence, by age, by its own last word, for want of room, or at the end of the input. Every packet is counted once:
//! in a flow, or as set aside with a reason ([`TableStats`]).
//!
//! What is measured about a flow beyond counts and flags is the caller's: a type that implements [`PerFlow`] lives in the
//! table beside each flow and sees each of its packets.
//!
//! The catalogue of what can be told of a flow is [`features`]; statistics of single packets against the last moments of
//! their senders are [`damped`].
//!
//! Invariant: this crate knows nothing of files or models.

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

mod besides;
mod biflow;
mod community_id;
pub mod damped;
pub mod features;
mod key;
mod slab;
mod stats;
mod table;
mod tcp_state;

pub use besides::{ArpClaim, PacketSign, SignKind};
pub use biflow::{Biflow, Direction, EndReason, PerFlow, Side};
pub use community_id::community_id;
pub use stats::TableStats;
pub use table::{FlowSettings, FlowTable, Placed};
pub use tcp_state::TcpState;
