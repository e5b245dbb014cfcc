//! Any source of flows as one.

use eddy_io::{FeatureSet, ReadOptions, Source};

use crate::EngineError;

/// Opens anything that holds flows as one source of flows, in the columns that [`eddy_io::open_flows`] describes: logs of
/// Zeek, Suricata, nfdump, Argus and AWS, and tables that have these columns already. `paths` are files, folders, globs,
/// or "-".
///
/// # Errors
/// [`EngineError::Read`] when an input cannot be read or holds no flows.
pub fn flows(paths: &[String], options: &ReadOptions) -> Result<Box<dyn Source>, EngineError> {
    Ok(eddy_io::open_flows(paths, options)?)
}

/// Opens captures of packets as flows with features of the catalogue of `eddy_flow::features`.
///
/// # Errors
/// [`EngineError::Read`] when an input cannot be read or is no capture.
pub fn flow_features(
    paths: &[String],
    options: &ReadOptions,
    set: FeatureSet,
) -> Result<Box<dyn Source>, EngineError> {
    Ok(eddy_io::open_flow_features(paths, options, set)?)
}

/// Opens captures of packets as rows of packets with the statistics that forget of `eddy_flow::damped`.
///
/// # Errors
/// [`EngineError::Read`] when an input cannot be read or is no capture.
pub fn damped_packets(paths: &[String], options: &ReadOptions) -> Result<Box<dyn Source>, EngineError> {
    Ok(eddy_io::open_damped_packets(paths, options)?)
}
