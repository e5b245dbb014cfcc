// The pages about a table: series to zoom into, a summary to sort, correlations to read.

import type { Correlation, Exploration } from "./data";
import { element } from "./element";
import { addSeries } from "./series";
import { hideTip, showTip } from "./tip";

export function addExploration(data: Exploration): void {
  for (const place of document.querySelectorAll<HTMLElement>('[data-live="series"]')) {
    const series = data.series[Number(place.dataset.series)];
    if (series && series.x.length > 0) addSeries(place, series);
  }
  addTables();
  const { correlation } = data;
  if (correlation) {
    for (const place of document.querySelectorAll<HTMLElement>('[data-live="matrix"]')) addReadout(place, correlation);
  }
}

/** Makes the tables of the page sortable. */
export function addTables(): void {
  document.querySelectorAll<HTMLTableElement>('table[data-live="sortable"]').forEach(addSorting);
}

/** Sorts the rows of a table by a press on a heading; another press turns the order. */
function addSorting(table: HTMLTableElement): void {
  const body = table.tBodies[0];
  const heads = [...table.querySelectorAll<HTMLElement>("thead th")];
  heads.forEach((head, at) => {
    const button = element("button", { type: "button", class: "sort" }, head.textContent ?? "");
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const turned = head.getAttribute("aria-sort") === "ascending";
      const numeric = head.classList.contains("num");
      // A row without figures has fewer cells.
      const key = (row: HTMLTableRowElement): string => row.cells[at]?.dataset.value ?? row.cells[at]?.textContent ?? "–";
      const sorted = [...body.rows].sort((a, b) => {
        const order = numeric ? Number(key(a)) - Number(key(b)) || 0 : key(a).localeCompare(key(b));
        return turned ? -order : order;
      });
      // Columns without the number stay at the end, whichever way.
      if (numeric) sorted.sort((a, b) => Number(key(a) === "–") - Number(key(b) === "–"));
      body.append(...sorted);
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", turned ? "descending" : "ascending");
    });
  });
}

/** Names the pair under the pointer; the geometry is that of `crates/eddy-report/src/correlation.rs`. */
function addReadout(place: HTMLElement, correlation: Correlation): void {
  const svg = place.querySelector("svg");
  const values = place.dataset.which === "spearman" ? correlation.spearman : correlation.pearson;
  const n = correlation.names.length;
  if (!svg) return;
  const side = Math.min(640 - 118, 650 - 22 - 96);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const ratio = 640 / box.width;
    const column = Math.floor((((event.clientX - box.left) * ratio - 118) / side) * n);
    const row = Math.floor((((event.clientY - box.top) * ratio - 24) / side) * n);
    if (column < 0 || row < 0 || column >= n || row >= n) return hideTip();
    const value = values[row * n + column];
    const title = `${correlation.names[row]} – ${correlation.names[column]}`;
    showTip(title, false, [{ name: "correlation", value: value === null ? "unknown" : value.toFixed(3) }], event.clientX, event.clientY);
  });
  svg.addEventListener("pointerleave", hideTip);
}
