//! Development tasks: `cargo xtask test | tidy | generate | screenshots | bench`.

mod bench;
mod browser;
mod fuzz;
mod generate;
mod tidy;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: cargo xtask COMMAND

  test              everything CI checks: format, lints, tidy, tests, generated pages, browser
  tidy              layers, file sizes, names
  generate          rewrite the generated pages under docs/reference
  generate --check  fail when they are out of date
  screenshots       take the pictures under docs/images anew, with Chromium
  fuzz SECONDS [NAME...]
                    the fuzz targets, each so long (needs nightly and cargo-fuzz; see docs/explanation/robustness.md)
  bench [NAME...]   Eddy beside its peers: speed, memory, quality (see bench/README.md)";

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test"] => test(),
        ["tidy"] => tidy::tidy(&root()),
        ["generate"] => generate::generate(&root(), generate::Mode::Write),
        ["generate", "--check"] => generate::generate(&root(), generate::Mode::Check),
        ["screenshots"] => browser::screenshots(&root()),
        ["fuzz", seconds, names @ ..] => fuzz::fuzz(&root(), seconds, names),
        ["bench", names @ ..] => bench::bench(&root(), names),
        _ => bail!("{USAGE}"),
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// Runs a command in the workspace and fails when it fails.
fn run(program: &str, args: &[&str]) -> Result<()> {
    println!("$ {program} {}", args.join(" "));
    let status = Command::new(program)
        .args(args)
        .current_dir(root())
        .status()
        .with_context(|| format!("cannot start {program}"))?;
    if status.success() { Ok(()) } else { bail!("{program} {} failed", args.join(" ")) }
}

/// Whether a program can be started.
fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success())
}

fn test() -> Result<()> {
    run("cargo", &["fmt", "--all", "--check"])?;
    tidy::tidy(&root())?;
    run("cargo", &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"])?;
    run("cargo", &["test", "--workspace", "--locked"])?;
    generate::generate(&root(), generate::Mode::Check)?;
    browser::test(&root())?;
    if has("cargo-deny") {
        run("cargo", &["deny", "check", "licenses", "sources", "bans"])?;
    } else {
        eprintln!("skipped: licences and sources (cargo-deny is not installed; `cargo install cargo-deny`)");
    }
    println!("all checks passed");
    Ok(())
}
