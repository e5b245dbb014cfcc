//! What the columns of a table mean: kinds and roles, from the known shapes, from names, and from the values.
//!
//! Decisions worth knowing:
//! - Time columns are [`Kind::Time`]; labels, categories and entities are [`Kind::Text`] whatever they were in the input
//!   ("0" and "1" are labels like any other); features and values are [`Kind::Float`] or, when wide, [`Kind::Int`].
//! - Destination ports are categories (which service), source ports identifiers (picked by the client at random).
//! - Only one column is [`Role::Time`] and one [`Role::Label`]. A second time column is an identifier, a second label
//!   column a leak suspect.
//! - Columns that are constant or empty in the sample stay inputs; a note says so, and a later step drops them.

use std::sync::Arc;

use eddy_frame::{Column, CounterBits, Field, Kind, Role, Schema, TimeStyle};

use crate::cells::{number, number_with_comma};
use crate::names::{list, note, note_on, unique_names};
use crate::profile::{MANY, Profile};
use crate::raw::{RawTable, Target};
use crate::shapes::{self, MapColumn, ShapeMap};
use crate::timeparse::TimeForm;
use crate::{Note, Overrides, ReadError, ShapeName, counters};

/// Rows followed to see whether a column counts.
const FOLLOWED: usize = 512;

/// What the columns of a table mean.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Columns, with kind, role and unit.
    pub schema: Arc<Schema>,
    /// How each is to be read.
    pub targets: Vec<Target>,
    /// The known shape.
    pub shape: ShapeName,
    /// What was assumed.
    pub notes: Vec<Note>,
}

/// Finds out what the columns of `table` mean. `path` is for messages.
pub(crate) fn plan(path: &str, table: &RawTable, overrides: &Overrides) -> Result<Plan, ReadError> {
    let mut notes = table.notes.clone();
    let mut names = unique_names(table, &mut notes);
    let profiles: Vec<Profile> =
        table.sample.iter().map(|column| Profile::of(column, table.decimal_comma)).collect();
    let mut shape = None;
    if table.named {
        shape = shapes::of_names(&names);
    } else if let Some((map, order)) = shapes::of_values(names.len(), |idx, values| {
        table.sample.get(idx).is_some_and(|column| holds_only(column, values))
    }) {
        shape = Some(map);
        names = order.to_vec();
    }
    let mut planner = Planner { path, table, overrides, names, profiles, shape, columns: Vec::new(), notes };
    planner.decide();
    planner.override_roles()?;
    planner.one_of(Role::Time);
    planner.one_of(Role::Label);
    let shape = planner.name_shape();
    planner.find_counters();
    planner.describe();
    Ok(planner.finish(shape))
}

/// Whether a column holds nothing but these values, but for one in a hundred.
pub(crate) fn holds_only(column: &Column, values: &[String]) -> bool {
    let Some(texts) = column.as_text() else { return false };
    let filled = texts.iter().filter(|text| !text.is_empty()).count();
    let held = texts.iter().filter(|text| values.iter().any(|value| value == text)).count();
    held > 0 && held * 100 >= filled * 99
}

/// What has been decided for one column.
#[derive(Debug, Clone)]
struct Decision {
    role: Role,
    kind: Kind,
    time: Option<TimeForm>,
    style: TimeStyle,
    unit: Option<String>,
    counter: Option<CounterBits>,
    normal: Vec<String>,
    /// Preference among several columns of a role that only one may have: smaller is better.
    rank: usize,
}

struct Planner<'a> {
    path: &'a str,
    table: &'a RawTable,
    overrides: &'a Overrides,
    names: Vec<String>,
    profiles: Vec<Profile>,
    shape: Option<&'static ShapeMap>,
    columns: Vec<Decision>,
    notes: Vec<Note>,
}

/// What a map says of a column, and which map.
struct Hint {
    column: &'static MapColumn,
    rank: usize,
    from_shape: bool,
}

impl Planner<'_> {
    fn decide(&mut self) {
        for idx in 0..self.names.len() {
            let decision = self.decide_one(idx);
            self.columns.push(decision);
        }
    }

    fn hint(&self, full_name: &str) -> Option<Hint> {
        // A name that occurs again means what it means the first time.
        let again = full_name.rsplit_once('.').filter(|(base, nth)| {
            nth.parse::<usize>().is_ok() && self.names.iter().any(|known| known == base)
        });
        let name = again.map_or(full_name, |(base, _)| base);
        let ranked = |(rank, column): (usize, &'static MapColumn), from_shape: bool| {
            let spelling = column
                .names
                .iter()
                .position(|spelling| shapes::normalise(spelling) == shapes::normalise(name));
            let base = if from_shape { 0 } else { 1_000_000 };
            Hint { column, rank: base + rank * 100 + spelling.unwrap_or(0), from_shape }
        };
        let of_shape = self.shape.and_then(|map| map.column(name));
        of_shape.map(|found| ranked(found, true)).or_else(|| {
            let generic = shapes::by_id(shapes::GENERIC)?;
            generic.column(name).map(|found| ranked(found, false))
        })
    }

    fn decide_one(&self, idx: usize) -> Decision {
        let name = self.names.get(idx).map_or("", String::as_str);
        let Some(profile) = self.profiles.get(idx) else {
            return self.plain(idx, Role::Feature, Kind::Float);
        };
        let hint = self.hint(name);
        let kind = self.native_kind(idx);
        let timely =
            hint.as_ref().is_some_and(|hint| hint.column.role == Role::Time) || sounds_like_time(name);
        if let Some((time, style)) = self.time_of(idx, timely) {
            let meant = hint.as_ref().is_some_and(|hint| hint.column.role == Role::Time);
            let other = hint.as_ref().is_some_and(|hint| hint.from_shape && !meant);
            let role = if other { Role::Identifier } else { Role::Time };
            let rank = match &hint {
                Some(hint) if meant => hint.rank,
                _ => 2_000_000 + idx,
            };
            return Decision { time, style, rank, ..self.plain(idx, role, Kind::Time) };
        }
        let content = self.by_content(idx, kind);
        let Some(hint) = hint else { return content };
        let map = hint.column;
        let few = profile.distinct <= 50;
        let role = match map.role {
            Role::Label if profile.filled == 0 => Role::Ignored,
            Role::Label if hint.from_shape || kind == Kind::Text || few => Role::Label,
            Role::Entity if hint.from_shape || kind == Kind::Text || (few && profile.whole > 0) => {
                Role::Entity
            }
            // A time column that holds no times, say.
            Role::Time | Role::Label | Role::Entity => return content,
            Role::Category if !hint.from_shape && kind != Kind::Text && profile.whole < profile.numbers => {
                return content;
            }
            Role::Feature | Role::Value if kind == Kind::Text => return content,
            role => role,
        };
        let kind = match role {
            Role::Label | Role::Entity | Role::Category => Kind::Text,
            _ => match map.kind {
                Some(Kind::Float) if kind == Kind::Text => Kind::Text,
                Some(wanted) => wanted,
                None => kind,
            },
        };
        Decision {
            unit: content.unit.clone().or_else(|| map.unit.clone()),
            counter: map.counter,
            normal: map.normal.clone(),
            rank: hint.rank,
            ..self.plain(idx, role, kind)
        }
    }

    /// A decision without anything particular.
    fn plain(&self, idx: usize, role: Role, kind: Kind) -> Decision {
        let raw = self.table.columns.get(idx);
        Decision {
            role,
            kind,
            time: None,
            style: raw.map(|raw| raw.time_style).unwrap_or_default(),
            unit: raw.and_then(|raw| raw.unit.clone()),
            counter: None,
            normal: Vec::new(),
            rank: usize::MAX,
        }
    }

    /// The kind of the values, times aside.
    fn native_kind(&self, idx: usize) -> Kind {
        let native = self.table.columns.get(idx).map_or(Kind::Text, |column| column.kind);
        match self.profiles.get(idx) {
            Some(profile) if native == Kind::Text => {
                if profile.valued == 0 || profile.is_numeric() {
                    if profile.valued > 0 && profile.is_wide() { Kind::Int } else { Kind::Float }
                } else {
                    Kind::Text
                }
            }
            _ => native,
        }
    }

    /// How the column's values are times, if they are.
    fn time_of(&self, idx: usize, timely: bool) -> Option<(Option<TimeForm>, TimeStyle)> {
        let raw = self.table.columns.get(idx)?;
        let profile = self.profiles.get(idx)?;
        if raw.kind == Kind::Time {
            return Some((None, raw.time_style));
        }
        let form = profile.time_form().filter(|form| timely || *form != TimeForm::OfDay);
        let form = form.or_else(|| profile.epoch().filter(|_| timely)).or_else(|| {
            // Seconds since a start nobody wrote down.
            let hint = self.hint(self.names.get(idx)?).filter(|hint| hint.column.role == Role::Time)?;
            let plausible = hint.from_shape || (profile.low >= 0.0 && self.never_falls(idx));
            (plausible && profile.is_numeric()).then_some(TimeForm::Relative)
        })?;
        Some((Some(form), form.style(profile.example.as_bytes())))
    }

    fn never_falls(&self, idx: usize) -> bool {
        let values = self.values(idx, FOLLOWED);
        let falls = values.windows(2).filter(|pair| matches!(pair, [a, b] if b < a)).count();
        falls * 20 <= values.len()
    }

    /// The first consecutive values of a column of the sample, as numbers; missing is NaN.
    fn values(&self, idx: usize, most: usize) -> Vec<f64> {
        let n = self.table.contiguous.min(most);
        let number_of = if self.table.decimal_comma { number_with_comma } else { number };
        match self.table.sample.get(idx) {
            Some(Column::Text(texts)) => texts
                .iter()
                .take(n)
                .map(|text| number_of(text.trim().as_bytes()).unwrap_or(f64::NAN))
                .collect(),
            Some(column) => (0..n.min(column.len())).map(|row_idx| column.number(row_idx)).collect(),
            None => Vec::new(),
        }
    }

    /// Role and kind of a column no map knows.
    fn by_content(&self, idx: usize, kind: Kind) -> Decision {
        let Some(profile) = self.profiles.get(idx) else { return self.plain(idx, Role::Feature, kind) };
        let role = match kind {
            Kind::Time => Role::Time,
            Kind::Float | Kind::Int if idx == 0 && self.counts(idx) => Role::Identifier,
            Kind::Float | Kind::Int
                if profile.whole == profile.numbers
                    && self.names.get(idx).is_some_and(|name| numbers_something(name)) =>
            {
                Role::Identifier
            }
            Kind::Float | Kind::Int => Role::Feature,
            Kind::Text => {
                let mostly_distinct = profile.distinct * 2 > profile.filled;
                let addresses = profile.addresses * 10 >= profile.filled * 9 && profile.addresses > 0;
                if profile.long * 2 > profile.filled
                    || (profile.distinct == profile.filled && profile.filled >= 5)
                {
                    Role::Identifier
                } else if addresses {
                    if mostly_distinct { Role::Identifier } else { Role::Entity }
                } else if (mostly_distinct && profile.filled >= 20) || profile.distinct > MANY {
                    Role::Identifier
                } else {
                    Role::Category
                }
            }
        };
        self.plain(idx, role, kind)
    }

    /// Whether the values count 0, 1, 2 ... or 1, 2, 3 ..., as the row numbers do that programs put first.
    fn counts(&self, idx: usize) -> bool {
        let values = self.values(idx, FOLLOWED);
        values.len() >= 3
            && values.first().is_some_and(|first| *first == 0.0 || *first == 1.0)
            && values.windows(2).all(|pair| matches!(pair, [a, b] if a + 1.0 == *b))
    }

    fn find(&self, name: &str, flag: &'static str) -> Result<usize, ReadError> {
        let exact = self.names.iter().position(|known| known == name.trim());
        let wanted = shapes::normalise(name);
        let loose =
            || self.names.iter().position(|known| !wanted.is_empty() && shapes::normalise(known) == wanted);
        exact.or_else(loose).ok_or_else(|| {
            let shown: Vec<&str> = self.names.iter().take(50).map(String::as_str).collect();
            let more = if self.names.len() > 50 {
                format!(" and {} more", self.names.len() - 50)
            } else {
                String::new()
            };
            ReadError::NoColumn {
                path: self.path.to_owned(),
                column: name.to_owned(),
                flag,
                known: format!("{}{more}", shown.join(", ")),
            }
        })
    }

    fn override_roles(&mut self) -> Result<(), ReadError> {
        let overrides = self.overrides;
        if !overrides.features.is_empty() {
            for column in &mut self.columns {
                if column.role.is_input() {
                    column.role = Role::Ignored;
                }
            }
        }
        for name in &overrides.features {
            let idx = self.find(name, "--features")?;
            let kind = self.native_kind(idx);
            let counter = self.columns.get(idx).and_then(|column| column.counter);
            let category = self.columns.get(idx).is_some_and(|column| column.kind == Kind::Text);
            let known =
                self.hint(name).is_some_and(|hint| hint.from_shape && hint.column.role == Role::Category);
            let decision = if kind == Kind::Text || (category && known) {
                self.plain(idx, Role::Category, Kind::Text)
            } else {
                Decision { counter, ..self.plain(idx, Role::Feature, kind) }
            };
            self.put(idx, decision);
        }
        for name in &overrides.entity {
            let idx = self.find(name, "--entity")?;
            self.put(idx, self.plain(idx, Role::Entity, Kind::Text));
        }
        for name in &overrides.ignore {
            let idx = self.find(name, "--ignore")?;
            if let Some(column) = self.columns.get_mut(idx) {
                column.role = Role::Ignored;
            }
        }
        if let Some(name) = &overrides.label {
            let idx = self.find(name, "--label")?;
            let normal = self.columns.get(idx).map(|column| column.normal.clone()).unwrap_or_default();
            self.put(idx, Decision { normal, rank: 0, ..self.plain(idx, Role::Label, Kind::Text) });
        }
        if let Some(name) = &overrides.time {
            let idx = self.find(name, "--time")?;
            let forced = self.table.sample.get(idx).and_then(|_| {
                let profile = self.profiles.get(idx)?;
                self.time_of(idx, true).or_else(|| {
                    profile.is_numeric().then_some((Some(TimeForm::Relative), TimeStyle::RelativeSeconds))
                })
            });
            let Some((time, style)) = forced else {
                let example = self.profiles.get(idx).map_or("", |profile| &profile.example);
                return Err(ReadError::Malformed {
                    path: self.path.to_owned(),
                    place: format!("column '{name}'"),
                    what: format!("it holds no times Eddy knows ('{example}')"),
                    mend: "write them as 2014-04-10T00:04:00Z or as seconds since 1970, or leave --time out"
                        .to_owned(),
                });
            };
            self.put(idx, Decision { time, style, rank: 0, ..self.plain(idx, Role::Time, Kind::Time) });
        }
        Ok(())
    }

    fn put(&mut self, idx: usize, decision: Decision) {
        if let Some(column) = self.columns.get_mut(idx) {
            *column = decision;
        }
    }

    /// Leaves the best column in a role that only one may have.
    fn one_of(&mut self, role: Role) {
        let mut found: Vec<(usize, usize)> = self
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.role == role)
            .map(|(idx, column)| (column.rank, idx))
            .collect();
        found.sort_unstable();
        // A date says when, a time of day beside it only how late.
        let of_day =
            |idx: usize| self.columns.get(idx).is_some_and(|column| column.time == Some(TimeForm::OfDay));
        if role == Role::Time && self.overrides.time.is_none() {
            found.sort_by_key(|(_, idx)| of_day(*idx));
            if let [(_, date), rest @ ..] = found.as_slice()
                && !of_day(*date)
                && let Some(name) =
                    rest.iter().find(|(_, idx)| of_day(*idx)).and_then(|(_, idx)| self.names.get(*idx))
            {
                let text = format!(
                    "it holds times of day beside the dates of another column, which alone are used; join both as 2014-04-10 {}",
                    "00:04:00"
                );
                self.notes.push(note_on(name, text));
            }
        }
        let Some(((_, best), others)) = found.split_first() else { return };
        let mut names = Vec::new();
        for (_, idx) in others {
            if let (Some(column), Some(name)) = (self.columns.get_mut(*idx), self.names.get(*idx)) {
                column.role = if role == Role::Time { Role::Identifier } else { Role::LeakSuspect };
                names.push(name.clone());
            }
        }
        if !names.is_empty() {
            let (what, flag) = if role == Role::Time { ("time", "--time") } else { ("label", "--label") };
            let best = self.names.get(*best).cloned().unwrap_or_default();
            let text = format!("used as {what}, and {} not: {flag} changes that", list(&names));
            self.notes.push(note_on(&best, text));
        }
    }

    /// Names the shape; a metric series is told by its roles.
    fn name_shape(&mut self) -> ShapeName {
        let of = |id: &str| {
            shapes::by_id(id)
                .map_or_else(|| ShapeName { id: id.to_owned(), title: id.to_owned() }, ShapeMap::name)
        };
        if let Some(map) = self.shape {
            return map.name();
        }
        let count = |role: Role| {
            let varies = |idx: usize| self.profiles.get(idx).is_some_and(|profile| !profile.is_constant());
            self.columns
                .iter()
                .enumerate()
                .filter(|(idx, column)| column.role == role && varies(*idx))
                .count()
        };
        let has = |role: Role| self.columns.iter().any(|column| column.role == role);
        let series = has(Role::Time)
            && has(Role::Feature)
            && count(Role::Category) == 0
            && count(Role::Identifier) <= 1;
        if !series {
            return of(shapes::GENERIC);
        }
        for column in &mut self.columns {
            match column.role {
                Role::Feature => column.role = Role::Value,
                // A text that is the same in all rows, or in none, says nothing of a metric.
                Role::Category => column.role = Role::Identifier,
                _ => {}
            }
        }
        of(shapes::METRIC_SERIES)
    }

    fn find_counters(&mut self) {
        if self.shape.is_some() {
            return;
        }
        let has_time = self.columns.iter().any(|column| column.role == Role::Time);
        let entities: Vec<&Column> = self
            .columns
            .iter()
            .zip(&self.table.sample)
            .filter(|(column, _)| column.role == Role::Entity)
            .map(|(_, sample)| sample)
            .collect();
        let series = counters::series_of(&entities, self.table.contiguous);
        let mut found = Vec::new();
        for (idx, column) in self.columns.iter().enumerate() {
            let numeric = matches!(column.kind, Kind::Float | Kind::Int);
            if !has_time || !numeric || !matches!(column.role, Role::Value | Role::Feature) {
                continue;
            }
            let name = self.names.get(idx).map_or("", String::as_str);
            if let Some(bits) = counters::width(name, &self.values(idx, usize::MAX), &series) {
                found.push((idx, bits));
            }
        }
        let mut names = Vec::new();
        for (idx, bits) in found {
            if let (Some(column), Some(name)) = (self.columns.get_mut(idx), self.names.get(idx)) {
                column.counter = Some(bits);
                names.push(name.clone());
            }
        }
        if !names.is_empty() {
            let text = format!("taken for cumulative counters, to be used as rates: {}", list(&names));
            self.notes.push(note(text));
        }
    }

    /// Notes on what was assumed.
    fn describe(&mut self) {
        let (mut empty, mut constant, mut records) = (Vec::new(), Vec::new(), Vec::new());
        for ((column, profile), name) in self.columns.iter().zip(&self.profiles).zip(&self.names) {
            if column.role.is_input() && self.table.sample.first().is_some_and(|column| column.len() > 1) {
                if profile.valued == 0 {
                    empty.push(name.clone());
                } else if profile.is_constant() {
                    constant.push(name.clone());
                }
            }
            if column.role == Role::Ignored && profile.filled == 0 && column.rank < usize::MAX {
                let text =
                    "named like a label but empty in the sample; not used (--label takes it)".to_owned();
                self.notes.push(note_on(name, text));
            }
            if column.role == Role::Identifier && column.rank == usize::MAX {
                records.push(name.clone());
            }
            let other = profile.valued.saturating_sub(profile.numbers);
            if matches!(column.kind, Kind::Float | Kind::Int) && other > 0 {
                let text = format!(
                    "{other} of {} sampled values are no numbers and count as missing",
                    profile.valued
                );
                self.notes.push(note_on(name, text));
            }
            if profile.digits > 18 && column.kind == Kind::Float && column.role.is_input() {
                let text = "its numbers have more digits than can be kept; they are rounded to 15".to_owned();
                self.notes.push(note_on(name, text));
            }
            if column.kind == Kind::Time && column.role == Role::Time {
                if let Some(form @ (TimeForm::DayFirst | TimeForm::MonthFirst)) = column.time
                    && profile.ambiguous_day
                {
                    let order = if form == TimeForm::DayFirst { "day" } else { "month" };
                    let text = format!(
                        "'{}' could be read in two ways; the {order} is taken to come first",
                        profile.example
                    );
                    self.notes.push(note_on(name, text));
                } else if column.time.is_some() && !profile.zoned && profile.time.is_some() {
                    self.notes.push(note_on(name, "times name no zone and are taken as UTC".to_owned()));
                }
            }
        }
        for (names, what) in [
            (empty, "empty in the sample"),
            (constant, "holding one value only in the sample"),
            (
                records,
                "taken for names or numbers of records and not used as features (--features takes them in)",
            ),
        ] {
            if !names.is_empty() {
                self.notes.push(note(format!("{what}: {}", list(&names))));
            }
        }
    }

    fn finish(self, shape: ShapeName) -> Plan {
        let mut fields = Vec::with_capacity(self.names.len());
        let mut targets = Vec::with_capacity(self.names.len());
        for (name, column) in self.names.into_iter().zip(self.columns) {
            let mut field = Field::new(name.as_str(), column.kind, column.role);
            field.unit = column.unit.map(Into::into);
            field.counter = column.counter.filter(|_| matches!(column.kind, Kind::Float | Kind::Int));
            if column.kind == Kind::Time {
                field.time_style = column.style;
            }
            if column.role == Role::Label {
                field.normal_labels = column.normal.into_iter().map(Into::into).collect();
            }
            fields.push(field);
            targets.push(Target { name, kind: column.kind, time: column.time });
        }
        Plan { schema: Arc::new(Schema { fields }), targets, shape, notes: self.notes }
    }
}

/// Whether a name speaks of a point in time.
/// Whether a name says that its whole numbers only tell one thing from another: `process-id`, `pid`, `sessionId`.
fn numbers_something(name: &str) -> bool {
    let last = name.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or(name);
    matches!(last.to_ascii_lowercase().as_str(), "id" | "pid" | "uid" | "guid" | "uuid")
        || last.ends_with("Id")
        || last.ends_with("ID")
}

fn sounds_like_time(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("time")
        || name.contains("date")
        || name
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| matches!(word, "ts" | "epoch" | "seen" | "created" | "start" | "end"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_end_in_id_number_something() {
        for name in ["process-id", "pid", "PID", "sessionId", "flow.UUID", "id"] {
            assert!(numbers_something(name), "{name}");
        }
        for name in ["paid", "valid", "humid", "id_rate", "grid", ""] {
            assert!(!numbers_something(name), "{name}");
        }
    }
}
