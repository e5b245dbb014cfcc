//! From bytes to a table, to a file, and to a table again.

use std::path::PathBuf;
use std::sync::OnceLock;

use eddy_frame::{Column, Frame};
use eddy_io::{ReadOptions, TableWriter, open, open_bytes};

/// What is written. The first byte of an input picks one; the rest is the input itself.
const ENDINGS: [&str; 6] = ["csv", "tsv", "ndjson", "json", "parquet", "csv.gz"];

/// Reads bytes, writes their rows and reads those.
///
/// # Panics
/// When a table that could be read cannot be written, or has other rows or other texts when it is read again.
pub fn survive_writing(data: &[u8]) {
    let Some((pick, data)) = data.split_first() else { return };
    let ending = ENDINGS[usize::from(*pick) % ENDINGS.len()];
    let options = ReadOptions::default();
    let Ok(mut source) = open_bytes("hostile.bin", data.to_vec(), &options) else { return };
    let mut frames = Vec::new();
    loop {
        match source.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => break,
            Err(_) => return,
        }
    }
    if frames.is_empty() {
        return;
    }
    let path = folder().join(format!("table.{ending}"));
    let mut writer = TableWriter::create(&path, frames[0].schema()).expect("a file in an empty folder");
    for frame in &frames {
        writer.write(frame).unwrap_or_else(|error| panic!("{error}"));
    }
    writer.finish().unwrap_or_else(|error| panic!("{error}"));
    let whole = Frame::concat(&frames).expect("frames of one source");
    // One column of a table of lines may be taken for prose, and its missing cells are blank lines. Control characters
    // stand as they are, so that it may be taken for no text at all.
    if ending.contains("sv") && (whole.columns().len() == 1 || whole.columns().iter().any(has_controls)) {
        return;
    }
    let mut back =
        open(&[path.display().to_string()], &options).unwrap_or_else(|error| panic!("written, but: {error}"));
    let mut again = Vec::new();
    while let Some(frame) = back.next_frame().unwrap_or_else(|error| panic!("written, but: {error}")) {
        again.push(frame);
    }
    // A table of lines has no way to say that a row is there when all its cells are missing.
    let is_blank = |row_idx: usize| whole.columns().iter().all(|column| is_nothing(column, row_idx));
    let n_blank =
        if ending.contains("sv") { (0..whole.n_rows()).filter(|&idx| is_blank(idx)).count() } else { 0 };
    let stats = back.stats();
    assert!(stats.rows_set_aside <= n_blank as u64, "{ending}: {:?}", stats.first_set_aside);
    let again = Frame::concat(&again).expect("frames of one source");
    if ending == "parquet" {
        compare(&whole, &again);
    }
    let n_rows = again.n_rows() + stats.rows_set_aside as usize;
    // A header some of whose names are numbers may be taken for a row.
    let is_number = |field: &eddy_frame::Field| field.name.trim().parse::<f64>().is_ok();
    let doubtful = ending.contains("sv") && whole.schema().fields.iter().any(is_number);
    assert!(
        n_rows == whole.n_rows() || (doubtful && n_rows == whole.n_rows() + 1),
        "{ending}: {n_rows} rows"
    );
}

/// Parquet has kinds of its own, so that every cell comes back as it was.
fn compare(whole: &Frame, again: &Frame) {
    assert_eq!(again.columns().len(), whole.columns().len());
    for (idx, (before, after)) in whole.columns().iter().zip(again.columns()).enumerate() {
        let name = &whole.schema().fields[idx].name;
        match (before, after) {
            (Column::Float(before), Column::Float(after)) => {
                let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                assert!(before.len() == after.len() && before.iter().zip(after).all(same), "{name}");
            }
            (Column::Text(before), Column::Text(after)) => {
                assert!(before.iter().eq(after.iter()), "{name}");
            }
            // Numbers and texts may be told apart differently the second time: a text column of times, say.
            (before, after) => assert_eq!(before.len(), after.len(), "{name}"),
        }
    }
}

fn has_controls(column: &Column) -> bool {
    column.as_text().is_some_and(|texts| texts.iter().any(|text| text.contains(char::is_control)))
}

fn is_nothing(column: &Column, row_idx: usize) -> bool {
    match column {
        Column::Text(texts) => texts.get(row_idx).trim().is_empty(),
        column => column.is_missing(row_idx),
    }
}

fn folder() -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder")).path().to_owned()
}
