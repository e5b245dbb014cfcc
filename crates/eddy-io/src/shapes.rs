//! Column maps of known tables. Each is a data file in `shapes/`; this is the list of them.

use std::collections::HashMap;
use std::sync::OnceLock;

use eddy_frame::{CounterBits, Kind, Role};
use serde::Deserialize;

use crate::ShapeName;

/// The one list of shapes, most particular first.
const FILES: [&str; 23] = [
    include_str!("shapes/nsl_kdd.toml"),
    include_str!("shapes/unsw_nb15.toml"),
    include_str!("shapes/cic_ids.toml"),
    include_str!("shapes/ctu13.toml"),
    include_str!("shapes/ton_iot.toml"),
    include_str!("shapes/bot_iot.toml"),
    include_str!("shapes/snmp_mib.toml"),
    include_str!("shapes/wireshark.toml"),
    include_str!("shapes/scapy_packets.toml"),
    include_str!("shapes/flow_statistics.toml"),
    include_str!("shapes/flows.toml"),
    include_str!("shapes/damped_packets.toml"),
    include_str!("shapes/zeek_conn.toml"),
    include_str!("shapes/zeek_dns.toml"),
    include_str!("shapes/zeek_ssl.toml"),
    include_str!("shapes/zeek_http.toml"),
    include_str!("shapes/zeek_stream.toml"),
    include_str!("shapes/suricata_eve.toml"),
    include_str!("shapes/nfdump.toml"),
    include_str!("shapes/vpc_flow_log.toml"),
    include_str!("shapes/flow_features.toml"),
    include_str!("shapes/metric_series.toml"),
    include_str!("shapes/generic.toml"),
];

/// The shape of a table with a time column, numbers and nothing else.
pub(crate) const METRIC_SERIES: &str = "metric_series";
/// The shape of any other table.
pub(crate) const GENERIC: &str = "generic";

/// A known table.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShapeMap {
    /// Name in files and flags.
    pub id: String,
    /// Name in prose.
    pub title: String,
    /// How many of the columns must be there for a table with header to be of this shape; 0: never told by names.
    #[serde(default)]
    min_present: usize,
    /// Columns that must be there besides.
    #[serde(default)]
    require: Vec<String>,
    /// Names may end in a number (an interface index).
    #[serde(default)]
    index_suffix: bool,
    /// Columns that are features and nothing more; `|` separates spellings.
    #[serde(default)]
    features: Vec<String>,
    /// Columns that are categories and nothing more; `|` separates spellings.
    #[serde(default)]
    categories: Vec<String>,
    /// Features that are cumulative counters of 32 bits.
    #[serde(default)]
    counters32: Vec<String>,
    /// Features that are cumulative counters of 64 bits.
    #[serde(default)]
    counters64: Vec<String>,
    /// Columns with more to say. Where several have the role of time or label, the first that is there has it.
    #[serde(default)]
    columns: Vec<MapColumn>,
    /// Column orders of files without header.
    #[serde(default)]
    headerless: Vec<Headerless>,
    /// Position in `columns` by normalised name.
    #[serde(skip)]
    by_name: HashMap<String, usize>,
}

/// What is known of one column.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MapColumn {
    /// Spellings; the first is the canonical one.
    pub names: Vec<String>,
    /// What the column is for.
    pub role: Role,
    /// How it is stored, where the content would leave that open.
    pub kind: Option<Kind>,
    /// Unit of the values.
    pub unit: Option<String>,
    /// Set for cumulative counters.
    pub counter: Option<CounterBits>,
    /// Label values that mean "nothing wrong".
    #[serde(default)]
    pub normal: Vec<String>,
}

/// The column order of a file without header.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Headerless {
    order: Vec<String>,
    /// So many columns at the end may be absent.
    #[serde(default)]
    optional_at_end: usize,
    checks: Vec<Check>,
}

/// Column `column` (counted from 1) holds nothing but these values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    column: usize,
    values: Vec<String>,
}

impl ShapeMap {
    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        let mut map: Self = toml::from_str(text)?;
        let simple = |list: &[String], role, kind, counter| {
            list.iter()
                .map(|names| MapColumn {
                    names: names.split('|').map(str::to_owned).collect(),
                    role,
                    kind,
                    unit: None,
                    counter,
                    normal: Vec::new(),
                })
                .collect::<Vec<_>>()
        };
        let mut columns = std::mem::take(&mut map.columns);
        columns.extend(simple(&map.features, Role::Feature, None, None));
        columns.extend(simple(&map.counters32, Role::Feature, None, Some(CounterBits::B32)));
        columns.extend(simple(&map.counters64, Role::Feature, None, Some(CounterBits::B64)));
        columns.extend(simple(&map.categories, Role::Category, Some(Kind::Text), None));
        for (idx, column) in columns.iter().enumerate() {
            for name in &column.names {
                map.by_name.entry(normalise(name)).or_insert(idx);
            }
        }
        map.columns = columns;
        Ok(map)
    }

    /// The shape's name.
    pub(crate) fn name(&self) -> ShapeName {
        ShapeName { id: self.id.clone(), title: self.title.clone() }
    }

    /// The column called `name`, with its place in the map's order of preference.
    pub(crate) fn column(&self, name: &str) -> Option<(usize, &MapColumn)> {
        let name = normalise(name);
        let idx = self.by_name.get(&name).or_else(|| {
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
            self.index_suffix.then(|| self.by_name.get(stem)).flatten()
        })?;
        self.columns.get(*idx).map(|column| (*idx, column))
    }

    /// How many columns of the map the names hold, when they are enough to tell.
    fn present(&self, names: &[String]) -> Option<usize> {
        if self.min_present == 0 {
            return None;
        }
        let mut found: Vec<usize> =
            names.iter().filter_map(|name| self.column(name)).map(|(idx, _)| idx).collect();
        found.sort_unstable();
        found.dedup();
        let required = |name: &String| self.column(name).is_some_and(|(idx, _)| found.contains(&idx));
        (found.len() >= self.min_present && self.require.iter().all(required)).then_some(found.len())
    }
}

fn maps() -> &'static [ShapeMap] {
    static MAPS: OnceLock<Vec<ShapeMap>> = OnceLock::new();
    // A test parses every file, so none is left out here.
    MAPS.get_or_init(|| FILES.iter().filter_map(|text| ShapeMap::parse(text).ok()).collect())
}

/// A name without case, blanks and punctuation.
pub(crate) fn normalise(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Names of all shapes Eddy knows.
pub fn shapes() -> Vec<ShapeName> {
    maps().iter().map(ShapeMap::name).collect()
}

/// The shape with the given id.
pub(crate) fn by_id(id: &str) -> Option<&'static ShapeMap> {
    maps().iter().find(|map| map.id == id)
}

/// Whether some shape has a column of this name.
pub(crate) fn is_known_name(name: &str) -> bool {
    // No known name is longer; cells may be.
    name.len() <= 64 && !normalise(name).is_empty() && maps().iter().any(|map| map.column(name).is_some())
}

/// The shape that columns of these names have: the one most of whose columns are there.
pub(crate) fn of_names(names: &[String]) -> Option<&'static ShapeMap> {
    let mut best: Option<(usize, &ShapeMap)> = None;
    for map in maps() {
        if let Some(present) = map.present(names)
            && best.is_none_or(|(most, _)| present > most)
        {
            best = Some((present, map));
        }
    }
    best.map(|(_, map)| map)
}

/// The shape and the names of a table of `n_cols` columns without header. `holds` says whether all values of a column
/// (counted from 0) are among the given ones.
pub(crate) fn of_values(
    n_cols: usize,
    holds: impl Fn(usize, &[String]) -> bool,
) -> Option<(&'static ShapeMap, &'static [String])> {
    maps().iter().find_map(|map| {
        map.headerless.iter().find_map(|headerless| {
            let order = headerless.order.get(..n_cols)?;
            let fits = n_cols + headerless.optional_at_end >= headerless.order.len();
            let holds = |check: &Check| check.column > n_cols || holds(check.column - 1, &check.values);
            (fits && headerless.checks.iter().all(holds)).then_some((map, order))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_can_be_read_and_names_its_columns() {
        for text in FILES {
            let map = ShapeMap::parse(text).unwrap();
            for headerless in &map.headerless {
                for name in &headerless.order {
                    assert!(map.column(name).is_some(), "{}: no column {name}", map.id);
                }
                assert!(headerless.checks.iter().all(|check| check.column <= headerless.order.len()));
            }
            assert!(map.require.iter().all(|name| map.column(name).is_some()), "{}", map.id);
            assert!(map.min_present <= map.columns.len(), "{}", map.id);
        }
        let mut ids: Vec<_> = shapes().into_iter().map(|shape| shape.id).collect();
        assert_eq!(ids.len(), FILES.len());
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), FILES.len());
    }

    #[test]
    fn names_are_matched_without_case_blanks_and_punctuation() {
        let snmp = by_id("snmp_mib").unwrap();
        assert_eq!(snmp.column("ifoutDiscards11").unwrap().1.counter, Some(CounterBits::B32));
        assert_eq!(snmp.column("tcp?ActiveOpens").unwrap().1.names[0], "tcpActiveOpens");
        assert!(snmp.column("tcpCurrEstab").unwrap().1.counter.is_none());
        assert!(is_known_name(" Total Length of Bwd Packets"));
        assert!(!is_known_name("continuous") && !is_known_name(" "));
    }
}
