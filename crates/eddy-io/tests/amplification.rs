//! A small input may stand for a large table, but only ever a part of it is in memory.

use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, NullArray, RecordBatch};
use arrow_ipc::writer::StreamWriter;
use eddy_io::{ReadError, ReadOptions, open_bytes};

/// Most cells of a frame.
const MOST_CELLS: usize = 1 << 23;

/// Reads all rows, and checks that there are so many and that no frame is large.
fn check(name: &str, bytes: &[u8], n_columns: usize, n_rows: u64) {
    let mut source = open_bytes(name, bytes.to_vec(), &ReadOptions::default()).unwrap();
    while let Some(frame) = source.next_frame().unwrap() {
        assert_eq!(frame.columns().len(), n_columns, "{name}");
        assert!(frame.n_rows() * n_columns <= MOST_CELLS, "{name}: {} rows at once", frame.n_rows());
    }
    assert_eq!((source.stats().rows_read, source.stats().rows_set_aside), (n_rows, 0), "{name}");
}

#[test]
fn rows_that_take_no_bytes_come_in_small_frames() {
    let keys: Vec<String> = (0..4096).map(|idx| format!("\"k{idx}\":{idx}")).collect();
    let first = format!("{{{}}}", keys.join(","));
    check("t.ndjson", format!("{first}\n{}", "{}\n".repeat(2_999)).as_bytes(), 4096, 3_000);
    check("t.json", format!("[{first}{}]", ",{}".repeat(2_999)).as_bytes(), 4096, 3_000);
    check(
        "t.member.json",
        format!("{{\"x\":[{first}{}],\"y\":1}}", ",{}".repeat(2_999)).as_bytes(),
        4096,
        3_000,
    );

    let mut arff = String::from("@relation x\n");
    (0..4096).for_each(|idx| writeln!(arff, "@attribute a{idx} real").unwrap());
    check("t.arff", format!("{arff}@data\n{}", "{}\n".repeat(3_000)).as_bytes(), 4096, 3_000);

    let nothing: ArrayRef = Arc::new(NullArray::new(3_000));
    let columns = (0..4096).map(|idx| (format!("n{idx}"), nothing.clone()));
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    check("t.arrows", &writer.into_inner().unwrap(), 4096, 3_000);
}

#[test]
fn names_that_repeat_those_around_them_are_cut_off() {
    // Each key has 100,000 bytes of those around it: 400 MB of names in 150 kB of JSON.
    let inner: Vec<String> = (0..4096).map(|idx| format!("\"k{idx}\":{idx}")).collect();
    let json = format!("{{\"a\":1,\"{}\":{{{}}}}}\n", "x".repeat(100_000), inner.join(","));
    let mut source = open_bytes("t.ndjson", json.into_bytes(), &ReadOptions::default()).unwrap();
    let columns = source.description().schema.fields.len();
    assert!(columns > 1 && columns < 100, "{columns}");
    assert!(source.description().notes.iter().any(|note| note.text.contains("were left out")));
    assert_eq!(source.next_frame().unwrap().unwrap().n_rows(), 1);
}

#[test]
fn schemas_without_measure_are_refused() {
    let nothing: ArrayRef = Arc::new(NullArray::new(1));
    let columns = (0..70_000).map(|idx| (format!("n{idx}"), nothing.clone(), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut writer = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    match open_bytes("t.arrows", writer.into_inner().unwrap(), &ReadOptions::default()) {
        Err(ReadError::NotATable { what, .. }) => assert!(what.contains("65536 columns"), "{what}"),
        other => panic!("{:?}", other.map(|source| source.description().schema.fields.len())),
    }
}
