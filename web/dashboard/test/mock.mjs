// A server that answers the API with made data: node test/mock.mjs [PORT]
//
// It sends the headers that the real one sends, knows one user (anna, "correct horse"), and moves jobs along.

import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import * as made from "./made.mjs";

const DIST = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const MEDIA = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'";
const CSRF = "token-against-forgery";
const SESSION = "eddy_session=made";
const JOB_MS = 120;

export function state({ empty = false } = {}) {
  const now = made.NOW;
  const dataset = (id, name, more = {}) => ({ id, name, file: "x", state: "ready", reason: null, origin: "upload", bytes: 166_014, sha256: "00", created_ms: now - 3_600_000, created_by: "anna", about: { format: "CSV, comma, header, UTF-8, LF", shape: { id: "flow_features", title: "flow features" }, rows: made.N_ROWS, rows_set_aside: 2, cells_set_aside: 1, first_set_aside: [{ line: 17, column: "packet_count", reason: "not a number", text: "n/a" }], columns: made.COLUMNS, label: "label", notes: [{ column: "timestamp", text: "times name no zone and are taken as UTC" }] }, ...more });
  const run = (id, name, more = {}) => ({ id, job: "job1", dataset: "set1", dataset_name: name, model: null, detector: "voting", rows: made.N_ROWS, flagged: made.summary.flagged, summary: made.summary, created_ms: now - 1_800_000, created_by: "anna", ...more });
  const model = (id, name, version, aliases, learnsFrom) => ({ id, name, version, detector: learnsFrom === "labels" ? "random_forest" : "isolation_forest", bytes: 162_436, sha256: "00", dataset: "set1", job: null, about: made.modelAbout(learnsFrom), created_ms: now - 86_400_000, created_by: "anna", aliases });
  const job = (id, kind, stateOf, title, more = {}) => ({ id, kind, state: stateOf, title, dataset: "set1", request: {}, result: null, reason: null, attempts: 1, created_ms: now - 600_000, started_ms: now - 590_000, finished_ms: stateOf === "running" ? null : now - 580_000, created_by: "anna", progress: null, ...more });
  if (empty) return { datasets: [], runs: [], incidents: [], findings: [], models: [], aliases: [], jobs: [], feedback: {}, users: [], tokens: [], sequence: 0, jobMs: JOB_MS };
  return {
    // How long jobs wait, and then work.
    jobMs: JOB_MS,
    datasets: [dataset("set1", "flows.csv"), dataset("set2", "office.pcap", { bytes: 8_400_000 }), dataset("set3", "broken.bin", { state: "failed", reason: "the format is not known: the first bytes are 00 00 00 00", about: null }), dataset("set4", "metric.csv", { about: { format: "CSV, comma, header, UTF-8, LF", shape: { id: "metric_series", title: "metric series" }, rows: 4032, columns: [{ name: "timestamp", kind: "time", role: "time" }, { name: "value", kind: "float", role: "value" }], label: null, notes: [] } })],
    runs: [run("run1", "flows.csv"), run("run2", "office.pcap", { detector: "behaviours", dataset: "set2" }), run("run3", "metric.csv", { detector: "series_ensemble", flagged: 6, summary: { ...made.summary, flagged: 6, evaluation: null, threshold: { rule: "events", in_words: made.ALARM_REPORT.threshold.rule, anomaly_score: made.THRESHOLD, warning: null } } }), run("run4", "large.csv", { rows: made.LARGE_ROWS })],
    incidents: structuredClone(made.INCIDENTS),
    findings: made.FINDINGS.map((one) => ({ id: `find${one.rank}`, run: "run1", rank: one.rank, anomaly_score: one.score, sentence: one.sentence, body: { rank: one.rank, place: { row: one.row, time: one.time, line: one.line }, anomaly_score: one.score, stretch: one.stretch, sentence: one.sentence, causes: [], label: one.label } })),
    models: [model("mod2", "flows", 2, ["predict"], "labels"), model("mod1", "flows", 1, [], "rows")],
    aliases: [{ alias: "predict", model: "mod2", changed_ms: now - 3_600_000, history: ["mod1", "mod2"] }],
    jobs: [
      job("job3", "train", "running", "learn flows from flows.csv", { progress: { stage: "fit", done: 42, of: 100 } }),
      job("job7", "detect", "cancelled", "find what is unusual in office.pcap", { reason: "called off", finished_ms: now - 1_000 }),
      job("job2", "detect", "failed", "find what is unusual in broken.bin", { reason: "the format is not known" }),
      job("job1", "detect", "done", "find what is unusual in flows.csv", { result: { run: "run1" } }),
      job("job4", "explore", "done", "describe flows.csv", { result: {} }),
      job("job5", "compare", "done", "compare models on flows.csv", { result: { models: 4, best: "random_forest" }, request: { kind: "compare", dataset: "set1", models: [], protocol: { split: "stratified" } } }),
      job("job6", "tune", "done", "search for parameters of isolation_forest on flows.csv", { result: { trials: 2 }, request: { kind: "tune", dataset: "set1", metric: "balanced_accuracy", fit: { detector: "isolation_forest", params: {} } } }),
    ],
    feedback: { inc1: [{ id: "fb1", subject_kind: "incident", subject: "inc1", opinion: "real", note: "isolated at 15:10", created_ms: now - 60_000, created_by: "anna" }] },
    users: [{ id: "u1", name: "anna", role: "admin", disabled: false, created_ms: now - 9e8, last_login_ms: now }, { id: "u2", name: "ben", role: "viewer", disabled: false, created_ms: now - 8e8, last_login_ms: null }],
    tokens: [{ id: "t1", user: "u1", name: "collector", scope: "predictor", created_ms: now - 9e8, expires_ms: now + 9e9, used_ms: now }],
    sequence: 10,
  };
}

const page = (items, query) => {
  const limit = Number(query.get("limit") ?? 50);
  const from = Number(query.get("cursor") ?? 0);
  return { items: items.slice(from, from + limit), next: from + limit < items.length ? String(from + limit) : null };
};

export function serve({ port = 0, empty = false, role = "admin", missing = [] } = {}) {
  const all = state({ empty });
  const streams = new Set();
  const timers = new Set();
  const tell = (kind, data) => streams.forEach((stream) => stream.write(`event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`));
  const later = (work) => {
    const timer = setTimeout(() => (timers.delete(timer), work()), all.jobMs);
    timers.add(timer);
  };

  function begin(request) {
    const id = `job${++all.sequence}`;
    const job = { id, kind: request.kind, state: "queued", title: `${request.kind} ${request.dataset ?? ""}`, dataset: request.dataset ?? null, request, result: null, reason: null, attempts: 0, created_ms: Date.now(), started_ms: null, finished_ms: null, created_by: "anna", progress: null };
    all.jobs.unshift(job);
    later(() => {
      if (job.state !== "queued") return;
      Object.assign(job, { state: "running", started_ms: Date.now(), progress: { stage: "fit", done: 1, of: 2 } });
      tell("job", { id, state: "running", kind: job.kind });
      tell("progress", { id, progress: job.progress });
      later(() => job.state === "running" && finish(job));
    });
    return job;
  }

  function finish(job) {
    const base = state();
    const { request } = job;
    if (job.kind === "detect" || job.kind === "score") {
      const id = `run${++all.sequence}`;
      const from = all.datasets.find((one) => one.id === job.dataset);
      all.runs.unshift({ ...base.runs[0], id, dataset: job.dataset, dataset_name: from?.name ?? "", created_ms: Date.now() });
      job.result = { run: id };
      tell("run", { id });
    } else if (job.kind === "train") {
      const id = `mod${++all.sequence}`;
      all.models.unshift({ ...base.models[0], id, name: request.name, version: 1, aliases: [], created_ms: Date.now() });
      job.result = { model: id };
      tell("model", { id });
    } else if (job.kind === "generate") {
      const id = `set${++all.sequence}`;
      all.datasets.unshift({ ...base.datasets[0], id, name: `${request.shape} (seed ${request.seed ?? 42})`, origin: "generated", created_ms: Date.now() });
      job.result = { dataset: id };
      tell("dataset", { id });
    } else job.result = {};
    Object.assign(job, { state: "done", finished_ms: Date.now(), progress: null });
    tell("job", { id: job.id, state: "done", kind: job.kind });
  }

  function rows(query) {
    const columns = [...made.COLUMNS.map((one) => one.name), "anomaly_score", "verdict"];
    let found = made.TABLE.map(({ row, event }, i) => ({ number: i + 1, cells: [...row, new Date(made.START + i * 60_000).toISOString().slice(0, 19), "TCP", event, made.SCORES[i], made.SCORES[i] >= made.THRESHOLD ? "anomaly" : "normal"] }));
    const verdict = query.get("verdict");
    if (verdict) found = found.filter(({ cells }) => cells.at(-1) === verdict);
    const text = query.get("contains")?.toLowerCase();
    if (text) found = found.filter(({ cells }) => cells.some((cell) => String(cell).toLowerCase().includes(text)));
    const at = columns.indexOf(query.get("sort"));
    if (at >= 0) found.sort((a, b) => (a.cells[at] < b.cells[at] ? -1 : a.cells[at] > b.cells[at] ? 1 : 0) * (query.get("descending") === "true" ? -1 : 1));
    const from = Number(query.get("offset") ?? 0);
    const some = found.slice(from, from + Number(query.get("limit") ?? 100));
    return { columns, numbers: some.map((one) => one.number), rows: some.map((one) => one.cells), total: found.length };
  }

  const gone = (what) => ({ status: 404, body: { type: "about:blank", title: "There is no such thing", status: 404, detail: `there is no ${what}` } });
  const find = (list, id, what) => {
    const found = list.find((one) => one.id === id);
    return found ? { body: found } : gone(what);
  };

  function predicted(record) {
    const bad = Number(record?.retransmission_rate ?? 0) > 0.3;
    return { prediction: bad ? "ddos-spike" : "normal", class: bad ? "ddos-spike" : "normal", probabilities: { normal: bad ? 0.08 : 0.97, "ddos-spike": bad ? 0.92 : 0.03 }, result: bad ? "Anomaly" : "Normal", description: "", anomaly_score: bad ? 0.91 : 0.12, threshold: 0.5, why: bad ? "retransmission_rate is 0.6, 20 times the typical 0.03" : "nothing stands out", causes: bad ? [{ feature: "retransmission_rate", share: 0.9, seen: 0.6, expected: { kind: "number", median: 0.03, low: 0.01, high: 0.05 } }] : [], model: { id: "mod2" } };
  }

  function answer(method, path, query, body) {
    const [, one = "", two = "", three = ""] = /^([^/]*)\/?([^/]*)\/?(.*)$/.exec(path) ?? [];
    const kind = `${method} ${one}${two ? "/:" : ""}${three ? `/${three}` : ""}`;
    if (missing.some((part) => path.startsWith(part))) return gone("such route");
    switch (kind) {
      case "GET detectors": return { body: { detectors: made.DETECTORS, steps: [{ name: "scale", summary: "bring columns to one scale", parameters: { type: "object", properties: {} } }] } };
      case "GET shapes": return { body: made.SHAPES };
      case "GET samples": return { body: [{ name: "metric", about: "Two weeks of bytes in five minutes, with events planted in it." }, { name: "office-capture", about: "Half an hour of packets of an office." }] };
      case "POST samples/:": return { status: 202, body: begin({ kind: "generate", shape: two }) };
      case "GET usage": return { body: { bytes: 48_000_000, free_bytes: 9e11, datasets: all.datasets.length, runs: all.runs.length, findings: 3, incidents: 3, models: 2, active_jobs: 1 } };
      case "GET audit": return { body: page([{ seq: 2, at_ms: made.NOW, actor: "anna", address: "127.0.0.1", action: "POST /api/v1/jobs", subject: "job1", outcome: "done", detail: "202" }, { seq: 1, at_ms: made.NOW - 1e6, actor: null, address: "203.0.113.7", action: "POST /api/v1/session", subject: null, outcome: "refused", detail: "401" }], query) };
      case "GET config": return { body: { server: { listen: "127.0.0.1:7700", data: "eddy-data", hosts: [], force: false }, limits: { upload_bytes: 2147483648, workers: 2 }, retention: { run_days: 90, dataset_days: 90, job_days: 90, model_days: 365, audit_days: 365, most_bytes: 21474836480 }, detection: { features: [], contamination: null, n_estimators: null, random_state: 42 }, visualization: {}, compatibility: { enabled: true, alias: "predict" } } };
      case "GET openapi.json": return { body: { openapi: "3.1.0", info: { title: "Eddy", version: "0.1.0" }, paths: { "/api/v1/runs": { get: { tags: ["Runs"], summary: "Runs, newest first", "x-role": "viewer", parameters: [{ name: "cursor", in: "query", description: "What the page before named as `next`." }], responses: {} } }, "/predict": { post: { tags: ["Routes of older clients"], summary: "Ask the model of the alias", "x-role": "predictor", parameters: [], responses: {} } } } } };
      case "GET users": return { body: all.users };
      case "POST users": all.users.push({ id: `u${++all.sequence}`, disabled: false, created_ms: Date.now(), last_login_ms: null, name: body.name, role: body.role }); return { status: 201, body: all.users.at(-1) };
      case "PATCH users/:": Object.assign(all.users.find((user) => user.id === two), body); return find(all.users, two, "user");
      case "DELETE users/:": all.users = all.users.filter((user) => user.id !== two); return { status: 204 };
      case "GET tokens": return { body: all.tokens };
      case "POST tokens": { const token = { id: `t${++all.sequence}`, user: "u1", name: body.name, scope: body.scope, created_ms: Date.now(), expires_ms: Date.now() + body.days * 864e5, used_ms: null }; all.tokens.push(token); return { status: 201, body: { secret: "eddy_0123456789abcdef", token } }; }
      case "DELETE tokens/:": all.tokens = all.tokens.filter((token) => token.id !== two); return { status: 204 };
      case "PUT session/:": return { status: 204 };
      case "GET datasets": return { body: page(all.datasets, query) };
      case "GET datasets/:": return find(all.datasets, two, "data set");
      case "PATCH datasets/:": Object.assign(all.datasets.find((set) => set.id === two), body); return find(all.datasets, two, "data set");
      case "DELETE datasets/:": all.datasets = all.datasets.filter((set) => set.id !== two); return { status: 204 };
      case "GET jobs": return { body: page(all.jobs.filter((job) => (!query.get("dataset") || job.dataset === query.get("dataset")) && (!query.get("state") || job.state === query.get("state"))), query) };
      case "POST jobs": return { status: 202, body: begin(body) };
      case "GET jobs/:": return find(all.jobs, two, "job");
      case "POST jobs/:/cancel": { const job = all.jobs.find((other) => other.id === two); Object.assign(job, { state: "cancelled", finished_ms: Date.now(), reason: "called off" }); tell("job", { id: two, state: "cancelled" }); return { body: job }; }
      case "POST jobs/:/resume": { const job = all.jobs.find((other) => other.id === two); Object.assign(job, { state: "queued", finished_ms: null, reason: null }); return { status: 202, body: job }; }
      case "DELETE jobs/:": all.jobs = all.jobs.filter((job) => job.id !== two); return { status: 204 };
      case "GET jobs/:/result": { const job = all.jobs.find((other) => other.id === two); if (!job) return gone("job"); return { body: job.kind === "compare" ? made.comparison() : job.kind === "tune" ? { split: "30 % held out", resumed: 0, trials: [{ values: { n_estimators: 100 }, metric: 0.97, failed: null, fit_seconds: 0.2 }, { values: { n_estimators: 10 }, metric: 0.95, failed: null, fit_seconds: 0.1 }] } : made.exploration() }; }
      case "GET runs": return { body: page(all.runs.filter((run) => !query.get("dataset") || run.dataset === query.get("dataset")), query) };
      case "GET runs/:": return find(all.runs, two, "run");
      case "DELETE runs/:": all.runs = all.runs.filter((run) => run.id !== two); return { status: 204 };
      case "GET runs/:/report": return { body: two === "run3" ? made.ALARM_REPORT : two === "run4" ? made.LARGE_REPORT : made.REPORT };
      case "GET runs/:/rows": return { body: rows(query) };
      case "GET runs/:/scores": return { bytes: Buffer.from(Float32Array.from(two === "run3" ? made.ALARM_SCORES : made.SCORES).buffer) };
      case "GET runs/:/findings": return { body: page(all.findings.filter((one) => one.run === two || two !== "run2"), query) };
      case "GET runs/:/incidents": return { body: page(all.incidents.filter((one) => one.run === two), query) };
      case "GET findings": return { body: page(all.findings, query) };
      case "GET findings/:": return find(all.findings, two, "finding");
      case "GET incidents": return { body: page(all.incidents, query) };
      case "GET incidents/:": { const found = all.incidents.find((other) => other.id === two); return found ? { body: { ...found, feedback: all.feedback[two] ?? [] } } : gone("incident"); }
      case "POST incidents/:/feedback":
      case "POST findings/:/feedback": { const said = { id: `fb${++all.sequence}`, opinion: body.opinion, note: body.note, created_ms: Date.now(), created_by: "anna" }; (all.feedback[two] ??= []).push(said); for (const one of all.incidents) if (one.id === two) one.opinion = said.opinion; return { status: 201, body: said }; }
      case "GET models": return { body: page(all.models, query) };
      case "GET models/:": return find(all.models, two, "model");
      case "DELETE models/:": all.models = all.models.filter((model) => model.id !== two); return { status: 204 };
      case "POST models/:/predict": return { body: all.note ? { ...predicted(body), note: all.note } : body.values ? { predictions: body.values.map(() => predicted({})), records: body.values.length } : predicted(body) };
      case "GET aliases": return { body: all.aliases };
      case "PUT aliases/:": { all.models.forEach((model) => (model.aliases = model.aliases.filter((alias) => alias !== two))); all.models.find((model) => model.id === body.model)?.aliases.push(two); const alias = { alias: two, model: body.model, changed_ms: Date.now(), history: [body.model] }; all.aliases = [...all.aliases.filter((other) => other.alias !== two), alias]; tell("alias", alias); return { body: alias }; }
      case "POST aliases/:/rollback": { const alias = all.aliases.find((other) => other.alias === two); alias.model = alias.history[0]; return { body: alias }; }
      case "DELETE aliases/:": all.aliases = all.aliases.filter((alias) => alias.alias !== two); return { status: 204 };
      default: return gone("such route");
    }
  }

  function take(response, method, path, query, raw, request) {
    const logged = request.headers.cookie?.includes(SESSION);
    const json = () => (raw.length > 0 ? JSON.parse(raw.toString()) : {});
    const info = { name: "anna", role, csrf: CSRF, expires_ms: Date.now() + 4e7 };
    const problem = (status, title, detail) => send(response, status, { type: "about:blank", title, status, detail }, {}, "application/problem+json");
    if (path === "") return send(response, 200, { name: "Eddy", version: "0.1.0", needs_setup: empty, docs: "", openapi: "" });
    if (path === "session" && method === "POST") {
      if (json().password !== "correct horse") return problem(401, "Log in first", "name or password is wrong");
      return send(response, 201, info, { "set-cookie": `${SESSION}; Path=/; HttpOnly; SameSite=Strict` });
    }
    if (path === "setup") {
      if (json().secret !== "first") return problem(403, "This is not allowed", "the link is not known, too old, or spent");
      return send(response, 201, info, { "set-cookie": `${SESSION}; Path=/; HttpOnly; SameSite=Strict` });
    }
    if (!logged) return problem(401, "Log in first", "send a session or a token");
    if (method !== "GET" && request.headers["x-eddy-csrf"] !== CSRF) return problem(403, "This is not allowed", "send the header x-eddy-csrf");
    if (path === "session") return method === "DELETE" ? send(response, 204, null, { "set-cookie": `${SESSION}; Max-Age=0; Path=/` }) : send(response, 200, info);
    if (path === "events") {
      response.writeHead(200, { ...headers(), "content-type": "text/event-stream" });
      response.write("event: hello\ndata: {}\n\n");
      streams.add(response);
      return void response.on("close", () => streams.delete(response));
    }
    if (path === "datasets" && method === "POST") {
      const id = `set${++all.sequence}`;
      const bad = raw.includes("not a table");
      const dataset = { ...state().datasets[0], id, name: query.get("name"), bytes: raw.length, state: "checking", about: null, created_ms: Date.now() };
      all.datasets.unshift(dataset);
      later(() => (Object.assign(dataset, bad ? { state: "failed", reason: "the format is not known" } : { state: "ready", about: state().datasets[0].about }), tell("dataset", { id })));
      return send(response, 201, dataset);
    }
    if (path === "models" && method === "POST") {
      all.models.unshift({ ...state().models[0], id: `mod${++all.sequence}`, name: query.get("name") ?? "imported", version: 1, aliases: [] });
      return send(response, 201, all.models[0]);
    }
    const said = answer(method, path, query, method === "GET" ? null : json());
    if (said.bytes) {
      response.writeHead(200, { ...headers(), "content-type": "application/octet-stream" });
      return void response.end(said.bytes);
    }
    send(response, said.status ?? 200, said.body ?? null, {}, said.status >= 400 ? "application/problem+json" : "application/json");
  }

  const headers = () => ({ "content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin", "cache-control": "no-store" });
  const send = (response, status, body, more = {}, type = "application/json") => {
    response.writeHead(status, { ...headers(), "content-type": type, ...more });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://mock");
    if (url.pathname.startsWith("/api/v1")) {
      const pieces = [];
      request.on("data", (piece) => pieces.push(piece));
      request.on("end", () => {
        try {
          take(response, request.method, decodeURIComponent(url.pathname.slice("/api/v1".length).replace(/^\//, "")), url.searchParams, Buffer.concat(pieces), request);
        } catch (error) {
          send(response, 500, { title: "The mock failed", status: 500, detail: String(error?.stack) }, {}, "application/problem+json");
        }
      });
      return;
    }
    const file = join(DIST, normalize(url.pathname === "/" ? "/index.html" : url.pathname));
    if (!file.startsWith(DIST) || !existsSync(file)) return send(response, 404, { title: "nothing here", status: 404 });
    response.writeHead(200, { ...headers(), "content-type": MEDIA[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  return new Promise((fulfil) =>
    server.listen(port, "127.0.0.1", () =>
      fulfil({
        url: `http://127.0.0.1:${server.address().port}`,
        all,
        tell,
        close: () => {
          timers.forEach(clearTimeout);
          server.closeAllConnections();
          return new Promise((done) => server.close(done));
        },
      }),
    ),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { url } = await serve({ port: Number(process.argv[2] ?? 7712), empty: process.argv.includes("empty") });
  console.log(`${url} (anna, correct horse)`);
}
