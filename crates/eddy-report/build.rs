//! Builds the interactive part of the page from `web/report` and embeds it.
//!
//! Node and npm are used where they are there. Where they are not, the page is built without a script: it still shows
//! everything as tables and pictures, and says what is missing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use sha2::{Digest, Sha256};

/// What the build reads, relative to `web/report`.
const INPUTS: [&str; 6] =
    ["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts", "src"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let web = root.join("../../web/report");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    for input in INPUTS {
        println!("cargo:rerun-if-changed={}", web.join(input).display());
    }
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=EDDY_REPORT_WITHOUT_NODE");
    let (script, style, missing) = match bundle(&web, &out) {
        Ok((script, style)) => (script, style, String::new()),
        Err(reason) => {
            println!("cargo:warning=reports are built without their interactive part: {reason}");
            let style =
                ["report.css", "incidents.css"].map(|name| fs::read_to_string(web.join("src").join(name)));
            let style = style.into_iter().collect::<io::Result<Vec<_>>>()?.concat();
            (String::new(), style, reason)
        }
    };
    // Nothing inside may end the element it stands in.
    let script = script.replace("</script", "<\\/script").replace("<!--", "<\\!--");
    let style = style.replace("</style", "<\\/style");
    let mut assets = String::new();
    for (name, value, what) in [
        ("SCRIPT", script.as_str(), "The script of the page; empty when it was built without Node."),
        ("STYLE", style.as_str(), "The style sheet of the page."),
        ("SCRIPT_HASH", &digest(&script), "What the content security policy knows the script by."),
        ("STYLE_HASH", &digest(&style), "What the content security policy knows the style sheet by."),
        ("MISSING", missing.as_str(), "Why there is no script; empty when there is one."),
    ] {
        let _ = writeln!(assets, "/// {what}\npub(crate) const {name}: &str = {value:?};");
    }
    fs::write(out.join("assets.rs"), assets)
}

/// Script and style sheet, or why there are none. Works on a copy, so that the sources stay as they are.
fn bundle(web: &Path, out: &Path) -> Result<(String, String), String> {
    if env::var_os("EDDY_REPORT_WITHOUT_NODE").is_some() {
        return Err("EDDY_REPORT_WITHOUT_NODE is set".into());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    if Command::new(npm).arg("--version").output().is_err() {
        return Err("npm is not there; install Node 20.19 or newer and build again".into());
    }
    let work = out.join("web");
    let said = |error: io::Error| error.to_string();
    let _ = fs::remove_dir_all(work.join("src"));
    for input in INPUTS {
        copy(&web.join(input), &work.join(input)).map_err(said)?;
    }
    // Packages are only fetched again when the lock file names others.
    let lock = digest(&fs::read_to_string(work.join("package-lock.json")).map_err(said)?);
    let stamp = work.join("installed");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(&lock) {
        run(Command::new(npm)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&work))?;
        fs::write(&stamp, lock).map_err(said)?;
    }
    run(Command::new(npm).args(["run", "build"]).current_dir(&work))?;
    let read = |name: &str| {
        fs::read_to_string(work.join("dist").join(name)).map_err(|error| format!("{name}: {error}"))
    };
    Ok((read("report.js")?, read("report.css")?))
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
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(from, to).map(|_| ())
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = format!("{command:?}");
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words).into_owned();
    let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    for line in words.lines() {
        eprintln!("{line}");
    }
    Err(format!("{name} failed: {last}"))
}

/// The SHA-256 digest of a text in base 64, as a content security policy writes it.
fn digest(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::from("sha256-");
    for chunk in Sha256::digest(text.as_bytes()).chunks(3) {
        let bits =
            chunk.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place)) as usize & 63];
            out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
