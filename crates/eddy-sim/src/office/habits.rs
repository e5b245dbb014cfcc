//! Who does what, and how often: the list of habits of an office.

use eddy_frame::NANOS_PER_SECOND;

use super::population::{HostRole, Population};
use super::scene::{Memory, Scene, later};
use super::spec::OfficeHabits;
use super::{people, things, unlike};

/// Something a host does again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Reads the web, while somebody works at the host.
    Browse,
    /// A chat that asks for news twice a minute, while somebody works.
    Chat,
    /// Telemetry of the system.
    Telemetry,
    /// Mail, while somebody works.
    Mail,
    /// Files, while somebody works.
    Files,
    /// Printing, while somebody works.
    Print,
    /// SSH to servers, while somebody works.
    Administer,
    /// Switched on in the morning.
    Arrive,
    /// Multicast DNS.
    Announce,
    /// Software updates.
    Update,
    /// Calls to a server that is no more.
    CallInVain,
    /// Network time.
    Time,
    /// Address resolution.
    Arp,
    /// Pictures of a camera.
    Picture,
    /// Clips of a camera.
    Clip,
    /// Reports of a thing to its maker.
    CallMaker,
    /// A sensor's open connection.
    Report,
    /// The monitor's round.
    MonitorRound,
    /// The monitor's search for printers.
    LookForPrinters,
    /// Backup of one server, at night.
    Backup(u8),
    /// Package updates of a server.
    ServerUpdate,
    /// Visitors of the web site.
    Visit,
    /// Mail from outside.
    MailArrives,
    /// A copy of the files to a store outside.
    CopyOutside,
    /// The monitor's search for weaknesses.
    LookForWeaknesses,
    /// Every workstation brought up to date.
    Configure,
    /// A program that asks for leave to run, while somebody works.
    AskLeave,
    /// Crowds of visitors from a few addresses.
    Guests,
    /// A camera's stream.
    Stream,
}

impl Kind {
    /// Whether it happens only while somebody works at the host.
    fn needs_person(self) -> bool {
        use Kind::{
            Administer, Announce, AskLeave, Browse, CallInVain, Chat, Files, Mail, Print, Telemetry, Update,
        };
        matches!(
            self,
            Browse
                | Chat
                | Telemetry
                | Mail
                | Files
                | Print
                | Administer
                | Announce
                | CallInVain
                | Update
                | AskLeave
        )
    }

    /// Seconds from one time to the next: on average, and the share by which it varies; none where the habit says it.
    fn period_s(self) -> Option<(f64, f64)> {
        Some(match self {
            Self::Chat => (30.0, 0.03),
            Self::Telemetry => (900.0, 0.1),
            Self::Mail => (300.0, 0.02),
            Self::Files => (240.0, 1.0),
            Self::Print => (9_000.0, 1.0),
            Self::Administer => (3_000.0, 1.0),
            Self::Announce => (1_500.0, 0.3),
            Self::Update => (10_000.0, 0.5),
            Self::CallInVain => (1_800.0, 0.2),
            Self::Time => (1_024.0, 0.01),
            Self::Arp => (200.0, 0.4),
            Self::Picture => (10.0, 0.002),
            Self::Clip => (700.0, 1.0),
            Self::CallMaker => (120.0, 0.02),
            Self::MonitorRound => (60.0, 0.0005),
            Self::LookForPrinters => (3_600.0, 0.001),
            Self::ServerUpdate => (21_600.0, 0.15),
            Self::CopyOutside => (14_400.0, 0.05),
            Self::LookForWeaknesses => (10_800.0, 0.02),
            Self::Configure => (1_800.0, 0.01),
            Self::AskLeave => (60.0, 0.02),
            Self::Browse
            | Self::Report
            | Self::Visit
            | Self::MailArrives
            | Self::Arrive
            | Self::Guests
            | Self::Stream
            | Self::Backup(_) => {
                return None;
            }
        })
    }

    /// Does it at a moment; answers seconds until the next time where [`Kind::period_s`] does not.
    fn act(self, at_ns: i64, host: usize, scene: &mut Scene) -> f64 {
        match self {
            Self::Browse => return people::browse(at_ns, host, scene),
            Self::Report => return things::report(at_ns, host, scene),
            Self::Visit => return things::visit(at_ns, scene),
            Self::MailArrives => return things::mail_arrives(at_ns, scene),
            Self::Guests => return unlike::guests(at_ns, scene),
            Self::Stream => return unlike::stream(at_ns, host, scene),
            Self::CopyOutside => unlike::copy_outside(at_ns, host, scene),
            Self::LookForWeaknesses => unlike::look_for_weaknesses(at_ns, host, scene),
            Self::Configure => unlike::configure(at_ns, host, scene),
            Self::AskLeave => unlike::ask_leave(at_ns, host, scene),
            Self::Chat => people::poll(at_ns, host, 20, (240, 300), scene),
            Self::Telemetry => people::poll(at_ns, host, 21 + host % 3, (1_800, 150), scene),
            Self::Mail => people::mail(at_ns, host, scene),
            Self::Files => people::files(at_ns, host, scene),
            Self::Print => people::print(at_ns, host, scene),
            Self::Administer => people::administer(at_ns, host, scene),
            Self::Arrive => people::arrive(at_ns, host, scene),
            Self::Announce => people::announce(at_ns, host, scene),
            Self::Update => people::update(at_ns, host, scene),
            Self::CallInVain => people::call_in_vain(at_ns, host, scene),
            Self::Time => things::time(at_ns, host, scene),
            Self::Arp => people::arp(at_ns, host, scene),
            Self::Picture => things::picture(at_ns, host, scene),
            Self::Clip => things::clip(at_ns, host, scene),
            Self::CallMaker => things::call_maker(at_ns, host, scene),
            Self::MonitorRound => things::monitor_round(at_ns, host, scene),
            Self::LookForPrinters => things::look_for_printers(at_ns, host, scene),
            Self::Backup(from) => things::backup(at_ns, host, usize::from(from), scene),
            Self::ServerUpdate => things::server_update(at_ns, host, scene),
        }
        0.0
    }

    /// Does what is due at a moment and answers when it is due again.
    pub(crate) fn fire(self, at_ns: i64, host: usize, scene: &mut Scene) -> i64 {
        if self.needs_person()
            && let Err(next_ns) = scene.memory.working(host, at_ns)
        {
            // Not everything begins in the first second of the day.
            let settling_s = self.period_s().map_or(60.0, |(mean_s, _)| mean_s.min(3_600.0));
            return next_ns.saturating_add((scene.draw.uniform(5.0, settling_s) * 1e9) as i64);
        }
        match self {
            // Those that happen once a day.
            Self::Arrive => {
                let is_now = scene.memory.workday(host, at_ns).is_some_and(|(from, _)| from == at_ns);
                if is_now {
                    self.act(at_ns, host, scene);
                }
                return next_arrival(at_ns, host, scene.memory);
            }
            Self::Backup(from) => {
                let hour_ns = 3_600 * NANOS_PER_SECOND;
                let due_ns = at_ns.div_euclid(24 * hour_ns) * 24 * hour_ns
                    + hour_ns
                    + i64::from(from) * 540 * NANOS_PER_SECOND;
                let slack_ns = 120 * NANOS_PER_SECOND;
                if (due_ns..due_ns + slack_ns).contains(&at_ns) {
                    self.act(at_ns, host, scene);
                }
                let next_ns = if at_ns < due_ns { due_ns } else { due_ns + 24 * hour_ns };
                return later(next_ns, scene.draw.uniform(0.0, 100.0));
            }
            _ => {}
        }
        let own_s = self.act(at_ns, host, scene);
        let wait_s = match self.period_s() {
            Some((mean_s, share)) if share >= 1.0 => scene.draw.exponential(mean_s).max(1.0),
            Some((mean_s, share)) => mean_s * (1.0 + share * scene.draw.uniform(-1.0, 1.0)),
            None => own_s,
        };
        later(at_ns, (wait_s / scene.memory.rate).max(0.001))
    }
}

/// The next morning at which a workstation is switched on.
fn next_arrival(at_ns: i64, host: usize, memory: &Memory) -> i64 {
    let day_ns = 86_400 * NANOS_PER_SECOND;
    (0..14)
        .filter_map(|day| memory.workday(host, at_ns + day * day_ns))
        .map(|(from, _)| from)
        .find(|&from| from > at_ns)
        .unwrap_or(i64::MAX)
}

/// The habits of all hosts, in an order that depends on nothing but the hosts.
pub(crate) fn habits(people: &Population, of: OfficeHabits) -> Vec<(Kind, usize)> {
    let mut habits = Vec::new();
    let mut workstations = 0;
    for (idx, host) in people.hosts.iter().enumerate() {
        let kinds: &[Kind] = match host.role {
            HostRole::Router => &[Kind::Visit, Kind::MailArrives],
            HostRole::Workstation => &[
                Kind::Browse,
                Kind::Chat,
                Kind::Telemetry,
                Kind::Mail,
                Kind::Files,
                Kind::Print,
                Kind::Arrive,
                Kind::Announce,
                Kind::Update,
            ],
            HostRole::Camera => &[Kind::Picture, Kind::Clip, Kind::CallMaker],
            HostRole::Sensor => &[Kind::Report, Kind::CallMaker],
            HostRole::Monitor => &[Kind::MonitorRound, Kind::LookForPrinters, Kind::ServerUpdate],
            HostRole::Printer => &[],
            _ => &[Kind::ServerUpdate],
        };
        habits.extend(kinds.iter().map(|&kind| (kind, idx)));
        habits.extend([(Kind::Time, idx), (Kind::Arp, idx)]);
        if host.role == HostRole::BackupServer {
            habits.extend(
                (1..=8).filter(|&from| usize::from(from) != idx).map(|from| (Kind::Backup(from), idx)),
            );
        }
        if host.role == HostRole::Workstation {
            workstations += 1;
            // A handful of administrators, and some machines that look for a server that is no more.
            if workstations % 16 == 2 {
                habits.push((Kind::Administer, idx));
            }
            if workstations % 10 == 5 {
                habits.push((Kind::CallInVain, idx));
            }
        }
    }
    if of == OfficeHabits::Unlike {
        add_unlike(people, &mut habits);
    }
    habits
}

/// What the office unlike the usual one does besides.
fn add_unlike(people: &Population, habits: &mut Vec<(Kind, usize)>) {
    habits.push((Kind::CopyOutside, people.first(HostRole::FileServer)));
    habits.push((Kind::LookForWeaknesses, people.first(HostRole::Monitor)));
    habits.push((Kind::Configure, people.first(HostRole::SshServer)));
    habits.push((Kind::Guests, people.first(HostRole::Router)));
    habits.extend(people.of_role(HostRole::Camera).step_by(3).map(|idx| (Kind::Stream, idx)));
    habits.extend(people.of_role(HostRole::Workstation).step_by(8).map(|idx| (Kind::AskLeave, idx)));
}

/// The first moment at which a habit is looked at.
pub(crate) fn first_ns(kind: Kind, start_ns: i64, scene: &mut Scene) -> i64 {
    match kind {
        Kind::Arrive | Kind::Backup(_) => start_ns,
        Kind::Visit | Kind::MailArrives => later(start_ns, scene.draw.exponential(3.0)),
        _ => {
            let period_s = kind.period_s().map_or(30.0, |(mean_s, _)| mean_s) / scene.memory.rate;
            later(start_ns, scene.draw.uniform(0.0, period_s.min(21_600.0)))
        }
    }
}
