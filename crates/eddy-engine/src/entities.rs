//! Flows as a table of what hosts, services and pairs of hosts do, window by window.

use std::sync::Arc;

use eddy_behaviour::{EntityWindow, EntityWindows, FEATURES, Per};
use eddy_frame::{Column, Field, Frame, Kind, Role, Schema, TextColumn};

use crate::incidents::each_flow_by_begin;
use crate::run::read;
use crate::{EngineError, RunOptions};

/// Rows of a frame.
const FRAME_ROWS: usize = 65_536;

/// What came of bringing flows into windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTable {
    /// Rows handed over.
    pub rows: u64,
    /// Flows seen.
    pub flows: u64,
    /// Entities that had to go for want of room.
    pub dropped: u64,
}

/// The columns of the table: begin of the window, the entity, its parts, and the features of [`FEATURES`].
pub fn entity_schema() -> Arc<Schema> {
    let mut fields = vec![
        Field::new("windowStart", Kind::Time, Role::Time),
        Field::new("entity", Kind::Text, Role::Entity),
    ];
    fields.extend(FEATURES.iter().map(|(name, unit, _)| {
        let mut field = Field::new(*name, Kind::Float, Role::Feature);
        field.unit = (!unit.is_empty()).then(|| (*unit).into());
        field
    }));
    Arc::new(Schema { fields })
}

/// Reads flows and hands over frames with one row for each entity and window in which it took part, in the order of time,
/// so that any detector may be run on them.
///
/// # Errors
/// [`EngineError::Input`] when the input holds no flows between addresses; whatever reading and `visit` answer.
pub fn entity_windows(
    paths: &[String],
    per: Per,
    window_ns: i64,
    options: &RunOptions,
    visit: &mut dyn FnMut(&Frame) -> Result<(), EngineError>,
) -> Result<EntityTable, EngineError> {
    let mut input = read(paths, options)?;
    let schema = entity_schema();
    let mut windows = EntityWindows::new(per, window_ns);
    let mut rows: Vec<EntityWindow> = Vec::new();
    let mut table = EntityTable { rows: 0, flows: 0, dropped: 0 };
    let mut outcome = Ok(());
    let are_flows = each_flow_by_begin(&mut input, &mut |flow| {
        table.flows += 1;
        windows.see(flow, &mut rows);
        if rows.len() >= FRAME_ROWS && outcome.is_ok() {
            outcome = hand_over(&mut rows, &schema, &mut table, visit);
        }
    })?;
    outcome?;
    if are_flows.is_none() {
        return Err(EngineError::Input(format!(
            "{}: there are no flows between addresses in it",
            paths.join(", ")
        )));
    }
    windows.end(&mut rows);
    hand_over(&mut rows, &schema, &mut table, visit)?;
    table.dropped = windows.dropped();
    Ok(table)
}

fn hand_over(
    rows: &mut Vec<EntityWindow>,
    schema: &Arc<Schema>,
    table: &mut EntityTable,
    visit: &mut dyn FnMut(&Frame) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    for part in rows.chunks(FRAME_ROWS) {
        let names: TextColumn = part
            .iter()
            .map(|row| row.entity.to_string())
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect();
        let mut columns =
            vec![Column::Time(part.iter().map(|row| row.start_ns).collect()), Column::Text(names)];
        columns.extend(
            (0..FEATURES.len()).map(|at| Column::Float(part.iter().map(|row| row.features[at]).collect())),
        );
        let mut frame =
            Frame::new(schema.clone(), columns).map_err(|error| EngineError::Input(error.to_string()))?;
        frame.first_row = table.rows;
        table.rows += part.len() as u64;
        visit(&frame)?;
    }
    rows.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn flows_become_a_table_of_windows_and_other_tables_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::from(
            "flowStartMilliseconds,flowDurationMilliseconds,sourceAddress,destinationAddress,sourceTransportPort,\
             destinationTransportPort,protocolIdentifier,octetDeltaCount,packetDeltaCount,reverseOctetDeltaCount,\
             reversePacketDeltaCount,connectionState\n",
        );
        for at in 0..120u32 {
            let time = format!("2024-01-01 00:{:02}:{:02}", at / 6, at % 6 * 10);
            let _ = writeln!(
                text,
                "{time},40,10.0.0.{},10.0.0.200,{},443,6,900,8,5000,9,SF",
                at % 2 + 1,
                40_000 + at
            );
        }
        let path = folder.path().join("flows.csv");
        std::fs::write(&path, text).unwrap();
        let options = RunOptions::default();
        let mut seen = Vec::new();
        let table = entity_windows(
            &[path.display().to_string()],
            Per::Host,
            300_000_000_000,
            &options,
            &mut |frame| {
                seen.push((frame.n_rows(), frame.by_name("flowsBegun").unwrap().1.number(0)));
                Ok(())
            },
        )
        .unwrap();
        // Three hosts in four windows of thirty flows.
        assert_eq!((table.rows, table.flows, table.dropped), (12, 120, 0));
        assert_eq!(seen, [(12, 15.0)]);
        let other = folder.path().join("other.csv");
        std::fs::write(&other, "a,b\n1,2\n3,4\n").unwrap();
        let refused = entity_windows(&[other.display().to_string()], Per::Host, 1, &options, &mut |_| Ok(()));
        assert!(refused.unwrap_err().to_string().contains("no flows"));
    }
}
