//! Named, typed columns with units and roles, and the row-major numbers that models read.
//!
//! A [`Frame`] is a batch of records: some columns of equal length under one shared [`Schema`]. Sources produce
//! frames, steps transform them, sinks write them. [`Rows`] is what is left when every feature has become a number.
//!
//! This crate is pure: it knows nothing of files, clocks or models.

mod column;
mod entities;
mod field;
mod frame;
mod label;
mod rows;
mod time;

pub use column::{Column, MISSING_INT, MISSING_TIME, TextColumn};
pub use entities::Entities;
pub use field::{CounterBits, Field, Kind, Role, Schema, TimeStyle};
pub use frame::{Frame, Lines, ShapeError};
pub use label::is_normal_label;
pub use rows::{Rows, RowsView};
pub use time::{CivilTime, NANOS_PER_SECOND, format_time, is_counted_from_a_start, moment_in_words};
