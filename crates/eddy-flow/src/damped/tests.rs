use eddy_wire::{Arp, Packet, protocol};

use super::*;

const SECOND: i64 = 1_000_000_000;

/// A datagram of UDP between two hosts of the test network.
fn packet(from: u8, to: u8, size: u32) -> Packet<'static> {
    Packet {
        network: Network::Ipv4,
        source_mac: [2, 0, 0, 0, 0, from],
        destination_mac: [2, 0, 0, 0, 0, to],
        source: 0xffff_0a00_0000 + u128::from(from),
        destination: 0xffff_0a00_0000 + u128::from(to),
        protocol: protocol::UDP,
        source_port: 1_000 + u16::from(from),
        destination_port: 1_000 + u16::from(to),
        wire_len: size,
        ..Packet::default()
    }
}

/// The numbers of the last of some packets, by name.
fn last(packets: &[(i64, Packet<'_>)]) -> impl Fn(&str) -> f64 {
    let mut damped = Damped::new(1 << 20);
    let mut numbers = None;
    for (time_ns, packet) in packets {
        numbers = damped.see(packet, *time_ns);
    }
    let (names, numbers) = (damped_names(), numbers.unwrap());
    move |wanted| numbers[names.iter().position(|name| name == wanted).unwrap_or_else(|| panic!("{wanted}"))]
}

fn check(packets: &[(i64, Packet<'_>)], expected: &[(&str, f64)]) {
    let value = last(packets);
    for (name, expected) in expected {
        assert!((value(name) - expected).abs() < 1e-9, "{name}: {} instead of {expected}", value(name));
    }
}

#[test]
fn a_packet_after_a_second_weighs_as_the_formula_says() {
    // With λ = 1 a second halves: w = 1/2 + 1, LS = 50 + 200, SS = 5,000 + 40,000.
    let mean = 250.0_f64 / 1.5;
    let deviation = (45_000.0 / 1.5 - mean * mean).sqrt();
    check(
        &[(0, packet(1, 2, 100)), (SECOND, packet(1, 2, 200))],
        &[
            ("MI_dir_L1_weight", 1.5),
            ("MI_dir_L1_mean", mean),
            ("MI_dir_L1_std", deviation),
            ("HH_L1_weight", 1.5),
            ("HH_L1_mean", mean),
            ("HpHp_L1_std", deviation),
            // λ = 5: 1/32 is left; λ = 0.01: 2^-0.01.
            ("MI_dir_L5_weight", 1.0 + 1.0 / 32.0),
            ("MI_dir_L0.01_weight", 1.0 + 2.0_f64.powf(-0.01)),
            // The gap of the first packet is 0, that of the second 1 s: LS = 1, SS = 1.
            ("HH_jit_L1_weight", 1.5),
            ("HH_jit_L1_mean", 1.0 / 1.5),
            ("HH_jit_L1_std", (1.0 / 1.5 - 1.0 / 2.25_f64).sqrt()),
        ],
    );
}

#[test]
fn two_channels_are_compared_by_their_last_differences() {
    // At one moment: 1 -> 2 sends 100 and 200, 2 -> 1 sends 10 and 30.
    // 1 -> 2: residuals 0, then 200 - 150 = 50. 2 -> 1: 10 - 10 = 0, then 30 - 20 = 10, times 50.
    let packets =
        [(0, packet(1, 2, 100)), (0, packet(1, 2, 200)), (0, packet(2, 1, 10)), (0, packet(2, 1, 30))];
    // Variances 2,500 and 100, means 150 and 20; SR = 0 + 0 + 0 · 50 + 10 · 50 of weight 4.
    check(
        &packets,
        &[
            ("HH_L1_weight", 2.0),
            ("HH_L1_mean", 20.0),
            ("HH_L1_std", 10.0),
            ("HH_L1_radius", (2_500.0_f64 * 2_500.0 + 100.0 * 100.0).sqrt()),
            ("HH_L1_magnitude", (150.0_f64 * 150.0 + 20.0 * 20.0).sqrt()),
            ("HH_L1_covariance", 125.0),
            ("HH_L1_pcc", 125.0 / (50.0 * 10.0)),
            ("HpHp_L5_covariance", 125.0),
            ("HpHp_L0.01_pcc", 0.25),
        ],
    );
}

#[test]
fn hosts_sum_up_over_ports_and_sockets_do_not() {
    let other = Packet { source_port: 9, ..packet(1, 2, 300) };
    check(
        &[(0, packet(1, 2, 100)), (0, packet(1, 3, 100)), (0, other)],
        &[
            ("MI_dir_L1_weight", 3.0),
            ("HH_L1_weight", 3.0),
            ("HH_jit_L1_weight", 2.0),
            ("HpHp_L1_weight", 1.0),
            ("HpHp_L1_mean", 300.0),
        ],
    );
    // Address resolution has sockets of its own: the hardware addresses.
    let arp = Packet { network: Network::Arp, protocol: 0, arp: Some(Arp::default()), ..packet(1, 2, 60) };
    check(&[(0, packet(1, 2, 100)), (0, arp)], &[("HpHp_L1_weight", 1.0), ("HH_L1_weight", 2.0)]);
}

#[test]
fn a_late_packet_makes_nothing_grow_and_numbers_stay_finite() {
    let mut damped = Damped::new(1 << 16);
    for time in [i64::MAX, i64::MIN, 0, 5, i64::MAX, 4] {
        let numbers = damped.see(&packet(1, 2, u32::MAX), time).unwrap();
        assert!(numbers.iter().all(|number| number.is_finite()));
    }
    let names = damped_names();
    assert_eq!(names.len(), DAMPED_FEATURES);
    assert!(damped.see(&Packet::default(), 0).is_none());
}

#[test]
fn memory_has_an_end_and_what_went_is_counted() {
    let mut damped = Damped::new(1 << 20);
    for at in 0..20_000_u32 {
        let source = 0xffff_0000_0000 + u128::from(at);
        damped.see(&Packet { source, ..packet(1, 2, 100) }, i64::from(at)).unwrap();
    }
    assert!(damped.evicted() > 50_000);
    let numbers = damped.see(&packet(1, 2, 100), 30_000).unwrap();
    // 10.0.0.1 was never seen before.
    assert_eq!(numbers[0], 1.0);
}
