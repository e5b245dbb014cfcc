//! `eddy explore`

use std::fmt::Write as _;
use std::time::Instant;

use clap::Args;
use eddy_engine::explore;

use crate::args::ReadArgs;
use crate::terminal;

/// Describe what is in a file.
#[derive(Args)]
pub(crate) struct Explore {
    /// Files, folders, globs, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    /// Write a report that works offline in any browser
    #[arg(long, short, value_name = "FILE.html")]
    out: Option<std::path::PathBuf>,
    /// One line a file instead: shape, rows read and set aside, seconds, or why it is refused
    #[arg(long)]
    list: bool,
}

impl Explore {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let options = self.read.options();
        if self.list {
            return self.list_files();
        }
        let found = explore(&self.inputs, &options)?;
        if let Some(path) = &self.out {
            terminal::write_exploration(&found, path)?;
        }
        if self.json {
            terminal::print(&format!("{}\n", serde_json::to_string_pretty(&found)?))?;
        } else {
            terminal::print(&terminal::exploration(&found, &self.inputs))?;
        }
        Ok(0)
    }

    /// Reads every file to its end, by itself.
    fn list_files(&self) -> anyhow::Result<u8> {
        let mut files = Vec::new();
        self.inputs.iter().for_each(|input| walk(std::path::Path::new(input), &mut files));
        files.sort();
        terminal::print("| file | shape | rows | set aside | seconds |\n|---|---|---:|---:|---:|\n")?;
        for file in files {
            let started = Instant::now();
            let name = file.display().to_string();
            let mut line = String::new();
            match read_through(&name, &self.read.options()) {
                Ok((shape, rows, aside)) => {
                    let _ = write!(line, "| {name} | {shape} | {rows} | {aside} |");
                }
                Err(error) => {
                    let _ = write!(
                        line,
                        "| {name} | refused: {} | | |",
                        terminal::plain(&error.to_string()).replace('|', "/")
                    );
                }
            }
            terminal::print(&format!("{line} {:.2} |\n", started.elapsed().as_secs_f64()))?;
        }
        Ok(0)
    }
}

fn read_through(
    name: &str,
    options: &eddy_engine::RunOptions,
) -> Result<(String, u64, u64), eddy_io::ReadError> {
    let mut source = eddy_io::open(&[name.to_owned()], &options.read)?;
    while source.next_frame()?.is_some() {}
    let stats = source.stats();
    Ok((
        source.description().shape.title.clone(),
        stats.rows_read,
        stats.rows_set_aside + stats.cells_set_aside,
    ))
}

/// All files below a path, hidden ones left out.
fn walk(path: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    if !path.is_dir() {
        files.push(path.to_owned());
        return;
    }
    let Ok(entries) = std::fs::read_dir(path) else { return };
    for entry in entries.flatten() {
        if !entry.file_name().to_string_lossy().starts_with('.') {
            walk(&entry.path(), files);
        }
    }
}
