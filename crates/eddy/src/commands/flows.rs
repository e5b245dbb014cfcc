//! `eddy flows`

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use eddy_engine::{EngineError, Per, RunOptions, entity_schema, entity_windows, flows};
use eddy_frame::NANOS_PER_SECOND;
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
    /// Instead of flows, one row for each host, service or pair of hosts and window of time: volume, fan-out, new peers and
    /// services, failures, entropies, regularity
    #[arg(long, value_name = "host|service|pair", value_parser = per)]
    per: Option<Per>,
    /// Length of such a window
    #[arg(long, default_value = "5m", value_name = "TIME", requires = "per")]
    window: String,
    #[command(flatten)]
    read: ReadArgs,
}

impl Flows {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let options = self.read.options();
        if let Some(per) = self.per {
            return self.entities(per, &options);
        }
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

impl Flows {
    fn entities(&self, per: Per, options: &RunOptions) -> anyhow::Result<u8> {
        let window_ns =
            self.window.parse::<Span>().map_err(|reason| anyhow::anyhow!("--window: {reason}"))?.0;
        let mut writer = TableWriter::create(&self.out, &entity_schema())?;
        let table = entity_windows(&self.inputs, per, window_ns, options, &mut |frame| {
            writer.write(frame).map_err(EngineError::from)
        })?;
        writer.finish()?;
        if !self.read.is_quiet() {
            let dropped = if table.dropped > 0 {
                format!("; {} entities had to go for want of room", table.dropped)
            } else {
                String::new()
            };
            let mut out = std::io::stderr().lock();
            writeln!(out, "{} rows from {} flows{dropped}", table.rows, table.flows)?;
        }
        Ok(0)
    }
}

/// A length of time: `30s`, `5m`, `1h`, `1d`.
struct Span(i64);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let help = || format!("'{text}' is no length of time; write 30s, 5m, 1h or 1d");
        let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(help)?);
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(help()),
        };
        let number: i64 =
            number.parse().ok().filter(|number| (1..=100_000).contains(number)).ok_or_else(help)?;
        Ok(Self(number * seconds * NANOS_PER_SECOND))
    }
}

fn per(text: &str) -> Result<Per, String> {
    match text {
        "host" => Ok(Per::Host),
        "service" => Ok(Per::Service),
        "pair" => Ok(Per::Pair),
        other => Err(format!("'{other}' is none of host, service, pair")),
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
