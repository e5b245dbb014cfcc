//! Files and streams to frames and back.
//!
//! [`open`] finds out from the content what an input is, and gives a [`Source`]: an iterator of frames under one
//! schema, with roles assigned, that counts whatever it sets aside. [`TableWriter`] writes frames.
//!
//! This crate knows nothing of models.
#![warn(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod error;
mod source;

pub use error::{ReadError, WriteError};
pub use source::{
    Description, Input, Note, Overrides, ReadOptions, ReadStats, SetAside, ShapeName, Source, open,
};
