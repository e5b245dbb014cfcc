//! Connection records with the columns of NSL-KDD.

use eddy_frame::{Column, Field, Kind, Role, TextColumn};

use crate::connection_windows::{Seen, Windows};
use crate::draw::{Draw, Purpose};
use crate::network::{Call, Network};
use crate::plan::{Planned, event_at};
use crate::rhythm::Rhythm;
use crate::service::{SERVICES, Service};
use crate::table::{Parties, Table, field};
use crate::timeline::{Merge, Timeline, Traffic, after};
use crate::{Scenario, Shape, Spec};

/// The columns of NSL-KDD with their units.
const COLUMNS: [(&str, &str); 41] = [
    ("duration", "s"),
    ("protocol_type", ""),
    ("service", ""),
    ("flag", ""),
    ("src_bytes", "bytes"),
    ("dst_bytes", "bytes"),
    ("land", ""),
    ("wrong_fragment", ""),
    ("urgent", ""),
    ("hot", ""),
    ("num_failed_logins", ""),
    ("logged_in", ""),
    ("num_compromised", ""),
    ("root_shell", ""),
    ("su_attempted", ""),
    ("num_root", ""),
    ("num_file_creations", ""),
    ("num_shells", ""),
    ("num_access_files", ""),
    ("num_outbound_cmds", ""),
    ("is_host_login", ""),
    ("is_guest_login", ""),
    ("count", ""),
    ("srv_count", ""),
    ("serror_rate", "1"),
    ("srv_serror_rate", "1"),
    ("rerror_rate", "1"),
    ("srv_rerror_rate", "1"),
    ("same_srv_rate", "1"),
    ("diff_srv_rate", "1"),
    ("srv_diff_host_rate", "1"),
    ("dst_host_count", ""),
    ("dst_host_srv_count", ""),
    ("dst_host_same_srv_rate", "1"),
    ("dst_host_diff_srv_rate", "1"),
    ("dst_host_same_src_port_rate", "1"),
    ("dst_host_srv_diff_host_rate", "1"),
    ("dst_host_serror_rate", "1"),
    ("dst_host_srv_serror_rate", "1"),
    ("dst_host_rerror_rate", "1"),
    ("dst_host_srv_rerror_rate", "1"),
];
/// Positions of the columns that hold text.
const TEXTS: std::ops::RangeInclusive<usize> = 1..=3;
/// Number of columns that hold numbers.
const N_NUMBERS: usize = 38;
/// Mean connections of one session of a host.
const SESSION_CONNECTIONS: f64 = 3.0;
/// Services a scan comes across.
const SCANNED: [&str; 8] =
    ["private", "other", "telnet", "finger", "ftp_data", "pop_3", "eco_i", "netbios_ssn"];
/// Position of `hot` among the numbers; `num_failed_logins` and `logged_in` follow.
const HOT: usize = 6;

/// The table of [`Shape::ConnectionRecords`].
pub(crate) struct ConnectionRecords {
    merge: Merge<Sessions>,
    windows: Windows,
}

/// One connection; what is about its past is added when it is written.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    call: Call,
    /// The service as it is written; scans see others than hosts use.
    service: &'static str,
    transport: &'static str,
    flag: &'static str,
    duration_s: f64,
    sent: f64,
    received: f64,
    /// `hot, num_failed_logins, logged_in`.
    login: [f64; 3],
    files_created: f64,
    is_guest: f64,
}

impl Connection {
    /// A connection in which nothing was transferred.
    fn empty(call: Call, flag: &'static str) -> Self {
        let Service { name, transport, .. } = SERVICES[call.service];
        Self {
            call,
            service: name,
            transport,
            flag,
            duration_s: 0.0,
            sent: 0.0,
            received: 0.0,
            login: [0.0; 3],
            files_created: 0.0,
            is_guest: 0.0,
        }
    }

    fn seen(&self, at_ns: i64) -> Seen {
        Seen {
            at_ns,
            server: self.call.server,
            service: self.service,
            client_port: self.call.client_port,
            flag: self.flag,
        }
    }

    /// The numbers from `duration` to `is_guest_login`.
    fn numbers(&self) -> [f64; 19] {
        let mut numbers = [0.0; 19];
        numbers[0] = self.duration_s.floor();
        numbers[1] = self.sent.round();
        numbers[2] = self.received.round();
        // land, wrong_fragment and urgent stay 0.
        numbers[HOT..HOT + 3].copy_from_slice(&self.login);
        numbers[13] = self.files_created;
        numbers[18] = self.is_guest;
        numbers
    }
}

/// What makes the connections.
struct Sessions {
    network: Network,
    rhythm: Rhythm,
    plan: Vec<Planned>,
    draw: Draw,
    outage_draw: Draw,
    interval_s: f64,
    noise: f64,
}

impl Sessions {
    fn normal(&mut self, call: Call) -> Connection {
        let draw = &mut self.draw;
        let service = &SERVICES[call.service];
        let is_tcp = service.transport == "tcp";
        let flag = if is_tcp {
            ["SF", "REJ", "S0", "RSTO", "S1"][draw.weighted(&[0.945, 0.968, 0.978, 0.994, 1.0])]
        } else {
            "SF"
        };
        let mut connection = Connection::empty(call, flag);
        // Drawn whether used or not, so that one choice does not shift all later ones.
        let sent = draw.log_normal(service.request_bytes, 0.45 * self.noise);
        let received = draw.log_normal(service.answer_bytes, 0.95 * self.noise);
        let duration_s = draw.exponential(service.duration_s);
        let upload = draw.log_normal(1_500_000.0, 0.9 * self.noise);
        let [login, detail] = [draw.uniform(0.0, 1.0), draw.uniform(0.0, 1.0)];
        if matches!(flag, "REJ" | "S0") {
            return connection;
        }
        connection.sent = sent;
        if matches!(service.name, "http_443" | "ftp" | "smtp") && detail < 0.006 {
            // Backups and attachments: large uploads are not wrong as such.
            connection.sent = upload;
        }
        connection.received = received;
        connection.duration_s = duration_s;
        if is_tcp && service.name != "sql_net" {
            let has_failed = service.name == "ssh" && login < 0.04;
            connection.login = if has_failed { [0.0, 1.0, 0.0] } else { [0.0, 0.0, 1.0] };
        }
        if service.name == "ftp" {
            connection.is_guest = f64::from(u8::from(login < 0.3));
            connection.login[0] = (detail * 3.0).floor();
            connection.files_created = f64::from(u8::from(detail > 0.8));
        }
        connection
    }

    /// The outage, if any, that a call runs into.
    fn outage_of(&mut self, at_ns: i64, call: &Call) -> Option<usize> {
        let idx = event_at(&self.plan, at_ns)?;
        let planned = &self.plan[idx];
        let is_hit = planned.scenario == Scenario::Outage && call.server == Network::failing_server();
        (is_hit && self.outage_draw.chance(planned.strength)).then_some(idx)
    }
}

impl Traffic for Sessions {
    type Record = Connection;

    fn arrive(&mut self, at_ns: i64, out: &mut Timeline<Connection>) -> f64 {
        let host = self.network.any_host(&mut self.draw);
        let n_connections = 1.0 + self.draw.poisson(SESSION_CONNECTIONS - 1.0);
        let mut opened_ns = at_ns;
        for _ in 0..n_connections as usize {
            let call = self.network.call(host, &mut self.draw);
            let normal = self.normal(call);
            match self.outage_of(opened_ns, &call) {
                Some(idx) => out.push(opened_ns, idx as u8 + 1, Connection::empty(call, "S0")),
                None => out.push(opened_ns, 0, normal),
            }
            opened_ns = after(opened_ns, self.draw.exponential(0.4));
        }
        self.draw.exponential(SESSION_CONNECTIONS * self.interval_s / self.rhythm.load(at_ns))
    }

    fn attack(
        &mut self,
        event_idx: usize,
        at_ns: i64,
        draw: &mut Draw,
        out: &mut Timeline<Connection>,
    ) -> f64 {
        let planned = &self.plan[event_idx];
        let strength = planned.strength;
        let call = self.network.attack_call(event_idx, planned.scenario, draw);
        let mut connection = Connection::empty(call, "SF");
        let gap_s = match planned.scenario {
            Scenario::DdosSpike => {
                connection.flag = "S0";
                draw.exponential(self.interval_s / (8.0 * strength * planned.swell(at_ns)))
            }
            Scenario::PortScan => {
                connection.flag = ["REJ", "S0", "RSTR"][draw.weighted(&[0.7, 0.9, 1.0])];
                connection.service = SCANNED[draw.weighted(&[5.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0])];
                draw.exponential(self.interval_s / (3.0 * strength))
            }
            Scenario::Exfiltration => {
                connection.duration_s = draw.gamma(6.0, 70.0);
                connection.sent = draw.log_normal(18e6 * strength, 0.35);
                connection.received = draw.log_normal(22_000.0, 0.3);
                connection.login[2] = 1.0;
                draw.exponential(90.0)
            }
            Scenario::Beaconing => {
                connection.sent = f64::from(draw.whole(308, 316));
                connection.received = f64::from(draw.whole(178, 182));
                connection.login[2] = 1.0;
                planned.call_distance_s(60.0) * (1.0 + 0.02 * draw.uniform(-1.0, 1.0))
            }
            Scenario::BruteForce => {
                connection.flag = ["SF", "RSTO"][draw.weighted(&[0.7, 1.0])];
                connection.duration_s = draw.uniform(1.0, 5.0);
                connection.sent = draw.log_normal(1_150.0, 0.06);
                connection.received = draw.log_normal(1_900.0, 0.05);
                connection.login[1] = f64::from(draw.whole(1, 3));
                draw.exponential(self.interval_s / (1.5 * strength))
            }
            // An outage changes normal calls; the others are refused for this shape.
            Scenario::Outage | Scenario::LevelShift | Scenario::SlowDrift => return f64::INFINITY,
        };
        out.push(at_ns, event_idx as u8 + 1, connection);
        gap_s
    }

    fn is_lost(&self, _at_ns: i64, _record: &Connection) -> bool {
        false
    }
}

impl ConnectionRecords {
    pub(crate) fn new(spec: &Spec, plan: &[Planned]) -> Self {
        let sessions = Sessions {
            network: Network::new(spec),
            rhythm: Rhythm::new(),
            plan: plan.to_vec(),
            draw: Draw::new(spec.seed, Purpose::Background(0)),
            outage_draw: Draw::new(spec.seed, Purpose::Background(1)),
            interval_s: spec.interval_s,
            noise: spec.noise,
        };
        Self { merge: Merge::new(spec, plan, sessions), windows: Windows::default() }
    }
}

impl Table for ConnectionRecords {
    fn fields(&self) -> Vec<Field> {
        let kind_and_role = |idx| {
            if TEXTS.contains(&idx) { (Kind::Text, Role::Category) } else { (Kind::Float, Role::Feature) }
        };
        COLUMNS
            .iter()
            .enumerate()
            .map(|(idx, (name, unit))| {
                let (kind, role) = kind_and_role(idx);
                field(name, kind, role, unit)
            })
            .collect()
    }

    fn fill(&mut self, most_rows: usize) -> (Vec<Column>, Vec<u8>) {
        let mut numbers: [Vec<f64>; N_NUMBERS] = std::array::from_fn(|_| Vec::new());
        let mut texts: [TextColumn; 3] = std::array::from_fn(|_| TextColumn::default());
        let mut truth = Vec::new();
        for (at_ns, row_truth, connection) in self.merge.by_ref().take(most_rows) {
            let row = connection.numbers().into_iter().chain(self.windows.columns(connection.seen(at_ns)));
            numbers.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
            let words = [connection.transport, connection.service, connection.flag];
            texts.iter_mut().zip(words).for_each(|(column, word)| column.push(word));
            truth.push(row_truth);
        }
        let mut columns: Vec<Column> = numbers.into_iter().map(Column::Float).collect();
        columns.splice(TEXTS.start()..TEXTS.start(), texts.into_iter().map(Column::Text));
        (columns, truth)
    }

    fn parties(&self, event_idx: usize) -> Parties {
        let sessions = &self.merge.traffic;
        sessions.network.parties(event_idx, &sessions.plan[event_idx], Shape::ConnectionRecords)
    }
}
