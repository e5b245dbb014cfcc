//! Measures how fast tables are written and read back: `cargo run --release -p eddy-io --example write_speed [folder]`.

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use eddy_frame::{Column, Field, Frame, Kind, NANOS_PER_SECOND, Role, TextColumn};
use eddy_io::{ReadOptions, TableWriter, open};

const ROWS: usize = 1_000_000;
const FRAME_ROWS: usize = 65_536;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let frames: Vec<Frame> = (0..ROWS)
        .step_by(FRAME_ROWS)
        .map(|start| flows(start, ROWS.min(start + FRAME_ROWS)))
        .collect::<Result<_, _>>()?;
    let schema = frames.first().ok_or("no rows")?.schema().clone();
    println!("{ROWS} rows x {} columns", schema.fields.len());
    for ending in ["csv", "tsv", "ndjson", "json", "parquet", "csv.zst", "csv.gz"] {
        let path = folder.join(format!("eddy-write-speed.{ending}"));
        let start = Instant::now();
        let mut writer = TableWriter::create(&path, &schema)?;
        for frame in &frames {
            writer.write(frame)?;
        }
        let formatted = start.elapsed().as_secs_f64();
        writer.finish()?;
        let seconds = start.elapsed().as_secs_f64();
        let megabytes = std::fs::metadata(&path)?.len() as f64 / 1e6;
        let start = Instant::now();
        let mut source = open(&[path.display().to_string()], &ReadOptions::default())?;
        let mut n_rows = 0;
        while let Some(frame) = source.next_frame()? {
            n_rows += frame.n_rows();
        }
        let reading = start.elapsed().as_secs_f64();
        println!(
            "{ending:8} {megabytes:6.1} MB, written in {seconds:5.2} s ({formatted:.2} s before it is synced), {:8.0} rows/s; read in {reading:5.2} s, {:8.0} rows/s",
            ROWS as f64 / seconds,
            n_rows as f64 / reading
        );
        std::fs::remove_file(&path)?;
    }
    Ok(())
}

/// Rows like those of scored flow tables: time, two addresses, a protocol, counts, rates, a score and a verdict.
fn flows(start: usize, end: usize) -> Result<Frame, Box<dyn Error>> {
    let noise = |idx: usize, salt: u64| -> f64 {
        let mixed = (idx as u64 + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(salt.wrapping_mul(0xd1b5_4a32_d192_ed03));
        (mixed ^ (mixed >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9) as f64 / u64::MAX as f64
    };
    let floats = |make: &dyn Fn(usize) -> f64| Column::Float((start..end).map(make).collect());
    let texts = |make: &dyn Fn(usize) -> String| {
        let mut column = TextColumn::default();
        (start..end).for_each(|idx| column.push(&make(idx)));
        Column::Text(column)
    };
    let address =
        |idx: usize, salt| format!("10.{}.{}.{}", idx % 7, idx % 251, (noise(idx, salt) * 255.0) as u8);
    let times = (start..end).map(|idx| 1_700_000_000 * NANOS_PER_SECOND + idx as i64 * 1_234_567).collect();
    let field = |name: &str, kind| Field::new(name, kind, Role::Feature);
    Ok(Frame::from_pairs(vec![
        (field("timestamp", Kind::Time), Column::Time(times)),
        (field("src", Kind::Text), texts(&|idx| address(idx, 1))),
        (field("dst", Kind::Text), texts(&|idx| address(idx, 2))),
        (field("src_port", Kind::Float), floats(&|idx| (noise(idx, 3) * 65535.0).floor())),
        (field("dst_port", Kind::Float), floats(&|idx| [80.0, 443.0, 53.0][idx % 3])),
        (field("protocol", Kind::Text), texts(&|idx| ["tcp", "udp", "icmp"][idx % 3].to_owned())),
        (field("bytes", Kind::Float), floats(&|idx| (noise(idx, 4) * 1e6).floor())),
        (field("packets", Kind::Float), floats(&|idx| (noise(idx, 5) * 1e3).floor())),
        (field("duration", Kind::Float), floats(&|idx| noise(idx, 6) * 120.0)),
        (field("bytes_per_packet", Kind::Float), floats(&|idx| noise(idx, 7) * 1500.0)),
        (field("anomaly_score", Kind::Float), floats(&|idx| (noise(idx, 8) * 1e6).round() / 1e6)),
        (
            field("verdict", Kind::Text),
            texts(&|idx| if idx % 50 == 0 { "anomaly" } else { "normal" }.to_owned()),
        ),
    ])?)
}
