//! Arrow record batches to columns, for Parquet and Arrow IPC.
//!
//! | Arrow | here |
//! |---|---|
//! | whole numbers, floats, decimals | float; 64-bit whole numbers beyond 2^53 make the column an integer one |
//! | booleans | 0 and 1 |
//! | texts, binaries, dictionaries of them | text |
//! | timestamps, dates | time in UTC; without a zone they are taken as UTC |
//! | time of day | time, seconds since midnight |
//! | durations | float, in seconds |
//! | structs | their members, flattened with dots |
//! | lists, maps, unions, intervals | text |
//! | null | text, all missing |

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Float64Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, Fields, Schema, TimeUnit};
use eddy_frame::{Column, Kind, Lines, MISSING_INT, MISSING_TIME, NANOS_PER_SECOND, TextColumn, TimeStyle};

use crate::encoding::decode;
use crate::guard::guarded;
use crate::place::Place;
use crate::raw::{RawBatch, RawColumn, RawSource, RawTable, SAMPLE_ROWS, Tally, Target, most_rows};
use crate::{Note, ReadError, ReadOptions, ReadStats};

/// Whole numbers beyond this are no floats.
pub(crate) const EXACT: i128 = 1 << 53;
/// Structs within structs deeper than this are kept as text.
const MAX_DEPTH: usize = 16;

/// Most columns, with those within structs.
const MAX_COLUMNS: usize = 1 << 16;
/// Most bytes of all their names: columns within structs repeat the names around them.
const MAX_NAMES: usize = 16 << 20;

/// A file of record batches, open at its first.
pub(crate) trait Batches: Send {
    /// The next batch, or nothing at the end; the error is what is wrong with it.
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, String>;

    /// Bytes read so far.
    fn bytes_read(&self) -> u64;
}

/// A format of record batches.
pub(crate) trait BatchFormat: Send {
    /// The name of the format.
    fn name(&self) -> &'static str;

    /// The columns.
    fn schema(&self) -> &Schema;

    /// The smallest and the largest of a column of whole numbers, where the file says so. Structs are part of `path`.
    fn range(&self, path: &str) -> Option<(i128, i128)>;

    /// Starts at the first row. `batch_rows` is how many rows a batch should have, if the format has a choice.
    fn batches(&self, batch_rows: usize) -> Result<Box<dyn Batches>, String>;
}

/// The error for a damaged file.
pub(crate) fn damaged(place: &Place, at: impl Into<String>, what: impl Into<String>) -> ReadError {
    ReadError::Malformed {
        path: place.name().to_string(),
        place: at.into(),
        what: what.into(),
        mend: "the file is damaged or cut short; fetch or write it again".to_owned(),
    }
}

/// How one column is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// A number, by cast.
    Float,
    /// A 64-bit whole number, kept as such.
    Int,
    /// Nanoseconds in a unit of a duration.
    Duration(i64),
    /// Nanoseconds in a unit of a time.
    Time(i64),
    /// Text as it is.
    Text,
    /// Text made for people.
    Shown,
    /// Nothing but missing values.
    Nothing,
}

#[derive(Debug, Clone)]
struct Step {
    name: String,
    /// Positions in the batch and in the structs within.
    path: Vec<usize>,
    how: How,
    style: TimeStyle,
    unit: Option<&'static str>,
    /// Whether it is of 64-bit whole numbers.
    wide: bool,
}

impl Step {
    fn raw(&self) -> RawColumn {
        let kind = match self.how {
            How::Float | How::Duration(_) => Kind::Float,
            How::Int => Kind::Int,
            How::Time(_) => Kind::Time,
            How::Text | How::Shown | How::Nothing => Kind::Text,
        };
        RawColumn {
            time_style: self.style,
            unit: self.unit.map(ToOwned::to_owned),
            ..RawColumn::new(self.name.as_str(), kind)
        }
    }
}

/// A table of record batches.
pub(crate) struct ArrowTable {
    place: Place,
    format: Box<dyn BatchFormat>,
    steps: Vec<Step>,
    table: RawTable,
    batch_rows: usize,
    shown: usize,
    batches: Option<Box<dyn Batches>>,
    /// The batch at hand, and how many of its rows are handed out.
    current: Option<(RecordBatch, usize)>,
    n_batches: u64,
    tally: Tally,
    refused: Vec<u64>,
    /// Whole numbers that were rounded, per column.
    rounded: Vec<u64>,
}

impl ArrowTable {
    /// A table that begins at its first row.
    pub(crate) fn open(
        place: &Place,
        format: Box<dyn BatchFormat>,
        options: &ReadOptions,
    ) -> Result<Self, ReadError> {
        let mut flat = Flat::default();
        let fits = flat.add(format.schema().fields(), "");
        let Flat { steps, notes, .. } = flat;
        if steps.is_empty() {
            return Err(damaged(place, "its schema", "it has no columns"));
        }
        if !fits {
            return Err(ReadError::NotATable {
                path: place.name().to_string(),
                what: format!("it has more than {MAX_COLUMNS} columns, or {} MiB of names", MAX_NAMES >> 20),
                mend: "write the columns that matter to a file of their own".to_owned(),
            });
        }
        let mut table = Self {
            place: place.clone(),
            batch_rows: most_rows(options.batch_rows, steps.len()),
            shown: options.shown,
            batches: None,
            current: None,
            n_batches: 0,
            tally: Tally::new(options.shown),
            refused: vec![0; steps.len()],
            rounded: vec![0; steps.len()],
            steps,
            table: RawTable {
                format: format.name().to_owned(),
                named: true,
                bytes: place.stored_bytes(),
                notes,
                ..RawTable::default()
            },
            format,
        };
        table.sample()?;
        RawSource::rewind(&mut table)?;
        Ok(table)
    }

    /// Reads the first rows, and decides which whole numbers are too wide for floats.
    fn sample(&mut self) -> Result<(), ReadError> {
        let sample_rows = most_rows(SAMPLE_ROWS, self.steps.len());
        let mut batches = self.start(sample_rows)?;
        let mut sampled: Vec<RecordBatch> = Vec::new();
        let mut n_rows = 0;
        while n_rows < sample_rows && sampled.len() < 64 {
            let Some(batch) = self.next_of(&mut *batches)? else { break };
            n_rows += batch.num_rows();
            sampled.push(batch);
        }
        for idx in 0..self.steps.len() {
            let Some(step) = self.steps.get(idx).filter(|step| step.wide) else { continue };
            let range = self.format.range(&step.name).or_else(|| {
                sampled
                    .iter()
                    .filter_map(|batch| guarded(|| Ok(range_of(&leaf(batch, step)?))).ok().flatten())
                    .reduce(|(low, high), (other_low, other_high)| (low.min(other_low), high.max(other_high)))
            });
            let Some((low, high)) = range.filter(|(low, high)| *low < -EXACT || *high > EXACT) else {
                continue;
            };
            let name = step.name.clone();
            let fits = low > i128::from(MISSING_INT) && high <= i128::from(i64::MAX);
            if let Some(step) = self.steps.get_mut(idx).filter(|_| fits) {
                step.how = How::Int;
            } else {
                let text =
                    "it has whole numbers beyond 64 bits with sign; they are rounded to 53 bits".to_owned();
                self.table.notes.push(Note { column: Some(name), text });
            }
        }
        self.table.columns = self.steps.iter().map(Step::raw).collect();
        let mut columns: Vec<Column> =
            self.table.columns.iter().map(|column| Column::empty(column.kind)).collect();
        let mut room = sample_rows;
        for batch in &sampled {
            let batch = batch.slice(0, batch.num_rows().min(room));
            room -= batch.num_rows();
            let converted = self.convert(&batch)?;
            columns.iter_mut().zip(&converted).for_each(|(to, from)| to.append(from));
        }
        self.table.contiguous = sample_rows - room;
        self.table.sample = columns;
        Ok(())
    }

    fn start(&self, batch_rows: usize) -> Result<Box<dyn Batches>, ReadError> {
        guarded(|| self.format.batches(batch_rows))
            .map_err(|what| damaged(&self.place, "its first rows", what))
    }

    /// The next batch that has rows.
    fn next_of(&self, batches: &mut dyn Batches) -> Result<Option<RecordBatch>, ReadError> {
        let n_fields = self.format.schema().fields().len();
        loop {
            let at = || format!("after row {}", self.tally.stats.rows_read);
            match guarded(|| batches.next_batch()).map_err(|what| damaged(&self.place, at(), what))? {
                Some(batch) if batch.num_columns() != n_fields => {
                    return Err(damaged(
                        &self.place,
                        at(),
                        "a batch of rows has other columns than the schema",
                    ));
                }
                Some(batch) if batch.num_rows() == 0 => {}
                batch => return Ok(batch),
            }
        }
    }

    fn convert(&mut self, batch: &RecordBatch) -> Result<Vec<Column>, ReadError> {
        let mut columns = Vec::with_capacity(self.steps.len());
        for (idx, step) in self.steps.iter().enumerate() {
            let (column, lost) = guarded(|| column(batch, step)).map_err(|what| {
                damaged(&self.place, format!("column '{}', batch {}", step.name, self.n_batches), what)
            })?;
            let counts = if step.how == How::Float { &mut self.rounded } else { &mut self.refused };
            if let Some(count) = counts.get_mut(idx) {
                *count += lost;
            }
            if lost > 0 && step.how != How::Float {
                let reason = format!("{lost} values are out of range; taken as missing");
                self.tally.cell(self.place.name(), None, &step.name, reason, "");
                self.tally.stats.cells_set_aside += lost - 1;
            }
            columns.push(column);
        }
        Ok(columns)
    }
}

impl RawSource for ArrowTable {
    fn table(&self) -> &RawTable {
        &self.table
    }

    fn next_batch(&mut self, _targets: &[Target]) -> Result<Option<RawBatch>, ReadError> {
        if self.current.is_none() {
            let mut batches = match self.batches.take() {
                Some(batches) => batches,
                None => self.start(self.batch_rows)?,
            };
            let Some(batch) = self.next_of(&mut *batches)? else {
                self.tally.stats.bytes_read = batches.bytes_read();
                self.batches = Some(batches);
                return Ok(None);
            };
            self.tally.stats.bytes_read = batches.bytes_read();
            self.batches = Some(batches);
            self.n_batches += 1;
            self.current = Some((batch, 0));
        }
        let Some((batch, from)) = self.current.take() else { return Ok(None) };
        let length = self.batch_rows.min(batch.num_rows() - from);
        let columns = self.convert(&batch.slice(from, length))?;
        if from + length < batch.num_rows() {
            self.current = Some((batch, from + length));
        }
        Ok(Some(RawBatch { columns, lines: Lines::None }))
    }

    fn stats(&self) -> ReadStats {
        self.tally.stats.clone()
    }

    fn refused(&self) -> Vec<u64> {
        self.refused.clone()
    }

    fn doubts(&self) -> Vec<Note> {
        let rounded = self.steps.iter().zip(&self.rounded).filter(|(_, count)| **count > 0);
        rounded
            .map(|(step, count)| Note {
                column: Some(step.name.clone()),
                text: format!("{count} whole numbers beyond 2^53 were rounded"),
            })
            .collect()
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.batches = None;
        self.current = None;
        self.n_batches = 0;
        self.tally = Tally::new(self.shown);
        self.refused.fill(0);
        self.rounded.fill(0);
        Ok(())
    }
}

/// The columns that fields give.
#[derive(Default)]
struct Flat {
    steps: Vec<Step>,
    notes: Vec<Note>,
    /// Positions of the structs at hand, outermost first.
    path: Vec<usize>,
    /// Bytes of all names so far.
    name_bytes: usize,
}

impl Flat {
    /// Adds fields, those of structs with the names around them. False when there are too many.
    fn add(&mut self, fields: &Fields, prefix: &str) -> bool {
        fields.iter().enumerate().all(|(idx, field)| {
            let name =
                if prefix.is_empty() { field.name().clone() } else { format!("{prefix}.{}", field.name()) };
            self.name_bytes += name.len();
            if self.steps.len() >= MAX_COLUMNS || self.name_bytes > MAX_NAMES {
                return false;
            }
            self.path.push(idx);
            let fits = match field.data_type() {
                DataType::Struct(inner) if self.path.len() < MAX_DEPTH => self.add(inner, &name),
                data_type => {
                    let (how, style, unit) = how(data_type);
                    if how == How::Shown {
                        let text = format!("its values ({data_type}) are kept as text");
                        let text = text.chars().take(200).collect();
                        self.notes.push(Note { column: Some(name.clone()), text });
                    }
                    let wide = matches!(plain_type(data_type), DataType::Int64 | DataType::UInt64);
                    self.steps.push(Step { name, path: self.path.clone(), how, style, unit, wide });
                    true
                }
            };
            self.path.pop();
            fits
        })
    }
}

/// The type of the values of a dictionary, or the type itself.
fn plain_type(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => values,
        DataType::RunEndEncoded(_, values) => values.data_type(),
        other => other,
    }
}

fn nanos(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => NANOS_PER_SECOND,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

fn how(data_type: &DataType) -> (How, TimeStyle, Option<&'static str>) {
    use DataType as D;
    let plain = |how| (how, TimeStyle::default(), None);
    match plain_type(data_type) {
        number if number.is_numeric() || *number == D::Boolean => plain(How::Float),
        D::Utf8 | D::LargeUtf8 | D::Utf8View | D::Binary | D::LargeBinary | D::BinaryView => plain(How::Text),
        D::Timestamp(unit, _) => plain(How::Time(nanos(*unit))),
        D::Date32 => plain(How::Time(86_400 * NANOS_PER_SECOND)),
        D::Date64 => plain(How::Time(1_000_000)),
        D::Time32(unit) | D::Time64(unit) => (How::Time(nanos(*unit)), TimeStyle::RelativeSeconds, None),
        D::Duration(unit) => (How::Duration(nanos(*unit)), TimeStyle::default(), Some("s")),
        D::Null => plain(How::Nothing),
        _ => plain(How::Shown),
    }
}

/// The array of a step, of a plain type, with the missing values of the structs around it.
fn leaf(batch: &RecordBatch, step: &Step) -> Result<(ArrayRef, Option<NullBuffer>), String> {
    let gone = || "a column of the schema is missing".to_owned();
    let (first, rest) = step.path.split_first().ok_or_else(gone)?;
    let mut array = batch.columns().get(*first).ok_or_else(gone)?.clone();
    let mut nulls: Option<NullBuffer> = None;
    for idx in rest {
        let outer = array.as_struct_opt().ok_or_else(gone)?;
        nulls = NullBuffer::union(nulls.as_ref(), outer.nulls());
        let inner = outer.columns().get(*idx).ok_or_else(gone)?.clone();
        array = inner;
    }
    let data_type = array.data_type().clone();
    let plain = plain_type(&data_type);
    if *plain != data_type {
        array = arrow_cast::cast(&array, plain).map_err(|error| error.to_string())?;
    }
    nulls = NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref());
    Ok((array, nulls))
}

/// Smallest and largest of an array of 64-bit whole numbers.
fn range_of((array, nulls): &(ArrayRef, Option<NullBuffer>)) -> Option<(i128, i128)> {
    let is_null = |idx: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(idx));
    let mut range: Option<(i128, i128)> = None;
    let mut see = |idx: usize, value: i128| {
        if !is_null(idx) {
            range = Some(range.map_or((value, value), |(low, high)| (low.min(value), high.max(value))));
        }
    };
    if let Some(values) = array.as_primitive_opt::<Int64Type>() {
        values.values().iter().enumerate().for_each(|(idx, value)| see(idx, (*value).into()));
    } else if let Some(values) = array.as_primitive_opt::<UInt64Type>() {
        values.values().iter().enumerate().for_each(|(idx, value)| see(idx, (*value).into()));
    }
    range
}

/// The column of a step, and how many values were rounded (floats) or are out of range (others).
fn column(batch: &RecordBatch, step: &Step) -> Result<(Column, u64), String> {
    let n_rows = batch.num_rows();
    let found = leaf(batch, step)?;
    let (array, nulls) = (&found.0, &found.1);
    let is_null = |idx: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(idx));
    if array.len() != n_rows {
        return Err("its columns have different lengths".to_owned());
    }
    let other = || format!("a batch has values of type {} here", array.data_type());
    let mut lost = 0;
    let column = match step.how {
        How::Nothing => Column::Text(std::iter::repeat_n("", n_rows).collect()),
        How::Float => {
            if step.wide && range_of(&found).is_some_and(|(low, high)| low < -EXACT || high > EXACT) {
                lost = beyond(array, &is_null);
            }
            Column::Float(floats(array, &is_null)?)
        }
        How::Duration(unit) => {
            let values = wholes(array).ok_or_else(other)?;
            let seconds = |value: i64| value as f64 * (unit as f64 / NANOS_PER_SECOND as f64);
            let values = values.into_iter().enumerate();
            Column::Float(
                values.map(|(idx, value)| if is_null(idx) { f64::NAN } else { seconds(value) }).collect(),
            )
        }
        How::Int => Column::Int(if let Some(values) = array.as_primitive_opt::<UInt64Type>() {
            let signed = |(idx, value): (usize, &u64)| match i64::try_from(*value) {
                _ if is_null(idx) => MISSING_INT,
                Ok(value) => value,
                Err(_) => {
                    lost += 1;
                    MISSING_INT
                }
            };
            values.values().iter().enumerate().map(signed).collect()
        } else {
            let values = array.as_primitive_opt::<Int64Type>().ok_or_else(other)?.values().iter().enumerate();
            values.map(|(idx, value)| if is_null(idx) { MISSING_INT } else { *value }).collect()
        }),
        How::Time(unit) => {
            let values = wholes(array).ok_or_else(other)?.into_iter().enumerate();
            let time = |(idx, value): (usize, i64)| match value.checked_mul(unit) {
                _ if is_null(idx) => MISSING_TIME,
                Some(nanos) => nanos,
                None => {
                    lost += 1;
                    MISSING_TIME
                }
            };
            Column::Time(values.map(time).collect())
        }
        How::Text => Column::Text(texts(array, &is_null).ok_or_else(other)?),
        How::Shown => {
            let options = FormatOptions::default();
            let shown = ArrayFormatter::try_new(array, &options).map_err(|error| error.to_string())?;
            let mut texts = TextColumn::default();
            for idx in 0..n_rows {
                let text = if is_null(idx) {
                    String::new()
                } else {
                    shown.value(idx).try_to_string().map_err(|error| error.to_string())?
                };
                texts.push(&text);
            }
            Column::Text(texts)
        }
    };
    Ok((column, lost))
}

/// How many whole numbers no float holds.
fn beyond(array: &ArrayRef, is_null: &dyn Fn(usize) -> bool) -> u64 {
    let count = |values: &mut dyn Iterator<Item = i128>| {
        values.enumerate().filter(|(idx, value)| value.abs() > EXACT && !is_null(*idx)).count() as u64
    };
    if let Some(values) = array.as_primitive_opt::<Int64Type>() {
        count(&mut values.values().iter().map(|value| i128::from(*value)))
    } else if let Some(values) = array.as_primitive_opt::<UInt64Type>() {
        count(&mut values.values().iter().map(|value| i128::from(*value)))
    } else {
        0
    }
}

fn floats(array: &ArrayRef, is_null: &dyn Fn(usize) -> bool) -> Result<Vec<f64>, String> {
    let cast = arrow_cast::cast(array, &DataType::Float64).map_err(|error| error.to_string())?;
    let values = cast.as_primitive_opt::<Float64Type>().ok_or("a number is none")?;
    let mut floats = values.values().to_vec();
    if cast.null_count() > 0 || array.null_count() > 0 || (0..floats.len()).any(is_null) {
        for (idx, value) in floats.iter_mut().enumerate() {
            if is_null(idx) || cast.is_null(idx) {
                *value = f64::NAN;
            }
        }
    }
    Ok(floats)
}

/// The numbers behind times and durations.
fn wholes(array: &ArrayRef) -> Option<Vec<i64>> {
    fn of<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &ArrayRef) -> Option<Vec<i64>> {
        Some(array.as_primitive_opt::<T>()?.values().iter().map(|value| (*value).into()).collect())
    }
    match array.data_type() {
        DataType::Date32 => of::<Date32Type>(array),
        DataType::Date64 => of::<Date64Type>(array),
        DataType::Time32(TimeUnit::Second) => of::<Time32SecondType>(array),
        DataType::Time32(_) => of::<Time32MillisecondType>(array),
        DataType::Time64(TimeUnit::Microsecond) => of::<Time64MicrosecondType>(array),
        DataType::Time64(_) => of::<Time64NanosecondType>(array),
        _ => of::<Int64Type>(&arrow_cast::cast(array, &DataType::Int64).ok()?),
    }
}

fn texts(array: &ArrayRef, is_null: &dyn Fn(usize) -> bool) -> Option<TextColumn> {
    fn all<'a>(values: impl Iterator<Item = &'a [u8]>, is_null: &dyn Fn(usize) -> bool) -> TextColumn {
        let mut texts = TextColumn::default();
        for (idx, bytes) in values.enumerate() {
            if is_null(idx) { texts.push("") } else { texts.push(&decode(bytes).0) }
        }
        texts
    }
    let rows = 0..array.len();
    Some(match array.data_type() {
        DataType::Utf8 => {
            let array = array.as_string_opt::<i32>()?;
            all(rows.map(|idx| array.value(idx).as_bytes()), is_null)
        }
        DataType::LargeUtf8 => {
            let array = array.as_string_opt::<i64>()?;
            all(rows.map(|idx| array.value(idx).as_bytes()), is_null)
        }
        DataType::Utf8View => {
            let array = array.as_string_view_opt()?;
            all(rows.map(|idx| array.value(idx).as_bytes()), is_null)
        }
        DataType::Binary => {
            let array = array.as_binary_opt::<i32>()?;
            all(rows.map(|idx| array.value(idx)), is_null)
        }
        DataType::LargeBinary => {
            let array = array.as_binary_opt::<i64>()?;
            all(rows.map(|idx| array.value(idx)), is_null)
        }
        DataType::BinaryView => {
            let array = array.as_binary_view_opt()?;
            all(rows.map(|idx| array.value(idx)), is_null)
        }
        _ => return None,
    })
}
