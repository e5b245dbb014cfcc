import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

// The licences of the libraries that end up in the page go with it.
const licence = (name: string, file: string): string =>
  readFileSync(new URL(`node_modules/${name}/${file}`, import.meta.url), "utf8").trim();

// The dashboard asks for nothing but its own files, and runs under a policy that knows no inline script or style, no
// eval and no markup made from strings (Trusted Types): hence fragments built element by element, and no polyfill.
export default defineConfig({
  base: "./",
  plugins: [svelte({ compilerOptions: { fragments: "tree" } })],
  // What reports and the dashboard share, in `web/shared`, has no packages of its own.
  resolve: { alias: [{ find: /^uplot$/, replacement: fileURLToPath(new URL("node_modules/uplot", import.meta.url)) }] },
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        postBanner: (chunk) =>
          chunk.isEntry ? `/*! uPlot\n${licence("uplot", "LICENSE")}\n\nSvelte\n${licence("svelte", "LICENSE.md")}\n*/` : "",
      },
    },
  },
  server: { proxy: { "/api": process.env.EDDY_SERVER ?? "http://127.0.0.1:7711" } },
});
