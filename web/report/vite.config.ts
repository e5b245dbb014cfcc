import { defineConfig } from "vite";

// One script and one style sheet: both are embedded into a single page.
export default defineConfig({
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    copyPublicDir: false,
    cssMinify: true,
    lib: {
      entry: "src/report.ts",
      formats: ["iife"],
      name: "EddyReport",
      fileName: () => "report.js",
      cssFileName: "report",
    },
  },
});
