//! Runs a table from its first row to its last and keeps the truth.

use std::sync::Arc;

use eddy_frame::{Column, Field, Frame, Kind, Role, Schema, TextColumn};
use serde::{Deserialize, Serialize};

use crate::connection_records::ConnectionRecords;
use crate::flow_features::FlowFeatures;
use crate::metric_series::MetricSeries;
use crate::packet_list::PacketList;
use crate::plan::{Planned, plan};
use crate::snmp_mib::SnmpMib;
use crate::table::Table;
use crate::{Label, Scenario, Shape, SimError, Spec};

/// Rows of one batch.
const BATCH_ROWS: usize = 65_536;
/// The label of normal rows.
const NORMAL: &str = "normal";

/// What was planted, and which rows show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The scenario.
    pub scenario: Scenario,
    /// Its first moment, in nanoseconds since the epoch.
    pub start_ns: i64,
    /// The moment after its last, in nanoseconds since the epoch.
    pub end_ns: i64,
    /// The first row that shows it, counted from 0; 0 when no row does.
    pub first_row: u64,
    /// The last row that shows it; 0 when no row does.
    pub last_row: u64,
    /// How many rows show it; rows between the first and the last may be normal.
    pub rows: usize,
    /// Who causes it, where the table can tell and it is one host.
    pub actor: Option<String>,
    /// Whom it is about, where the table can tell.
    pub target: Option<String>,
    /// How it shows, in words.
    pub note: String,
}

/// Some rows of a table and their truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The rows.
    pub frame: Frame,
    /// For each row the position of its event in the truth plus 1, or 0 when it is normal.
    pub row_truth: Vec<u8>,
}

/// A whole table and its truth.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The rows.
    pub frame: Frame,
    /// What was planted, in order of time.
    pub truth: Vec<Event>,
    /// For each row the position of its event in `truth` plus 1, or 0 when it is normal.
    pub row_truth: Vec<u8>,
}

/// Generates a table in batches of 65,536 rows; memory does not grow with the table.
pub struct Generator {
    table: Box<dyn Table>,
    schema: Arc<Schema>,
    label: Label,
    truth: Vec<Event>,
    next_row: u64,
}

impl std::fmt::Debug for Generator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Generator")
            .field("truth", &self.truth)
            .field("next_row", &self.next_row)
            .finish_non_exhaustive()
    }
}

impl Generator {
    /// Checks the specification and places its scenarios; rows are made as they are asked for.
    pub fn new(spec: &Spec) -> Result<Self, SimError> {
        let plan = plan(spec)?;
        let table = table(spec, &plan);
        let mut fields = table.fields();
        if spec.label == Label::Column {
            fields.push(Field::new(spec.shape.label_name(), Kind::Text, Role::Label));
        }
        let truth = plan
            .into_iter()
            .enumerate()
            .map(|(idx, planned)| {
                let parties = table.parties(idx);
                Event {
                    scenario: planned.scenario,
                    start_ns: planned.start_ns,
                    end_ns: planned.end_ns,
                    first_row: 0,
                    last_row: 0,
                    rows: 0,
                    actor: parties.actor,
                    target: parties.target,
                    note: parties.note,
                }
            })
            .collect();
        Ok(Self { table, schema: Arc::new(Schema { fields }), label: spec.label, truth, next_row: 0 })
    }

    /// The columns of every batch.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// What is planted, in order of time. Rows are counted as far as batches have been taken.
    pub fn truth(&self) -> &[Event] {
        &self.truth
    }

    fn count(&mut self, row_truth: &[u8]) {
        for (row_idx, &truth) in row_truth.iter().enumerate() {
            let Some(event) = usize::from(truth).checked_sub(1).and_then(|idx| self.truth.get_mut(idx))
            else {
                continue;
            };
            event.last_row = self.next_row + row_idx as u64;
            if event.rows == 0 {
                event.first_row = event.last_row;
            }
            event.rows += 1;
        }
    }

    fn labels(&self, row_truth: &[u8]) -> TextColumn {
        let name_of = |&truth: &u8| match truth {
            0 => NORMAL,
            truth => self.truth[usize::from(truth) - 1].scenario.name(),
        };
        row_truth.iter().map(name_of).collect()
    }
}

impl Iterator for Generator {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let (mut columns, row_truth) = self.table.fill(BATCH_ROWS);
        if row_truth.is_empty() {
            return None;
        }
        self.count(&row_truth);
        if self.label == Label::Column {
            columns.push(Column::Text(self.labels(&row_truth)));
        }
        let mut frame = framed(self.schema.clone(), columns);
        frame.first_row = self.next_row;
        self.next_row += row_truth.len() as u64;
        Some(Batch { frame, row_truth })
    }
}

/// Generates a whole table. For millions of rows take batches from a [`Generator`] instead.
pub fn generate(spec: &Spec) -> Result<Generated, SimError> {
    let mut generator = Generator::new(spec)?;
    let mut columns: Vec<Column> =
        generator.schema.fields.iter().map(|field| Column::empty(field.kind)).collect();
    let mut row_truth = Vec::new();
    for batch in generator.by_ref() {
        for (to, from) in columns.iter_mut().zip(batch.frame.columns()) {
            to.append(from);
        }
        row_truth.extend(batch.row_truth);
    }
    let frame = framed(generator.schema, columns);
    Ok(Generated { frame, truth: generator.truth, row_truth })
}

fn framed(schema: Arc<Schema>, columns: Vec<Column>) -> Frame {
    Frame::new(schema, columns).expect("every table fills the columns it names")
}

fn table(spec: &Spec, plan: &[Planned]) -> Box<dyn Table> {
    match spec.shape {
        Shape::MetricSeries => Box::new(MetricSeries::new(spec, plan)),
        Shape::FlowFeatures => Box::new(FlowFeatures::new(spec, plan)),
        Shape::ConnectionRecords => Box::new(ConnectionRecords::new(spec, plan)),
        Shape::PacketList => Box::new(PacketList::new(spec, plan)),
        Shape::SnmpMib => Box::new(SnmpMib::new(spec, plan)),
    }
}
