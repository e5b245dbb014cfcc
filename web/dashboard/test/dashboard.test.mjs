// The dashboard in a real browser, against a server that answers with made data.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { PHONE, WIDE, faults, launch, open, overflow, settled } from "./browser.mjs";
import { FINDINGS, N_ROWS, SCORES } from "./made.mjs";
import { serve } from "./mock.mjs";
import { BEGINNINGS, PAGES } from "./pages.mjs";

const DIST = fileURLToPath(new URL("../dist", import.meta.url));
const MOST_FIRST_LOAD = 150_000;
let browser;
let server;
before(async () => {
  assert.ok(existsSync(join(DIST, "index.html")), "run npm run build first");
  browser = await launch();
  server = await serve();
});
after(async () => {
  await server?.close();
  await browser?.close();
});

/** Looks with a server of its own. */
async function withServer(options, look) {
  const own = await serve(options);
  try {
    await look(own);
  } finally {
    await own.close();
  }
}

for (const [size, viewport] of [["1440", WIDE], ["390", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`every page is quiet, fits and has no fault of access at ${size} px, ${colorScheme}`, async () => {
      for (const [name, hash] of PAGES) {
        await open(browser, server, { hash, viewport, colorScheme }, async (page) => {
          assert.equal(await overflow(page), null, `${name} is too wide`);
          assert.deepEqual(await faults(page), [], `${name} at ${size}, ${colorScheme}`);
        });
      }
    });
  }
}

for (const [size, viewport] of [["1440", WIDE], ["390", PHONE]]) {
  test(`the first pages are quiet, fit and have no fault of access at ${size} px`, () =>
    withServer({ empty: true }, async (fresh) => {
      for (const [name, hash, { logged, empty = false }] of BEGINNINGS) {
        await open(browser, empty ? fresh : server, { hash, viewport, logged }, async (page) => {
          assert.equal(await overflow(page), null, `${name} is too wide`);
          assert.deepEqual(await faults(page), [], `${name} at ${size}`);
        });
      }
    }));
}

test("the first load stays small", async () => {
  const entry = readFileSync(join(DIST, "index.html"), "utf8");
  const named = [...entry.matchAll(/(?:src|href)="\.\/(assets\/[^"]+)"/g)].map((one) => one[1]);
  assert.ok(named.length >= 2);
  const bytes = ["index.html", ...named].reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length, 0);
  assert.ok(bytes < MOST_FIRST_LOAD, `${bytes} bytes`);
  const all = readdirSync(join(DIST, "assets")).reduce((sum, file) => sum + gzipSync(readFileSync(join(DIST, "assets", file))).length, 0);
  console.log(`first load ${bytes} bytes, everything ${all} bytes, both compressed`);
});

test("nothing of the page names another place", () => {
  for (const file of readdirSync(join(DIST, "assets"))) {
    const text = readFileSync(join(DIST, "assets", file), "utf8").replace(/^\/\*![\s\S]*?\*\//, "").replace(/\/\*![\s\S]*?\*\//g, "");
    const named = [...text.matchAll(/https?:\/\/[\w.-]+/g)].map((one) => one[0]).filter((one) => !/^http:\/\/www\.w3\.org$|^https:\/\/svelte\.dev$/.test(one));
    assert.deepEqual(named, [], file);
  }
});

test("the most urgent incident leads to its evidence, advice and rule", () =>
  open(browser, server, {}, async (page) => {
    assert.match(await page.innerText("h1"), /1 incident needs a look now/);
    await page.getByRole("link", { name: /10\.20\.0\.14 asked 212 hosts/ }).click();
    await page.waitForSelector("#evidence");
    const text = await page.innerText("main");
    for (const part of ["hosts asked", "up to 3", "71 times", "T1046", "nft add rule inet eddy", "4 others", "203.0.113"].slice(0, 6)) assert.ok(text.includes(part), part);
    await page.getByRole("button", { name: "Suricata" }).click();
    assert.match(await page.innerText("pre >> nth=0"), /^drop tcp/);
  }));

test("incidents name their data, and what is harmless needs no look and sinks", () =>
  withServer({}, async (own) => {
    own.all.incidents[1].dataset_name = "from the server.pcap";
    await open(browser, own, {}, async (page) => {
      const lines = () => page.locator("section[aria-labelledby=incidents] li").allInnerTexts();
      const [first, second] = await lines();
      // By the name that comes with the incident, or else that of its run.
      assert.match(first, /in office\.pcap/);
      assert.match(second, /in from the server\.pcap/);
      await page.goto(`${own.url}/#/incidents/inc1`);
      await page.getByRole("button", { name: "It is harmless" }).click();
      await page.getByText("harmless", { exact: true }).waitFor();
      // The list says it: no incident is asked for by itself.
      const asked = [];
      page.on("request", (request) => /incidents\//.test(request.url()) && asked.push(request.url()));
      await page.goto(`${own.url}/#/`);
      await page.getByText("3 incidents, none urgent").waitFor();
      assert.match((await lines()).at(-1), /^harmless[^]*10\.20\.0\.14 asked/);
      assert.deepEqual(asked, []);
    });
  }));

test("an incident of a series shows its metric around the event, and one of hosts shows none", () =>
  withServer({}, async (own) => {
    own.all.incidents.find((one) => one.id === "inc3").body.evidence = [{ what: "bytes_transferred", unit: "bytes", seen: 2e6, usual: 5e5 }];
    await open(browser, own, { hash: "#/incidents/inc3" }, async (page) => {
      await page.getByRole("heading", { name: "The metric around it" }).waitFor();
      const chart = page.getByRole("application", { name: /bytes_transferred/ });
      const around = await chart.getAttribute("aria-label");
      assert.match(await page.innerText("section[aria-labelledby=metric]"), /shaded: what was expected/);
      await page.getByRole("button", { name: "Whole range" }).click();
      assert.notEqual(await chart.getAttribute("aria-label"), around);
      await page.getByRole("button", { name: "Around the event" }).click();
      assert.equal(await chart.getAttribute("aria-label"), around);
    });
    await open(browser, own, { hash: "#/incidents/inc1" }, async (page) => assert.equal(await page.locator("#metric").count(), 0));
  }));

test("a job that was called off is no fault, and says so once", () =>
  open(browser, server, {}, async (page) => {
    const line = page.locator("li", { hasText: "Find what is unusual in office.pcap" });
    assert.equal((await line.innerText()).match(/called off/g).length, 1);
    assert.equal(await page.locator("section[aria-labelledby=over] li", { hasText: "in office.pcap" }).count(), 1);
  }));

test("a short incident is told to the millisecond, and what is counted is whole", () =>
  withServer({}, async (own) => {
    const { body } = own.all.incidents[0];
    own.all.incidents[0].last_ns = own.all.incidents[0].first_ns + 1.25e9;
    body.evidence[0] = { what: "hosts tried", unit: "hosts", seen: 212, usual: 3.75 };
    await open(browser, own, { hash: "#/incidents/inc1" }, async (page) => {
      const text = await page.innerText("main");
      assert.match(text, /14:00:01\.250 UTC/);
      assert.match(text, /14:00:08\.000/);
      assert.match(text, /up to 3\s/);
    });
  }));

test("what somebody thinks of an incident is sent and shown", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/incidents/inc2" }, async (page) => {
      await page.getByLabel("Why (optional)").fill("our own monitoring");
      await page.getByRole("button", { name: "It is harmless" }).click();
      await page.getByText("our own monitoring").waitFor();
      assert.equal(own.all.feedback.inc2[0].opinion, "benign");
    }),
  ));

test("the threshold flags anew at once and is part of the address", () =>
  open(browser, server, { hash: "#/runs/run1" }, async (page) => {
    const before = await page.innerText("h1 .lead");
    await page.locator("#threshold").fill("0.8");
    await page.waitForFunction((old) => document.querySelector("h1 .lead").textContent !== old, before);
    assert.match(page.url(), /threshold=0\.8/);
    const moved = Number(await page.innerText("h1 .lead"));
    assert.ok(moved > 0 && moved < Number(before), `${moved} of ${before}`);
    await page.reload();
    await page.waitForSelector("#threshold");
    await page.waitForFunction((n) => Number(document.querySelector("h1 .lead").textContent) === n, moved);
    await page.getByRole("button", { name: "As run" }).click();
    assert.equal(await page.innerText("h1 .lead"), before);
  }));

test("where the detector's own alarms decide, the slider leaves out the weakest of them and never adds rows", () =>
  open(browser, server, { hash: "#/runs/run3" }, async (page) => {
    const flagged = async (threshold) => {
      await page.locator("#threshold").fill(String(threshold));
      await page.waitForTimeout(50);
      return Number(await page.innerText("h1 .lead"));
    };
    assert.equal(await page.innerText("h1 .lead"), "6");
    // Just beside the start: over a hundred rows score higher than it, but no alarm does.
    assert.deepEqual([await flagged(0.3), await flagged(0.529), await flagged(0.531), await flagged(0.71), await flagged(0.95)], [6, 6, 6, 4, 0]);
    await page.getByText("The detector's own alarms decide here").waitFor();
    await flagged(0.71);
    await page.getByText("1 of 2 alarms").waitFor();
    await page.getByRole("tab", { name: "Findings" }).click();
    await page.getByText("1 finding", { exact: true }).waitFor();
  }));

test("what is not all there yet is estimated from all scores, and a scatter takes rows evenly", () =>
  withServer({ missing: ["runs/run4/scores"] }, (own) =>
    open(browser, own, { hash: "#/runs/run4" }, async (page) => {
      const offsets = [];
      page.on("request", (request) => request.url().includes("/rows") && offsets.push(Number(new URL(request.url()).searchParams.get("offset"))));
      // Nearly all rows are of the third bin of scores, which the drawn rows know little of.
      const mean = Number(/about (0\.\d+)/.exec(await page.innerText("dl.figures"))[1]);
      assert.ok(mean < 0.08, `${mean}`);
      // Above the threshold of the run every flagged row is drawn.
      await page.locator("#threshold").fill("0.8");
      const above = SCORES.filter((score) => score >= 0.8).length;
      await page.waitForFunction((n) => Number(document.querySelector("h1 .lead").textContent) === n, above);
      assert.ok(!(await page.innerText(".tally")).includes("(about)"));
      await page.reload();
      await page.getByText("taken evenly over all 400,000, and every flagged row").waitFor();
      assert.deepEqual([new Set(offsets).size, Math.min(...offsets), Math.max(...offsets)], [24, 0, 399_900]);
    }),
  ));

test("a scatter of drawn rows alone says so", () =>
  withServer({ missing: ["runs/run4/rows"] }, (own) => open(browser, own, { hash: "#/runs/run4" }, (page) => page.getByText("Clumps may come from that choice").waitFor())));

test("while a model is trained on all rows its progress is shown, and nothing is begun twice", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/comparisons/job5" }, async (page) => {
      const button = page.getByRole("button", { name: "Train random forest on all rows" });
      own.all.jobMs = 60_000;
      await button.click();
      await page.locator(".training").getByRole("button", { name: "Cancel" }).click();
      await page.locator(".training").getByText("called off").first().waitFor();
      await page.waitForFunction(() => !document.querySelector(".pagehead button.main").disabled);
      assert.match(page.url(), /comparisons/);
      own.all.jobMs = 2_000;
      await button.click();
      assert.equal(await button.isDisabled(), true);
      await page.waitForURL(/#\/models\//);
    }),
  ));

test("charts say what their colours mean, and figures that nothing was measured for are left open", async () => {
  await open(browser, server, { hash: "#/comparisons/job5" }, async (page) => {
    await page.getByText("taken for another").waitFor();
    assert.deepEqual(await page.locator("tr", { hasText: "never-measured" }).locator("td").allInnerTexts(), ["0", "-", "-", "-"]);
    assert.deepEqual(await page.locator(".heat title").allTextContents().then((all) => all.includes("never-measured")), true);
  });
  await open(browser, server, { hash: "#/runs/run1?tab=data" }, async (page) => {
    await page.getByText("noise, in no cluster: 90 rows").waitFor();
    await page.getByText("cluster 1: 700 rows").waitFor();
    assert.ok((await page.locator(".outside").count()) >= 20, "values beyond the whiskers are marked");
  });
});

test("the head of the table stays over its last rows", () =>
  open(browser, server, { hash: "#/runs/run1?tab=table" }, async (page) => {
    await page.getByLabel("Go to").fill(String(N_ROWS));
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: `Why row ${N_ROWS}` }).waitFor();
    const [head, box] = await Promise.all([page.locator(".box thead th").first().boundingBox(), page.locator(".box").boundingBox()]);
    assert.ok(Math.abs(head.y - box.y) < 3, `${head.y} of ${box.y}`);
    assert.equal(await page.locator(".box th", { hasText: "anomaly_score" }).evaluate((th) => getComputedStyle(th).textAlign), "right");
  }));

test("what a search was measured by is named", () =>
  open(browser, server, { hash: "#/comparisons/job6" }, (page) => page.getByRole("columnheader", { name: "Balanced accuracy" }).waitFor()));

test("the record can be zoomed with keys", () =>
  open(browser, server, { hash: "#/runs/run1" }, async (page) => {
    await page.getByRole("application").first().focus();
    await page.keyboard.press("+");
    await page.getByRole("button", { name: "Whole range" }).first().waitFor();
    await page.keyboard.press("0");
    assert.equal(await page.getByRole("button", { name: "Whole range" }).count(), 0);
  }));

test("the value axis follows what is in sight, and decades can be drawn as such", () =>
  open(browser, server, { hash: "#/runs/run3" }, async (page) => {
    const strip = page.getByRole("application").nth(1);
    const top = async () => Number(/ to ([\d,]+)\. Keys/.exec(await strip.getAttribute("aria-label"))[1].replaceAll(",", ""));
    const whole = await top();
    await strip.focus();
    // The end of the record knows only ordinary values.
    for (const key of ["+", "+", "+", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
    assert.ok((await top()) < whole / 3, `${await top()} of ${whole}`);
    const before = await strip.screenshot();
    await page.getByRole("button", { name: "Log scale of value" }).click();
    await page.locator('button[aria-pressed="true"]', { hasText: "Log scale" }).waitFor();
    await settled(page);
    assert.notDeepEqual(await strip.screenshot(), before);
  }));

test("the table asks for what is in sight, sorts and filters", () =>
  open(browser, server, { hash: "#/runs/run1?tab=table" }, async (page) => {
    const asked = [];
    page.on("request", (request) => request.url().includes("/rows") && asked.push(new URL(request.url()).searchParams));
    await page.getByText(`${N_ROWS.toLocaleString("en")} rows`, { exact: true }).waitFor();
    const rendered = await page.locator(".box tbody tr").count();
    assert.ok(rendered < 60, `${rendered} rows are drawn`);
    await page.getByLabel("Go to").fill("1200");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Why row 1200" }).waitFor();
    await page.getByRole("button", { name: "anomaly_score" }).click();
    await page.waitForFunction(() => document.querySelector('th[aria-sort="descending"]'));
    await page.locator("select[aria-label=Verdict]").selectOption("anomaly");
    await page.getByText("91 rows", { exact: true }).waitFor();
    assert.ok(asked.some((one) => one.get("sort") === "anomaly_score" && one.get("descending") === "true"));
    assert.ok(asked.some((one) => one.get("verdict") === "anomaly"));
    await page.locator(".box tbody button").first().click();
    await page.getByRole("heading", { name: /Why row/ }).waitFor();
  }));

test("a file that is dropped is sent and analysed, and its run is shown", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/settings" }, async (page) => {
      const transfer = await page.evaluateHandle(() => {
        const data = new DataTransfer();
        data.items.add(new File(["timestamp,value\n2024-01-15,1\n2024-01-16,2\n"], "dropped.csv"));
        return data;
      });
      await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
      await page.getByText("Drop it to see what is unusual in it").waitFor();
      await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
      await page.waitForURL(/#\/runs\//);
      await page.getByText("in dropped.csv").waitFor();
    }),
  ));

test("a file that cannot be read says so and stays out of the way", () =>
  withServer({}, (own) =>
    open(browser, own, {}, async (page) => {
      await page.locator("input[type=file]").first().setInputFiles({ name: "x.bin", mimeType: "application/octet-stream", buffer: Buffer.from("not a table") });
      await page.getByRole("alert").getByText("the format is not known").waitFor();
    }),
  ));

test("pasted rows become a data set", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/data" }, async (page) => {
      await page.getByLabel("Look for what is unusual at once").uncheck();
      await page.getByLabel("Or paste rows, with their header").fill("timestamp,value\n2024-01-15,1\n2024-01-16,2");
      await page.getByRole("button", { name: "Send 3 lines" }).click();
      await page.waitForURL(/#\/data\/set/);
      assert.match(await page.innerText("h1"), /pasted\.csv/);
    }),
  ));

test("traffic is generated with what was chosen", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/data?way=generate" }, async (page) => {
      await page.getByLabel("How long, in hours").fill("48");
      await page.getByLabel("Seed").fill("7");
      await page.getByLabel("What I choose").check();
      await page.getByRole("checkbox", { name: "port scan" }).check();
      await page.getByLabel("From hour").fill("5");
      await page.getByRole("button", { name: "Generate" }).click();
      await page.waitForURL(/#\/data\/set/);
      const { request } = own.all.jobs.find((job) => job.kind === "generate");
      assert.deepEqual({ ...request, scenarios: request.scenarios }, { kind: "generate", shape: "flow-features", start: "2024-01-15T00:00:00Z", duration_hours: 48, seed: 7, unlabelled: false, scenarios: [{ name: "port-scan", at_hours: 5, strength: 1 }] });
    }),
  ));

test("values typed into the form of a model get a verdict as they are typed", () =>
  open(browser, server, { hash: "#/data?way=manual" }, async (page) => {
    await page.getByText("Ordinary", { exact: false }).first().waitFor();
    await page.getByLabel("retransmission_rate", { exact: true }).fill("0.6");
    await page.getByText("◆ Anomaly: ddos-spike").waitFor();
    assert.match(await page.innerText(".verdict"), /20 times the typical/);
  }));

test("a short series is analysed, and a wrong one says what is wrong", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/data?way=manual" }, async (page) => {
      const field = page.getByLabel("5 to 100 values, with commas between them");
      await field.fill("1, 2, x");
      await page.getByText("Only numbers, with commas between them.").waitFor();
      await field.fill("1, 2, 3");
      await page.getByText("5 to 100 values are needed; these are 3.").waitFor();
      await page.getByRole("button", { name: "Fill in an example" }).click();
      await page.getByText("The detector “rolling z” judges each").waitFor();
      await page.getByRole("button", { name: "Analyse" }).click();
      await page.waitForURL(/#\/runs\//);
      assert.deepEqual(own.all.jobs.find((job) => job.kind === "detect" && job.attempts === 0).request.fit, { detector: "rolling_z" });
    }),
  ));

test("a lone value before a model of series is explained in words of the page", () =>
  withServer({}, async (own) => {
    own.all.note = "this model judges a value by the ones before it and was shown none: send them as `values`, oldest first, or promote a model of single records";
    await open(browser, own, { hash: "#/data?way=manual" }, async (page) => {
      await page.getByText("one alone has none").waitFor();
      assert.ok(!(await page.innerText(".verdict")).includes("`"));
    });
  }));

test("a detector of rows can be trained to judge single values of a metric", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/train?way=train&dataset=set4" }, async (page) => {
      await page.getByLabel("Model").selectOption("random_forest");
      assert.equal(await page.getByLabel("Judge single values").count(), 0);
      await page.getByLabel("Model").selectOption("isolation_forest");
      await page.getByLabel("Judge single values").check();
      await page.getByRole("button", { name: "Train", exact: true }).click();
      await page.waitForURL(/#\/models\//);
      assert.deepEqual(own.all.jobs.find((job) => job.kind === "train" && job.id !== "job3").request.fit, { detector: "isolation_forest", params: {}, seed: 42, steps: [] });
    }),
  ));

test("models are compared under a protocol, and one is trained and promoted", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/train?dataset=set1" }, async (page) => {
      await page.getByLabel("Random forest").check();
      await page.getByLabel("Logistic regression").check();
      await page.getByLabel("Measured on").selectOption("time");
      await page.getByRole("button", { name: "Compare", exact: true }).click();
      await page.waitForURL(/#\/comparisons\//);
      const { request } = own.all.jobs.find((job) => job.kind === "compare" && job.id !== "job5");
      assert.deepEqual(request.models, ["random_forest", "logistic_regression"]);
      assert.equal(request.protocol.split, "time");
      await page.getByText("Random forest does best of 4").waitFor();
      assert.match(await page.innerText("main"), /falls from 0\.97 to 0\.81/);
      await page.getByRole("button", { name: "Train random forest on all rows" }).click();
      await page.waitForURL(/#\/models\//);
      await page.getByRole("button", { name: "Promote" }).click();
      await page.getByText("It answers as predict.").waitFor();
      assert.match(own.all.aliases[0].model, /^mod\d+$/);
    }),
  ));

test("the parameters of a detector become a form, and only what was changed is sent", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/data/set1" }, async (page) => {
      await page.getByLabel("With", { exact: true }).selectOption("isolation_forest");
      await page.getByText("Parameters of the isolation forest").click();
      await page.getByLabel("N estimators").fill("50");
      await page.getByLabel("Flag", { exact: true }).selectOption("contamination");
      await page.getByRole("button", { name: "Analyse" }).click();
      await page.waitForURL(/#\/runs\//);
      const { request } = own.all.jobs.find((job) => job.kind === "detect" && !job.id.match(/^job[12]$/));
      assert.deepEqual(request, { kind: "detect", fit: { detector: "isolation_forest", params: { n_estimators: 50 } }, dataset: "set1", read: {}, rule: { contamination: 0.05 } });
    }),
  ));

test("a job at work shows how far it is and can be called off", () =>
  withServer({}, (own) =>
    open(browser, own, {}, async (page) => {
      await page.getByText("learning, 42 %").waitFor();
      own.all.jobs[0].progress = { stage: "fit", done: 80, of: 100 };
      own.tell("progress", { id: "job3", progress: own.all.jobs[0].progress });
      await page.getByText("learning, 80 %").waitFor();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByText("called off").first().waitFor();
      assert.equal(own.all.jobs[0].state, "cancelled");
    }),
  ));

test("after a gap in the stream everything is asked again", () =>
  withServer({}, (own) =>
    open(browser, own, {}, async (page) => {
      own.all.incidents = [];
      own.tell("resync", { missed: 300 });
      await page.getByText("Nothing of a known shape, but some rows stand out").waitFor();
    }),
  ));

test("who is not logged in logs in, and a wrong password says so", () =>
  open(browser, server, { logged: false }, async (page) => {
    await page.getByLabel("Name").fill("anna");
    await page.getByLabel("Password").fill("wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByText("The name or the password is wrong").waitFor();
    assert.ok(!(await page.innerText("[role=alert]")).includes("Log in first"));
    assert.deepEqual(await faults(page), []);
    await page.getByLabel("Password").fill("correct horse");
    await page.keyboard.press("Enter");
    await page.getByText("1 incident needs a look now").waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
  }));

test("the one-time link makes the first admin and leaves no trace in the address", () =>
  withServer({ empty: true }, (own) =>
    open(browser, own, { hash: "#setup=first", logged: false }, async (page) => {
      assert.ok(!page.url().includes("first"), page.url());
      await page.getByLabel("Name").fill("anna");
      await page.getByLabel("Password", { exact: true }).fill("correct horse");
      await page.getByLabel("The same password again").fill("correct horses");
      await page.getByRole("button", { name: "Begin" }).click();
      await page.getByText("Type the same one into both fields.").waitFor();
      assert.ok(!(await page.innerText("[role=alert]")).includes("went wrong"));
      await page.getByLabel("The same password again").fill("correct horse");
      await page.getByRole("button", { name: "Begin" }).click();
      await page.getByText("Nothing has been looked at yet").waitFor();
      assert.match(await page.innerText("main"), /Drop a file anywhere/);
      assert.deepEqual(await faults(page), []);
    }),
  ));

test("who may only ask models is told so", () =>
  withServer({ role: "predictor" }, (own) => open(browser, own, {}, async (page) => assert.match(await page.innerText("h1"), /nothing to see with this role/))));

test("a viewer is offered nothing that a viewer may not do", () =>
  withServer({ role: "viewer" }, async (own) => {
    for (const [hash, forbidden] of [["", /Analyse a file|^Cancel$/], ["#/data", /Choose a file/], ["#/data/set1", /^Analyse$|^Remove$/], ["#/incidents/inc1", /It is real/], ["#/train", /^Compare$/], ["#/models/mod2", /^Promote$/], ["#/settings", /^Add$/]]) {
      await open(browser, own, { hash }, async (page) => {
        const names = await page.getByRole("button").allInnerTexts();
        assert.deepEqual(names.filter((name) => forbidden.test(name)), [], hash);
      });
    }
  }));

test("what a server does not have yet is said, and the rest goes on", () =>
  withServer({ missing: ["runs/run1/rows", "incidents", "aliases"] }, async (own) => {
    await open(browser, own, { hash: "#/runs/run1?tab=table" }, async (page) => {
      await page.getByText("This server does not give single rows").waitFor();
      assert.match(await page.innerText("h1"), /91 of 1,440 rows stand out/);
    });
    await open(browser, own, { hash: "#/models" }, (page) => page.getByRole("link", { name: "flows" }).first().waitFor());
  }));

test("tabs, findings and menus are reached and worked with keys alone", () =>
  open(browser, server, { hash: "#/runs/run1" }, async (page) => {
    await page.getByRole("tab", { name: "Record" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.waitForURL(/tab=findings/);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.waitForURL(/finding=1/);
    assert.match(await page.innerText("main"), new RegExp(String(FINDINGS[0].causes[1].feature)));
    await page.keyboard.press("Home");
  }));

test("light and dark can be chosen and are remembered", () =>
  open(browser, server, { colorScheme: "light" }, async (page) => {
    await page.getByRole("button", { name: "Dark colours" }).click();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.scheme), "dark");
    await page.reload();
    await page.getByRole("button", { name: "Light colours" }).waitFor();
  }));

test("a token's secret is shown once, and people are added and locked out", () =>
  withServer({}, (own) =>
    open(browser, own, { hash: "#/settings?part=tokens" }, async (page) => {
      await page.getByLabel("What it is for").fill("poller");
      await page.getByRole("button", { name: "Make it" }).click();
      await page.getByText("eddy_0123456789abcdef").waitFor();
      await page.getByRole("button", { name: "I have kept it" }).click();
      assert.equal(await page.getByText("eddy_0123456789abcdef").count(), 0);
      await page.getByRole("tab", { name: "People" }).click();
      await page.getByLabel("Name", { exact: true }).fill("carl");
      await page.getByLabel("First password").fill("a long password");
      await page.getByRole("button", { name: "Add" }).click();
      await page.getByRole("button", { name: "Lock out carl" }).click();
      await page.getByRole("button", { name: "Let in carl" }).waitFor();
      await page.getByText("Locked out").waitFor();
      assert.equal(own.all.users.at(-1).disabled, true);
    }),
  ));

test("a page that is left asks for nothing of the next one", () =>
  open(browser, server, { hash: "#/data/set1" }, async (page) => {
    const refused = [];
    page.on("response", (response) => response.status() >= 400 && refused.push(response.url()));
    for (const hash of ["#/runs/run1", "#/incidents/inc1", "#/", "#/models/mod2", "#/comparisons/job5", "#/data"]) {
      await page.evaluate((to) => (location.hash = to), hash);
      await settled(page);
    }
    assert.deepEqual(refused, []);
  }));
