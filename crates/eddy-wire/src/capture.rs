//! Capture files, pcap and pcapng, from anything that can be read: a file, a pipe, bytes in memory.
//!
//! One buffer is reused for all frames; a frame is a slice of it. A file that ends early or holds nonsense gives what
//! came before, and a note with the place. Read errors of the system are the only ones after the start.

mod buffer;
mod pcap;
mod pcapng;

use std::io::{self, Read};

use thiserror::Error;

use crate::limits::Limits;
use crate::link::LinkType;
use buffer::Buffer;

/// Why a capture cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// It begins with none of the known marks.
    #[error("this is neither pcap nor pcapng: it begins with {0:02x?}")]
    NotACapture(Vec<u8>),
    /// It ends inside the header of the file.
    #[error("the capture ends after {0} bytes, inside its header")]
    NoHeader(u64),
    /// The version of the format is one that is not known.
    #[error("capture format version {major}.{minor} is not known")]
    Version {
        /// The major version.
        major: u16,
        /// The minor version.
        minor: u16,
    },
    /// The section header of a pcapng file says nothing about the order of bytes.
    #[error("the section header has no known byte-order mark")]
    ByteOrder,
    /// The system could not read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptureFormat {
    /// One link type, frames one after another.
    Pcap,
    /// Blocks of many kinds, sections and interfaces.
    PcapNg,
}

/// What was found wrong at a place of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteKind {
    /// The file ends inside a frame or block; what came before was read.
    Truncated,
    /// A frame tells of more bytes than are allowed; nothing after it was read.
    FrameTooLong {
        /// The bytes it tells of.
        bytes: u32,
    },
    /// A block's length is impossible; nothing after it was read.
    BlockLength {
        /// The length it tells of.
        bytes: u32,
    },
    /// The two lengths of a block differ; nothing after it was read.
    BlockTrailer,
    /// A block is longer than is kept; it was passed over.
    BlockTooLong {
        /// The length of the block.
        bytes: u32,
    },
    /// A packet block whose frame does not fit into it; it was passed over.
    FrameOutsideBlock,
    /// A packet of an interface that was not described; it was passed over.
    UnknownInterface {
        /// The interface it names.
        interface: u32,
    },
    /// An interface description or section header that is too short; it was passed over.
    ShortBlock,
    /// More interfaces than are kept.
    TooManyInterfaces,
    /// A section of a version or byte order that is not known; nothing after it was read.
    UnknownSection,
}

/// Something wrong with a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaptureNote {
    /// Where in the (unpacked) file the frame or block begins.
    pub offset: u64,
    /// What is wrong there.
    pub kind: NoteKind,
}

impl std::fmt::Display for CaptureNote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let at = self.offset;
        match self.kind {
            NoteKind::Truncated => write!(f, "the capture ends inside the block that begins at byte {at}"),
            NoteKind::FrameTooLong { bytes } => {
                write!(f, "the frame at byte {at} tells of {bytes} bytes; nothing after it was read")
            }
            NoteKind::BlockLength { bytes } => {
                write!(
                    f,
                    "the block at byte {at} has the impossible length {bytes}; nothing after it was read"
                )
            }
            NoteKind::BlockTrailer => {
                write!(f, "the two lengths of the block at byte {at} differ; nothing after it was read")
            }
            NoteKind::BlockTooLong { bytes } => {
                write!(f, "the block at byte {at} of {bytes} bytes was passed over")
            }
            NoteKind::FrameOutsideBlock => {
                write!(f, "the frame in the block at byte {at} does not fit into it; it was passed over")
            }
            NoteKind::UnknownInterface { interface } => {
                write!(f, "the block at byte {at} names interface {interface}, which was not described")
            }
            NoteKind::ShortBlock => write!(f, "the block at byte {at} is too short for its kind"),
            NoteKind::TooManyInterfaces => write!(f, "too many interfaces at byte {at}"),
            NoteKind::UnknownSection => {
                write!(f, "the section at byte {at} is of an unknown version; nothing after it was read")
            }
        }
    }
}

/// Counts of what was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureStats {
    /// Frames handed out.
    pub frames: u64,
    /// Frames passed over, each with a note as long as there is room for notes.
    pub frames_set_aside: u64,
    /// Blocks that hold no frames.
    pub other_blocks: u64,
    /// Interfaces described.
    pub interfaces: u64,
    /// Notes for which there was no room.
    pub notes_lost: u64,
}

/// One frame of a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured<'a> {
    /// When it was captured, in nanoseconds since 1970 (UTC). A simple packet block has no time of its own and is given
    /// that of the frame before it.
    pub time_ns: i64,
    /// How the bytes begin.
    pub link: LinkType,
    /// The interface within the section; 0 in pcap files.
    pub interface: u32,
    /// The length on the wire, which may be more than was captured.
    pub wire_len: u32,
    /// What was captured.
    pub bytes: &'a [u8],
}

/// Where the frame is that was just read.
struct Place {
    time_ns: i64,
    link: LinkType,
    interface: u32,
    wire_len: u32,
    start: usize,
    len: usize,
}

/// What both formats keep while they read.
struct Progress {
    limits: Limits,
    stats: CaptureStats,
    notes: Vec<CaptureNote>,
    ended: bool,
}

impl Progress {
    fn note(&mut self, offset: u64, kind: NoteKind) {
        if self.notes.len() < usize::try_from(self.limits.notes).unwrap_or(usize::MAX) {
            self.notes.push(CaptureNote { offset, kind });
        } else {
            self.stats.notes_lost = self.stats.notes_lost.saturating_add(1);
        }
    }

    /// A note after which nothing can be read.
    fn end_with(&mut self, offset: u64, kind: NoteKind) {
        self.note(offset, kind);
        self.ended = true;
    }

    fn set_aside(&mut self, offset: u64, kind: NoteKind) {
        self.note(offset, kind);
        self.stats.frames_set_aside = self.stats.frames_set_aside.saturating_add(1);
    }
}

enum Form {
    Pcap(pcap::Pcap),
    PcapNg(pcapng::PcapNg),
}

/// Reads the frames of a capture, one after another, with one buffer.
///
/// It begins at a buffer of 256 KiB and never takes more than twice the longest block allowed. Compressed files are
/// unpacked outside.
pub struct CaptureReader<R> {
    buffer: Buffer<R>,
    form: Form,
    progress: Progress,
}

impl<R: Read> CaptureReader<R> {
    /// Looks at the header of the file.
    pub fn new(reader: R, limits: &Limits) -> Result<Self, CaptureError> {
        let mut buffer = Buffer::new(reader);
        let progress = Progress {
            limits: limits.clone(),
            stats: CaptureStats::default(),
            notes: Vec::new(),
            ended: false,
        };
        buffer.fill(4)?;
        let Some(magic) = buffer.window().first_chunk::<4>().copied() else {
            return Err(CaptureError::NotACapture(buffer.window().to_vec()));
        };
        let form = if magic == pcapng::SECTION {
            Form::PcapNg(pcapng::PcapNg::open(&mut buffer)?)
        } else {
            Form::Pcap(pcap::Pcap::open(&mut buffer, magic)?)
        };
        Ok(Self { buffer, form, progress })
    }

    /// The next frame, or nothing at the end; [`Self::notes`] says how it ended.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Captured<'_>>, io::Error> {
        if self.progress.ended {
            return Ok(None);
        }
        let place = match &mut self.form {
            Form::Pcap(form) => form.next(&mut self.buffer, &mut self.progress)?,
            Form::PcapNg(form) => form.next(&mut self.buffer, &mut self.progress)?,
        };
        let Some(place) = place else {
            self.progress.ended = true;
            return Ok(None);
        };
        self.progress.stats.frames = self.progress.stats.frames.saturating_add(1);
        Ok(Some(Captured {
            time_ns: place.time_ns,
            link: place.link,
            interface: place.interface,
            wire_len: place.wire_len,
            bytes: self.buffer.slice(place.start, place.len),
        }))
    }

    /// Which of the formats it is.
    pub fn format(&self) -> CaptureFormat {
        match self.form {
            Form::Pcap(_) => CaptureFormat::Pcap,
            Form::PcapNg(_) => CaptureFormat::PcapNg,
        }
    }

    /// What is wrong with the capture, as far as it was read.
    pub fn notes(&self) -> &[CaptureNote] {
        &self.progress.notes
    }

    /// Counts of what was read.
    pub fn stats(&self) -> CaptureStats {
        self.progress.stats
    }

    /// How many bytes were read, up to the end of the last frame or block.
    pub fn offset(&self) -> u64 {
        self.buffer.offset()
    }
}

/// The order of bytes of a file.
#[derive(Clone, Copy)]
enum Order {
    Big,
    Little,
}

impl Order {
    #[inline]
    fn u32(self, bytes: [u8; 4]) -> u32 {
        match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        }
    }

    fn u16(self, bytes: [u8; 2]) -> u16 {
        match self {
            Self::Big => u16::from_be_bytes(bytes),
            Self::Little => u16::from_le_bytes(bytes),
        }
    }

    fn i64(self, bytes: [u8; 8]) -> i64 {
        match self {
            Self::Big => i64::from_be_bytes(bytes),
            Self::Little => i64::from_le_bytes(bytes),
        }
    }
}

/// A length that was checked against a limit of 32 bits.
#[inline]
fn size(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
