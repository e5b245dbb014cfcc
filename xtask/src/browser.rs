//! The report pages and the dashboard: type check, tests in a real browser, pictures for the documentation.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::has;

/// Where browsers are looked for, after the one that `CHROMIUM` names.
const BROWSERS: [&str; 4] =
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/snap/bin/chromium"];
/// What a Debian system needs for the tests.
const PACKAGES: [&str; 2] = ["chromium", "fonts-dejavu-core"];

/// Checks the types of the scripts and tests pages in a browser. What cannot be done here is skipped, and said.
pub(crate) fn test(root: &Path) -> Result<()> {
    let skipped = |what: &str, why: &str| eprintln!("skipped: {what} ({why})");
    let (report, dashboard) = (root.join("web/report"), root.join("web/dashboard"));
    if let Err(why) = packages(&report).and_then(|()| packages(&dashboard)) {
        skipped("types and browser tests of the reports and the dashboard", &why);
        return Ok(());
    }
    for web in [&report, &dashboard] {
        run(Command::new(npm()).args(["run", "--silent", "check"]).current_dir(web))?;
    }
    let browser = match browser() {
        Ok(browser) => browser,
        Err(why) => {
            skipped("browser tests of the reports and the dashboard", &why);
            return Ok(());
        }
    };
    let samples = root.join("target/report-samples");
    run(cargo(root).args(["run", "-q", "-p", "eddy-report", "--example", "sample", "--"]).arg(&samples))?;
    let eddy = eddy(root)?;
    run(Command::new(npm())
        .args(["run", "--silent", "test"])
        .env("CHROMIUM", &browser)
        .env("EDDY_SAMPLES", samples)
        .env("EDDY", &eddy)
        .current_dir(report))?;
    run(Command::new(npm()).args(["run", "--silent", "build"]).current_dir(&dashboard))?;
    run(Command::new(npm())
        .args(["run", "--silent", "test"])
        .env("CHROMIUM", browser)
        .env("EDDY", eddy)
        .current_dir(dashboard))
}

/// Takes the pictures under `docs/images` anew.
pub(crate) fn screenshots(root: &Path) -> Result<()> {
    let (web, dashboard) = (root.join("web/report"), root.join("web/dashboard"));
    let refused = |why: String| anyhow::anyhow!("pictures need a browser: {why}");
    packages(&web).and_then(|()| packages(&dashboard)).map_err(refused)?;
    let browser = browser().map_err(refused)?;
    let eddy = eddy(root)?;
    // The page names its source as it was given: the demonstration runs where its folder has a short name.
    let place = root.join("target/screenshots");
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    run(Command::new(&eddy).args(["demo", "--out", "demo"]).current_dir(&place).stdout(Stdio::null()))?;
    let images = root.join("docs/images");
    fs::create_dir_all(&images).with_context(|| format!("cannot make {}", images.display()))?;
    run(Command::new("node")
        .arg("test/screenshots.mjs")
        .arg(place.join("demo/report.html"))
        .arg(images.join("report.png"))
        .env("CHROMIUM", &browser)
        .current_dir(&web))?;
    // The dashboard is seen as a newcomer sees it, on the way that the test of it goes.
    run(Command::new("node")
        .args(["--test", "test/newcomer.test.mjs"])
        .env("CHROMIUM", browser)
        .env("EDDY", eddy)
        .env("PICTURES", &place)
        .current_dir(&dashboard))?;
    for (step, picture) in [("3-scan-light", "dashboard-light.png"), ("2-record-dark", "dashboard-dark.png")]
    {
        let taken = place.join(format!("newcomer-{step}.png"));
        fs::copy(&taken, images.join(picture)).with_context(|| format!("cannot copy {}", taken.display()))?;
    }
    Ok(())
}

/// Builds the command and tells where it is.
fn eddy(root: &Path) -> Result<PathBuf> {
    run(cargo(root).args(["build", "-q", "-p", "eddy"]))?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(root.join(target).join("debug").join(format!("eddy{}", env::consts::EXE_SUFFIX)))
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new("cargo");
    command.current_dir(root);
    command
}

fn npm() -> &'static str {
    if cfg!(windows) { "npm.cmd" } else { "npm" }
}

/// Fetches the packages of the page, or says why not.
fn packages(web: &Path) -> Result<(), String> {
    if !has(npm()) {
        return Err("npm is not there; install Node 20.19 or newer".into());
    }
    run(Command::new(npm()).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(web))
        .map_err(|error| format!("{error:#}"))
}

/// A Chromium that is there, or one that Debian has, or why there is none.
fn browser() -> Result<PathBuf, String> {
    if let Some(named) = env::var_os("CHROMIUM").map(PathBuf::from) {
        return if named.exists() {
            Ok(named)
        } else {
            Err(format!("CHROMIUM names {}, which is not there", named.display()))
        };
    }
    let found = || BROWSERS.iter().map(PathBuf::from).find(|path| path.exists());
    if let Some(browser) = found() {
        return Ok(browser);
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.trim_ascii() == b"0");
    if !is_root || !has("apt-get") {
        return Err("there is no Chromium; install it or name one in CHROMIUM".into());
    }
    println!("there is no Chromium; installing Debian's for the browser tests");
    let install = || -> Result<()> {
        run(Command::new("apt-get").args(["update", "-q"]))?;
        run(Command::new("apt-get")
            .args(["install", "-q", "-y", "--no-install-recommends"])
            .args(PACKAGES)
            .env("DEBIAN_FRONTEND", "noninteractive"))
    };
    install().map_err(|error| format!("Chromium could not be installed: {error:#}"))?;
    found().ok_or_else(|| "Chromium was installed, but is not where it is looked for".into())
}

/// Runs a command, says so, and fails when it fails.
fn run(command: &mut Command) -> Result<()> {
    let words: Vec<String> = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let words = words.join(" ");
    println!("$ {words}");
    let status = command.status().with_context(|| format!("cannot start {words}"))?;
    if status.success() { Ok(()) } else { bail!("{words} failed") }
}
