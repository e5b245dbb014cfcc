// Opens sample reports from disk in a real browser.
//
//   cargo run -p eddy-report --example sample -- /tmp/eddy-samples
//   EDDY_SAMPLES=/tmp/eddy-samples npm test
//
// Without EDDY_SAMPLES the samples are made first.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { launch, openFile, root, settled } from "./browser.mjs";

let samples = process.env.EDDY_SAMPLES;
let made = null;
let browser;

before(async () => {
  if (!samples) {
    samples = made = mkdtempSync(join(tmpdir(), "eddy-samples-"));
    execFileSync("cargo", ["run", "-q", "-p", "eddy-report", "--example", "sample", "--", samples], { cwd: root, stdio: "inherit" });
  }
  browser = await launch();
});

after(async () => {
  await browser?.close();
  if (made) rmSync(made, { recursive: true });
});

/** Opens a sample and watches it. */
const open = (name, options, look) => openFile(browser, join(samples, `${name}.html`), options, look);

/** How many pixels of a canvas have about the given colour. */
const pixels = (page, selector, [red, green, blue]) =>
  page.$eval(
    selector,
    (canvas, [red, green, blue]) => {
      const copy = document.createElement("canvas");
      [copy.width, copy.height] = [canvas.width, canvas.height];
      const context = copy.getContext("2d", { willReadFrequently: true });
      context.drawImage(canvas, 0, 0);
      const { data } = context.getImageData(0, 0, copy.width, copy.height);
      let n = 0;
      for (let i = 0; i < data.length; i += 4) {
        const away = Math.abs(data[i] - red) + Math.abs(data[i + 1] - green) + Math.abs(data[i + 2] - blue);
        if (data[i + 3] > 200 && away < 12) n++;
      }
      return n;
    },
    [red, green, blue],
  );

const ORANGE = [184, 63, 0];
const names = [
  "flows", "incidents", "metric", "nothing", "one-row", "index", "elapsed", "three", "many", "wide", "long", "bare", "hostile",
  "explore", "explore-wide", "explore-hostile", "explore-bare",
  "clusters", "compare", "compare-hostile",
];

for (const name of names) {
  for (const width of [1440, 390]) {
    test(`${name} is quiet and fits ${width} pixels`, () =>
      open(name, { viewport: { width, height: 900 } }, async (page) => {
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
        assert.equal(await page.locator("h1").count(), 1);
      }));
  }
}

test("text from traffic is only text", async () => {
  for (const name of ["hostile", "explore-hostile"]) {
    await open(name, {}, async (page) => {
      for (const button of await page.locator("button.open").all()) await button.click();
      await page.locator(".u-over").first().hover();
      await settled(page);
      assert.equal(await page.locator("img").count(), 0);
      assert.equal(await page.locator("script").count(), 2);
      assert.match(await page.title(), /<img src=x/);
    });
  }
});

test("an incident opens, shows rules for each filter and gives them to the clipboard", () =>
  open("incidents", {}, async (page) => {
    const first = page.locator("details.incident").first();
    assert.equal(await first.getAttribute("open"), "");
    await page.locator(".incident-list a").nth(1).click();
    // The browser tells of a new fragment after the click, so this is waited for.
    await page.locator("details.incident").nth(1).locator(".evidence").waitFor({ state: "visible" });
    const tabs = first.locator(".tabs").first();
    assert.match(await tabs.locator(".tab:visible pre").first().textContent(), /^table inet eddy_/);
    await tabs.getByText("Suricata").click();
    assert.match(await tabs.locator(".tab:visible pre").first().textContent(), /^drop ip /);
    await tabs.locator(".tab:visible").getByRole("button").first().click();
    assert.match(await page.evaluate(() => getSelection().toString()), /^drop ip /);
    await first.locator("details.more summary").click();
    assert.equal(await first.locator("table.flows tbody tr").count(), 4);
  }));

test("incidents can be read in both schemes and without a script", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ colorScheme, javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(pathToFileURL(join(samples, "incidents.html")).href);
    assert.ok(await page.locator("details.incident").first().locator(".evidence").isVisible());
    assert.ok(await page.locator(".tab").first().isVisible());
    const [ink, ground] = await page.locator(".badge.high").first().evaluate((badge) => {
      const style = getComputedStyle(badge);
      return [style.color, style.backgroundColor];
    });
    assert.ok(contrast(ink, ground) >= 4.5, `${colorScheme}: ${ink} on ${ground}`);
    await context.close();
  }
});

/** Contrast of two colours as the Web Content Accessibility Guidelines 2.2 count it. */
function contrast(a, b) {
  const light = (colour) => {
    const [red, green, blue] = colour.match(/[\d.]+/g).map((part) => {
      const share = Number(part) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

test("the policy stops a script that gets in all the same", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(pathToFileURL(join(samples, "flows.html")).href);
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    return window.ran === true;
  });
  assert.equal(ran, false);
  await context.close();
});

test("the threshold flags anew", () =>
  open("flows", {}, async (page) => {
    const tally = page.locator("#tally b");
    const slider = page.locator("#threshold");
    assert.equal(await tally.textContent(), "238");
    const drawn = await pixels(page, ".uplot canvas", ORANGE);
    assert.ok(drawn > 500, `${drawn} pixels are flagged`);
    await slider.focus();
    await page.keyboard.press("Home");
    await settled(page);
    assert.equal(await tally.textContent(), "12,480");
    await page.keyboard.press("End");
    await settled(page);
    assert.equal(await tally.textContent(), "0");
    assert.ok((await pixels(page, ".uplot canvas", ORANGE)) < 10);
    assert.ok((await page.locator(".ledger tr.below").count()) > 0);
    await page.getByRole("button", { name: "Back to the threshold of the run" }).click();
    await settled(page);
    assert.equal(await tally.textContent(), "238");
    assert.equal(await page.locator(".ledger tr.below").count(), 0);
  }));

test("a threshold below the run's is told from the histogram when rows are left out", () =>
  open("long", {}, async (page) => {
    await page.locator("#threshold").fill("0.3");
    await settled(page);
    const text = await page.locator("#tally b").textContent();
    assert.match(text, /^about [\d,]+$/);
    const about = Number(text.replace(/\D/g, ""));
    assert.ok(about > 30_000 && about < 90_000, text);
  }));

test("the margin drags the threshold", () =>
  open("flows", {}, async (page) => {
    const box = await page.locator("canvas.margin.grip").boundingBox();
    await page.mouse.move(box.x + 20, box.y + 60);
    await page.mouse.down();
    await page.mouse.move(box.x + 20, box.y + 110);
    await page.mouse.up();
    await settled(page);
    assert.notEqual(await page.locator("#tally b").textContent(), "238");
  }));

test("dragging zooms both strips and the reset shows all", () =>
  open("flows", {}, async (page) => {
    const reset = page.getByRole("button", { name: "Show the whole range" });
    assert.ok(await reset.isDisabled());
    const box = await page.locator(".u-over").first().boundingBox();
    await page.mouse.move(box.x + 300, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + 500, box.y + 50, { steps: 4 });
    await page.mouse.up();
    await settled(page);
    assert.ok(await reset.isEnabled());
    const all = await page.locator(".filters .count").textContent();
    await page.getByLabel("only rows in view").check();
    await settled(page);
    assert.notEqual(await page.locator(".filters .count").textContent(), all);
    await reset.click();
    await settled(page);
    assert.ok(await reset.isDisabled());
    assert.equal(await page.locator(".filters .count").textContent(), all);
  }));

test("the pointer tells of the row below it", () =>
  open("flows", {}, async (page) => {
    const box = await page.locator(".u-over").first().boundingBox();
    await page.mouse.move(box.x + box.width * 0.61, box.y + 60);
    await settled(page);
    const tip = await page.locator(".tip").textContent();
    assert.match(tip, /Flagged/);
    assert.match(tip, /anomaly score0\.\d{3}/);
  }));

test("a finding opens, is marked, and leads to its place", () =>
  open("flows", {}, async (page) => {
    const first = page.locator("button.open").first();
    assert.equal(await first.getAttribute("aria-expanded"), "false");
    await first.click();
    assert.equal(await first.getAttribute("aria-expanded"), "true");
    assert.equal(await page.locator("tr.head.chosen").count(), 1);
    assert.ok((await page.locator("tr.detail .reasons tbody tr").count()) >= 2);
    await page.getByRole("button", { name: "Show in the record" }).click();
    await settled(page);
    assert.ok(await page.getByRole("button", { name: "Show the whole range" }).isEnabled());
    await first.click();
    assert.equal(await page.locator("tr.detail").count(), 0);
  }));

test("findings are filtered, sorted and shown in parts", () =>
  open("many", {}, async (page) => {
    assert.equal(await page.locator("tr.head").count(), 50);
    await page.getByRole("button", { name: /Show 100 more/ }).click();
    await settled(page);
    assert.equal(await page.locator("tr.head").count(), 150);
    await page.getByLabel("Filter the findings").fill("row 5994");
    await settled(page);
    const kept = await page.locator("tr.head").count();
    assert.ok(kept > 0 && kept < 50, `${kept} rows are left`);
    await page.getByLabel("Filter the findings").fill("no such thing");
    await settled(page);
    assert.match(await page.locator(".ledger .empty").textContent(), /No finding matches/);
    await page.getByLabel("Filter the findings").fill("");
    await page.getByRole("button", { name: "Where", exact: true }).click();
    await settled(page);
    assert.equal(await page.locator("th.where").getAttribute("aria-sort"), "ascending");
    await page.getByRole("button", { name: "Where", exact: true }).click();
    await settled(page);
    assert.equal(await page.locator("th.where").getAttribute("aria-sort"), "descending");
  }));

test("rows of one event are one line, and are shown one by one", () =>
  open("flows", {}, async (page) => {
    const tally = () => page.locator(".filters .count").textContent();
    assert.equal(await tally(), "112 events, 238 findings");
    assert.match(await page.locator("h1").textContent(), /^238 of 12,480 rows stand out, in 112 events$/);
    assert.equal(await page.locator(".events li").count(), 5);
    const of = page.locator("tr.head", { hasText: "123 rows" });
    assert.equal(await of.count(), 1);
    await page.locator(".events a").nth(1).click();
    await settled(page);
    assert.equal(await page.locator("tr.head.chosen td.rank").textContent(), "2");
    assert.match(await page.evaluate(() => document.activeElement.className), /open/);
    await page.getByRole("button", { name: "Show all 123 rows" }).click();
    await settled(page);
    assert.equal(await page.locator("tr.head.follower").count(), 122);
    await page.getByRole("button", { name: "Show one line for it" }).click();
    await settled(page);
    assert.equal(await page.locator("tr.head.follower").count(), 0);
    await page.getByLabel("one line for each event").uncheck();
    await settled(page);
    assert.equal(await tally(), "238 findings");
  }));

test("an event on the first screen is found behind any filter", () =>
  open("flows", {}, async (page) => {
    await page.getByLabel("Filter the findings").fill("no such thing");
    await settled(page);
    await page.locator(".events a").first().click();
    await settled(page);
    assert.equal(await page.getByLabel("Filter the findings").inputValue(), "");
    assert.equal(await page.locator("tr.head.chosen td.rank").textContent(), "1");
  }));

test("everything is reached by keyboard, and the focus is seen", () =>
  open("three", {}, async (page) => {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
    assert.ok((await page.locator(".skip").boundingBox()).y >= 0, "the skip link shows when focused");
    const seen = new Set();
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press("Tab");
      const [name, outline] = await page.evaluate(() => {
        const element = document.activeElement;
        return [
          element.getAttribute("aria-label")?.slice(0, 20) ?? element.id ?? element.className,
          getComputedStyle(element).outlineStyle,
        ];
      });
      if (await page.evaluate(() => document.activeElement === document.body)) break;
      assert.notEqual(outline, "none", `${name} has no visible focus`);
      seen.add(name);
    }
    for (const wanted of ["threshold", "Score strip. Left an", "Feature strip. Left ", "Filter the findings"]) {
      assert.ok(seen.has(wanted), `${wanted} is not reached; reached ${[...seen].join(" | ")}`);
    }
    await page.locator(".plot").first().focus();
    await page.keyboard.press("ArrowRight");
    await settled(page);
    assert.equal(await page.locator("tr.head.chosen").count(), 1);
    assert.match(await page.locator("#trace [aria-live]").textContent(), /anomaly score/);
    await page.keyboard.press("+");
    await settled(page);
    assert.ok(await page.getByRole("button", { name: "Show the whole range" }).isEnabled());
    await page.keyboard.press("0");
    await settled(page);
    assert.ok(await page.getByRole("button", { name: "Show the whole range" }).isDisabled());
  }));

test("every control and picture has a name", () =>
  open("flows", {}, async (page) => {
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll("button, select, input, [role=img], [role=group], [role=region]")]
        .filter((e) => !(e.getAttribute("aria-label") || e.getAttribute("aria-labelledby") || e.textContent.trim() || e.labels?.length))
        .map((e) => e.outerHTML.slice(0, 80)),
    );
    assert.deepEqual(nameless, []);
  }));

test("the scheme follows the system until the button is used", () =>
  open("flows", { colorScheme: "dark" }, async (page) => {
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(await ground(), "rgb(12, 20, 24)");
    await page.getByRole("button", { name: "Light colours" }).click();
    await settled(page);
    assert.equal(await ground(), "rgb(243, 246, 247)");
    assert.ok((await pixels(page, ".uplot canvas", ORANGE)) > 500, "the plots follow");
    await page.reload();
    assert.equal(await ground(), "rgb(12, 20, 24)", "nothing is remembered");
  }));

test("paper is white, without controls, with every figure", () =>
  open("wide", { colorScheme: "dark" }, async (page) => {
    assert.ok((await page.locator(".multiples figure:visible").count()) < 41);
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
    assert.equal(await page.locator("button:not(.name):visible, input:visible, select:visible, canvas:visible").count(), 0);
    assert.ok((await page.locator(".still svg:visible").count()) >= 3);
    assert.ok((await page.locator("table.findings tbody tr:visible").count()) > 50);
    assert.equal(await page.locator(".multiples figure:visible").count(), 41);
  }));

test("a table is sorted by number, and missing numbers stay last", () =>
  open("explore", {}, async (page) => {
    const column = () => page.$$eval("table.summary tbody tr", (rows) => rows.map((row) => row.cells[12].dataset.value ?? "none"));
    await page.getByRole("button", { name: "Max", exact: true }).click();
    const rising = await column();
    assert.equal(rising.at(-1), "none");
    const numbers = rising.slice(0, -1).map(Number);
    assert.deepEqual(numbers, numbers.toSorted((a, b) => a - b));
    await page.getByRole("button", { name: "Max", exact: true }).click();
    assert.equal((await column()).at(-1), "none");
  }));

test("models without figures stay last when the leaderboard is sorted", () =>
  open("compare", {}, async (page) => {
    const models = () => page.$$eval("table.board tbody tr", (rows) => rows.map((row) => row.cells[0].textContent));
    await page.getByRole("button", { name: "Fit", exact: true }).click();
    assert.equal((await models())[0], "random_forest");
    assert.equal((await models()).at(-1), "one_class_svm");
    await page.getByRole("button", { name: "Fit", exact: true }).click();
    assert.equal((await models())[0], "hbos");
    assert.equal((await models()).at(-1), "one_class_svm");
  }));

test("noise is drawn in the colour of flagged rows", () =>
  open("clusters", { colorScheme: "dark" }, async (page) => {
    const noise = page.locator("#projection .legend li", { hasText: "noise, 45 rows" });
    assert.equal(await noise.locator("path.f-flagged").count(), 1);
    assert.equal(await noise.locator("path").evaluate((path) => getComputedStyle(path).fill), "rgb(255, 148, 72)");
  }));

test("without a script everything is there as tables and pictures", async () => {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(pathToFileURL(join(samples, "flows.html")).href);
  assert.ok((await page.locator(".still svg:visible").count()) >= 3);
  assert.ok(await page.locator("table.findings").isVisible());
  assert.equal(await page.locator(".console:visible").count(), 0);
  await context.close();
});
