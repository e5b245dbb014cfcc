//! What each shape must know to be generated.

use eddy_frame::{Column, Field, Kind, Role};

use crate::Spec;

/// The source of one table's rows, from the first to the last.
pub(crate) trait Table: Send {
    /// The columns, without the label.
    fn fields(&self) -> Vec<Field>;

    /// The next rows, at most `most_rows`, as columns in the order of [`Table::fields`], and the truth of each: the
    /// position of its event plus 1, or 0 for normal. No rows means the table is complete.
    fn fill(&mut self, most_rows: usize) -> (Vec<Column>, Vec<u8>);

    /// Who does what to whom in the event at position `event_idx`.
    fn parties(&self, event_idx: usize) -> Parties;
}

/// Who takes part in an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parties {
    /// Who causes it, where that is one host.
    pub(crate) actor: Option<String>,
    /// Whom it is about.
    pub(crate) target: Option<String>,
    /// How it shows, in words.
    pub(crate) note: String,
}

/// The moments of rows at a fixed interval.
#[derive(Debug, Clone)]
#[expect(clippy::struct_field_names, reason = "the unit is part of the name")]
pub(crate) struct Grid {
    next_ns: i64,
    end_ns: i64,
    interval_ns: i64,
}

impl Grid {
    pub(crate) fn new(spec: &Spec) -> Self {
        Self { next_ns: spec.start_ns, end_ns: spec.end_ns(), interval_ns: spec.interval_ns() }
    }
}

impl Iterator for Grid {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        let at_ns = self.next_ns;
        if at_ns >= self.end_ns {
            return None;
        }
        self.next_ns = at_ns.saturating_add(self.interval_ns);
        Some(at_ns)
    }
}

/// A field with a unit ("" for none).
pub(crate) fn field(name: &str, kind: Kind, role: Role, unit: &str) -> Field {
    let mut field = Field::new(name, kind, role);
    field.unit = (!unit.is_empty()).then(|| unit.into());
    field
}
