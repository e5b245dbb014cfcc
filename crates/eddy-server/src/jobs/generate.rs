//! Data that is made here.

use std::path::Path;

use eddy_frame::NANOS_PER_SECOND;
use eddy_io::{ByteWriter, TableWriter};
use eddy_sim::{
    Behaviour, BehaviourPlanting, FlowTable, Generator, Label, OfficeSpec, OfficeTraffic, Packets, Planting,
    Scenario, Shape, Spec, pcap_header, pcap_record,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most rows of a generated table.
const MOST_ROWS: f64 = 5e6;
/// Longest packet that is kept whole.
const SNAP_BYTES: u32 = 262_144;

/// A data set to make.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GenerateRequest {
    /// Name of the data set.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// "metric-series", "flow-features", "connection-records", "packet-list", "snmp-mib"; "flows" and "pcap" for the
    /// traffic of an office.
    #[serde(default = "default_shape")]
    pub(crate) shape: String,
    /// First moment, UTC ("2024-01-15" or "2024-01-15T08:00:00Z").
    #[serde(default = "default_start")]
    pub(crate) start: String,
    /// How long, in hours.
    #[serde(default = "default_hours")]
    pub(crate) duration_hours: f64,
    /// The same seed gives the same bytes.
    #[serde(default = "default_seed")]
    pub(crate) seed: u64,
    /// What to plant; by default a mix. An empty list makes clean traffic.
    #[serde(default)]
    pub(crate) scenarios: Option<Vec<ScenarioRequest>>,
    /// Whether the table says which rows are anomalous.
    #[serde(default)]
    pub(crate) unlabelled: bool,
}

/// Something to plant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScenarioRequest {
    /// Its name.
    pub(crate) name: String,
    /// When it starts, in hours after the start; drawn from the seed unless given.
    #[serde(default)]
    pub(crate) at_hours: Option<f64>,
    /// How long it lasts, in hours.
    #[serde(default)]
    pub(crate) duration_hours: Option<f64>,
    /// How strong it is, above 0 and up to 100.
    #[serde(default = "one")]
    pub(crate) strength: f64,
}

fn default_shape() -> String {
    "flow-features".into()
}

fn default_start() -> String {
    "2024-01-15".into()
}

fn default_hours() -> f64 {
    24.0
}

fn default_seed() -> u64 {
    42
}

fn one() -> f64 {
    1.0
}

/// A shape that can be made, with what can be planted in it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ShapeInfo {
    /// Its name.
    name: &'static str,
    /// What it holds.
    about: &'static str,
    /// Names of what can be planted in it.
    scenarios: Vec<&'static str>,
}

/// Something that can be planted.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(crate) struct ScenarioInfo {
    /// Its name.
    name: &'static str,
    /// What it is.
    about: &'static str,
    /// How long it typically lasts, in hours.
    typical_hours: f64,
    /// What its strength means.
    strength: &'static str,
}

/// All shapes.
pub(crate) fn shapes() -> Vec<ShapeInfo> {
    let tables = Shape::ALL.iter().map(|shape| ShapeInfo {
        name: shape.name(),
        about: shape.about(),
        scenarios: shape.scenarios().map(Scenario::name).collect(),
    });
    let office: Vec<&str> = Behaviour::ALL.map(Behaviour::name).to_vec();
    tables
        .chain([
            ShapeInfo {
                name: "flows",
                about: "The traffic of an office as a table with one row a flow.",
                scenarios: office.iter().copied().filter(|name| *name != "arp-spoofing").collect(),
            },
            ShapeInfo {
                name: "pcap",
                about: "The traffic of an office as a capture of whole packets.",
                scenarios: office,
            },
        ])
        .collect()
}

/// Everything that can be planted.
pub(crate) fn scenarios() -> Vec<ScenarioInfo> {
    let of_tables = Scenario::ALL.iter().map(|one| ScenarioInfo {
        name: one.name(),
        about: one.about(),
        typical_hours: one.typical_hours(),
        strength: one.strength_about(),
    });
    let of_office = Behaviour::ALL.iter().map(|one| ScenarioInfo {
        name: one.name(),
        about: one.note(),
        typical_hours: one.typical_hours(),
        strength: one.strength_about(),
    });
    of_tables.chain(of_office).collect()
}

impl GenerateRequest {
    /// Says what is wrong before anything begins.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.name.as_deref().is_some_and(|name| !super::request::is_name(name)) {
            return Err("name: 1 to 100 characters are needed".into());
        }
        if self.scenarios.as_ref().is_some_and(|all| all.len() > 50) {
            return Err("scenarios: 50 at most".into());
        }
        match self.shape.as_str() {
            "flows" | "pcap" => {
                OfficeTraffic::new(&self.office()?).map(drop).map_err(|error| error.to_string())
            }
            _ => {
                let spec = self.table()?;
                Generator::new(&spec).map_err(|error| error.to_string())?;
                let rows = spec.duration_hours * 3_600.0 / spec.interval_s;
                if rows > MOST_ROWS {
                    return Err(format!(
                        "duration_hours: {rows:.0} rows are more than {MOST_ROWS:.0}; ask for less"
                    ));
                }
                Ok(())
            }
        }
    }

    /// Name of the file.
    pub(crate) fn file(&self) -> &'static str {
        if self.shape == "pcap" { "traffic.pcap" } else { "traffic.csv" }
    }

    fn label(&self) -> Label {
        if self.unlabelled { Label::None } else { Label::Column }
    }

    fn table(&self) -> Result<Spec, String> {
        let shape = Shape::parse(&self.shape).map_err(|error| format!("{error}, flows, pcap"))?;
        let mut spec = Spec::new(shape, moment_ns(&self.start)?, self.duration_hours, self.seed);
        spec.label = self.label();
        match &self.scenarios {
            None => spec = spec.with_default_scenarios(),
            Some(wanted) => {
                for one in wanted {
                    spec.scenarios.push(Planting {
                        scenario: Scenario::parse(&one.name).map_err(|error| error.to_string())?,
                        at_hours: one.at_hours,
                        duration_hours: one.duration_hours,
                        strength: one.strength,
                    });
                }
            }
        }
        Ok(spec)
    }

    fn office(&self) -> Result<OfficeSpec, String> {
        if self.duration_hours > 48.0 {
            return Err("duration_hours: 48 hours of an office at most".into());
        }
        let mut spec = OfficeSpec::new(moment_ns(&self.start)?, self.duration_hours, self.seed);
        match &self.scenarios {
            None => spec.behaviours.extend(Behaviour::MIX.map(BehaviourPlanting::new)),
            Some(wanted) => {
                for one in wanted {
                    spec.behaviours.push(BehaviourPlanting {
                        behaviour: Behaviour::parse(&one.name).map_err(|error| error.to_string())?,
                        at_hours: one.at_hours,
                        duration_hours: one.duration_hours,
                        strength: one.strength,
                    });
                }
            }
        }
        Ok(spec)
    }

    /// Makes the file.
    pub(crate) fn write(&self, path: &Path, progress: &dyn Fn(u64)) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        match self.shape.as_str() {
            "pcap" => self.write_pcap(path, progress),
            "flows" => {
                let mut traffic = OfficeTraffic::new(&self.office()?).map_err(|e| said(&e))?;
                let mut table = FlowTable::new(traffic.events(), self.label());
                let mut writer = TableWriter::create(path, table.schema()).map_err(|e| said(&e))?;
                let mut rows = 0;
                for flow in &mut traffic {
                    if let Some(frame) = table.push(&flow) {
                        rows += frame.n_rows() as u64;
                        writer.write(&frame).map_err(|e| said(&e))?;
                        progress(rows);
                    }
                }
                if let Some(frame) = table.finish() {
                    writer.write(&frame).map_err(|e| said(&e))?;
                }
                writer.finish().map_err(|e| said(&e))
            }
            _ => {
                let mut generator = Generator::new(&self.table()?).map_err(|e| said(&e))?;
                let mut writer = TableWriter::create(path, generator.schema()).map_err(|e| said(&e))?;
                let mut rows = 0;
                for batch in &mut generator {
                    rows += batch.frame.n_rows() as u64;
                    writer.write(&batch.frame).map_err(|e| said(&e))?;
                    progress(rows);
                }
                writer.finish().map_err(|e| said(&e))
            }
        }
    }

    fn write_pcap(&self, path: &Path, progress: &dyn Fn(u64)) -> Result<(), String> {
        let mut traffic = OfficeTraffic::new(&self.office()?).map_err(|error| error.to_string())?;
        let mut writer = ByteWriter::create(path).map_err(|error| error.to_string())?;
        let mut chunk = pcap_header(SNAP_BYTES).to_vec();
        let mut packets = Packets::new(&mut traffic);
        let (mut frame, mut n) = (Vec::new(), 0);
        while let Some((at_ns, _)) = packets.next_into(&mut frame) {
            pcap_record(at_ns, SNAP_BYTES, &frame, &mut chunk);
            n += 1;
            if chunk.len() >= 1 << 20 {
                writer.write(&chunk).map_err(|error| error.to_string())?;
                chunk.clear();
                progress(n);
            }
        }
        writer.write(&chunk).map_err(|error| error.to_string())?;
        writer.finish().map_err(|error| error.to_string())
    }
}

/// A date, with an optional time of day; `Z` and fractions of a second allowed.
pub(crate) fn moment_ns(text: &str) -> Result<i64, String> {
    let bad = || format!("'{text}' is no moment; write for example 2024-01-15 or 2024-01-15T08:00:00Z");
    let plain = text.trim().trim_end_matches('Z').replace('T', " ");
    let (date, time) = plain.split_once(' ').unwrap_or((&plain, "0:0:0"));
    let numbers = |text: &str, separator: char| -> Option<Vec<i64>> {
        text.split(separator).map(|part| part.split('.').next()?.parse().ok()).collect()
    };
    let (date, time) = numbers(date, '-').zip(numbers(time, ':')).ok_or_else(bad)?;
    let (&[year, month, day], &[hour, minute, ref rest @ ..]) = (date.as_slice(), time.as_slice()) else {
        return Err(bad());
    };
    let second = rest.first().copied().unwrap_or(0);
    let in_range = (1970..2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && rest.len() <= 1;
    if !in_range {
        return Err(bad());
    }
    // Days from the civil date, after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468;
    Ok((days * 86_400 + hour * 3_600 + minute * 60 + second) * NANOS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_clients_write_them() {
        for text in ["2024-01-15", "2024-01-15T00:00", "2024-01-15T00:00:00.000Z", "2024-01-15 00:00:00"] {
            assert_eq!(moment_ns(text), Ok(1_705_276_800_000_000_000), "{text}");
        }
        for text in ["", "yesterday", "2024-13-01", "2024-01-15T25:00", "1-2", "2024-01-15T1:2:3:4"] {
            assert!(moment_ns(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_shape_that_is_offered_can_be_made() {
        let folder = tempfile::tempdir().unwrap();
        for shape in shapes() {
            let text = format!(r#"{{"shape":"{}","duration_hours":0.2}}"#, shape.name);
            let request: GenerateRequest = serde_json::from_str(&text).unwrap();
            request.check().unwrap_or_else(|error| panic!("{}: {error}", shape.name));
            let path = folder.path().join(request.file());
            request.write(&path, &|_| {}).unwrap();
            assert!(std::fs::metadata(&path).unwrap().len() > 100, "{}", shape.name);
        }
    }
}
