//! What inputs turn out to be: which logs, which columns, and what is left out.

use eddy_frame::Column;

use super::column::Flow;
use super::mapped::Mapped;
use super::source::{missing, sample};
use super::{Log, Wanted};
use crate::inputs::Named;
use crate::place::Place;
use crate::shapes::{self, ShapeMap};
use crate::{Note, Overrides, ReadError, ReadOptions, ShapeName};

/// Inputs that are looked into before anything is read; later ones are taken for what the others of their log are.
const LOOKED_INTO: usize = 256;
/// Rows of each further input that join the sample.
const JOINED_ROWS: usize = 512;

/// A log among the inputs.
pub(super) struct Part {
    /// Whether it lists connections that were still open, which another log may list when they are closed.
    pub is_open: bool,
    pub place: Place,
    pub log: &'static Log,
    /// The columns that are read, if it is JSON.
    pub wanted: Option<Vec<Wanted>>,
}

/// What the inputs turned out to be.
pub(super) struct Found {
    pub parts: Vec<Part>,
    pub known: Vec<Flow>,
    pub samples: Vec<Column>,
    pub relative: bool,
    pub format: String,
    pub notes: Vec<Note>,
    /// What was left out, and why.
    pub left: Vec<String>,
}

/// What each input is. Nothing when none is a log of flows.
pub(super) fn find(inputs: &[(Place, Named)], options: &ReadOptions) -> Result<Option<Found>, ReadError> {
    let mut found = Found {
        parts: Vec::new(),
        known: Vec::new(),
        samples: Vec::new(),
        relative: false,
        format: String::new(),
        notes: Vec::new(),
        left: Vec::new(),
    };
    let mut mapped: Vec<Mapped> = Vec::new();
    let mut refused = None;
    for (number, (place, named)) in inputs.iter().enumerate() {
        let place = &place.forgiving();
        // A folder of tables of another kind is told by its first files.
        if number == LOOKED_INTO && found.parts.is_empty() {
            return Ok(None);
        }
        match super::open(place, options) {
            Ok(Some(open)) => {
                if found.format.is_empty() {
                    found.format.clone_from(&open.raw.table().format);
                }
                found.relative |= open.relative;
                found.notes.extend(open.raw.table().notes.iter().cloned());
                let rows = if mapped.is_empty() { usize::MAX } else { JOINED_ROWS };
                if mapped.len() < LOOKED_INTO {
                    mapped.push(sample(&open, rows));
                }
                found.parts.push(Part {
                    is_open: lists_open(place.name()),
                    place: place.clone(),
                    log: open.log,
                    wanted: open.wanted,
                });
            }
            Ok(None) if *named == Named::WithOthers => found.left.push(place.name().to_string()),
            Err(_) if *named == Named::WithOthers && inputs.len() > 1 => {
                found.left.push(place.name().to_string());
            }
            Ok(None) => refused = Some((place.clone(), None)),
            // Where there are no flows it is for the reader of tables to say what is wrong.
            Err(error) => refused = Some((place.clone(), Some(error))),
        }
    }
    let Some(first) = found.parts.first() else { return Ok(None) };
    match refused {
        Some((_, Some(error))) => return Err(error),
        Some((place, None)) => {
            return Err(ReadError::Mismatch {
                path: place.name().to_string(),
                first: first.place.name().to_string(),
                difference: "it is no log of flows".to_owned(),
            });
        }
        None => {}
    }
    // What is known of a connection when it is closed is more.
    found.parts.sort_by_key(|part| part.is_open);
    found.known = Flow::ALL
        .iter()
        .map(|(flow, ..)| *flow)
        .filter(|flow| mapped.iter().any(|mapped| mapped.get(*flow).is_some()))
        .collect();
    found.samples = found.known.iter().map(|flow| joined(*flow, &mapped)).collect();
    found.notes.dedup();
    Ok(Some(found))
}

/// Whether a log lists connections that are still open: `open_conn.log`, `open_http.log`, as Zeek's package
/// zeek-open-connections writes them. Their content does not tell.
fn lists_open(path: &str) -> bool {
    path.rsplit(['/', '\\']).next().is_some_and(|name| name.starts_with("open_"))
}

/// The values of a column over all samples.
fn joined(flow: Flow, samples: &[Mapped]) -> Column {
    let mut column = Column::empty(flow.kind());
    for mapped in samples {
        let n_rows = mapped.get(Flow::Source).map_or(0, Column::len);
        match mapped.get(flow) {
            Some(more) => column.append(more),
            None => column.append(&missing(flow.kind(), n_rows)),
        }
    }
    column
}

/// The shape of one log or several.
pub(super) fn shape_of(parts: &[Part]) -> ShapeName {
    let mut logs: Vec<&'static Log> = Vec::new();
    for part in parts {
        if !logs.iter().any(|log| log.shape == part.log.shape) {
            logs.push(part.log);
        }
    }
    let name = |log: &Log| {
        shapes::by_id(log.shape).map_or_else(
            || ShapeName { id: log.shape.to_owned(), title: log.shape.to_owned() },
            ShapeMap::name,
        )
    };
    match logs.as_slice() {
        [log] => name(log),
        logs if logs.iter().all(|log| log.shape.starts_with("zeek")) => {
            let words: Vec<&str> = logs.iter().map(|log| log.short).collect();
            ShapeName { id: "zeek_logs".to_owned(), title: format!("Zeek logs ({})", words.join(", ")) }
        }
        logs => {
            let titles: Vec<String> = logs.iter().map(|log| name(log).title).collect();
            ShapeName { id: "flow_logs".to_owned(), title: titles.join(", ") }
        }
    }
}

/// What the user said of columns, with the log's own names for them replaced.
pub(super) fn translated(overrides: &Overrides, known: &[Flow]) -> Overrides {
    let of = |name: &String| {
        let is_known = known.iter().any(|flow| flow.name().eq_ignore_ascii_case(name.trim()));
        match super::alias(name) {
            Some(flow) if !is_known => flow.name().to_owned(),
            _ => name.clone(),
        }
    };
    Overrides {
        label: overrides.label.as_ref().map(of),
        time: overrides.time.as_ref().map(of),
        features: overrides.features.iter().map(of).collect(),
        ignore: overrides.ignore.iter().map(of).collect(),
        entity: overrides.entity.iter().map(of).collect(),
    }
}
