//! Long lists, a piece at a time.

use schemars::JsonSchema;
use serde::Serialize;

/// Which piece of a list.
#[derive(Debug, Clone, Default)]
pub struct PageRequest {
    /// What the page before named as the next.
    pub cursor: Option<String>,
    /// Most items; at least 1 and at most 1,000 are given.
    pub limit: usize,
}

impl PageRequest {
    /// How many rows to ask for: one more than wanted, to know whether there are more.
    pub(crate) fn rows(&self) -> i64 {
        self.wanted() as i64 + 1
    }

    fn wanted(&self) -> usize {
        self.limit.clamp(1, 1_000)
    }

    /// The piece, and where the next one begins.
    pub(crate) fn cut<T>(&self, mut items: Vec<T>, cursor_of: impl Fn(&T) -> String) -> Page<T> {
        let next = if items.len() > self.wanted() {
            items.truncate(self.wanted());
            items.last().map(cursor_of)
        } else {
            None
        };
        Page { items, next }
    }
}

/// A piece of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to send as `cursor` to get the next piece; none at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same piece of other items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}
