//! Captures as tables of flows with the whole catalogue of features, in the columns that all sources of flows share and
//! those of [`eddy_flow::features`].

use std::sync::Arc;

use eddy_flow::features::{Feature, FeatureSet, FlowFeatures};
use eddy_frame::{Column, Field, Frame, Role, Schema};

use super::row::{Row, columns, feature_column, feature_values, raw_columns};
use super::{Capture, format_of, is, reader};
use crate::place::Place;
use crate::raw::{RawSource, RawTable, Tally};
use crate::roles::plan;
use crate::{Description, Note, ReadError, ReadOptions, ReadStats, ShapeName, Source};

/// What is needed, for messages.
pub(super) const NEEDS_PACKETS: &str = "this needs the packets themselves: give captures (pcap, pcapng)";

/// The flows of captures with their features, one capture after the other.
pub(crate) struct FeatureSource {
    places: Vec<Place>,
    /// The capture that is read next.
    at: usize,
    current: Option<Capture<FlowFeatures>>,
    wanted: Vec<&'static Feature>,
    options: ReadOptions,
    description: Description,
    first_row: u64,
    tally: Tally,
}

impl FeatureSource {
    /// Opens captures.
    pub(crate) fn open(
        places: Vec<Place>,
        options: &ReadOptions,
        set: FeatureSet,
    ) -> Result<Self, ReadError> {
        let wanted = set.features();
        let format = captures(&places)?;
        let table = RawTable {
            named: true,
            sample: raw_columns().iter().map(|column| Column::empty(column.kind)).collect(),
            columns: raw_columns(),
            ..RawTable::default()
        };
        let plan = plan(&name_of(&places), &table, &options.overrides)?;
        let mut fields = plan.schema.fields.clone();
        for (field, column) in fields.iter_mut().zip(&table.columns) {
            field.kind = column.kind;
        }
        fields.extend(wanted.iter().map(|feature| {
            let column = feature_column(feature);
            let mut field = Field::new(column.name, column.kind, Role::Feature);
            field.unit = column.unit.map(Into::into);
            field
        }));
        let shape = ShapeName { id: "flow_statistics".to_owned(), title: "flow statistics".to_owned() };
        Ok(Self {
            description: description(&places, format, shape, Schema { fields }),
            places,
            at: 0,
            current: None,
            wanted,
            options: options.clone(),
            first_row: 0,
            tally: Tally::new(options.shown),
        })
    }

    fn frame(&mut self, values: Vec<Column>, place: usize) -> Result<Frame, ReadError> {
        let name = self.places.get(place).map(|place| place.name().clone());
        let frame = made(&self.description.schema, values, name, self.first_row)?;
        self.first_row += frame.n_rows() as u64;
        self.tally.stats.rows_read += frame.n_rows() as u64;
        Ok(frame)
    }
}

/// The columns of rows, those of features last.
fn with_features(rows: &[Row], wanted: &[&Feature]) -> Vec<Column> {
    let rows: Vec<&Row> = rows.iter().collect();
    let mut values = columns(&rows);
    values.extend(feature_values(&rows, wanted));
    values
}

impl Source for FeatureSource {
    fn description(&self) -> &Description {
        &self.description
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, ReadError> {
        while let Some(place) = self.places.get(self.at) {
            let mut capture = match self.current.take() {
                Some(capture) => capture,
                None => Capture::new(RawTable::default(), place, &self.options, self.wanted.clone()),
            };
            let wanted = &self.wanted;
            if let Some(values) = capture.made_of_next(|rows| with_features(rows, wanted))? {
                self.current = Some(capture);
                return self.frame(values, self.at).map(Some);
            }
            self.tally.add(&capture.stats());
            for doubt in capture.doubts() {
                add_note(&mut self.description, doubt);
            }
            self.at += 1;
        }
        Ok(None)
    }

    fn stats(&self) -> ReadStats {
        let mut tally = Tally::new(self.options.shown);
        tally.add(&self.tally.stats);
        if let Some(capture) = &self.current {
            tally.add(&capture.stats());
        }
        tally.stats
    }

    fn rewind(&mut self) -> Result<(), ReadError> {
        self.at = 0;
        self.current = None;
        self.first_row = 0;
        self.tally = Tally::new(self.options.shown);
        Ok(())
    }
}

/// Looks whether all inputs are captures; the format of the first.
pub(super) fn captures(places: &[Place]) -> Result<String, ReadError> {
    let mut format = "capture".to_owned();
    for (number, place) in places.iter().enumerate() {
        if !is(&place.head(4)?) {
            return Err(ReadError::NotATable {
                path: place.name().to_string(),
                what: "this is no capture of packets".to_owned(),
                mend: NEEDS_PACKETS.to_owned(),
            });
        }
        if number == 0 {
            format_of(&reader(place, &eddy_wire::Limits::default())?).clone_into(&mut format);
        }
    }
    Ok(format)
}

pub(super) fn name_of(places: &[Place]) -> String {
    places.first().map(|place| place.name().to_string()).unwrap_or_default()
}

pub(super) fn description(places: &[Place], format: String, shape: ShapeName, schema: Schema) -> Description {
    Description {
        sources: places.iter().map(|place| place.name().to_string()).collect(),
        bytes: places.iter().map(Place::stored_bytes).sum(),
        format,
        shape,
        schema: Arc::new(schema),
        notes: Vec::new(),
    }
}

pub(super) fn add_note(description: &mut Description, note: Note) {
    if !description.notes.contains(&note) {
        description.notes.push(note);
    }
}

/// A frame of columns that follow the schema.
pub(super) fn made(
    schema: &Arc<Schema>,
    columns: Vec<eddy_frame::Column>,
    source: Option<Arc<str>>,
    first_row: u64,
) -> Result<Frame, ReadError> {
    let mut frame = Frame::new(schema.clone(), columns).map_err(|error| ReadError::Malformed {
        path: source.as_deref().unwrap_or_default().to_owned(),
        place: format!("column '{}'", error.column),
        what: error.to_string(),
        mend: "report this: the columns of flows do not agree".to_owned(),
    })?;
    frame.first_row = first_row;
    frame.source = source;
    Ok(frame)
}
