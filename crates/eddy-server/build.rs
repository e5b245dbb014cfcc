//! Builds the dashboard from `web/dashboard` and embeds it.
//!
//! Node and npm are used where they are there. Where they are not, or as long as there is no dashboard, the server shows
//! a page that leads to its API.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

/// What the build reads, relative to `web/dashboard`; what is not there is left out.
const INPUTS: [&str; 9] = [
    "package.json",
    "package-lock.json",
    ".npmrc",
    "tsconfig.json",
    "vite.config.ts",
    "svelte.config.js",
    "index.html",
    "public",
    "src",
];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let web = root.join("../../web/dashboard");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=EDDY_DASHBOARD_WITHOUT_NODE");
    for input in INPUTS {
        println!("cargo:rerun-if-changed={}", web.join(input).display());
    }
    let mut files = Vec::new();
    if web.join("package.json").exists() {
        match bundle(&web, &out) {
            Ok(dist) => collect(&dist, &dist, &mut files)?,
            Err(reason) => println!("cargo:warning=the server is built without its dashboard: {reason}"),
        }
    }
    files.sort();
    let mut text = String::from(
        "/// The files of the dashboard; none when it was built without Node.\nconst ASSETS: &[Asset] = &[\n",
    );
    for (name, path) in &files {
        let bytes = fs::read(path)?;
        let tag: String = Sha256::digest(&bytes).iter().take(12).fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&bytes)?;
        let packed = encoder.finish()?;
        let beside = out.join(format!("{tag}.gz"));
        fs::write(&beside, &packed)?;
        let smaller = packed.len() + 64 < bytes.len();
        let (path, beside) = (path.display().to_string(), beside.display().to_string());
        let packed = if smaller { format!("include_bytes!({beside:?})") } else { "&[]".into() };
        let media = media(name);
        let _ = writeln!(
            text,
            "    Asset {{ path: {:?}, media: {media:?}, tag: {:?}, bytes: include_bytes!({path:?}), packed: {packed} }},",
            format!("/{name}"),
            format!("\"{tag}\"")
        );
    }
    text.push_str("];\n");
    fs::write(out.join("assets.rs"), text)
}

/// The folder with the built files, or why there is none. Works on a copy, so that the sources stay as they are.
fn bundle(web: &Path, out: &Path) -> Result<PathBuf, String> {
    if env::var_os("EDDY_DASHBOARD_WITHOUT_NODE").is_some() {
        return Err("EDDY_DASHBOARD_WITHOUT_NODE is set".into());
    }
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    if Command::new(npm).arg("--version").output().is_err() {
        return Err("npm is not there; install Node 20.19 or newer and build again".into());
    }
    let work = out.join("dashboard");
    let said = |error: io::Error| error.to_string();
    for folder in ["src", "public", "dist"] {
        let _ = fs::remove_dir_all(work.join(folder));
    }
    fs::create_dir_all(&work).map_err(said)?;
    for input in INPUTS.iter().filter(|input| web.join(input).exists()) {
        copy(&web.join(input), &work.join(input)).map_err(said)?;
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

/// All files below, with their names relative to the root.
fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            files.push((name.to_string_lossy().replace('\\', "/"), path.clone()));
        }
    }
    Ok(())
}

fn media(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "webmanifest" | "map" => "application/json",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
