// Pictures of every page: node test/screenshots.mjs [FOLDER] [PAGE ...]

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { PHONE, WIDE, launch, open, root } from "./browser.mjs";
import { serve } from "./mock.mjs";
import { PAGES } from "./pages.mjs";

const folder = process.argv[2] ?? join(root, "target/screenshots");
const wanted = process.argv.slice(3);
mkdirSync(folder, { recursive: true });
const browser = await launch();
const server = await serve();
for (const [name, hash] of PAGES.filter(([name]) => wanted.length === 0 || wanted.includes(name))) {
  for (const [size, viewport] of [["1440", WIDE], ["390", PHONE]]) {
    for (const colorScheme of ["light", "dark"]) {
      try {
        await open(browser, server, { hash, viewport, colorScheme }, (page) => page.screenshot({ path: join(folder, `dashboard-${name}-${size}-${colorScheme}.png`), fullPage: true }));
      } catch (error) {
        console.error(`${name} ${size} ${colorScheme}: ${String(error.message).slice(0, 600)}`);
      }
    }
  }
}
await browser.close();
await server.close();
