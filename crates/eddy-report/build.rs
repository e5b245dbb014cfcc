//! Builds the interactive part of the page from `web/report` and embeds it.
//!
//! Node and npm are used where they are there. Where they are not, the page is built without a script: it still shows
//! everything as tables and pictures, and says what is missing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

#[path = "../../web/bundle.rs"]
mod bundle;

const PAGE: bundle::Bundle = bundle::Bundle {
    folder: "report",
    inputs: &["package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts", "src"],
    without: "EDDY_REPORT_WITHOUT_NODE",
};

/// The style sheets of the page in their order, relative to `web`, for a page that is built without Node.
const STYLES: [&str; 3] = ["shared/colours.css", "report/src/report.css", "report/src/incidents.css"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let web = root.join("../../web");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    PAGE.watch(&web);
    let built = PAGE.build(&web, &out).and_then(|dist| {
        let read =
            |name: &str| fs::read_to_string(dist.join(name)).map_err(|error| format!("{name}: {error}"));
        Ok((read("report.js")?, read("report.css")?))
    });
    let (script, style, missing) = match built {
        Ok((script, style)) => (script, style, String::new()),
        Err(reason) => {
            println!("cargo:warning=reports are built without their interactive part: {reason}");
            (String::new(), plain_style(&web)?, reason)
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

/// The style sheets one after the other, without the lines that take in each other.
fn plain_style(web: &Path) -> io::Result<String> {
    let mut style = String::new();
    for name in STYLES {
        let text = fs::read_to_string(web.join(name))?;
        text.lines().filter(|line| !line.starts_with("@import")).for_each(|line| {
            style.push_str(line);
            style.push('\n');
        });
    }
    Ok(style)
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
