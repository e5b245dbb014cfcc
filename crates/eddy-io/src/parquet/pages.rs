//! Where the decoder takes pages from.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;

use super::sizes::{Prefixes, are_at_most, page_header};

/// Bytes that hold the header of most pages.
const USUAL_HEADER: u64 = 8 << 10;
/// Most bytes of the header of a page: it may hold the smallest and the largest value.
const MAX_HEADER: u64 = 4 << 20;
/// A page of this many bytes may be packed however tightly.
const SMALL_PAGE: u64 = 64 << 20;
/// Most bytes unpacked that a byte of a larger page stands for; gzip reaches 1032.
const MAX_RATIO: u64 = 1100;
/// Most texts in a page of a delta encoding.
const MAX_TEXTS: u64 = 1 << 26;
/// Numbers of the encodings DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY.
const DELTA_TEXTS: [u64; 2] = [6, 7];

/// A file of which the decoder gets no page that contradicts itself in what it goes round for, or reserves memory for:
/// the lists and sizes in headers, and the number of texts that stands at the beginning of delta-encoded ones.
///
/// That number is inside of what may be packed, so columns that have such pages are unpacked once more.
pub(super) struct Pages {
    file: File,
    length: u64,
    metadata: Arc<ParquetMetaData>,
    /// End, row group and column of each column chunk, by its start.
    chunks: Arc<BTreeMap<u64, (u64, usize, usize)>>,
    checked: Checked,
}

/// Which column chunks had their delta-encoded texts looked at.
enum Checked {
    /// Those that begin here.
    Chunks(Mutex<HashSet<u64>>),
    /// That is being done.
    Now,
}

impl Pages {
    pub(super) fn new(
        file: File,
        length: u64,
        metadata: &Arc<ParquetMetaData>,
    ) -> std::result::Result<Self, String> {
        let mut chunks = BTreeMap::new();
        for (group_idx, group) in metadata.row_groups().iter().enumerate() {
            for (idx, column) in group.columns().iter().enumerate() {
                let (start, size) = column.byte_range();
                if size > 0 {
                    chunks.insert(start, (start.saturating_add(size), group_idx, idx));
                }
            }
        }
        let ends = chunks.values().map(|(end, ..)| *end);
        if ends.zip(chunks.keys().skip(1)).any(|(end, next)| end > *next) {
            return Err("columns overlap".to_owned());
        }
        let checked = Checked::Chunks(Mutex::default());
        Ok(Self { file, length, metadata: metadata.clone(), chunks: Arc::new(chunks), checked })
    }

    fn at(&self, start: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Looks at all delta-encoded texts of the column chunk at `offset`, unless that was done.
    fn check_texts(&self, offset: u64) -> Result<()> {
        let Checked::Chunks(checked) = &self.checked else { return Ok(()) };
        let strange = || ParquetError::General(format!("the page at byte {offset} is in no column"));
        let (start, (end, group_idx, idx)) = self.chunks.range(..=offset).next_back().ok_or_else(strange)?;
        if offset >= *end {
            return Err(strange());
        }
        if !checked.lock().unwrap_or_else(PoisonError::into_inner).insert(*start) {
            return Ok(());
        }
        let group = self.metadata.row_groups().get(*group_idx).ok_or_else(strange)?;
        let column = group.columns().get(*idx).ok_or_else(strange)?;
        let pages = Self {
            file: self.file.try_clone()?,
            length: self.length,
            metadata: self.metadata.clone(),
            chunks: self.chunks.clone(),
            checked: Checked::Now,
        };
        let n_rows = usize::try_from(group.num_rows()).map_err(|_| strange())?;
        let mut pages = SerializedPageReader::new(Arc::new(pages), column, n_rows, None)?;
        while let Some(page) = pages.get_next_page()? {
            let prefixes = match page.encoding() {
                Encoding::DELTA_LENGTH_BYTE_ARRAY => Prefixes::None,
                Encoding::DELTA_BYTE_ARRAY => Prefixes::Shared,
                _ => continue,
            };
            let most = u64::from(page.num_values()).min(MAX_TEXTS);
            if !values(&page, column).is_some_and(|values| are_at_most(most, values, prefixes)) {
                return Err(ParquetError::General("a page says that it has more texts than fit".to_owned()));
            }
        }
        Ok(())
    }
}

/// The bytes of a page behind its levels.
fn values<'a>(page: &'a Page, column: &ColumnChunkMetaData) -> Option<&'a [u8]> {
    match page {
        Page::DataPage { buf, num_values, def_level_encoding, rep_level_encoding, .. } => {
            let described = column.column_descr();
            let levels = [
                (described.max_rep_level(), *rep_level_encoding),
                (described.max_def_level(), *def_level_encoding),
            ];
            let mut rest: &[u8] = buf;
            for (most, encoding) in levels.into_iter().filter(|(most, _)| *most > 0) {
                let length = if encoding == Encoding::RLE {
                    let (length, behind) = rest.split_first_chunk::<4>()?;
                    rest = behind;
                    u32::from_le_bytes(*length) as usize
                } else {
                    // Packed bits, as many as the largest level has.
                    let bits = 16 - most.leading_zeros() as usize;
                    (*num_values as usize).checked_mul(bits)?.div_ceil(8)
                };
                rest = rest.get(length..)?;
            }
            Some(rest)
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            buf.get((*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize)?..)
        }
        Page::DictionaryPage { .. } => None,
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Pages {
    type T = Cursor<Vec<u8>>;

    /// The header of the page at `start`: this is the only thing that is asked for without a length.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let refused = |what: String| ParquetError::General(format!("the page at byte {start} {what}"));
        for length in [USUAL_HEADER, MAX_HEADER] {
            let mut bytes = self.at(start, length)?;
            let Some(header) = page_header(&bytes) else { continue };
            if header.unpacked > SMALL_PAGE && header.unpacked / MAX_RATIO > header.packed {
                return Err(refused(format!(
                    "says that its {} bytes are {} unpacked",
                    header.packed, header.unpacked
                )));
            }
            if header.encoding.is_some_and(|encoding| DELTA_TEXTS.contains(&encoding)) {
                self.check_texts(start)?;
            }
            bytes.truncate(header.length);
            return Ok(Cursor::new(bytes));
        }
        Err(refused("has a header whose sizes contradict its length".to_owned()))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let bytes = self.at(start, length as u64)?;
        if bytes.len() == length {
            Ok(bytes.into())
        } else {
            Err(ParquetError::EOF(format!("{length} bytes at byte {start} are more than the file has")))
        }
    }
}
