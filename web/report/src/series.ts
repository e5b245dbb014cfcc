// One series and its parts, one above the other: what is zoomed in one is zoomed in all.

import type uPlot from "uplot";
import { strip, type StripOptions } from "./chart";
import type { Series } from "./data";
import { element } from "./element";
import { extentOf } from "../../shared/places";
import { scaleOf } from "./scale";
import { colours } from "./scheme";
import { hideTip, showTip, type TipLine } from "./tip";
import { number, place as placeWords, tick, withUnit } from "../../shared/words";

type Range = [number, number];

export function addSeries(place: HTMLElement, series: Series): void {
  const order = series.x.map((_, idx) => idx).sort((a, b) => series.x[a] - series.x[b]);
  const xs = order.map((idx) => series.x[idx]);
  const sorted = (values: (number | null)[]): (number | null)[] => order.map((idx) => values[idx] ?? null);
  const whole: Range = xs[0] < xs[xs.length - 1] ? [xs[0], xs[xs.length - 1]] : [xs[0] - 0.5, xs[0] + 0.5];
  const rolling = series.window > 0 && series.rolling_mean.length === xs.length;
  const banded = rolling && series.rolling_low.length === xs.length && series.rolling_high.length === xs.length;

  const plots: uPlot[] = [];
  let range = whole;
  const back = element("button", { type: "button", disabled: true }, "Whole range");
  const zoom = (to: Range): void => {
    const low = Math.max(whole[0], to[0]);
    const high = Math.min(whole[1], to[1]);
    if (!(high > low)) return;
    range = [low, high];
    back.disabled = low <= whole[0] && high >= whole[1];
    for (const plot of plots) plot.setScale("x", { min: low, max: high });
    // What each panel really shows, once it has taken the new scale in.
    queueMicrotask(() => {
      for (const { root, scales } of plots) root.dataset.range = `${scales.x.min} ${scales.x.max}`;
    });
  };
  const by = (factor: number): void => {
    const middle = (range[0] + range[1]) / 2;
    const half = ((range[1] - range[0]) * factor) / 2;
    zoom([middle - half, middle + half]);
  };
  const along = (share: number): void => {
    const width = range[1] - range[0];
    const low = Math.max(whole[0], Math.min(whole[1] - width, range[0] + share * width));
    zoom([low, low + width]);
  };
  const listen = (target: HTMLElement): void =>
    target.addEventListener("keydown", (event) => {
      if (event.key === "+" || event.key === "=") by(0.5);
      else if (event.key === "-") by(2);
      else if (event.key === "0") zoom(whole);
      else if (event.key === "ArrowLeft") along(-0.25);
      else if (event.key === "ArrowRight") along(0.25);
      else return;
      event.preventDefault();
    });
  const hover = (plot: uPlot, at: number | null): void => {
    if (at === null) return hideTip();
    const idx = order[at];
    const box = plot.over.getBoundingClientRect();
    const lines: TipLine[] = [{ name: "value", value: withUnit(series.values[idx], series.unit) }];
    if (rolling) lines.push({ name: "rolling mean", value: number(series.rolling_mean[idx]) });
    if (banded) lines.push({ name: "rolling 5 to 95 %", value: `${number(series.rolling_low[idx])} to ${number(series.rolling_high[idx])}` });
    for (const part of series.parts) lines.push({ name: part.name, value: number(part.values[idx]) });
    showTip(placeWords(series.axis, series.x[idx]), false, lines, box.left + (plot.cursor.left ?? 0), box.top + (plot.cursor.top ?? 0));
  };
  const sync = `series-${place.dataset.series ?? "0"}`;
  const quiet = { show: false };
  const line = (): uPlot.Series => ({ stroke: () => colours().normal, width: 1, points: { show: xs.length <= 80, size: 5 } });

  const note = [
    rolling ? `line: mean of the last ${series.window.toLocaleString("en")} rows` : "",
    banded ? "band: their 5 % to 95 % quantile" : "",
    series.parts.length > 0 ? "drag to zoom all panels" : "",
  ];
  const bench = element(
    "div",
    { class: "bench" },
    element("div", { class: "caption" }, back, element("span", { class: "aside" }, note.filter(Boolean).join(" · "))),
  );
  place.append(bench);
  const panel = (name: string, look: Omit<StripOptions, "axis" | "whole" | "onDrag" | "onDoubleClick" | "onHover">): void => {
    const target = element("div", {
      class: "plot",
      tabindex: 0,
      role: "group",
      "aria-label": `${name}. Plus and minus zoom all panels of this series, the arrows move, 0 shows the whole range.`,
    });
    bench.append(element("div", { class: "strip wide" }, element("p", { class: "part-name" }, name), target));
    // The other panels hear of the drag as well, by the cursor that they share: only the one below the pointer zooms.
    const onDrag = (to: Range): void => {
      if (target.matches(":hover")) zoom(to);
    };
    plots.push(strip(target, { ...look, axis: series.axis, whole, sync, onDrag, onDoubleClick: () => zoom(whole), onHover: hover }));
    listen(target);
  };

  const scale = scaleOf(series.values, false);
  const edge: uPlot.Series = { stroke: () => colours().line, width: 1, points: quiet };
  const mean: uPlot.Series = { stroke: () => colours().ink, width: 1.5, points: quiet };
  const lines = [
    ...(banded ? [{ values: series.rolling_high, look: edge }, { values: series.rolling_low, look: edge }] : []),
    { values: series.values, look: line() },
    ...(rolling ? [{ values: series.rolling_mean, look: mean }] : []),
  ];
  panel("values", {
    height: 300,
    data: [xs, ...lines.map((one) => sorted(one.values))] as uPlot.AlignedData,
    series: lines.map((one) => one.look),
    bands: banded ? [{ series: [1, 2], fill: () => colours().usual }] : undefined,
    vertical: () => scale.extent,
    verticalWords: tick,
    verticalPlaces: scale.places,
  });
  for (const part of series.parts) {
    if (part.values.length !== xs.length) continue;
    const own = scaleOf(part.values, false);
    const extent = extentOf(part.values);
    panel(part.name, {
      height: 120,
      data: [xs, sorted(part.values)] as uPlot.AlignedData,
      series: [line()],
      vertical: () => extent,
      verticalWords: tick,
      verticalPlaces: own.places,
    });
  }
  back.addEventListener("click", () => zoom(whole));
}
