// Texts from packets and files stay texts: they go through the real server, and every page that shows what it made of
// them is opened in a browser.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { WIDE, launch, settled } from "./browser.mjs";
import { PAYLOADS, broken, files, payload } from "./hostile.mjs";
import { admin, missing, overhear, started } from "./real.mjs";

const NAME = payload("person", 1).slice(0, 60);
const PASSWORD = "correct horse battery";
const PLOTS = ["scatter", "distribution", "timeseries", "scores", "overview"];
/** Parts of an analysis: those with texts of its rows, and all of them. */
const SOME = ["findings", "table"];
const ALL = [...SOME, "record", "spread", "data", "about"];
/** Where each payload came from; what names them has to be seen on some page. */
const PLACES = [
  "file", "column", "category", "service", "class", "category-column", "service-column", "wide", "cell", "entity", "metric", "series", "key", "zeek-host", "uri", "zeek-agent",
  "rrname", "eve-sni", "eve-host", "eve-url", "eve-agent", "signature", "dns", "sni", "host", "path", "agent", "person", "model", "note", "token",
];

const folder = mkdtempSync(join(tmpdir(), "eddy-hostile-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Has everything done with the files that the server can do, and tells which pages show it. */
async function filled(api) {
  const [pages, plain] = [[], []];
  for (const file of files(folder)) {
    const dataset = await api.upload(file.name, file.bytes);
    assert.equal(dataset.state, "ready", `${file.name}: ${dataset.reason}`);
    pages.push(`#/data/${dataset.id}`);
    const [explored, detected] = await Promise.all(["explore", "detect"].map((kind) => api.job({ kind, dataset: dataset.id })));
    assert.equal(explored.state, "done", `${file.name}: ${explored.reason}`);
    assert.equal(detected.state, "done", `${file.name}: ${detected.reason}`);
    const { run } = detected.result;
    pages.push(...(file.whole ? ALL : SOME).map((tab) => `#/runs/${run}?tab=${tab}&row=1&finding=1`));
    plain.push(`runs/${run}/report.html`);
    if (file.whole) plain.push(`jobs/${explored.id}/report.html`);
    // Where there are too few numbers for a picture there is none.
    for (const plot of file.whole ? PLOTS : []) if (await api.has(`runs/${run}/plots/${plot}.svg`)) plain.push(`runs/${run}/plots/${plot}.svg`);
    for (const incident of (await api.get(`runs/${run}/incidents`)).items.slice(0, 2)) {
      await api.post(`incidents/${incident.id}/feedback`, { opinion: "real", note: payload("note", pages.length) });
      pages.push(`#/incidents/${incident.id}`);
    }
    if (!file.labels) continue;
    const compared = await api.job({ kind: "compare", dataset: dataset.id, models: ["random_forest", "decision_tree"], protocol: { holdout: [payload("class", 1)] } });
    assert.equal(compared.state, "done", compared.reason);
    const tuned = await api.job({ kind: "tune", dataset: dataset.id, fit: { detector: "isolation_forest" }, space: ["isolation_forest.n_estimators=10,20"] });
    assert.equal(tuned.state, "done", tuned.reason);
    const trained = await api.job({ kind: "train", dataset: dataset.id, name: payload("model", 2), fit: { detector: "random_forest" } });
    assert.equal(trained.state, "done", trained.reason);
    await api.put("aliases/predict", { model: trained.result.model });
    plain.push(`jobs/${compared.id}/report.html`);
    pages.push(`#/comparisons/${compared.id}`, `#/comparisons/${tuned.id}`, `#/models/${trained.result.model}`, `#/train?dataset=${dataset.id}`, `#/train?dataset=${dataset.id}&way=tune`, `#/train?dataset=${dataset.id}&way=train`);
  }
  const failed = await api.upload(broken.name, broken.bytes);
  assert.equal(failed.state, "failed");
  await api.post("tokens", { name: payload("token", 3), scope: "viewer", days: 1 });
  pages.push(`#/data/${failed.id}`, "#/", "#/data", "#/data?way=manual", "#/data?way=samples", "#/data?way=generate", "#/runs", "#/train", "#/models", "#/settings", "#/settings?part=audit", "#/api");
  return { pages, plain };
}

/** What of the page came from the data as more than text; and its texts. */
const looked = () => {
  const made = [...document.querySelectorAll("main :is(script, iframe, object, embed, base, link, meta, style, video, marquee, img, math, form[action], [onclick], [onerror], [onload])")].map((one) => one.outerHTML.slice(0, 100));
  const links = [...document.querySelectorAll("a[href]")].map((a) => a.protocol).filter((one) => !/^(http|https|blob|data):$/.test(one));
  return { made, links, hit: window.__hit, text: document.body?.textContent ?? document.documentElement.textContent };
};

/** Presses what opens something and goes over the charts with the pointer; texts of the tips that come. */
const touched = async () => {
  const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  for (const button of document.querySelectorAll("main button[aria-expanded=false], main summary")) button.click();
  await drawn();
  const tips = [];
  for (const chart of [...document.querySelectorAll("main :is(.u-over, svg, canvas)")].slice(0, 12)) {
    const { left, top, width, height } = chart.getBoundingClientRect();
    if (width < 60) continue;
    for (const share of [0.3, 0.6]) {
      const place = { clientX: left + width * share, clientY: top + height / 2, bubbles: true };
      const target = document.elementFromPoint(place.clientX, place.clientY) ?? chart;
      for (const kind of ["pointerenter", "mouseenter", "pointermove", "mousemove"]) (chart.contains(target) ? target : chart).dispatchEvent(kind.startsWith("pointer") ? new PointerEvent(kind, place) : new MouseEvent(kind, place));
      await drawn();
      tips.push(...[...document.querySelectorAll(".tip")].map((tip) => tip.textContent));
    }
  }
  return tips;
};

async function check(page, where, heard, texts) {
  const { made, links, hit, text } = await page.evaluate(looked);
  assert.deepEqual([made, links, hit], [[], [], undefined], `${where}: more than text came from data`);
  assert.deepEqual(heard, [], `${where} was not quiet`);
  texts.push(text);
}

test("40 texts that want to run do not, wherever files and packets bring them", { skip: missing }, async (t) => {
  assert.equal(PAYLOADS.length, 40);
  const server = await started(folder);
  const browser = await launch();
  try {
    const api = await admin(server, NAME, PASSWORD);
    const { pages, plain } = await filled(api);
    const context = await browser.newContext({ viewport: WIDE, reducedMotion: "reduce", timezoneId: "UTC" });
    await context.addCookies([{ name: api.cookie.split("=")[0], value: api.cookie.split("=")[1], url: server.url }]);
    // Reports are shown without a store of their own.
    await context.addInitScript(() => window.origin !== "null" && localStorage.setItem("eddy-logged-in", "1"));
    const page = await context.newPage();
    const heard = await overhear(page, server.url);
    const texts = [];
    let nTips = 0;
    for (const hash of pages) {
      await page.goto(`${server.url}/${hash}`);
      await page.waitForSelector("h1");
      await settled(page);
      const tips = await page.evaluate(touched);
      nTips += tips.length;
      texts.push(...tips);
      await check(page, hash, heard, texts);
      const shown = texts.at(-1);
      assert.ok(!/[\u202a-\u202e\u2066-\u2069\u0007\u001b]/.test(shown), `${hash}: unseen characters are shown as they are`);
    }
    for (const path of plain) {
      await page.goto(`${server.url}/api/v1/${path}`);
      await check(page, path, heard, texts);
    }
    const all = texts.join("\n");
    assert.deepEqual(PLACES.filter((place) => !all.includes(`~${place}`)), [], "these never reached a page");
    const unseen = (text) => text.replace(/[\u0007\u001b\u2028\u2029\u202e]/g, (letter) => `\\u{${letter.charCodeAt(0).toString(16)}}`);
    assert.deepEqual(PAYLOADS.map((one) => one.trimStart()).filter((one) => !all.includes(one) && !all.includes(unseen(one))), [], "these payloads never reached a page");
    assert.ok(nTips > 20, `${nTips} tips of charts`);
    t.diagnostic(`${pages.length} pages of the dashboard, ${plain.length} reports and pictures, ${nTips} tips of charts`);
  } finally {
    await browser.close();
    server.child.kill();
  }
});
