//! Rows of series in the order of time.

use eddy_frame::{Entities, Frame, MISSING_TIME, Role, Schema};
use eddy_insight::count;
use eddy_io::{Description, Note};
use rustc_hash::FxHashMap;

/// Whether a table holds metric series: it has a time and value columns.
pub(crate) fn is_series(schema: &Schema) -> bool {
    schema.with_role(Role::Value).next().is_some() && schema.with_role(Role::Time).next().is_some()
}

/// Sorts the rows of each file by time where a series is not in order already, and says so. Rows without a time go with
/// the row before them; lines stay with their rows. Tables that are no series are left as they are.
pub(crate) fn put_in_order(frames: &mut Vec<Frame>, description: &mut Description) {
    if !is_series(&description.schema) {
        return;
    }
    let mut out: Vec<Frame> = Vec::with_capacity(frames.len());
    let mut moved = 0;
    let mut rest = std::mem::take(frames).into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut of_file = vec![first];
        while let Some(next) = rest.next_if(|next| next.source == of_file[0].source) {
            of_file.push(next);
        }
        let late = out_of_order(&of_file);
        moved += late;
        match sorted(&of_file).filter(|_| late > 0) {
            Some(frames) => out.extend(frames),
            None => out.extend(of_file),
        }
    }
    *frames = out;
    if moved > 0 {
        let rows = if moved == 1 { "1 row was".to_owned() } else { format!("{} rows were", count(moved)) };
        let text = format!("{rows} out of order; all are put in the order of time, as series want it");
        description.notes.push(Note { column: None, text });
    }
}

fn times(frame: &Frame) -> Option<&[i64]> {
    frame.schema().with_role(Role::Time).find_map(|idx| frame.column(idx).as_time())
}

/// Rows with an earlier time than a row of their series before them.
fn out_of_order(frames: &[Frame]) -> u64 {
    let mut latest: FxHashMap<String, i64> = FxHashMap::default();
    let mut late = 0;
    let mut key = String::new();
    for frame in frames {
        let Some(times) = times(frame) else { return 0 };
        let entities = Entities::of(frame);
        for (row_idx, &time) in times.iter().enumerate().filter(|(_, time)| **time != MISSING_TIME) {
            entities.write_key(row_idx, &mut key);
            match latest.get_mut(&key) {
                Some(latest) if time < *latest => late += 1,
                Some(latest) => *latest = time,
                None => {
                    latest.insert(key.clone(), time);
                }
            }
        }
    }
    late
}

/// The rows of one file by time, in frames of the sizes they had.
fn sorted(frames: &[Frame]) -> Option<Vec<Frame>> {
    let whole = Frame::concat(frames).ok()?;
    let known = times(&whole)?;
    let mut last = i64::MIN;
    let places: Vec<i64> = known
        .iter()
        .map(|&time| {
            last = if time == MISSING_TIME { last } else { time };
            last
        })
        .collect();
    let mut order: Vec<usize> = (0..whole.n_rows()).collect();
    order.sort_by_key(|&row_idx| places[row_idx]);
    let mut start = 0;
    let part = |frame: &Frame| {
        let mut part = whole.take(&order[start..start + frame.n_rows()]);
        part.first_row = frame.first_row;
        part.source.clone_from(&frame.source);
        start += frame.n_rows();
        part
    };
    Some(frames.iter().map(part).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use eddy_io::{ReadOptions, open_bytes};
    use std::fmt::Write as _;

    fn read(csv: &str) -> Input {
        let options = ReadOptions { batch_rows: 4, ..ReadOptions::default() };
        let source = open_bytes("made.csv", csv.as_bytes().to_vec(), &options).unwrap();
        Input::read(source, 1 << 20, 1_000, &|_, _| {}).unwrap()
    }

    fn lines(rows: &[(u32, &str)]) -> String {
        let mut text = "time,host,load\n".to_owned();
        rows.iter().for_each(|(t, host)| {
            let _ = writeln!(text, "2024-01-01 00:{t:02}:00,{host},{}.5", t * 3);
        });
        text
    }

    #[test]
    fn rows_are_sorted_and_keep_their_lines() {
        let mut rows: Vec<(u32, &str)> = (0..20).map(|t| (t, "a")).collect();
        rows.swap(3, 9);
        let input = read(&lines(&rows));
        let frame = input.to_fit(true, 100).unwrap();
        let times = times(&frame).unwrap();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(
            (frame.lines.get(3), frame.lines.get(9), frame.lines.get(10)),
            (Some(11), Some(5), Some(12))
        );
        assert!(input.description.notes.iter().any(|note| note.text.contains("out of order")));
    }

    #[test]
    fn one_series_after_the_other_is_in_order() {
        let rows: Vec<(u32, &str)> = (0..10).map(|t| (t, "a")).chain((0..10).map(|t| (t, "b"))).collect();
        let input = read(&lines(&rows));
        assert!(!input.description.notes.iter().any(|note| note.text.contains("out of order")));
        let frame = input.to_fit(true, 100).unwrap();
        assert_eq!(frame.lines.get(12), Some(14));
    }
}
