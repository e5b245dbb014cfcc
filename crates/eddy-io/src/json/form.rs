//! How the records of a JSON input follow each other, told from its beginning.

use super::scan::{Extent, Leaf, arrays_of_objects, extent, object};
use crate::pieces::Cut;

/// Members that hold the records of a table, as opposed to a part of one record.
const CONTAINERS: [&str; 18] = [
    "data",
    "records",
    "rows",
    "items",
    "results",
    "result",
    "events",
    "logs",
    "flows",
    "hits",
    "values",
    "entries",
    "packets",
    "documents",
    "docs",
    "connections",
    "series",
    "samples",
];

/// Paths looked at to tell other layouts.
const MAX_LOOKED: usize = 100_000;

/// Where the records are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// How they end.
    pub cut: Cut,
    /// The first byte that may belong to a record.
    pub start: usize,
    /// The name of the format.
    pub name: &'static str,
    /// What was assumed.
    pub note: Option<String>,
}

impl Found {
    fn new(cut: Cut, start: usize, name: &'static str) -> Self {
        Self { cut, start, name, note: None }
    }
}

/// Finds the records. `whole` tells whether `head` is all there is; the error is what the input is instead of a table.
pub(crate) fn find(head: &[u8], whole: bool) -> Result<Found, &'static str> {
    let start = blanks(head, 0);
    if head.get(start) == Some(&b'[') {
        return match head.get(blanks(head, start + 1)) {
            Some(b'{') => Ok(Found::new(Cut::Array, start, "JSON array")),
            Some(b']') | None => Err("this is an empty JSON array"),
            Some(_) => Err("this is a JSON array, but not of objects"),
        };
    }
    if let Extent::To(end) = extent(head, start) {
        let next = blanks(head, end);
        let between = head.get(end..next).unwrap_or_default();
        match head.get(next) {
            Some(b'{') => {
                let first = head.get(start..end).unwrap_or_default();
                let lines = between.contains(&b'\n') && !first.contains(&b'\n');
                return Ok(if lines {
                    Found::new(Cut::Lines, 0, "NDJSON")
                } else {
                    Found::new(Cut::Values, start, "JSON objects")
                });
            }
            Some(_) => return Ok(Found::new(Cut::Lines, 0, "NDJSON")),
            None => {}
        }
        if let Some(found) = member(head, 2) {
            return Ok(found);
        }
        if whole && let Some(what) = other_layout(head) {
            return Err(what);
        }
        // What stands alone so far may be followed by more; one record a line is what such files are.
        let first = head.get(start..end).unwrap_or_default();
        return Ok(if whole || first.contains(&b'\n') {
            Found::new(Cut::Values, start, "JSON objects")
        } else {
            Found::new(Cut::Lines, 0, "NDJSON")
        });
    }
    // The first object does not end: it is the whole file, or it is damaged.
    let lines = memchr::memchr_iter(b'\n', head).filter(|at| head.get(at + 1) == Some(&b'{')).count();
    if lines > 0 {
        return Ok(Found::new(Cut::Lines, 0, "NDJSON"));
    }
    match member(head, 1) {
        Some(found) => Ok(found),
        None if whole => Err("this is a JSON object that is cut short"),
        None => Err("this is one large JSON object without an array of objects"),
    }
}

/// Layouts of whole tables that other programs write, and that are no records.
fn other_layout(head: &[u8]) -> Option<&'static str> {
    let mut paths: Vec<Vec<u8>> = Vec::new();
    let mut take = |path: &[u8], leaf: Leaf<'_>| {
        if paths.len() < MAX_LOOKED {
            let mut path = path.to_vec();
            if let Leaf::Nested(text) = leaf {
                path.extend_from_slice(if blank_free(text).starts_with(b"[[") { b"=rows" } else { b"=list" });
            }
            paths.push(path);
        }
    };
    object(head, &mut Vec::new(), &mut take).ok()?;
    let has = |path: &[u8]| paths.iter().any(|other| other == path);
    let columns = paths.iter().filter(|path| path.ends_with(b".0")).count();
    let rows = paths.iter().filter(|path| path.ends_with(b".1")).count();
    if has(b"columns=list") && has(b"data=rows") {
        Some("this is a table written as lists without names")
    } else if columns > 0 && columns == rows && paths.first().is_some_and(|path| path.ends_with(b".0")) {
        Some("this is a table written column by column")
    } else {
        None
    }
}

fn blank_free(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(2).collect()
}

/// The longest array of objects within the object, if it is likely to be a table.
fn member(head: &[u8], least: usize) -> Option<Found> {
    let mut arrays = arrays_of_objects(head);
    // Of equally long ones the first.
    arrays.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    let (path, start, count) = arrays.into_iter().next()?;
    let path = String::from_utf8_lossy(&path).into_owned();
    let last = path.rsplit('.').next().unwrap_or_default();
    if count < least && !CONTAINERS.iter().any(|name| last.eq_ignore_ascii_case(name)) {
        return None;
    }
    let note = Some(format!("the records are the elements of the array '{path}'"));
    Some(Found { cut: Cut::Member, start, name: "JSON object with an array of objects", note })
}

fn blanks(head: &[u8], from: usize) -> usize {
    let rest = head.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str, expect: Result<(Cut, usize), &str>) {
        let found = find(head.as_bytes(), true).map(|found| (found.cut, found.start));
        assert_eq!(found, expect, "{head}");
    }

    #[test]
    fn records_are_found_in_every_form() {
        check("{\"a\":1}\n{\"a\":2}\n", Ok((Cut::Lines, 0)));
        check("{\"a\":1}\nbroken\n{\"a\":2}\n", Ok((Cut::Lines, 0)));
        check("{\"a\":\n{\"a\":2}\n{\"a\":2}\n", Ok((Cut::Lines, 0)));
        check("{\n \"a\":1\n}\n{\n \"a\":2\n}\n", Ok((Cut::Values, 0)));
        check("{\"a\":1}", Ok((Cut::Values, 0)));
        check("{\"a\":1,\"answers\":[{\"b\":1}]}", Ok((Cut::Values, 0)));
        check(" [ {\"a\":1}]", Ok((Cut::Array, 1)));
        check("{\"n\":1,\"data\":[{\"a\":1}]}", Ok((Cut::Member, 15)));
        check("{\"meta\":[{\"a\":1}],\"x\":{\"y\":[{\"a\":1},{\"a\":2}]}}", Ok((Cut::Member, 28)));
        check("{\"data\":[{\"a\":1},{\"a\"", Ok((Cut::Member, 9)));
        check("[1,2]", Err("this is a JSON array, but not of objects"));
        check(
            "{\"a\":{\"0\":1,\"1\":2},\"b\":{\"0\":3,\"1\":4}}",
            Err("this is a table written column by column"),
        );
        check(
            "{\"columns\":[\"a\"],\"data\":[[1], [2]]}",
            Err("this is a table written as lists without names"),
        );
        check("[]", Err("this is an empty JSON array"));
        check("{\"a\":1", Err("this is a JSON object that is cut short"));
    }
}
