//! Layers, file sizes and names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The arrows that are allowed: a crate and what it may depend on. `ARCHITECTURE.md` says why.
const ARROWS: &[(&str, &[&str])] = &[
    ("eddy-frame", &[]),
    ("eddy-wire", &[]),
    ("eddy-flow", &["eddy-wire"]),
    ("eddy-series", &["eddy-frame"]),
    ("eddy-detect", &["eddy-frame", "eddy-series"]),
    ("eddy-deep", &["eddy-frame", "eddy-detect"]),
    ("eddy-models", &["eddy-frame", "eddy-series", "eddy-detect", "eddy-deep"]),
    ("eddy-behaviour", &["eddy-flow"]),
    ("eddy-insight", &["eddy-frame", "eddy-detect", "eddy-behaviour"]),
    ("eddy-eval", &["eddy-frame", "eddy-detect"]),
    ("eddy-sim", &["eddy-frame"]),
    ("eddy-report", &["eddy-frame", "eddy-series"]),
    ("eddy-io", &["eddy-frame", "eddy-wire", "eddy-flow"]),
    (
        "eddy-engine",
        &[
            "eddy-frame",
            "eddy-series",
            "eddy-detect",
            "eddy-models",
            "eddy-behaviour",
            "eddy-insight",
            "eddy-eval",
            "eddy-io",
            "eddy-report",
            "eddy-sim",
        ],
    ),
    ("eddy-store", &[]),
    (
        "eddy-server",
        &[
            "eddy-frame",
            "eddy-detect",
            "eddy-models",
            "eddy-insight",
            "eddy-sim",
            "eddy-io",
            "eddy-report",
            "eddy-engine",
            "eddy-store",
        ],
    ),
    (
        "eddy",
        &[
            "eddy-frame",
            "eddy-series",
            "eddy-detect",
            "eddy-models",
            "eddy-insight",
            "eddy-eval",
            "eddy-sim",
            "eddy-io",
            "eddy-report",
            "eddy-engine",
            "eddy-server",
        ],
    ),
    ("xtask", &["eddy-flow"]),
];

/// Outside crates that only some of ours may see.
const KEPT_APART: &[(&str, &[&str])] = &[
    ("rayon", &["eddy-deep", "eddy-models", "eddy-engine", "eddy-io"]),
    ("clap", &["eddy"]),
    ("anyhow", &["eddy", "xtask"]),
    ("tokio", &["eddy-server"]),
    ("axum", &["eddy-server"]),
    ("rusqlite", &["eddy-store"]),
];

/// Longest source file, in lines.
const MOST_LINES: usize = 650;
/// Module names that say nothing.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "manager", "misc"];

/// Fails with the list of everything out of place.
pub(crate) fn tidy(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    for (name, allowed) in ARROWS {
        let folder = if *name == "xtask" { root.join("xtask") } else { root.join("crates").join(name) };
        let manifest = folder.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).with_context(|| manifest.display().to_string())?;
        let manifest: toml::Table = text.parse()?;
        let names =
            manifest.get("dependencies").and_then(toml::Value::as_table).into_iter().flat_map(|t| t.keys());
        for dependency in names {
            let ours = ARROWS.iter().any(|(name, _)| name == dependency);
            if ours && !allowed.contains(&dependency.as_str()) {
                faults.push(format!("{name} may not depend on {dependency}"));
            }
            if let Some((_, seen_by)) = KEPT_APART.iter().find(|(outside, _)| outside == dependency)
                && !seen_by.contains(name)
            {
                faults.push(format!(
                    "{name} may not depend on {dependency}: it is kept to {}",
                    seen_by.join(", ")
                ));
            }
        }
    }
    let mut listed: BTreeMap<String, bool> =
        ARROWS.iter().map(|(name, _)| ((*name).to_owned(), false)).collect();
    for entry in fs::read_dir(root.join("crates"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if listed.insert(name.clone(), true).is_none() {
            faults.push(format!("crate {name} is not in the list of allowed arrows (xtask/src/tidy.rs)"));
        }
    }
    let mut sources = Vec::new();
    rust_files(&root.join("crates"), &mut sources)?;
    rust_files(&root.join("xtask"), &mut sources)?;
    for path in sources {
        let text = fs::read_to_string(&path)?;
        let lines = text.lines().count();
        let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        if lines > MOST_LINES {
            faults.push(format!("{name} has {lines} lines, at most {MOST_LINES} are wanted: split it"));
        }
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        if EMPTY_NAMES.contains(&stem.as_str()) {
            faults.push(format!("{name}: a module called '{stem}' says nothing"));
        }
        // Assembled here so that this file does not find itself.
        for word in [concat!("#[", "ignore"), concat!("todo", "!("), concat!("unimplemented", "!(")] {
            if text.contains(word) {
                faults.push(format!("{name} contains {word}"));
            }
        }
    }
    if faults.is_empty() {
        println!("tidy");
        return Ok(());
    }
    bail!("not tidy:\n  {}", faults.join("\n  "))
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
