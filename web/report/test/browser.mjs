// A real browser without a network, and pages that are watched while they are looked at.

import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { launched, root } from "../../shared/test/browser.mjs";

export { root };

export const launch = () => launched(chromium);

/**
 * Opens a page from disk with the network off, runs `look` and makes sure that the page was quiet: no words on the
 * console, no dialog, and, as the browser's own protocol tells it, no request but the one for the file. `look` is handed the
 * page and the protocol, which counts what the page has worked, in time of the processor.
 */
export async function openFile(browser, file, options, look) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, offline: true, ...options });
  const page = await context.newPage();
  const own = pathToFileURL(file).href;
  const heard = [];
  const requests = [];
  page.on("console", (message) => heard.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => heard.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => (heard.push(`dialog: ${dialog.message()}`), dialog.dismiss()));
  const protocol = await context.newCDPSession(page);
  await protocol.send("Network.enable");
  await protocol.send("Performance.enable", { timeDomain: "threadTicks" });
  protocol.on("Network.requestWillBeSent", ({ request }) => requests.push(request.url));
  protocol.on("Network.webSocketCreated", ({ url }) => requests.push(url));
  try {
    await page.goto(own);
    await page.waitForFunction(() => document.documentElement.classList.contains("live"));
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    await look(page, protocol);
    assert.deepEqual(heard, [], `${file} was not quiet`);
    assert.ok(requests.includes(own), "the protocol was listened to");
    assert.deepEqual(requests.filter((url) => url !== own && !url.startsWith("data:")), [], `${file} asked for something`);
  } finally {
    await context.close();
  }
}

export const settled = (page) => page.evaluate(() => new Promise((done) => setTimeout(done, 60)));

/** Presses Tab until the focus leaves the page; every stop must be seen. Returns the names of the stops. */
export async function tabStops(page, most) {
  const seen = [];
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    const stop = await page.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const style = getComputedStyle(element);
      return {
        name: element.getAttribute("aria-label") || element.labels?.[0]?.textContent || element.textContent.trim() || element.id,
        outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      };
    });
    if (!stop) break;
    assert.ok(stop.outlined, `${stop.name} has no visible focus`);
    seen.push(stop.name.slice(0, 60));
  }
  return seen;
}

/** Every control in sight that a pointer can press, by name, that Tab does not reach. */
export const unreachable = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("button, select, input, a[href]")]
      .filter((e) => e.checkVisibility() && !e.disabled && e.tabIndex < 0)
      .map((e) => e.outerHTML.slice(0, 80)),
  );

