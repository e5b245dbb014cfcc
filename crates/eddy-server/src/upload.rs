//! Files that arrive.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use eddy_store::new_id;
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::password::hex;
use crate::problem::Problem;

/// Time for each piece of an upload to arrive.
const PIECE_IN_TIME: Duration = Duration::from_secs(30);

/// A file that has arrived. It is removed when this is dropped, unless it was moved away.
pub(crate) struct Arrived {
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Drop for Arrived {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A folder for a while: it is removed with all that is in it when this is dropped.
pub(crate) struct Aside(pub(crate) PathBuf);

impl Drop for Aside {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Pieces of a file, one after the other.
pub(crate) enum Pieces<'a, 'b> {
    Body(&'a mut Body),
    Field(&'a mut axum::extract::multipart::Field<'b>),
}

impl Pieces<'_, '_> {
    async fn next(&mut self) -> Result<Option<bytes::Bytes>, Problem> {
        match self {
            Self::Body(body) => loop {
                match body.frame().await {
                    None => return Ok(None),
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            return Ok(Some(data));
                        }
                    }
                    Some(Err(error)) => {
                        return Err(Problem::malformed(format!("the upload broke off: {error}")));
                    }
                }
            },
            Self::Field(field) => field
                .chunk()
                .await
                .map_err(|error| Problem::malformed(format!("the upload broke off: {error}"))),
        }
    }
}

/// Writes what arrives to the disk, piece by piece, and waits until it is there.
pub(crate) async fn receive(app: &App, mut pieces: Pieces<'_, '_>) -> Result<Arrived, Problem> {
    let most = app.config().limits.upload_bytes;
    let mut arrived = Arrived { path: app.folder().incoming(&new_id()), bytes: 0, sha256: String::new() };
    // Made here and now: what another thread makes would be there after the caller has gone.
    let file = tokio::fs::File::from_std(std::fs::File::create(&arrived.path)?);
    let mut file = tokio::io::BufWriter::with_capacity(1 << 18, file);
    let mut digest = Sha256::new();
    while let Some(piece) =
        tokio::time::timeout(PIECE_IN_TIME, pieces.next()).await.map_err(|_| Problem::late())??
    {
        arrived.bytes += piece.len() as u64;
        if arrived.bytes > most {
            return Err(Problem::too_large(format!("more than {most} bytes (limits.upload_bytes)")));
        }
        digest.update(&piece);
        file.write_all(&piece).await?;
        app.metrics.uploaded_bytes.fetch_add(piece.len() as u64, std::sync::atomic::Ordering::Relaxed);
    }
    if arrived.bytes == 0 {
        return Err(Problem::invalid("the file is empty"));
    }
    file.flush().await?;
    file.into_inner().sync_all().await?;
    arrived.sha256 = hex(&digest.finalize());
    Ok(arrived)
}

/// Size and digest of a file.
pub(crate) fn digest_of(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = std::fs::File::open(path)?;
    let (mut digest, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 18], 0);
    loop {
        let n = file.read(&mut buffer)?;
        if n == 0 {
            return Ok((bytes, hex(&digest.finalize())));
        }
        digest.update(&buffer[..n]);
        bytes += n as u64;
    }
}

/// A name that is safe on any disk, with the ending that it had.
pub(crate) fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String =
        last.chars()
            .map(|letter| {
                if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '-') { letter } else { '_' }
            })
            .collect();
    let kept = kept.trim_start_matches(['.', '-', '_']);
    // The end has the ending.
    let start = kept.len().saturating_sub(80);
    let kept = kept[start..].trim_start_matches(['.', '-', '_']);
    if kept.is_empty() { "data".to_owned() } else { kept.to_owned() }
}

/// A name for people: without control characters, not too long.
pub(crate) fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|letter| !letter.is_control()).take(100).collect();
    if kept.trim().is_empty() { "data".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_lead_nowhere() {
        for (name, wanted) in [
            ("a.csv", "a.csv"),
            ("../../etc/passwd", "passwd"),
            ("..", "data"),
            ("C:\\temp\\x.pcap", "x.pcap"),
            ("-rf", "rf"),
            ("a b\0c\n.csv", "a_b_c_.csv"),
            ("*.csv", "csv"),
            ("", "data"),
            ("größe.csv.gz", "gr__e.csv.gz"),
        ] {
            assert_eq!(safe_name(name), wanted, "{name:?}");
        }
        assert_eq!(safe_name(&format!("{}.csv", "x".repeat(500))).len(), 80);
        assert_eq!(shown_name("dir/größe\n.csv"), "größe.csv");
    }
}
