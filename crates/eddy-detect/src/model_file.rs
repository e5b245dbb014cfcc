//! The bytes of a model file. Drawn byte by byte in `docs/reference/model-file.md`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{Array, LoadError, Sections};

/// First eight bytes of every model file.
pub const MAGIC: [u8; 8] = *b"EDDYMODL";
/// Newest version written and read.
pub const VERSION: u32 = 1;
/// Arrays begin at multiples of this.
const ALIGN: usize = 64;
/// Largest header accepted, in bytes.
const MAX_HEADER: usize = 64 << 20;

/// Writes sections as the bytes of a model file.
pub fn encode(sections: &Sections) -> Vec<u8> {
    let mut index = Vec::new();
    let mut offset = 0;
    for (name, array) in &sections.arrays {
        offset = align(offset);
        let (kind, len, size) = match array {
            Array::U8(v) => ("u8", v.len(), v.len()),
            Array::U32(v) => ("u32", v.len(), v.len() * 4),
            Array::I64(v) => ("i64", v.len(), v.len() * 8),
            Array::F32(v) => ("f32", v.len(), v.len() * 4),
            Array::F64(v) => ("f64", v.len(), v.len() * 8),
        };
        index.push(json!({ "name": name, "type": kind, "offset": offset, "len": len }));
        offset += size;
    }
    let header = json!({ "values": sections.values, "arrays": index }).to_string().into_bytes();
    let mut bytes = Vec::with_capacity(align(16 + header.len()) + offset + 4);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_le_bytes());
    bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&header);
    for array in sections.arrays.values() {
        bytes.resize(align(bytes.len()), 0);
        match array {
            Array::U8(v) => bytes.extend_from_slice(v),
            Array::U32(v) => v.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes())),
            Array::I64(v) => v.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes())),
            Array::F32(v) => v.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes())),
            Array::F64(v) => v.iter().for_each(|x| bytes.extend_from_slice(&x.to_le_bytes())),
        }
    }
    let checksum = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

const fn align(offset: usize) -> usize {
    offset.div_ceil(ALIGN) * ALIGN
}

/// Reads the bytes of a model file. Never allocates more than a small multiple of `bytes.len()`.
pub fn decode(bytes: &[u8]) -> Result<Sections, LoadError> {
    refuse_foreign(bytes)?;
    let damaged = |offset: usize, reason: &str| LoadError::Damaged { offset, reason: reason.to_owned() };
    if bytes.len() < 20 {
        return Err(damaged(bytes.len(), "the file ends inside its first 20 bytes"));
    }
    let version = read_u32(bytes, 8);
    if version != VERSION {
        return Err(LoadError::Version { got: version, supported: VERSION });
    }
    let (body, tail) = bytes.split_at(bytes.len() - 4);
    let (wanted, got) = (read_u32(tail, 0), crc32fast::hash(body));
    if wanted != got {
        return Err(LoadError::Checksum { wanted, got });
    }
    let header_len = read_u32(bytes, 12) as usize;
    if header_len > MAX_HEADER {
        return Err(damaged(12, "the header is longer than 64 MiB"));
    }
    let header =
        body.get(16..16 + header_len).ok_or_else(|| damaged(12, "the header ends outside the file"))?;
    let header: Value = serde_json::from_slice(header)
        .map_err(|error| damaged(16, &format!("the header is no JSON: {error}")))?;
    let mut sections = Sections::default();
    if let Some(Value::Object(values)) = header.get("values") {
        sections.values = values.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    }
    let data = align(16 + header_len);
    let mut total = 0usize;
    let mut arrays = BTreeMap::new();
    for entry in header.get("arrays").and_then(Value::as_array).into_iter().flatten() {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| entry.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let size = match text("type") {
            "u8" => 1,
            "u32" | "f32" => 4,
            "i64" | "f64" => 8,
            _ => return Err(damaged(16, "an array is of no known type")),
        };
        let range = number("offset").zip(number("len")).and_then(|(offset, len)| {
            let start = data.checked_add(offset)?;
            Some((start, start.checked_add(len.checked_mul(size)?)?))
        });
        let Some((start, end)) = range.filter(|(_, end)| *end <= body.len()) else {
            return Err(damaged(16, "an array ends outside the file"));
        };
        total += end - start;
        if total > body.len() {
            return Err(damaged(16, "arrays overlap"));
        }
        let raw = &body[start..end];
        let array = match text("type") {
            "u8" => Array::U8(raw.to_vec()),
            "u32" => Array::U32(raw.as_chunks().0.iter().map(|b| u32::from_le_bytes(*b)).collect()),
            "i64" => Array::I64(raw.as_chunks().0.iter().map(|b| i64::from_le_bytes(*b)).collect()),
            "f32" => Array::F32(raw.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()),
            _ => Array::F64(raw.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect()),
        };
        arrays.insert(text("name").to_owned(), array);
    }
    sections.arrays = arrays;
    Ok(sections)
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Names well-known files that are no Eddy models, so that the message can say what to do.
fn refuse_foreign(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() >= 8 && bytes[..8] == MAGIC {
        return Ok(());
    }
    let starts = |magic: &[u8]| bytes.starts_with(magic);
    let pickle = bytes.len() > 2 && bytes[0] == 0x80 && (2..=5).contains(&bytes[1]);
    let reason = if bytes.is_empty() {
        "the file is empty, not an Eddy model"
    } else if pickle || starts(b"\x78\x01\x80") || starts(b"(dp") || starts(b"c__builtin__") {
        "this is a Python pickle (as joblib writes); loading one runs whatever code is in it, so Eddy never does; train the model again with `eddy train` on the same data"
    } else if starts(b"\x78\x9c") || starts(b"\x78\xda") || starts(b"\x78\x01") || starts(b"ZF") {
        "this looks like a compressed joblib file (a Python pickle); loading one runs whatever code is in it, so Eddy never does; train the model again with `eddy train` on the same data"
    } else if starts(b"PK\x03\x04") {
        "this is a zip archive (a Keras, PyTorch or NumPy file?), not an Eddy model; train the model again with `eddy train`"
    } else if starts(b"\x89HDF") {
        "this is an HDF5 file (a Keras model?), not an Eddy model; train the model again with `eddy train`"
    } else {
        "this is not an Eddy model (those begin with EDDYMODL); make one with `eddy train FILE -o model.eddy`"
    };
    Err(LoadError::NotAModel(reason.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Sections {
        let mut sections = Sections::default();
        let mut writer = sections.writer();
        writer.value("name", &"forest");
        let mut part = writer.part("model");
        part.f32("threshold", &[1.0, -2.5, f32::MIN_POSITIVE]);
        part.u32("feature", &[1, 2, 3, 4, 5]);
        part.f64("wide", &[std::f64::consts::PI]);
        part.u8("none", &[]);
        part.i64("times", &[i64::MIN, 7]);
        sections
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = encode(&sample());
        assert_eq!(decode(&bytes).unwrap(), sample());
        assert_eq!(&bytes[..8], b"EDDYMODL");
    }

    #[test]
    fn every_truncation_and_every_bit_flip_is_refused() {
        let bytes = encode(&sample());
        for len in 0..bytes.len() {
            assert!(decode(&bytes[..len]).is_err(), "cut to {len} bytes");
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit} flipped");
        }
    }

    #[test]
    fn foreign_files_are_named() {
        fn check(bytes: &[u8], expect: &str) {
            let message = decode(bytes).unwrap_err().to_string();
            assert!(message.contains(expect), "{message}");
        }
        check(b"\x80\x04\x95\x10", "Python pickle");
        check(b"\x78\x9c\x00", "joblib");
        check(b"PK\x03\x04....", "zip archive");
        check(b"", "empty");
        check(b"timestamp,value\n", "begin with EDDYMODL");
    }

    #[test]
    fn a_header_that_lies_about_sizes_is_refused_before_anything_is_allocated() {
        for entry in [
            r#"{"name":"x","type":"f64","offset":0,"len":1152921504606846976}"#,
            r#"{"name":"x","type":"f64","offset":18446744073709551615,"len":2}"#,
            r#"{"name":"x","type":"f99","offset":0,"len":0}"#,
        ] {
            let header = format!(r#"{{"values":{{}},"arrays":[{entry}]}}"#);
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&VERSION.to_le_bytes());
            bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
            bytes.extend_from_slice(header.as_bytes());
            let checksum = crc32fast::hash(&bytes);
            bytes.extend_from_slice(&checksum.to_le_bytes());
            assert!(matches!(decode(&bytes), Err(LoadError::Damaged { .. })), "{entry}");
        }
    }
}
