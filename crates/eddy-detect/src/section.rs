//! Named arrays and values: what a model file holds, and how fitted things name their parts.

use std::collections::BTreeMap;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::LoadError;

/// One named array.
#[derive(Debug, Clone, PartialEq)]
pub enum Array {
    /// Bytes.
    U8(Vec<u8>),
    /// 32-bit unsigned integers.
    U32(Vec<u32>),
    /// 64-bit signed integers.
    I64(Vec<i64>),
    /// 32-bit floats.
    F32(Vec<f32>),
    /// 64-bit floats.
    F64(Vec<f64>),
}

/// All named arrays and values of one saved thing. Names are paths: `model/tree/threshold`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sections {
    /// Small values, as JSON.
    pub values: BTreeMap<String, Value>,
    /// Arrays.
    pub arrays: BTreeMap<String, Array>,
}

impl Sections {
    /// A writer at the root.
    pub fn writer(&mut self) -> SectionWriter<'_> {
        SectionWriter { sections: self, prefix: String::new() }
    }

    /// A reader at the root.
    pub fn reader(&self) -> SectionReader<'_> {
        SectionReader { sections: self, prefix: String::new() }
    }
}

/// Writes values and arrays under a prefix.
#[derive(Debug)]
pub struct SectionWriter<'a> {
    sections: &'a mut Sections,
    prefix: String,
}

macro_rules! array_access {
    ($($name:ident, $variant:ident, $ty:ty, $doc:literal);* $(;)?) => {
        impl SectionWriter<'_> {
            $(
                #[doc = concat!("Writes an array of ", $doc, ".")]
                pub fn $name(&mut self, name: &str, values: &[$ty]) {
                    let path = self.path(name);
                    self.sections.arrays.insert(path, Array::$variant(values.to_vec()));
                }
            )*
        }
        impl<'a> SectionReader<'a> {
            $(
                #[doc = concat!("Reads an array of ", $doc, ".")]
                pub fn $name(&self, name: &str) -> Result<&'a [$ty], LoadError> {
                    match self.sections.arrays.get(&self.path(name)) {
                        Some(Array::$variant(values)) => Ok(values),
                        Some(_) => Err(LoadError::content(self.path(name), "has another element type")),
                        None => Err(LoadError::content(self.path(name), "is missing")),
                    }
                }
            )*
        }
    };
}

array_access! {
    u8, U8, u8, "bytes";
    u32, U32, u32, "32-bit unsigned integers";
    i64, I64, i64, "64-bit signed integers";
    f32, F32, f32, "32-bit floats";
    f64, F64, f64, "64-bit floats";
}

impl SectionWriter<'_> {
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A writer for a named part.
    pub fn part(&mut self, name: &str) -> SectionWriter<'_> {
        let prefix = format!("{}{name}/", self.prefix);
        SectionWriter { sections: self.sections, prefix }
    }

    /// Writes a small value as JSON. Floats must be finite; put others into an array.
    pub fn value(&mut self, name: &str, value: &impl Serialize) {
        let path = self.path(name);
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.sections.values.insert(path, value);
    }
}

/// Reads values and arrays under a prefix.
#[derive(Debug, Clone)]
pub struct SectionReader<'a> {
    sections: &'a Sections,
    prefix: String,
}

impl SectionReader<'_> {
    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A reader for a named part.
    pub fn part(&self, name: &str) -> Self {
        Self { sections: self.sections, prefix: format!("{}{name}/", self.prefix) }
    }

    /// Reads a small value.
    pub fn value<T: DeserializeOwned>(&self, name: &str) -> Result<T, LoadError> {
        let path = self.path(name);
        let value =
            self.sections.values.get(&path).ok_or_else(|| LoadError::content(path.clone(), "is missing"))?;
        T::deserialize(value).map_err(|error| LoadError::content(path, error.to_string()))
    }
}
