//! Bytes of any kind to a file: captures, logs.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::target::{Squeeze, Target};
use crate::WriteError;

/// Writes bytes to a file with the care [`crate::TableWriter`] takes: under a temporary name until it is finished,
/// compressed where the name ends in `.gz` or `.zst`; `-` is standard output.
#[derive(Debug)]
pub struct ByteWriter {
    path: PathBuf,
    out: Squeeze,
}

impl std::fmt::Debug for Squeeze {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Squeeze").finish_non_exhaustive()
    }
}

impl ByteWriter {
    /// Opens a file.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let io = |source| WriteError::Io { path: path.to_owned(), source };
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        let target =
            if path.as_os_str() == "-" { Target::stdout() } else { Target::create(path).map_err(io)? };
        let out = Squeeze::new(target, ending.as_deref().unwrap_or_default()).map_err(io)?;
        Ok(Self { path: path.to_owned(), out })
    }

    /// Writes some bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        self.out.write_all(bytes).map_err(|source| WriteError::Io { path: self.path.clone(), source })
    }

    /// Brings everything to disk and gives the file its name.
    pub fn finish(self) -> Result<(), WriteError> {
        let path = self.path;
        self.out.finish().and_then(Target::finish).map_err(|source| WriteError::Io { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_finished_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        let mut writer = ByteWriter::create(&path).unwrap();
        writer.write(b"one").unwrap();
        assert!(!path.exists());
        writer.write(b" two").unwrap();
        writer.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one two");
        drop(ByteWriter::create(&folder.path().join("b")).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_ending_packs_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        for (name, magic) in [("a.pcap.gz", &[0x1f, 0x8b][..]), ("a.pcap.zst", &[0x28, 0xb5, 0x2f, 0xfd])] {
            let path = folder.path().join(name);
            let mut writer = ByteWriter::create(&path).unwrap();
            writer.write(&[7; 10_000]).unwrap();
            writer.finish().unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes.starts_with(magic) && bytes.len() < 1_000);
        }
    }
}
