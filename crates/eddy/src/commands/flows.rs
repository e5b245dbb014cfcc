//! `eddy flows`

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use eddy_engine::{
    EngineError, Per, RunOptions, damped_packets, entity_schema, entity_windows, flow_features, flows,
};
use eddy_io::{FeatureSet, ReadError, ReadStats, Source, TableWriter};
use eddy_series::Duration;

use crate::args::{ReadArgs, bytes};
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
    #[arg(long, value_name = "host|service|pair", value_parser = per, conflicts_with_all = ["features", "packets"])]
    per: Option<Per>,
    /// Length of such a window
    #[arg(long, default_value = "5m", value_name = "TIME", requires = "per")]
    window: Duration,
    /// Which columns: the basic ones that all sources have; for captures also the statistics of sizes, intervals and flags
    /// that NFStream tells, or the whole catalogue (activity, bulks, headers, first packets and more;
    /// docs/reference/flow-features.md)
    #[arg(long, value_enum, default_value = "basic", value_name = "WHICH", conflicts_with = "packets")]
    features: Features,
    /// Write one row a packet of captures instead of one a flow, with the damped statistics that KitNET reads
    #[arg(long, value_enum, value_name = "WHICH")]
    packets: Option<PerPacket>,
    /// Label column (the truth, if somebody wrote it down)
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    label: Option<String>,
    /// Time column
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    time: Option<String>,
    /// Leave these columns out
    #[arg(long, value_name = "COLUMN,...", value_delimiter = ',', help_heading = "Columns")]
    ignore: Vec<String>,
    /// Most memory; a quarter of it for flows that are not over, which are told early where it is full, and counted
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes)]
    max_memory: usize,
    /// No progress and no summary on standard error
    #[arg(long, short)]
    quiet: bool,
}

/// Which columns a flow gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Features {
    Basic,
    Statistics,
    All,
}

/// What is told of single packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PerPacket {
    Damped,
}

impl Flows {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let read = ReadArgs {
            label: self.label.clone(),
            time: self.time.clone(),
            ignore: self.ignore.clone(),
            max_memory: self.max_memory,
            quiet: self.quiet,
            ..ReadArgs::default()
        };
        let options = read.options();
        if let Some(per) = self.per {
            return self.entities(per, &options);
        }
        let (mut source, rows) = match (self.packets, self.features) {
            (Some(PerPacket::Damped), _) => (damped_packets(&self.inputs, &options.read)?, "packets"),
            (None, Features::Statistics) => {
                (flow_features(&self.inputs, &options.read, FeatureSet::Statistics)?, "flows")
            }
            (None, Features::All) => (flow_features(&self.inputs, &options.read, FeatureSet::All)?, "flows"),
            (None, Features::Basic) => (flows(&self.inputs, &options.read)?, "flows"),
        };
        let mut writer = TableWriter::create(&self.out, &source.description().schema)?;
        copy(&mut *source, &mut writer, &|rows, bytes| {
            (options.progress)(eddy_engine::Stage::Read, rows, bytes);
        })?;
        writer.finish()?;
        if !self.quiet {
            let description = source.description();
            let mut out = std::io::stderr().lock();
            writeln!(out, "{}", told(&source.stats(), rows, &description.shape.title))?;
            for note in &description.notes {
                let column = note.column.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
                writeln!(out, "  {column}{}", terminal::plain(&note.text))?;
            }
        }
        Ok(0)
    }
}

/// Writes what is read, while more is read by another thread.
fn copy(
    source: &mut dyn Source,
    writer: &mut TableWriter,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> anyhow::Result<()> {
    let (sender, receiver) = sync_channel(2);
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            while let Some(frame) = source.next_frame()? {
                progress(frame.first_row + frame.n_rows() as u64, source.stats().bytes_read);
                if sender.send(frame).is_err() {
                    // Writing failed; its error is told.
                    break;
                }
            }
            Ok::<(), ReadError>(())
        });
        let mut wrote = Ok(());
        for frame in receiver {
            wrote = writer.write(&frame);
            if wrote.is_err() {
                break;
            }
        }
        let read = reading.join().map_err(|_| anyhow!("the reading thread panicked"))?;
        wrote?;
        Ok(read?)
    })
}

impl Flows {
    fn entities(&self, per: Per, options: &RunOptions) -> anyhow::Result<u8> {
        let mut writer = TableWriter::create(&self.out, &entity_schema())?;
        let table = entity_windows(&self.inputs, per, self.window.0, options, &mut |frame| {
            writer.write(frame).map_err(EngineError::from)
        })?;
        writer.finish()?;
        if !self.quiet {
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

fn per(text: &str) -> Result<Per, String> {
    match text {
        "host" => Ok(Per::Host),
        "service" => Ok(Per::Service),
        "pair" => Ok(Per::Pair),
        other => Err(format!("'{other}' is none of host, service, pair")),
    }
}

/// What was read, in words.
fn told(stats: &ReadStats, rows: &str, title: &str) -> String {
    let mut text = format!("{} {rows} from {title}", stats.rows_read);
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
