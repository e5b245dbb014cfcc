//! Paths, folders, globs and "-" to inputs.

use std::path::{Path, PathBuf};

use crate::place::io_error;
use crate::{Input, ReadError};

/// Endings of files that a folder is searched for.
const ENDINGS: [&str; 16] = [
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
];

/// The inputs that `paths` name, in reading order: files as given, folders (one level, known endings, nothing hidden) and
/// globs sorted by name.
pub(crate) fn resolve(paths: &[String]) -> Result<Vec<Input>, ReadError> {
    let mut inputs = Vec::new();
    for path in paths {
        if path == "-" {
            inputs.push(Input::Stdin);
            continue;
        }
        let file = PathBuf::from(path);
        if file.is_dir() {
            inputs.extend(folder(&file)?);
        } else if file.exists() || !path.contains(['*', '?', '[']) {
            inputs.push(Input::File(file));
        } else {
            inputs.extend(matches(path)?);
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
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && !is_hidden(&path) && has_known_ending(&path) {
            files.push(path);
        }
    }
    if files.is_empty() {
        let known = ENDINGS.join(", ");
        return Err(ReadError::Nothing(format!(
            "the folder {shown} has no file that ends in {known} (or these with .gz or .zst)"
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

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'))
}

fn has_known_ending(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}
