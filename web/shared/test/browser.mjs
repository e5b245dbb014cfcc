// The browser that the tests of reports and of the dashboard run in.
//
// CHROMIUM names it (default /usr/bin/chromium).

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of the workspace. */
export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Starts it with Playwright's `chromium`, silent by itself. */
export async function launched(chromium) {
  assert.ok(existsSync(executablePath), `no browser at ${executablePath}; name one in CHROMIUM`);
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}
