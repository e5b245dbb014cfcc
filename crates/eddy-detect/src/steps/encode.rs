//! Categories to numbers.

use std::collections::BTreeMap;

use eddy_frame::{Column, Field, Frame, Kind, Role, TextColumn};
use rustc_hash::FxHashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::step::{Edit, wanted};
use crate::{Count, FitError, FittedStep, LoadError, SectionReader, SectionWriter, Step, StepMemory};

/// How a category becomes a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// `-log10` of the share of training rows with the level: 0 for the only level, 3 for one in a thousand. A level
    /// never seen counts as half a row.
    #[default]
    Frequency,
    /// One column a level, 1 where it is the row's, and one more for levels never seen.
    OneHot,
    /// The level's place in alphabetical order; -1 for levels never seen.
    Ordinal,
}

/// Turns text columns into numbers. Levels never seen in training are expected, not an error.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Encode {
    /// How a category becomes a number.
    pub method: Method,
    /// One-hot only: columns with more levels are encoded by frequency.
    pub max_levels: Count,
}

impl Default for Encode {
    fn default() -> Self {
        Self { method: Method::Frequency, max_levels: Count::new(64) }
    }
}

#[derive(Serialize, Deserialize)]
struct Levels {
    column: String,
    method: Method,
    /// Level and its number of training rows, in alphabetical order.
    counts: Vec<(String, u64)>,
    n_rows: u64,
}

impl Levels {
    fn rarity(&self, count: f64) -> f64 {
        -((count / (self.n_rows as f64 + 0.5).max(1.0)).min(1.0)).log10() + 0.0
    }
}

struct Fitted {
    columns: Vec<Levels>,
    places: Vec<FxHashMap<String, usize>>,
}

impl Fitted {
    fn new(columns: Vec<Levels>) -> Self {
        let places = columns
            .iter()
            .map(|c| c.counts.iter().enumerate().map(|(at, (level, _))| (level.clone(), at)).collect())
            .collect();
        Self { columns, places }
    }
}

impl Step for Encode {
    const NAME: &'static str = "encode";
    const SUMMARY: &'static str = "categories to numbers by frequency, one-hot or ordinal";

    fn fit(&self, frame: &Frame) -> Result<Box<dyn FittedStep>, FitError> {
        let schema = frame.schema();
        let columns = schema
            .inputs()
            .filter_map(|idx| {
                let texts = frame.column(idx).as_text()?;
                let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
                texts.iter().for_each(|text| *counts.entry(text).or_default() += 1);
                let one_hot_fits = counts.len() <= self.max_levels.get();
                Some(Levels {
                    column: schema.fields[idx].name.to_string(),
                    method: if self.method == Method::OneHot && !one_hot_fits { Method::Frequency } else { self.method },
                    counts: counts.into_iter().map(|(level, count)| (level.to_owned(), count)).collect(),
                    n_rows: texts.len() as u64,
                })
            })
            .collect();
        Ok(Box::new(Fitted::new(columns)))
    }

    fn load(section: &SectionReader<'_>) -> Result<Box<dyn FittedStep>, LoadError> {
        Ok(Box::new(Fitted::new(section.value("columns")?)))
    }
}

impl FittedStep for Fitted {
    fn apply(&self, frame: Frame, _: &mut StepMemory) -> Result<Frame, FitError> {
        let mut edit = Edit::new(frame);
        for (levels, places) in self.columns.iter().zip(&self.places) {
            let idx = wanted(&edit, &levels.column)?;
            let texts = as_texts(edit.column(idx));
            match levels.method {
                Method::Frequency => {
                    let by_place: Vec<f64> = levels.counts.iter().map(|(_, n)| levels.rarity(*n as f64)).collect();
                    let unseen = levels.rarity(0.5);
                    edit.set_role(idx, Role::Category);
                    edit.replace(
                        idx,
                        texts.iter().map(|text| places.get(text).map_or(unseen, |&at| by_place[at])).collect(),
                    );
                }
                Method::Ordinal => {
                    edit.set_role(idx, Role::Category);
                    let code = |text| places.get(text).map_or(-1, |&at| at as i64);
                    edit.replace_by_codes(idx, texts.iter().map(code).collect());
                }
                Method::OneHot => {
                    let mut hot = vec![vec![0.0; texts.len()]; levels.counts.len() + 1];
                    for (row_idx, text) in texts.iter().enumerate() {
                        hot[places.get(text).copied().unwrap_or(levels.counts.len())][row_idx] = 1.0;
                    }
                    edit.remove(idx);
                    let names = levels.counts.iter().map(|(level, _)| level.as_str()).chain(["(never seen)"]);
                    for (name, values) in names.zip(hot) {
                        let name = format!("{}={name}", levels.column);
                        edit.push(Field::new(name, Kind::Float, Role::Feature), values);
                    }
                }
            }
        }
        edit.finish()
    }

    fn describe(&self) -> String {
        let of = |method: Method| {
            let names: Vec<&str> =
                self.columns.iter().filter(|c| c.method == method).map(|c| c.column.as_str()).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        let parts: Vec<String> = [
            of(Method::Frequency).map(|names| format!("{names} by rarity")),
            of(Method::OneHot).map(|names| format!("{names} one-hot")),
            of(Method::Ordinal).map(|names| format!("{names} by order")),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() { "no category".into() } else { format!("categories: {}", parts.join("; ")) }
    }

    fn save(&self, section: &mut SectionWriter<'_>) {
        section.value("columns", &self.columns);
    }
}

/// The values as text: a column that was text in training may hold numbers now.
fn as_texts(column: &Column) -> TextColumn {
    match column {
        Column::Text(texts) => texts.clone(),
        other => {
            let mut texts = TextColumn::default();
            for row_idx in 0..other.len() {
                let number = other.number(row_idx);
                if number.is_nan() { texts.push("") } else { texts.push(&number.to_string()) }
            }
            texts
        }
    }
}
