// Takes the pictures of the documentation: node test/screenshots.mjs REPORT.html PICTURE.png
//
// `cargo xtask screenshots` makes the report of the demonstration and calls this.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { launch, openFile } from "./browser.mjs";

/** A README is opened often. */
const MOST_BYTES = 250_000;

const [report, picture] = process.argv.slice(2);
assert.ok(report && picture, "usage: node test/screenshots.mjs REPORT.html PICTURE.png");
const browser = await launch();
try {
  await openFile(browser, resolve(report), { colorScheme: "light", viewport: { width: 1440, height: 900 } }, (page) =>
    page.screenshot({ path: picture }),
  );
} finally {
  await browser.close();
}
const { size } = statSync(picture);
assert.ok(size <= MOST_BYTES, `${picture} has ${size} bytes, more than ${MOST_BYTES}`);
console.log(`wrote ${picture} (${size} bytes)`);
