//! Which keys the records of a sample have, and what their values are.

use std::hash::BuildHasher;

use eddy_frame::Kind;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};

use super::column;
use super::scan::{Leaf, unescape};
use crate::cells::{integer, number};
use crate::raw::RawColumn;

/// Most columns. Objects that use keys as data would have any number.
pub(crate) const MAX_KEYS: usize = 4096;
/// Most bytes of all their names: the keys of nested objects repeat those around them.
const MAX_NAMES: usize = 4 << 20;
/// Whole numbers beyond this are no floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The columns by their keys.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    names: Vec<Vec<u8>>,
    index: FxHashMap<Vec<u8>, usize>,
}

impl Keys {
    /// Columns for these keys, in this order.
    pub(crate) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let names: Vec<Vec<u8>> = names.map(|name| name.as_bytes().to_vec()).collect();
        let index = names.iter().enumerate().map(|(idx, name)| (name.clone(), idx)).collect();
        Self { names, index }
    }

    /// The column of a key. Records mostly have their keys in the same order, so `expected` is tried first.
    pub(crate) fn find(&self, key: &[u8], expected: usize) -> Option<usize> {
        if self.names.get(expected).is_some_and(|name| name == key) {
            return Some(expected);
        }
        self.index.get(key).copied()
    }
}

/// What the values of one key are.
#[derive(Debug, Clone, Copy, Default)]
struct Values {
    numbers: usize,
    /// Whole numbers that no float holds exactly.
    wide: usize,
    /// Numbers that no 64-bit integer holds.
    not_whole: usize,
    bools: usize,
    /// Strings that are a number's name: `"inf"`, `"NaN"`.
    words: usize,
    others: usize,
}

impl Values {
    fn kind(&self) -> Kind {
        if self.others > 0 || self.numbers + self.bools == 0 {
            Kind::Text
        } else if self.wide > 0 && self.not_whole == 0 && self.words == 0 {
            Kind::Int
        } else {
            Kind::Float
        }
    }
}

/// Looks at the records of a sample.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    keys: Keys,
    values: Vec<Values>,
    expected: usize,
    /// Bytes of the names so far.
    name_bytes: usize,
    /// Hashes of keys that were too many.
    dropped: FxHashSet<u64>,
}

impl Survey {
    /// Begins a record.
    pub(crate) fn start_record(&mut self) {
        self.expected = 0;
    }

    /// Looks at one value.
    pub(crate) fn see(&mut self, key: &[u8], leaf: Leaf<'_>) {
        let idx = match self.keys.find(key, self.expected) {
            Some(idx) => idx,
            None if self.values.len() < MAX_KEYS && self.name_bytes + key.len() <= MAX_NAMES => {
                self.name_bytes += key.len();
                let idx = self.values.len();
                self.keys.names.push(key.to_vec());
                self.keys.index.insert(key.to_vec(), idx);
                self.values.push(Values::default());
                idx
            }
            None => {
                if self.dropped.len() < MAX_KEYS {
                    self.dropped.insert(FxBuildHasher.hash_one(key));
                }
                return;
            }
        };
        self.expected = idx + 1;
        let Some(values) = self.values.get_mut(idx) else { return };
        match leaf {
            Leaf::Null => {}
            Leaf::Bool(_) => values.bools += 1,
            Leaf::Number(text, value) => {
                values.numbers += 1;
                if integer(text).is_some() {
                    values.wide += usize::from(value.abs() > EXACT);
                } else if !value.is_nan() {
                    values.not_whole += 1;
                }
            }
            Leaf::Text(text, escaped) => {
                let plain = if escaped.0 { unescape(text).into_bytes() } else { text.to_vec() };
                let is_word =
                    plain.eq_ignore_ascii_case(b"nan") || number(&plain).is_some_and(f64::is_infinite);
                if is_word {
                    values.words += 1;
                } else {
                    values.others += usize::from(!plain.is_empty());
                }
            }
            Leaf::Nested(_) => values.others += 1,
        }
    }

    /// The columns, and how many keys were too many.
    pub(crate) fn columns(self) -> (Keys, Vec<RawColumn>, usize) {
        let columns = self
            .keys
            .names
            .iter()
            .zip(&self.values)
            .map(|(name, values)| column(name, values.kind()))
            .collect();
        (self.keys, columns, self.dropped.len())
    }
}
