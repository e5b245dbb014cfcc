//! Parquet.
//!
//! The sizes in the footer and in the headers of pages are checked before the decoder allocates what they ask for
//! ([`sizes`]). Whether 64-bit whole numbers
//! fit floats is told from the statistics of the row groups, where there are any, else from the sample.

mod pages;
mod sizes;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{Compression, LogicalType};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use self::pages::Pages;
use crate::from_arrow::{ArrowTable, BatchFormat, Batches, damaged};
use crate::guard::guarded;
use crate::place::Place;
use crate::raw::RawSource;
use crate::{ReadError, ReadOptions};

/// The first and the last bytes of a file.
const MAGIC: &[u8; 4] = b"PAR1";
/// A longer footer is none.
const MAX_FOOTER: u64 = 256 << 20;

/// Whether bytes are Parquet, by their beginning.
pub(crate) fn is(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Opens Parquet.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    let mut file = place.seekable()?;
    check_footer(&mut file).map_err(|what| damaged(place, "its footer", what))?;
    let length = file.metadata().map(|metadata| metadata.len()).map_err(|source| place.error(source))?;
    let metadata = guarded(|| {
        let metadata =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| error.to_string())?;
        check_places(metadata.metadata(), length)?;
        Ok(metadata)
    })
    .map_err(|what| damaged(place, "its footer", what))?;
    if let Some(codec) = unknown_codec(metadata.metadata()) {
        return Err(ReadError::NotATable {
            path: place.name().to_string(),
            what: format!("this is Parquet packed with {codec}, which is not read"),
            mend: "write it with zstd or snappy compression".to_owned(),
        });
    }
    let format = ParquetFile { file, length, schema: metadata.schema().as_ref().clone(), metadata };
    Ok(Box::new(ArrowTable::open(place, Box::new(format), options)?))
}

/// Checks that the footer is there and that the sizes it declares fit into it.
fn check_footer(file: &mut File) -> Result<(), String> {
    let io = |error: std::io::Error| error.to_string();
    let length = file.seek(SeekFrom::End(0)).map_err(io)?;
    let mut tail = [0_u8; 8];
    file.seek(SeekFrom::Start(length.saturating_sub(8))).map_err(io)?;
    file.read_exact(&mut tail).map_err(|_| "the file has hardly any bytes".to_owned())?;
    let [a, b, c, d, magic @ ..] = tail;
    if &magic == b"PARE" {
        return Err("it is encrypted".to_owned());
    }
    if &magic != MAGIC {
        return Err("the file does not end as Parquet does".to_owned());
    }
    let footer_length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if footer_length > length.saturating_sub(12) || footer_length > MAX_FOOTER {
        return Err(format!("it is said to have {footer_length} bytes in a file of {length}"));
    }
    let mut footer = Vec::new();
    file.seek(SeekFrom::Start(length - 8 - footer_length)).map_err(io)?;
    file.take(footer_length).read_to_end(&mut footer).map_err(io)?;
    if sizes::is_sound(&footer) { Ok(()) } else { Err("the sizes in it contradict its length".to_owned()) }
}

/// Checks that every column chunk lies within the file.
fn check_places(metadata: &ParquetMetaData, length: u64) -> Result<(), String> {
    for (idx, group) in metadata.row_groups().iter().enumerate() {
        let within = group.columns().iter().all(|chunk| {
            let (start, size) = chunk.byte_range();
            start.checked_add(size).is_some_and(|end| end <= length)
        });
        if !within || group.num_rows() < 0 {
            return Err(format!("row group {idx} lies outside of the file"));
        }
    }
    Ok(())
}

/// A packing that the decoder lacks, if any column has it.
fn unknown_codec(metadata: &ParquetMetaData) -> Option<String> {
    let groups = metadata.row_groups().iter();
    let codec = groups.flat_map(RowGroupMetaData::columns).find_map(|chunk| match chunk.compression() {
        codec @ (Compression::BROTLI(_) | Compression::LZO) => Some(codec),
        _ => None,
    })?;
    Some(if codec == Compression::LZO { "LZO" } else { "Brotli" }.to_owned())
}

struct ParquetFile {
    file: File,
    length: u64,
    metadata: ArrowReaderMetadata,
    schema: Schema,
}

impl BatchFormat for ParquetFile {
    fn name(&self) -> &'static str {
        "Parquet"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn range(&self, path: &str) -> Option<(i128, i128)> {
        let metadata = self.metadata.metadata();
        let columns = metadata.file_metadata().schema_descr().columns();
        let idx = columns.iter().position(|column| column.path().parts().join(".") == path)?;
        let logical = columns.get(idx)?.logical_type_ref();
        let unsigned = matches!(logical, Some(LogicalType::Integer(whole)) if !whole.is_signed);
        let whole = |value: i64| if unsigned { i128::from(value as u64) } else { i128::from(value) };
        let mut range: Option<(i128, i128)> = None;
        for group in metadata.row_groups() {
            let Statistics::Int64(statistics) = group.columns().get(idx)?.statistics()? else { return None };
            let (low, high) = (whole(*statistics.min_opt()?), whole(*statistics.max_opt()?));
            range = Some(range.map_or((low, high), |(least, most)| (least.min(low), most.max(high))));
        }
        range
    }

    fn batches(&self, batch_rows: usize) -> Result<Box<dyn Batches>, String> {
        let file = self.file.try_clone().map_err(|error| error.to_string())?;
        let file = Pages::new(file, self.length, self.metadata.metadata())?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_batch_size(batch_rows)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Box::new(Rows { reader, bytes_read: 0 }))
    }
}

struct Rows {
    reader: ParquetRecordBatchReader,
    bytes_read: u64,
}

impl Batches for Rows {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, String> {
        let batch = self.reader.next().transpose().map_err(|error| error.to_string())?;
        self.bytes_read += batch.as_ref().map_or(0, |batch| batch.get_array_memory_size() as u64);
        Ok(batch)
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}
