// A real browser that reaches nothing but the mock, and pages that are watched while they are looked at.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { launched, root } from "../../shared/test/browser.mjs";
import { NOW } from "./made.mjs";

export { root };

export const launch = () => launched(chromium);

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** Words of the browser itself about answers that the test provoked on purpose. */
const EXPECTED = /Failed to load resource: the server responded with a status of 40[134]/;

/**
 * Opens a page, logged in unless told otherwise, runs `look` and makes sure that the page was quiet: nothing on the
 * console, no dialog, no violation of the policy, no script of others, and no request to anywhere else.
 */
export async function open(browser, server, { hash = "", logged = true, ...options }, look) {
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: "reduce", timezoneId: "UTC", ...options });
  if (logged) await context.addCookies([{ name: "eddy_session", value: "made", url: server.url }]);
  if (logged) await context.addInitScript(() => localStorage.setItem("eddy-logged-in", "1"));
  const page = await context.newPage();
  const heard = [];
  const elsewhere = [];
  page.on("console", (message) => EXPECTED.test(message.text()) || heard.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => heard.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => (heard.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  page.on("request", (request) => request.url().startsWith(server.url) || /^(data|blob):/.test(request.url()) || elsewhere.push(request.url()));
  await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`)));
  await page.clock.setFixedTime(NOW);
  try {
    await page.goto(`${server.url}/${hash}`);
    await page.waitForSelector("h1");
    await settled(page);
    await look(page);
    assert.equal(await page.evaluate(() => window.__hit), undefined, "a script from the data ran");
    assert.deepEqual(heard, [], `${hash} was not quiet`);
    assert.deepEqual(elsewhere, [], `${hash} asked for something elsewhere`);
  } finally {
    await context.close();
  }
}

/** Nothing is on its way any more, and everything is drawn. */
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector("main .note.working"), null, { timeout: 8_000 });
  await page.evaluate(() => new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 120)));
}

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe-core finds fault with. */
export async function faults(page) {
  // Evaluated by the debugger, beside the policy of the page.
  await page.evaluate(AXE);
  const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  const result = await page.evaluate((rules) => window.axe.run(document, { runOnly: rules }), runOnly);
  return result.violations.map((one) => `${one.id} (${one.impact}): ${one.nodes.map((node) => `${node.target.join(" ")} ${node.html.slice(0, 120)} ${node.any[0]?.message ?? ""}`).slice(0, 3).join(" | ")}`);
}

/** How far the page is wider than the window, with what is too wide. */
export const overflow = (page) =>
  page.evaluate(() => {
    const over = document.documentElement.scrollWidth - innerWidth;
    if (over <= 0) return null;
    const wide = [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, .tabs, pre, nav"));
    return `${over} px: ${wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(" | ")}`;
  });
