//! What the label column says.

use eddy_detect::{Classes, FitError};
use eddy_frame::{Column, Field, Frame, Role, Schema, is_normal_label};
use eddy_insight::count;

use crate::findings::cell;

/// The label column, if there is one.
pub(crate) fn label_of(schema: &Schema) -> Option<&Field> {
    // A table may have both a family (attack_cat) and a verdict (label); the first in column order decides.
    schema.with_role(Role::Label).next().map(|idx| &schema.fields[idx])
}

/// Whether each row is an attack by its label.
pub(crate) fn attacks(frame: &Frame) -> Option<Vec<bool>> {
    let field = label_of(frame.schema())?;
    let (_, column) = frame.by_name(&field.name)?;
    let listed =
        |text: &str| field.normal_labels.iter().any(|normal| normal.eq_ignore_ascii_case(text.trim()));
    Some(match column {
        Column::Text(texts) => texts.iter().map(|text| !(is_normal_label(text) || listed(text))).collect(),
        column => (0..column.len()).map(|row_idx| column.number(row_idx) > 0.0).collect(),
    })
}

/// The classes of the label column, and the class of each row.
pub(crate) fn classes(frame: &Frame) -> Result<(Classes, Vec<u16>), FitError> {
    let Some(field) = label_of(frame.schema()) else {
        return Err(FitError::Labels { reason: "there is no label column; name it with --label".into() });
    };
    let texts: Vec<String> = frame
        .by_name(&field.name)
        .map_or_else(Vec::new, |pair| (0..frame.n_rows()).map(|row| cell(pair, row)).collect());
    let mut names: Vec<String> = texts.iter().map(|text| text.trim().to_owned()).collect();
    names.sort_unstable();
    names.dedup();
    let refuse =
        |reason: String| Err(FitError::Labels { reason: format!("column '{}' {reason}", field.name) });
    match names.as_slice() {
        [] | [_] => return refuse("has only one value; two classes are needed".into()),
        names if names.len() == texts.len() && names.len() > 2 => {
            return refuse(
                "has another value in every row; is it an identifier? name another with --label".into(),
            );
        }
        names if names.len() > Classes::MOST => {
            return refuse(format!(
                "has {} different values, more than {} classes; is it a number? name another with --label",
                count(names.len() as u64),
                Classes::MOST
            ));
        }
        _ => {}
    }
    let is_normal = |name: &String| match name.parse::<f64>() {
        Ok(number) => number <= 0.0,
        Err(_) => {
            is_normal_label(name)
                || field.normal_labels.iter().any(|normal| normal.eq_ignore_ascii_case(name))
        }
    };
    let of_rows = texts
        .iter()
        .map(|text| names.binary_search_by(|name| name.as_str().cmp(text.trim())).unwrap_or_default() as u16)
        .collect();
    let is_attack = names.iter().map(|name| !is_normal(name)).collect();
    Ok((Classes { names, is_attack }, of_rows))
}
