//! Which flows belong to a sighting.

use std::net::IpAddr;

use eddy_behaviour::{Flow, Sighting};

/// Which flows belong to a sighting, so that they can be found again in the input.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    actor: Option<IpAddr>,
    targets: Vec<IpAddr>,
    /// Whether all targets are known by name.
    complete: bool,
    port: Option<u16>,
    from_ns: i64,
    until_ns: i64,
    which: Which,
}

/// What else a flow must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Nothing else.
    Any,
    /// In vain, or to one of the named targets.
    Tries,
    /// To the target, or asked for in its name, over one protocol where that is known.
    Towards(Option<u8>),
    /// To the target, and not taken up: nobody answered, or little more than the first packets came.
    HalfOpen,
    /// Over ICMP.
    Echo,
    /// None: nothing was said.
    Nothing,
}

impl Scope {
    pub(crate) fn of(sighting: &Sighting) -> Self {
        let which = match (sighting.behaviour, sighting.kind) {
            ("scan", _) => Which::Tries,
            ("flood", "SYN flood") => Which::HalfOpen,
            ("flood", "TCP flood") => Which::Towards(Some(Flow::TCP)),
            ("flood", "UDP flood") => Which::Towards(Some(Flow::UDP)),
            ("flood", "ICMP flood") => Which::Towards(Some(Flow::ICMP)),
            ("flood", _) => Which::Towards(None),
            ("silence", _) => Which::Nothing,
            ("tunnel", "tunnel in echo packets") => Which::Echo,
            _ => Which::Any,
        };
        Self {
            actor: sighting.actor,
            complete: sighting.n_targets <= sighting.targets.len() as u64,
            targets: sighting.targets.clone(),
            port: sighting.port.filter(|&port| port > 0),
            from_ns: sighting.first_ns,
            until_ns: sighting.last_ns,
            which,
        }
    }

    /// The addresses one of which every flow of it has.
    pub(crate) fn keys(&self) -> Vec<IpAddr> {
        self.actor.map_or_else(|| self.targets.clone(), |actor| vec![actor])
    }

    pub(crate) fn holds(&self, flow: &Flow<'_>) -> bool {
        let in_time = flow.start_ns >= self.from_ns && flow.start_ns <= self.until_ns;
        let at_port = || self.port.is_none_or(|port| port == flow.destination_port);
        let named = |address: &IpAddr| self.targets.contains(address);
        let by_actor = || self.actor.is_none_or(|actor| actor == flow.source);
        in_time
            && match self.which {
                Which::Nothing => false,
                Which::Tries => by_actor() && at_port() && (flow.failed() || named(&flow.destination)),
                Which::HalfOpen => {
                    let few = flow.failed() || flow.packets <= 3 && flow.reverse_packets <= 3;
                    flow.protocol == Flow::TCP && few && named(&flow.destination) && by_actor() && at_port()
                }
                Which::Towards(protocol) if protocol.is_some_and(|one| one != flow.protocol) => false,
                Which::Towards(_) => {
                    // Asked for under the address of the target, or sent to it.
                    let from_target = named(&flow.source) && self.actor.is_none_or(|a| a == flow.destination);
                    (named(&flow.destination) && by_actor() || from_target) && at_port()
                }
                Which::Echo => {
                    matches!(flow.protocol, Flow::ICMP | Flow::ICMP6)
                        && by_actor()
                        && named(&flow.destination)
                }
                Which::Any => by_actor() && at_port() && (!self.complete || named(&flow.destination)),
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::tests::{address, flow, sighting};

    #[test]
    fn the_flows_of_a_sighting_are_found_again() {
        let told = sighting("brute_force", Some(66), 5, 0);
        let scope = Scope::of(&told);
        let check = |flow: Flow<'_>, expect: bool| assert_eq!(scope.holds(&flow), expect, "{flow:?}");
        check(flow(10.0, 66, 5, 22), true);
        check(flow(10.0, 66, 5, 80), false);
        check(flow(10.0, 66, 6, 22), false);
        check(flow(10.0, 67, 5, 22), false);
        check(flow(1_000.0, 66, 5, 22), false);
        assert_eq!(scope.keys(), [address(66)]);
    }

    #[test]
    fn a_flood_without_an_actor_is_found_by_its_target() {
        let scope = Scope::of(&sighting("flood", None, 5, 0));
        assert_eq!(scope.keys(), [address(5)]);
        let bare = |target| Flow { packets: 1, reverse_packets: 1, ..flow(10.0, 99, target, 22) };
        assert!(scope.holds(&bare(5)) && !scope.holds(&bare(6)));
        assert!(!scope.holds(&flow(10.0, 99, 5, 22)), "a visitor");
        assert!(!Scope::of(&sighting("silence", None, 5, 0)).holds(&flow(10.0, 99, 5, 22)));
    }
}
