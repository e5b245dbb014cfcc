// The record: scores with the threshold, and one feature below, on one horizontal axis.

import type uPlot from "uplot";
import type { Bench } from "./bench";
import { diamond, evenPlaces } from "../../shared/places";
import { RIGHT } from "../../shared/strip";
import { strip } from "./chart";
import type { Feature } from "../../shared/points";
import { element, mount, oncePerFrame, shape } from "./element";
import { drawMargin, dragThreshold, type MarginBars } from "./margin";
import { featureScale } from "./scale";
import { colours, onScheme } from "./scheme";
import { hideTip, showTip, type TipLine } from "./tip";
import { place as placeWords, score as scoreWords, tick, withUnit } from "../../shared/words";

/** Pixels around the pointer within which the most unusual point is taken. */
const REACH = 5;

export interface Trace {
  /** Shows a feature in the lower strip. */
  show(feature: number): void;
}

export function addTrace(bench: Bench): Trace | null {
  const place = mount("trace");
  const { data } = bench;
  const { points } = data;
  if (!place || points.x.length === 0) return null;
  const xs = bench.order.map((idx) => points.x[idx]);
  const shown = data.features.length > 0 ? element("select", { "aria-label": "Feature in the lower strip" }) : null;
  let current = data.ranking.find((idx) => data.features[idx].levels.length === 0) ?? data.ranking[0] ?? -1;
  const plots: uPlot[] = [];
  const said = element("p", { class: "unseen", "aria-live": "polite" });

  const lines = (point: number): TipLine[] => {
    const tips: TipLine[] = [{ name: "row", value: points.row[point].toLocaleString("en") }];
    if (points.axis !== "index") tips.push({ name: "at", value: placeWords(points.axis, points.x[point]) });
    tips.push({ name: "anomaly score", value: scoreWords(points.score[point]) });
    const feature = data.features[current];
    if (feature) tips.push({ name: feature.name, value: valueWords(feature, point) });
    if (points.truth.length > 0) tips.push({ name: "label", value: points.truth[point] ? "attack" : "normal" });
    return tips;
  };
  const hover = (plot: uPlot, sorted: number | null): void => {
    if (sorted === null) return hideTip();
    const point = bench.order[sorted];
    const box = plot.over.getBoundingClientRect();
    const flagged = bench.flags[point] === 1;
    showTip(flagged ? "Flagged" : "Ordinary", flagged, lines(point), box.left + (plot.cursor.left ?? 0), box.top + (plot.cursor.top ?? 0));
  };
  const nearest = (plot: uPlot, at: number): number => {
    const here = plot.valToPos(xs[at], "x");
    let best = at;
    for (const direction of [1, -1]) {
      for (let i = at; i >= 0 && i < xs.length && Math.abs(plot.valToPos(xs[i], "x") - here) <= REACH; i += direction) {
        if (points.score[bench.order[i]] > points.score[bench.order[best]]) best = i;
      }
    }
    return best;
  };
  const marks = (plot: uPlot, value: (point: number) => number | null): void => {
    const { ctx, bbox } = plot;
    const ratio = devicePixelRatio;
    const shade = colours();
    const path = new Path2D();
    for (let point = 0; point < bench.flags.length; point++) {
      const at = bench.flags[point] && bench.inView(point) ? value(point) : null;
      if (at === null || at === undefined) continue;
      diamond(path, plot.valToPos(points.x[point], "x", true), plot.valToPos(at, "y", true), 4.5 * ratio);
    }
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - 6 * ratio, bbox.top - 6 * ratio, bbox.width + 12 * ratio, bbox.height + 9 * ratio);
    ctx.clip();
    ctx.fillStyle = shade.flagged;
    ctx.strokeStyle = shade.sheet;
    ctx.lineWidth = 1.5 * ratio;
    // The edge lies below the marks, so that many marks do not end up as many edges.
    ctx.stroke(path);
    ctx.fill(path);
    if (bench.choice !== null && bench.inView(bench.choice)) {
      const x = plot.valToPos(points.x[bench.choice], "x", true);
      const at = value(bench.choice);
      ctx.strokeStyle = shade.ink;
      ctx.lineWidth = 1.25 * ratio;
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      if (at !== null && at !== undefined) {
        const y = plot.valToPos(at, "y", true);
        ctx.moveTo(x + 9 * ratio, y);
        ctx.arc(x, y, 9 * ratio, 0, 2 * Math.PI);
      }
      ctx.stroke();
    }
    ctx.restore();
  };
  const common = {
    axis: points.axis,
    whole: bench.whole,
    onDrag: (range: [number, number]) => bench.setRange(range),
    onDoubleClick: () => bench.setRange(null),
    onHover: hover,
    onClick: (sorted: number) => bench.choose(bench.order[sorted]),
    nearest,
    sync: "record",
  };
  const dots = xs.length <= 80;

  // Scores.
  const upper = sheet("Anomaly score", "Score strip", place);
  upper.caption.append(element("span", { class: "aside" }, "drag across to zoom, double-click for the whole range"));
  upper.margin.classList.add("grip");
  upper.margin.setAttribute("aria-hidden", "true");
  const truth = points.truth.length > 0;
  const scores = strip(upper.plot, {
    ...common,
    height: 210,
    data: [xs, bench.order.map((idx) => points.score[idx])],
    series: [{ stroke: () => colours().normal, width: 1, alpha: xs.length > 3000 ? 0.6 : 0.85, points: { show: dots, size: 5, fill: () => colours().normal } }],
    // Labels have a lane of their own below zero.
    vertical: () => [truth ? -0.08 * bench.ceiling : 0, bench.ceiling],
    verticalPlaces: (_, high, most) => evenPlaces(0, high, most),
    above: (plot) => {
      const { ctx, bbox } = plot;
      const ratio = devicePixelRatio;
      if (truth) labelTicks(plot, bench);
      marks(plot, (point) => points.score[point]);
      if (bench.threshold <= 1) {
        const y = plot.valToPos(bench.threshold, "y", true);
        ctx.save();
        ctx.strokeStyle = colours().ink;
        ctx.lineWidth = 1.25 * ratio;
        ctx.setLineDash([5 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(bbox.left, y);
        ctx.lineTo(bbox.left + bbox.width + RIGHT * ratio, y);
        ctx.stroke();
        ctx.restore();
      }
      drawMargin(upper.margin, plot, scoreBars(bench), bench.threshold);
    },
  });
  plots.push(scores);
  dragThreshold(upper.margin, () => scores, bench);

  // One feature.
  let lowerPlot: uPlot | null = null;
  const drawFeature = (): void => {
    const feature = data.features[current];
    const part = lower;
    if (!part || !feature) return;
    if (lowerPlot) {
      plots.splice(plots.indexOf(lowerPlot), 1);
      lowerPlot.destroy();
    }
    const scale = featureScale(feature);
    const drawn = (point: number): number | null => {
      const value = feature.values[point];
      return value === null ? null : scale.into(value);
    };
    const category = feature.levels.length > 0;
    const usual = feature.typical && !category ? "shaded: where 90 % of the training rows lie" : "";
    part.note.textContent = feature.band ? "shaded: what was expected at each point" : usual;
    lowerPlot = strip(part.plot, {
      ...common,
      height: 220,
      data: [xs, bench.order.map(drawn)],
      series: [
        {
          stroke: () => colours().normal,
          width: 1,
          alpha: 0.85,
          paths: category ? () => null : undefined,
          points: { show: dots || category, size: category ? 3 : 5, fill: () => colours().normal },
        },
      ],
      vertical: () => scale.extent,
      verticalWords: (at) => (category ? shorten(feature.levels[at] || "missing") : tick(tidy(scale.outOf(at)))),
      verticalPlaces: scale.places,
      below: (plot) => {
        if (feature.band) {
          expectedBand(plot, bench.order, xs, feature.band, scale.into);
          return;
        }
        if (!feature.typical || category) return;
        const { ctx, bbox } = plot;
        const top = Math.max(bbox.top, plot.valToPos(scale.into(feature.typical[1]), "y", true));
        const bottom = Math.min(bbox.top + bbox.height, plot.valToPos(scale.into(feature.typical[0]), "y", true));
        ctx.fillStyle = colours().usual;
        ctx.fillRect(bbox.left, top, bbox.width, Math.max(1, bottom - top));
      },
      above: (plot) => {
        marks(plot, drawn);
        const { edges, normal, flagged } = feature.histogram;
        const drawnEdges = category ? edges.map((edge) => edge - 0.5) : edges.map((edge) => scale.into(edge));
        drawMargin(part.margin, plot, { edges: drawnEdges, normal, flagged });
      },
    });
    plots.push(lowerPlot);
    if (bench.range) lowerPlot.setScale("x", { min: bench.range[0], max: bench.range[1] });
  };
  const valueWords = (feature: Feature, point: number): string => {
    const value = feature.values[point];
    if (value !== null && feature.levels.length > 0) return feature.levels[value] || "missing";
    return withUnit(value, feature.unit);
  };
  let lower: ReturnType<typeof sheet> | null = null;
  if (shown) {
    for (const idx of data.ranking) shown.append(element("option", { value: idx }, titled(data.features[idx])));
    shown.value = String(current);
    shown.addEventListener("change", () => {
      current = Number(shown.value);
      drawFeature();
    });
    lower = sheet(shown, "Feature strip", place);
    lower.margin.setAttribute("aria-hidden", "true");
    drawFeature();
  }
  place.append(legend(truth), said);

  const redraw = oncePerFrame(() => plots.forEach((plot) => plot.redraw(false)));
  const zoom = oncePerFrame(() => {
    const [min, max] = bench.range ?? bench.whole;
    plots.forEach((plot) => plot.setScale("x", { min, max }));
  });
  bench.on("threshold", redraw);
  bench.on("choice", redraw);
  bench.on("range", zoom);
  onScheme(redraw);
  for (const part of [upper, lower]) {
    part?.plot.addEventListener("keydown", (event) => {
      if (keys(bench, event)) {
        event.preventDefault();
        said.textContent =
          bench.choice === null ? "" : lines(bench.choice).map((line) => `${line.name} ${line.value}`).join(", ");
      }
    });
  }
  return {
    show(feature) {
      current = feature;
      if (shown) shown.value = String(feature);
      drawFeature();
    },
  };
}

/** What was expected at each point, as a band; broken where nothing was. */
function expectedBand(
  plot: uPlot,
  order: number[],
  xs: number[],
  band: NonNullable<Feature["band"]>,
  into: (value: number) => number,
): void {
  const { ctx, bbox } = plot;
  const within = (y: number): number => Math.min(bbox.top + bbox.height, Math.max(bbox.top, y));
  const draw = (piece: [number, number, number][]): void => {
    if (piece.length === 0) return;
    ctx.beginPath();
    for (const [x, , high] of piece) ctx.lineTo(x, high);
    for (const [x, low] of piece.toReversed()) ctx.lineTo(x, low);
    ctx.closePath();
    ctx.fill();
  };
  ctx.save();
  ctx.fillStyle = colours().usual;
  let piece: [number, number, number][] = [];
  order.forEach((point, at) => {
    const low = band.low[point];
    const high = band.high[point];
    if (low === null || high === null) {
      draw(piece);
      piece = [];
      return;
    }
    const place = (value: number): number => within(plot.valToPos(into(value), "y", true));
    piece.push([plot.valToPos(xs[at], "x", true), place(low), place(high)]);
  });
  draw(piece);
  ctx.restore();
}

function keys(bench: Bench, event: KeyboardEvent): boolean {
  switch (event.key) {
    case "ArrowRight":
    case "ArrowLeft": {
      const next = bench.neighbour(event.key === "ArrowRight" ? 1 : -1);
      if (next !== null) bench.choose(next);
      return true;
    }
    case "+":
    case "=":
      bench.zoom(0.5);
      return true;
    case "-":
      bench.zoom(2);
      return true;
    case "0":
      bench.setRange(null);
      return true;
    case "Escape":
      bench.choose(null);
      return true;
    default:
      return false;
  }
}

function titled(feature: Feature): string {
  return feature.unit ? `${feature.name} (${feature.unit})` : feature.name;
}

function shorten(text: string): string {
  return text.length > 8 ? `${text.slice(0, 7)}…` : text;
}

/** Takes the rounding of there and back again out of a number. */
function tidy(value: number): number {
  return Number(value.toPrecision(10));
}

function sheet(
  title: string | HTMLElement,
  label: string,
  place: HTMLElement,
): { caption: HTMLElement; note: HTMLElement; plot: HTMLElement; margin: HTMLCanvasElement } {
  const note = element("span", { class: "aside" });
  const caption = element("div", { class: "caption" }, title, typeof title === "string" ? null : note);
  const plot = element("div", {
    class: "plot",
    tabindex: 0,
    role: "group",
    "aria-label": `${label}. Left and right step through flagged rows, plus and minus zoom, 0 shows the whole range. The findings below say the same in words.`,
  });
  const margin = element("canvas", { class: "margin" });
  place.append(element("div", { class: "bench" }, caption, element("div", { class: "strip" }, plot, element("div", {}, margin))));
  return { caption, note, plot, margin };
}

function scoreBars(bench: Bench): MarginBars {
  const { edges, normal, flagged } = bench.data.score_histogram;
  if (bench.asRun) return { edges, normal, flagged };
  // The verdict of a bin follows the threshold; the bin that holds it is divided.
  const bars: MarginBars = { edges: [], normal: [], flagged: [] };
  for (let bin = 0; bin < normal.length; bin++) {
    const all = normal[bin] + flagged[bin];
    const above = edges[bin] >= bench.threshold;
    bars.normal.push(above ? 0 : all);
    bars.flagged.push(above ? all : 0);
  }
  bars.edges = edges;
  return bars;
}

/** Small ticks in the lane below zero where the label says attack. */
function labelTicks(plot: uPlot, bench: Bench): void {
  const { ctx, bbox } = plot;
  const { points } = bench.data;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.fillStyle = colours().ink;
  for (let point = 0; point < points.truth.length; point++) {
    if (points.truth[point] && bench.inView(point)) {
      const x = plot.valToPos(points.x[point], "x", true);
      ctx.fillRect(x - ratio * 0.5, bbox.top + bbox.height - 10 * ratio, ratio, 7 * ratio);
    }
  }
  ctx.restore();
}

function legend(truth: boolean): HTMLElement {
  const entry = (mark: SVGElement, text: string): HTMLElement =>
    element("li", {}, shape("svg", { viewBox: "0 0 16 12", "aria-hidden": true }, mark), text);
  return element(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    entry(shape("path", { class: "s-normal", d: "M0 9l4-4 4 3 4-6 4 5", fill: "none", "stroke-width": 1.25 }), "every row"),
    entry(shape("path", { class: "f-flagged", d: "M8 1l5 5-5 5-5-5z" }), "flagged"),
    entry(
      shape("path", { class: "s-ink", d: "M0 6h16", fill: "none", "stroke-width": 1.25, "stroke-dasharray": "5 3" }),
      "threshold; drag its tag in the margin",
    ),
    truth && entry(shape("path", { class: "s-ink", d: "M4 12V5M8 12V5M12 12V5", "stroke-width": 1 }), "labelled as attack"),
    element("li", {}, "margin: how the values are spread, in rows, logarithmic"),
  );
}
