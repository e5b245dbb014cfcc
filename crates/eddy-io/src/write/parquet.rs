//! Parquet.

use std::io::{Error, Result, Write};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow_schema::{DataType, Field as ArrowField, Schema as ArrowSchema, TimeUnit};
use eddy_frame::{Column, Frame, Kind, MISSING_INT, MISSING_TIME, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::Sink;

/// A row group is closed at this many rows ...
const GROUP_ROWS: usize = 1 << 18;
/// ... or bytes, whichever comes first: until then it is kept in memory.
const GROUP_BYTES: usize = 64 << 20;

/// Writes Parquet with zstd pages: numbers as doubles, wide integers as 64-bit integers, times as nanoseconds in UTC.
pub(super) struct Parquet {
    schema: Arc<ArrowSchema>,
    /// Made with the first rows. It writes to memory, which is emptied after every frame.
    writer: Option<ArrowWriter<Vec<u8>>>,
}

impl Parquet {
    /// A table of the given columns.
    pub(super) fn new(schema: &Schema) -> Self {
        let fields: Vec<ArrowField> = schema
            .fields
            .iter()
            .map(|field| {
                let data_type = match field.kind {
                    Kind::Float => DataType::Float64,
                    Kind::Int => DataType::Int64,
                    Kind::Text => DataType::Utf8,
                    Kind::Time => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
                };
                ArrowField::new(&*field.name, data_type, true)
            })
            .collect();
        Self { schema: Arc::new(ArrowSchema::new(fields)), writer: None }
    }

    fn writer(&mut self) -> Result<ArrowWriter<Vec<u8>>> {
        if let Some(writer) = self.writer.take() {
            return Ok(writer);
        }
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        ArrowWriter::try_new(Vec::new(), self.schema.clone(), Some(properties)).map_err(Error::other)
    }
}

impl Sink for Parquet {
    fn write(&mut self, frame: &Frame, out: &mut dyn Write) -> Result<()> {
        let mut writer = self.writer()?;
        let arrays = frame.columns().iter().map(array).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), arrays).map_err(Error::other)?;
        writer.write(&batch).map_err(Error::other)?;
        out.write_all(writer.inner())?;
        writer.inner_mut().clear();
        self.writer = Some(writer);
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Write) -> Result<()> {
        let bytes = self.writer()?.into_inner().map_err(Error::other)?;
        out.write_all(&bytes)
    }
}

fn array(column: &Column) -> ArrayRef {
    match column {
        Column::Float(values) => {
            Arc::new(values.iter().map(|value| (!value.is_nan()).then_some(*value)).collect::<Float64Array>())
        }
        Column::Int(values) => Arc::new(
            values.iter().map(|value| (*value != MISSING_INT).then_some(*value)).collect::<Int64Array>(),
        ),
        Column::Time(values) => Arc::new(
            values
                .iter()
                .map(|value| (*value != MISSING_TIME).then_some(*value))
                .collect::<TimestampNanosecondArray>()
                .with_timezone("UTC"),
        ),
        Column::Text(texts) => {
            Arc::new(texts.iter().map(|text| (!text.is_empty()).then_some(text)).collect::<StringArray>())
        }
    }
}
