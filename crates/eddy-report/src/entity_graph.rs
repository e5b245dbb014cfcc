//! Who does it to whom: actors left, targets right.

use crate::drawing::{Anchor, Area, Drawing, Ink, NOTE, Type};
use crate::{Host, IncidentCard, words};

/// Hosts drawn on a side at most.
const MOST: usize = 8;
/// Height of a host.
const STEP: f64 = 30.0;
/// Width of the picture.
pub(crate) const WIDTH: f64 = 460.0;

/// The hosts of a side and how many are not drawn.
fn side(hosts: &[Host], more: u64) -> (Vec<(String, u64, bool)>, u64) {
    let shown = hosts
        .iter()
        .take(MOST)
        .map(|host| (words::shortened(&host.name, 24), host.flows, host.inside))
        .collect();
    (shown, more + hosts.len().saturating_sub(MOST) as u64)
}

/// Height that the picture of an incident needs; none where there are no hosts.
pub(crate) fn height(card: &IncidentCard) -> Option<f64> {
    let lines =
        |hosts: &[Host], more: u64| hosts.len().min(MOST) + usize::from(more > 0 || hosts.len() > MOST);
    let most = lines(&card.actors, 0).max(lines(&card.targets, card.more_targets));
    (most > 0).then_some(most as f64 * STEP + 22.0)
}

/// Draws the hosts and a line for each pair that is drawn, thicker the more flows the target has.
pub(crate) fn entity_graph(drawing: &mut Drawing, area: Area, card: &IncidentCard) {
    let (mut actors, more_actors) = side(&card.actors, 0);
    let (targets, more_targets) = side(&card.targets, card.more_targets);
    if actors.is_empty() {
        actors.push(("many or unknown".into(), 0, false));
    }
    let room = area.inside(20.0, 0.0, 0.0, 0.0);
    let at = |n: usize, of: usize| {
        let free = room.height - of as f64 * STEP;
        room.y + free / 2.0 + (n as f64 + 0.5) * STEP
    };
    let (left, right) = (area.x + 178.0, area.right() - 178.0);
    let rows = (actors.len() + usize::from(more_actors > 0), targets.len() + usize::from(more_targets > 0));
    let most = targets.iter().map(|target| target.1).max().unwrap_or(0).max(1) as f64;
    for (from, _) in actors.iter().enumerate() {
        for (to, target) in targets.iter().enumerate() {
            let width = 0.8 + 3.2 * target.1 as f64 / most;
            drawing.line((left + 6.0, at(from, rows.0)), (right - 6.0, at(to, rows.1)), Ink::Flagged, width);
        }
    }
    let head = Type { anchor: Anchor::End, ..NOTE };
    drawing.text(left, area.y + 12.0, "who", head);
    drawing.text(right, area.y + 12.0, "to whom", NOTE);
    let host = |drawing: &mut Drawing, n: usize, of: usize, name: &str, x: f64, ink: Ink, anchor: Anchor| {
        let y = at(n, of);
        drawing.fill(&crate::trace::dot(x, y, 4.5), ink, "");
        let beside = if anchor == Anchor::End { x - 10.0 } else { x + 10.0 };
        let style = Type { size: 11.5, ink: Ink::Ink, anchor, mono: true };
        drawing.text(beside, y + 4.0, name, style);
    };
    for (n, (name, _, _)) in actors.iter().enumerate() {
        host(drawing, n, rows.0, name, left, Ink::Flagged, Anchor::End);
    }
    for (n, (name, _, inside)) in targets.iter().enumerate() {
        let ink = if *inside { Ink::Normal } else { Ink::Muted };
        host(drawing, n, rows.1, name, right, ink, Anchor::Start);
    }
    for (more, of, x, anchor) in
        [(more_actors, rows.0, left, Anchor::End), (more_targets, rows.1, right, Anchor::Start)]
    {
        if more > 0 {
            let y = at(of - 1, of) + 4.0;
            let beside = if anchor == Anchor::End { x - 10.0 } else { x + 10.0 };
            drawing.text(beside, y, &format!("and {} more", words::count(more)), Type { anchor, ..NOTE });
        }
    }
}

/// What the picture shows, in words.
pub(crate) fn in_words(card: &IncidentCard) -> String {
    let list = |hosts: &[Host]| match hosts {
        [] => "many or unknown".to_owned(),
        [one] => one.name.clone(),
        [one, rest @ ..] => format!("{} and {} more", one.name, rest.len()),
    };
    format!("Hosts of the incident: {} to {}", list(&card.actors), list(&card.targets))
}
