//! Files of nfdump 1.6 (`nfcapd.*`): blocks of records, little-endian, not compressed.
//!
//! A file begins with a header of 140 bytes (magic number, version, flags, number of blocks, a name) and statistics of 136
//! bytes. Each block has a header of 12 bytes (records, bytes, kind, flags) and records that begin with kind and size. A
//! flow (kind 10, or 1 before version 1.6.11) has a fixed part, addresses, packets, bytes, and the fields that its
//! extension map (kind 2) lists. The columns are those of `nfdump -o csv`, so that they have one map.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr};

use eddy_frame::{Column, Kind, Lines, TextColumn};
use rustc_hash::FxHashMap;

use crate::place::Place;
use crate::raw::{RawBatch, RawColumn, RawSource, RawTable, SAMPLE_ROWS, Tally, Target};
use crate::{ReadError, ReadOptions, ReadStats};

/// The first bytes of a file.
const MAGIC: [u8; 2] = [0x0c, 0xa5];
/// Header and statistics.
const HEADER_BYTES: u64 = 140 + 136;
/// Larger blocks are damaged: nfdump writes at most five MiB.
const MOST_BLOCK_BYTES: u32 = 64 << 20;
/// Most extension maps kept.
const MOST_MAPS: usize = 4096;
/// Flags of a file whose blocks are compressed: LZO, bzip2, LZ4.
const COMPRESSED: u32 = 1 | 8 | 16;

const COLUMNS: [(&str, Kind); 14] = [
    ("ts", Kind::Time),
    ("te", Kind::Time),
    ("sa", Kind::Text),
    ("da", Kind::Text),
    ("sp", Kind::Text),
    ("dp", Kind::Text),
    ("pr", Kind::Text),
    ("flg", Kind::Text),
    ("ipkt", Kind::Int),
    ("ibyt", Kind::Int),
    ("opkt", Kind::Int),
    ("obyt", Kind::Int),
    ("exid", Kind::Int),
    ("stos", Kind::Int),
];

/// Whether the first bytes are those of a file of nfdump.
pub(crate) fn is(head: &[u8]) -> bool {
    head.starts_with(&MAGIC) && matches!(head.get(2..4), Some([1..=3, 0]))
}

/// Opens a file of nfdump.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    let head = place.head(12)?;
    let number = |at: usize| {
        head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
    };
    let what = if head.get(2) != Some(&1) {
        "this is a file of nfdump 1.7 or newer"
    } else if number(4) & COMPRESSED != 0 {
        "this is a file of nfdump whose blocks are compressed"
    } else {
        ""
    };
    if !what.is_empty() {
        return Err(ReadError::NotATable {
            path: place.name().to_string(),
            what: what.to_owned(),
            mend: "write it as CSV with 'nfdump -r FILE -o csv'".to_owned(),
        });
    }
    let mut file = NfdumpFile {
        place: place.clone(),
        table: RawTable {
            format: "nfdump file, version 1".to_owned(),
            named: true,
            columns: COLUMNS.iter().map(|(name, kind)| RawColumn::new(*name, *kind)).collect(),
            bytes: place.stored_bytes(),
            ..RawTable::default()
        },
        reader: Reader::Start,
        maps: FxHashMap::default(),
        pending: Vec::new(),
        batch_rows: options.batch_rows.max(1),
        shown: options.shown,
        tally: Tally::new(options.shown),
    };
    let sample = file.batch(SAMPLE_ROWS)?.map_or_else(empty, |batch| batch.columns);
    file.table.contiguous = sample.first().map_or(0, Column::len);
    file.table.sample = sample;
    file.rewind()?;
    Ok(Box::new(file))
}

fn empty() -> Vec<Column> {
    COLUMNS.iter().map(|(_, kind)| Column::empty(*kind)).collect()
}

struct NfdumpFile {
    place: Place,
    table: RawTable,
    reader: Reader,
    /// Fields behind the fixed part, by the number of the map.
    maps: FxHashMap<u16, Vec<u16>>,
    /// Flows read and not yet handed out, last first.
    pending: Vec<Record>,
    batch_rows: usize,
    shown: usize,
    tally: Tally,
}

/// Where reading has come to.
enum Reader {
    Start,
    At(Box<dyn Read + Send>),
    End,
}

/// A flow.
#[derive(Debug, Clone, Default)]
struct Record {
    start: i64,
    end: i64,
    source: String,
    destination: String,
    source_port: u16,
    destination_port: u16,
    protocol: u8,
    flags: u8,
    tos: u8,
    packets: i64,
    octets: i64,
    out_packets: i64,
    out_octets: i64,
    exporter: i64,
}

/// Numbers from the beginning of some bytes.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// A count of 32 or of 64 bits.
    fn count(&mut self, wide: u16) -> Option<i64> {
        let value = if wide != 0 { self.u64()? } else { u64::from(self.u32()?) };
        Some(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl NfdumpFile {
    /// Reads the next block's flows. False at the end.
    fn read_block(&mut self) -> Result<bool, ReadError> {
        let place = self.place.clone();
        let failed = |source| place.error(source);
        let mut reader = match std::mem::replace(&mut self.reader, Reader::End) {
            Reader::End => return Ok(false),
            Reader::At(reader) => reader,
            Reader::Start => {
                let mut reader = self.place.bytes()?;
                std::io::copy(&mut (&mut reader).take(HEADER_BYTES), &mut std::io::sink()).map_err(failed)?;
                reader
            }
        };
        let mut header = Vec::new();
        (&mut reader).take(12).read_to_end(&mut header).map_err(failed)?;
        let mut cursor = Cursor(&header);
        let (Some(n_records), Some(size), Some(kind)) = (cursor.u32(), cursor.u32(), cursor.u16()) else {
            if !header.is_empty() {
                self.broken("the file ends within the header of a block");
            }
            return Ok(false);
        };
        if size > MOST_BLOCK_BYTES {
            self.broken("a block says that it is larger than any block is");
            return Ok(false);
        }
        let mut block = Vec::new();
        (&mut reader).take(u64::from(size)).read_to_end(&mut block).map_err(failed)?;
        self.tally.stats.bytes_read += 12 + block.len() as u64;
        let whole = block.len() == size as usize;
        // Other kinds hold catalogues and the like.
        if matches!(kind, 2 | 3) {
            self.records(&block, n_records);
        }
        if !whole {
            self.broken("the file ends within a block");
            return Ok(false);
        }
        self.reader = Reader::At(reader);
        Ok(true)
    }

    fn records(&mut self, block: &[u8], n_records: u32) {
        let mut rest = block;
        let mut flows = Vec::new();
        for _ in 0..n_records {
            let mut cursor = Cursor(rest);
            let (Some(kind), Some(size)) = (cursor.u16(), cursor.u16()) else { break };
            let Some((record, after)) = rest.split_at_checked(usize::from(size)).filter(|_| size >= 4) else {
                break;
            };
            rest = after;
            let mut body = Cursor(record.get(4..).unwrap_or_default());
            match kind {
                1 | 10 => match self.flow(&mut body, kind) {
                    Some(flow) => flows.push(flow),
                    None => self.broken("a flow is shorter than it says"),
                },
                2 => self.map(&mut body),
                // Exporters, samplers and their statistics.
                _ => {}
            }
        }
        flows.reverse();
        self.pending = flows;
    }

    /// An extension map: its number, the bytes of its fields, and the fields, ended by 0.
    fn map(&mut self, body: &mut Cursor<'_>) {
        let (Some(number), Some(_)) = (body.u16(), body.u16()) else { return };
        let fields: Vec<u16> = std::iter::from_fn(|| body.u16()).take_while(|field| *field != 0).collect();
        if self.maps.len() < MOST_MAPS || self.maps.contains_key(&number) {
            self.maps.insert(number, fields);
        }
    }

    fn flow(&self, body: &mut Cursor<'_>, kind: u16) -> Option<Record> {
        let mut flow = Record::default();
        let (flags, map) = if kind == 10 {
            (body.u16()?, body.u16()?)
        } else {
            let flags = body.u8()?;
            flow.exporter = i64::from(body.u8()?);
            (u16::from(flags), body.u16()?)
        };
        let (start_ms, end_ms) = (i64::from(body.u16()?), i64::from(body.u16()?));
        let (start, end) = (i64::from(body.u32()?), i64::from(body.u32()?));
        flow.start = (start * 1000 + start_ms) * 1_000_000;
        flow.end = (end * 1000 + end_ms) * 1_000_000;
        let _forwarding = body.u8()?;
        (flow.flags, flow.protocol, flow.tos) = (body.u8()?, body.u8()?, body.u8()?);
        (flow.source_port, flow.destination_port) = (body.u16()?, body.u16()?);
        if kind == 10 {
            flow.exporter = i64::from(body.u16()?);
            let _direction_and_version = body.u16()?;
        }
        if flags & 1 != 0 {
            // Each address is two words of 64 bits, the upper one first.
            let mut address = || {
                let (upper, lower) = (body.u64()?, body.u64()?);
                Some(Ipv6Addr::from(u128::from(upper) << 64 | u128::from(lower)).to_string())
            };
            (flow.source, flow.destination) = (address()?, address()?);
        } else {
            flow.source = Ipv4Addr::from(body.u32()?).to_string();
            flow.destination = Ipv4Addr::from(body.u32()?).to_string();
        }
        flow.packets = body.count(flags & 2)?;
        flow.octets = body.count(flags & 4)?;
        for field in self.maps.get(&map).into_iter().flatten() {
            match field {
                14 | 15 => flow.out_packets = body.count(field - 14)?,
                16 | 17 => flow.out_octets = body.count(field - 16)?,
                field => {
                    let Some(size) = size_of(*field) else { break };
                    body.0 = body.0.get(size..)?;
                }
            }
        }
        Some(flow)
    }

    fn broken(&mut self, reason: &str) {
        self.tally.row(self.place.name(), None, reason.to_owned(), "");
    }

    /// The next flows, at most `most`.
    fn batch(&mut self, most: usize) -> Result<Option<RawBatch>, ReadError> {
        let mut rows: Vec<Record> = Vec::new();
        while rows.len() < most {
            if let Some(flow) = self.pending.pop() {
                rows.push(flow);
            } else if !self.read_block()? && self.pending.is_empty() {
                break;
            }
        }
        Ok((!rows.is_empty()).then(|| RawBatch { columns: columns(&rows), lines: Lines::None }))
    }
}

/// Bytes of a field that is passed over.
fn size_of(field: u16) -> Option<usize> {
    Some(match field {
        4 | 6 | 8 | 9 | 11 | 13 | 18 | 23 | 25 => 4,
        5 | 7 | 19 | 26 | 27 => 8,
        10 | 12 | 20 | 21 | 24 => 16,
        22 => 40,
        _ => return None,
    })
}

fn columns(rows: &[Record]) -> Vec<Column> {
    let times = |of: fn(&Record) -> i64| Column::Time(rows.iter().map(of).collect());
    let ints = |of: fn(&Record) -> i64| Column::Int(rows.iter().map(of).collect());
    let texts = |of: &dyn Fn(&Record) -> String| {
        let mut column = TextColumn::with_capacity(rows.len(), rows.len() * 12);
        rows.iter().for_each(|row| column.push(&of(row)));
        Column::Text(column)
    };
    let port = |row: &Record| {
        let icmp = matches!(row.protocol, 1 | 58);
        let [code, kind] = row.destination_port.to_le_bytes();
        if icmp { format!("{kind}.{code}") } else { row.destination_port.to_string() }
    };
    vec![
        times(|row| row.start),
        times(|row| row.end),
        texts(&|row| row.source.clone()),
        texts(&|row| row.destination.clone()),
        texts(&|row| row.source_port.to_string()),
        texts(&port),
        texts(&|row| row.protocol.to_string()),
        texts(&|row| format!("0x{:02x}", row.flags)),
        ints(|row| row.packets),
        ints(|row| row.octets),
        ints(|row| row.out_packets),
        ints(|row| row.out_octets),
        ints(|row| row.exporter),
        ints(|row| i64::from(row.tos)),
    ]
}

impl RawSource for NfdumpFile {
    fn table(&self) -> &RawTable {
        &self.table
    }

    fn next_batch(&mut self, _: &[Target]) -> Result<Option<RawBatch>, ReadError> {
        self.batch(self.batch_rows)
    }

    fn stats(&self) -> ReadStats {
        self.tally.stats.clone()
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.reader = Reader::Start;
        self.pending.clear();
        self.maps.clear();
        self.tally = Tally::new(self.shown);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with one flow of each family.
    fn file() -> Vec<u8> {
        let mut records = Vec::new();
        let mut record = |kind: u16, body: &[u8]| {
            records.extend_from_slice(&kind.to_le_bytes());
            records.extend_from_slice(&(body.len() as u16 + 4).to_le_bytes());
            records.extend_from_slice(body);
        };
        let map: Vec<u8> = [3_u16, 16, 5, 15, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
        record(2, &map);
        let fixed = |flags: u16, protocol: u8, to: u16| {
            let mut body = Vec::new();
            [flags, 3, 250, 750].iter().for_each(|word| body.extend_from_slice(&word.to_le_bytes()));
            [1_704_164_645_u32, 1_704_164_646]
                .iter()
                .for_each(|word| body.extend_from_slice(&word.to_le_bytes()));
            body.extend_from_slice(&[0, 0x1b, protocol, 0]);
            [50_000_u16, to, 7, 0].iter().for_each(|word| body.extend_from_slice(&word.to_le_bytes()));
            body
        };
        let mut v4 = fixed(2, 6, 443);
        v4.extend_from_slice(&0x0a00_0001_u32.to_le_bytes());
        v4.extend_from_slice(&0xc000_0207_u32.to_le_bytes());
        v4.extend_from_slice(&10_u64.to_le_bytes());
        v4.extend_from_slice(&1050_u32.to_le_bytes());
        v4.extend_from_slice(&[0; 8]);
        v4.extend_from_slice(&8_u64.to_le_bytes());
        record(10, &v4);
        let mut v6 = fixed(1, 58, 0x8000);
        for word in [0xfe80_u64 << 48, 1, 0xff02_u64 << 48, 2] {
            v6.extend_from_slice(&word.to_le_bytes());
        }
        v6.extend_from_slice(&1_u32.to_le_bytes());
        v6.extend_from_slice(&72_u32.to_le_bytes());
        v6.extend_from_slice(&[0; 16]);
        record(10, &v6);
        let mut file = vec![0_u8; HEADER_BYTES as usize];
        file[..4].copy_from_slice(&[0x0c, 0xa5, 1, 0]);
        file.extend_from_slice(&3_u32.to_le_bytes());
        file.extend_from_slice(&(records.len() as u32).to_le_bytes());
        file.extend_from_slice(&[2, 0, 0, 0]);
        file.extend_from_slice(&records);
        file
    }

    fn read(bytes: Vec<u8>) -> Option<(Vec<Column>, u64)> {
        let place = Place::memory("nfcapd.1", bytes).ok()?;
        let mut file = open(&place, &ReadOptions::default()).ok()?;
        let batch = file.next_batch(&[]).ok()?.unwrap_or_default();
        Some((batch.columns, file.stats().rows_set_aside))
    }

    #[test]
    fn flows_of_both_families_are_read() {
        let (columns, aside) = read(file()).unwrap();
        let texts = |idx: usize| columns[idx].as_text().unwrap().iter().collect::<Vec<_>>();
        assert_eq!(aside, 0);
        assert_eq!(columns[0].as_time().unwrap(), [1_704_164_645_250_000_000; 2]);
        assert_eq!(texts(2), ["10.0.0.1", "fe80::1"]);
        assert_eq!(texts(3), ["192.0.2.7", "ff02::2"]);
        assert_eq!(texts(5), ["443", "128.0"]);
        assert_eq!(texts(7), ["0x1b", "0x1b"]);
        assert_eq!(columns[8], Column::Int(vec![10, 1]));
        assert_eq!(columns[9], Column::Int(vec![1050, 72]));
        assert_eq!(columns[10], Column::Int(vec![8, 0]));
        assert_eq!(columns[12], Column::Int(vec![7, 7]));
    }

    #[test]
    fn a_file_cut_off_anywhere_gives_what_it_has_and_says_so() {
        let whole = file();
        for end in HEADER_BYTES as usize + 1..whole.len() {
            let (_, aside) = read(whole[..end].to_vec()).unwrap();
            assert_eq!(aside, 1, "cut at {end}");
        }
    }

    #[test]
    fn newer_and_compressed_files_are_refused_with_the_way_out() {
        for (at, value) in [(2, 2), (4, 16)] {
            let mut bytes = file();
            bytes[at] = value;
            let error = open(&Place::memory("x", bytes).unwrap(), &ReadOptions::default()).err().unwrap();
            assert!(error.to_string().contains("nfdump -r"), "{error}");
        }
    }
}
