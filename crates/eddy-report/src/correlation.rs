//! How columns go together, as a map of shades.

use crate::drawing::{Anchor, Area, Drawing, Ink, LABEL, NOTE, TICK, Type};
use crate::words;

/// A correlation matrix, row after row: blue for columns that rise together, orange for those that fall as the other
/// rises. Cells with a strong correlation carry its number where there is room.
pub(crate) fn matrix(drawing: &mut Drawing, area: Area, names: &[String], values: &[f64], title: &str) {
    drawing.text(area.x, area.y + 13.0, title, LABEL);
    let n = names.len();
    if n == 0 || values.len() != n * n {
        return;
    }
    let labels = 118.0;
    let side = (area.width - labels).min(area.height - 22.0 - 96.0);
    let cell = side / n as f64;
    let map = Area { x: area.x + labels, y: area.y + 24.0, width: side, height: side };
    let size = (cell * 0.72).clamp(6.0, 11.0);
    let gap = if cell > 8.0 { 1.0 } else { 0.3 };
    for (row, name) in names.iter().enumerate() {
        let y = map.y + cell * row as f64;
        let look = Type { size, anchor: Anchor::End, ..NOTE };
        drawing.text(map.x - 6.0, y + cell / 2.0 + size * 0.35, &words::shortened(name, 18), look);
        let x = map.x + cell * row as f64 + cell / 2.0 + size * 0.35;
        drawing.upward(x, map.bottom() + 6.0, &words::shortened(name, 15), look);
        for column in 0..n {
            let value = values[row * n + column];
            let spot = Area { x: map.x + cell * column as f64, y, width: cell - gap, height: cell - gap };
            drawing.rect(spot, Ink::Paper);
            if value.is_finite() && value.abs() >= 0.005 {
                // The square of the correlation is the share of variance the two have in common.
                drawing.shade(spot, value * value.abs(), Ink::Flagged, Ink::Normal);
            }
            // Without colours a bar tells the negative ones, where there is no number to do so.
            if (8.0..26.0).contains(&cell) && value <= -0.2 {
                let middle = spot.y + spot.height / 2.0;
                let half = spot.width * 0.22;
                let centre = spot.x + spot.width / 2.0;
                let ink = if value * value > 0.4 { Ink::Paper } else { Ink::Ink };
                drawing.line((centre - half, middle), (centre + half, middle), ink, 1.25);
            }
            if cell >= 26.0 && row != column && value.is_finite() {
                let ink = if value * value > 0.75 { Ink::Paper } else { Ink::Ink };
                let look = Type { ink, size: 9.5, ..TICK };
                let text = format!("{value:.2}").replace("0.", ".");
                drawing.text(spot.x + cell / 2.0, y + cell / 2.0 + 3.4, &text, look);
            }
        }
    }
}

/// The pairs of different columns with the strongest correlation, strongest first.
pub(crate) fn strongest(names: &[String], values: &[f64], most: usize) -> Vec<(usize, usize, f64)> {
    let n = names.len();
    let mut pairs: Vec<(usize, usize, f64)> = (0..n)
        .flat_map(|row| (row + 1..n).map(move |column| (row, column)))
        .filter_map(|(row, column)| {
            let value = *values.get(row * n + column)?;
            (value.is_finite() && value.abs() >= 0.1).then_some((row, column, value))
        })
        .collect();
    pairs.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()).then((a.0, a.1).cmp(&(b.0, b.1))));
    pairs.truncate(most);
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strongest_pair_comes_first_and_columns_are_not_paired_with_themselves() {
        let names: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
        let values = [1.0, 0.2, -0.9, 0.2, 1.0, 0.01, -0.9, 0.01, 1.0];
        assert_eq!(strongest(&names, &values, 5), [(0, 2, -0.9), (0, 1, 0.2)]);
    }
}
