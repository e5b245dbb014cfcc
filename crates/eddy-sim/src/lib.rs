//! Labelled traffic generator.
