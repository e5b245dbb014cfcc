//! Every scenario shows in its rows, and nowhere else.

use eddy_frame::{Column, CounterBits, Frame, NANOS_PER_SECOND};
use eddy_sim::{Generated, Planting, Scenario, Shape, Spec, generate};

/// 2024-01-01, a Monday.
const MONDAY_NS: i64 = 1_704_067_200 * NANOS_PER_SECOND;

/// A number about some rows of a table.
type Statistic = fn(&Frame, &[usize]) -> f64;

fn mean_of(frame: &Frame, name: &str, rows: &[usize]) -> f64 {
    let (_, column) = frame.by_name(name).unwrap();
    rows.iter().map(|&row| column.number(row)).sum::<f64>() / rows.len() as f64
}

fn spread_of(frame: &Frame, name: &str, rows: &[usize]) -> f64 {
    let mean = mean_of(frame, name, rows);
    let (_, column) = frame.by_name(name).unwrap();
    (rows.iter().map(|&row| (column.number(row) - mean).powi(2)).sum::<f64>() / rows.len() as f64).sqrt()
}

fn share_of(frame: &Frame, name: &str, part: &str, rows: &[usize]) -> f64 {
    let (_, column) = frame.by_name(name).unwrap();
    let texts = column.as_text().unwrap();
    rows.iter().filter(|&&row| texts.get(row).contains(part)).count() as f64 / rows.len() as f64
}

fn gain_of(frame: &Frame, name: &str, rows: &[usize]) -> f64 {
    let (_, column) = frame.by_name(name).unwrap();
    let gain =
        |row: usize| (column.number(row) - column.number(row - 1)).rem_euclid(CounterBits::B32.modulus());
    rows.iter().map(|&row| gain(row)).sum::<f64>() / rows.len() as f64
}

fn rows_with(table: &Generated, truth: u8) -> Vec<usize> {
    (0..).zip(&table.row_truth).filter(|(_, row_truth)| **row_truth == truth).map(|(row, _)| row).collect()
}

fn planted(spec: &Spec, planting: Planting) -> Generated {
    generate(&Spec { scenarios: vec![planting], ..spec.clone() }).unwrap()
}

fn check_outside(what: &str, event: f64, clean: &[f64]) {
    let lowest = clean.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = clean.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert!(
        clean.len() >= 10 && lowest.is_finite() && highest.is_finite(),
        "{what}: {} clean windows",
        clean.len()
    );
    assert!(event < lowest || event > highest, "{what}: {event} is within {lowest} to {highest}");
}

/// Plants on the Wednesday of the third of five weeks, and compares with the same hours of all Tuesdays, Wednesdays
/// and Thursdays of the clean table.
fn check_on_grid(spec: &Spec, scenario: Scenario, statistic: Statistic) {
    let (at_hour, hours) = match scenario {
        Scenario::Exfiltration => (2.0, 1.5),
        Scenario::SlowDrift => (0.0, 24.0),
        scenario => (14.0, scenario.typical_hours()),
    };
    let wednesday = 16;
    let table = planted(spec, Planting::new(scenario).at(f64::from(wednesday) * 24.0 + at_hour, hours));
    let clean = generate(spec).unwrap();
    let rows = rows_with(&table, 1);
    let rows_a_day = (86_400.0 / spec.interval_s) as usize;
    let others: Vec<f64> = (0..35)
        .filter(|day| (1..4).contains(&(day % 7)))
        .map(|day| {
            let shifted: Vec<usize> =
                rows.iter().map(|row| row + day * rows_a_day - wednesday as usize * rows_a_day).collect();
            statistic(&clean.frame, &shifted)
        })
        .collect();
    check_outside(&format!("{scenario} in {}", spec.shape), statistic(&table.frame, &rows), &others);
}

/// Plants somewhere, and compares with windows of consecutive rows of the clean table: as many rows as the event has,
/// but at least twenty windows.
fn check_in_order(spec: &Spec, planting: Planting, statistic: Statistic) {
    let what = format!("{} in {}", planting.scenario, spec.shape);
    let table = planted(spec, planting);
    let clean = generate(spec).unwrap();
    let rows = rows_with(&table, 1);
    let clean_rows: Vec<usize> = (0..clean.frame.n_rows()).collect();
    let window = rows.len().min(clean_rows.len() / 20);
    let others: Vec<f64> =
        clean_rows.chunks_exact(window).map(|rows| statistic(&clean.frame, rows)).collect();
    check_outside(&what, statistic(&table.frame, &rows), &others);
}

fn five_weeks(shape: Shape) -> Spec {
    Spec { interval_s: shape.default_interval_s().max(60.0), ..Spec::new(shape, MONDAY_NS, 35.0 * 24.0, 21) }
}

#[test]
fn every_scenario_shows_in_a_metric_series() {
    for scenario in Shape::MetricSeries.scenarios() {
        check_on_grid(&five_weeks(Shape::MetricSeries), scenario, |frame, rows| {
            mean_of(frame, "value", rows)
        });
    }
}

#[test]
fn every_scenario_shows_in_flow_features() {
    for scenario in Shape::FlowFeatures.scenarios() {
        let statistic: Statistic = match scenario {
            Scenario::DdosSpike => |frame, rows| mean_of(frame, "packets_per_second", rows),
            Scenario::PortScan | Scenario::BruteForce => {
                |frame, rows| mean_of(frame, "bytes_per_packet", rows)
            }
            Scenario::Exfiltration => |frame, rows| mean_of(frame, "connection_duration", rows),
            Scenario::Beaconing => |frame, rows| spread_of(frame, "packet_count", rows),
            _ => |frame, rows| mean_of(frame, "bytes_transferred", rows),
        };
        check_on_grid(&five_weeks(Shape::FlowFeatures), scenario, statistic);
    }
}

#[test]
fn every_scenario_shows_in_snmp_counters() {
    for scenario in Shape::SnmpMib.scenarios() {
        let statistic: Statistic = match scenario {
            Scenario::DdosSpike => |frame, rows| gain_of(frame, "udpNoPorts", rows),
            Scenario::PortScan => |frame, rows| gain_of(frame, "tcpOutRsts", rows),
            Scenario::Exfiltration => {
                |frame, rows| gain_of(frame, "ifOutOctets11", rows) / gain_of(frame, "ifInOctets11", rows)
            }
            Scenario::BruteForce => |frame, rows| gain_of(frame, "tcpPassiveOpens", rows),
            _ => |frame, rows| gain_of(frame, "ifInOctets11", rows),
        };
        check_on_grid(&five_weeks(Shape::SnmpMib), scenario, statistic);
    }
}

#[test]
fn every_scenario_shows_in_connection_records() {
    for scenario in Shape::ConnectionRecords.scenarios() {
        let statistic: Statistic = match scenario {
            Scenario::DdosSpike => |frame, rows| mean_of(frame, "serror_rate", rows),
            Scenario::PortScan => |frame, rows| mean_of(frame, "rerror_rate", rows),
            Scenario::Exfiltration => |frame, rows| mean_of(frame, "src_bytes", rows),
            Scenario::Beaconing => |frame, rows| spread_of(frame, "src_bytes", rows),
            Scenario::BruteForce => |frame, rows| mean_of(frame, "num_failed_logins", rows),
            _ => |frame, rows| share_of(frame, "flag", "S0", rows),
        };
        let spec = Spec::new(Shape::ConnectionRecords, MONDAY_NS, 48.0, 22);
        check_in_order(&spec, Planting::new(scenario).at(30.0, scenario.typical_hours()), statistic);
    }
}

#[test]
fn every_scenario_shows_in_a_packet_list() {
    for scenario in Shape::PacketList.scenarios() {
        let statistic: Statistic = match scenario {
            Scenario::DdosSpike => |frame, rows| share_of(frame, "Info", "[SYN]", rows),
            Scenario::PortScan => |frame, rows| share_of(frame, "Info", "[RST", rows),
            Scenario::BruteForce => |frame, rows| share_of(frame, "Protocol", "SSHv2", rows),
            Scenario::Outage => |frame, rows| share_of(frame, "Info", "[TCP Retransmission]", rows),
            _ => |frame, rows| mean_of(frame, "Length", rows),
        };
        let spec = Spec::new(Shape::PacketList, MONDAY_NS, 3.0, 23);
        check_in_order(&spec, Planting::new(scenario).at(2.0, 0.2), statistic);
    }
}

#[test]
fn beacons_come_at_equal_distances() {
    let spec = Spec::new(Shape::FlowFeatures, MONDAY_NS, 24.0, 1);
    let table = planted(&spec, Planting::new(Scenario::Beaconing).at(10.0, 4.0));
    let rows = rows_with(&table, 1);
    assert_eq!((rows.len(), rows[0]), (48, 600));
    assert!(rows.windows(2).all(|pair| pair[1] - pair[0] == 5));
}

#[test]
fn strength_scales_what_is_planted() {
    for shape in [Shape::MetricSeries, Shape::FlowFeatures] {
        let spec = Spec::new(shape, MONDAY_NS, 48.0, 2);
        let name = if shape == Shape::MetricSeries { "value" } else { "bytes_transferred" };
        let level = |strength| {
            let table = planted(&spec, Planting::new(Scenario::LevelShift).at(30.0, 6.0).strength(strength));
            mean_of(&table.frame, name, &rows_with(&table, 1))
        };
        let (weak, strong) = (level(0.5), level(2.0));
        assert!((strong / weak - 2.6 / 1.4).abs() < 0.01, "{shape}: {weak} and {strong}");
    }
}

/// The rows of some columns as text, for rows that are normal.
fn normal_rows(table: &Generated, columns: std::ops::Range<usize>) -> Vec<String> {
    let text = |column: &Column, row: usize| match column {
        Column::Text(texts) => texts.get(row).to_owned(),
        column => column.number(row).to_string(),
    };
    rows_with(table, 0)
        .into_iter()
        .map(|row| columns.clone().map(|idx| text(table.frame.column(idx), row) + "|").collect())
        .collect()
}

#[test]
fn rows_outside_events_are_those_of_the_clean_table() {
    for shape in [Shape::MetricSeries, Shape::FlowFeatures] {
        let spec = Spec::new(shape, MONDAY_NS, 200.0, 3);
        let clean = generate(&spec).unwrap();
        let table = generate(&spec.with_default_scenarios()).unwrap();
        for (column, clean_column) in table.frame.columns().iter().zip(clean.frame.columns()) {
            let rows = rows_with(&table, 0);
            assert_eq!(column.take(&rows), clean_column.take(&rows), "{shape}");
        }
    }
    // Without their number, and connections without the columns about their neighbours.
    for (shape, columns) in [(Shape::PacketList, 1..7), (Shape::ConnectionRecords, 0..22)] {
        let spec = Spec::new(shape, MONDAY_NS, 2.0, 3);
        let clean = normal_rows(&generate(&spec).unwrap(), columns.clone());
        for scenario in shape.scenarios() {
            let rows = normal_rows(&planted(&spec, Planting::new(scenario).at(1.0, 0.5)), columns.clone());
            if scenario == Scenario::Outage {
                let mut left = clean.iter();
                assert!(
                    rows.len() < clean.len() && rows.iter().all(|row| left.any(|other| other == row)),
                    "{shape}"
                );
            } else {
                assert!(rows == clean, "{scenario} in {shape}: {} and {} rows", rows.len(), clean.len());
            }
        }
    }
}

#[test]
fn counters_outside_events_gain_what_they_gain_in_the_clean_table() {
    let spec = Spec::new(Shape::SnmpMib, MONDAY_NS, 24.0, 3);
    let clean = generate(&spec).unwrap();
    let table = generate(&spec.with_default_scenarios()).unwrap();
    for field in clean.frame.schema().fields.iter().filter(|field| field.counter.is_some()) {
        for row in rows_with(&table, 0).into_iter().skip(1) {
            let gain = |frame: &Frame| gain_of(frame, &field.name, &[row]);
            assert_eq!(gain(&table.frame), gain(&clean.frame), "{} in row {row}", field.name);
        }
    }
}
