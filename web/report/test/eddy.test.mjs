// Reports as the command writes them, about traffic that it makes itself.
//
//   cargo build -p eddy
//   EDDY=target/debug/eddy npm test
//
// Without EDDY the command is built first.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { launch, openFile, root, settled, tabStops, unreachable } from "./browser.mjs";

const folder = mkdtempSync(join(tmpdir(), "eddy-reports-"));
const HOSTILE = '"><img src=x onerror=alert(1)><script>alert(2)<script>';
/** Most bytes of a page about 100,000 rows, and most milliseconds until it can be used. */
const MOST_BYTES = 5_000_000;
const MOST_MS = 2_000;
let eddy;
let browser;

/** Runs the command in the folder of the test. */
const run = (...args) => execFileSync(eddy, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] });
const file = (name) => join(folder, `${name}.html`);
const open = (name, options, look) => openFile(browser, file(name), options, look);

before(async () => {
  if (process.env.EDDY) {
    eddy = resolve(root, process.env.EDDY);
  } else {
    execFileSync("cargo", ["build", "-q", "-p", "eddy"], { cwd: root, stdio: "inherit" });
    eddy = resolve(root, process.env.CARGO_TARGET_DIR ?? "target", "debug/eddy");
  }
  for (const [name, ...how] of [
    ["flows", "--shape", "flow-features", "--duration", "96"],
    ["series", "--shape", "metric-series", "--duration", "336"],
    ["large", "--shape", "flow-features", "--duration", "1668"],
  ]) {
    run("generate", ...how, "--out", `${name}.csv`);
    run("detect", "-q", `${name}.csv`, "--out", `${name}.html`);
    run("explore", "-q", `${name}.csv`, "--out", `explore-${name}.html`);
  }
  // Few trees: what is looked at is the page. One model fails.
  const models = "random_forest,logistic_regression,isolation_forest,extended_isolation_forest,gaussian_mixture";
  const settings = ["random_forest.n_estimators=10", "gaussian_mixture.n_components=100000"].flatMap((one) => ["--set", one]);
  run("compare", "-q", "flows.csv", "--models", models, ...settings, "--out", "compare-flows.html");
  const cells = (row) => [row % 50 === 7 ? HOSTILE : "tcp", 100 + (row % 13), row === 300 ? 90_000 : 40 + (row % 7)];
  const quoted = (cell) => (typeof cell === "string" ? `"${cell.replaceAll('"', '""')}"` : cell);
  const heads = [HOSTILE, "</script><script>alert(3)</script>", "<b>bytes</b>"].map(quoted);
  const lines = Array.from({ length: 600 }, (_, row) => cells(row).map(quoted).join(","));
  writeFileSync(join(folder, `${HOSTILE}.csv`), [heads.join(","), ...lines].join("\n"));
  run("detect", "-q", `${HOSTILE}.csv`, "--out", "hostile.html");
  run("explore", "-q", `${HOSTILE}.csv`, "--out", "explore-hostile.html");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

const names = ["flows", "series", "hostile", "large"].flatMap((name) => [name, `explore-${name}`]).concat("compare-flows");
for (const name of names) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1440, 390]) {
      test(`${name} is quiet, ${colorScheme}, and fits ${width} pixels`, () =>
        open(name, { colorScheme, viewport: { width, height: 900 } }, async (page) => {
          assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
          const light = await page.evaluate(() => {
            const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number);
            return red + green + blue > 382;
          });
          assert.equal(light, colorScheme === "light");
        }));
    }
  }

  test(`${name} is reached by keyboard, and the focus is seen`, () =>
    open(name, {}, async (page) => {
      assert.deepEqual(await unreachable(page), []);
      const reached = await tabStops(page, 400);
      const wanted = name.startsWith("compare")
        ? ["Skip to the leaderboard", "Dark colours", "Balanced"]
        : name.startsWith("explore")
        ? ["Skip to the columns", "Dark colours", "Median"]
        : ["Skip to the findings", "Dark colours", "Threshold", "Score strip", "Filter the findings", "Horizontal axis"];
      for (const one of wanted) assert.ok(reached.some((stop) => stop.startsWith(one)), `${one} is not reached`);
    }));

  test(`${name} prints without controls and on white`, () =>
    open(name, { colorScheme: "dark" }, async (page) => {
      await page.emulateMedia({ media: "print" });
      assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
      assert.equal(await page.locator("button:not(.name, .sort):visible, input:visible, select:visible, canvas:visible").count(), 0);
      assert.ok((await page.locator("svg:visible").count()) >= 2);
      assert.ok((await page.pdf({ format: "A4", preferCSSPageSize: true })).length > 10_000);
    }));
}

test("text from a file is only text", async () => {
  for (const name of ["hostile", "explore-hostile"]) {
    await open(name, {}, async (page) => {
      for (const button of await page.locator("button.open").all()) await button.click();
      await settled(page);
      assert.equal(await page.locator("img").count(), 0);
      assert.equal(await page.locator("script").count(), 2);
      assert.ok((await page.title()).startsWith(HOSTILE), "the name of the file is shown as it is");
      assert.ok((await page.locator("main").textContent()).includes("<b>bytes</b>"), "the name of a column is shown as it is");
    });
  }
});

/** What the page carries. */
const carried = (page) => page.evaluate(() => JSON.parse(document.getElementById("data").textContent));

for (const name of ["flows", "series"]) {
  test(`${name}: the threshold flags anew, at once and as many as the scores say`, () =>
    open(name, {}, async (page) => {
      const { points, flagged } = await carried(page);
      const tally = async () => Number((await page.locator("#tally b").textContent()).replace(/\D/g, ""));
      assert.equal(points.x.length, points.total_rows, "every row is drawn");
      assert.equal(await tally(), flagged);
      for (const threshold of [0.15, 0.3, 0.45]) {
        await page.locator("#threshold").fill(String(threshold));
        // In the same task: the count does not wait for the plots.
        assert.equal(await tally(), points.score.filter((score) => score >= threshold).length, `at ${threshold}`);
      }
      await page.getByRole("button", { name: "Back to the threshold of the run" }).click();
      assert.equal(await tally(), flagged);
    }));

  test(`${name}: findings are sorted and filtered`, () =>
    open(name, {}, async (page) => {
      const { findings } = await carried(page);
      assert.ok(findings.length > 0, "something was planted");
      const byEvent = page.getByLabel("one line for each event");
      if (await byEvent.count()) await byEvent.uncheck();
      await page.getByRole("button", { name: "Where", exact: true }).click();
      await settled(page);
      const first = Math.min(...findings.map((finding) => finding.row));
      const rank = await page.locator("tr.head td.rank").first().textContent();
      assert.equal(rank, String(findings.find((finding) => finding.row === first).rank));
      await page.getByLabel("Filter the findings").fill(`line ${findings[0].line}`);
      await settled(page);
      const left = await page.locator("tr.head").count();
      assert.ok(left >= 1 && left < Math.max(2, findings.length), `${left} of ${findings.length} are left`);
    }));

  test(`explore-${name}: the columns are sorted both ways`, () =>
    open(`explore-${name}`, {}, async (page) => {
      const column = () => page.$$eval("table.summary tbody th", (heads) => heads.map((head) => head.textContent));
      const before = await column();
      await page.getByRole("button", { name: "Column", exact: true }).click();
      const rising = await column();
      assert.deepEqual(rising, before.toSorted((a, b) => a.localeCompare(b)));
      await page.getByRole("button", { name: "Column", exact: true }).press("Enter");
      assert.deepEqual(await column(), rising.toReversed());
    }));

  test(`explore-${name}: a series is zoomed by keyboard`, () =>
    open(`explore-${name}`, {}, async (page) => {
      const back = page.getByRole("button", { name: "Whole range" }).first();
      assert.ok(await back.isDisabled());
      await page.locator(".plot").first().focus();
      await page.keyboard.press("+");
      assert.ok(await back.isEnabled());
      await page.keyboard.press("0");
      assert.ok(await back.isDisabled());
    }));
}

test("explore-series: what is zoomed in one panel is zoomed in all", () =>
  open("explore-series", {}, async (page) => {
    const { series } = await carried(page);
    const section = page.locator("section.series").first();
    const panels = section.locator(".plot");
    assert.equal(await panels.count(), 1 + series[0].parts.length);
    assert.ok(series[0].parts.length >= 2, "there is a trend and a remainder");
    for (const part of series[0].parts) assert.equal(part.values.length, series[0].x.length);
    await panels.last().focus();
    await page.keyboard.press("+");
    await page.keyboard.press("ArrowRight");
    await settled(page);
    const ranges = await section.locator(".uplot").evaluateAll((plots) => plots.map((plot) => plot.dataset.range));
    assert.equal(new Set(ranges).size, 1, ranges.join("; "));
    const [low, high] = ranges[0].split(" ").map(Number);
    const whole = series[0].x.at(-1) - series[0].x[0];
    assert.ok(Math.abs((high - low) / whole - 0.5) < 0.01, "half of the range is shown");
    await panels.first().scrollIntoViewIfNeeded();
    const box = await panels.first().locator(".u-over").boundingBox();
    await page.mouse.move(box.x + box.width * 0.25, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.75, box.y + 40, { steps: 5 });
    await page.mouse.up();
    await settled(page);
    const narrower = await section.locator(".uplot").evaluateAll((plots) => plots.map((plot) => plot.dataset.range));
    assert.equal(new Set(narrower).size, 1, narrower.join("; "));
    const [from, to] = narrower[0].split(" ").map(Number);
    assert.ok(Math.abs((to - from) / (high - low) - 0.5) < 0.05, "the dragged half is shown");
  }));

test("explore-series: seasons, tests and hours are said and drawn", () =>
  open("explore-series", {}, async (page) => {
    const section = page.locator("section.series").first();
    const facts = await section.locator("dl.found").textContent();
    for (const part of ["every", "ADF", "KPSS", "autocorrelation"]) assert.ok(facts.includes(part), facts);
    assert.equal(await section.locator('svg[aria-label*="autocorrelation of"]').count(), 2);
    assert.equal(await section.locator('svg[aria-label*="by hour of the day"]').count(), 1);
    assert.equal(await section.locator('svg[aria-label*="by day of the week"]').count(), 1);
  }));

test("explore-flows: clusters add up to the rows, and noise is red", () =>
  open("explore-flows", {}, async (page) => {
    const legend = page.locator("#clusters-h ~ .twins .legend").first();
    const counts = (await legend.locator("li").allTextContents()).map((text) => Number(/([\d,]+) rows?$/.exec(text)[1].replaceAll(",", "")));
    const sentence = await page.locator("#clusters-h + p").textContent();
    const [, total] = /among ([\d,]+) rows/.exec(sentence);
    assert.equal(counts.reduce((sum, count) => sum + count), Number(total.replaceAll(",", "")));
    assert.equal(await legend.locator("li", { hasText: "noise" }).locator("path.f-flagged").count(), 1);
    assert.equal(await page.locator("table th", { hasText: /^taken$/ }).count(), 1);
    assert.equal(await page.locator("#projection svg[aria-label^=Silhouette]").count(), 1);
  }));

test("compare-flows: models are sorted, and the one that failed says why", () =>
  open("compare-flows", {}, async (page) => {
    assert.equal(await page.locator("table.board tbody tr").count(), 5);
    assert.match(await page.locator("table.board tr", { hasText: "gaussian_mixture" }).textContent(), /100000 is more than 65536/);
    const models = () => page.$$eval("table.board tbody th", (heads) => heads.map((head) => head.textContent));
    const before = await models();
    await page.locator("#leaderboard").getByRole("button", { name: "Model", exact: true }).click();
    assert.deepEqual(await models(), before.toSorted((a, b) => a.localeCompare(b)));
    const board = page.locator("#leaderboard .scroll");
    assert.ok(await board.evaluate((box) => box.scrollWidth <= box.clientWidth), "the leaderboard fits a wide screen");
    assert.equal(await page.locator("#confusion figure.small").count(), 4);
  }));

test("a page about 100,000 rows stays small and opens soon", async () => {
  for (const name of ["large", "explore-large"]) {
    const text = readFileSync(file(name), "utf8");
    assert.match(text, /100,080/, "there are that many rows");
    assert.ok(statSync(file(name)).size < MOST_BYTES, `${name} has ${statSync(file(name)).size} bytes`);
    // Time of the processor: the machine may be busy with something else.
    await open(name, {}, async (_, protocol) => {
      const { metrics } = await protocol.send("Performance.getMetrics");
      const ms = 1000 * metrics.find((metric) => metric.name === "TaskDuration").value;
      assert.ok(ms > 0 && ms < MOST_MS, `${name} worked ${Math.round(ms)} ms`);
    });
  }
});
