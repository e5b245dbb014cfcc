//! `eddy flows`

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use eddy_engine::flows;
use eddy_io::{ReadStats, TableWriter};

use crate::args::ReadArgs;
use crate::terminal;

/// Bring captures and logs of flows onto one table of flows, whatever program wrote them.
#[derive(Args)]
pub(crate) struct Flows {
    /// Files, folders, globs, or - for standard input: pcap, pcapng, NetFlow or IPFIX datagrams, Zeek (conn, dns, ssl,
    /// http), Suricata EVE, nfdump, Argus binetflow, AWS VPC
    #[arg(required = true, value_name = "FILE")]
    inputs: Vec<String>,
    /// Where to write the flows (.parquet .csv .tsv .ndjson .json, .log for Zeek's conn.log; - for standard output, as CSV)
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    read: ReadArgs,
}

impl Flows {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let options = self.read.options();
        let mut source = flows(&self.inputs, &options.read)?;
        let mut writer = TableWriter::create(&self.out, &source.description().schema)?;
        while let Some(frame) = source.next_frame()? {
            writer.write(&frame)?;
            (options.progress)(
                eddy_engine::Stage::Read,
                frame.first_row + frame.n_rows() as u64,
                source.stats().bytes_read,
            );
        }
        writer.finish()?;
        if !self.read.is_quiet() {
            let description = source.description();
            let mut out = std::io::stderr().lock();
            writeln!(out, "{}", told(&source.stats(), &description.shape.title))?;
            for note in &description.notes {
                let column = note.column.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                writeln!(out, "  {column}{}", terminal::plain(&note.text))?;
            }
        }
        Ok(0)
    }
}

/// What was read, in words.
fn told(stats: &ReadStats, title: &str) -> String {
    let mut text = format!("{} flows from {title}", stats.rows_read);
    if stats.rows_set_aside > 0 {
        let _ = write!(text, "; {} rows set aside", stats.rows_set_aside);
    }
    if stats.cells_set_aside > 0 {
        let _ = write!(text, "; {} cells taken as missing", stats.cells_set_aside);
    }
    for shown in &stats.first_set_aside {
        let line = shown.line.map(|line| format!(" line {line}")).unwrap_or_default();
        let column = shown.column.as_ref().map(|name| format!(", {name}")).unwrap_or_default();
        let shown = format!("{}{line}{column}: {}: {}", shown.source, shown.reason, shown.text);
        text.push_str("\n  ");
        text.push_str(&terminal::plain(&shown));
    }
    text
}
