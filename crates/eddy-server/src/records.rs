//! Records as they are sent in JSON, and as the table that a model reads.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use eddy_frame::{Column, Frame, MISSING_INT, MISSING_TIME, Role, Schema};
use eddy_store::now_ms;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::jobs::moment_ns;
use crate::predict::Loaded;
use crate::problem::Problem;

/// Most values in the records of one request.
const MOST_VALUES: usize = 6_000_000;
/// Distance of values that come without times.
const STEP_NS: i64 = 300_000_000_000;

/// Text of a request, where it stands in the body if it can.
pub(crate) type Text<'a> = Cow<'a, str>;

/// JSON, in far less room and time than a tree of maps takes: fields stay in the order in which they came.
#[derive(Debug, PartialEq)]
pub(crate) enum Node<'a> {
    Nothing,
    Truth(bool),
    Whole(i64),
    Real(f64),
    Text(Text<'a>),
    List(Vec<Node<'a>>),
    Fields(Vec<(Text<'a>, Node<'a>)>),
}

/// Reads a body.
pub(crate) fn nodes(body: &[u8]) -> Result<Node<'_>, serde_json::Error> {
    let left = Cell::new(MOST_VALUES);
    let mut reader = serde_json::Deserializer::from_slice(body);
    let node = Reader(&left).deserialize(&mut reader)?;
    reader.end()?;
    Ok(node)
}

/// Reads a node while there is room for one more.
#[derive(Clone, Copy)]
struct Reader<'c>(&'c Cell<usize>);

impl<'a> DeserializeSeed<'a> for Reader<'_> {
    type Value = Node<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Node<'a>, D::Error> {
        match self.0.get().checked_sub(1) {
            Some(left) => self.0.set(left),
            None => {
                return Err(D::Error::custom(format!("more than {MOST_VALUES} values; send a file instead")));
            }
        }
        deserializer.deserialize_any(self)
    }
}

/// The name of a field.
struct Name;

impl<'a> DeserializeSeed<'a> for Name {
    type Value = Text<'a>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Text<'a>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Name {
    type Value = Text<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<Text<'a>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Text<'a>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

impl<'a> Visitor<'a> for Reader<'_> {
    type Value = Node<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Node<'a>, E> {
        Ok(Node::Nothing)
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<Node<'a>, E> {
        Ok(Node::Truth(yes))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node<'a>, E> {
        Ok(Node::Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node<'a>, E> {
        Ok(i64::try_from(number).map_or(Node::Real(number as f64), Node::Whole))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node<'a>, E> {
        Ok(Node::Real(number))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<Node<'a>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node<'a>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<Node<'a>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut entries: A) -> Result<Node<'a>, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = entries.next_key_seed(Name)? {
            fields.push((name, entries.next_value_seed(self)?));
        }
        Ok(Node::Fields(fields))
    }
}

/// Records as the table that the model was fitted on: by name where they are objects, by place where they are lists.
pub(crate) fn frame_of(model: &Loaded, records: &[Node<'_>]) -> Result<Frame, Problem> {
    let schema = &model.pipeline.input;
    let mut columns: Vec<Column> = schema.fields.iter().map(|field| Column::empty(field.kind)).collect();
    let now_ns = now_ms().saturating_mul(1_000_000);
    let n = records.len() as i64;
    let mut places = vec![0; schema.fields.len()];
    let mut cells = Vec::new();
    for (at, record) in records.iter().enumerate() {
        let said = |reason: String| {
            Problem::invalid(if records.len() == 1 { reason } else { format!("record {}: {reason}", at + 1) })
        };
        cells.clear();
        cells_of(model, schema, record, &mut places, &mut cells).map_err(said)?;
        for ((field, column), cell) in schema.fields.iter().zip(&mut columns).zip(&cells) {
            let stand_in = now_ns - (n - 1 - at as i64).saturating_mul(STEP_NS);
            push(column, field.role, *cell, stand_in)
                .map_err(|reason| said(format!("{}: {reason}", field.name)))?;
        }
    }
    Frame::new(Arc::new(schema.clone()), columns).map_err(|error| Problem::invalid(error.to_string()))
}

/// The cell of each column; none = missing. `places` remembers where the fields of the record before stood.
fn cells_of<'r, 'a>(
    model: &Loaded,
    schema: &Schema,
    record: &'r Node<'a>,
    places: &mut [usize],
    cells: &mut Vec<Option<&'r Node<'a>>>,
) -> Result<(), String> {
    match record {
        Node::List(values) => {
            if values.len() != model.inputs.len() {
                let names: Vec<&str> = model.inputs.iter().map(|&at| &*schema.fields[at].name).collect();
                return Err(format!(
                    "{} values instead of {}: {}",
                    values.len(),
                    model.inputs.len(),
                    names.join(", ")
                ));
            }
            cells.resize(schema.fields.len(), None);
            model.inputs.iter().zip(values).for_each(|(&at, value)| cells[at] = Some(value));
            Ok(())
        }
        Node::Fields(fields) => {
            let mut missing = Vec::new();
            for (at, field) in schema.fields.iter().enumerate() {
                let found = place_of(fields, &field.name, &model.plain_names[at], places[at]);
                // A model of one metric, whatever its column was called.
                let lone = || {
                    let is_lone = model.inputs.len() == 1 && field.role.is_input();
                    fields.iter().position(|(name, _)| is_lone && name == "network_in")
                };
                if let Some(place) = found.or_else(lone) {
                    places[at] = place;
                    cells.push(Some(&fields[place].1));
                } else {
                    if field.role.is_input() {
                        missing.push(&*field.name);
                    }
                    cells.push(None);
                }
            }
            if missing.is_empty() {
                Ok(())
            } else {
                Err(format!("Missing required features: {}", missing.join(", ")))
            }
        }
        _ => Err("a record is an object of fields or a list of values".into()),
    }
}

/// Where a field stands: where it stood in the record before, or where the name is the same, or much the same.
fn place_of(fields: &[(Text<'_>, Node<'_>)], name: &str, plain_name: &str, before: usize) -> Option<usize> {
    if fields.get(before).is_some_and(|(one, _)| one == name) {
        return Some(before);
    }
    let exactly = fields.iter().position(|(one, _)| one == name);
    exactly.or_else(|| fields.iter().position(|(one, _)| letters(one).eq(plain_name.chars())))
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase())
}

/// A name without case, blanks and punctuation.
pub(crate) fn plain(name: &str) -> String {
    letters(name).collect()
}

fn push(column: &mut Column, role: Role, cell: Option<&Node<'_>>, stand_in_ns: i64) -> Result<(), String> {
    let cell = cell.filter(|node| **node != Node::Nothing);
    match column {
        Column::Float(values) => values.push(cell.map_or(Ok(f64::NAN), number)?),
        Column::Int(values) => values.push(match cell {
            None => MISSING_INT,
            Some(Node::Whole(whole)) => *whole,
            Some(cell) => number(cell)? as i64,
        }),
        Column::Text(texts) => match cell {
            None => texts.push(""),
            Some(Node::Text(text)) => texts.push(text),
            Some(Node::Truth(yes)) => texts.push(if *yes { "true" } else { "false" }),
            Some(Node::Whole(whole)) => texts.push(&whole.to_string()),
            Some(Node::Real(real)) => texts.push(&serde_json::Value::from(*real).to_string()),
            Some(_) => return Err("a text is needed".into()),
        },
        Column::Time(times) => times.push(match cell {
            None if role == Role::Time => stand_in_ns,
            None => MISSING_TIME,
            Some(Node::Text(text)) => moment_ns(text)?,
            Some(node) => {
                let nanos = number(node)? * 1e9;
                if nanos.abs() < 9e18 { nanos as i64 } else { return Err("is too far away".into()) }
            }
        }),
    }
    Ok(())
}

/// The number that a node is or says.
pub(crate) fn number(node: &Node<'_>) -> Result<f64, String> {
    match node {
        Node::Whole(whole) => Ok(*whole as f64),
        Node::Real(real) => Ok(*real),
        Node::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| format!("'{}' is no number", text.chars().take(40).collect::<String>())),
        Node::Truth(yes) => Ok(f64::from(u8::from(*yes))),
        _ => Err("a number is needed".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_it_stands() {
        let text = r#"{"a":[1,-2.5,null,true,"x\n"],"b":18446744073709551615,"a":{}}"#;
        let Node::Fields(fields) = nodes(text.as_bytes()).unwrap() else { panic!("no fields") };
        let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["a", "b", "a"]);
        let list = vec![
            Node::Whole(1),
            Node::Real(-2.5),
            Node::Nothing,
            Node::Truth(true),
            Node::Text("x\n".into()),
        ];
        assert_eq!(fields[0].1, Node::List(list));
        assert_eq!(fields[1].1, Node::Real(18_446_744_073_709_551_615.0));
    }

    #[test]
    fn what_is_no_json_or_too_much_is_refused() {
        for text in ["", "{", "[1,]", "[1] 2", "{\"a\" 1}", "nul", "1e999"] {
            assert!(nodes(text.as_bytes()).is_err(), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert!(nodes(deep.as_bytes()).is_err());
        let many = format!("[{}0]", "0,".repeat(MOST_VALUES));
        assert!(nodes(many.as_bytes()).unwrap_err().to_string().contains("values"));
    }

    #[test]
    fn a_field_is_found_again_where_it_stood_and_under_a_similar_name() {
        let fields = |text| match nodes(text) {
            Ok(Node::Fields(fields)) => fields,
            other => panic!("{other:?}"),
        };
        let (first, other) = (fields(br#"{"x":1,"Src Bytes":2}"#), fields(br#"{"src_bytes":1,"x":2}"#));
        assert_eq!(place_of(&first, "srcbytes", "srcbytes", 0), Some(1));
        assert_eq!(place_of(&other, "srcbytes", "srcbytes", 1), Some(0));
        assert_eq!(place_of(&other, "x", "x", 1), Some(1));
        assert_eq!(place_of(&other, "y", "y", 7), None);
    }
}
