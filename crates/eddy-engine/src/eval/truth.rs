//! What is known of captures.

use std::net::IpAddr;

use super::captures::Raised;

/// The table of truth: facts on public captures, by their path below the folder of data.
pub(crate) const TRUTH: &str = include_str!("truth.tsv");

/// What is in a capture.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// Nothing that should wake anybody.
    Benign,
    /// One of these behaviours; and, where given, a kind that holds one of these words.
    Behaviours(Vec<(String, Vec<String>)>),
}

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Known {
    /// A file, or a folder with a slash at its end.
    pub(crate) file: String,
    pub(crate) what: What,
    /// Any one of these does; none: nobody is to be named, or nobody knows.
    pub(crate) actors: Option<Vec<IpAddr>>,
    /// Senders are forged, so that whoever is named is wrong.
    pub(crate) is_forged: bool,
    pub(crate) targets: Option<Vec<IpAddr>>,
    /// Whether flows have labels.
    pub(crate) has_labels: bool,
}

/// Reads the table: file, what, actors, targets and source of the knowledge, between tabs; `#` begins a remark.
///
/// What is `benign`, or behaviours with `|` between them, each with words of kinds after a colon: `scan:FIN,stealth`.
/// Actors and targets are addresses with `|` between them, `-` where nobody knows, `forged` where senders are.
pub(crate) fn known(text: &str) -> Result<Vec<Known>, String> {
    let mut out = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let &[file, what, actors, targets, source] = cells.as_slice() else {
            return Err(format!("line {} of the table of truth: 5 columns are needed", at + 1));
        };
        let addresses = |text: &str| -> Result<Option<Vec<IpAddr>>, String> {
            if matches!(text, "-" | "forged") {
                return Ok(None);
            }
            let parse = |one: &str| {
                one.parse().map_err(|_| format!("line {} of the table of truth: {one} is no address", at + 1))
            };
            text.split('|').map(parse).collect::<Result<_, _>>().map(Some)
        };
        let what = if what == "benign" {
            What::Benign
        } else {
            let one = |part: &str| match part.split_once(':') {
                None => (part.to_owned(), Vec::new()),
                Some((name, words)) => {
                    (name.to_owned(), words.split(',').map(str::to_lowercase).collect::<Vec<_>>())
                }
            };
            What::Behaviours(what.split('|').map(one).collect())
        };
        out.push(Known {
            file: file.to_owned(),
            what,
            actors: addresses(actors)?,
            is_forged: actors == "forged",
            targets: addresses(targets)?,
            has_labels: source.contains("labelled"),
        });
    }
    Ok(out)
}

fn meet(known: Option<&[IpAddr]>, named: &[IpAddr]) -> bool {
    known.is_none_or(|known| known.iter().any(|one| named.contains(one)))
}

impl Known {
    pub(crate) fn in_words(&self) -> String {
        match &self.what {
            What::Benign => "benign".into(),
            What::Behaviours(of) => {
                let names: Vec<&str> = of.iter().map(|(name, _)| name.as_str()).collect();
                names.join(" or ")
            }
        }
    }

    pub(crate) fn kind_is_right(&self, raised: &Raised) -> bool {
        let What::Behaviours(of) = &self.what else { return false };
        let kind = raised.kind.to_lowercase();
        of.iter().any(|(name, words)| {
            raised.behaviours.contains(name)
                && (words.is_empty() || words.iter().any(|word| kind.contains(word.as_str())))
        })
    }

    pub(crate) fn actor_is_right(&self, raised: &Raised) -> bool {
        if self.is_forged { raised.actors.is_empty() } else { meet(self.actors.as_deref(), &raised.actors) }
    }

    /// Whether an incident tells who does it and what it is.
    pub(crate) fn is_told_by(&self, raised: &Raised) -> bool {
        self.actor_is_right(raised) && self.kind_is_right(raised)
    }

    pub(crate) fn target_is_right(&self, raised: &Raised) -> bool {
        meet(self.targets.as_deref(), &raised.targets)
    }

    /// Whether an incident is about what is known, even where it does not name all of it.
    pub(crate) fn concerns(&self, raised: &Raised) -> bool {
        if self.what == What::Benign {
            return false;
        }
        let by = |known: Option<&[IpAddr]>, named: &[IpAddr]| known.is_some() && meet(known, named);
        let (actors, targets) = (self.actors.as_deref(), self.targets.as_deref());
        by(actors, &raised.actors)
            || (actors.is_none() || raised.actors.is_empty()) && by(targets, &raised.targets)
            || actors.is_none() && targets.is_none() && self.kind_is_right(raised)
    }
}

#[cfg(test)]
mod tests {
    use eddy_insight::Severity;

    use super::*;

    #[test]
    fn the_table_of_the_program_is_sound_and_wrong_ones_are_told() {
        let table = known(TRUTH).unwrap();
        assert!(table.iter().filter(|one| one.what != What::Benign).count() >= 15);
        assert!(table.iter().any(|one| one.what == What::Benign) && table.iter().any(|one| one.has_labels));
        assert!(known("a\tscan\t10.0.0.1\t-").unwrap_err().contains("line 1"));
        assert!(known("a\tscan\t10.0.0\t-\tx").unwrap_err().contains("10.0.0 is no address"));
    }

    #[test]
    fn forged_senders_must_not_be_named_and_words_of_kinds_count() {
        let raised = |actors: &[u8]| Raised {
            kind: "SYN flood".into(),
            behaviours: vec!["flood".into()],
            actors: actors.iter().map(|&host| IpAddr::from([10, 0, 0, host])).collect(),
            targets: vec![IpAddr::from([10, 0, 0, 9])],
            severity: Severity::High,
            confidence: 0.9,
            sentence: String::new(),
        };
        let one = |line: &str| known(line).unwrap().remove(0);
        let forged = one("a\tflood:syn\tforged\t10.0.0.9\tx");
        assert!(forged.actor_is_right(&raised(&[])) && !forged.actor_is_right(&raised(&[1])));
        assert!(forged.kind_is_right(&raised(&[])) && forged.concerns(&raised(&[])));
        assert!(!one("a\tflood:udp\t-\t-\tx").kind_is_right(&raised(&[])));
        let named = one("a\tscan|flood\t10.0.0.1|10.0.0.2\t10.0.0.8\tx");
        assert!(named.actor_is_right(&raised(&[2])) && !named.actor_is_right(&raised(&[3])));
        assert!(named.kind_is_right(&raised(&[2])) && !named.target_is_right(&raised(&[2])));
    }
}
