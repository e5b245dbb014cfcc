//! Frames to files. The ending of the name decides the format; a reader never sees half a file.

mod bytes;
mod cells;
mod json;
mod ordered;
mod parquet;
mod target;
mod text;
mod zeek;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eddy_frame::{Frame, Schema};

pub use self::bytes::ByteWriter;
use self::target::{Squeeze, Target};
use crate::WriteError;

/// Endings of files that can be written.
pub const WRITABLE: &str =
    ".csv .tsv .parquet .ndjson .jsonl .json .log (flows only; text formats also with .gz or .zst added)";

/// One format of output.
trait Sink: Send {
    /// Writes the rows of a frame.
    fn write(&mut self, frame: &Frame, out: &mut dyn Write) -> std::io::Result<()>;

    /// Writes what stands behind the last row.
    fn finish(&mut self, out: &mut dyn Write) -> std::io::Result<()>;
}

/// Makes the sink of a format.
type MakeSink = fn(&Arc<Schema>) -> Box<dyn Sink>;

/// The formats: endings, whether the bytes may be compressed as a whole, and how to make one.
const FORMATS: [(&[&str], Packable, MakeSink); 6] = [
    (&["csv"], Packable(true), |schema| Box::new(text::Text::new(schema, b','))),
    (&["tsv"], Packable(true), |schema| Box::new(text::Text::new(schema, b'\t'))),
    (&["ndjson", "jsonl"], Packable(true), |schema| Box::new(json::Json::lines(schema))),
    (&["json"], Packable(true), |schema| Box::new(json::Json::array(schema))),
    (&["parquet"], Packable(false), |schema| Box::new(parquet::Parquet::new(schema))),
    (&["log"], Packable(true), |schema| Box::new(zeek::ConnLog::new(schema))),
];

/// Whether `.gz` or `.zst` may follow the ending.
struct Packable(bool);

/// Writes frames of one schema to a file.
///
/// The rows go to a temporary file in the same folder, which takes the name asked for in [`TableWriter::finish`];
/// dropped before, it is removed. A symbolic link keeps pointing where it points, and what is no regular file (a pipe, a
/// device) is written to directly. The path `-` is standard output, as CSV.
///
/// | kind | CSV, TSV | JSON, NDJSON | Parquet |
/// |---|---|---|---|
/// | float | shortest text that reads back the same bits | the same | double |
/// | infinity | `inf`, `-inf` | the strings `"inf"`, `"-inf"` (JSON has no such number) | double |
/// | integer | digits | digits | 64-bit integer |
/// | time | in its field's style | in its field's style; a number where that is one | nanoseconds, UTC |
/// | text | quoted after RFC 4180 where needed | string | UTF-8 |
/// | missing | empty cell | `null` | null |
///
/// A `.log` is Zeek's conn.log, for tables of flows in the columns of [`crate::open_flows`].
///
/// Text cells and column names of CSV and TSV that a spreadsheet would run as a formula (they begin with `=`, `+`, `-`,
/// `@`, a tab, a carriage return or a line feed, and are no number) get an apostrophe in front, as the OWASP page
/// "CSV Injection" advises. JSON and Parquet are written as they are.
pub struct TableWriter {
    path: PathBuf,
    schema: Arc<Schema>,
    sink: Box<dyn Sink>,
    out: Squeeze,
}

impl std::fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableWriter").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TableWriter {
    /// Opens a file for rows of the given schema.
    pub fn create(path: &Path, schema: &Arc<Schema>) -> Result<Self, WriteError> {
        let to_stdout = path.as_os_str() == "-";
        let name =
            path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let (stem, packing) = match name.rsplit_once('.') {
            Some((stem, packing @ ("gz" | "zst"))) => (stem, packing),
            _ => (name.as_str(), ""),
        };
        let ending = if to_stdout { "csv" } else { stem.rsplit_once('.').map_or("", |(_, ending)| ending) };
        let unknown = || WriteError::UnknownFormat { path: path.to_owned(), known: WRITABLE };
        let (_, _, make) = FORMATS
            .iter()
            .find(|(endings, packable, _)| endings.contains(&ending) && (packable.0 || packing.is_empty()))
            .ok_or_else(unknown)?;
        if schema.fields.is_empty() {
            let reason = "there are no columns; keep at least one".to_owned();
            return Err(WriteError::Format { path: path.to_owned(), reason });
        }
        if ending == "log"
            && let Some(reason) = zeek::lacks(schema)
        {
            return Err(WriteError::Format { path: path.to_owned(), reason });
        }
        let io = |source| WriteError::Io { path: path.to_owned(), source };
        let target = if to_stdout { Target::stdout() } else { Target::create(path).map_err(io)? };
        let out = Squeeze::new(target, packing).map_err(io)?;
        Ok(Self { path: path.to_owned(), schema: schema.clone(), sink: make(schema), out })
    }

    /// Writes the rows of a frame, which must have the columns the writer was made for.
    pub fn write(&mut self, frame: &Frame) -> Result<(), WriteError> {
        if !Arc::ptr_eq(&self.schema, frame.schema()) {
            let columns = |schema: &Schema| -> Vec<_> {
                schema.fields.iter().map(|field| (field.name.clone(), field.kind)).collect()
            };
            let (wanted, got) = (columns(&self.schema), columns(frame.schema()));
            if wanted != got {
                let differs = wanted.iter().zip(&got).find(|(wanted, got)| wanted != got);
                let reason = match differs {
                    Some((wanted, got)) => {
                        format!("the rows have column {got:?} where the file has {wanted:?}")
                    }
                    None => format!("the rows have {} columns and the file {}", got.len(), wanted.len()),
                };
                let reason = format!("{reason}; write rows of other columns to another file");
                return Err(WriteError::Format { path: self.path.clone(), reason });
            }
        }
        if frame.n_rows() == 0 {
            return Ok(());
        }
        self.sink
            .write(frame, &mut self.out)
            .map_err(|source| WriteError::Io { path: self.path.clone(), source })
    }

    /// Writes what is left, brings it to disk and gives the file its name.
    pub fn finish(mut self) -> Result<(), WriteError> {
        let path = self.path;
        self.sink
            .finish(&mut self.out)
            .and_then(|()| self.out.finish())
            .and_then(Target::finish)
            .map_err(|source| WriteError::Io { path, source })
    }
}
