//! What the incidents of a page promise.

#[path = "../examples/incidents/mod.rs"]
mod incidents;

use eddy_report::{DetectReport, IncidentCard, detect_html};
use incidents::cards;

const HOSTILE: &str =
    "<img src=x onerror=alert(1)></details></pre><script>alert(2)</script>\u{0}\u{202e}'\"&]]>";

fn page(cards: Vec<IncidentCard>) -> String {
    detect_html(&DetectReport { title: "flows.csv".into(), incidents: cards, ..DetectReport::default() })
}

/// What stands between the masthead and the foot.
fn main_of(html: &str) -> &str {
    let from = html.find("<main>").unwrap();
    &html[from..html.find("</main>").unwrap()]
}

#[test]
fn an_incident_is_whole_without_a_script() {
    let html = page(cards("cdn.example.org"));
    let main = main_of(&html);
    for expect in [
        "3 incidents",
        "<span class=\"badge high\">high</span>",
        "vertical scan of 10.0.0.5",
        "pairs of host and port tried in vain",
        "Block 198.51.100.66 where your network begins.",
        "nft delete table inet eddy_0123456789ab_1",
        "T1046",
        "and 3 more",
        "192.0.2.7",
        "cdn.example.org",
        "815",
        "97 % sure",
        "Hosts of the incident: many or unknown to 2001:db8::443",
    ] {
        assert!(main.contains(expect), "{expect} is missing");
    }
    assert!(main.find("id=\"incidents\"").unwrap() < main.find("id=\"findings\"").unwrap());
    // One of the tabs of each rule is open.
    assert_eq!(main.matches(" checked>").count(), main.matches("<fieldset class=\"tabs\">").count());
}

#[test]
fn incidents_of_a_table_stand_below_its_findings() {
    let only_table = cards("bytes").into_iter().filter(|card| card.flows == 0).collect();
    let html = page(only_table);
    let main = main_of(&html);
    assert!(main.find("id=\"incidents\"").unwrap() > main.find("id=\"findings\"").unwrap());
    assert!(main.contains("Rows that prove it (1 of 3") && !main.contains("class=\"lanes\""));
    assert!(!page(Vec::new()).contains("id=\"incidents\""));
}

#[test]
fn text_from_traffic_is_only_text() {
    let html = page(cards(HOSTILE));
    let main = main_of(&html);
    assert!(main.contains("&lt;img src=x onerror=alert(1)&gt;&lt;/details&gt;"));
    for never in ["<img", "<script>alert", "\u{0}", "\u{202e}"] {
        assert!(!main.contains(never), "{never:?}");
    }
    for (open, close) in
        [("<details", "</details>"), ("<pre", "</pre>"), ("<fieldset", "</fieldset>"), ("<table", "</table>")]
    {
        assert_eq!(main.matches(open).count(), main.matches(close).count(), "{open}");
    }
}

#[test]
fn hostile_numbers_are_drawn_inside_their_pictures() {
    let mut cards = cards("x");
    for card in &mut cards {
        card.confidence = f64::NAN;
        card.times_ms = Some([f64::NEG_INFINITY, 0.0, f64::INFINITY]);
        card.timeline = vec![(f64::NAN, u64::MAX), (f64::INFINITY, 0)];
        card.evidence.iter_mut().for_each(|row| (row.seen, row.usual) = (f64::NAN, f64::INFINITY));
        card.filters.iter_mut().for_each(|filter| filter.share = f64::NAN);
        card.actors = vec![card.targets.first().cloned().unwrap_or_default(); 300];
    }
    let html = page(cards);
    let main = main_of(&html);
    assert!(!main.contains("NaN") && !main.contains("=\"inf"), "no coordinate that is none");
}
