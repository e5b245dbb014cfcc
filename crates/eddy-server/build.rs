//! Builds the dashboard from `web/dashboard` and embeds it.
//!
//! Node and npm are used where they are there. Where they are not, or as long as there is no dashboard, the server shows
//! a page that leads to its API.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};

#[path = "../../web/bundle.rs"]
mod bundle;

const DASHBOARD: bundle::Bundle = bundle::Bundle {
    folder: "dashboard",
    inputs: &[
        "package.json",
        "package-lock.json",
        ".npmrc",
        "tsconfig.json",
        "vite.config.ts",
        "svelte.config.js",
        "index.html",
        "public",
        "src",
    ],
    without: "EDDY_DASHBOARD_WITHOUT_NODE",
};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let web = root.join("../../web");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    DASHBOARD.watch(&web);
    let mut files = Vec::new();
    match DASHBOARD.build(&web, &out) {
        Ok(dist) => collect(&dist, &dist, &mut files)?,
        Err(reason) => println!("cargo:warning=the server is built without its dashboard: {reason}"),
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
