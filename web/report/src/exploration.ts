// The pages about a table: series to zoom into, a summary to sort, correlations to read.

import type uPlot from "uplot";
import { strip } from "./chart";
import type { Correlation, Exploration, Series } from "./data";
import { element } from "./element";
import { scaleOf } from "./scale";
import { colours } from "./scheme";
import { hideTip, showTip } from "./tip";
import { number, place as placeWords, tick, withUnit } from "./words";

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

function addSeries(place: HTMLElement, series: Series): void {
  const order = series.x.map((_, idx) => idx).sort((a, b) => series.x[a] - series.x[b]);
  const xs = order.map((idx) => series.x[idx]);
  const rolling = series.window > 0 && series.rolling_mean.length === xs.length;
  const side = (sign: number): (number | null)[] =>
    order.map((idx) => {
      const [mean, sd] = [series.rolling_mean[idx], series.rolling_sd[idx]];
      return mean === null || sd === null || mean === undefined || sd === undefined ? null : mean + sign * 2 * sd;
    });
  const whole: [number, number] = xs[0] < xs[xs.length - 1] ? [xs[0], xs[xs.length - 1]] : [xs[0] - 0.5, xs[0] + 0.5];
  const back = element("button", { type: "button", disabled: true }, "Whole range");
  const note = rolling ? `line: rolling mean of ${series.window.toLocaleString("en")} rows · band: two standard deviations` : "";
  const plotPlace = element("div", {
    class: "plot",
    tabindex: 0,
    role: "group",
    "aria-label": "The series. Plus and minus zoom, 0 shows the whole range. The table of columns says the same in numbers.",
  });
  place.append(
    element(
      "div",
      { class: "bench" },
      element("div", { class: "caption" }, back, element("span", { class: "aside" }, note)),
      element("div", { class: "strip wide" }, plotPlace),
    ),
  );
  const scale = scaleOf(series.values, false);
  let range = whole;
  const zoom = (to: [number, number]): void => {
    const low = Math.max(whole[0], to[0]);
    const high = Math.min(whole[1], to[1]);
    if (!(high > low)) return;
    range = [low, high];
    back.disabled = low <= whole[0] && high >= whole[1];
    plot.setScale("x", { min: low, max: high });
  };
  const by = (factor: number): void => {
    const middle = (range[0] + range[1]) / 2;
    const half = ((range[1] - range[0]) * factor) / 2;
    zoom([middle - half, middle + half]);
  };
  const quiet = { show: false };
  const edge = { stroke: () => colours().line, width: 1, points: quiet };
  const values = { stroke: () => colours().normal, width: 1, points: { show: xs.length <= 80, size: 5 } };
  const plot: uPlot = strip(plotPlace, {
    axis: series.axis,
    whole,
    height: 300,
    data: rolling
      ? [xs, side(1), side(-1), order.map((idx) => series.values[idx]), order.map((idx) => series.rolling_mean[idx])]
      : [xs, order.map((idx) => series.values[idx])],
    series: rolling ? [edge, edge, values, { stroke: () => colours().ink, width: 1.5, points: quiet }] : [values],
    bands: rolling ? [{ series: [1, 2], fill: () => colours().usual }] : undefined,
    vertical: () => scale.extent,
    verticalWords: tick,
    verticalPlaces: scale.places,
    onDrag: zoom,
    onDoubleClick: () => zoom(whole),
    onHover: (plot, sorted) => {
      if (sorted === null) return hideTip();
      const idx = order[sorted];
      const box = plot.over.getBoundingClientRect();
      const lines = [{ name: series.name, value: withUnit(series.values[idx], series.unit) }];
      if (rolling) lines.push({ name: "rolling mean", value: number(series.rolling_mean[idx]) });
      if (rolling) lines.push({ name: "rolling sd", value: number(series.rolling_sd[idx]) });
      showTip(placeWords(series.axis, series.x[idx]), false, lines, box.left + (plot.cursor.left ?? 0), box.top + (plot.cursor.top ?? 0));
    },
  });
  back.addEventListener("click", () => zoom(whole));
  plotPlace.addEventListener("keydown", (event) => {
    if (event.key === "+" || event.key === "=") by(0.5);
    else if (event.key === "-") by(2);
    else if (event.key === "0") zoom(whole);
    else return;
    event.preventDefault();
  });
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
