// Every call of the API that the dashboard makes, by name: the one list of paths.

import { get, getBytes, send, upload, url, type Upload } from "./api";
import type { Comparison, DetectReport, Exploration, Trials } from "./report";
import type {
  Alias, AuditEntry, Dataset, Detector, Feedback, FindingRecord, IncidentRecord, Job, Model, Opinion, Page, Prediction, Role, Run,
  Sample, Scenario, Session, Shape, StepInfo, TablePage, Token, Usage, User,
} from "./types";

/** Which rows of a table, in which order. */
export interface RowsQuery {
  offset: number;
  limit: number;
  sort?: string;
  descending?: boolean;
  verdict?: "anomaly" | "normal";
  column?: string;
  contains?: string;
}

type Paging = { cursor?: string | null; limit?: number };

// Ids are the server's, but they end up in paths: whatever they hold stays within its segment.
const id = encodeURIComponent;

export const session = {
  get: () => get<Session>("session"),
  begin: (name: string, password: string) => send<Session>("POST", "session", { name, password }),
  end: () => send<null>("DELETE", "session"),
  setUp: (secret: string, name: string, password: string) => send<Session>("POST", "setup", { secret, name, password }),
  password: (old: string, fresh: string) => send<null>("PUT", "session/password", { old, new: fresh }),
};

export const datasets = {
  list: (page: Paging = {}) => get<Page<Dataset>>("datasets", page),
  get: (dataset: string) => get<Dataset>(`datasets/${id(dataset)}`),
  send: (file: Blob, name: string, onProgress: (sent: number, of: number) => void): Upload<Dataset> => upload<Dataset>("datasets", { name }, file, onProgress),
  remove: (dataset: string) => send<null>("DELETE", `datasets/${id(dataset)}`),
  rename: (dataset: string, name: string) => send<Dataset>("PATCH", `datasets/${id(dataset)}`, { name }),
  file: (dataset: string) => url(`datasets/${id(dataset)}/content`),
  samples: () => get<Sample[]>("samples"),
  sample: (name: string) => send<Job>("POST", `samples/${id(name)}`),
};

export const generator = {
  get: () => get<{ shapes: Shape[]; scenarios: Scenario[] }>("shapes"),
};

export const jobs = {
  list: (query: Paging & { state?: string; dataset?: string } = {}) => get<Page<Job>>("jobs", query),
  get: (job: string) => get<Job>(`jobs/${id(job)}`),
  start: (request: { kind: string } & Record<string, unknown>) => send<Job>("POST", "jobs", request),
  cancel: (job: string) => send<Job>("POST", `jobs/${id(job)}/cancel`),
  resume: (job: string) => send<Job>("POST", `jobs/${id(job)}/resume`),
  remove: (job: string) => send<null>("DELETE", `jobs/${id(job)}`),
  exploration: (job: string) => get<Exploration>(`jobs/${id(job)}/result`),
  comparison: (job: string) => get<Comparison>(`jobs/${id(job)}/result`),
  trials: (job: string) => get<Trials>(`jobs/${id(job)}/result`),
  report: (job: string) => url(`jobs/${id(job)}/report.html`),
};

export const runs = {
  list: (query: Paging & { dataset?: string } = {}) => get<Page<Run>>("runs", query),
  get: (run: string) => get<Run>(`runs/${id(run)}`),
  remove: (run: string) => send<null>("DELETE", `runs/${id(run)}`),
  report: (run: string) => get<DetectReport>(`runs/${id(run)}/report`),
  scores: async (run: string, signal?: AbortSignal) => new Float32Array(await getBytes(`runs/${id(run)}/scores`, signal)),
  findings: (run: string, page: Paging = {}) => get<Page<FindingRecord>>(`runs/${id(run)}/findings`, page),
  rows: (run: string, query: RowsQuery, signal?: AbortSignal) => get<TablePage>(`runs/${id(run)}/rows`, { ...query }, signal),
  incidents: (run: string, page: Paging = {}) => get<Page<IncidentRecord>>(`runs/${id(run)}/incidents`, page),
  file: (run: string, what: string) => url(`runs/${id(run)}/${what}`),
};

export const findings = {
  latest: (page: Paging = {}) => get<Page<FindingRecord>>("findings", page),
  get: (finding: string) => get<FindingRecord & { feedback?: Feedback[] }>(`findings/${id(finding)}`),
  judge: (finding: string, opinion: Opinion, note: string) => send<Feedback>("POST", `findings/${id(finding)}/feedback`, { opinion, note }),
};

export const incidents = {
  list: (page: Paging = {}) => get<Page<IncidentRecord>>("incidents", page),
  get: (incident: string) => get<IncidentRecord & { feedback?: Feedback[] }>(`incidents/${id(incident)}`),
  judge: (incident: string, opinion: Opinion, note: string) => send<Feedback>("POST", `incidents/${id(incident)}/feedback`, { opinion, note }),
};

export const models = {
  list: (page: Paging = {}) => get<Page<Model>>("models", page),
  get: (model: string) => get<Model>(`models/${id(model)}`),
  remove: (model: string) => send<null>("DELETE", `models/${id(model)}`),
  file: (model: string) => url(`models/${id(model)}/content`),
  add: (file: Blob, name: string, onProgress: (sent: number, of: number) => void) => upload<Model>("models", { name }, file, onProgress),
  predict: (model: string, record: Record<string, unknown>) => send<Prediction>("POST", `models/${id(model)}/predict?explain=true`, record),
  predictSeries: (model: string, values: number[]) => send<{ predictions: Prediction[] }>("POST", `models/${id(model)}/predict`, { values }),
  aliases: () => get<Alias[]>("aliases"),
  promote: (alias: string, model: string) => send<Alias>("PUT", `aliases/${id(alias)}`, { model }),
  rollBack: (alias: string) => send<Alias>("POST", `aliases/${id(alias)}/rollback`),
  removeAlias: (alias: string) => send<null>("DELETE", `aliases/${id(alias)}`),
};

export const detectors = {
  list: () => get<{ detectors: Detector[]; steps: StepInfo[] }>("detectors"),
};

export const people = {
  list: () => get<User[]>("users"),
  add: (name: string, role: Role, password: string) => send<User>("POST", "users", { name, role, password }),
  change: (user: string, change: { role?: Role; disabled?: boolean; password?: string }) => send<User>("PATCH", `users/${id(user)}`, change),
  remove: (user: string) => send<null>("DELETE", `users/${id(user)}`),
};

export const tokens = {
  list: () => get<Token[]>("tokens"),
  add: (name: string, scope: Role, days: number) => send<{ secret: string; token: Token }>("POST", "tokens", { name, scope, days }),
  remove: (token: string) => send<null>("DELETE", `tokens/${id(token)}`),
};

export const system = {
  usage: () => get<Usage>("usage"),
  audit: (page: Paging = {}) => get<Page<AuditEntry>>("audit", page),
  index: () => get<{ name: string; version: string; needs_setup: boolean }>("../v1"),
  config: () => get<Record<string, unknown>>("config"),
  openapi: () => get<Record<string, unknown>>("openapi.json"),
};
