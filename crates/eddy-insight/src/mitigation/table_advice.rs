//! What to do about unusual rows of a table without addresses: three things at least, of which the first says where to
//! look.

use super::{Advice, When};
use crate::table::TableKind;
use crate::{Finding, count};

/// Advice of a kind, tied to the strangest row.
pub(crate) fn table_advice(kind: TableKind, lead: &Finding, n_rows: u64) -> Vec<Advice> {
    let place =
        lead.place.line.map_or_else(|| format!("row {}", lead.place.row), |line| format!("line {line}"));
    let at = lead.place.time.as_ref().map_or_else(|| place.clone(), |time| format!("{time} ({place})"));
    let whom = lead.place.entity.as_ref().map_or_else(String::new, |entity| format!(" of {entity}"));
    let feature =
        lead.causes.first().map_or_else(|| "the values".to_owned(), |cause| format!("'{}'", cause.feature));
    let timed = lead.place.time.is_some();
    let rows = if n_rows == 1 { "one row".to_owned() } else { format!("{} rows", count(n_rows)) };
    let texts = match kind {
        TableKind::Spike => [
            format!("Find out who sent or fetched so much around {at}{whom}: {rows} show it, {feature} most of all."),
            "Limit the rate of what need not be so much (rate limiting, throttling), at the edge first.".to_owned(),
            "If it came from many outside, have your provider's protection against floods ready for the next one.".to_owned(),
        ],
        TableKind::Exfiltration => [
            format!("Ask whether the transfer around {at}{whom} was meant: {rows} show it, {feature} most of all."),
            "Filter what may leave the network (egress filtering), and let bulk transfers out through few known ways.".to_owned(),
            "Watch transfers outwards over days, not only their size: a slow one looks small (data loss prevention).".to_owned(),
        ],
        TableKind::Protocol => [
            format!("See which program spoke so around {at}{whom}: {rows} show it, {feature} most of all."),
            "Let the firewall pass only the protocols and states that are used here.".to_owned(),
            "Look into the packets (deep packet inspection, a capture of a few minutes) to see whether they are what they claim.".to_owned(),
        ],
        TableKind::Pattern if !timed => [
            format!("Set {at}{whom} beside ordinary rows: {rows} show it, {feature} most of all."),
            "Ask whether such values can be right here; if not, look at what measured them.".to_owned(),
            "Separate this kind of traffic from the rest (segmentation), so that the next change shows sooner and spreads less.".to_owned(),
        ],
        TableKind::Pattern => [
            format!("Compare what happened around {at}{whom} with the same hour of other days: {rows} show it, {feature} most of all."),
            "Ask whether something was changed, moved or switched off at that time.".to_owned(),
            "Separate this kind of traffic from the rest (segmentation), so that the next change shows sooner and spreads less.".to_owned(),
        ],
        TableKind::Unknown => [
            format!("Look at {at}{whom} and the rows around it; no single value gives it away, but they do not go together as usual."),
            if timed {
                "Find a second source for that time: a capture, a log of the device, somebody who was there."
            } else {
                "Find a second source for it: a capture, a log of the device, somebody who was there."
            }
            .to_owned(),
            "If it turns out to be ordinary, train with rows like it, so that it is not raised again.".to_owned(),
        ],
    };
    let [first, second, third] = texts;
    let urgent =
        if matches!(kind, TableKind::Spike | TableKind::Exfiltration) { When::Now } else { When::Today };
    vec![
        Advice { when: urgent, text: first },
        Advice { when: When::Today, text: second },
        Advice { when: When::Later, text: third },
    ]
}
