//! Flagged rows that belong together: one line of the page for each event instead of one for each row.

use std::collections::HashMap;
use std::fmt::Write;

use crate::{DetectReport, FindingRow, escape, words};

/// Events listed on the first screen.
const MOST_EVENTS: usize = 5;

/// A stretch of flagged rows, or a flagged row that stands alone.
pub(crate) struct Event<'a> {
    /// The most unusual row of it.
    pub(crate) lead: &'a FindingRow,
    /// Rows of it that are explained, the lead among them.
    pub(crate) explained: u64,
}

/// The findings by event, those with the most unusual row first.
pub(crate) fn events(findings: &[FindingRow]) -> Vec<Event<'_>> {
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut by_first_row: HashMap<u64, usize> = HashMap::new();
    for finding in findings {
        let known =
            finding.stretch.as_ref().and_then(|stretch| by_first_row.get(&stretch.first_row).copied());
        if let Some(at) = known {
            events[at].explained += 1;
            continue;
        }
        if let Some(stretch) = &finding.stretch {
            by_first_row.insert(stretch.first_row, events.len());
        }
        events.push(Event { lead: finding, explained: 1 });
    }
    events
}

impl Event<'_> {
    /// Flagged rows in it, explained or not.
    pub(crate) fn flagged(&self) -> u64 {
        self.lead.stretch.as_ref().map_or(1, |stretch| stretch.flagged.max(self.explained))
    }

    /// From when to when, where the times are known.
    fn when(&self) -> Option<String> {
        let stretch = self.lead.stretch.as_ref().filter(|stretch| stretch.flagged > 1);
        match stretch.and_then(|stretch| stretch.from.as_ref().zip(stretch.to.as_ref())) {
            Some((from, to)) if from != to => Some(format!("{from} to {}", without_same_day(from, to))),
            _ => self.lead.time.clone(),
        }
    }

    /// Where it is in short, as parts that are each a phrase: the first is the most telling.
    fn place_in_short(&self) -> Vec<String> {
        let mut parts = self.place();
        if self.flagged() > 1 && parts.len() > 2 {
            parts.pop();
        }
        parts
    }

    /// The place of the event, as parts that are each a phrase: the first is the most telling.
    pub(crate) fn place(&self) -> Vec<String> {
        let lead = self.lead;
        let mut parts: Vec<String> = Vec::new();
        parts.extend(self.when());
        parts.extend(lead.entity.clone());
        let row = match (lead.line, &lead.source) {
            (Some(line), Some(source)) => format!("{source}, line {}", words::count(line)),
            (Some(line), None) => format!("line {}", words::count(line)),
            (None, Some(source)) => format!("{source}, row {}", words::count(lead.row)),
            (None, None) => format!("row {}", words::count(lead.row)),
        };
        if self.flagged() > 1 {
            parts.push(words::counted(self.flagged(), "row", "rows"));
            parts.push(format!("strangest {row}"));
        } else {
            parts.push(row);
        }
        parts
    }
}

/// The later of two times without its date where that is the earlier one's.
fn without_same_day<'a>(from: &str, to: &'a str) -> &'a str {
    match (from.split_once([' ', 'T']), to.split_once([' ', 'T'])) {
        (Some((day, _)), Some((same, time))) if day == same => time,
        _ => to,
    }
}

/// How many events the flagged rows are, where every flagged row is explained and some belong together.
pub(crate) fn number_of_events(report: &DetectReport, events: &[Event<'_>]) -> Option<u64> {
    let all = report.findings.len() as u64 >= report.threshold.flagged;
    (all && events.iter().any(|event| event.flagged() > 1)).then_some(events.len() as u64)
}

/// The list on the first screen: when, what and why.
pub(crate) fn event_list(out: &mut String, events: &[Event<'_>]) {
    out.push_str("<ol class=\"events\" aria-label=\"Most unusual\">");
    for event in events.iter().take(MOST_EVENTS) {
        let lead = event.lead;
        let place = event.place_in_short();
        let (first, rest) = place.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let label = lead.label.as_deref().filter(|label| !label.is_empty());
        let mut aside: Vec<String> = rest.iter().map(|part| escape::text(part)).collect();
        aside.push(format!("score {}", words::score(lead.score)));
        aside.extend(label.map(|label| format!("labelled {}", escape::text(label))));
        // The first reason is enough here: the findings have all of them.
        let reason = lead.sentence.split("; ").next().unwrap_or_default();
        let _ = write!(
            out,
            concat!(
                "<li><p><a href=\"#findings\" data-rank=\"{}\">{}</a> <span class=\"aside\">{}</span></p>",
                "<p class=\"reason\">{}</p></li>"
            ),
            lead.rank,
            escape::text(first),
            aside.join(" · "),
            escape::text(reason)
        );
    }
    out.push_str("</ol>");
    let rest = events.len().saturating_sub(MOST_EVENTS) as u64;
    let more = if rest > 0 { format!("{} more below. ", words::count(rest)) } else { String::new() };
    let _ = write!(
        out,
        concat!(
            "<p class=\"next\">{}Next: open one for all its causes and cells, <a href=\"#trace\">see it in the record</a>, ",
            "or move the threshold.</p>"
        ),
        more
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stretch;

    fn finding(rank: u64, row: u64, stretch: Option<(u64, u64, u64)>) -> FindingRow {
        FindingRow {
            rank,
            row,
            time: Some(format!("2024-01-18 14:{row:02}:00")),
            stretch: stretch.map(|(first_row, last_row, flagged)| Stretch {
                first_row,
                last_row,
                flagged,
                from: Some(format!("2024-01-18 14:{first_row:02}:00")),
                to: Some(format!("2024-01-18 14:{last_row:02}:00")),
            }),
            ..FindingRow::default()
        }
    }

    #[test]
    fn rows_of_one_stretch_are_one_event() {
        let findings = [
            finding(1, 7, Some((5, 9, 4))),
            finding(2, 30, None),
            finding(3, 5, Some((5, 9, 4))),
            finding(4, 9, Some((5, 9, 4))),
        ];
        let events = events(&findings);
        let seen: Vec<(u64, u64, u64)> =
            events.iter().map(|event| (event.lead.rank, event.explained, event.flagged())).collect();
        assert_eq!(seen, [(1, 3, 4), (2, 1, 1)]);
        assert_eq!(
            events[0].place(),
            ["2024-01-18 14:05:00 to 14:09:00", "4 rows", "strangest row 7"].map(String::from)
        );
        assert_eq!(events[1].place(), ["2024-01-18 14:30:00", "row 30"].map(String::from));
    }

    #[test]
    fn the_number_of_events_is_told_only_when_it_is_known() {
        let findings = vec![finding(1, 7, Some((5, 9, 2))), finding(2, 5, Some((5, 9, 2)))];
        let mut report = DetectReport { findings, ..DetectReport::default() };
        report.threshold.flagged = 2;
        assert_eq!(number_of_events(&report, &events(&report.findings)), Some(1));
        report.threshold.flagged = 3;
        assert_eq!(number_of_events(&report, &events(&report.findings)), None);
    }
}
