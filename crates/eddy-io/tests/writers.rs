//! What is written is read back as it was, in every format, and a file appears whole or not at all.

use std::path::Path;
use std::sync::Arc;

use eddy_frame::{
    Column, Field, Frame, Kind, MISSING_INT, MISSING_TIME, Role, Schema, TextColumn, TimeStyle,
};
use eddy_io::{ReadOptions, TableWriter, WriteError, open};
use proptest::prelude::*;

const ENDINGS: [&str; 16] = [
    "csv",
    "tsv",
    "ndjson",
    "jsonl",
    "json",
    "parquet",
    "csv.gz",
    "tsv.gz",
    "ndjson.gz",
    "jsonl.gz",
    "json.gz",
    "csv.zst",
    "tsv.zst",
    "ndjson.zst",
    "jsonl.zst",
    "json.zst",
];

fn write(path: &Path, frames: &[Frame]) {
    let mut writer = TableWriter::create(path, frames[0].schema()).unwrap();
    for frame in frames {
        writer.write(frame).unwrap();
    }
    writer.finish().unwrap();
}

fn read(path: &Path) -> (Frame, eddy_io::ReadStats) {
    let mut source = open(&[path.display().to_string()], &ReadOptions::default()).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push(frame);
    }
    (Frame::concat(&frames).unwrap(), source.stats())
}

fn field(name: &str, kind: Kind) -> Field {
    Field::new(name, kind, Role::Feature)
}

fn text(values: &[&str]) -> Column {
    Column::Text(values.iter().copied().collect())
}

/// The cells of a column as text, whatever its kind: numbers to the last bit.
fn cells(column: &Column) -> Vec<String> {
    (0..column.len())
        .map(|row_idx| match column {
            _ if column.is_missing(row_idx) => String::new(),
            Column::Text(texts) => texts.get(row_idx).to_owned(),
            Column::Float(values) => format!("{:?}", values[row_idx]),
            Column::Int(values) | Column::Time(values) => values[row_idx].to_string(),
        })
        .collect()
}

#[test]
fn every_format_gives_back_what_was_written() {
    let rows = 500;
    let times: Vec<i64> = (0..rows).map(|i| 1_700_000_000_000_000_000 + i * 1_000_000_123).collect();
    let mut iso = field("when", Kind::Time);
    iso.time_style = TimeStyle::Iso;
    let mut epoch = field("epoch", Kind::Time);
    epoch.time_style = TimeStyle::EpochSeconds;
    let with_gaps = |i: i64| match i % 5 {
        0 => f64::NAN,
        1 => f64::from(i as i32),
        2 => f64::from(i as i32) / 7.0,
        3 => -1e-300 * f64::from(i as i32),
        _ => 1e300,
    };
    let frame = Frame::from_pairs(vec![
        (iso, Column::Time(times.clone())),
        (epoch, Column::Time(times.iter().map(|time| time + 1).collect())),
        (field("bytes", Kind::Float), Column::Float((0..rows).map(|i| (i * i) as f64).collect())),
        (field("rate", Kind::Float), Column::Float((0..rows).map(with_gaps).collect())),
        (
            field("wide", Kind::Int),
            Column::Int(
                (0..rows).map(|i| if i == 7 { MISSING_INT } else { 900_719_925_474_099_300 + i }).collect(),
            ),
        ),
        (
            field("text", Kind::Text),
            Column::Text(
                (0..rows)
                    .map(|i| ["a,b", "say \"hi\"", "größe\tx", "two\nlines", "", "-"][i as usize % 6])
                    .collect(),
            ),
        ),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    for ending in ENDINGS {
        let path = folder.path().join(format!("table.{ending}"));
        write(&path, &[frame.slice(0, 200), frame.slice(200, 200), frame.slice(200, 500)]);
        let (back, stats) = read(&path);
        assert_eq!(stats.rows_set_aside + stats.cells_set_aside, 0, "{ending}: {:?}", stats.first_set_aside);
        for (field, column) in frame.schema().fields.iter().zip(frame.columns()) {
            let (_, got) = back.by_name(&field.name).unwrap_or_else(|| panic!("{ending}: no {}", field.name));
            assert_eq!(got.kind(), field.kind, "{ending} {}", field.name);
            let mut expect = cells(column);
            if field.kind == Kind::Text && ending.contains("sv") {
                // The one thing CSV changes: what a spreadsheet would run.
                expect.iter_mut().filter(|text| *text == "-").for_each(|text| *text = "'-".to_owned());
            }
            assert_eq!(cells(got), expect, "{ending} {}", field.name);
        }
    }
}

#[test]
fn a_table_without_rows_is_a_table() {
    let schema = Arc::new(Schema { fields: vec![field("a", Kind::Float), field("=b", Kind::Text)] });
    let folder = tempfile::tempdir().unwrap();
    for (ending, expect) in [("csv", "a,'=b\n"), ("tsv", "a\t'=b\n"), ("json", "[]\n"), ("ndjson", "")] {
        let path = folder.path().join(format!("empty.{ending}"));
        TableWriter::create(&path, &schema).unwrap().finish().unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expect);
    }
    let path = folder.path().join("empty.parquet");
    TableWriter::create(&path, &schema).unwrap().finish().unwrap();
    assert!(std::fs::read(&path).unwrap().ends_with(b"PAR1"));
}

#[test]
fn formulas_are_defused_in_text_formats_only() {
    let cells = ["=1+1", "+SUM(A1)", "-2+3", "@x", "\tx", "\rx", "-5", "+1e3", "-inf", "x=1"];
    let defused = ["'=1+1", "'+SUM(A1)", "'-2+3", "'@x", "'\tx", "'\rx", "-5", "+1e3", "-inf", "x=1"];
    let frame = Frame::from_pairs(vec![
        (field("=name", Kind::Text), text(&cells)),
        (field("n", Kind::Float), Column::Float(vec![-1.5; 10])),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("t.csv");
    write(&csv, std::slice::from_ref(&frame));
    let expect: String = std::iter::once("'=name,n\n".to_owned())
        .chain(defused.iter().map(|cell| {
            if cell.contains('\r') { format!("\"{cell}\",-1.5\n") } else { format!("{cell},-1.5\n") }
        }))
        .collect();
    assert_eq!(std::fs::read_to_string(&csv).unwrap(), expect);
    let json = folder.path().join("t.json");
    write(&json, std::slice::from_ref(&frame));
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    for (row, cell) in value.as_array().unwrap().iter().zip(cells) {
        assert_eq!(row["=name"], cell);
    }
}

#[test]
fn json_is_json_whatever_the_values() {
    let frame = Frame::from_pairs(vec![
        (
            field("f", Kind::Float),
            Column::Float(vec![f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -0.0, 5e-324, 1e21]),
        ),
        (field("i", Kind::Int), Column::Int(vec![i64::MAX, MISSING_INT, -1, 0, 1, 2])),
        (field("t", Kind::Time), Column::Time(vec![MISSING_TIME, 0, 1, 2, 3, -1])),
        (field("quote \"", Kind::Text), text(&["\u{0}", "\"\\", "", "\u{1f600}", "\n", "</script>"])),
    ])
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    write(&path, &[frame]);
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(value[0]["f"], "inf");
    assert_eq!(value[1]["f"], "-inf");
    assert!(value[2]["f"].is_null() && value[1]["i"].is_null() && value[0]["t"].is_null());
    assert_eq!(value[0]["i"], i64::MAX);
    assert_eq!(value[5]["t"], "1969-12-31T23:59:59.999999999Z");
    assert_eq!(value[1]["quote \""], "\"\\");
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let frame = Frame::from_pairs(vec![(field("a", Kind::Float), Column::Float(vec![1.0]))]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    std::fs::write(&path, "old").unwrap();
    let mut writer = TableWriter::create(&path, frame.schema()).unwrap();
    writer.write(&frame).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    drop(writer);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    write(&path, &[frame]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n1\n");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn links_stay_and_modes_are_kept() {
    use std::os::unix::fs::PermissionsExt;
    let frame = Frame::from_pairs(vec![(field("a", Kind::Float), Column::Float(vec![1.0]))]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("t.csv"), folder.path().join("link.csv"));
    std::fs::write(&file, "old").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    write(&link, &[frame]);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\n1\n");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn names_and_tables_that_cannot_be_written_are_refused() {
    let schema = Arc::new(Schema { fields: vec![field("a", Kind::Float)] });
    let folder = tempfile::tempdir().unwrap();
    for name in ["t", "t.xlsx", "t.parquet.gz", "t.gz", "csv", ".csv2"] {
        let error = TableWriter::create(&folder.path().join(name), &schema).unwrap_err();
        assert!(matches!(error, WriteError::UnknownFormat { .. }), "{name}: {error}");
        assert!(error.to_string().contains(".ndjson"), "{error}");
    }
    assert!(matches!(
        TableWriter::create(&folder.path().join("no/such/folder.csv"), &schema),
        Err(WriteError::Io { .. })
    ));
    assert!(matches!(
        TableWriter::create(&folder.path().join("t.csv"), &Arc::new(Schema::default())),
        Err(WriteError::Format { .. })
    ));
    let other = Frame::from_pairs(vec![(field("b", Kind::Float), Column::Float(vec![1.0]))]).unwrap();
    let mut writer = TableWriter::create(&folder.path().join("t.csv"), &schema).unwrap();
    assert!(matches!(writer.write(&other), Err(WriteError::Format { .. })));
    assert!(TableWriter::create(&folder.path().join("UPPER.CSV"), &schema).is_ok());
}

#[test]
fn a_single_column_keeps_its_gaps() {
    let frame =
        Frame::from_pairs(vec![(field("a", Kind::Float), Column::Float(vec![1.0, f64::NAN, 3.0]))]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    write(&path, &[frame]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a\n1\n\"\"\n3\n");
}

fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<i32>().prop_map(f64::from),
        Just(f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-0.0),
    ]
}

/// Text that no reader takes for a number, a time or nothing, and that keeps its ends.
fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            any::<char>(),
            proptest::char::ranges(
                "\"',;=+-@\t\r\n {}[]\\:#|".chars().map(|c| c..=c).collect::<Vec<_>>().into()
            )
        ],
        0..12,
    )
    .prop_map(|letters| {
        format!("x{}y", letters.into_iter().filter(|letter| *letter != '\0').collect::<String>())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_values_come_back(rows in proptest::collection::vec((any_float(), any_text()), 8..40)) {
        // The first rows make the kinds plain; what is under test is the values, not the guess.
        let floats: Vec<f64> = [0.5; 20].into_iter().chain(rows.iter().map(|row| row.0)).collect();
        let texts: TextColumn = ["x y"; 20].into_iter().chain(rows.iter().map(|row| row.1.as_str())).collect();
        let n_rows = floats.len();
        let frame = Frame::from_pairs(vec![
            (field("id_a", Kind::Text), Column::Text(std::iter::repeat_n("k", n_rows).collect())),
            (field("rate", Kind::Float), Column::Float(floats)),
            (field("what", Kind::Text), Column::Text(texts)),
        ]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for ending in ["csv", "tsv", "ndjson", "json", "parquet"] {
            let path = folder.path().join(format!("t.{ending}"));
            write(&path, std::slice::from_ref(&frame));
            let (back, stats) = read(&path);
            prop_assert_eq!(stats.rows_set_aside, 0, "{}: {:?}", ending, stats.first_set_aside);
            for name in ["rate", "what"] {
                let (_, expect) = frame.by_name(name).unwrap();
                let (_, got) = back.by_name(name).unwrap();
                prop_assert_eq!(cells(got), cells(expect), "{} {}", ending, name);
            }
        }
    }
}
