//! What an input is, told from its first bytes.

use crate::encoding::Encoding;
use crate::flowlog::nfdump_file;
use crate::place::Place;
use crate::raw::RawSource;
use crate::{ReadError, ReadOptions, arff, arrow_ipc, capture, csv, json, parquet};

type Open = fn(&Place, &ReadOptions) -> Result<Box<dyn RawSource>, ReadError>;

/// A format that Eddy reads.
struct Format {
    /// Whether the first bytes (unpacked; text is UTF-8 without byte order mark) are of this format.
    is: fn(&[u8]) -> bool,
    open: Open,
}

/// The one list of formats, most particular first; a table of lines is what is left.
const FORMATS: &[Format] = &[
    Format { is: capture::is, open: capture::open },
    Format { is: capture::is_datagrams, open: capture::open_datagrams },
    Format { is: parquet::is, open: parquet::open },
    Format { is: arrow_ipc::is, open: arrow_ipc::open },
    Format { is: nfdump_file::is, open: nfdump_file::open },
    Format { is: arff::is, open: arff::open },
    Format { is: json::is, open: json::open },
    Format { is: is_table_of_lines, open: csv::open },
];

/// Content that is no table, by its first bytes, and what to do instead.
const OTHERS: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "a zip archive (also xlsx and npz files)", "unpack it, or save the sheet as CSV"),
    (b"PK\x05\x06", "an empty zip archive", "give the table itself"),
    (b"\x93NUMPY", "a NumPy array", "save it as CSV or Parquet"),
    (b"%PDF", "a PDF document", READ),
    (b"\x7fELF", "a program", READ),
    (b"MZ", "a program", READ),
    (b"\x89PNG", "a picture", READ),
    (b"\xff\xd8\xff", "a picture", READ),
    (b"GIF8", "a picture", READ),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Office document (xls, doc)", "save the sheet as CSV"),
    (b"\x89HDF", "an HDF5 file", "save the table as CSV or Parquet"),
    (b"FEA1", "a Feather file of version 1", "save it as Feather version 2 or Parquet"),
    (b"ORC", "an ORC file", "save the table as Parquet"),
    (b"Obj\x01", "an Avro file", "save the table as Parquet"),
    (b"BZh", "a bzip2 archive", "unpack it, or pack it with gzip or zstd"),
    (b"\xfd7zXZ", "an xz archive", "unpack it, or pack it with gzip or zstd"),
    (b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\x80\x02", PICKLE, SAVE),
    (b"\x80\x03", PICKLE, SAVE),
    (b"\x80\x04", PICKLE, SAVE),
    (b"\x80\x05", PICKLE, SAVE),
    (b"<?xml", "an XML document", READ),
    (b"<!DOCTYPE", "a web page", "save the table itself, not the page that shows it"),
    (b"<html", "a web page", "save the table itself, not the page that shows it"),
    (
        b"version https://git-lfs",
        "a pointer to a file kept elsewhere (Git LFS)",
        "fetch the file with 'git lfs pull'",
    ),
];
/// What is read at all, in short.
pub(crate) const READ: &str = "give a capture (pcap, pcapng), flow records (NetFlow, IPFIX, sFlow, nfdump), a log (Zeek, \
                               Suricata) or a table (CSV, TSV, NDJSON, Parquet, Arrow IPC, ARFF)";
const PICKLE: &str = "a Python pickle (also joblib)";
const SAVE: &str = "Eddy never runs code out of files; save the table as CSV or Parquet";

/// Opens an input in whatever format it has.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    let raw = place.head(4096)?;
    let refuse = |what: &str, mend: &str| {
        Err(ReadError::NotATable {
            path: place.name().to_string(),
            what: format!("this is {what}"),
            mend: mend.to_owned(),
        })
    };
    if raw.trim_ascii().is_empty() {
        return Err(ReadError::NotATable {
            path: place.name().to_string(),
            what: "it is empty".to_owned(),
            mend: "give a file with at least a header line".to_owned(),
        });
    }
    // A few letters may also begin a table.
    let plain = is_table_of_lines(&raw);
    let sure = |magic: &[u8]| !plain || magic.len() > 4 || !magic.iter().all(u8::is_ascii_alphanumeric);
    if let Some((_, what, mend)) = OTHERS.iter().find(|(magic, ..)| raw.starts_with(magic) && sure(magic)) {
        return refuse(what, mend);
    }
    if raw.get(257..262) == Some(b"ustar") {
        return refuse("a tar archive", "unpack it");
    }
    let mut head = raw;
    if Encoding::of(&head) != Encoding::Utf8 {
        head.clear();
        std::io::Read::read_to_end(&mut std::io::Read::take(place.text()?, 4096), &mut head)
            .map_err(|source| place.error(source))?;
    }
    match FORMATS.iter().find(|format| (format.is)(&head)) {
        Some(format) => (format.open)(place, options),
        None => refuse("binary data of an unknown kind", READ),
    }
}

/// Whether the bytes are text: no zeros and hardly any control characters.
fn is_table_of_lines(head: &[u8]) -> bool {
    let control = head.iter().filter(|byte| matches!(byte, 1..=8 | 14..=26 | 28..=31)).count();
    !head.contains(&0) && control * 20 <= head.len()
}
