//! Arrow IPC: streams, and files (`.arrow`, Feather version 2), which are a stream between a magic word and a footer.
//!
//! Both are read as streams, so that packed input and standard input need no copy on disk, and a file that is cut short
//! gives the rows it still has. Messages are taken apart here, and their declared sizes checked against what is there,
//! before the decoder sees them: it allocates what a message asks for.

use std::collections::VecDeque;
use std::io::{BufReader, Read};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::{MessageHeader, root_as_message};
use arrow_schema::Schema;

use crate::from_arrow::{ArrowTable, BatchFormat, Batches, damaged};
use crate::guard::guarded;
use crate::place::Place;
use crate::raw::RawSource;
use crate::{ReadError, ReadOptions};

/// The first bytes of a file; zeros follow up to the writer's alignment.
const MAGIC: &[u8] = b"ARROW1";
/// Words of zeros at most.
const MAX_PADDING: usize = 1024;
/// Stands before each message (since Arrow 0.15).
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Largest description of a message.
const MAX_HEADER: u32 = 64 << 20;
/// Most bytes of one batch, packed or not.
const MAX_BODY: u64 = 2 << 30;
/// A batch of this many bytes may be packed however tightly.
const SMALL_BODY: u64 = 64 << 20;
/// Most bytes unpacked that a byte of a larger batch stands for.
const MAX_RATIO: u64 = 1100;

/// Whether bytes are Arrow IPC, by their beginning: a file's magic word, or a stream's first message, a schema.
pub(crate) fn is(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
        || (head.starts_with(&CONTINUATION)
            && head.get(4..8).is_some_and(|size| {
                let size = size.iter().rev().fold(0_u32, |size, byte| size << 8 | u32::from(*byte));
                (8..MAX_HEADER).contains(&size)
            }))
}

/// Opens Arrow IPC.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    let head = place.head(8)?;
    let is_file = head.starts_with(MAGIC);
    let mut messages =
        Messages::open(place, is_file).map_err(|what| damaged(place, "its beginning", what))?;
    let schema = guarded(|| messages.schema()).map_err(|what| damaged(place, "its schema", what))?;
    let format = Ipc { place: place.clone(), is_file, schema };
    Ok(Box::new(ArrowTable::open(place, Box::new(format), options)?))
}

struct Ipc {
    place: Place,
    is_file: bool,
    schema: Schema,
}

impl BatchFormat for Ipc {
    fn name(&self) -> &'static str {
        if self.is_file { "Arrow IPC file" } else { "Arrow IPC stream" }
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn range(&self, _path: &str) -> Option<(i128, i128)> {
        None
    }

    fn batches(&self, _batch_rows: usize) -> Result<Box<dyn Batches>, String> {
        Ok(Box::new(Messages::open(&self.place, self.is_file)?))
    }
}

struct Messages {
    reader: BufReader<Box<dyn Read + Send>>,
    decoder: StreamDecoder,
    ready: VecDeque<RecordBatch>,
    /// Words of zeros that may still come before the first message.
    padding: usize,
    ended: bool,
    bytes_read: u64,
}

impl Messages {
    fn open(place: &Place, is_file: bool) -> Result<Self, String> {
        let reader = BufReader::with_capacity(1 << 16, place.bytes().map_err(|error| error.to_string())?);
        let decoder = StreamDecoder::new();
        let ready = VecDeque::new();
        let mut messages = Self { reader, decoder, ready, padding: 0, ended: false, bytes_read: 0 };
        if is_file {
            messages.take(8)?;
            messages.padding = MAX_PADDING;
        }
        Ok(messages)
    }

    /// Up to `length` bytes; memory grows with what is there, not with what is asked for.
    fn take(&mut self, length: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        (&mut self.reader).take(length).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
        self.bytes_read += bytes.len() as u64;
        Ok(bytes)
    }

    fn take_all(&mut self, length: u64, what: &str) -> Result<Vec<u8>, String> {
        let bytes = self.take(length)?;
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(format!("it ends inside {what}")) }
    }

    fn schema(&mut self) -> Result<Schema, String> {
        while self.decoder.schema().is_none() {
            if !self.advance()? {
                return Err("there is none".to_owned());
            }
        }
        self.decoder.schema().map(|schema| (*schema).clone()).ok_or_else(|| "there is none".to_owned())
    }

    /// Reads one message. False at the end of the stream.
    fn advance(&mut self) -> Result<bool, String> {
        if self.ended {
            return Ok(false);
        }
        let mut size = self.take(4)?;
        while self.padding > 0 && size == [0; 4] {
            self.padding -= 1;
            size = self.take(4)?;
        }
        self.padding = 0;
        if size == CONTINUATION {
            size = self.take(4)?;
        }
        let size = match *size.as_slice() {
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]),
            [] => 0,
            _ => return Err("it ends inside the size of a message".to_owned()),
        };
        if size == 0 {
            // The mark at the end makes the decoder deal with a last message without body.
            self.ended = true;
            self.feed(vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])?;
            return Ok(!self.ready.is_empty());
        }
        if size > MAX_HEADER {
            return Err(format!("a message says that its description has {size} bytes"));
        }
        let header = self.take_all(size.into(), "the description of a message")?;
        let body_length = check(&header)?;
        let body = self.take_all(body_length, "a batch of rows")?;
        check_packing(&header, &body)?;
        self.feed(CONTINUATION.to_vec())?;
        self.feed(size.to_le_bytes().to_vec())?;
        self.feed(header)?;
        self.feed(body)?;
        Ok(true)
    }

    fn feed(&mut self, bytes: Vec<u8>) -> Result<(), String> {
        let mut buffer = Buffer::from(bytes);
        while !buffer.is_empty() {
            if let Some(batch) = self.decoder.decode(&mut buffer).map_err(|error| error.to_string())? {
                self.ready.push_back(batch);
            }
        }
        Ok(())
    }
}

/// The declared length of a message's body.
fn check(header: &[u8]) -> Result<u64, String> {
    let message =
        root_as_message(header).map_err(|_| "the description of a message is damaged".to_owned())?;
    let body = u64::try_from(message.bodyLength()).unwrap_or(u64::MAX);
    if body > MAX_BODY {
        return Err(format!("a message says that it has {body} bytes; at most {MAX_BODY} are read at once"));
    }
    Ok(body)
}

/// Checks the sizes that packed buffers say they have when unpacked.
fn check_packing(header: &[u8], body: &[u8]) -> Result<(), String> {
    let message =
        root_as_message(header).map_err(|_| "the description of a message is damaged".to_owned())?;
    let batch = match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|batch| batch.data()),
        _ => None,
    };
    let Some(batch) = batch else { return Ok(()) };
    let mut total = 0_u64;
    for buffer in batch.buffers().iter().flatten() {
        let range = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
        let bytes = range
            .and_then(|(offset, length)| body.get(offset..offset.checked_add(length)?))
            .ok_or("a buffer lies outside of its batch")?;
        let Some(prefix) = bytes.first_chunk::<8>().filter(|_| batch.compression().is_some()) else {
            continue;
        };
        // Minus one stands for a buffer that is not packed after all.
        let unpacked = i64::from_le_bytes(*prefix);
        if unpacked != -1 {
            total = total.saturating_add(u64::try_from(unpacked).unwrap_or(u64::MAX));
        }
    }
    let most = (body.len() as u64).saturating_mul(MAX_RATIO).clamp(SMALL_BODY, MAX_BODY);
    if total > most {
        return Err(format!(
            "a batch of {} bytes says that it has {total} bytes unpacked; at most {most} are believed",
            body.len()
        ));
    }
    Ok(())
}

impl Batches for Messages {
    fn next_batch(&mut self) -> Result<Option<RecordBatch>, String> {
        while self.ready.is_empty() {
            if !self.advance()? {
                break;
            }
        }
        Ok(self.ready.pop_front())
    }

    fn bytes_read(&self) -> u64 {
        self.bytes_read
    }
}
