//! Paths, folders, globs and "-" to inputs.

use std::path::{Path, PathBuf};

use crate::place::io_error;
use crate::{Input, ReadError};

/// Endings of files that a folder is searched for.
const ENDINGS: [&str; 24] = [
    "csv",
    "tsv",
    "txt",
    "dat",
    "data",
    "json",
    "ndjson",
    "jsonl",
    "parquet",
    "pq",
    "arrow",
    "feather",
    "arrows",
    "arff",
    "binetflow",
    "log",
    "labeled",
    "eve",
    "nfdump",
    "pcap",
    "pcapng",
    "cap",
    "nf",
    "ipfix",
];

/// How an input came to be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Named {
    /// By its own name: it is to be read.
    Itself,
    /// With the others of a folder or a glob: it may be something else.
    WithOthers,
}

/// The inputs that `paths` name, in reading order: files as given, folders (one level, and the folders of days within that
/// Zeek keeps old logs in; known endings, nothing hidden) and globs sorted by name.
pub(crate) fn resolve(paths: &[String]) -> Result<Vec<(Input, Named)>, ReadError> {
    let mut inputs = Vec::new();
    for path in paths {
        if path == "-" {
            inputs.push((Input::Stdin, Named::Itself));
            continue;
        }
        let file = PathBuf::from(path);
        if file.is_dir() {
            inputs.extend(folder(&file)?.into_iter().map(|input| (input, Named::WithOthers)));
        } else if file.exists() || !path.contains(['*', '?', '[']) {
            inputs.push((Input::File(file), Named::Itself));
        } else {
            inputs.extend(matches(path)?.into_iter().map(|input| (input, Named::WithOthers)));
        }
    }
    if inputs.is_empty() {
        return Err(ReadError::Nothing(
            "no input is named; give a file, a folder, a glob or - for standard input".to_owned(),
        ));
    }
    Ok(inputs)
}

fn folder(folder: &Path) -> Result<Vec<Input>, ReadError> {
    let shown = folder.display().to_string();
    let failed = |source| io_error(&shown, source);
    let mut files = Vec::new();
    let (mut days, mut other) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && !is_hidden(&path) && has_known_ending(&path) {
            files.push(path);
        } else if path.is_dir() && is_day(&path) {
            days.push(path);
        } else if path.is_dir() && !is_hidden(&path) {
            other.push(path);
        }
    }
    for day in days {
        let entries =
            std::fs::read_dir(&day).map_err(|source| io_error(&day.display().to_string(), source))?;
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        files.extend(paths.filter(|path| path.is_file() && !is_hidden(path) && has_known_ending(path)));
    }
    if files.is_empty() {
        let known = ENDINGS.join(", ");
        other.sort();
        let inner = other.first().map_or_else(String::new, |inner| {
            format!("; folders within it are read when they are named: eddy ... {}", inner.display())
        });
        return Err(ReadError::Nothing(format!(
            "the folder {shown} has no file that ends in {known} (or these with .gz or .zst){inner}"
        )));
    }
    files.sort();
    Ok(files.into_iter().map(Input::File).collect())
}

fn matches(pattern: &str) -> Result<Vec<Input>, ReadError> {
    let paths = glob::glob(pattern)
        .map_err(|error| ReadError::Nothing(format!("'{pattern}' is no valid pattern: {}", error.msg)))?;
    let mut files: Vec<PathBuf> =
        paths.filter_map(Result::ok).filter(|path| path.is_file() && !is_hidden(path)).collect();
    if files.is_empty() {
        return Err(ReadError::Nothing(format!("no file matches '{pattern}'")));
    }
    files.sort();
    Ok(files.into_iter().map(Input::File).collect())
}

/// Whether a folder is called after a day (2024-01-31) or is the one that logs are being written to.
fn is_day(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let of_date =
        |(idx, byte): (usize, u8)| if matches!(idx, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    name == "current" || (name.len() == 10 && name.bytes().enumerate().all(of_date))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

fn has_known_ending(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    // nfcapd ends the names of its files in the time.
    name.starts_with("nfcapd.") || name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_files_is_refused_with_the_way_in() {
        let empty = tempfile::tempdir().unwrap();
        let refusal = || folder(empty.path()).unwrap_err().to_string();
        assert!(refusal().contains("has no file that ends in csv"));
        let inner = empty.path().join("site-a");
        std::fs::create_dir(&inner).unwrap();
        assert!(refusal().ends_with(&inner.display().to_string()));
    }
}
