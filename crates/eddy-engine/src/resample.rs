//! Rows at even steps.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use eddy_frame::{
    Column, Entities, Field, Frame, Kind, MISSING_TIME, Role, Schema, TextColumn, is_normal_label,
};
use eddy_insight::count;
use eddy_io::{Description, Note, ReadError, ReadStats, Source};
use eddy_series::{Aggregate, Bucket, Resample};
use rustc_hash::FxHashMap;

use crate::EngineError;

/// Rows that resampling may give, at most.
const MOST_ROWS: u64 = 16 << 20;
/// Rows in one frame.
const FRAME_ROWS: usize = 65_536;

/// The source at even steps where that is asked for. One row stands for the rows of an entity in a bucket of time; a
/// bucket between two others without a row is a row of missing values. Counters keep their last reading, categories
/// their last level, labels their first attack.
pub(crate) fn resampled(
    mut source: Box<dyn Source>,
    by: Option<Resample>,
) -> Result<Box<dyn Source>, EngineError> {
    let Some(by) = by else { return Ok(source) };
    let fields = source.description().schema.fields.clone();
    let Some(time) = fields.iter().position(|field| field.role == Role::Time && field.kind == Kind::Time)
    else {
        return Err(EngineError::Input(format!(
            "{}: there is no time column, so there is nothing to resample by; name it with --time",
            source.description().sources.join(", ")
        )));
    };
    let mut buckets = Buckets::new(&fields, time, by);
    while let Some(frame) = source.next_frame()? {
        buckets.add(&frame)?;
    }
    Ok(Box::new(buckets.finish(source.as_ref())?))
}

/// What is kept of a column.
#[derive(Clone)]
enum Cell {
    Number(Bucket),
    Text(String),
}

/// The cells of each bucket by its start.
type ByStart = BTreeMap<i64, Vec<Cell>>;

struct Buckets {
    by: Resample,
    /// Columns that are kept, by position in the source, and how.
    kept: Vec<(usize, Field, Aggregate)>,
    entities: Vec<usize>,
    time: usize,
    places: FxHashMap<String, usize>,
    /// Buckets of each entity, with its names.
    groups: Vec<(Vec<String>, ByStart)>,
    /// Buckets with a row so far.
    made: u64,
    n_rows: u64,
    without_time: u64,
}

impl Buckets {
    fn new(fields: &[Field], time: usize, by: Resample) -> Self {
        let keep = |(idx, field): (usize, &Field)| {
            let mut field = field.clone();
            let numeric = matches!(field.kind, Kind::Float | Kind::Int);
            match field.role {
                Role::Value | Role::Feature if numeric => {
                    field.kind = Kind::Float;
                    let with = if field.counter.is_some() { Aggregate::Last } else { by.with };
                    if with == Aggregate::Count {
                        field.unit = None;
                    }
                    Some((idx, field, with))
                }
                Role::Category | Role::Label if field.kind == Kind::Text => {
                    Some((idx, field, Aggregate::Last))
                }
                _ => None,
            }
        };
        Self {
            by,
            kept: fields.iter().enumerate().filter_map(keep).collect(),
            entities: fields
                .iter()
                .enumerate()
                .filter(|(_, f)| f.role == Role::Entity)
                .map(|(idx, _)| idx)
                .collect(),
            time,
            places: FxHashMap::default(),
            groups: Vec::new(),
            made: 0,
            n_rows: 0,
            without_time: 0,
        }
    }

    fn add(&mut self, frame: &Frame) -> Result<(), EngineError> {
        let Some(times) = frame.column(self.time).as_time() else { return Ok(()) };
        let entities = Entities::of(frame);
        let mut key = String::new();
        for (row_idx, &time) in times.iter().enumerate() {
            self.n_rows += 1;
            if time == MISSING_TIME {
                self.without_time += 1;
                continue;
            }
            entities.write_key(row_idx, &mut key);
            let place = self.places.get(&key).copied().unwrap_or_else(|| {
                self.places.insert(key.clone(), self.groups.len());
                self.groups.push((entities.names(row_idx).collect(), BTreeMap::new()));
                self.groups.len() - 1
            });
            let kept = &self.kept;
            let made = &mut self.made;
            let cells = self.groups[place].1.entry(self.by.start_of(time)).or_insert_with(|| {
                *made += 1;
                let empty = |(_, field, _): &(usize, Field, Aggregate)| match field.kind {
                    Kind::Text => Cell::Text(String::new()),
                    _ => Cell::Number(Bucket::default()),
                };
                kept.iter().map(empty).collect()
            });
            for (cell, (idx, field, _)) in cells.iter_mut().zip(kept) {
                match (cell, frame.column(*idx)) {
                    (Cell::Number(bucket), column) => bucket.add(time, column.number(row_idx)),
                    (Cell::Text(held), Column::Text(texts)) => hold(held, texts.get(row_idx), field.role),
                    (Cell::Text(_), _) => {}
                }
            }
            if self.made > MOST_ROWS {
                return Err(self.too_many(self.made));
            }
        }
        Ok(())
    }

    fn too_many(&self, rows: u64) -> EngineError {
        EngineError::Input(format!(
            "--resample {} gives {} rows or more, at most {} are made; choose a longer step, or look for a time that is far off the others",
            self.by,
            count(rows),
            count(MOST_ROWS)
        ))
    }

    fn finish(self, source: &dyn Source) -> Result<Resampled, EngineError> {
        let width = self.by.width;
        let between = |(first, last): (i64, i64)| {
            ((i128::from(last) - i128::from(first)) / i128::from(width)) as u64 + 1
        };
        let span = |map: &ByStart| {
            map.first_key_value().zip(map.last_key_value()).map(|((first, _), (last, _))| (*first, *last))
        };
        let rows =
            self.groups.iter().filter_map(|(_, map)| span(map)).map(between).fold(0, u64::saturating_add);
        if rows > MOST_ROWS {
            return Err(self.too_many(rows));
        }
        // In the order of time, entities in the order in which they came.
        let mut order: Vec<(i64, usize)> = Vec::with_capacity(rows as usize);
        for (at, (_, map)) in self.groups.iter().enumerate() {
            let Some((first, last)) = span(map) else { continue };
            order.extend((0..between((first, last))).map(|n| (first + n as i64 * width, at)));
        }
        order.sort_unstable();
        let old = &source.description().schema.fields;
        let mut fields = vec![old[self.time].clone()];
        fields.extend(self.entities.iter().map(|&idx| Field { kind: Kind::Text, ..old[idx].clone() }));
        fields.extend(self.kept.iter().map(|(_, field, _)| field.clone()));
        let schema = Arc::new(Schema { fields });
        let frames = order
            .chunks(FRAME_ROWS)
            .map(|part| Frame::new(schema.clone(), self.columns(part)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| EngineError::Input(error.to_string()))?;
        let mut description = source.description().clone();
        description.schema = schema;
        let empty = rows - self.made;
        let mut text =
            format!("{} rows brought to {} at steps of {}", count(self.n_rows), count(rows), self.by);
        if empty > 0 {
            let _ = write!(text, ", {} of them without a row and missing", count(empty));
        }
        if self.without_time > 0 {
            let _ = write!(text, "; {} rows without a time are left out", count(self.without_time));
        }
        description.notes.push(Note { column: None, text });
        let stats = ReadStats { rows_read: rows, ..source.stats() };
        Ok(Resampled { description, stats, frames, next: 0 })
    }

    fn columns(&self, rows: &[(i64, usize)]) -> Vec<Column> {
        let mut out = vec![Column::Time(rows.iter().map(|(start, _)| *start).collect())];
        for at in 0..self.entities.len() {
            out.push(Column::Text(
                rows.iter().map(|(_, group)| self.groups[*group].0[at].as_str()).collect(),
            ));
        }
        for (at, (_, field, with)) in self.kept.iter().enumerate() {
            let cell =
                |&(start, group): &(i64, usize)| self.groups[group].1.get(&start).map(|cells| &cells[at]);
            out.push(if field.kind == Kind::Text {
                let text = |row: &(i64, usize)| match cell(row) {
                    Some(Cell::Text(text)) => text.as_str(),
                    _ => "",
                };
                Column::Text(rows.iter().map(text).collect::<TextColumn>())
            } else {
                let number = |row: &(i64, usize)| match cell(row) {
                    Some(Cell::Number(bucket)) => bucket.value(*with),
                    _ => Bucket::default().value(*with),
                };
                Column::Float(rows.iter().map(number).collect())
            });
        }
        out
    }
}

/// The last text, but for labels: the first that is no normal one.
fn hold(held: &mut String, text: &str, role: Role) {
    let keep = text.is_empty() || (role == Role::Label && !held.is_empty() && !is_normal_label(held));
    if !keep {
        text.clone_into(held);
    }
}

/// Rows at even steps, in memory.
struct Resampled {
    description: Description,
    stats: ReadStats,
    frames: Vec<Frame>,
    next: usize,
}

impl Source for Resampled {
    fn description(&self) -> &Description {
        &self.description
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        let frame = self.frames.get(self.next).cloned();
        self.next += 1;
        Ok(frame)
    }

    fn stats(&self) -> ReadStats {
        self.stats.clone()
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.next = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eddy_io::{ReadOptions, open_bytes};

    fn frame(csv: &str, by: &str) -> Result<(Frame, String), EngineError> {
        let source = open_bytes("made.csv", csv.as_bytes().to_vec(), &ReadOptions::default()).unwrap();
        let mut source = resampled(source, Some(by.parse().unwrap()))?;
        let frame = source.next_frame()?.unwrap();
        assert!(source.next_frame()?.is_none());
        let note = source.description().notes.last().unwrap().text.clone();
        Ok((frame, note))
    }

    const TWO: &str = "time,host,load\n2024-01-01 00:00:10,a,1.5\n2024-01-01 00:00:50,a,2.5\n2024-01-01 00:03:20,a,7\n\
        2024-01-01 00:00:20,b,10\n2024-01-01 00:01:20,b,20\n2024-01-01 00:01:10,b,30\n";

    #[test]
    fn buckets_are_by_entity_and_empty_ones_missing() {
        let (got, note) = frame(TWO, "1m").unwrap();
        let load: Vec<String> = (0..got.n_rows()).map(|row| got.column(2).number(row).to_string()).collect();
        assert_eq!(load, ["2", "10", "NaN", "25", "NaN", "7"]);
        let host = got.column(1).as_text().unwrap();
        assert_eq!(host.iter().collect::<Vec<_>>(), ["a", "b", "a", "b", "a", "a"]);
        assert_eq!(note, "6 rows brought to 6 at steps of 1m:mean, 2 of them without a row and missing");
    }

    #[test]
    fn every_aggregate_is_applied() {
        for (by, expect) in
            [("1m:sum", 50.0), ("1m:max", 30.0), ("1m:min", 20.0), ("1m:last", 20.0), ("1m:count", 2.0)]
        {
            assert_eq!(frame(TWO, by).unwrap().0.column(2).number(3), expect, "{by}");
        }
        assert_eq!(frame(TWO, "1m:count").unwrap().0.column(2).number(2), 0.0);
    }

    #[test]
    fn what_cannot_be_resampled_is_refused_with_advice() {
        let refusal = |csv: &str, by: &str| frame(csv, by).err().unwrap().to_string();
        assert!(refusal("a,b\n1,2\n3,4\n", "1m").contains("--time"));
        let far = "time,load\n1990-01-01 00:00:00,1\n2024-01-01 00:00:00,2\n2024-01-01 00:00:01,3\n";
        assert!(refusal(far, "1s").contains("far off"));
    }
}
