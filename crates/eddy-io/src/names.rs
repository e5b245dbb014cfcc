//! Names of columns, and notes that name them.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::Note;
use crate::raw::RawTable;

/// Trimmed names, numbered where empty, and suffixed where they occur again.
pub(crate) fn unique_names(table: &RawTable, notes: &mut Vec<Note>) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(table.columns.len());
    let mut seen = FxHashSet::default();
    let mut times = FxHashMap::default();
    let (mut unnamed, mut repeated) = (Vec::new(), Vec::new());
    for (idx, column) in table.columns.iter().enumerate() {
        let trimmed: String = column.name.trim().chars().filter(|c| !c.is_control()).collect();
        let base = if trimmed.is_empty() {
            unnamed.push(format!("column_{}", idx + 1));
            format!("column_{}", idx + 1)
        } else {
            trimmed
        };
        let mut name = base.clone();
        while !seen.insert(name.clone()) {
            let nth = times.entry(base.clone()).or_insert(1_usize);
            *nth += 1;
            name = format!("{base}.{nth}");
        }
        if name != base {
            repeated.push(name.clone());
        }
        names.push(name);
    }
    if table.named && !unnamed.is_empty() {
        notes.push(note(format!("columns without name are called {}", list(&unnamed))));
    }
    if !repeated.is_empty() {
        notes.push(note(format!("names that occur again got a number: {}", list(&repeated))));
    }
    names
}

/// A note on the whole table.
pub(crate) fn note(text: String) -> Note {
    Note { column: None, text }
}

/// A note on one column.
pub(crate) fn note_on(column: &str, text: String) -> Note {
    Note { column: Some(column.to_owned()), text }
}

/// The first ten of some names.
pub(crate) fn list(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(10).map(String::as_str).collect();
    let more = names.len().saturating_sub(10);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
