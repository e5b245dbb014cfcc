//! Real files for tests, where they are to be had: `$EDDY_DATA`, else `../shared/data` beside the workspace.
//!
//! Tests take this file in with `#[path]`.

use std::path::{Path, PathBuf};

/// A file or folder of the real data ("" for all of it); says on stderr that the test is skipped where it is not there.
pub(crate) fn data(path: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let found = std::env::var_os("EDDY_DATA").map_or_else(beside, PathBuf::from).join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: {} is not there (set EDDY_DATA)", found.display());
    None
}

/// All files under a folder, in order.
#[allow(dead_code, reason = "some tests know the names of their files")]
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}
