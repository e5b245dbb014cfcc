//! What the fuzz targets have in common: the checks, and mutators that keep checksums and lengths true, so that damage
//! reaches the code behind them.

use std::io::{Read, Write};

use libfuzzer_sys::fuzzer_mutate;

#[path = "../../crates/eddy-flow/tests/survival/mod.rs"]
pub mod flow_survival;
#[path = "../../crates/eddy-engine/tests/model_survival/mod.rs"]
pub mod model_survival;
#[path = "../../crates/eddy-io/tests/survival/mod.rs"]
pub mod survival;
#[path = "../../crates/eddy-wire/tests/survival/mod.rs"]
pub mod wire_survival;

/// Most bytes that a packed input may unpack to while it is mutated.
const MOST_UNPACKED: u64 = 1 << 20;

/// Changes bytes in place; how many there are then.
pub fn mutate_any(data: &mut [u8], size: usize, max_size: usize) -> usize {
    fuzzer_mutate(data, size, max_size)
}

/// Changes one stretch of `parts` and puts them together again. `data` is left alone where the result has no room.
fn put_back(data: &mut [u8], max_size: usize, size: usize, bytes: &[u8]) -> usize {
    match data.get_mut(..bytes.len()) {
        Some(room) if bytes.len() <= max_size => {
            room.copy_from_slice(bytes);
            bytes.len()
        }
        _ => size,
    }
}

/// Some bytes, changed; at most `most` of them.
fn mutated(bytes: &[u8], most: usize) -> Vec<u8> {
    let mut room = bytes.to_vec();
    room.resize(most.max(bytes.len()), 0);
    let size = fuzzer_mutate(&mut room, bytes.len(), most.max(bytes.len()));
    room.truncate(size);
    room
}

/// Parquet: the pages, or the footer with its length made true.
pub fn mutate_parquet(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let whole = || {
        let bytes = data.get(..size)?;
        let (rest, magic) = bytes.split_last_chunk::<4>()?;
        let (rest, length) = rest.split_last_chunk::<4>()?;
        let start = rest.len().checked_sub(u32::from_le_bytes(*length) as usize)?;
        (magic == b"PAR1" && start >= 4).then(|| rest.split_at(start))
    };
    let (Some((pages, footer)), false) = (whole(), seed.is_multiple_of(8)) else {
        return mutate_any(data, size, max_size);
    };
    let (mut pages, mut footer) = (pages.to_vec(), footer.to_vec());
    if seed.is_multiple_of(3) {
        // Pages are found by their offset: they may change, but not move.
        let length = pages.len();
        pages = mutated(&pages, length);
        pages.resize(length, 0);
    } else {
        footer = mutated(&footer, max_size.saturating_sub(pages.len() + 8));
    }
    let length = footer.len() as u32;
    let bytes = [&pages[..], &footer, &length.to_le_bytes(), b"PAR1"].concat();
    put_back(data, max_size, size, &bytes)
}

/// Gzip and Zstandard: the bytes inside, packed again.
pub fn mutate_packed(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let bytes = data.get(..size).unwrap_or_default();
    let mut inside = Vec::new();
    let unpacked = if bytes.starts_with(&[0x1f, 0x8b]) {
        flate2::bufread::MultiGzDecoder::new(bytes).take(MOST_UNPACKED).read_to_end(&mut inside).is_ok()
    } else {
        zstd::stream::read::Decoder::new(bytes)
            .is_ok_and(|decoder| decoder.take(MOST_UNPACKED).read_to_end(&mut inside).is_ok())
    };
    if !unpacked || seed.is_multiple_of(2) {
        return mutate_any(data, size, max_size);
    }
    let inside = mutated(&inside, max_size);
    let packed = if seed.is_multiple_of(3) {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&inside).and_then(|()| packer.finish()).unwrap_or_default()
    } else {
        zstd::stream::encode_all(&inside[..], 1).unwrap_or_default()
    };
    put_back(data, max_size, size, &packed)
}

/// A model file: header or arrays, with length and checksum made true.
pub fn mutate_model(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let whole = || {
        let (rest, _) = data.get(..size)?.split_last_chunk::<4>()?;
        let (fixed, rest) = rest.split_first_chunk::<16>()?;
        let length = u32::from_le_bytes(*fixed.last_chunk()?) as usize;
        Some((*fixed.first_chunk::<12>()?, rest.split_at_checked(length)?))
    };
    let (Some((magic, (header, arrays))), false) = (whole(), seed.is_multiple_of(16)) else {
        return mutate_any(data, size, max_size);
    };
    // Arrays begin at a multiple of 64 bytes after the header.
    let padding = (16 + header.len()).next_multiple_of(64) - (16 + header.len());
    let (mut header, mut arrays) = (header.to_vec(), arrays.get(padding..).unwrap_or_default().to_vec());
    if seed.is_multiple_of(2) {
        header = mutated(&header, max_size.saturating_sub(arrays.len() + 128));
    } else {
        arrays = mutated(&arrays, max_size.saturating_sub(header.len() + 128));
    }
    let mut bytes = [&magic[..], &(header.len() as u32).to_le_bytes(), &header].concat();
    bytes.resize(bytes.len().next_multiple_of(64), 0);
    bytes.extend(arrays);
    let checksum = crc32fast::hash(&bytes);
    bytes.extend(checksum.to_le_bytes());
    put_back(data, max_size, size, &bytes)
}
