//! A damaged model file is refused; one that was made to look whole is refused or scores, in bounded memory.
#![expect(unsafe_code, reason = "an allocator that measures can only be written so; it hands everything on")]

mod model_survival;
#[path = "../../../testing/replay.rs"]
mod replay;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use eddy_detect::{Pipeline, decode};
use eddy_engine::{Fitting, RunOptions, train};
use eddy_io::TableWriter;
use eddy_models::DETECTORS;
use eddy_sim::{Shape, Spec, generate};
use model_survival::{probe, score, survive_model};
use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;
use replay::replay;
use serde_json::{Value, json};

/// The system's allocator, which notes the largest request.
struct Measuring;

static LARGEST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is handed on as it is.
unsafe impl GlobalAlloc for Measuring {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the promises that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: `at` came from `System`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Measuring = Measuring;

/// Bits flipped per test.
const N_FLIPS: usize = 10_000;

/// The file of a model with the default detector, but few trees, trained on an hour of generated flows.
fn model_file() -> &'static [u8] {
    // Made once: training asks for more memory than loading may.
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(train_one)
}

fn train_one() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("flows.csv");
    let frame = generate(&Spec::new(Shape::FlowFeatures, 1_700_000_000_000_000_000, 4.0, 3)).unwrap().frame;
    let mut writer = TableWriter::create(&table, frame.schema()).unwrap();
    writer.write(&frame).unwrap();
    writer.finish().unwrap();

    let mut members =
        DETECTORS.get("voting").unwrap().parse(&Value::Null).unwrap().params()["members"].take();
    for member in members.as_array_mut().unwrap() {
        if member["detector"] == "isolation_forest" {
            member["params"] = json!({ "n_estimators": 4, "max_samples": 32 });
        }
    }
    let fitting = Fitting { set: vec![("voting".into(), "members".into(), members)], ..Fitting::default() };
    let model = folder.path().join("model.eddy");
    train(&[name(&table)], &fitting, &RunOptions::default(), &model).unwrap();
    std::fs::read(&model).unwrap()
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

/// The surprise of probing rows, to the bit; nothing when the file is refused.
fn scores(bytes: &[u8]) -> Option<Vec<u64>> {
    let pipeline = decode(bytes).and_then(|sections| Pipeline::load(&sections, DETECTORS)).ok()?;
    let scores = score(&pipeline, &probe(&pipeline.input)).unwrap();
    Some(scores.iter().map(|score| score.to_bits()).collect())
}

fn flip(bytes: &mut [u8], rng: &mut impl Rng) {
    let bit = rng.random_range(0..bytes.len() * 8);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn every_cut_and_every_flipped_bit_is_refused_or_changes_no_score() {
    let bytes = model_file();
    let whole = scores(bytes);
    assert!(whole.is_some() && survive_model(bytes).is_some());
    (0..bytes.len()).into_par_iter().for_each(|len| {
        let got = scores(&bytes[..len]);
        assert!(got.is_none() || got == whole, "cut to {len} of {} bytes", bytes.len());
    });
    (0..N_FLIPS).into_par_iter().for_each(|seed| {
        let mut damaged = bytes.to_vec();
        flip(&mut damaged, &mut Pcg64Mcg::seed_from_u64(seed as u64));
        let got = scores(&damaged);
        assert!(got.is_none() || got == whole, "flip {seed}");
    });
}

#[test]
fn flipped_bits_behind_a_true_checksum_are_survived() {
    let bytes = model_file();
    let sizes = |bytes: &[u8]| (bytes.len(), LARGEST.swap(0, Ordering::Relaxed));
    sizes(bytes);
    let n_scored = AtomicUsize::new(0);
    (0..N_FLIPS).into_par_iter().for_each(|seed| {
        let mut damaged = bytes[..bytes.len() - 4].to_vec();
        let mut rng = Pcg64Mcg::seed_from_u64(seed as u64);
        (0..=seed % 3).for_each(|_| flip(&mut damaged, &mut rng));
        let checksum = crc32fast::hash(&damaged);
        damaged.extend(checksum.to_le_bytes());
        n_scored.fetch_add(usize::from(survive_model(&damaged).is_some()), Ordering::Relaxed);
    });
    // Most bits are those of numbers; a flip in the header mostly breaks it.
    let n_scored = n_scored.into_inner();
    assert!(n_scored > N_FLIPS / 10 && n_scored < N_FLIPS, "{n_scored} of {N_FLIPS} scored");
    let (size, largest) = sizes(bytes);
    assert!(largest < 64 * size, "a model file of {size} bytes made the loader ask for {largest} at once");
}

#[test]
fn inputs_that_once_did_harm_do_none() {
    for kind in ["seeds", "regressions"] {
        replay(kind, "model_file", |bytes| {
            survive_model(bytes);
        });
    }
}

#[test]
fn columns_named_twice_and_lags_without_measure_are_refused() {
    let refusal = |file: &[u8], name: &str, change: &dyn Fn(&mut Value)| {
        let mut sections = decode(file).unwrap();
        assert!(Pipeline::load(&sections, DETECTORS).is_ok());
        change(sections.values.get_mut(name).unwrap());
        Pipeline::load(&sections, DETECTORS).err().unwrap().to_string()
    };
    let message = refusal(model_file(), "input", &|input| {
        let fields = input["fields"].as_array_mut().unwrap();
        fields.push(fields[0].clone());
    });
    assert!(message.contains("twice"), "{message}");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/model_file");
    let lags = std::fs::read(folder.join("step_lag.model")).unwrap();
    let message = refusal(&lags, "step2/columns", &|columns| {
        *columns = Value::from(vec![columns[0].clone(); 20_000]);
    });
    assert!(message.contains("ask for fewer"), "{message}");
}
