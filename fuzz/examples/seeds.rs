//! Writes the seeds of the fuzz targets: `cargo run --example seeds` in `fuzz/`.
//!
//! Everything is made here, from generated traffic and by hand; the same bytes come out each time.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    DurationMillisecondArray, Float32Array, Float64Array, Int64Array, LargeStringArray, NullArray,
    RecordBatch, StringArray, StringViewArray, StructArray, Time32SecondArray, TimestampMicrosecondArray,
    UInt64Array,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field};
use eddy_detect::{
    Classes, Model, Pipeline, PipelineSpec, Rule, Runs, Seed, StepSpec, Threshold, Truth, default_steps,
    encode,
};
use eddy_frame::{Frame, RowsView};
use eddy_io::TableWriter;
use eddy_models::DETECTORS;
use eddy_sim::{Shape, Spec, generate};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const START_NS: i64 = 1_700_000_000_000_000_000;
const SHAPES: [Shape; 5] =
    [Shape::MetricSeries, Shape::FlowFeatures, Shape::ConnectionRecords, Shape::PacketList, Shape::SnmpMib];

fn main() -> Result<()> {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let scratch = tempfile::tempdir()?;
    for shape in SHAPES {
        let frame = rows(shape, 12)?;
        for (target, ending) in [
            ("csv", "csv"),
            ("csv", "tsv"),
            ("ndjson", "ndjson"),
            ("json", "json"),
            ("parquet", "parquet"),
            ("compressed", "csv.gz"),
            ("compressed", "ndjson.zst"),
        ] {
            let name = format!("{}.{ending}", shape.name());
            let path = scratch.path().join(&name);
            let mut writer = TableWriter::create(&path, frame.schema())?;
            writer.write(&frame)?;
            writer.finish()?;
            put(&seeds, target, &name, &fs::read(&path)?)?;
        }
    }
    for (target, name, bytes) in by_hand() {
        put(&seeds, target, name, bytes)?;
    }
    arrow(&seeds)?;
    packed(&seeds)?;
    for (name, bytes) in models()? {
        put(&seeds, "model_file", &name, &bytes)?;
    }
    everything(&seeds)
}

fn put(seeds: &Path, target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = seeds.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)?;
    Ok(())
}

/// The first rows of generated traffic.
fn rows(shape: Shape, n_rows: usize) -> Result<Frame> {
    let interval = Spec::new(shape, START_NS, 1.0, 1).interval_s;
    let hours = (n_rows as f64 * 3.0 * interval / 3600.0).max(0.1);
    let frame = generate(&Spec::new(shape, START_NS, hours, 7))?.frame;
    Ok(frame.slice(0, frame.n_rows().min(n_rows)))
}

/// Dialects and corners that no writer of ours makes.
fn by_hand() -> Vec<(&'static str, &'static str, &'static [u8])> {
    vec![
        ("csv", "quoted.csv", b"\"No.\",\"Time\",\"Source\"\r\n\"1\",\"0.0\",\"a, \"\"b\"\"\"\r\n\"2\",\"1.0\",\"x\ny\"\r\n"),
        ("csv", "semicolon.csv", b"a;b;c\n1,5;2,5;x\n;;\n3;4;\n"),
        ("csv", "pipe.csv", b"a|b\n1|2\n3|4\n"),
        ("csv", "bom_cr.csv", b"\xef\xbb\xbfid,dur\r1,0.5\r2,0.25\r"),
        ("csv", "utf16le.csv", b"\xff\xfea\0,\0b\0\n\0001\0,\0002\0\n\0"),
        ("csv", "utf16be.csv", b"\xfe\xff\0a\0,\0b\0\n\0001\0,\0002\0\n"),
        ("csv", "latin.csv", b"gr\xf6\xdfe,n\n\xe9,1\n\x80,2\n"),
        ("csv", "zeek.log", b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tduration\n#types\ttime\tstring\taddr\tinterval\n1.5\tC1\t10.0.0.1\t-\n2.5\tC2\t10.0.0.2\t0.25\n#close\t2020-01-01-00-00-00\n"),
        ("csv", "vpc.txt", b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n2 123456789010 eni-1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n"),
        ("csv", "kdd.txt", b"0,tcp,http,SF,181,5450,0,0,0,0,0,1,0,0,0,0,0,0,0,0,0,0,8,8,0.00,0.00,0.00,0.00,1.00,0.00,0.00,9,9,1.00,0.00,0.11,0.00,0.00,0.00,0.00,0.00,normal.\n0,udp,domain_u,SF,1e400,-,Infinity,NaN,0x10,0,0,1,0,0,0,0,0,0,0,0,0,0,8,8,0.00,0.00,0.00,0.00,1.00,0.00,0.00,9,9,1.00,0.00,0.11,0.00,0.00,0.00,0.00,0.00,neptune.\n"),
        ("csv", "times.csv", b"timestamp,value\n2014-04-10 00:04:00,91958.0\n2014-04-10T00:09:00.5Z,94798.0\n04/10/2014 00:14 AM,1\n1397088000,2\n1397088000123,\n9999-12-31 23:59:60,3\n"),
        ("csv", "ragged.csv", b"# comment\n\n\na,b,c\n1,2\n1,2,3,4\n\"open,2,3\n4,5,6\n"),
        ("csv", "one_column.csv", b"value\n1\n\n2\n,\n"),
        ("csv", "same_names.csv", b"a,a,,a \n1,2,3,4\n5,6,7,8\n"),
        ("json", "array.json", b"[{\"a\":1,\"b\":\"x\"},\n{\"a\":2.5e-3,\"b\":null,\"c\":{\"d\":[1,{\"e\":true}]}}]\n"),
        ("json", "member.json", b"{\"took\":3,\"data\":[{\"a\":1},{\"a\":2}],\"n\":[1]}"),
        ("json", "values.json", b"{\n \"a\": 1,\n \"b\": \"x\"\n}\n{\n \"a\": 2.5\n} {\"a\":\"]}\"}"),
        ("json", "damaged.json", b"[\n{\"a\":[1},\n{\"b\":2},\n{\"c\":"),
        ("json", "escapes.json", b"[{\"a\\u0062\":\"\\ud83e\\udd80\\n\\/\"},{\"ab\":\"\\ud800\",\"x.y\":{\"z\":-0}}]"),
        ("json", "rows.json", b"[[1,2,3],[4,5,6]]"),
        ("ndjson", "plain.ndjson", b"{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":{\"c\":[]}}\r\n\n{\"a\":\"3\"}\nnonsense\n{\"late\":1,\"a\":NaN}\n"),
        ("ndjson", "nested.ndjson", b"{\"id\":{\"orig_h\":\"10.0.0.1\",\"p\":[1,{\"x\":2}]},\"ok\":true}\n{\"id\":{\"orig_h\":\"10.0.0.2\"},\"ok\":false}\n"),
        ("ndjson", "wide.ndjson", b"{\"v\":9007199254740993}\n{\"v\":-9223372036854775807}\n{\"v\":1e999}\n{\"v\":\"-Infinity\"}\n"),
        ("arff", "dense.arff", b"% made by hand\n@relation x\n@attribute a numeric\n@attribute 'b c' {x,'y z'}\n@attribute d date \"yyyy-MM-dd HH:mm:ss\"\n@attribute s string\n@data\n1,x,\"2020-01-01 00:00:00\",'it\\'s'\n?,'y z',?,\"q\",{2}\n"),
        ("arff", "sparse.arff", b"@relation x\n@attribute a numeric\n@attribute b {no,yes}\n@attribute c real\n@data\n{1 yes, 2 3.5}\n{}\n{0 1e3}\n"),
    ]
}

/// One column of each type.
fn batch() -> Result<RecordBatch> {
    let mut lists = ListBuilder::new(Float64Builder::new());
    lists.append_value([Some(1.0), None]);
    lists.append_null();
    lists.append_value([]);
    let names: DictionaryArray<Int32Type> = vec![Some("tcp"), None, Some("udp")].into_iter().collect();
    let inner: ArrayRef = Arc::new(Int64Array::from(vec![Some(80), None, Some(443)]));
    let decimals = Decimal128Array::from(vec![12_345, 0, -5]).with_precision_and_scale(10, 2)?;
    let stamps = TimestampMicrosecondArray::from(vec![Some(1_700_000_000_000_001), None, Some(0)]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("wide", Arc::new(Int64Array::from(vec![Some(9_007_199_254_740_993), None, Some(1)]))),
        ("u64", Arc::new(UInt64Array::from(vec![u64::MAX, 0, 1]))),
        ("f32", Arc::new(Float32Array::from(vec![0.5, f32::NAN, f32::INFINITY]))),
        ("bool", Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("utf8", Arc::new(StringArray::from(vec![Some("größe"), None, Some("")]))),
        ("large", Arc::new(LargeStringArray::from(vec!["a", "b", "c"]))),
        ("view", Arc::new(StringViewArray::from(vec!["a", "a longer text than twelve", "c"]))),
        ("binary", Arc::new(BinaryArray::from(vec![&b"raw"[..], b"\xe9", b""]))),
        ("dictionary", Arc::new(names)),
        ("stamp", Arc::new(stamps.with_timezone("UTC"))),
        ("date", Arc::new(Date32Array::from(vec![0, 1, 19_675]))),
        ("of_day", Arc::new(Time32SecondArray::from(vec![0, 1, 86_399]))),
        ("lasting", Arc::new(DurationMillisecondArray::from(vec![1500, 0, 1]))),
        ("decimal", Arc::new(decimals)),
        ("list", Arc::new(lists.finish())),
        ("nothing", Arc::new(NullArray::new(3))),
        (
            "id",
            Arc::new(StructArray::from(vec![(Arc::new(Field::new("resp_p", DataType::Int64, true)), inner)])),
        ),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )?)
}

fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Result<Vec<u8>> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties))?;
    writer.write(batch)?;
    Ok(writer.into_inner()?)
}

fn arrow(seeds: &Path) -> Result<()> {
    let all = batch()?;
    let columns: Vec<RecordBatch> =
        (0..all.num_columns()).map(|idx| all.project(&[idx])).collect::<std::result::Result<_, _>>()?;
    for batch in columns.iter().chain([&all]) {
        let name =
            if batch.num_columns() == 1 { batch.schema().field(0).name().clone() } else { "all".into() };
        for (packing, compression) in [
            ("plain", None),
            ("lz4", Some(CompressionType::LZ4_FRAME)),
            ("zstd", Some(CompressionType::ZSTD)),
        ] {
            if packing != "plain" && name != "all" && name != "utf8" {
                continue;
            }
            let options = IpcWriteOptions::default().try_with_compression(compression)?;
            let mut stream =
                StreamWriter::try_new_with_options(Vec::new(), &batch.schema(), options.clone())?;
            stream.write(batch)?;
            put(seeds, "arrow_ipc", &format!("{name}_{packing}.arrows"), &stream.into_inner()?)?;
            if name == "all" {
                let mut file = FileWriter::try_new_with_options(Vec::new(), &batch.schema(), options)?;
                file.write(batch)?;
                file.write(batch)?;
                put(seeds, "arrow_ipc", &format!("{name}_{packing}.arrow"), &file.into_inner()?)?;
            }
        }
        // Parquet has no durations.
        if name == "lasting" || name == "all" {
            continue;
        }
        let plain = WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).build();
        put(seeds, "parquet", &format!("{name}.parquet"), &parquet(batch, plain)?)?;
    }
    let texts: ArrayRef = Arc::new(StringArray::from_iter_values((0..60).map(|i| format!("host-{}", i * i))));
    let wholes: ArrayRef = Arc::new(Int64Array::from_iter_values((0..60).map(|i| i * i * 7)));
    let floats: ArrayRef = Arc::new(Float64Array::from_iter_values((0..60).map(f64::from)));
    let batch =
        RecordBatch::try_from_iter([("a", texts.clone()), ("b", texts), ("c", wholes), ("d", floats)])?;
    let delta = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_column_encoding("a".into(), Encoding::DELTA_BYTE_ARRAY)
        .set_column_encoding("b".into(), Encoding::DELTA_LENGTH_BYTE_ARRAY)
        .set_column_encoding("c".into(), Encoding::DELTA_BINARY_PACKED)
        .set_column_encoding("d".into(), Encoding::BYTE_STREAM_SPLIT)
        .build();
    put(seeds, "parquet", "delta.parquet", &parquet(&batch, delta)?)?;
    for (name, compression) in [
        ("snappy", Compression::SNAPPY),
        ("lz4", Compression::LZ4),
        ("lz4_raw", Compression::LZ4_RAW),
        ("gzip", Compression::GZIP(parquet::basic::GzipLevel::default())),
        ("zstd", Compression::ZSTD(ZstdLevel::default())),
    ] {
        let properties = WriterProperties::builder().set_compression(compression).build();
        put(seeds, "parquet", &format!("{name}.parquet"), &parquet(&batch, properties)?)?;
    }
    Ok(())
}

fn packed(seeds: &Path) -> Result<()> {
    let text = b"timestamp,value\n2014-04-10 00:04:00,91958.0\n2014-04-10 00:09:00,94798.0\n";
    let gzip = |bytes: &[u8]| -> Result<Vec<u8>> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes)?;
        Ok(packer.finish()?)
    };
    let two = [gzip(&text[..40])?, gzip(&text[40..])?].concat();
    put(seeds, "compressed", "two_members.csv.gz", &two)?;
    let two = [zstd::encode_all(&text[..40], 1)?, zstd::encode_all(&text[40..], 19)?].concat();
    put(seeds, "compressed", "two_frames.csv.zst", &two)?;
    put(seeds, "compressed", "repeats.csv.zst", &zstd::encode_all(&text.repeat(2000)[..], 19)?)?;
    put(seeds, "compressed", "twice.gz.zst", &zstd::encode_all(&gzip(text)?[..], 1)?)?;
    for name in ["snappy.parquet", "all_zstd.arrow", "all_plain.arrows"] {
        let target = if name.ends_with("parquet") { "parquet" } else { "arrow_ipc" };
        let bytes = fs::read(seeds.join(target).join(name))?;
        put(seeds, "compressed", &format!("{name}.gz"), &gzip(&bytes)?)?;
    }
    Ok(())
}

/// Every detector with few and small parts, every step, and the default.
fn models() -> Result<Vec<(String, Vec<u8>)>> {
    let all = |model: &Model, rows: RowsView<'_>, times: &[i64], out: &mut [f64]| {
        model.score_once(rows, times, out);
    };
    let small = |name: &str| match name {
        "random_forest" | "extra_trees" => json!({ "n_estimators": 2 }),
        "isolation_forest" => json!({ "n_estimators": 2, "max_samples": 8 }),
        "extended_isolation_forest" => json!({ "n_estimators": 2, "max_samples": 8 }),
        "half_space_trees" => json!({ "n_estimators": 2, "max_depth": 3 }),
        "loda" => json!({ "n_projections": 3 }),
        "voting" => json!({ "members": [
            { "detector": "isolation_forest", "params": { "n_estimators": 2, "max_samples": 8 } },
            { "detector": "rolling_z" },
            { "detector": "voting", "params": { "members": [{ "detector": "ecod" }] } },
        ] }),
        _ => Value::Null,
    };
    let flows = rows(Shape::FlowFeatures, 24)?;
    let classes = Classes { names: vec!["normal".into(), "scan".into()], is_attack: vec![false, true] };
    let surprises: Vec<f64> = (0..200).map(|i| f64::from(i * i % 97) / 50.0).collect();
    let mut models = Vec::new();
    let mut fit = |name: String, frame: &Frame, steps: Vec<StepSpec>, detector: &str| -> Result<()> {
        let params = small(detector);
        let params = if DETECTORS.get(detector)?.parse(&params).is_ok() { params } else { Value::Null };
        let spec = PipelineSpec { steps, detector: detector.into(), params, seed: Seed::default() };
        let attacks: Vec<bool> = (0..frame.n_rows()).map(|row_idx| row_idx % 5 == 0).collect();
        let of_rows: Vec<u16> = attacks.iter().map(|attack| u16::from(*attack)).collect();
        let truth = Truth { attacks: Some(&attacks), classes: Some((&classes, &of_rows)) };
        let mut pipeline = Pipeline::fit(&spec, frame.clone(), DETECTORS, truth, &all)?;
        pipeline.runs = Runs::fit(&surprises);
        pipeline.threshold = Some(Threshold::find(Rule::default(), &surprises, None)?);
        models.push((format!("{name}.model"), encode(&pipeline.save())));
        Ok(())
    };
    for entry in DETECTORS.0 {
        fit(entry.about.name.to_owned(), &flows, Vec::new(), entry.about.name)?;
    }
    for shape in SHAPES {
        let frame = rows(shape, 24)?;
        fit(shape.name().to_owned(), &frame, default_steps(frame.schema()), "robust_z")?;
    }
    for step in eddy_detect::STEPS {
        let steps = vec![StepSpec::new("encode"), StepSpec::new("impute"), StepSpec::new(step.name)];
        // A step that the table gives no occasion for makes no seed.
        let _ = fit(format!("step_{}", step.name), &flows, steps, "robust_z");
    }
    Ok(models)
}

/// The target for any format has one seed of each; the writing target the same behind a byte that picks the format.
fn everything(seeds: &Path) -> Result<()> {
    let mut picked: Vec<PathBuf> = Vec::new();
    for target in ["csv", "json", "ndjson", "arff", "parquet", "arrow_ipc", "compressed"] {
        let mut files: Vec<PathBuf> = fs::read_dir(seeds.join(target))?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<_>>()?;
        files.sort();
        let small = |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.len() < 3_000);
        picked.extend(files.into_iter().filter(small).step_by(3));
    }
    for (idx, path) in picked.iter().enumerate() {
        let bytes = fs::read(path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        put(seeds, "any", &name, &bytes)?;
        put(seeds, "write", &name, &[&[idx as u8][..], &bytes].concat())?;
    }
    put(seeds, "any", "capture.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\xff\xff\0\0\x01\0\0\0")?;
    Ok(())
}
