use super::*;
use crate::watch::tests::{address, flow, watched};

fn run(flows: impl IntoIterator<Item = Flow<'static>>) -> Vec<Sighting> {
    watched::<BruteForce>(flows)
}

#[test]
fn many_short_logins_of_like_size_are_guessing() {
    let guess = |at: u32| Flow {
        octets: 1_900 + u64::from(at % 7) * 20,
        packets: 14,
        reverse_octets: 2_400,
        reverse_packets: 12,
        duration_ns: 2_000_000_000,
        ..flow(f64::from(at) * 3.0 + f64::from(at * 7 % 5) * 0.4, 66, 5, 22)
    };
    let found = run((0..100).map(guess));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].actor, found[0].port, found[0].flows), (Some(address(66)), Some(22), 100));
}

fn log_in(at_s: f64, source: u8, target: u8) -> Flow<'static> {
    Flow {
        packets: 14,
        octets: 1_900 + (at_s as u64 % 5) * 9,
        reverse_packets: 12,
        ..flow(at_s, source, target, 22)
    }
}

#[test]
fn a_password_tried_at_many_hosts_and_many_that_try_one_are_told() {
    let spread = |at: u32| log_in(f64::from(at) * 1.3, 66, 100 + (at % 20) as u8);
    let found = run((0..60).map(spread));
    assert_eq!(
        found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(),
        [("passwords tried at many hosts", Some(address(66)))]
    );
    assert!(found[0].n_targets >= 18);
    let by_many = |at: u32| Flow {
        source: IpAddr::from([203, 0, 113, (at % 20) as u8]),
        ..log_in(f64::from(at) * 1.3, 0, 5)
    };
    let found = run((0..60).map(by_many));
    assert_eq!(
        found.iter().map(|s| (s.kind, s.actor)).collect::<Vec<_>>(),
        [("guessing of passwords by many", None)]
    );
    // Colleagues who work on one server.
    assert!(run((0..60).map(|at| log_in(f64::from(at) * 1.3, (at % 20) as u8, 5))).is_empty());
}

#[test]
fn guesses_are_told_of_one_side_of_the_conversation_and_of_datagrams() {
    let guess = |at: u32| log_in(f64::from(at) * 3.0 + f64::from(at * 7 % 5) * 0.4, 66, 5);
    let asked = |at: u32| Flow {
        reverse_packets: 0,
        reverse_octets: 0,
        flags: Some(0x1b),
        state: crate::ConnectionState::Unanswered,
        ..guess(at)
    };
    assert_eq!(run((0..60).map(asked)).len(), 1);
    let answered = |at: u32| Flow { packets: 0, octets: 0, flags: None, ..guess(at) };
    assert_eq!(run((0..60).map(answered)).len(), 1);
    let words = Flow {
        protocol: Flow::UDP,
        packets: 400,
        octets: 400 * 73 + 11,
        reverse_packets: 0,
        reverse_octets: 0,
        duration_ns: 20_000_000_000,
        ..flow(1.0, 66, 5, 161)
    };
    assert_eq!(run([words])[0].kind, "guessing of SNMP communities");
    assert!(run([Flow { duration_ns: 2_000_000_000_000, ..words }]).is_empty());
}

#[test]
fn long_logins_and_regular_checks_are_not() {
    let session = |at: u32| Flow { octets: 90_000, ..flow(f64::from(at) * 3.0, 66, 5, 22) };
    assert!(run((0..100).map(session)).is_empty());
    let check = |at: u32| flow(f64::from(at) * 60.0, 66, 5, 22);
    assert!(run((0..500).map(check)).is_empty());
    assert!(run((0..500).map(|at| flow(f64::from(at), 66, 5, 443))).is_empty());
}

#[test]
fn checks_by_the_clock_are_not_and_log_ins_to_a_web_server_are() {
    let check = |at: u32| Flow {
        octets: 300 + u64::from(at % 3),
        ..flow(f64::from(at) * 20.0 + f64::from(at % 2) * 0.1, 66, 5, 445)
    };
    assert!(run((0..500).map(check)).is_empty());
    let log_in = |at: u32| Flow {
        octets: 700 + u64::from(at % 9) * 3,
        reverse_octets: 1_200,
        ..flow(f64::from(at) * 0.4 + f64::from(at * 7 % 5) * 0.07, 66, 5, 8_080)
    };
    let found = run((0..500).map(log_in));
    assert_eq!(found.iter().map(|s| s.severity).collect::<Vec<_>>(), [Severity::Medium]);
    // Pages are of all sizes.
    let page = |at: u32| Flow { reverse_octets: 900 + u64::from(at * 7_919 % 15_000), ..log_in(at) };
    assert!(run((0..500).map(page)).is_empty());
}

#[test]
fn questions_to_a_telephone_exchange_that_are_refused_in_few_words_are_guesses_and_calls_are_not() {
    let asked = |packets: u64, seconds: i64, question: u64, answer: u64| Flow {
        protocol: Flow::UDP,
        packets,
        octets: packets * question + 7,
        reverse_packets: packets,
        reverse_octets: packets * answer,
        duration_ns: seconds * 1_000_000_000,
        ..flow(0.0, 66, 5, 5_060)
    };
    let kinds = |one| run([one]).iter().map(|found| found.kind).collect::<Vec<_>>();
    assert_eq!(kinds(asked(600, 30, 450, 390)), ["guessing of SIP accounts"]);
    assert!(kinds(asked(600, 600, 450, 390)).is_empty(), "one a second");
    assert!(kinds(asked(600, 30, 1_100, 390)).is_empty(), "calls say how they are carried");
    assert!(kinds(asked(600, 30, 450, 900)).is_empty(), "and so do those who take them");
}

#[test]
fn a_few_log_ins_within_seconds_are_guessing_less_surely_than_many() {
    let quick = |at: u32, every_s: f64| log_in(f64::from(at) * every_s + f64::from(at * 7 % 5) * 0.2, 66, 5);
    let found = run((0..10).map(|at| quick(at, 0.6)));
    assert_eq!(found.iter().map(|one| one.severity).collect::<Vec<_>>(), [Severity::Medium]);
    assert_eq!(run((0..40).map(|at| quick(at, 0.6)))[0].severity, Severity::High);
    assert!(run((0..10).map(|at| quick(at, 9.0))).is_empty());
}

#[test]
fn a_service_on_a_port_of_nobody_is_guessed_at_only_when_it_is_asked_much_and_the_same() {
    let ask = |at: u32, every_s: f64| Flow {
        octets: 700 + u64::from(at % 9) * 3,
        reverse_octets: 640,
        ..flow(f64::from(at) * every_s + f64::from(at * 7 % 5) * 0.07, 66, 5, 7_831)
    };
    let found = run((0..90).map(|at| ask(at, 0.4)));
    assert_eq!(found.iter().map(|one| one.severity).collect::<Vec<_>>(), [Severity::Medium]);
    assert!(run((0..90).map(|at| ask(at, 2.0))).is_empty(), "as programs ask");
    let work = |at: u32| Flow { reverse_octets: 640 + u64::from(at * 7_919 % 3_000), ..ask(at, 0.4) };
    assert!(run((0..90).map(work)).is_empty());
    assert!(run((0..90).map(|at| Flow { application: "http", ..ask(at, 0.4) })).is_empty());
}

#[test]
fn the_same_few_words_to_changing_questions_are_refusals_of_a_log_in_over_datagrams() {
    let asked = |port: u16, answers: u64| Flow {
        protocol: Flow::UDP,
        packets: 400,
        octets: 400 * 95 + 11,
        reverse_packets: 400,
        reverse_octets: answers,
        duration_ns: 27_000_000_000,
        ..flow(1.0, 66, 5, port)
    };
    assert_eq!(run([asked(1_812, 400 * 72)]).len(), 1);
    assert_eq!(run([asked(1_812, 400 * 72 + 20)]).len(), 0, "some were let in");
    assert_eq!(run([asked(2_055, 400 * 72)]).len(), 0, "no log-in");
    let name = |at: u32| Flow {
        protocol: Flow::UDP,
        packets: 1,
        octets: 45 + u64::from(at % 9),
        reverse_packets: 0,
        reverse_octets: 0,
        ..flow(f64::from(at) * 0.2 + f64::from(at * 7 % 5) * 0.07, 66, 5, 69)
    };
    assert_eq!(run((0..90).map(name))[0].kind, "guessing of names of files");
    assert!(run((0..20).map(name)).is_empty(), "a system that starts");
}

#[test]
fn a_web_server_that_refuses_all_alike_is_guessed_at_within_a_minute() {
    let asked = |at: u32, port: u16, answer: u64| Flow {
        octets: 420 + u64::from(at % 7),
        packets: 6,
        reverse_octets: answer,
        reverse_packets: 5,
        ..flow(f64::from(at) * 0.5 + f64::from(at * 7 % 5) * 0.06, 66, 5, port)
    };
    for port in [80, 443, 9_200] {
        let found = run((0..90).map(|at| asked(at, port, 660)));
        let seen: Vec<_> = found.iter().map(|s| (s.actor, s.severity)).collect();
        assert_eq!(seen, [(Some(address(66)), Severity::Medium)], "port {port}");
        assert!(run((0..40).map(|at| asked(at, port, 660))).is_empty(), "a few");
        // What a program asks for is not the same each time.
        assert!(
            run((0..90).map(|at| asked(at, port, 660 + u64::from(at % 9) * 8))).is_empty(),
            "changing answers"
        );
        // Slower than one a second and more.
        assert!(
            run((0..90).map(|at| Flow { start_ns: asked(at * 4, port, 0).start_ns, ..asked(at, port, 660) }))
                .is_empty()
        );
    }
}

#[test]
fn guesses_of_which_one_side_was_recorded_are_told_by_that_side() {
    let answers = |at: u32| Flow {
        packets: 0,
        octets: 0,
        reverse_packets: 6,
        reverse_octets: 700 + u64::from(at % 7),
        ..flow(f64::from(at) * 0.4 + f64::from(at * 7 % 5) * 0.05, 66, 5, 7_777)
    };
    assert_eq!(run((0..90).map(answers)).len(), 1);
    assert!(
        run((0..90).map(|at| Flow { reverse_packets: 3, ..answers(at) })).is_empty(),
        "hardly a conversation"
    );
}
