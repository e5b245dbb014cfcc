//! Eddy beside its peers: builds the release program and hands over to `bench/run.py`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::{has, run};

/// Runs the benches named, or all.
pub(crate) fn bench(root: &Path, names: &[&str]) -> Result<()> {
    let python = python(root)?;
    run("cargo", &["build", "--release", "--locked", "-p", "eddy"])?;
    run("cargo", &["build", "--release", "--locked", "-p", "eddy-engine", "--example", "bench_side"])?;
    run("cargo", &["build", "--release", "--locked", "-p", "eddy-models", "--example", "clusters_side"])?;
    run("cargo", &["build", "--release", "--locked", "-p", "eddy-models", "--example", "series_side"])?;
    run("cargo", &["build", "--release", "--locked", "-p", "eddy-deep", "--example", "deep_side"])?;
    for example in ["flows", "flood"] {
        run("cargo", &["build", "--release", "--locked", "-p", "eddy-flow", "--example", example])?;
    }
    run("cargo", &["build", "--release", "--locked", "-p", "eddy-wire", "--example", "records"])?;
    run("cargo", &["build", "--release", "--locked", "-p", "eddy-server", "--example", "load"])?;
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
