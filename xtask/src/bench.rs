//! Eddy beside its peers: builds the release program and hands over to `bench/run.py`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{has, run};

/// What the benches run besides the program: package, example, and the benches that need it.
const EXAMPLES: [(&str, &str, &[&str]); 8] = [
    ("eddy-engine", "bench_side", &["forest", "quality", "detectors", "supervised"]),
    ("eddy-models", "clusters_side", &["clusters"]),
    ("eddy-models", "series_side", &["series"]),
    ("eddy-deep", "deep_side", &["deep"]),
    ("eddy-flow", "flows", &["flows"]),
    ("eddy-flow", "flood", &["flows"]),
    ("eddy-wire", "records", &["flows"]),
    ("eddy-server", "load", &["serve"]),
];

/// Runs the benches named, or all. What a bench never starts is not built for it.
pub(crate) fn bench(root: &Path, names: &[&str]) -> Result<()> {
    let python = python(root)?;
    run("cargo", &["build", "--release", "--locked", "-p", "eddy"])?;
    for (package, example, benches) in EXAMPLES {
        if names.is_empty() || benches.iter().any(|bench| names.contains(bench)) {
            run("cargo", &["build", "--release", "--locked", "-p", package, "--example", example])?;
        }
    }
    let mut args = vec!["bench/run.py"];
    args.extend(names);
    run(&python, &args)
}

/// The Python that has the peers: `EDDY_PYTHON`, else the one of `bench/.venv`, else `python3`.
fn python(root: &Path) -> Result<String> {
    let own: PathBuf = root.join("bench/.venv/bin/python");
    let python = std::env::var("EDDY_PYTHON").unwrap_or_else(|_| {
        if own.exists() { own.to_string_lossy().into_owned() } else { "python3".to_owned() }
    });
    if has(&python) {
        return Ok(python);
    }
    bail!("the benches need Python 3.11 or later and '{python}' cannot be started; name one with EDDY_PYTHON")
}
