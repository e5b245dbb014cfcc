//! Files and streams to frames and back.
//!
//! [`open`] finds out from the content what an input is, and gives a [`Source`]: an iterator of frames under one
//! schema, with roles assigned, that counts whatever it sets aside. [`TableWriter`] writes frames.
//!
//! This crate knows nothing of models.
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod arff;
mod arrow_ipc;
mod batcher;
mod capture;
mod cells;
mod convert;
mod counters;
mod csv;
mod encoding;
mod error;
mod flowlog;
mod from_arrow;
mod grouped;
mod guard;
mod inputs;
mod json;
mod names;
mod parquet;
mod pieces;
mod place;
mod profile;
mod raw;
mod roles;
mod shapes;
mod sniff;
mod source;
mod table;
mod timeparse;
mod write;

pub use eddy_flow::features::FeatureSet;
pub use eddy_flow::{ArpClaim, PacketSign, SignKind};
pub use error::{ReadError, WriteError};
pub use flowlog::column::Flow as FlowColumn;
pub use shapes::shapes;
pub use source::{
    Description, Input, Note, Overrides, ReadOptions, ReadStats, SetAside, ShapeName, Source, open,
    open_bytes, open_damped_packets, open_flow_bytes, open_flow_features, open_flows,
};
pub use write::{ByteWriter, TableWriter, WRITABLE};
