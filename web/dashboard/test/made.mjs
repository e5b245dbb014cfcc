// Data made for the tests: what a server would have after somebody used it for a while. Always the same.

/** Numbers that look random and are always the same. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const START = Date.UTC(2024, 0, 15);
export const NOW = Date.UTC(2024, 0, 20, 9, 30);
const MINUTE = 60_000;
const NAMES = ["bytes_transferred", "packet_count", "connection_duration", "retransmission_rate", "bytes_per_packet", "packets_per_second"];
const UNITS = ["bytes", "packets", "s", null, "bytes", "packets/s"];
const EVENTS = [
  { from: 300, to: 330, name: "ddos-spike" },
  { from: 800, to: 818, name: "port-scan" },
  { from: 1250, to: 1290, name: "exfiltration" },
];
export const N_ROWS = 1440;

function tableRow(i, next) {
  const hour = (i / 60) % 24;
  const day = 0.7 + 0.5 * Math.sin(((hour - 7) / 24) * 2 * Math.PI) ** 2 + (hour > 9 && hour < 17 ? 0.3 : 0);
  const event = EVENTS.find((one) => i >= one.from && i <= one.to)?.name;
  const noise = () => 0.8 + 0.4 * next();
  let row = [420_000 * day * noise(), 900 * day * noise(), 22 * noise() + 12 * next(), 0.03 * noise(), 480 * noise(), 34 * noise()];
  if (event === "ddos-spike") row = [row[0] * 4, row[1] * 9, 0.4, 0.52 * noise(), 90, 900 * noise()];
  if (event === "port-scan") row = [row[0] * 0.1, row[1] * 2, 0.3, 0.09, 60, 120];
  if (event === "exfiltration") row = [120 * noise(), 50 * noise(), 450 * noise(), 0.03, 90, 0.2];
  return { event: event ?? "normal", row: row.map((value) => Number(value.toPrecision(6))) };
}

const next = random(7);
export const TABLE = Array.from({ length: N_ROWS }, (_, i) => tableRow(i, next));
const quantile = (sorted, q) => sorted[Math.min(sorted.length - 1, Math.round(q * (sorted.length - 1)))];
const columnsOf = NAMES.map((_, c) => TABLE.map(({ row }) => row[c]));
const sortedOf = columnsOf.map((values) => [...values].sort((a, b) => a - b));
const drift = random(9);
export const SCORES = TABLE.map(({ event }) => Number((event === "normal" ? 0.02 + 0.3 * drift() ** 2 : 0.55 + 0.4 * drift()).toFixed(4)));
export const THRESHOLD = 0.53;

function histogram(values, bins = 40) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const edges = Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins);
  const normal = Array(bins).fill(0);
  const flagged = Array(bins).fill(0);
  values.forEach((value, i) => {
    const bin = Math.min(bins - 1, Math.floor(((value - low) / (high - low || 1)) * bins));
    (SCORES[i] >= THRESHOLD ? flagged : normal)[bin]++;
  });
  return { edges, normal, flagged };
}

const timeOf = (i) => new Date(START + i * MINUTE).toISOString().slice(0, 19).replace("T", " ");
const FLAGGED = SCORES.filter((score) => score >= THRESHOLD).length;

function typical(c) {
  return { kind: "number", median: quantile(sortedOf[c], 0.5), low: quantile(sortedOf[c], 0.05), high: quantile(sortedOf[c], 0.95) };
}

export const FINDINGS = EVENTS.map((event, at) => {
  const peak = Math.round((event.from + event.to) / 2);
  const causes = [3, 1, 0].map((c, i) => ({ feature: NAMES[c], ...(UNITS[c] ? { unit: UNITS[c] } : {}), share: [0.62, 0.27, 0.08][i], type: "number", seen: TABLE[peak].row[c], expected: typical(c).median, low: typical(c).low, high: typical(c).high }));
  return {
    rank: at + 1, row: peak + 1, line: peak + 2, time: timeOf(peak), score: SCORES[peak], label: event.name, causes,
    stretch: { first_row: event.from + 1, last_row: event.to + 1, flagged: event.to - event.from + 1, from: timeOf(event.from), to: timeOf(event.to) },
    sentence: `retransmission_rate is ${causes[0].seen}, ${(causes[0].seen / causes[0].expected).toFixed(1)} times the typical ${causes[0].expected}`,
    values: [...TABLE[peak].row.map(String), timeOf(peak), event.name],
  };
});

export const REPORT = {
  title: "flows.csv",
  eddy_version: "0.1.0",
  generated_from: ["flows.csv"],
  read: { format: "CSV, comma, header, UTF-8, LF", shape_title: "flow features", rows_read: N_ROWS, rows_set_aside: 2, cells_set_aside: 1, first_set_aside: [], notes: ["times name no zone and are taken as UTC"] },
  columns: [],
  pipeline: ["logarithm of connection_duration", "missing values become the median"],
  detector: "voting",
  threshold: { rule: "at most 5 % of the flagged rows are expected to be ordinary", value: THRESHOLD, flagged: FLAGGED, share: FLAGGED / N_ROWS, warning: null },
  cautions: ["Two of the columns say nearly the same."],
  points: { axis: "time", x: TABLE.map((_, i) => START + i * MINUTE), score: SCORES, flagged: SCORES.map((score) => (score >= THRESHOLD ? 1 : 0)), row: TABLE.map((_, i) => i + 1), truth: TABLE.map(({ event }) => (event === "normal" ? 0 : 1)), total_rows: N_ROWS },
  features: NAMES.map((name, c) => ({
    name, unit: UNITS[c], values: columnsOf[c], levels: [], histogram: histogram(columnsOf[c]), quartiles: [0, 0.25, 0.5, 0.75, 1].map((q) => quantile(sortedOf[c], q)),
    typical: [typical(c).low, typical(c).high],
    ...(c === 0 ? { band: { low: columnsOf[c].map(() => typical(c).low), high: columnsOf[c].map(() => typical(c).high) } } : {}),
  })),
  score_histogram: histogram(SCORES, 50),
  findings: FINDINGS,
  finding_columns: [...NAMES, "timestamp", "label"],
  evaluation: null,
};

/** A run of a series whose detector gives alarms of its own: flagged rows of any score, and others that score higher. */
const ALARMS = [{ from: 300, to: 303, peak: 0.9 }, { from: 800, to: 801, peak: 0.7 }];
const alarmAt = (i) => ALARMS.find((one) => i >= one.from && i <= one.to);
const alarmScores = TABLE.map((_, i) => (alarmAt(i)?.from === i ? alarmAt(i).peak : alarmAt(i) ? 0.1 : i % 10 === 0 ? 0.56 : SCORES[i] / 2));
const alarmHistogram = { edges: Array.from({ length: 51 }, (_, i) => i / 50), normal: Array(50).fill(0), flagged: Array(50).fill(0) };
alarmScores.forEach((score, i) => (alarmAt(i) ? alarmHistogram.flagged : alarmHistogram.normal)[Math.min(49, Math.floor(score * 50))]++);
export const ALARM_SCORES = alarmScores;
export const ALARM_REPORT = {
  ...REPORT,
  title: "metric.csv", detector: "series_ensemble",
  threshold: { rule: "the detector's own alarms: few, each the beginning of an event", value: THRESHOLD, flagged: 6, share: 6 / N_ROWS, warning: null },
  features: [{ ...REPORT.features[1], name: "value", values: columnsOf[1].map((value, i) => (alarmAt(i) ? 200 * value : value)) }],
  points: { ...REPORT.points, score: alarmScores, flagged: TABLE.map((_, i) => (alarmAt(i) ? 1 : 0)), truth: [] },
  score_histogram: alarmHistogram,
  findings: ALARMS.map((one, at) => ({ ...FINDINGS[at], rank: at + 1, row: one.from + 1, score: one.peak, stretch: { first_row: one.from + 1, last_row: one.to + 1, flagged: one.to - one.from + 1, from: timeOf(one.from), to: timeOf(one.to) } })),
};

/** A run of which only some rows are drawn: those that stand out, and the highest of every stretch. */
export const LARGE_ROWS = 400_000;
const extremes = TABLE.flatMap((_, i) => (SCORES[i] >= THRESHOLD || i % 10 === 0 ? [i] : []));
const drawn = (values) => extremes.map((i) => values[i]);
export const LARGE_REPORT = {
  ...REPORT,
  title: "large.csv",
  points: { axis: "index", x: extremes.map((i) => i + 1), score: drawn(SCORES), flagged: drawn(REPORT.points.flagged), row: extremes.map((i) => i + 1), truth: [], total_rows: LARGE_ROWS },
  features: REPORT.features.map((feature) => ({ ...feature, values: drawn(feature.values), band: undefined })),
  score_histogram: { ...REPORT.score_histogram, normal: REPORT.score_histogram.normal.map((rows, i) => rows + (i === 2 ? LARGE_ROWS - N_ROWS : 0)) },
};

export const COLUMNS = [...NAMES.map((name, c) => ({ name, kind: "float", role: "feature", unit: UNITS[c] })), { name: "timestamp", kind: "time", role: "time", unit: null }, { name: "protocol", kind: "text", role: "category", unit: null }, { name: "label", kind: "text", role: "label", unit: null }];

export const summary = {
  read: { description: { format: REPORT.read.format, shape: { id: "flow_features", title: "flow features" }, notes: [] }, stats: { rows_read: N_ROWS } },
  pipeline: { steps_in_words: REPORT.pipeline, detector: "voting", seed: 42, learned_rows: N_ROWS },
  threshold: { in_words: REPORT.threshold.rule, anomaly_score: THRESHOLD, warning: null },
  rows: N_ROWS, flagged: FLAGGED, findings: 3, incidents: 2, cautions: REPORT.cautions,
  evaluation: { label: "label", measured: { n_rows: N_ROWS, n_attacks: 91, roc_auc: 0.991, average_precision: 0.96, precision: 1, recall: 0.98, f1: 0.99, false_positive_rate: 0, confusion: { true_positives: FLAGGED, false_positives: 0, true_negatives: N_ROWS - 91, false_negatives: 91 - FLAGGED } } },
  seconds: { read: 0.02, fit: 0.21, score: 0.03 },
};

const ns = (ms) => ms * 1e6;
const SCAN = START + 14 * 3_600_000;

export const INCIDENTS = [
  {
    id: "inc1", run: "run2", rank: 1, severity: 3, confidence: 0.93, kind: "horizontal scan",
    sentence: "10.20.0.14 asked 212 hosts for TCP port 445 in 4 minutes; 205 did not answer.",
    first_ns: ns(SCAN), last_ns: ns(SCAN + 250_000),
    body: {
      id: "h-1", rank: 1, kind: "horizontal scan", behaviours: ["horizontal-scan", "lateral-spread"], actors: ["10.20.0.14"],
      targets: ["10.20.0.1", "10.20.0.2", "10.20.0.3", "10.20.0.5", "10.20.0.8", "10.20.0.13", "10.20.0.21", "10.20.0.34"], n_targets: 212, port: 445,
      first_ns: ns(SCAN), detected_ns: ns(SCAN + 21_000), last_ns: ns(SCAN + 250_000), flows: 640, octets: 51_200, severity: "high", confidence: 0.93,
      sentence: "10.20.0.14 asked 212 hosts for TCP port 445 in 4 minutes; 205 did not answer.",
      ordinary: "A workstation here asks for port 445 of at most 3 hosts in that time.",
      evidence: [{ what: "hosts asked", seen: 212, usual: 3 }, { what: "share of failed connections", seen: 0.967, usual: 0.2 }, { what: "bytes a flow", unit: "bytes", seen: 80, usual_from: 600, usual: 90_000 }],
      techniques: [{ id: "T1046", name: "Network Service Discovery" }, { id: "T1018", name: "Remote System Discovery" }], attack_version: "17.1",
      entities: [{ address: "10.20.0.14", role: "actor", inside: true, flows: 640, octets: 51_200 }, { address: "10.20.0.5", role: "target", inside: true, flows: 41, octets: 9_100 }, { address: "10.20.0.8", role: "target", inside: true, flows: 3, octets: 240 }],
      timeline: Array.from({ length: 25 }, (_, i) => ({ at_ns: ns(SCAN + i * 10_000), flows: 10 + ((i * 37) % 29), octets: 2_000 })),
      evidence_flows: Array.from({ length: 30 }, (_, i) => ({ start_ns: ns(SCAN + i * 8_000), duration_ns: 3e6, source: "10.20.0.14", source_port: 50_000 + i, destination: `10.20.0.${i + 1}`, destination_port: 445, protocol: 6, octets: 60, packets: 1, reverse_octets: i % 7 ? 0 : 40, reverse_packets: i % 7 ? 0 : 1, failed: i % 7 !== 0, name: i % 5 ? "" : "files.office.example" })),
      mitigation: {
        advice: [{ when: "now", text: "Take 10.20.0.14 off the network or limit it to what it needs; 7 hosts answered it." }, { when: "today", text: "Look at what runs on 10.20.0.14, and at the 7 hosts that answered, for new accounts and services." }, { when: "later", text: "Let workstations reach port 445 of file servers only." }],
        filters: [
          {
            purpose: "Stop new connections of 10.20.0.14 to port 445.", rule: {}, in_words: "Drop TCP packets that open a connection from 10.20.0.14 to port 445.",
            simulation: { incident_flows: 640, share_of_flows: 1, share_of_octets: 1, other_flows: 4, other_octets: 18_200, other_share: 1, other_peers: 1, top_peers: [{ address: "10.20.0.5", name: "files.office.example", flows: 4, octets: 18_200 }] },
            effect: "It would have stopped all 640 flows of the incident, and 4 others: those of 10.20.0.14 with its file server.",
            rendered: [
              { form: "nftables", title: "nftables", text: "nft add table inet eddy\nnft add chain inet eddy forward '{ type filter hook forward priority -10 ; }'\nnft add rule inet eddy forward ip saddr 10.20.0.14 tcp dport 445 tcp flags syn drop", undo: "nft delete table inet eddy", expiry: "Remove it after 24 hours." },
              { form: "suricata", title: "Suricata", text: "drop tcp 10.20.0.14 any -> any 445 (msg:\"Eddy: horizontal scan\"; flags:S; sid:9000001; rev:1;)", undo: "remove sid 9000001", expiry: "Remove it after 24 hours." },
            ],
          },
        ],
      },
      sightings: [
        { behaviour: "horizontal-scan", kind: "horizontal scan", actor: "10.20.0.14", targets: ["10.20.0.1"], n_targets: 212, port: 445, first_ns: ns(SCAN), detected_ns: ns(SCAN + 21_000), last_ns: ns(SCAN + 200_000), flows: 600, octets: 48_000, evidence: [], severity: "high", strength: 12, techniques: ["T1046"] },
        { behaviour: "lateral-spread", kind: "spread to others", actor: "10.20.0.14", targets: ["10.20.0.5"], n_targets: 4, port: 445, first_ns: ns(SCAN + 190_000), detected_ns: ns(SCAN + 220_000), last_ns: ns(SCAN + 250_000), flows: 40, octets: 3_200, evidence: [], severity: "high", strength: 2, techniques: ["T1021"] },
      ],
    },
  },
  {
    id: "inc2", run: "run2", rank: 2, severity: 2, confidence: 0.71, kind: "beaconing", sentence: "10.20.0.31 spoke to 203.0.113.9 every 60 s for 3 hours, each time about as much.",
    first_ns: ns(START + 9 * 3_600_000), last_ns: ns(START + 12 * 3_600_000),
    body: { rank: 2, kind: "beaconing", behaviours: ["beaconing"], actors: ["10.20.0.31"], targets: ["203.0.113.9"], n_targets: 1, port: 8443, first_ns: ns(START + 9 * 3_600_000), detected_ns: ns(START + 9.4 * 3_600_000), last_ns: ns(START + 12 * 3_600_000), flows: 180, octets: 210_000, severity: "medium", confidence: 0.71, sentence: "10.20.0.31 spoke to 203.0.113.9 every 60 s for 3 hours, each time about as much.", ordinary: "People and programs here speak to a host at uneven times.", evidence: [{ what: "regularity of the gaps", seen: 0.98, usual: 0.6 }], techniques: [{ id: "T1071", name: "Application Layer Protocol" }], sightings: [] },
  },
  { id: "inc3", run: "run1", rank: 1, severity: 1, confidence: 0.4, kind: "traffic spike", sentence: "packet_count is 9 times as high as usual for 31 minutes.", first_ns: ns(START + 5 * 3_600_000), last_ns: ns(START + 5.5 * 3_600_000), body: { rank: 1, kind: "traffic spike", severity: "low", confidence: 0.4, sentence: "packet_count is 9 times as high as usual for 31 minutes.", evidence: [], rows: [{ row: 316, time: timeOf(315), anomaly_score: 0.93, sentence: "packet_count is 8,100" }], n_rows: 31, sightings: [] } },
];

export function exploration() {
  const wobble = random(3);
  const n = 700;
  const values = Array.from({ length: n }, (_, i) => Math.round(5000 + 2200 * Math.sin((i / 288) * 2 * Math.PI) + 600 * wobble()));
  const acf = Array.from({ length: 120 }, (_, lag) => Math.cos((lag / 288) * 2 * Math.PI) * 0.95 ** (lag / 24));
  const mean = (i) => values.slice(Math.max(0, i - 24), i + 1).reduce((a, b) => a + b, 0) / Math.min(25, i + 1);
  const cloud = random(5);
  const x = TABLE.map(() => cloud() * 2 - 1 + (cloud() - 0.5));
  const y = TABLE.map(() => cloud() * 2 - 1);
  const near = Array.from({ length: 300 }, (_, i) => 0.1 + 0.002 * i + (i > 260 ? ((i - 260) / 20) ** 2 : 0));
  return {
    n_rows: N_ROWS,
    columns: [
      ...NAMES.map((name, c) => ({ name, role: "feature", kind: "float", unit: UNITS[c], count: N_ROWS, missing: c === 2 ? 7 : 0, distinct: N_ROWS - c, mean: columnsOf[c].reduce((a, b) => a + b, 0) / N_ROWS, sd: 100 + c, quartiles: REPORT.features[c].quartiles, histogram: { edges: REPORT.features[c].histogram.edges, counts: REPORT.features[c].histogram.normal }, top: [] })),
      { name: "protocol", role: "category", kind: "text", unit: null, count: N_ROWS, missing: 0, distinct: 3, mean: null, sd: null, quartiles: null, histogram: null, top: [["TCP", 1100], ["UDP", 300], ["ICMP", 40]] },
    ],
    correlated: NAMES,
    pearson: NAMES.flatMap((_, a) => NAMES.map((_, b) => (a === b ? 1 : Math.cos(a * 1.7 + b * 1.7) * 0.8))),
    spearman: NAMES.flatMap((_, a) => NAMES.map((_, b) => (a === b ? 1 : Math.sin(a + b) * 0.7))),
    nearly_the_same: [],
    labelled: { column: "label", classes: [{ name: "normal", is_attack: false, rows: 1349 }, ...EVENTS.map((event) => ({ name: event.name, is_attack: true, rows: event.to - event.from + 1 }))], tests: NAMES.map((name, c) => ({ name, n_normal: 1349, n_attack: 91, effect: 0.9 - c * 0.12, difference: { type: "number", mann_whitney: { holm: 10 ** -(12 - 3 * c) } }, cautions: c === 5 ? ["few different values"] : [] })) },
    projection: {
      n_rows: N_ROWS, n_columns: 6, left_out: 0, shares: [0.41, 0.27], leading: [[["packet_count", 0.9], ["bytes_transferred", 0.8]], [["connection_duration", 0.7]]], x, y,
      classes: [{ name: "normal", is_attack: false, rows: 1349 }, { name: "ddos-spike", is_attack: true, rows: 31 }], class: TABLE.map(({ event }) => (event === "normal" ? 0 : 1)),
      clustering: { method: "DBSCAN with radius 1.25 and at least 5 rows", choice: "Of 7 radii off the curve of distances, 1.25 finds the most clusters.", n_rows: N_ROWS, clusters: [{ rows: 700, attacks: 2 }, { rows: 650, attacks: 1 }], noise: { rows: 90, attacks: 88 }, x, y, cluster: x.map((value, i) => (TABLE[i].event !== "normal" ? -1 : value > 0 ? 1 : 0)), k_distance: { k: 4, distances: near, knee: 260, radius: 0.62 }, silhouette: { clusters: [], mean: 0.63 }, trials: [] },
    },
    cautions: ["connection_duration has 7 missing values."],
    series: {
      n_series: 2, n_entities: 1, cautions: [],
      shown: ["bytes_transferred", "packet_count"].map((name) => ({
        name, entity: null, unit: null, rate: false, n_rows: n, averaged: 1, acf, acf_band: acf.map((_, i) => 0.05 + i * 0.0008), pacf: acf.slice(0, 40).map((value, i) => (i < 3 ? value : 0.04 * Math.sin(i))), band: 0.06, seasons: [{ period: 288, strength: 0.8 }],
        parts: { periods: [288], trend: values.map((_, i) => 5000 + i), seasonal: [values.map((_, i) => 2200 * Math.sin((i / 288) * 2 * Math.PI))], remainder: values.map((value, i) => value - 5000 - 2200 * Math.sin((i / 288) * 2 * Math.PI)) },
        by_hour: Array.from({ length: 24 }, (_, key) => ({ key, n: 29, five: [3000, 4000, 5000 + 100 * key, 6000 + 100 * key, 8000 + 100 * key], whiskers: [3000, 8000], outliers: 1 })), by_weekday: [],
        window: 24, rolling_mean: values.map((_, i) => mean(i)), rolling_sd: values.map((_, i) => 300 + 40 * Math.sin(i / 30)), rolling_low: values.map((_, i) => mean(i) - 700), rolling_high: values.map((_, i) => mean(i) + 700),
        values, times_ms: values.map((_, i) => START + i * 300_000), relative: false, facts: [["Sampling", "every 5 min, 700 rows over 2.4 days; no gaps"], ["Seasons", "1 day (288 rows), strength 0.8"]],
      })),
    },
    top: [{ title: "source_address", items: [["10.20.0.14", 640, 51_200], ["10.20.0.31", 180, 210_000], ["10.20.0.5", 90, null]] }, { title: "protocol", items: [["TCP", 1100, null], ["UDP", 300, null]] }],
  };
}

function curve(power) {
  return Array.from({ length: 41 }, (_, i) => [i / 40, (i / 40) ** power]);
}

export function comparison() {
  const names = ["normal", "ddos-spike", "port-scan", "exfiltration"];
  const model = (detector, learned_from, quality) => ({
    detector, learned_from,
    binary: { accuracy: quality, accuracy_sd: 0.004, balanced_accuracy: quality - 0.01, precision: quality - 0.02, recall: quality - 0.03, f1: quality - 0.025, false_positive_rate: (1 - quality) / 2, roc_auc: quality + 0.005, average_precision: quality - 0.015, at_base_rates: [[0.01, 0.6], [0.001, 0.15]], at_alerts: [[10, 10], [100, 27]] },
    verdicts: [[400, Math.round(40 * (1 - quality))], [Math.round(30 * (1 - quality)), 27]],
    ...(learned_from === "labels" ? { multi: { n_rows: 432, accuracy: quality, balanced_accuracy: quality, macro_f1: quality - 0.05, weighted_f1: quality, confusion: [[400, 2, 1, 0, 0], [1, 8, 0, 0, 0], [2, 0, 5, 0, 0], [0, 1, 0, 12, 0], [0, 0, 0, 0, 0]], classes: [...names.map((name, i) => ({ name, support: [403, 9, 7, 13][i], precision: 0.9, recall: 0.91, f1: 0.9 })), { name: "never-measured", support: 0, precision: 0, recall: 0, f1: 0 }] } } : {}),
    curves: { roc: curve(0.15 + (1 - quality)), precision_recall: curve(0.01).map(([x]) => [x, 1 - (1 - quality) * x * 3]), reliability: null, importance: NAMES.map((feature, i) => ({ feature, drop: 0.2 / (i + 1), sd: 0.01 })) },
    fit_seconds: 0.12, score_seconds: 0.004, bytes: 162_436,
  });
  return {
    label: "label",
    classes: [{ name: "normal", is_attack: false, rows: 1349 }, { name: "ddos-spike", is_attack: true, rows: 31 }, { name: "port-scan", is_attack: true, rows: 19 }, { name: "exfiltration", is_attack: true, rows: 41 }],
    split: "30 % held out at random within each class", base_rate: 0.063, n_measured: 432,
    models: [model("random_forest", "labels", 0.97), model("logistic_regression", "labels", 0.93), model("isolation_forest", "all rows", 0.88), { detector: "one_class_svm", learned_from: "normal rows", failed: "more rows than it can take; raise max_rows", fit_seconds: 0, score_seconds: 0, bytes: 0 }],
    agreement: { names: ["random_forest", "logistic_regression", "isolation_forest"], equal: [1, 0.96, 0.9, 0.96, 1, 0.91, 0.9, 0.91, 1], kappa: [1, 0.8, 0.5, 0.8, 1, 0.55, 0.5, 0.55, 1] },
    checks: [{ name: "majority baseline", found: false, evidence: "always saying 'normal' is right for 93.7 % of the rows" }, { name: "order of time", found: true, evidence: "split by time instead, random_forest falls from 0.97 to 0.81 balanced accuracy" }, { name: "duplicates across the split", found: false, evidence: "no row to measure on stands among the rows to learn from" }],
  };
}

export function modelAbout(learnsFrom = "labels") {
  return {
    detector: learnsFrom === "labels" ? "random_forest" : "isolation_forest", parameters: { n_estimators: 100 }, seed: 42, steps: ["missing values become the median"], trained_rows: N_ROWS, learns_from: learnsFrom, kind: "row",
    classes: learnsFrom === "labels" ? ["normal", "ddos-spike", "port-scan", "exfiltration"] : null, threshold: { in_words: "the detector's own threshold", anomaly_score: 0.5 },
    fields: [...NAMES.map((name, c) => ({ name, kind: "float", role: "feature", unit: UNITS[c], is_input: true, typical: typical(c) })), { name: "protocol", kind: "text", role: "category", unit: null, is_input: true, typical: { kind: "category", mode: "TCP", share: 0.76, levels: [["TCP", 0.76], ["UDP", 0.21], ["ICMP", 0.03]] } }, { name: "label", kind: "text", role: "label", unit: null, is_input: false, typical: null }],
    features: [...NAMES, "protocol"], notes: { trained_on: ["flows.csv"] },
  };
}

const schemaOf = (properties) => ({ $schema: "https://json-schema.org/draft/2020-12/schema", type: "object", properties, additionalProperties: false, $defs: { Kernel: { oneOf: [{ const: "linear", description: "A plane." }, { const: "rbf", description: "A smooth surface." }] } } });
export const DETECTORS = [
  { name: "isolation_forest", title: "Isolation forest", summary: "Random trees cut small samples until every row is alone.", blind_to: "Odd combinations of values that are each ordinary.", cost: "Little.", source: "Liu, Ting & Zhou 2008", learns_from: "rows", kind: "row", parameters: schemaOf({ n_estimators: { description: "Number of trees.", type: "integer", minimum: 1, maximum: 16_777_216, default: 100 }, max_samples: { description: "Rows that each tree sees.", type: ["integer", "null"], minimum: 1, default: null }, max_features: { description: "Share of the columns that each tree sees.", type: "number", exclusiveMinimum: 0, maximum: 1, default: 1 } }) },
  { name: "random_forest", title: "Random forest", summary: "Many trees vote.", blind_to: "Classes it never saw.", cost: "Some.", source: "Breiman 2001", learns_from: "labels", kind: "row", parameters: schemaOf({ n_estimators: { description: "Number of trees.", type: "integer", minimum: 1, default: 100 }, bootstrap: { description: "Draw rows with replacement.", type: "boolean", default: true } }) },
  { name: "logistic_regression", title: "Logistic regression", summary: "A weighted sum.", blind_to: "Curved borders.", cost: "Little.", source: "Cox 1958", learns_from: "labels", kind: "row", parameters: schemaOf({ c: { description: "Inverse of regularisation.", type: "number", exclusiveMinimum: 0, default: 1 } }) },
  { name: "one_class_svm", title: "One-class SVM", summary: "A border around ordinary rows.", blind_to: "Large data.", cost: "Much.", source: "Schölkopf 2001", learns_from: "rows", kind: "row", parameters: schemaOf({ kernel: { $ref: "#/$defs/Kernel", description: "Shape of the border.", default: "rbf" }, nu: { description: "Share outside.", type: "number", default: 0.5 } }) },
];
export const SHAPES = {
  shapes: [{ name: "flow-features", about: "One row a minute with the features of its flows.", scenarios: ["ddos-spike", "port-scan", "exfiltration"] }, { name: "metric-series", about: "A metric every five minutes.", scenarios: ["outage", "level-shift"] }, { name: "pcap", about: "The traffic of an office as a capture of whole packets.", scenarios: ["horizontal-scan", "beaconing"] }],
  scenarios: ["ddos-spike", "port-scan", "exfiltration", "outage", "level-shift", "horizontal-scan", "beaconing"].map((name) => ({ name, about: `What ${name} looks like.`, typical_hours: 0.5, strength: "times the ordinary volume" })),
};
