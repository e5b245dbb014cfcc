//! What holds for every generated table.

use eddy_frame::{Column, CounterBits, Frame, NANOS_PER_SECOND, Role};
use eddy_sim::{Generator, Label, Planting, Scenario, Shape, SimError, Spec, generate};

/// 2024-01-01, a Monday.
const MONDAY_NS: i64 = 1_704_067_200 * NANOS_PER_SECOND;
const HOUR_NS: i64 = 3600 * NANOS_PER_SECOND;

/// A day of every shape (an hour of packets).
fn spec(shape: Shape, seed: u64) -> Spec {
    let hours = if shape == Shape::PacketList { 1.0 } else { 24.0 };
    Spec::new(shape, MONDAY_NS, hours, seed)
}

fn floats<'a>(frame: &'a Frame, name: &str) -> &'a [f64] {
    frame
        .by_name(name)
        .and_then(|(_, column)| column.as_float())
        .unwrap_or_else(|| panic!("no numbers {name}"))
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

#[test]
fn the_same_seed_gives_the_same_table_and_another_seed_another() {
    for shape in Shape::ALL {
        let table = |seed| generate(&spec(shape, seed).with_default_scenarios()).unwrap();
        let first = table(1);
        assert_eq!(first, table(1), "{shape}");
        assert_ne!(first.frame, table(2).frame, "{shape}");
    }
}

#[test]
fn batches_joined_are_the_whole_table() {
    let spec = Spec { interval_s: 0.02, ..spec(Shape::PacketList, 3) }.with_default_scenarios();
    let whole = generate(&spec).unwrap();
    let mut generator = Generator::new(&spec).unwrap();
    let batches: Vec<_> = generator.by_ref().collect();
    assert!(batches.len() > 1 && batches[0].frame.n_rows() == 65_536);
    assert_eq!(batches[1].frame.first_row, 65_536);
    assert_eq!(generator.truth(), whole.truth);
    let frames: Vec<Frame> = batches.iter().map(|batch| batch.frame.clone()).collect();
    assert_eq!(Frame::concat(&frames).unwrap().columns(), whole.frame.columns());
    let row_truth: Vec<u8> = batches.iter().flat_map(|batch| batch.row_truth.iter().copied()).collect();
    assert_eq!(row_truth, whole.row_truth);
}

#[test]
fn labels_rows_and_truth_agree() {
    for shape in Shape::ALL {
        for seed in [1, 7] {
            let table = generate(&spec(shape, seed).with_default_scenarios()).unwrap();
            assert_eq!(table.row_truth.len(), table.frame.n_rows());
            assert!(table.truth.len() >= 3, "{shape}");
            let (field, column) = table.frame.by_name(shape.label_name()).unwrap();
            assert_eq!(field.role, Role::Label);
            let labels = column.as_text().unwrap();
            for (row_idx, &truth) in table.row_truth.iter().enumerate() {
                let expect =
                    if truth == 0 { "normal" } else { table.truth[usize::from(truth) - 1].scenario.name() };
                assert_eq!(labels.get(row_idx), expect);
            }
            for (idx, event) in table.truth.iter().enumerate() {
                let rows: Vec<u64> = (0..)
                    .zip(&table.row_truth)
                    .filter(|(_, truth)| usize::from(**truth) == idx + 1)
                    .map(|(row, _)| row)
                    .collect();
                assert!(!rows.is_empty(), "{} in {shape}", event.scenario);
                assert_eq!(
                    (rows.len(), rows[0], *rows.last().unwrap()),
                    (event.rows, event.first_row, event.last_row)
                );
                assert!(!event.note.is_empty());
            }
        }
    }
}

#[test]
fn rows_of_an_event_lie_in_its_time_among_normal_rows() {
    for (shape, name) in
        [(Shape::MetricSeries, "timestamp"), (Shape::FlowFeatures, "timestamp"), (Shape::PacketList, "Time")]
    {
        let table = generate(&spec(shape, 5).with_default_scenarios()).unwrap();
        let times = table.frame.by_name(name).unwrap().1.as_time().unwrap();
        assert!(times.is_sorted(), "{shape}");
        let zero_ns = if shape == Shape::PacketList { MONDAY_NS } else { 0 };
        for (&time, &truth) in times.iter().zip(&table.row_truth) {
            if truth > 0 {
                let event = &table.truth[usize::from(truth) - 1];
                // Wireshark cuts to microseconds.
                assert!((event.start_ns - 1_000..event.end_ns).contains(&(time + zero_ns)), "{shape}");
            }
        }
        let last = table.truth.last().unwrap().last_row as usize;
        assert!(
            table.row_truth[last + 1..].iter().all(|&truth| truth == 0) && last + 1 < table.row_truth.len()
        );
    }
}

#[test]
fn starts_durations_and_intervals_are_honoured() {
    let table = generate(&spec(Shape::FlowFeatures, 1)).unwrap();
    let times = table.frame.by_name("timestamp").unwrap().1.as_time().unwrap();
    assert_eq!(
        (table.frame.n_rows(), times[0], times[1439]),
        (1440, MONDAY_NS, MONDAY_NS + 24 * HOUR_NS - 60 * NANOS_PER_SECOND)
    );

    let series = generate(&Spec { duration_hours: 336.0, ..spec(Shape::MetricSeries, 1) }).unwrap();
    assert_eq!(series.frame.n_rows(), 4032);
    let seconds =
        generate(&Spec { interval_s: 0.25, duration_hours: 0.5, ..spec(Shape::FlowFeatures, 1) }).unwrap();
    assert_eq!(seconds.frame.n_rows(), 7200);
    assert_eq!(generate(&spec(Shape::SnmpMib, 1)).unwrap().frame.n_rows(), 5760);

    let packets = generate(&spec(Shape::PacketList, 1)).unwrap();
    let times = packets.frame.by_name("Time").unwrap().1.as_time().unwrap();
    assert_eq!(times[0], 0);
    assert!(*times.last().unwrap() < HOUR_NS && *times.last().unwrap() > HOUR_NS * 99 / 100);
}

#[test]
fn connections_and_packets_come_at_the_mean_interval_asked_for() {
    for (shape, interval_s, tolerance) in
        [(Shape::ConnectionRecords, 4.0, 0.05), (Shape::PacketList, 2.0, 0.15)]
    {
        let spec = Spec { interval_s, duration_hours: 168.0, ..spec(shape, 11) };
        let rows: usize = Generator::new(&spec).unwrap().map(|batch| batch.frame.n_rows()).sum();
        let expect = 168.0 * 3600.0 / interval_s;
        assert!((rows as f64 / expect - 1.0).abs() < tolerance, "{shape}: {rows} rows, wanted {expect}");
    }
}

#[test]
fn clean_traffic_has_no_events_and_the_label_column_can_be_left_out() {
    for shape in Shape::ALL {
        let clean = generate(&Spec { label: Label::None, ..spec(shape, 1) }).unwrap();
        assert!(clean.truth.is_empty() && clean.row_truth.iter().all(|&truth| truth == 0));
        assert!(clean.frame.by_name(shape.label_name()).is_none(), "{shape}");
        assert!(clean.frame.n_rows() > 100, "{shape}");
    }
}

#[test]
fn impossible_combinations_are_refused() {
    for shape in Shape::ALL {
        for scenario in Scenario::ALL {
            let spec = Spec { scenarios: vec![Planting::new(scenario)], ..spec(shape, 1) };
            let got = Generator::new(&spec).map(|_| ());
            if shape.scenarios().any(|shown| shown == scenario) {
                assert_eq!(got, Ok(()), "{scenario} in {shape}");
            } else {
                let error = got.unwrap_err();
                assert!(matches!(error, SimError::Impossible { .. }), "{error}");
                assert!(
                    error.to_string().starts_with(&format!("{scenario} cannot be shown in {shape}: ")),
                    "{error}"
                );
            }
        }
    }
    let refused = |spec: Spec, expect: &str| {
        let error = generate(&spec).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    };
    let flows = || spec(Shape::FlowFeatures, 1);
    refused(Spec { hosts: 0, ..flows() }, "hosts is 0");
    refused(Spec { noise: -1.0, ..flows() }, "noise is -1");
    refused(Spec { interval_s: 0.0, ..flows() }, "interval_s is 0");
    refused(Spec { interval_s: 600.0, ..spec(Shape::SnmpMib, 1) }, "wrap twice");
    refused(Spec { duration_hours: f64::INFINITY, ..flows() }, "duration_hours is inf");
    refused(Spec { interval_s: 1e-3, duration_hours: 87_000.0, ..flows() }, "stay below 1000000000");
    refused(Spec { start_ns: i64::MAX - 1, ..flows() }, "leaves the range of times");
}

#[test]
fn a_specification_is_read_with_defaults_and_unknown_keys_are_refused() {
    let planting: Planting = serde_json::from_str(r#"{"scenario": "port-scan", "at_hours": 2}"#).unwrap();
    assert_eq!(planting, Planting { at_hours: Some(2.0), ..Planting::new(Scenario::PortScan) });
    assert!(serde_json::from_str::<Planting>(r#"{"scenario": "port-scan", "at": 2}"#).is_err());
    let whole = spec(Shape::SnmpMib, 9).with_default_scenarios();
    let text = serde_json::to_string(&whole).unwrap();
    assert_eq!(serde_json::from_str::<Spec>(&text).unwrap(), whole);
}

#[test]
fn flow_features_are_whole_not_negative_and_agree_with_each_other() {
    for noise in [0.0, 1.0, 5.0] {
        let table =
            generate(&Spec { noise, ..spec(Shape::FlowFeatures, 4) }.with_default_scenarios()).unwrap();
        let column = |name| floats(&table.frame, name);
        let (bytes, packets, duration) =
            (column("bytes_transferred"), column("packet_count"), column("connection_duration"));
        for row in 0..table.frame.n_rows() {
            assert!(
                bytes[row] >= 0.0
                    && bytes[row].fract() == 0.0
                    && packets[row] >= 0.0
                    && packets[row].fract() == 0.0
            );
            assert!(duration[row] > 0.0);
            assert_eq!(column("bytes_per_packet")[row], bytes[row] / packets[row]);
            assert_eq!(column("packets_per_second")[row], packets[row] / duration[row]);
            let repeated = column("retransmission_rate")[row] * packets[row];
            assert!((0.0..=packets[row]).contains(&repeated) && (repeated - repeated.round()).abs() < 1e-6);
        }
    }
}

#[test]
fn counters_never_fall_but_wrap_at_two_to_the_32() {
    let spec = Spec { duration_hours: 72.0, ..spec(Shape::SnmpMib, 2) }.with_default_scenarios();
    let table = generate(&spec).unwrap();
    let modulus = CounterBits::B32.modulus();
    // More than the link can carry in 15 seconds would be a counter that fell.
    let most = 12_500_000.0 * spec.interval_s;
    let mut wraps = 0;
    for (field, column) in table.frame.schema().fields.iter().zip(table.frame.columns()) {
        if field.counter.is_none() {
            assert!(&*field.name == "tcpCurrEstab" || field.role == Role::Label, "{}", field.name);
            continue;
        }
        for pair in column.as_float().unwrap().windows(2) {
            assert!(pair[1] >= 0.0 && pair[1] < modulus && pair[1].fract() == 0.0);
            assert!((pair[1] - pair[0]).rem_euclid(modulus) <= most, "{}: {pair:?}", field.name);
            wraps += usize::from(&*field.name == "ifInOctets11" && pair[1] < pair[0]);
        }
    }
    assert!(wraps >= 30, "{wraps} wraps");
    assert_eq!(table.frame.columns().len(), 35);
    // What is received is delivered, forwarded or discarded.
    let total = |names: &[&str], row: usize| {
        names
            .iter()
            .map(|name| floats(&table.frame, name))
            .map(|values| (values[row] - values[row - 1]).rem_euclid(modulus))
            .sum::<f64>()
    };
    for row in 1..table.frame.n_rows() {
        let kept = ["ipInDelivers", "ipForwDatagrams", "ipInDiscards", "ipInAddrErrors"];
        assert_eq!(total(&["ipInReceives"], row), total(&kept, row));
    }
}

#[test]
fn days_and_weeks_have_their_rhythm_in_every_shape_with_time() {
    for shape in [Shape::MetricSeries, Shape::FlowFeatures, Shape::PacketList, Shape::SnmpMib] {
        let interval_s = match shape {
            Shape::PacketList => 5.0,
            shape => shape.default_interval_s(),
        };
        let spec = Spec { interval_s, duration_hours: 168.0, ..spec(shape, 6) };
        let table = generate(&spec).unwrap();
        // Volume of an hour of the week, from whatever the shape has.
        let mut hours = [0.0; 168];
        match shape {
            Shape::PacketList => {
                let times = table.frame.by_name("Time").unwrap().1.as_time().unwrap();
                times.iter().for_each(|time| hours[(time / HOUR_NS) as usize] += 1.0);
            }
            Shape::SnmpMib => {
                let octets = floats(&table.frame, "ifInOctets11");
                for row in 1..octets.len() {
                    let gain = (octets[row] - octets[row - 1]).rem_euclid(CounterBits::B32.modulus());
                    hours[row * 15 / 3600] += gain;
                }
            }
            _ => {
                let name = if shape == Shape::MetricSeries { "value" } else { "bytes_transferred" };
                let per_hour = (3600.0 / interval_s) as usize;
                floats(&table.frame, name)
                    .iter()
                    .enumerate()
                    .for_each(|(row, value)| hours[row / per_hour] += value);
            }
        }
        let at = |days: std::ops::Range<usize>, hour: usize| mean(days.map(|day| hours[day * 24 + hour]));
        assert!(at(0..5, 11) > 2.0 * at(0..5, 3), "{shape}: office hours against nights");
        assert!(at(0..5, 11) > 1.6 * at(5..7, 11), "{shape}: weekdays against weekends");
        assert!(at(5..7, 3) > 0.5 * at(0..5, 3), "{shape}: nights are alike");
    }
}

#[test]
fn connections_follow_the_rhythm_too() {
    let rows = |day: i64, hour: i64| {
        let start_ns = MONDAY_NS + (day * 24 + hour) * HOUR_NS;
        generate(&Spec::new(Shape::ConnectionRecords, start_ns, 2.0, 6)).unwrap().frame.n_rows() as f64
    };
    assert!(rows(1, 10) > 2.0 * rows(1, 2));
    assert!(rows(1, 10) > 1.6 * rows(6, 10));
}

#[test]
fn several_series_are_several_columns_and_an_event_shows_in_one() {
    let base = Spec { hosts: 3, ..spec(Shape::MetricSeries, 8) };
    let clean = generate(&base).unwrap();
    let planted =
        generate(&Spec { scenarios: vec![Planting::new(Scenario::DdosSpike).at(12.0, 1.0)], ..base })
            .unwrap();
    let changed: Vec<&str> = clean
        .frame
        .schema()
        .fields
        .iter()
        .filter(|field| {
            field.role == Role::Value
                && floats(&clean.frame, &field.name) != floats(&planted.frame, &field.name)
        })
        .map(|field| &*field.name)
        .collect();
    assert_eq!(changed, [planted.truth[0].target.as_deref().unwrap()]);
    assert_eq!(clean.frame.schema().with_role(Role::Value).count(), 3);
}

#[test]
fn packets_are_well_formed() {
    let table = generate(&spec(Shape::PacketList, 2).with_default_scenarios()).unwrap();
    let lengths = floats(&table.frame, "Length");
    assert!(lengths.iter().all(|&length| (42.0..=1514.0).contains(&length)));
    let numbers = floats(&table.frame, "No.");
    assert!(numbers.iter().enumerate().all(|(row, &number)| number == row as f64 + 1.0));
    let info = |column: &Column, row| column.as_text().unwrap().get(row).to_owned();
    let (_, infos) = table.frame.by_name("Info").unwrap();
    assert!(info(infos, 0).contains(" → ") && info(infos, 0).contains("[SYN] Seq=0 Win=64240 Len=0"));
}
