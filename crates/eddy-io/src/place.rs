//! Where the bytes of one input are, and how to read them from the start any number of times.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::ReadError;
use crate::encoding::{Encoding, Transcoder};

/// Bytes looked at to find out what an input is.
pub(crate) const HEAD_BYTES: usize = 1 << 20;

/// One input: a file, bytes in memory, or standard input spooled to a temporary file while it is read.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    name: Arc<str>,
    storage: Storage,
    /// How the stored bytes are packed.
    packing: Packing,
    /// Where a packed stream may end before its time: whether it did.
    cut: Option<Arc<AtomicBool>>,
}

#[derive(Debug, Clone)]
enum Storage {
    File(PathBuf),
    Memory(Arc<[u8]>),
    Stream(Arc<Mutex<Spool>>),
}

/// How bytes are packed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    /// As they are.
    Plain,
    /// Gzip, one or many members.
    Gzip,
    /// Zstandard, one or many frames.
    Zstd,
}

impl Packing {
    fn of(head: &[u8]) -> Self {
        if head.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else {
            Self::Plain
        }
    }
}

impl Place {
    /// The file at `path`.
    pub(crate) fn file(path: PathBuf) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        Self::new(name.into(), Storage::File(path))
    }

    /// Bytes in memory, shown as `name`.
    pub(crate) fn memory(name: &str, bytes: Vec<u8>) -> Result<Self, ReadError> {
        Self::new(name.into(), Storage::Memory(bytes.into()))
    }

    /// Standard input.
    pub(crate) fn stdin() -> Result<Self, ReadError> {
        Self::stream("-", Box::new(io::stdin()))
    }

    /// A stream that can be read once, spooled to a temporary file as it is read.
    fn stream(name: &str, input: Box<dyn Read + Send>) -> Result<Self, ReadError> {
        let file = tempfile::tempfile().map_err(|source| io_error(name, source))?;
        let spool = Spool { input, file, len: 0, ended: false };
        Self::new(name.into(), Storage::Stream(Arc::new(Mutex::new(spool))))
    }

    fn new(name: Arc<str>, storage: Storage) -> Result<Self, ReadError> {
        let mut place = Self { name, storage, packing: Packing::Plain, cut: None };
        let mut magic = Vec::new();
        place.raw()?.take(4).read_to_end(&mut magic).map_err(|source| place.error(source))?;
        place.packing = Packing::of(&magic);
        Ok(place)
    }

    /// The same input, where a packed stream that is cut short ends there and is no error: logs are read while they are
    /// written.
    pub(crate) fn forgiving(&self) -> Self {
        Self { cut: Some(Arc::default()), ..self.clone() }
    }

    /// Whether the packed stream ended before its time.
    pub(crate) fn was_cut(&self) -> bool {
        self.cut.as_ref().is_some_and(|cut| cut.load(Ordering::Relaxed))
    }

    /// The name shown to people.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How the stored bytes are packed.
    pub(crate) fn packing(&self) -> Packing {
        self.packing
    }

    /// Stored size in bytes, where known.
    pub(crate) fn stored_bytes(&self) -> Option<u64> {
        match &self.storage {
            Storage::File(path) => {
                std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len())
            }
            Storage::Memory(bytes) => Some(bytes.len() as u64),
            Storage::Stream(_) => None,
        }
    }

    /// The error for a failed read of this input.
    pub(crate) fn error(&self, source: io::Error) -> ReadError {
        let mend = "the compressed stream is cut short or damaged: fetch or make the file again";
        match source.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::Other
                if self.packing != Packing::Plain =>
            {
                ReadError::Malformed {
                    path: self.name.to_string(),
                    place: format!("{:?} stream", self.packing).to_lowercase(),
                    what: source.to_string(),
                    mend: mend.to_owned(),
                }
            }
            _ => io_error(&self.name, source),
        }
    }

    /// The unpacked bytes from the start.
    pub(crate) fn bytes(&self) -> Result<Box<dyn Read + Send>, ReadError> {
        let raw = self.raw()?;
        let unpacked: Box<dyn Read + Send> = match self.packing {
            Packing::Plain => return Ok(raw),
            Packing::Gzip => {
                Box::new(flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 18, raw)))
            }
            Packing::Zstd => {
                Box::new(zstd::stream::read::Decoder::new(raw).map_err(|source| self.error(source))?)
            }
        };
        Ok(match &self.cut {
            Some(cut) => Box::new(Forgiving { inner: unpacked, cut: cut.clone() }),
            None => unpacked,
        })
    }

    /// The unpacked bytes as UTF-8 text from the start: a byte order mark is dropped, UTF-16 is transcoded, and
    /// anything else is passed on as it is (bytes that are no UTF-8 are the reader's to judge).
    pub(crate) fn text(&self) -> Result<Box<dyn Read + Send>, ReadError> {
        match Encoding::of(&self.head(4096)?) {
            Encoding::Utf8 => self.bytes(),
            encoding => Ok(Box::new(Transcoder::new(self.bytes()?, encoding))),
        }
    }

    /// The unpacked first bytes, at most `len`.
    pub(crate) fn head(&self, len: usize) -> Result<Vec<u8>, ReadError> {
        let mut head = Vec::new();
        self.bytes()?.take(len as u64).read_to_end(&mut head).map_err(|source| self.error(source))?;
        Ok(head)
    }

    /// A file with the unpacked bytes that can be read at any place (Parquet and Arrow files need that). Input that is
    /// packed or no file is copied to a temporary file first.
    pub(crate) fn seekable(&self) -> Result<File, ReadError> {
        if let (Storage::File(path), Packing::Plain) = (&self.storage, self.packing)
            && self.stored_bytes().is_some()
        {
            return File::open(path).map_err(|source| io_error(&self.name, source));
        }
        let mut file = tempfile::tempfile().map_err(|source| io_error(&self.name, source))?;
        io::copy(&mut self.bytes()?, &mut file).map_err(|source| self.error(source))?;
        file.rewind().map_err(|source| io_error(&self.name, source))?;
        Ok(file)
    }

    /// Up to `len` bytes from `offset`, when the stored bytes are plain and can be read at any place.
    pub(crate) fn plain_at(&self, offset: u64, len: usize) -> Option<Vec<u8>> {
        if self.packing != Packing::Plain {
            return None;
        }
        match &self.storage {
            Storage::File(path) => {
                self.stored_bytes()?;
                let mut file = File::open(path).ok()?;
                file.seek(SeekFrom::Start(offset)).ok()?;
                let mut bytes = Vec::new();
                file.take(len as u64).read_to_end(&mut bytes).ok()?;
                Some(bytes)
            }
            Storage::Memory(bytes) => {
                let (_, rest) = bytes.split_at_checked(usize::try_from(offset).ok()?)?;
                Some(rest.iter().take(len).copied().collect())
            }
            Storage::Stream(_) => None,
        }
    }

    fn raw(&self) -> Result<Box<dyn Read + Send>, ReadError> {
        Ok(match &self.storage {
            Storage::File(path) => Box::new(File::open(path).map_err(|source| io_error(&self.name, source))?),
            Storage::Memory(bytes) => Box::new(Cursor::new(bytes.clone())),
            Storage::Stream(spool) => Box::new(SpoolReader { spool: spool.clone(), position: 0 }),
        })
    }
}

/// The error for a failed system call on `path`.
pub(crate) fn io_error(path: &str, source: io::Error) -> ReadError {
    ReadError::Io { path: path.to_owned(), source }
}

/// Ends where a packed stream is cut short.
struct Forgiving {
    inner: Box<dyn Read + Send>,
    cut: Arc<AtomicBool>,
}

impl Read for Forgiving {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buf) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                self.cut.store(true, Ordering::Relaxed);
                Ok(0)
            }
            other => other,
        }
    }
}

/// A stream that is kept in a file as it is read, so that it can be read again.
struct Spool {
    input: Box<dyn Read + Send>,
    file: File,
    len: u64,
    ended: bool,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("len", &self.len).field("ended", &self.ended).finish_non_exhaustive()
    }
}

struct SpoolReader {
    spool: Arc<Mutex<Spool>>,
    position: u64,
}

impl Read for SpoolReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut spool = self.spool.lock().unwrap_or_else(PoisonError::into_inner);
        if self.position < spool.len {
            let position = self.position;
            spool.file.seek(SeekFrom::Start(position))?;
            let n = spool.file.read(buf)?;
            self.position += n as u64;
            return Ok(n);
        }
        if spool.ended {
            return Ok(0);
        }
        let n = spool.input.read(buf)?;
        spool.ended = n == 0 && !buf.is_empty();
        spool.file.seek(SeekFrom::End(0))?;
        spool.file.write_all(buf.get(..n).unwrap_or_default())?;
        spool.len += n as u64;
        self.position += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: &Place) -> Vec<u8> {
        let mut bytes = Vec::new();
        place.text().unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn a_stream_can_be_read_again_and_again() {
        let text = "a,b\n1,2\n".repeat(100_000);
        let place = Place::stream("-", Box::new(Cursor::new(text.clone().into_bytes()))).unwrap();
        assert_eq!(place.head(3).unwrap(), b"a,b");
        assert_eq!(read(&place), text.as_bytes());
        assert_eq!(read(&place), text.as_bytes());
        let mut copy = Vec::new();
        place.seekable().unwrap().read_to_end(&mut copy).unwrap();
        assert_eq!(copy, text.as_bytes());
        assert_eq!(place.stored_bytes(), None);
    }

    #[test]
    fn packed_bytes_are_unpacked_and_damage_is_named() {
        let mut packed = zstd::encode_all(&b"a,b\n"[..], 1).unwrap();
        packed.extend(zstd::encode_all(&b"1,2\n"[..], 1).unwrap());
        let place = Place::memory("x.zst", packed.clone()).unwrap();
        assert_eq!(read(&place), b"a,b\n1,2\n");
        assert_eq!(place.packing(), Packing::Zstd);
        packed.truncate(packed.len() - 3);
        let error = Place::memory("x.zst", packed).unwrap().seekable().unwrap_err();
        assert!(matches!(error, ReadError::Malformed { .. }), "{error}");
    }
}
