//! Which series a row belongs to.

use std::collections::HashMap;

use crate::{Column, Frame, Role};

/// The columns of a frame that name whom a row is about.
pub struct Entities<'a> {
    columns: Vec<&'a Column>,
}

impl<'a> Entities<'a> {
    /// The columns of `frame` whose role is [`Role::Entity`].
    pub fn of(frame: &'a Frame) -> Self {
        Self { columns: frame.schema().with_role(Role::Entity).map(|idx| frame.column(idx)).collect() }
    }

    /// What each entity column holds at a row.
    pub fn names(&self, row_idx: usize) -> impl Iterator<Item = String> {
        self.columns.iter().map(move |column| match column {
            Column::Text(texts) => texts.get(row_idx).to_owned(),
            column => column.number(row_idx).to_string(),
        })
    }

    /// Writes a key into `key` that rows of one series share and rows of two do not; empty where there are no entities.
    pub fn write_key(&self, row_idx: usize, key: &mut String) {
        key.clear();
        for column in &self.columns {
            match column {
                Column::Text(texts) => key.push_str(texts.get(row_idx)),
                column => key.push_str(&column.number(row_idx).to_string()),
            }
            key.push('\u{1f}');
        }
    }

    /// The first `n_rows` rows by series, in order of first appearance: a key, and the rows. One series with an empty
    /// key where there are no entities.
    pub fn groups(&self, n_rows: usize) -> Vec<(String, Vec<usize>)> {
        if self.columns.is_empty() {
            return vec![(String::new(), (0..n_rows).collect())];
        }
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut key = String::new();
        for row_idx in 0..n_rows {
            self.write_key(row_idx, &mut key);
            if let Some(&place) = places.get(&key) {
                groups[place].1.push(row_idx);
            } else {
                places.insert(key.clone(), groups.len());
                groups.push((key.clone(), vec![row_idx]));
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Field, Kind, Schema, TextColumn};

    fn frame(role: Role) -> Frame {
        let text = |name: &str, role| Field::new(name, Kind::Text, role);
        let schema = Schema { fields: vec![text("host", role), text("port", role)] };
        let column = |cells: [&str; 4]| Column::Text(cells.into_iter().collect::<TextColumn>());
        let columns = vec![column(["ab", "a", "ab", "a"]), column(["c", "bc", "c", "b"])];
        Frame::new(Arc::new(schema), columns).unwrap()
    }

    #[test]
    fn cells_that_run_together_are_still_two_series() {
        let frame = frame(Role::Entity);
        let groups = Entities::of(&frame).groups(4);
        let rows: Vec<&[usize]> = groups.iter().map(|(_, rows)| rows.as_slice()).collect();
        assert_eq!(rows, [&[0, 2][..], &[1], &[3]]);
    }

    #[test]
    fn without_entities_all_rows_are_one_series() {
        let frame = frame(Role::Category);
        assert_eq!(Entities::of(&frame).groups(4), [(String::new(), vec![0, 1, 2, 3])]);
    }
}
