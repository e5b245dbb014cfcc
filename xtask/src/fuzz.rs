//! Runs the fuzz targets, one after the other, with the limits that they are held to.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::run;

/// Limits: memory in all and at once, seconds for one input, bytes of one input.
const LIMITS: [&str; 4] = ["-rss_limit_mb=1024", "-malloc_limit_mb=512", "-timeout=20", "-max_len=65536"];

/// Runs the targets named, or all, for so many seconds each.
pub(crate) fn fuzz(root: &Path, seconds: &str, names: &[&str]) -> Result<()> {
    let seconds: u32 = seconds.parse().context("SECONDS must be a whole number")?;
    let known = targets(root)?;
    if let Some(name) = names.iter().find(|name| !known.iter().any(|target| target == *name)) {
        bail!("no fuzz target is called '{name}'; there are: {}", known.join(", "));
    }
    let total = format!("-max_total_time={seconds}");
    for target in known.iter().filter(|target| names.is_empty() || names.contains(&target.as_str())) {
        // What is found goes to the first folder; the others are only read.
        let mut folders = vec![format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}")];
        folders.push(format!("fuzz/regressions/{target}"));
        folders.retain(|folder| folder.contains("/corpus/") || root.join(folder).is_dir());
        fs::create_dir_all(root.join(&folders[0]))?;
        let dictionary = format!("-dict=fuzz/dictionaries/{target}.txt");
        let mut args = vec!["+nightly", "fuzz", "run", target];
        args.extend(folders.iter().map(String::as_str));
        args.extend(["--", &total]);
        args.extend(LIMITS);
        if root.join(format!("fuzz/dictionaries/{target}.txt")).exists() {
            args.push(&dictionary);
        }
        run("cargo", &args)?;
    }
    Ok(())
}

/// Names of the targets, sorted.
fn targets(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}
