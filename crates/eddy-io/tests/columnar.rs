//! JSON, Parquet, Arrow IPC and ARFF: what they hold is read in full, and damage never costs more than an error.

#[path = "../../../testing/real_data.rs"]
mod real_data;

use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    DurationMillisecondArray, Float32Array, Float64Array, Int64Array, LargeStringArray, NullArray,
    RecordBatch, StringArray, StringViewArray, StructArray, Time32SecondArray, TimestampMicrosecondArray,
    TimestampSecondArray, UInt16Array, UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use eddy_frame::{Column, Frame, Kind};
use eddy_io::{ReadError, ReadOptions, Source, open, open_bytes};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;
use real_data::data;

fn source(name: &str, bytes: &[u8]) -> Result<Box<dyn Source>, ReadError> {
    open_bytes(name, bytes.to_vec(), &ReadOptions::default())
}

fn read(source: &mut dyn Source) -> Result<Frame, ReadError> {
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame()? {
        frames.push(frame);
    }
    Ok(Frame::concat(&frames).unwrap())
}

fn text(frame: &Frame, name: &str) -> Vec<String> {
    let (_, column) = frame.by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    (0..column.len())
        .map(|row_idx| match column {
            _ if column.is_missing(row_idx) => String::new(),
            Column::Text(texts) => texts.get(row_idx).to_owned(),
            Column::Float(values) => values[row_idx].to_string(),
            Column::Int(values) | Column::Time(values) => values[row_idx].to_string(),
        })
        .collect()
}

fn check(json: &str, column: &str, expect: &[&str]) {
    let mut source = source("t.json", json.as_bytes()).unwrap_or_else(|error| panic!("{json}: {error}"));
    let frame = read(&mut *source).unwrap();
    assert_eq!(text(&frame, column), expect, "{json}");
}

#[test]
fn json_is_read_in_every_form() {
    for json in [
        "{\"a\":1,\"b\":\"x\"}\n{\"a\":2.5,\"b\":\"y\"}\n\n{\"b\":\"z\"}\n",
        "[{\"a\":1,\"b\":\"x\"},\n{\"b\":\"y\",\"a\":2.5},{\"b\":\"z\",\"a\":null}]",
        "{\"took\":3,\"data\":[{\"a\":1,\"b\":\"x\"},{\"a\":2.5,\"b\":\"y\"},{\"b\":\"z\"}],\"n\":[1]}",
        "{\n \"a\": 1,\n \"b\": \"x\"\n}\n{\n \"a\": 2.5,\n \"b\": \"y\"\n}\n{ \"b\": \"z\" }",
        "\u{feff}{\"a\":1,\"b\":\"x\"}\r\n{\"a\":2.5,\"b\":\"y\"}\r\n{\"b\":\"z\"}\r\n",
    ] {
        check(json, "a", &["1", "2.5", ""]);
        check(json, "b", &["x", "y", "z"]);
    }
    let utf16: Vec<u8> = "\u{feff}[{\"a\":1},{\"a\":2}]".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let frame = read(&mut *source("t.json", &utf16).unwrap()).unwrap();
    assert_eq!(text(&frame, "a"), ["1", "2"]);
}

#[test]
fn json_values_become_columns() {
    let nested = "{\"id\":{\"orig_h\":\"10.0.0.1\",\"p\":[1,{\"x\":2}]},\"ok\":true}\n{\"id\":{\"orig_h\":\"10.0.0.2\"},\"ok\":false}\n";
    check(nested, "id.orig_h", &["10.0.0.1", "10.0.0.2"]);
    check(nested, "id.p", &["[1,{\"x\":2}]", ""]);
    check(nested, "ok", &["1", "0"]);
    let mixed = "{\"v\":1,\"w\":true}\n{\"v\":\"n 1\",\"w\":\"maybe\"}\n";
    check(mixed, "v", &["1", "n 1"]);
    check(mixed, "w", &["true", "maybe"]);
    let infinite = "{\"v\":1.5}\n{\"v\":\"inf\"}\n{\"v\":\"-Infinity\"}\n{\"v\":NaN}\n{\"v\":-Infinity}\n";
    check(infinite, "v", &["1.5", "inf", "-inf", "", "-inf"]);
    let wide = "{\"v\":9007199254740993}\n{\"v\":-9223372036854775807}\n{\"v\":7}\n";
    check(wide, "v", &["9007199254740993", "-9223372036854775807", "7"]);
    check("[{\"a\\u0062\":\"\\ud83e\\udd80\\n\"},{\"ab\":\"x\"}]", "ab", &["🦀\n", "x"]);
}

#[test]
fn damaged_json_records_are_set_aside_and_counted() {
    let json =
        "{\"a\":1}\n{\"a\":2\n[1,2]\n{\"a\":3}\nnonsense\n{\"a\":\"x\"}\n{\"a\":4}\n{\"a\":5}\n{\"a\":6}";
    let json = format!("{json}{}", "\n{\"a\":7}".repeat(20));
    let mut damaged = source("t.ndjson", json.as_bytes()).unwrap();
    read(&mut *damaged).unwrap();
    let stats = damaged.stats();
    let lines: Vec<_> =
        stats.first_set_aside.iter().filter(|row| row.column.is_none()).map(|row| row.line).collect();
    assert_eq!((stats.rows_set_aside, lines), (3, vec![Some(2), Some(3), Some(5)]));
    assert_eq!(stats.rows_read, 26);

    let mut cut = source("t.json", b"[{\"a\":1,\"b\":2},\n{\"a\":3,\"b\":4},\n{\"a\":5,").unwrap();
    assert_eq!(read(&mut *cut).unwrap().n_rows(), 2);
    assert_eq!(cut.stats().rows_set_aside, 1);
    assert!(cut.description().notes.iter().any(|note| note.text.contains("ends before its array does")));
}

#[test]
fn late_json_keys_are_noted_not_lost_in_silence() {
    let mut json = "{\"a\":1,\"b\":2}\n".repeat(6000);
    json.push_str(&"{\"a\":1,\"b\":2,\"late\":5}\n".repeat(3));
    let mut source = source("t.ndjson", json.as_bytes()).unwrap();
    assert_eq!(read(&mut *source).unwrap().n_rows(), 6003);
    let notes = &source.description().notes;
    assert!(notes.iter().any(|note| note.text.contains("'late' (3)")), "{notes:?}");
}

#[test]
fn json_that_is_no_table_is_refused() {
    for json in ["[1,2,3]", "[[1,2],[3,4]]", "[]", "{}", "{\"a\":", "[{}]"] {
        match source("t.json", json.as_bytes()).map(|_| ()) {
            Err(ReadError::NotATable { .. }) => {}
            other => panic!("{json}: {other:?}"),
        }
    }
}

#[test]
fn large_json_crosses_blocks_with_its_lines() {
    let rows = 120_000;
    let body: Vec<String> = (0..rows)
        .map(|i| {
            format!(
                "{{\"n\":{},\"host\":\"10.0.{}.{}\",\"pad\":\"{}\"}}",
                i * 3,
                i % 7,
                i % 251,
                "p".repeat(i % 50)
            )
        })
        .collect();
    for (ending, text) in [("ndjson", body.join("\n")), ("json", format!("[{}]", body.join(",\n")))] {
        let mut source = source(&format!("t.{ending}"), text.as_bytes()).unwrap();
        let frame = read(&mut *source).unwrap();
        assert_eq!(frame.n_rows(), rows);
        assert_eq!(frame.lines.get(rows - 1), Some(rows as u64), "{ending}");
        assert!((0..rows).all(|i| frame.by_name("n").unwrap().1.number(i) == (i * 3) as f64), "{ending}");
        source.rewind().unwrap();
        assert_eq!(read(&mut *source).unwrap(), frame, "{ending}");
    }
}

/// One column of each type.
fn batch() -> RecordBatch {
    let mut lists = ListBuilder::new(Float64Builder::new());
    lists.append_value([Some(1.0), None]);
    lists.append_null();
    lists.append_value([]);
    let names: DictionaryArray<Int32Type> = vec![Some("tcp"), None, Some("udp")].into_iter().collect();
    let inner: ArrayRef = Arc::new(Int64Array::from(vec![Some(80), None, Some(443)]));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i64", Arc::new(Int64Array::from(vec![Some(1), None, Some(-3)]))),
        ("wide", Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None, Some(1)]))),
        ("u64", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1]))),
        ("u16", Arc::new(UInt16Array::from(vec![65535, 0, 1]))),
        ("f32", Arc::new(Float32Array::from(vec![0.5, f32::NAN, f32::INFINITY]))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("utf8", Arc::new(StringArray::from(vec![Some("größe"), None, Some("")]))),
        ("large", Arc::new(LargeStringArray::from(vec!["a", "b", "c"]))),
        ("view", Arc::new(StringViewArray::from(vec!["a", "a longer text than twelve", "c"]))),
        ("binary", Arc::new(BinaryArray::from(vec![&b"raw"[..], b"\xe9", b""]))),
        ("dictionary", Arc::new(names)),
        (
            "stamp_us",
            Arc::new(
                TimestampMicrosecondArray::from(vec![Some(1_700_000_000_000_001), None, Some(0)])
                    .with_timezone("UTC"),
            ),
        ),
        ("stamp_s", Arc::new(TimestampSecondArray::from(vec![1_700_000_000, i64::MAX, 0]))),
        ("date", Arc::new(Date32Array::from(vec![0, 1, 19_675]))),
        ("of_day", Arc::new(Time32SecondArray::from(vec![0, 1, 86_399]))),
        ("lasting", Arc::new(DurationMillisecondArray::from(vec![1500, 0, 1]))),
        (
            "decimal",
            Arc::new(Decimal128Array::from(vec![12_345, 0, -5]).with_precision_and_scale(10, 2).unwrap()),
        ),
        ("list", Arc::new(lists.finish())),
        ("nothing", Arc::new(NullArray::new(3))),
        (
            "id",
            Arc::new(StructArray::from(vec![(
                Arc::new(arrow_schema::Field::new("resp_p", arrow_schema::DataType::Int64, true)),
                inner,
            )])),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

/// Parquet has no durations.
fn without_durations(batch: &RecordBatch) -> RecordBatch {
    let keep: Vec<usize> =
        (0..batch.num_columns()).filter(|idx| batch.schema().field(*idx).name() != "lasting").collect();
    batch.project(&keep).unwrap()
}

fn parquet_bytes(batches: &[RecordBatch], compression: Compression) -> Vec<u8> {
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batches[0].schema(), Some(properties)).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

/// Parquet with every encoding that takes lengths from the pages themselves, not packed, so that edits reach them.
fn delta_bytes() -> Vec<u8> {
    let texts: ArrayRef =
        Arc::new(StringArray::from_iter_values((0..200).map(|i| format!("host-{}", i * i))));
    let wholes: ArrayRef = Arc::new(Int64Array::from_iter_values((0..200).map(|i| i * i * 7)));
    let floats: ArrayRef = Arc::new(Float64Array::from_iter_values((0..200).map(f64::from)));
    let batch =
        RecordBatch::try_from_iter([("a", texts.clone()), ("b", texts), ("c", wholes), ("d", floats)])
            .unwrap();
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_column_encoding("a".into(), Encoding::DELTA_BYTE_ARRAY)
        .set_column_encoding("b".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .set_column_encoding("c".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding("d".into(), Encoding::BYTE_STREAM_SPLIT)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn stream_bytes(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

fn file_bytes(batches: &[RecordBatch], compression: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(compression).unwrap();
    let mut writer = FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), options).unwrap();
    batches.iter().for_each(|batch| writer.write(batch).unwrap());
    writer.into_inner().unwrap()
}

#[test]
fn arrow_types_become_columns() {
    let batch = batch();
    let files = [
        ("stream", stream_bytes(std::slice::from_ref(&batch), None)),
        ("zstd", stream_bytes(std::slice::from_ref(&batch), Some(CompressionType::ZSTD))),
        ("file", file_bytes(std::slice::from_ref(&batch), None)),
        ("lz4", file_bytes(std::slice::from_ref(&batch), Some(CompressionType::LZ4_FRAME))),
        ("parquet", parquet_bytes(&[without_durations(&batch)], Compression::SNAPPY)),
    ];
    for (name, bytes) in files {
        let mut source = source(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        let frame = read(&mut *source).unwrap();
        let check =
            |column: &str, expect: [&str; 3]| assert_eq!(text(&frame, column), expect, "{name} {column}");
        check("i64", ["1", "", "-3"]);
        check("wide", ["9007199254740993", "", "1"]);
        check("u64", ["18446744073709552000", "0", "1"]);
        check("u16", ["65535", "0", "1"]);
        check("f32", ["0.5", "", "inf"]);
        check("bool", ["1", "", "0"]);
        check("utf8", ["größe", "", ""]);
        check("large", ["a", "b", "c"]);
        check("view", ["a", "a longer text than twelve", "c"]);
        check("binary", ["raw", "é", ""]);
        check("dictionary", ["tcp", "", "udp"]);
        check("stamp_us", ["1700000000000001000", "", "0"]);
        check("stamp_s", ["1700000000000000000", "", "0"]);
        check("date", ["0", "86400000000000", "1699920000000000000"]);
        check("of_day", ["0", "1000000000", "86399000000000"]);
        if name != "parquet" {
            check("lasting", ["1.5", "0", "0.001"]);
        }
        check("decimal", ["123.45", "0", "-0.05"]);
        check("list", ["[1.0, ]", "", "[]"]);
        check("nothing", ["", "", ""]);
        check("id.resp_p", ["80", "", "443"]);
        assert_eq!(frame.by_name("wide").unwrap().1.kind(), Kind::Int);
        assert_eq!(source.stats().cells_set_aside, 1, "{name}: the second that no 64-bit nanosecond reaches");
        assert!(
            source.description().notes.iter().any(|note| note.column.as_deref() == Some("u64")),
            "{name}"
        );
        source.rewind().unwrap();
        assert_eq!(read(&mut *source).unwrap().n_rows(), 3, "{name}");
    }
}

#[test]
fn many_batches_are_cut_to_the_rows_asked_for() {
    let batch = |from: i64| {
        let values: ArrayRef = Arc::new(Int64Array::from_iter_values(from..from + 1000));
        RecordBatch::try_from_iter([("n", values)]).unwrap()
    };
    let batches: Vec<RecordBatch> = (0..20).map(|i| batch(i * 1000)).collect();
    for bytes in [
        stream_bytes(&batches, None),
        file_bytes(&batches, Some(CompressionType::ZSTD)),
        parquet_bytes(&batches, Compression::UNCOMPRESSED),
    ] {
        let options = ReadOptions { batch_rows: 300, ..ReadOptions::default() };
        let mut source = open_bytes("t", bytes, &options).unwrap();
        let mut next = 0;
        while let Some(frame) = source.next_frame().unwrap() {
            assert!(frame.n_rows() <= 300 && frame.first_row == next);
            assert!((0..frame.n_rows()).all(|i| frame.column(0).number(i) == (next + i as u64) as f64));
            next += frame.n_rows() as u64;
        }
        assert_eq!(next, 20_000);
    }
}

/// Reads as far as it goes; what counts is that it ends, and without panic.
fn survive(name: &str, bytes: Vec<u8>) {
    let options = ReadOptions::default();
    if let Ok(mut source) = open_bytes(name, bytes, &options) {
        let mut n_rows = 0;
        while let Ok(Some(frame)) = source.next_frame() {
            n_rows += frame.n_rows();
            // A damaged file may claim any number of rows that take no bytes.
            if n_rows > 1_000_000 {
                break;
            }
        }
    }
}

/// Samples of every format.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let batch = batch();
    let batches = [batch.clone(), batch.clone()];
    let flat = without_durations(&batch);
    let wide: ArrayRef = Arc::new(Float64Array::from_iter_values((0..500).map(f64::from)));
    let wide = RecordBatch::try_from_iter([("x", wide.clone()), ("y", wide)]).unwrap();
    vec![
        ("t.arrows", stream_bytes(&batches, None)),
        ("t.arrow", file_bytes(&batches, Some(CompressionType::LZ4_FRAME))),
        ("t.feather", file_bytes(&batches, Some(CompressionType::ZSTD))),
        ("t.parquet", parquet_bytes(&[flat.clone(), flat], Compression::SNAPPY)),
        ("t2.parquet", parquet_bytes(&[wide], Compression::ZSTD(ZstdLevel::default()))),
        ("t3.parquet", delta_bytes()),
        ("t.json", b"[{\"a\":1,\"b\":[1,{\"c\":\"\\u00e9\"}]},\n{\"a\":-2.5e3,\"d\":{\"e\":null}},\n{\"a\":true}]".to_vec()),
        ("t.ndjson", b"{\"a\":1,\"b\":\"x\\n\"}\n{\"a\":\"2\",\"b\":{\"c\":[]}}\n{\"a\":3}\n".to_vec()),
        ("t.member.json", b"{\"data\":[{\"a\":1},{\"a\":2}],\"n\":1}".to_vec()),
        ("t.arff", b"@relation x\n@attribute a numeric\n@attribute 'b c' {x,'y z'}\n@data\n1,x\n{1 'y z'}\n?,'y z',{2}\n".to_vec()),
    ]
}

#[test]
fn files_cut_short_anywhere_give_an_error_or_rows() {
    for (name, bytes) in samples() {
        let step = (bytes.len() / 300).max(1);
        for length in (0..bytes.len()).step_by(step).chain([bytes.len().saturating_sub(1)]) {
            survive(name, bytes[..length].to_vec());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn random_edits_never_panic(
        at in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let samples = SAMPLES.get_or_init(samples);
        let (name, bytes) = &samples[at.index(samples.len())];
        let mut bytes = bytes.clone();
        for (place, byte) in edits {
            let length = bytes.len();
            bytes[place.index(length)] = byte;
        }
        survive(name, bytes);
    }

    #[test]
    fn random_bytes_never_panic(start in 0_usize..6, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let start: &[u8] = [&b"PAR1"[..], b"ARROW1\0\0", b"\xff\xff\xff\xff\x40\0\0\0", b"[{\"a\":", b"{\"", b"@relation x\n@attribute a {"][start];
        survive("t", [start, &bytes].concat());
        survive("t", [start, &bytes, b"\x10\0\0\0PAR1"].concat());
    }
}
static SAMPLES: std::sync::OnceLock<Vec<(&'static str, Vec<u8>)>> = std::sync::OnceLock::new();

#[test]
fn sizes_that_cannot_be_true_are_refused_before_memory_is_taken() {
    let batch = batch();
    // A body of 2^62 bytes: the length stands in the message; any eight bytes that hold it will do.
    let stream = stream_bytes(&[batch], Some(CompressionType::LZ4_FRAME));
    for at in (0..stream.len() - 8).step_by(8) {
        let mut bytes = stream.clone();
        bytes[at..at + 8].copy_from_slice(&(1_i64 << 40).to_le_bytes());
        survive("t.arrows", bytes);
    }
}

fn read_file(path: &str) -> Option<(Frame, Box<dyn Source>)> {
    let file = data(path)?;
    let mut source = open(&[file.display().to_string()], &ReadOptions::default()).unwrap();
    let frame = read(&mut *source).unwrap();
    Some((frame, source))
}

#[test]
fn nsl_kdd_as_arff_has_all_its_rows() {
    if let Some((frame, source)) = read_file("nsl-kdd/variants/KDDTrain+_20Percent.arff") {
        assert_eq!((frame.n_rows(), frame.columns().len()), (25_192, 42));
        assert_eq!(source.stats().rows_set_aside, 0);
        assert_eq!(frame.by_name("protocol_type").unwrap().1.kind(), Kind::Text);
        assert_eq!(frame.by_name("src_bytes").unwrap().1.number(0), 491.0);
    }
}

#[test]
fn suricata_events_become_flows() {
    if let Some((frame, source)) = read_file("slips/test6-malicious.suricata.json") {
        assert_eq!(source.stats().rows_set_aside, 0);
        assert!(frame.n_rows() > 1000);
        assert!(frame.by_name("octetDeltaCount").is_some() && frame.by_name("sourceAddress").is_some());
    }
}

#[test]
fn zeek_json_logs_are_read_in_full() {
    if let Some(folder) = data("zeek-logs/brimdata-wrccdc/zeek-json") {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path().display().to_string();
            let mut source = open(std::slice::from_ref(&path), &ReadOptions::default()).unwrap();
            let frame = read(&mut *source).unwrap();
            assert!(frame.n_rows() > 0 && source.stats().rows_set_aside == 0, "{path}");
        }
    }
}
