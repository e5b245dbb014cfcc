//! Where the decoder takes pages from.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use super::sizes::page_header;

/// Bytes that hold the header of most pages.
const USUAL_HEADER: u64 = 8 << 10;
/// Most bytes of the header of a page: it may hold the smallest and the largest value.
const MAX_HEADER: u64 = 4 << 20;
/// A page of this many bytes may be packed however tightly.
const SMALL_PAGE: u64 = 64 << 20;
/// Most bytes unpacked that a byte of a larger page stands for; gzip reaches 1032.
const MAX_RATIO: u64 = 1100;

/// A file of which the decoder gets no page whose header contradicts itself: it goes round for as long, and reserves as
/// much memory, as a header says.
pub(super) struct Pages {
    pub(super) file: File,
    pub(super) length: u64,
}

impl Pages {
    fn at(&self, start: u64, length: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
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
