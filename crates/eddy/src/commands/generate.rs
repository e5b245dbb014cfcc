//! `eddy generate`

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use eddy_frame::{Column, Field, Frame, Kind, NANOS_PER_SECOND, Role, TextColumn, TimeStyle, format_time};
use eddy_io::TableWriter;
use eddy_sim::{Event, Generator, Label, OfficeSpec, Planting, Scenario, Shape, Spec};

use crate::commands::network_traffic::NetworkOptions;
use crate::terminal;

/// Write labelled traffic with named scenarios at known times: a table, or the traffic of an office.
#[derive(Args)]
pub(crate) struct Generate {
    /// What kind of table: metric-series, flow-features, connection-records, packet-list, snmp-mib
    #[arg(long, default_value = "flow-features", conflicts_with = "format")]
    shape: String,
    /// First moment, UTC (2024-01-15 or 2024-01-15T08:00:00)
    #[arg(long, default_value = "2024-01-15", value_name = "DATE")]
    start: String,
    /// How long, in hours
    #[arg(long, default_value_t = 24.0, value_name = "HOURS")]
    duration: f64,
    /// Seconds between rows [default: that of the shape]
    #[arg(long, value_name = "SECONDS", conflicts_with = "format")]
    interval: Option<f64>,
    /// The same seed gives the same bytes
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// What to plant: NAME, NAME@HOUR, or NAME@HOUR+HOURS*STRENGTH; `none` for clean traffic; `default` for a mix.
    /// One of ddos-spike, port-scan, exfiltration, beaconing, outage, level-shift, slow-drift, brute-force
    #[arg(
        long,
        value_name = "SCENARIO,...",
        value_delimiter = ',',
        default_value = "default",
        conflicts_with = "format"
    )]
    scenario: Vec<String>,
    /// Client hosts (for metric-series: series; with --as: hosts of the office, 50 by default)
    #[arg(long)]
    hosts: Option<usize>,
    /// Noise of the normal traffic, 0 to 5
    #[arg(long, default_value_t = 1.0, conflicts_with = "format")]
    noise: f64,
    /// Leave the label column out
    #[arg(long)]
    no_label: bool,
    /// Where to write the table (.csv .tsv .parquet .ndjson .json; - for standard output); with --as zeek a folder,
    /// with --as pcap and netflow any name, also with .gz or .zst added
    #[arg(long, short, value_name = "FILE")]
    out: PathBuf,
    /// Where to write what was planted (.csv .json .ndjson .parquet; with --as .json)
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkOptions,
}

impl Generate {
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        if self.network.is_wanted() {
            let mut spec = OfficeSpec::new(start(&self.start)?, self.duration, self.seed);
            spec.hosts = self.hosts.unwrap_or(spec.hosts);
            let label = if self.no_label { Label::None } else { Label::Column };
            return self.network.run(spec, label, &self.out, self.truth.as_deref());
        }
        let shape = Shape::parse(&self.shape)?;
        let mut spec = Spec::new(shape, start(&self.start)?, self.duration, self.seed);
        if let Some(interval) = self.interval {
            spec.interval_s = interval;
        }
        if let Some(hosts) = self.hosts {
            spec.hosts = hosts;
        }
        spec.noise = self.noise;
        spec.label = if self.no_label { Label::None } else { Label::Column };
        for text in &self.scenario {
            match text.as_str() {
                "none" | "" => {}
                "default" => spec = spec.with_default_scenarios(),
                text => spec.scenarios.push(planting(text)?),
            }
        }
        let mut generator = Generator::new(&spec)?;
        let mut writer: Option<TableWriter> = None;
        let mut rows = 0u64;
        for batch in &mut generator {
            let writer = match &mut writer {
                Some(writer) => writer,
                none => none.insert(TableWriter::create(&self.out, batch.frame.schema())?),
            };
            writer.write(&batch.frame)?;
            rows += batch.frame.n_rows() as u64;
        }
        writer.context("nothing was generated")?.finish()?;
        let truth = generator.truth();
        if let Some(path) = &self.truth {
            write_truth(path, truth)?;
        }
        if self.out.as_os_str() != "-" {
            let name = terminal::plain(&self.out.display().to_string());
            let mut text = format!("wrote      {name}: {rows} rows of {}\n", shape.name());
            for event in truth {
                let _ = writeln!(text, "planted    {}", event_line(event));
            }
            let _ = writeln!(text, "\nnext       eddy detect {name}");
            terminal::print(&text)?;
        }
        Ok(0)
    }
}

/// An event in a line.
pub(crate) fn event_line(event: &Event) -> String {
    format!(
        "{:<13} {} to {}: {} rows; {}",
        event.scenario.name(),
        format_time(event.start_ns, TimeStyle::Spaced).split('.').next().unwrap_or_default(),
        format_time(event.end_ns, TimeStyle::Spaced).split('.').next().unwrap_or_default(),
        event.rows,
        event.note
    )
}

/// `2024-01-15`, with an optional time of day, `Z` allowed.
fn start(text: &str) -> anyhow::Result<i64> {
    let bad = || format!("--start {text}: write a date such as 2024-01-15 or 2024-01-15T08:00:00");
    let plain = text.trim_end_matches('Z').replace('T', " ");
    let (date, time) = plain.split_once(' ').unwrap_or((&plain, "0:0:0"));
    let numbers = |text: &str, separator: char| -> Option<Vec<i64>> {
        text.split(separator).map(|part| part.split('.').next()?.parse().ok()).collect()
    };
    let (date, time) = numbers(date, '-').zip(numbers(time, ':')).with_context(bad)?;
    let (&[year, month, day], [hour, minute, rest @ ..]) = (date.as_slice(), time.as_slice()) else {
        bail!(bad());
    };
    let second = rest.first().copied().unwrap_or(0);
    let in_range = (1970..2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(hour)
        && (0..60).contains(minute)
        && (0..60).contains(&second);
    if !in_range {
        bail!(bad());
    }
    // Days from the civil date, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468;
    Ok((days * 86_400 + hour * 3_600 + minute * 60 + second) * NANOS_PER_SECOND)
}

/// A scenario of the table.
fn planting(text: &str) -> anyhow::Result<Planting> {
    let place = Place::parse(text, "--scenario")?;
    let mut planting = Planting::new(Scenario::parse(place.name)?);
    planting.at_hours = place.at_hours;
    planting.duration_hours = place.duration_hours;
    planting.strength = place.strength;
    Ok(planting)
}

/// What is planted where: `NAME`, `NAME@HOUR`, `NAME@HOUR+HOURS`, `...*STRENGTH`.
#[derive(Debug, PartialEq)]
pub(crate) struct Place<'a> {
    pub(crate) name: &'a str,
    pub(crate) at_hours: Option<f64>,
    pub(crate) duration_hours: Option<f64>,
    pub(crate) strength: f64,
}

impl<'a> Place<'a> {
    /// Reads the text of an option.
    pub(crate) fn parse(text: &'a str, option: &str) -> anyhow::Result<Self> {
        let (rest, strength) = text.split_once('*').map_or((text, None), |(rest, s)| (rest, Some(s)));
        let (rest, duration) = rest.split_once('+').map_or((rest, None), |(rest, s)| (rest, Some(s)));
        let (name, at) = rest.split_once('@').map_or((rest, None), |(rest, s)| (rest, Some(s)));
        let number = |text: Option<&str>| -> anyhow::Result<Option<f64>> {
            text.map(|text| text.trim().parse().with_context(|| format!("{option}: '{text}' is no number")))
                .transpose()
        };
        Ok(Self {
            name: name.trim(),
            at_hours: number(at)?,
            duration_hours: number(duration)?,
            strength: number(strength)?.unwrap_or(1.0),
        })
    }
}

fn write_truth(path: &Path, truth: &[Event]) -> anyhow::Result<()> {
    let text = |name: &str, get: &dyn Fn(&Event) -> String| {
        let values: Vec<String> = truth.iter().map(get).collect();
        let column: TextColumn = values.iter().map(String::as_str).collect();
        (Field::new(name, Kind::Text, Role::Identifier), Column::Text(column))
    };
    let time = |name: &str, get: &dyn Fn(&Event) -> i64| {
        let mut field = Field::new(name, Kind::Time, Role::Time);
        field.time_style = TimeStyle::Spaced;
        (field, Column::Time(truth.iter().map(get).collect()))
    };
    let number = |name: &str, get: &dyn Fn(&Event) -> f64| {
        (Field::new(name, Kind::Float, Role::Identifier), Column::Float(truth.iter().map(get).collect()))
    };
    let frame = Frame::from_pairs(vec![
        text("scenario", &|e| e.scenario.name().to_owned()),
        time("start", &|e| e.start_ns),
        time("end", &|e| e.end_ns),
        // Rows are counted from 1, as findings count them.
        number("first_row", &|e| if e.rows > 0 { e.first_row as f64 + 1.0 } else { f64::NAN }),
        number("last_row", &|e| if e.rows > 0 { e.last_row as f64 + 1.0 } else { f64::NAN }),
        number("rows", &|e| e.rows as f64),
        text("actor", &|e| e.actor.clone().unwrap_or_default()),
        text("target", &|e| e.target.clone().unwrap_or_default()),
        text("note", &|e| e.note.clone()),
    ])?;
    let mut writer = TableWriter::create(path, frame.schema())?;
    writer.write(&frame)?;
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read() {
        assert_eq!(start("1970-01-01").unwrap(), 0);
        assert_eq!(start("2024-01-15T08:00:00Z").unwrap(), 1_705_305_600 * NANOS_PER_SECOND);
        assert_eq!(start("2000-03-01 00:00").unwrap(), 951_868_800 * NANOS_PER_SECOND);
        assert!(start("15.1.2024").unwrap_err().to_string().contains("write a date"));
        assert!(start("2024-13-01").is_err());
    }

    #[test]
    fn plantings_are_read() {
        let p = planting("port-scan@5+0.5*2").unwrap();
        assert_eq!((p.at_hours, p.duration_hours, p.strength), (Some(5.0), Some(0.5), 2.0));
        assert!(planting("port-scan@x").is_err());
        assert!(planting("nonsense").is_err());
    }
}
