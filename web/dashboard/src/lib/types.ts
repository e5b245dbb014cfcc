// What the API gives and takes, as `/api/v1/openapi.json` describes it. Whatever a server may leave out is optional here.

import type { Stretch } from "../../../shared/points";

export interface Page<T> {
  items: T[];
  next: string | null;
}

export type Role = "predictor" | "viewer" | "analyst" | "admin";

export interface User {
  id: string;
  name: string;
  role: Role;
  disabled: boolean;
  created_ms: number;
  last_login_ms: number | null;
}

export interface Session {
  name: string;
  role: Role;
  csrf: string | null;
  expires_ms: number | null;
}

export interface Column {
  name: string;
  kind: string;
  role: string;
  unit?: string | null;
}

export interface SetAside {
  line?: number | null;
  column?: string | null;
  reason: string;
  text: string;
}

export interface Note {
  column?: string | null;
  text: string;
}

export interface DatasetAbout {
  format?: string;
  shape?: { id: string; title: string };
  rows?: number;
  rows_set_aside?: number;
  cells_set_aside?: number;
  first_set_aside?: SetAside[];
  columns?: Column[];
  label?: string | null;
  notes?: Note[];
}

export interface Dataset {
  id: string;
  name: string;
  state: "checking" | "ready" | "failed";
  reason: string | null;
  origin: "upload" | "generated" | "sample";
  bytes: number;
  created_ms: number;
  created_by: string | null;
  about: DatasetAbout | null;
}

export type JobKind = "check" | "explore" | "detect" | "score" | "train" | "compare" | "tune" | "generate";
export type JobState = "queued" | "running" | "done" | "failed" | "cancelled" | "interrupted";

export interface Progress {
  stage: string;
  done: number;
  of: number;
}

export interface Job {
  id: string;
  kind: JobKind;
  state: JobState;
  title: string;
  dataset: string | null;
  request: Record<string, unknown>;
  result: Record<string, unknown> | null;
  reason: string | null;
  attempts: number;
  created_ms: number;
  started_ms: number | null;
  finished_ms: number | null;
  created_by: string | null;
  progress?: Progress | null;
}

export interface Confusion {
  true_positives: number;
  false_positives: number;
  true_negatives: number;
  false_negatives: number;
}

export interface Measured {
  n_rows: number;
  n_attacks: number;
  roc_auc: number;
  average_precision: number;
  confusion: Confusion;
  precision: number;
  recall: number;
  f1: number;
  false_positive_rate: number;
}

export interface RunSummary {
  read?: { description?: { format?: string; shape?: { title: string }; notes?: Note[] }; stats?: DatasetAbout & { rows_read?: number } };
  pipeline?: { steps_in_words?: string[]; detector?: string; seed?: number; learned_rows?: number };
  threshold?: { rule?: unknown; in_words?: string; anomaly_score?: number; warning?: string | null };
  rows?: number;
  flagged?: number;
  findings?: number;
  incidents?: number;
  cautions?: string[];
  evaluation?: { label: string; measured: Measured } | null;
  seconds?: { read: number; fit: number; score: number };
}

export interface Run {
  id: string;
  job: string | null;
  dataset: string | null;
  dataset_name: string;
  model: string | null;
  detector: string;
  rows: number;
  flagged: number;
  summary: RunSummary;
  created_ms: number;
  created_by: string | null;
}

export type Typical =
  | { kind: "number"; median: number; low: number; high: number }
  | { kind: "category"; mode: string; share: number; levels: [string, number][] };

export interface FindingCause {
  feature: string;
  unit?: string;
  share: number;
  seen: number | string | null;
  expected: Typical;
}

export interface FindingBody {
  rank: number;
  place?: { row: number; source?: string; line?: number; time?: string; entity?: string };
  anomaly_score: number;
  stretch?: Stretch;
  sentence: string;
  causes?: FindingCause[];
  label?: string;
}

export interface FindingRecord {
  id: string;
  run: string;
  rank: number;
  anomaly_score: number;
  sentence: string;
  body: FindingBody;
}

export interface Sighting {
  behaviour: string;
  kind: string;
  actor: string | null;
  targets: string[];
  n_targets: number;
  port: number | null;
  first_ns: number;
  detected_ns: number;
  last_ns: number;
  flows: number;
  octets: number;
  evidence: Measure[];
  severity: string;
  strength: number;
  techniques: string[];
}

/** What was measured of an incident, against what would have been ordinary. */
export interface Measure {
  what: string;
  unit?: string;
  seen: number;
  usual: number;
  usual_from?: number;
}

/** How much of an incident fell into one stretch of time. */
export interface Moment {
  at_ns: number;
  flows: number;
  octets: number;
}

export interface FlowRecord {
  start_ns: number;
  duration_ns: number;
  source: string;
  source_port: number;
  destination: string;
  destination_port: number;
  protocol: number;
  octets: number;
  packets: number;
  reverse_octets: number;
  reverse_packets: number;
  failed?: boolean;
  [more: string]: unknown;
}

/** A row of a table that proves an incident. */
export interface ProofRow {
  row: number;
  source?: string;
  line?: number;
  time?: string;
  anomaly_score: number;
  sentence: string;
}

export interface Entity {
  address: string;
  role: string;
  inside?: boolean;
  flows: number;
  octets: number;
}

export interface Simulation {
  incident_flows: number;
  share_of_flows: number;
  share_of_octets: number;
  other_flows: number;
  other_octets: number;
  other_share?: number;
  other_peers?: number;
  top_peers?: { address: string; name?: string; flows: number; octets: number }[];
}

/** A rule in the language of one kind of filter. */
export interface Rendered {
  form: string;
  title: string;
  text: string;
  undo: string;
  expiry: string;
}

export interface Filter {
  purpose: string;
  in_words: string;
  simulation?: Simulation;
  effect: string;
  rendered: Rendered[];
}

export interface IncidentBody {
  id?: string;
  kind: string;
  behaviours?: string[];
  actors?: string[];
  targets?: string[];
  n_targets?: number;
  port?: number;
  first_ns?: number;
  detected_ns?: number;
  last_ns?: number;
  flows?: number;
  octets?: number;
  severity: string;
  confidence: number;
  sentence: string;
  ordinary?: string;
  evidence?: Measure[];
  techniques?: { id: string; name: string; url?: string }[];
  attack_version?: string;
  entities?: Entity[];
  timeline?: Moment[];
  evidence_flows?: FlowRecord[];
  mitigation?: { advice?: { when: string; text: string }[]; filters?: Filter[] };
  subject?: string;
  n_rows?: number;
  rows?: ProofRow[];
  sightings?: Sighting[];
}

export interface IncidentRecord {
  id: string;
  run: string;
  /** The data set that the run looked at. */
  dataset_name?: string;
  rank: number;
  severity: number;
  confidence: number;
  kind: string;
  sentence: string;
  first_ns: number;
  last_ns: number;
  body: IncidentBody;
  /** What was last said of it. */
  opinion?: Opinion | null;
}

export type Opinion = "real" | "benign" | "unsure";

export interface Feedback {
  id: string;
  opinion: Opinion;
  note: string;
  created_ms: number;
  created_by: string | null;
}

export interface ModelField {
  name: string;
  kind: string;
  role: string;
  unit?: string | null;
  is_input: boolean;
  typical?: Typical | null;
}

export interface ModelAbout {
  detector?: string;
  parameters?: Record<string, unknown> | null;
  seed?: number;
  steps?: string[];
  trained_rows?: number;
  learns_from?: string;
  kind?: "row" | "series" | "online";
  classes?: string[] | null;
  threshold?: { in_words?: string; anomaly_score?: number } | null;
  fields?: ModelField[];
  features?: string[];
  notes?: Record<string, unknown>;
  training?: RunSummary;
}

export interface Model {
  id: string;
  name: string;
  version: number;
  detector: string;
  bytes: number;
  dataset: string | null;
  about: ModelAbout;
  created_ms: number;
  created_by: string | null;
  aliases: string[];
}

export interface Alias {
  alias: string;
  model: string;
  changed_ms: number;
  history: string[];
}

export interface Prediction {
  prediction?: number | string;
  anomaly_score?: number;
  threshold?: number;
  result?: string;
  description?: string;
  message?: string;
  class?: string;
  probabilities?: Record<string, number>;
  why?: string;
  causes?: FindingCause[];
  /** What to know about the verdict. */
  note?: string;
}

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  oneOf?: Schema[];
  anyOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

export interface Detector {
  name: string;
  title: string;
  summary: string;
  blind_to?: string;
  cost?: string;
  source?: string;
  learns_from?: string;
  kind?: "row" | "series" | "online";
  parameters: Schema;
}

export interface StepInfo {
  name: string;
  summary: string;
  parameters: Schema;
}

export interface Shape {
  name: string;
  about: string;
  scenarios: string[];
}

export interface Scenario {
  name: string;
  about: string;
  typical_hours: number;
  strength: string;
}

export interface Sample {
  name: string;
  about: string;
  title?: string;
}

export interface Token {
  id: string;
  user: string;
  name: string;
  scope: Role;
  created_ms: number;
  expires_ms: number;
  used_ms: number | null;
}

export interface AuditEntry {
  seq: number;
  at_ms: number;
  actor: string | null;
  address: string;
  action: string;
  subject: string | null;
  outcome: "done" | "refused";
  detail: string | null;
}

export interface Usage {
  bytes: number;
  free_bytes: number | null;
  datasets: number;
  runs: number;
  findings: number;
  incidents: number;
  models: number;
  active_jobs: number;
}

/** Some rows of a table, and how many there are in all. */
export interface TablePage {
  columns: string[];
  numbers: number[];
  rows: (string | number | boolean | null)[][];
  total: number;
}
