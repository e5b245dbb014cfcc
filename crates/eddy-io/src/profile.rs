//! What a sample says about one column.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use eddy_frame::{Column, TextColumn};
use rustc_hash::{FxHashSet, FxHasher};

use crate::cells::{is_missing, is_missing_text, number, number_with_comma, whole_digits};
use crate::timeparse::TimeForm;

/// Distinct values are counted up to here.
pub(crate) const MANY: usize = 1000;

/// Counts over the values of a sample.
#[derive(Debug, Clone, Default)]
pub(crate) struct Profile {
    /// Values that are there, where empty means missing in any kind of column.
    pub filled: usize,
    /// Values that are there, where `-`, `?` and `None` mean missing too, as in numeric columns.
    pub valued: usize,
    /// Values that are numbers, infinities among them.
    pub numbers: usize,
    /// Numbers that are whole and written without point.
    pub whole: usize,
    /// Most digits of a whole number.
    pub digits: usize,
    /// Numbers written in decimal (not after `0x`).
    pub decimal: usize,
    /// Smallest finite number.
    pub low: f64,
    /// Largest finite number.
    pub high: f64,
    /// Numbers that could be seconds, milliseconds, ... since the epoch: the smallest and the largest that is not zero.
    pub low_not_zero: f64,
    /// The commonest form of time, and how many values have it.
    pub time: Option<(TimeForm, usize)>,
    /// Whether day and month could be the other way round.
    pub ambiguous_day: bool,
    /// Whether the times name their zone.
    pub zoned: bool,
    /// Values that are addresses.
    pub addresses: usize,
    /// Distinct values, at most [`MANY`] + 1.
    pub distinct: usize,
    /// A value that is there.
    pub example: String,
    /// How many of the values are longer than 64 bytes.
    pub long: usize,
}

impl Profile {
    /// The profile of a column. `decimal_comma`: numbers have a comma before their decimals.
    pub(crate) fn of(column: &Column, decimal_comma: bool) -> Self {
        let mut profile = Self {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            low_not_zero: f64::INFINITY,
            ..Self::default()
        };
        let mut seen = FxHashSet::default();
        match column {
            Column::Text(texts) => {
                let number_of = if decimal_comma { number_with_comma } else { number };
                for text in texts.iter().filter(|text| !is_missing_text(text.trim().as_bytes())) {
                    profile.text(text.trim(), number_of);
                    see(&mut seen, text);
                }
                profile.times(texts);
            }
            Column::Float(values) => {
                for value in values.iter().filter(|value| !value.is_nan()) {
                    profile.filled += 1;
                    profile.valued += 1;
                    profile.decimal += 1;
                    profile.whole += usize::from(value.fract() == 0.0);
                    profile.number(*value);
                    see(&mut seen, &value.to_bits());
                }
            }
            Column::Int(values) | Column::Time(values) => {
                for value in values.iter().filter(|value| **value != i64::MIN) {
                    profile.filled += 1;
                    profile.valued += 1;
                    profile.decimal += 1;
                    profile.whole += 1;
                    profile.number(*value as f64);
                    see(&mut seen, value);
                }
            }
        }
        profile.distinct = seen.len();
        profile
    }

    /// Whether the values are numbers, apart from a few slips of the pen.
    pub(crate) fn is_numeric(&self) -> bool {
        let other = self.valued.saturating_sub(self.numbers);
        self.decimal > 0 && (other == 0 || other * 10 <= self.valued || (other == 1 && self.valued >= 3))
    }

    /// Whether the numbers are whole and too wide for floats, yet not for 64-bit integers.
    pub(crate) fn is_wide(&self) -> bool {
        (16..=18).contains(&self.digits) && self.whole == self.numbers
    }

    /// The form of time, when nearly all values have it.
    pub(crate) fn time_form(&self) -> Option<TimeForm> {
        self.time.filter(|(_, count)| count * 10 >= self.valued * 9 && *count > 0).map(|(form, _)| form)
    }

    /// The unit of an epoch in which the numbers lie between 1990 and 2100.
    pub(crate) fn epoch(&self) -> Option<TimeForm> {
        if !self.is_numeric() {
            return None;
        }
        // Fourteen digits from the years 1970 to 2199: a date and a clock without separators.
        let compact = self.whole == self.numbers && self.low_not_zero >= 1.97e13 && self.high < 2.2e13;
        if compact { Some(TimeForm::Compact) } else { TimeForm::epoch(self.low_not_zero, self.high) }
    }

    /// Whether there is at most one value.
    pub(crate) fn is_constant(&self) -> bool {
        self.distinct <= 1
    }

    fn text(&mut self, text: &str, number_of: fn(&[u8]) -> Option<f64>) {
        self.filled += 1;
        self.long += usize::from(text.len() > 64);
        if is_missing(text.as_bytes()) {
            return;
        }
        self.valued += 1;
        if self.example.is_empty() {
            text.clone_into(&mut self.example);
        }
        let Some(value) = number_of(text.as_bytes()) else {
            self.addresses += usize::from(text.parse::<IpAddr>().is_ok());
            return;
        };
        self.decimal += usize::from(!text.starts_with("0x") && !text.starts_with("0X"));
        if let Some(digits) = whole_digits(text.as_bytes()) {
            self.whole += 1;
            self.digits = self.digits.max(digits);
        }
        self.number(value);
    }

    fn number(&mut self, value: f64) {
        self.numbers += 1;
        if value.is_finite() {
            self.low = self.low.min(value);
            self.high = self.high.max(value);
            if value != 0.0 {
                self.low_not_zero = self.low_not_zero.min(value);
            }
        }
    }

    /// Finds the commonest form of time.
    fn times(&mut self, texts: &TextColumn) {
        if self.numbers * 2 > self.valued || self.valued == 0 {
            return;
        }
        let filled = || texts.iter().map(str::trim).filter(|text| !is_missing(text.as_bytes()));
        // A text without two separators in the first value is no time; nearly all columns end here.
        if !filled()
            .take(20)
            .any(|text| TimeForm::TEXT.iter().any(|form| form.parse(text.as_bytes()).is_some()))
        {
            return;
        }
        // Smaller spans are likelier, then the order of the list (day before month).
        let mut best: Option<(TimeForm, usize, i64)> = None;
        let mut spans = Vec::new();
        for form in TimeForm::TEXT {
            let (mut count, mut low, mut high) = (0, i64::MAX, i64::MIN);
            for nanos in filled().filter_map(|text| form.parse(text.as_bytes())) {
                count += 1;
                low = low.min(nanos);
                high = high.max(nanos);
            }
            if count == 0 {
                continue;
            }
            let span = high.saturating_sub(low);
            if matches!(form, TimeForm::DayFirst | TimeForm::MonthFirst) {
                spans.push((count, span));
            }
            if best.is_none_or(|(_, most, least)| count > most || (count == most && span < least)) {
                best = Some((form, count, span));
            }
        }
        let halves = filled().take(20).any(|text| {
            let end = text.get(text.len().saturating_sub(2)..).unwrap_or_default();
            end.eq_ignore_ascii_case("am") || end.eq_ignore_ascii_case("pm")
        });
        self.ambiguous_day = matches!(spans.as_slice(), [(a, _), (b, _)] if a == b);
        if self.ambiguous_day && halves && best.is_some_and(|(form, ..)| form == TimeForm::DayFirst) {
            best = best.map(|(_, count, span)| (TimeForm::MonthFirst, count, span));
        }
        self.time = best.map(|(form, count, _)| (form, count));
        self.zoned =
            self.time.is_none_or(|(form, _)| filled().take(20).all(|text| form.has_zone(text.as_bytes())));
    }
}

fn see(seen: &mut FxHashSet<u64>, value: &(impl Hash + ?Sized)) {
    if seen.len() <= MANY {
        let mut hasher = FxHasher::default();
        value.hash(&mut hasher);
        seen.insert(hasher.finish());
    }
}
