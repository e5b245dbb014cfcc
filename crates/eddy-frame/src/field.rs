//! What a column is: its name, kind, role and unit.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How the values of a column are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// 64-bit floating point; missing is NaN. Whole numbers up to 2^53 are kept exactly.
    Float,
    /// 64-bit signed integers, for whole numbers too wide for [`Kind::Float`]; missing is [`crate::MISSING_INT`].
    Int,
    /// UTF-8 text; missing is the empty string.
    Text,
    /// Nanoseconds since 1970-01-01T00:00:00Z; missing is [`crate::MISSING_TIME`].
    Time,
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// When the record happened.
    Time,
    /// The measured value of a metric series.
    Value,
    /// A number that describes the record.
    Feature,
    /// A category that describes the record (protocol, service, flag).
    Category,
    /// Whom the record is about (host, interface, series name). Splits series; not itself a feature.
    Entity,
    /// The truth, if somebody wrote it down. Never a feature.
    Label,
    /// Names the record (row number, flow id, free text). Not a feature.
    Identifier,
    /// Known to give the label away (NSL-KDD's difficulty). Not a feature unless asked.
    LeakSuspect,
    /// Left out on request, or carries nothing (constant, empty).
    Ignored,
}

impl Role {
    /// Whether models see columns of this role.
    pub fn is_input(self) -> bool {
        matches!(self, Self::Value | Self::Feature | Self::Category)
    }

    /// The name used in files, flags and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Value => "value",
            Self::Feature => "feature",
            Self::Category => "category",
            Self::Entity => "entity",
            Self::Label => "label",
            Self::Identifier => "identifier",
            Self::LeakSuspect => "leak_suspect",
            Self::Ignored => "ignored",
        }
    }
}

/// The width at which a cumulative counter wraps to zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CounterBits {
    /// SNMP `Counter32`: wraps after 4,294,967,295.
    #[serde(rename = "32")]
    B32,
    /// SNMP `Counter64`: wraps after 18,446,744,073,709,551,615.
    #[serde(rename = "64")]
    B64,
}

impl CounterBits {
    /// The value at which the counter wraps (2^32 or 2^64).
    pub fn modulus(self) -> f64 {
        match self {
            Self::B32 => 4_294_967_296.0,
            Self::B64 => 18_446_744_073_709_551_616.0,
        }
    }
}

/// How time was written in the source, so that it can be written the same way again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeStyle {
    /// `2014-04-10T00:04:00Z` with as many fractional digits as needed.
    #[default]
    Iso,
    /// `2014-04-10 00:04:00` with as many fractional digits as needed.
    Spaced,
    /// Seconds since the epoch.
    EpochSeconds,
    /// Milliseconds since the epoch.
    EpochMillis,
    /// Microseconds since the epoch.
    EpochMicros,
    /// Nanoseconds since the epoch.
    EpochNanos,
    /// Seconds since an unknown start (a capture's first packet), kept as seconds after 1970-01-01.
    RelativeSeconds,
}

/// Name, kind, role and unit of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The name as in the source, trimmed; duplicates carry a suffix (`name.2`).
    pub name: Arc<str>,
    /// How values are stored.
    pub kind: Kind,
    /// What the column is for.
    pub role: Role,
    /// Unit of the values ("bytes", "s", "1/s"), where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
    /// Set when the column is a cumulative counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counter: Option<CounterBits>,
    /// How times were written; meaningless for other kinds.
    #[serde(default)]
    pub time_style: TimeStyle,
    /// Label columns only: the values that mean "normal" besides the well-known ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub normal_labels: Vec<Arc<str>>,
}

impl Field {
    /// A field with the given name, kind and role, without unit.
    pub fn new(name: impl Into<Arc<str>>, kind: Kind, role: Role) -> Self {
        Self {
            name: name.into(),
            kind,
            role,
            unit: None,
            counter: None,
            time_style: TimeStyle::default(),
            normal_labels: Vec::new(),
        }
    }
}

/// The fields of a frame, in column order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Schema {
    /// The fields, in column order.
    pub fields: Vec<Field>,
}

impl Schema {
    /// Position of the column called `name`.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| &*field.name == name)
    }

    /// Positions of all columns with the given role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = usize> + '_ {
        self.fields.iter().enumerate().filter(move |(_, field)| field.role == role).map(|(idx, _)| idx)
    }

    /// Appends a column that no model sees; where its name is taken, `eddy_` is put before it until it is free.
    pub fn append(&mut self, name: &str, kind: Kind) {
        let mut name = name.to_owned();
        while self.index_of(&name).is_some() {
            name = format!("eddy_{name}");
        }
        self.fields.push(Field::new(name, kind, Role::Ignored));
    }

    /// Positions of the columns that models see, in order.
    pub fn inputs(&self) -> impl Iterator<Item = usize> + '_ {
        self.fields.iter().enumerate().filter(|(_, field)| field.role.is_input()).map(|(idx, _)| idx)
    }
}
