//! Where written bytes go: a temporary file that takes its name at the end, or a stream; compressed or not.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;
use zstd::stream::write::Encoder;

/// Bytes gathered before the system is asked to write.
const BUFFER: usize = 1 << 18;
/// Zstandard's own default: about as fast as the rows are made, and a good deal smaller than gzip.
const ZSTD_LEVEL: i32 = 3;

/// Where bytes end up.
#[derive(Debug)]
pub(super) enum Target {
    /// Standard output.
    Stdout(BufWriter<Stdout>),
    /// A pipe or a device, which cannot be replaced by a finished file.
    Stream(BufWriter<File>),
    /// A file in the making, and the name it will have.
    File(BufWriter<NamedTempFile>, PathBuf),
}

impl Target {
    /// Standard output.
    pub(super) fn stdout() -> Self {
        Self::Stdout(BufWriter::with_capacity(BUFFER, io::stdout()))
    }

    /// A file at `path`, once it is finished.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        // A symbolic link stays, and the file it points to is replaced.
        let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let existing = std::fs::metadata(&path).ok();
        if existing.as_ref().is_some_and(|meta| !meta.is_file()) {
            let stream = OpenOptions::new().write(true).open(&path)?;
            return Ok(Self::Stream(BufWriter::with_capacity(BUFFER, stream)));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".eddy-").suffix(".part");
        // A temporary file is private by default; a result is as readable as any other new file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        if let Some(meta) = existing {
            file.as_file().set_permissions(meta.permissions())?;
        }
        Ok(Self::File(BufWriter::with_capacity(BUFFER, file), path))
    }

    /// Brings everything to disk and gives the file its name.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush(),
            Self::Stream(mut out) => out.flush(),
            Self::File(file, path) => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(&path).map_err(|error| error.error)?;
                // The new name is an entry of the folder, which is written to disk apart from the file.
                #[cfg(unix)]
                if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                    File::open(folder).and_then(|folder| folder.sync_all()).ok();
                }
                Ok(())
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Stream(out) => out.write(bytes),
            Self::File(out, _) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Stream(out) => out.flush(),
            Self::File(out, _) => out.flush(),
        }
    }
}

/// What bytes go through on their way.
pub(super) enum Squeeze {
    /// Nothing.
    Plain(Target),
    /// Gzip.
    Gzip(GzEncoder<Target>),
    /// Zstandard.
    Zstd(Encoder<'static, Target>),
}

impl Squeeze {
    /// The packing that a file ending names: `gz`, `zst`, or none.
    pub(super) fn new(target: Target, ending: &str) -> io::Result<Self> {
        Ok(match ending {
            "gz" => Self::Gzip(GzEncoder::new(target, Compression::default())),
            "zst" => Self::Zstd(Encoder::new(target, ZSTD_LEVEL)?),
            _ => Self::Plain(target),
        })
    }

    /// Ends the compressed stream.
    pub(super) fn finish(self) -> io::Result<Target> {
        match self {
            Self::Plain(out) => Ok(out),
            Self::Gzip(out) => out.finish(),
            Self::Zstd(out) => out.finish(),
        }
    }
}

impl Write for Squeeze {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(out) => out.write(bytes),
            Self::Zstd(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gzip(out) => out.flush(),
            Self::Zstd(out) => out.flush(),
        }
    }
}
