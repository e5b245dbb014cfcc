//! Any source of flows as one.

use eddy_io::{ReadOptions, Source};

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
