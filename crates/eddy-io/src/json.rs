//! JSON: one object a line (NDJSON), an array of objects, objects one after the other, or an object that holds such an
//! array (`{"data":[...]}`).
//!
//! The keys of the first records, and of some further on where the input can be read anywhere, are the columns. Values of
//! keys that come up later are counted and noted. A record that cannot be read is set aside.

mod form;
mod keys;
pub(crate) mod scan;

use eddy_frame::{Column, Kind};

use self::form::Found;
use self::keys::{Keys, Survey};
use self::scan::{Leaf, object};
use crate::batcher::{Batcher, Layout, Parsed};
use crate::grouped::{BlockParser, Extract, Grouped};
use crate::pieces::{Block, Cut, Pieces};
use crate::place::{Packing, Place};
use crate::raw::{RawColumn, RawSource, RawTable, SAMPLE_ROWS, Target, most_rows};
use crate::{Note, ReadError, ReadOptions};

/// Bytes looked at to find out how the records follow each other.
const HEAD: usize = 4 << 20;
/// Bytes of the path of a key without column that are kept.
const SHOWN_PATH: usize = 256;
/// Places of a plain file that are sampled besides its head, and bytes looked at in each.
const SPOTS: u64 = 8;
const SPOT_BYTES: usize = 64 << 10;

/// Whether text is JSON, by its beginning.
pub(crate) fn is(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let second = text.get(1..).unwrap_or_default().trim_ascii_start().first();
    match text.first() {
        Some(b'{') => matches!(second, Some(b'"' | b'}')),
        Some(b'[') => {
            matches!(second, Some(b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9' | b'n' | b't' | b'f'))
        }
        _ => false,
    }
}

/// Opens JSON.
pub(crate) fn open(place: &Place, options: &ReadOptions) -> Result<Box<dyn RawSource>, ReadError> {
    open_as(place, options, None)
}

/// Opens JSON whose keys are known: one column each, in this order and of these kinds (times as text). Other keys are
/// passed over.
pub(crate) fn open_known(
    place: &Place,
    options: &ReadOptions,
    wanted: &[(&str, Kind)],
) -> Result<Box<dyn RawSource>, ReadError> {
    open_as(place, options, Some(wanted))
}

fn open_as(
    place: &Place,
    options: &ReadOptions,
    wanted: Option<&[(&str, Kind)]>,
) -> Result<Box<dyn RawSource>, ReadError> {
    let mut head = Vec::new();
    std::io::Read::read_to_end(&mut std::io::Read::take(place.text()?, HEAD as u64), &mut head)
        .map_err(|source| place.error(source))?;
    let refused = |what: &str| ReadError::NotATable {
        path: place.name().to_string(),
        what: what.to_owned(),
        mend: "write one object per record, one a line or in an array: [{\"time\": 1, \"value\": 2}, ...]"
            .to_owned(),
    };
    let Found { cut, start, name, note } = form::find(&head, head.len() < HEAD).map_err(refused)?;
    let first_line = 1 + memchr::memchr_iter(b'\n', head.get(..start).unwrap_or_default()).count() as u64;
    let extract = Extract { cut, skip: start as u64, first_line };
    drop(head);

    let mut blocks = sample(place, extract)?;
    let (keys, columns, dropped) = match wanted {
        Some(wanted) => known_columns(wanted),
        None => survey(&blocks),
    };
    if columns.is_empty() {
        return Err(refused("none of its first records is an object with keys"));
    }
    let layout = Layout {
        batch_rows: most_rows(options.batch_rows, columns.len()),
        columns,
        source: place.name().clone(),
        shown: options.shown,
    };
    let mut notes: Vec<Note> = note.into_iter().map(|text| Note { column: None, text }).collect();
    if dropped > 0 {
        let text = format!("{dropped} keys beyond the first {} were left out", keys::MAX_KEYS);
        notes.push(Note { column: None, text });
    }
    let most = most_rows(SAMPLE_ROWS, layout.columns.len() * blocks.len());
    blocks.iter_mut().for_each(|block| block.truncate(most));
    let others = if wanted.is_some() { Others::PassedOver } else { Others::Counted };
    let parser = JsonParser { keys, layout, others };
    let (sample, contiguous) = parser.sample(&blocks);
    let packing = match place.packing() {
        Packing::Plain => "",
        Packing::Gzip => ", gzip",
        Packing::Zstd => ", zstd",
    };
    let table = RawTable {
        format: format!("{name}{packing}"),
        named: true,
        columns: parser.layout.columns.clone(),
        sample,
        contiguous,
        bytes: place.stored_bytes(),
        notes,
        ..RawTable::default()
    };
    Ok(Box::new(Grouped::new(place, extract, parser, table, options.shown)))
}

/// The columns that the records of a sample have.
fn survey(blocks: &[Block]) -> (Keys, Vec<RawColumn>, usize) {
    let mut survey = Survey::default();
    for block in blocks {
        let mut path = Vec::new();
        block.each(|_, record, fault| {
            if fault.is_none() {
                survey.start_record();
                // Damage further on in a record is met again, and counted, when the rows are read.
                object(record, &mut path, &mut |path, leaf| survey.see(path, leaf)).ok();
            }
        });
    }
    survey.columns()
}

/// The columns that are wanted. Times may be numbers or texts, so that they are texts here.
fn known_columns(wanted: &[(&str, Kind)]) -> (Keys, Vec<RawColumn>, usize) {
    let native = |kind: Kind| if kind == Kind::Time { Kind::Text } else { kind };
    let columns = wanted.iter().map(|(name, kind)| RawColumn::new(*name, native(*kind))).collect();
    (Keys::of(wanted.iter().map(|(name, _)| *name)), columns, 0)
}

/// The first records, and some further on.
fn sample(place: &Place, extract: Extract) -> Result<Vec<Block>, ReadError> {
    let mut blocks = Vec::new();
    if let Some(mut block) = Pieces::open(place, extract.cut, extract.skip, SAMPLE_ROWS)?.next()? {
        block.truncate(SAMPLE_ROWS);
        blocks.push(block);
    }
    let size = place.stored_bytes().unwrap_or(0);
    if extract.cut == Cut::Lines && size > 2 * HEAD as u64 {
        for spot in 1..=SPOTS {
            let offset = (size / SPOTS * spot).saturating_sub(SPOT_BYTES as u64);
            let Some(bytes) = place.plain_at(offset, SPOT_BYTES) else { break };
            // UTF-16 cannot be entered in the middle.
            if memchr::memchr(0, &bytes).is_some() {
                break;
            }
            blocks.extend(Block::lines_within(&bytes));
        }
    }
    Ok(blocks)
}

struct JsonParser {
    keys: Keys,
    layout: Layout,
    others: Others,
}

/// What becomes of keys without a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Others {
    /// They are counted, and a note says so.
    Counted,
    /// Nobody asked for them.
    PassedOver,
}

impl JsonParser {
    /// The values of the sample, and how many rows at its start follow each other.
    fn sample(&self, blocks: &[Block]) -> (Vec<Column>, usize) {
        let layout = Layout { batch_rows: usize::MAX, shown: 0, ..self.layout.clone() };
        let targets = layout.native_targets();
        let mut columns: Vec<Column> = targets.iter().map(|target| Column::empty(target.kind)).collect();
        let mut contiguous = None;
        for block in blocks {
            for batch in self.parse_as(&layout, block, &targets).batches {
                columns.iter_mut().zip(&batch.columns).for_each(|(to, from)| to.append(from));
            }
            contiguous.get_or_insert(columns.first().map_or(0, Column::len));
        }
        (columns, contiguous.unwrap_or(0))
    }

    fn parse_as(&self, layout: &Layout, block: &Block, targets: &[Target]) -> Parsed {
        let mut batcher = Batcher::new(layout, targets);
        let mut slots = vec![Leaf::Null; layout.columns.len()];
        let mut path = Vec::new();
        let mut unknown: Vec<Vec<u8>> = Vec::new();
        let lines = block.each(|line, record, fault| {
            let mut expected = 0;
            let result = match fault {
                Some(fault) => Err(fault),
                None => object(record, &mut path, &mut |path, leaf| match self.keys.find(path, expected) {
                    Some(idx) => {
                        expected = idx + 1;
                        if let Some(slot) = slots.get_mut(idx) {
                            *slot = leaf;
                        }
                    }
                    None if leaf == Leaf::Null || self.others == Others::PassedOver => {}
                    // Only the first few are ever shown, and of a long one the beginning.
                    None if unknown.len() < keys::MAX_KEYS => {
                        unknown.push(path.get(..SHOWN_PATH).unwrap_or(path).to_vec());
                    }
                    None => {}
                }),
            };
            match result {
                Ok(()) => {
                    batcher.accept(line, &mut slots);
                    unknown.iter().for_each(|key| batcher.leave_out(key));
                }
                Err(reason) => {
                    slots.fill(Leaf::Null);
                    batcher.set_aside(line, reason, record);
                }
            }
            unknown.clear();
        });
        batcher.finish(lines)
    }
}

impl BlockParser for JsonParser {
    fn parse(&self, block: &Block, targets: &[Target]) -> Parsed {
        self.parse_as(&self.layout, block, targets)
    }
}

/// A column of the given name and kind.
fn column(name: &[u8], kind: Kind) -> RawColumn {
    RawColumn::new(crate::encoding::decode(name).0, kind)
}
