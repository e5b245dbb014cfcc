//! What must hold for any bytes whatever: shared by the tests of this crate and by the fuzz targets in `fuzz/`.

// No one uses all of it, and the targets see it from another crate.
#![allow(dead_code, unreachable_pub)]

pub mod writing;

use eddy_io::{ReadError, ReadOptions, ReadStats, Source, open_bytes, open_flow_bytes};

/// The name that bytes are read under, and that every refusal has to name.
pub const NAME: &str = "hostile.bin";

/// Rows after which reading is given up: a few bytes of Parquet or Arrow may stand for any number of equal rows.
const MOST_ROWS: u64 = 300_000;

/// What reading came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was refused as a whole.
    Refused,
    /// Some rows, then an error, or more rows than are waited for.
    CutShort,
    /// All of it was read.
    Read(Counts),
}

/// What a read to the end counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Rows handed out.
    pub rows: u64,
    /// Rows set aside.
    pub rows_set_aside: u64,
    /// Cells set aside.
    pub cells_set_aside: u64,
}

impl Counts {
    fn of(stats: &ReadStats) -> Self {
        Self {
            rows: stats.rows_read,
            rows_set_aside: stats.rows_set_aside,
            cells_set_aside: stats.cells_set_aside,
        }
    }
}

/// Reads bytes to their end once.
///
/// # Panics
/// As [`survive`] does.
pub fn survive_once(bytes: &[u8]) -> Outcome {
    let options = ReadOptions::default();
    match open_bytes(NAME, bytes.to_vec(), &options) {
        Ok(mut source) => drain(&mut *source, &options),
        Err(error) => {
            check_error(&error);
            Outcome::Refused
        }
    }
}

/// Reads bytes to their end, twice in one go (from the first row again) and once in other batches.
///
/// # Panics
/// When a count does not add up, when columns differ in length, when a second read counts otherwise than the first, or
/// when an error does not name its file.
pub fn survive(bytes: &[u8]) -> Outcome {
    let options = ReadOptions::default();
    let mut source = match open_bytes(NAME, bytes.to_vec(), &options) {
        Ok(source) => source,
        Err(error) => {
            check_error(&error);
            return Outcome::Refused;
        }
    };
    let first = drain(&mut *source, &options);
    if let Err(error) = source.rewind() {
        check_error(&error);
        return first;
    }
    assert_eq!(drain(&mut *source, &options), first, "a second read differs from the first");
    let small = ReadOptions { batch_rows: 7, ..options };
    match open_bytes(NAME, bytes.to_vec(), &small) {
        Ok(mut source) => {
            let other = drain(&mut *source, &small);
            // A damaged batch takes as many rows with it as it has.
            if first != Outcome::CutShort && other != Outcome::CutShort {
                assert_eq!(other, first, "batches of 7 rows differ from whole ones");
            }
        }
        Err(error) => panic!("refused with small batches only: {error}"),
    }
    first
}

fn drain(source: &mut dyn Source, options: &ReadOptions) -> Outcome {
    let mut rows = 0;
    loop {
        match source.next_frame() {
            Ok(Some(frame)) => {
                let schema = &source.description().schema;
                assert!(frame.n_rows() > 0 && frame.n_rows() <= options.batch_rows);
                assert_eq!(frame.schema(), schema, "a frame has another schema than its source");
                assert_eq!(frame.columns().len(), schema.fields.len());
                for (column, field) in frame.columns().iter().zip(&schema.fields) {
                    assert_eq!(column.len(), frame.n_rows(), "column '{}'", field.name);
                    assert_eq!(column.kind(), field.kind, "column '{}'", field.name);
                }
                assert_eq!(frame.first_row, rows);
                rows += frame.n_rows() as u64;
                if rows > MOST_ROWS {
                    return Outcome::CutShort;
                }
            }
            Ok(None) => break,
            Err(error) => {
                check_error(&error);
                return Outcome::CutShort;
            }
        }
    }
    let stats = source.stats();
    assert_eq!(stats.rows_read, rows, "rows read are not the rows handed out");
    assert!(stats.first_set_aside.len() <= options.shown);
    assert!(stats.first_set_aside.len() as u64 <= stats.rows_set_aside + stats.cells_set_aside);
    Outcome::Read(Counts::of(&stats))
}

/// An error names the file, and says more than that.
fn check_error(error: &ReadError) {
    let text = error.to_string();
    assert!(text.contains(NAME) && text.len() > NAME.len() + 10, "{text}");
}

/// Reads two logs of flows as one source, twice in one go and once in other batches.
///
/// # Panics
/// As [`survive`] does.
pub fn survive_flows(one: &[u8], other: &[u8]) {
    let logs = || vec![(NAME, one.to_vec()), ("also-hostile.bin", other.to_vec())];
    let options = ReadOptions::default();
    let Ok(mut source) = open_flow_bytes(logs(), &options) else { return };
    let first = drain(&mut *source, &options);
    if source.rewind().is_ok() {
        assert_eq!(drain(&mut *source, &options), first, "a second read differs from the first");
    }
    let small = ReadOptions { batch_rows: 7, ..options };
    if let Ok(mut source) = open_flow_bytes(logs(), &small) {
        let other = drain(&mut *source, &small);
        if first != Outcome::CutShort && other != Outcome::CutShort {
            assert_eq!(other, first, "batches of 7 rows differ from whole ones");
        }
    }
}

/// Makes a capture of the bytes (for each frame its length, the seconds since the one before, then the frame) and reads what
/// its packets tell beside the flows.
///
/// # Panics
/// When what is told makes no sense, is more than there is room for, or is not the same a second time.
pub fn survive_signs(bytes: &[u8]) {
    let capture = framed(bytes);
    let options = ReadOptions::default();
    let Ok(mut source) = open_flow_bytes(vec![(NAME, capture)], &options) else { return };
    let mut told = || {
        drain(&mut *source, &options);
        let signs = source.packet_signs();
        source.rewind().unwrap();
        signs
    };
    let signs = told();
    assert_eq!(told(), signs, "a second read tells other signs than the first");
    assert!(signs.len() <= 1 << 13);
    for sign in &signs {
        assert!(sign.first_ns <= sign.last_ns && sign.packets > 0, "{sign:?}");
        assert!(sign.targets.len() <= 16 && sign.different <= 1 << 16, "{sign:?}");
    }
}

/// A capture of Ethernet frames, each told by its length and the seconds since the one before.
fn framed(mut bytes: &[u8]) -> Vec<u8> {
    let longs =
        |numbers: &[u32]| -> Vec<u8> { numbers.iter().flat_map(|number| number.to_be_bytes()).collect() };
    let mut out = longs(&[0xa1b2_c3d4, 0x0002_0004, 0, 0, 65_535, 1]);
    let mut seconds = 1_700_000_000u32;
    while let [len, since, rest @ ..] = bytes {
        let (frame, others) = rest.split_at(usize::from(*len).min(rest.len()));
        seconds += u32::from(*since);
        out.extend(longs(&[seconds, 0, frame.len() as u32, frame.len() as u32]));
        out.extend(frame);
        bytes = others;
    }
    out
}
