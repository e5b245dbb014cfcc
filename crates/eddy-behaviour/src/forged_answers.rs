//! Answers in the name of somebody else.

use crate::open::Open;
use crate::packet_sign::Told;
use crate::sighting::{Evidence, Severity};
use crate::watch::{AboutBehaviour, Behaviour};
use crate::{Flow, Sighting};
use eddy_flow::{PacketSign, SignKind};

pub(crate) const ABOUT: AboutBehaviour = AboutBehaviour {
    name: "forged_answers",
    title: "Forged answers",
    summary: "Somebody answers for others: for the names of several neighbours (LLMNR, NetBIOS), with leases of another router \
              than the server that was there before, with redirects of ways over itself, with resets of connections that go \
              on all the same, or with many answers to one question for a name.",
    blind_to: "A single forged answer; answers that come instead of the right one, where it was never heard; switches that \
               hand the answer to nobody else than who asked; flow logs, but for answers to questions for names. A second router \
               that is there by right sends redirects too.",
    techniques: &["T1557.001", "T1557.003", "T1557", "T1499.004"],
};

/// Names of others that one host answers for.
const LEAST_NAMES: u64 = 2;
const SURE_NAMES: u64 = 4;
/// Resets of connections that go on.
const SURE_RESETS: u64 = 3;
/// Answers of one conversation with a name server, and for each question.
const LEAST_ANSWERS: u64 = 20;
const ANSWERS_A_QUESTION: u64 = 5;
/// Mean bytes of such an answer at most: pieces of a long one come without a question each, too.
const ANSWER: u64 = 1_000;

/// The behaviour.
pub(crate) struct ForgedAnswers {
    open: Open<(std::net::IpAddr, u16)>,
}

impl Default for ForgedAnswers {
    fn default() -> Self {
        Self { open: Open::new(600) }
    }
}

/// Whether a name server seems to have answered a question many times over.
fn is_answered_again(flow: &Flow<'_>) -> bool {
    flow.protocol == Flow::UDP
        && flow.destination_port == 53
        && flow.packets > 0
        && flow.reverse_packets >= LEAST_ANSWERS.max(flow.packets.saturating_mul(ANSWERS_A_QUESTION))
        && flow.reverse_octets <= ANSWER.saturating_mul(flow.reverse_packets)
}

impl Behaviour for ForgedAnswers {
    fn about(&self) -> &'static AboutBehaviour {
        &ABOUT
    }

    fn see(&mut self, flow: &Flow<'_>, out: &mut Vec<Sighting>) {
        self.open.sweep(flow.start_ns, out);
        if !is_answered_again(flow) {
            return;
        }
        let key = (flow.source, 53);
        if self.open.extend(&key, flow, flow.source).is_some() {
            return;
        }
        let (seen, usual) = (flow.reverse_packets as f64 / flow.packets as f64, ANSWERS_A_QUESTION as f64);
        let mut sighting = Sighting {
            behaviour: ABOUT.name,
            kind: "forged answers of a name server",
            // They come in the name of the server.
            actor: None,
            targets: Vec::new(),
            n_targets: 1,
            port: None,
            first_ns: flow.start_ns,
            detected_ns: flow.end_ns(),
            last_ns: flow.end_ns(),
            flows: 0,
            octets: 0,
            evidence: vec![Evidence { what: "answers to each question", seen: seen.round(), usual }],
            severity: Severity::Medium,
            strength: seen / usual,
            techniques: &["T1557"],
        };
        sighting.extend(flow, flow.source);
        self.open.open(key, flow.start_ns, sighting);
    }

    fn see_sign(&mut self, sign: &PacketSign, out: &mut Vec<Sighting>) {
        use Severity::{High, Low, Medium};
        let (kind, what, seen, least, severity, techniques): (_, _, _, _, _, &'static [&'static str]) =
            match sign.kind {
                SignKind::NameAnswers => {
                    let severity = if sign.different >= SURE_NAMES { High } else { Medium };
                    let what = "different names of neighbours that it answered for";
                    (
                        "answers for names of others",
                        what,
                        sign.different,
                        LEAST_NAMES,
                        severity,
                        &["T1557.001"],
                    )
                }
                SignKind::Lease => {
                    let what = "leases beside those of another server, with another router";
                    ("leases of a second server", what, sign.packets, 1, Medium, &["T1557.003"])
                }
                SignKind::Redirect => {
                    let what = "messages that the way leads over it";
                    ("redirects of ways", what, sign.packets, 1, Low, &["T1557"])
                }
                SignKind::ResetByOther => {
                    let severity = if sign.different >= SURE_RESETS { Medium } else { Low };
                    let what = "connections that went on after a reset";
                    ("resets by somebody else", what, sign.different, 1, severity, &["T1499.004"])
                }
                _ => return,
            };
        let told = Told { behaviour: ABOUT.name, kind, what, seen, least, severity, techniques };
        out.extend(told.sighting(sign));
    }

    fn end(&mut self, out: &mut Vec<Sighting>) {
        self.open.end(out);
    }

    fn dropped(&self) -> u64 {
        self.open.dropped()
    }

    crate::table::bounded!(open);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet_sign::tests::{sign, told};
    use crate::watch::tests::{address, flow, watched};

    #[test]
    fn who_answers_for_several_neighbours_is_told_and_who_answers_for_itself_is_not() {
        for (names, severity) in [(1, None), (2, Some(Severity::Medium)), (6, Some(Severity::High))] {
            let out = told::<ForgedAnswers>(&[sign(SignKind::NameAnswers, 2 * names, names)]);
            assert_eq!(out.first().map(|one| one.severity), severity);
            assert!(out.iter().all(|one| one.actor == Some(address(66))));
        }
    }

    #[test]
    fn redirects_leases_and_resets_are_told_with_what_they_are() {
        for (kind, word) in [
            (SignKind::Redirect, "redirects"),
            (SignKind::Lease, "leases"),
            (SignKind::ResetByOther, "resets"),
        ] {
            let out = told::<ForgedAnswers>(&[sign(kind, 3, 3)]);
            assert!(out[0].kind.starts_with(word), "{}", out[0].kind);
        }
        assert_eq!(told::<ForgedAnswers>(&[sign(SignKind::Overlap, 9, 9)]), []);
    }

    #[test]
    fn many_answers_to_one_question_for_a_name_are_forged_and_one_to_each_is_not() {
        let asked = |questions: u64, answers: u64| Flow {
            protocol: Flow::UDP,
            packets: questions,
            octets: 60 * questions,
            reverse_packets: answers,
            reverse_octets: 90 * answers,
            ..flow(0.0, 2, 9, 53)
        };
        let out = watched::<ForgedAnswers>([asked(3, 180)]);
        assert_eq!((out.len(), out[0].actor, out[0].targets[0]), (1, None, address(2)));
        assert_eq!(out[0].evidence[0].seen, 60.0);
        assert_eq!(watched::<ForgedAnswers>([asked(100, 100), asked(1, 2), asked(0, 50)]), []);
    }
}
