import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// The licence of the one library that ends up in the page goes with it.
const licence = readFileSync(new URL("node_modules/uplot/LICENSE", import.meta.url), "utf8");

// One script and one style sheet: both are embedded into a single page.
export default defineConfig({
  // What reports and the dashboard share, in `web/shared`, has no packages of its own.
  resolve: { alias: [{ find: /^uplot$/, replacement: fileURLToPath(new URL("node_modules/uplot", import.meta.url)) }] },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    copyPublicDir: false,
    lib: {
      entry: "src/report.ts",
      formats: ["iife"],
      name: "EddyReport",
      fileName: () => "report.js",
      cssFileName: "report",
    },
    rolldownOptions: { output: { postBanner: `/*! uPlot\n${licence.trim()}\n*/` } },
  },
});
