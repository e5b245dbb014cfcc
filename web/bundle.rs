// How `eddy-report` and `eddy-server` build their part of `web/`: with npm, on a copy beside what else they build.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// What every build reads beside its own inputs, relative to `web`.
pub(crate) const SHARED: &str = "shared";

/// One folder of `web` and what its build reads of it; what is not there is left out.
pub(crate) struct Bundle<'a> {
    pub(crate) folder: &'a str,
    pub(crate) inputs: &'a [&'a str],
    /// The variable of the environment that leaves the build out.
    pub(crate) without: &'a str,
}

impl Bundle<'_> {
    /// Where the sources are.
    pub(crate) fn sources(&self, web: &Path) -> PathBuf {
        web.join(self.folder)
    }

    /// Tells Cargo what a change of which makes the result another.
    pub(crate) fn watch(&self, web: &Path) {
        println!("cargo:rerun-if-changed=build.rs");
        println!("cargo:rerun-if-changed={}", web.join("bundle.rs").display());
        println!("cargo:rerun-if-changed={}", web.join(SHARED).display());
        println!("cargo:rerun-if-env-changed={}", self.without);
        for input in self.inputs {
            println!("cargo:rerun-if-changed={}", self.sources(web).join(input).display());
        }
    }

    /// The folder with the built files, or why there is none.
    pub(crate) fn build(&self, web: &Path, out: &Path) -> Result<PathBuf, String> {
        if env::var_os(self.without).is_some() {
            return Err(format!("{} is set", self.without));
        }
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        if Command::new(npm).arg("--version").output().is_err() {
            return Err("npm is not there; install Node 20.19 or newer and build again".into());
        }
        let said = |error: io::Error| error.to_string();
        let copies = out.join("web");
        let work = copies.join(self.folder);
        for stale in [copies.join(SHARED), work.join("src"), work.join("public"), work.join("dist")] {
            let _ = fs::remove_dir_all(stale);
        }
        fs::create_dir_all(&work).map_err(said)?;
        copy(&web.join(SHARED), &copies.join(SHARED)).map_err(said)?;
        let sources = self.sources(web);
        for input in self.inputs.iter().filter(|input| sources.join(input).exists()) {
            copy(&sources.join(input), &work.join(input)).map_err(said)?;
        }
        // Packages are only fetched again when the lock file names others.
        let lock = fs::read(work.join("package-lock.json")).map_err(said)?;
        let stamp = work.join("installed");
        if fs::read(&stamp).ok().as_deref() != Some(&lock[..]) {
            run(Command::new(npm)
                .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
                .current_dir(&work))?;
            fs::write(&stamp, lock).map_err(said)?;
        }
        run(Command::new(npm).args(["run", "build"]).current_dir(&work))?;
        Ok(work.join("dist"))
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    fs::copy(from, to).map(|_| ())
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    words.lines().for_each(|line| eprintln!("{line}"));
    let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Err(format!("{name} failed: {last}"))
}
