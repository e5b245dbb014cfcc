//! Pages under `docs/reference` that are made from the program itself.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// What to do with a page that differs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Rewrite it.
    Write,
    /// Fail.
    Check,
}

/// Makes all generated pages.
pub(crate) fn generate(root: &Path, mode: Mode) -> Result<()> {
    page(&root.join("docs/reference/flow-features.md"), &flow_features(), mode)?;
    let list: Value = serde_json::from_str(&eddy(root, &["models", "list", "--json"])?)?;
    page(&root.join("docs/reference/detectors.md"), &detectors(&list), mode)?;
    page(&root.join("docs/reference/steps.md"), &steps(&list), mode)?;
    let schema: Value = serde_json::from_str(&eddy(root, &["config", "show", "--schema"])?)?;
    page(&root.join("docs/reference/configuration.md"), &configuration(&schema), mode)?;
    let description = eddy(root, &["serve", "--openapi"])?;
    file(&root.join("docs/reference/openapi.json"), &description, mode)?;
    page(&root.join("docs/reference/command-line.md"), &command_line(root)?, mode)
}

/// Output of the program, built in the profile of the tests.
fn eddy(root: &Path, args: &[&str]) -> Result<String> {
    let out = Command::new("cargo")
        .args(["run", "--quiet", "--locked", "-p", "eddy", "--"])
        .args(args)
        .env("COLUMNS", "100")
        .current_dir(root)
        .output()?;
    if !out.status.success() {
        bail!("eddy {} failed: {}", args.join(" "), String::from_utf8_lossy(&out.stderr));
    }
    Ok(String::from_utf8(out.stdout)?)
}

fn page(path: &Path, text: &str, mode: Mode) -> Result<()> {
    let text = format!(
        "<!-- Made by `cargo xtask generate`; change the source instead. -->\n\n{}\n",
        text.trim_end()
    );
    file(path, &text, mode)
}

fn file(path: &Path, text: &str, mode: Mode) -> Result<()> {
    let before = fs::read_to_string(path).unwrap_or_default();
    if before == text {
        return Ok(());
    }
    if mode == Mode::Check {
        bail!("{} is out of date: run `cargo xtask generate`", path.display());
    }
    fs::write(path, text).with_context(|| path.display().to_string())?;
    println!("wrote {}", path.display());
    Ok(())
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn parameters(text: &mut String, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|p| !p.is_empty())
    else {
        text.push_str("No parameters.\n\n");
        return;
    };
    text.push_str("| parameter | default | meaning |\n|---|---|---|\n");
    for (name, property) in properties {
        let default = property.get("default").map(Value::to_string).unwrap_or_default();
        let meaning = word(property, "description").replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(text, "| `{name}` | `{}` | {meaning} |", default.replace('|', "\\|"));
    }
    text.push('\n');
}

fn detectors(list: &Value) -> String {
    let mut text = String::from(
        "# Detectors\n\nHigher score = more anomalous, for all of them. Choose one with `--detector NAME`, set a parameter with `--set NAME.PARAMETER=VALUE`.\n\n",
    );
    for entry in list.get("detectors").and_then(Value::as_array).into_iter().flatten() {
        let about = &entry["about"];
        let _ = writeln!(text, "## {} (`{}`)\n", word(about, "title"), word(about, "name"));
        let _ = writeln!(text, "{}\n", word(about, "summary"));
        let _ = writeln!(text, "- **Blind to:** {}", word(about, "blind_to"));
        let _ = writeln!(text, "- **Cost:** {}", word(about, "cost"));
        let _ = writeln!(text, "- **Kind:** {}", word(about, "kind"));
        let _ = writeln!(text, "- **Source:** {}\n", word(about, "source"));
        parameters(&mut text, &entry["parameters"]);
    }
    text
}

fn steps(list: &Value) -> String {
    let mut text = String::from(
        "# Steps\n\nWhat happens to the columns before the detector. Choose the chain with `--steps NAME,NAME`, set a parameter with `--set NAME.PARAMETER=VALUE`.\n\n",
    );
    for entry in list.get("steps").and_then(Value::as_array).into_iter().flatten() {
        let about = word(&entry["parameters"], "description");
        let _ = writeln!(text, "## `{}`\n\n{about}\n", word(entry, "name"));
        parameters(&mut text, &entry["parameters"]);
    }
    text
}

fn flow_features() -> String {
    let mut text = String::from(
        "# Features of flows\n\n`eddy flows CAPTURE --features all` writes them beside the columns of [flow logs](flow-logs.md), \
         one row a flow; `--features statistics` those of NFStream but the first packets. They need the packets \
         themselves, so captures only.\n\n",
    );
    text.push_str(
        "- *Frame*: length on the wire. *IP*: length as the header states it. *Payload*: what the transport carries.\n\
         - `src2dst_` is what the side sent that began, `dst2src_` what came back, `bidirectional_` both.\n\
         - Standard deviations are those of a sample (divided by n - 1), 0 of fewer than two. Where there is nothing to \
         take a mean of, it is 0, as in NFStream. Values are missing only where it is said of them: those of a \
         direction that sent nothing, of TCP in what is not TCP, of packets that there were not.\n\
         - Times are exact to the nanosecond; a packet that comes late counts as at the time of the one before it, so that \
         no interval is negative.\n\
         - Source `NFStream`: the statistics of NFStream 6.6 (accounting mode 0), under its names. It cuts times to whole \
         milliseconds; here they are not cut, so that its intervals differ by up to one.\n\
         - Source `CICFlowMeter, corrected`: what CICFlowMeter 4 measures, in the sense that Engelen, Rimmer, Joosen (\"Troubleshooting \
         an Intrusion Detection Dataset: the CICIDS2017 Case Study\", 2021) found it should have had: headers counted for \
         every protocol, windows of the first packet of each side, no rate of a duration of zero.\n\
         - Source `IPFIX`: RFC 7012, RFC 5103 (the reverse direction), CERT's registry (6871).\n\n",
    );
    text.push_str(
        "| feature | unit | how it is computed | source | the same in IPFIX |\n|---|---|---|---|---|\n",
    );
    for feature in eddy_flow::features::features() {
        let element =
            if feature.element.is_empty() { String::new() } else { format!("`{}`", feature.element) };
        let element = element.replace(" (CERT)`", "` (CERT)");
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {element} |",
            feature.name, feature.unit, feature.formula, feature.source
        );
    }
    text.push_str(
        "\n## Of single packets\n\n`eddy flows CAPTURE --packets damped` writes one row a packet with the 100 statistics that \
         KitNET was made for (Mirsky et al., \"Kitsune\", NDSS 2018): weight, mean and deviation of the lengths of frames, \
         of late, with five speeds of forgetting (`L5` to `L0.01`: after 1/5 to 100 seconds half is left).\n\n\
         | group | of whom | numbers for each speed |\n|---|---|---|\n\
         | `MI_dir` | hardware and IP address of the sender | weight, mean, std |\n\
         | `HH` | the sending host, and with the host spoken to | weight, mean, std, radius, magnitude, covariance, pcc |\n\
         | `HH_jit` | times between packets from host to host | weight, mean, std |\n\
         | `HpHp` | the sending socket, and with the socket spoken to | weight, mean, std, radius, magnitude, covariance, pcc |\n\n\
         Columns before them: `time`, `packetNumber`, `sender`, `receiver`, `frameLength`. Memory: a quarter of \
         `--max-memory`; the channel that was silent for longest makes room, and a note says how many did.\n\n\
         ```console\neddy flows capture.pcap --packets damped --out packets.parquet\neddy detect packets.parquet --detector kitnet\n```\n",
    );
    text
}

fn configuration(schema: &Value) -> String {
    let mut text = String::from(
        "# Configuration of the server\n\nOne TOML file, named with `eddy serve --config FILE.toml`. `eddy config show` prints it whole with what is in \
         force, `eddy config check FILE.toml` checks it and names a fault by file, line and key. Unknown keys are refused. \
         A variable of the environment goes over the file (`EDDY_SERVER__LISTEN` is `listen` in `[server]`), a flag over \
         both. SIGHUP reads the file again; where to listen, the folder, the files of TLS and the number of workers are \
         those of the start. A file with a fault changes nothing: the log says what is wrong.\n\n",
    );
    let definitions = &schema["$defs"];
    for (section, about) in schema["properties"].as_object().into_iter().flatten() {
        table_of(&mut text, section, about, definitions, 0);
    }
    text
}

/// A section and those below it.
fn table_of(text: &mut String, section: &str, about: &Value, definitions: &Value, depth: usize) {
    let name_of = |about: &Value| {
        let reference = |value: &Value| value["$ref"].as_str().map(str::to_owned);
        let any = about["anyOf"].as_array().and_then(|all| all.iter().find_map(reference));
        reference(about).or(any).and_then(|path| path.rsplit('/').next().map(str::to_owned))
    };
    let Some(definition) = name_of(about).map(|name| &definitions[name]) else { return };
    let _ = writeln!(text, "## `[{section}]`\n\n{}\n", word(definition, "description").replace('\n', " "));
    text.push_str("| key | default | meaning |\n|---|---|---|\n");
    let mut below = Vec::new();
    for (key, property) in definition["properties"].as_object().into_iter().flatten() {
        let inner = name_of(property).map(|name| &definitions[name]);
        if inner.is_some_and(|inner| inner["properties"].is_object()) && depth < 3 {
            below.push((format!("{section}.{key}"), property));
            continue;
        }
        let default = about["default"].get(key).or_else(|| property.get("default")).map(Value::to_string);
        let default = default.filter(|text| text != "null").map_or(String::new(), |text| format!("`{text}`"));
        let choices: Vec<String> = inner
            .and_then(|inner| inner["oneOf"].as_array())
            .into_iter()
            .flatten()
            .filter_map(|one| Some(format!("`{}`", one["const"].as_str()?)))
            .collect();
        let choices =
            if choices.is_empty() { String::new() } else { format!(" One of {}.", choices.join(", ")) };
        let meaning = word(property, "description").replace('\n', " ").replace('|', "\\|");
        let _ = writeln!(text, "| `{key}` | {default} | {meaning}{choices} |");
    }
    text.push('\n');
    for (name, property) in below {
        table_of(text, &name, property, definitions, depth + 1);
    }
}

fn command_line(root: &Path) -> Result<String> {
    let mut text = String::from("# Command line\n\n");
    let commands = [
        "",
        "detect",
        "explore",
        "flows",
        "train",
        "score",
        "models",
        "generate",
        "eval nab",
        "eval series",
        "demo",
        "serve",
        "config show",
        "config check",
    ];
    for command in commands {
        let args: Vec<&str> = command.split(' ').chain(["--help"]).filter(|arg| !arg.is_empty()).collect();
        let help = eddy(root, &args)?;
        let help: Vec<&str> = help.lines().map(str::trim_end).collect();
        let _ = writeln!(text, "## `eddy {command}`\n\n```text\n{}\n```\n", help.join("\n").trim_end());
    }
    Ok(text.replace("`eddy `", "`eddy`"))
}
