//! One source over one input or several: kinds converted, roles assigned, columns put in the first input's order.

use std::sync::Arc;

use eddy_frame::{Column, Frame};

use crate::convert::{Origin, convert};
use crate::place::Place;
use crate::raw::{RawBatch, RawSource, RawTable, Tally, Target};
use crate::roles::{Plan, plan};
use crate::{Description, Note, ReadError, ReadOptions, ReadStats, Source, sniff};

/// Inputs whose columns are compared before anything is read; later ones are compared when their turn comes.
const COMPARED: usize = 64;
/// Rows of each further input that join the sample.
const JOINED_ROWS: usize = 512;

/// A source over inputs of the same columns.
pub(crate) struct Table {
    places: Vec<Place>,
    options: ReadOptions,
    description: Description,
    targets: Vec<Target>,
    /// The names in the first input, as written.
    names: Vec<String>,
    /// The input being read.
    at: usize,
    current: Option<Part>,
    first_row: u64,
    /// Counts of inputs read to their end, and of conversions.
    tally: Tally,
    /// Cells of the current input set aside in conversion, per column.
    refused: Vec<u64>,
}

/// An open input.
struct Part {
    raw: Box<dyn RawSource>,
    /// For each column of the table, its position in this input; none when the order is the same.
    order: Option<Vec<usize>>,
    /// Targets in this input's order.
    targets: Vec<Target>,
}

impl Table {
    /// Opens the inputs.
    pub(crate) fn open(places: Vec<Place>, options: &ReadOptions) -> Result<Self, ReadError> {
        let Some(first) = places.first() else {
            return Err(ReadError::Nothing("no input is named".to_owned()));
        };
        let raw = sniff::open(first, options)?;
        let path = first.name().to_string();
        let mut table = raw.table().clone();
        for place in places.iter().skip(1).take(COMPARED) {
            let other = sniff::open(place, options)?;
            let order = order_of(&table, other.table(), &path, place.name())?;
            join_sample(&mut table, other.table(), order.as_deref());
        }
        let Plan { schema, targets, shape, notes } = plan(&path, &table, &options.overrides)?;
        let bytes = places.iter().map(Place::stored_bytes).sum();
        let description = Description {
            sources: places.iter().map(|place| place.name().to_string()).collect(),
            bytes,
            format: table.format.clone(),
            shape,
            schema,
            notes,
        };
        let names = table.columns.iter().map(|column| column.name.clone()).collect();
        let current = Some(Part { raw, order: None, targets: targets.clone() });
        let refused = vec![0; targets.len()];
        let tally = Tally::new(options.shown);
        let options = options.clone();
        Ok(Self {
            places,
            options,
            description,
            targets,
            names,
            at: 0,
            current,
            first_row: 0,
            tally,
            refused,
        })
    }

    /// The input at hand, opened if need be.
    fn part(&mut self) -> Result<Option<Part>, ReadError> {
        if let Some(part) = self.current.take() {
            return Ok(Some(part));
        }
        let Some(place) = self.places.get(self.at) else { return Ok(None) };
        let raw = sniff::open(place, &self.options)?;
        let first = self.places.first().map(|place| place.name().to_string()).unwrap_or_default();
        let order = order_of_names(&self.names, raw.table(), &first, place.name())?;
        let mut targets = self.targets.clone();
        if let Some(order) = &order {
            for (target, at) in self.targets.iter().zip(order) {
                if let Some(slot) = targets.get_mut(*at) {
                    slot.clone_from(target);
                }
            }
        }
        Ok(Some(Part { raw, order, targets }))
    }

    fn frame(&mut self, part: &Part, batch: RawBatch) -> Result<Frame, ReadError> {
        let source = self.places.get(self.at).map_or_else(|| Arc::from(""), |place| place.name().clone());
        let origin = Origin { source: &source, lines: &batch.lines };
        let mut columns: Vec<Column> = Vec::with_capacity(batch.columns.len());
        for (idx, (column, target)) in batch.columns.into_iter().zip(&part.targets).enumerate() {
            let (column, refused) = convert(column, target, &origin, &mut self.tally);
            if let Some(count) = self.refused.get_mut(idx) {
                *count += refused;
            }
            columns.push(column);
        }
        if let Some(order) = &part.order {
            let mut slots: Vec<Option<Column>> = columns.into_iter().map(Some).collect();
            columns = order.iter().filter_map(|at| slots.get_mut(*at).and_then(Option::take)).collect();
        }
        let mut frame =
            Frame::new(self.description.schema.clone(), columns).map_err(|error| ReadError::Malformed {
                path: source.to_string(),
                place: format!("column '{}'", error.column),
                what: error.to_string(),
                mend: "convert the file to CSV or Parquet with one value per column and row".to_owned(),
            })?;
        frame.first_row = self.first_row;
        frame.lines = batch.lines;
        frame.source = Some(source);
        self.first_row += frame.n_rows() as u64;
        self.tally.stats.rows_read += frame.n_rows() as u64;
        Ok(frame)
    }

    /// Takes over the counts of an input read to its end.
    fn close(&mut self, part: &Part) {
        self.tally.add(&part.raw.stats());
        let mut counts = part.raw.refused();
        counts.resize(self.refused.len(), 0);
        for (count, converted) in counts.iter_mut().zip(&mut self.refused) {
            *count += std::mem::take(converted);
        }
        let rows = self.tally.stats.rows_read;
        let mut notes = part.raw.doubts();
        for (count, target) in counts.iter().zip(&part.targets) {
            if *count > 100.max(rows / 1000) {
                let text = format!(
                    "{count} values are not of the kind its sample had and count as missing; leave the column out with --ignore, or take it as text with --entity"
                );
                notes.push(Note { column: Some(target.name.clone()), text });
            }
        }
        for note in notes {
            if !self.description.notes.contains(&note) {
                self.description.notes.push(note);
            }
        }
    }
}

impl Source for Table {
    fn description(&self) -> &Description {
        &self.description
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        while let Some(mut part) = self.part()? {
            if let Some(batch) = part.raw.next_batch(&part.targets)? {
                let frame = self.frame(&part, batch)?;
                self.current = Some(part);
                return Ok(Some(frame));
            }
            self.close(&part);
            self.at += 1;
        }
        Ok(None)
    }

    fn stats(&self) -> ReadStats {
        let mut tally = self.tally.clone();
        if let Some(part) = &self.current {
            tally.add(&part.raw.stats());
        }
        tally.stats
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        let first = self.at == 0;
        self.at = 0;
        self.first_row = 0;
        self.tally = Tally::new(self.options.shown);
        self.refused.fill(0);
        match &mut self.current {
            Some(part) if first => part.raw.rewind()?,
            current => *current = None,
        }
        Ok(())
    }
}

fn order_of(
    table: &RawTable,
    other: &RawTable,
    first: &str,
    path: &str,
) -> Result<Option<Vec<usize>>, ReadError> {
    let names: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    order_of_names(&names, other, first, path)
}

/// Where the columns called `names` are in `other`; none when they are in the same order.
fn order_of_names(
    names: &[String],
    other: &RawTable,
    first: &str,
    path: &str,
) -> Result<Option<Vec<usize>>, ReadError> {
    let mismatch = |difference: String| {
        Err(ReadError::Mismatch { path: path.to_owned(), first: first.to_owned(), difference })
    };
    let same = |a: &str, b: &str| a.trim() == b.trim();
    let others: Vec<&str> = other.columns.iter().map(|column| column.name.as_str()).collect();
    if names.len() == others.len() && names.iter().zip(&others).all(|(a, b)| same(a, b)) {
        return Ok(None);
    }
    let missing: Vec<&str> =
        names.iter().map(|name| name.trim()).filter(|name| !others.iter().any(|b| same(name, b))).collect();
    let extra: Vec<&str> =
        others.iter().map(|name| name.trim()).filter(|name| !names.iter().any(|a| same(a, name))).collect();
    if names.len() != others.len() && missing.is_empty() && extra.is_empty() {
        return mismatch(format!("{} columns instead of {}", others.len(), names.len()));
    }
    if !missing.is_empty() || !extra.is_empty() {
        let some = |names: &[&str]| {
            names.iter().take(5).map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ")
        };
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("it lacks {}", some(&missing)));
        }
        if !extra.is_empty() {
            parts.push(format!("it has {} besides", some(&extra)));
        }
        return mismatch(parts.join(", "));
    }
    let mut taken = vec![false; others.len()];
    let order: Vec<usize> = names
        .iter()
        .filter_map(|name| {
            let at = others.iter().zip(&taken).position(|(b, taken)| !taken && same(name, b))?;
            *taken.get_mut(at)? = true;
            Some(at)
        })
        .collect();
    if order.len() != others.len() {
        return mismatch("a name occurs more often".to_owned());
    }
    Ok(Some(order))
}

/// Appends the first rows of another input to the sample, so that a column empty in the first is judged by the others.
fn join_sample(table: &mut RawTable, other: &RawTable, order: Option<&[usize]>) {
    for (idx, column) in table.sample.iter_mut().enumerate() {
        let at = order.map_or(Some(idx), |order| order.get(idx).copied());
        if let Some(more) = at.and_then(|at| other.sample.get(at))
            && more.kind() == column.kind()
        {
            column.append(&more.slice(0, more.len().min(JOINED_ROWS)));
        }
    }
}
