// Two quantities against each other, ordinary rows as dots and flagged rows as diamonds.

import type { Bench } from "./bench";
import { diamond, evenPlaces } from "../../shared/places";
import { TICK_SIZE } from "../../shared/strip";
import { element, mount, oncePerFrame } from "./element";
import { featureScale, type Scale } from "./scale";
import { colours, onScheme } from "./scheme";
import { hideTip, showTip } from "./tip";
import { graduations, place as placeWords, score, tick, withUnit } from "../../shared/words";

interface Side {
  name: string;
  /** Name and unit, for the axis. */
  title: string;
  scale: Scale;
  value(point: number): number | null;
  /** A value in words. */
  say(value: number): string;
  /** Graduations in words. */
  ticks(places: number[]): string[];
  /** Whether points of one value are to be spread a little. */
  levels: boolean;
}

const LEFT = 62;
const RIGHT = 12;
const TOP = 30;
const BOTTOM = 50;

export interface Scatter {
  /** Puts a feature on the horizontal axis. */
  show(feature: number): void;
}

export function addScatter(bench: Bench): Scatter | null {
  const place = mount("scatter");
  const { data } = bench;
  if (!place || data.points.x.length === 0) return null;
  const numbers = data.ranking.filter((idx) => data.features[idx].levels.length === 0);
  const pick = (label: string, start: string): HTMLSelectElement => {
    const select = element("select", { "aria-label": `${label} axis` });
    for (const idx of data.ranking) select.append(element("option", { value: idx }, data.features[idx].name));
    select.append(element("option", { value: "score" }, "anomaly score"));
    select.append(element("option", { value: "x" }, data.points.axis === "index" ? "row" : "time"));
    select.value = start;
    select.addEventListener("change", () => settle());
    return select;
  };
  const across = pick("Horizontal", numbers.length > 0 ? String(numbers[0]) : "x");
  const up = pick("Vertical", numbers.length > 1 ? String(numbers[1]) : "score");
  const canvas = element("canvas", {
    role: "img",
    "aria-label": "Scatter plot of every drawn row. The findings say the same in words.",
  });
  const frame = element("div", { class: "scatter bench" }, canvas);
  place.append(
    element("div", { class: "axes" }, element("label", {}, "Across", across), element("label", {}, "Up", up)),
    frame,
  );

  let sides: [Side, Side];
  let spots: { x: Float32Array; y: Float32Array } = { x: new Float32Array(0), y: new Float32Array(0) };
  const settle = (): void => {
    sides = [side(bench, across.value), side(bench, up.value)];
    draw();
  };

  const draw = oncePerFrame(() => {
    const width = frame.clientWidth - parseFloat(getComputedStyle(frame).paddingLeft) * 2;
    if (width <= 0) return;
    const height = Math.round(Math.min(460, Math.max(280, width * 0.6)));
    const ratio = devicePixelRatio;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
    const ctx = canvas.getContext("2d");
    if (!ctx) return;
    ctx.scale(ratio, ratio);
    const shade = colours();
    const inner = { width: width - LEFT - RIGHT, height: height - TOP - BOTTOM };
    const [right, upward] = sides;
    const part = (at: number, [low, high]: [number, number]): number => (at - low) / (high - low);
    const px = (at: number): number => LEFT + inner.width * part(at, right.scale.extent);
    const py = (at: number): number => TOP + inner.height * (1 - part(at, upward.scale.extent));
    axes(ctx, inner, right, upward, px, py);
    const n = bench.flags.length;
    spots = { x: new Float32Array(n).fill(NaN), y: new Float32Array(n).fill(NaN) };
    const dots = new Path2D();
    const marks = new Path2D();
    for (let point = 0; point < n; point++) {
      const a = right.value(point);
      const b = upward.value(point);
      if (a === null || b === null || !bench.inView(point)) continue;
      // Points of one level are spread by a fixed pattern, so that they do not hide each other.
      const spread = (((point * 2654435761) >>> 8) % 1000) / 1000 - 0.5;
      const x = px(right.scale.into(a) + (right.levels ? spread * 0.5 : 0));
      const y = py(upward.scale.into(b) + (upward.levels ? spread * 0.5 : 0));
      spots.x[point] = x;
      spots.y[point] = y;
      if (bench.flags[point]) {
        diamond(marks, x, y, 4.5);
      } else {
        dots.moveTo(x + 1.8, y);
        dots.arc(x, y, 1.8, 0, 2 * Math.PI);
      }
    }
    ctx.fillStyle = shade.normal;
    ctx.globalAlpha = n > 5000 ? 0.3 : 0.5;
    ctx.fill(dots);
    ctx.globalAlpha = 1;
    ctx.fillStyle = shade.flagged;
    ctx.strokeStyle = shade.sheet;
    ctx.lineWidth = 1.5;
    ctx.stroke(marks);
    ctx.fill(marks);
    if (bench.choice !== null && Number.isFinite(spots.x[bench.choice])) {
      const [x, y] = [spots.x[bench.choice], spots.y[bench.choice]];
      ctx.strokeStyle = shade.ink;
      ctx.lineWidth = 1.25;
      ctx.beginPath();
      ctx.arc(x, y, 9, 0, 2 * Math.PI);
      ctx.moveTo(x, TOP);
      ctx.lineTo(x, y - 9);
      ctx.moveTo(LEFT, y);
      ctx.lineTo(x - 9, y);
      ctx.stroke();
    }
  });

  const nearest = (event: MouseEvent): number | null => {
    const box = canvas.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    let best: number | null = null;
    let least = 12 * 12;
    for (let point = 0; point < spots.x.length; point++) {
      const away = (spots.x[point] - x) ** 2 + (spots.y[point] - y) ** 2 - (bench.flags[point] ? 20 : 0);
      if (away < least) {
        least = away;
        best = point;
      }
    }
    return best;
  };
  canvas.addEventListener("pointermove", (event) => {
    const point = nearest(event);
    if (point === null) return hideTip();
    const flagged = bench.flags[point] === 1;
    const { points } = data;
    const lines = [
      { name: "row", value: points.row[point].toLocaleString("en") },
      { name: "anomaly score", value: score(points.score[point]) },
      ...sides.map((side) => ({ name: side.name, value: side.say(side.value(point) ?? NaN) })),
    ];
    showTip(flagged ? "Flagged" : "Ordinary", flagged, lines, event.clientX, event.clientY);
  });
  canvas.addEventListener("pointerleave", hideTip);
  canvas.addEventListener("click", (event) => bench.choose(nearest(event)));
  new ResizeObserver(draw).observe(frame);
  for (const topic of ["threshold", "range", "choice"] as const) bench.on(topic, draw);
  onScheme(draw);
  settle();
  return {
    show(feature) {
      if (up.value === String(feature)) up.value = across.value;
      across.value = String(feature);
      settle();
    },
  };
}

function side(bench: Bench, which: string): Side {
  const { points, features } = bench.data;
  if (which === "score") {
    return {
      name: "anomaly score",
      title: "anomaly score, 0 to 1",
      scale: { into: (v) => v, outOf: (v) => v, extent: [0, bench.ceiling], places: evenPlaces },
      value: (point) => points.score[point],
      say: score,
      ticks: (places) => places.map(tick),
      levels: false,
    };
  }
  if (which === "x") {
    return {
      name: points.axis === "index" ? "row" : "time",
      title: points.axis === "index" ? "row" : points.axis === "time" ? "time, UTC" : "time since the start",
      scale: { into: (v) => v, outOf: (v) => v, extent: bench.whole, places: timePlaces },
      value: (point) => points.x[point],
      say: (value) => placeWords(points.axis, value),
      ticks: (places) => graduations(points.axis, places, places.length > 1 ? places[1] - places[0] : 1),
      levels: false,
    };
  }
  const feature = features[Number(which)];
  const scale = featureScale(feature);
  const levels = feature.levels.length > 0;
  return {
    name: feature.name,
    title: (feature.unit ? `${feature.name} (${feature.unit})` : feature.name) + (scale.outOf(1) === 1 ? "" : ", logarithmic"),
    scale,
    value: (point) => feature.values[point],
    say: (value) => (levels ? feature.levels[value] || "missing" : withUnit(value, feature.unit)),
    ticks: (places) =>
      places.map((at) => (levels ? (feature.levels[at] || "missing").slice(0, 8) : tick(Number(scale.outOf(at).toPrecision(10))))),
    levels,
  };
}

/** A text, shortened until it fits. */
function fitting(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text;
  for (let letters = text.length; letters > 1 && ctx.measureText(shown).width > width; letters--) {
    shown = `${text.slice(0, letters - 1)}…`;
  }
  return shown;
}

const timePlaces = (low: number, high: number, most: number): number[] => {
  const day = 86_400_000;
  const step = [3_600_000, 3 * 3_600_000, 6 * 3_600_000, 12 * 3_600_000, day, 2 * day, 7 * day, 30 * day, 365 * day].find(
    (step) => (high - low) / step <= most,
  );
  if (!step || (high - low) / step < 2) return evenPlaces(low, high, most);
  const places: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high; i++) places.push(i * step);
  return places;
};

function axes(
  ctx: CanvasRenderingContext2D,
  inner: { width: number; height: number },
  right: Side,
  upward: Side,
  px: (at: number) => number,
  py: (at: number) => number,
): void {
  const shade = colours();
  const bottom = TOP + inner.height;
  const acrossPlaces = right.scale.places(...right.scale.extent, Math.max(2, Math.floor(inner.width / 90)));
  const upPlaces = upward.scale.places(...upward.scale.extent, Math.max(2, Math.floor(inner.height / 40)));
  ctx.font = `${TICK_SIZE}px ${shade.mono}`;
  ctx.strokeStyle = shade.hair;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (const at of acrossPlaces) {
    ctx.moveTo(px(at), TOP);
    ctx.lineTo(px(at), bottom);
  }
  for (const at of upPlaces) {
    ctx.moveTo(LEFT, py(at));
    ctx.lineTo(LEFT + inner.width, py(at));
  }
  ctx.stroke();
  ctx.fillStyle = ctx.strokeStyle = shade.muted;
  ctx.lineWidth = 0.75;
  ctx.strokeRect(LEFT, bottom, inner.width, 3);
  ctx.strokeRect(LEFT - 3, TOP, 3, inner.height);
  for (let i = 0; i + 1 < acrossPlaces.length; i += 2) {
    ctx.fillRect(px(acrossPlaces[i]), bottom, px(acrossPlaces[i + 1]) - px(acrossPlaces[i]), 3);
  }
  for (let i = 0; i + 1 < upPlaces.length; i += 2) {
    ctx.fillRect(LEFT - 3, py(upPlaces[i + 1]), 3, py(upPlaces[i]) - py(upPlaces[i + 1]));
  }
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  let free = -Infinity;
  right.ticks(acrossPlaces).forEach((text, i) => {
    const half = ctx.measureText(text).width / 2;
    const x = Math.min(LEFT + inner.width + RIGHT - half, px(acrossPlaces[i]));
    if (x - half > free) {
      ctx.fillText(text, x, bottom + 9);
      free = x + half + 6;
    }
  });
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  upward.ticks(upPlaces).forEach((text, i) => ctx.fillText(text, LEFT - 8, py(upPlaces[i])));
  ctx.fillStyle = shade.ink;
  ctx.font = `12px ${shade.sans}`;
  ctx.textBaseline = "alphabetic";
  ctx.fillText(fitting(ctx, right.title, inner.width), LEFT + inner.width, bottom + 44);
  ctx.textAlign = "left";
  ctx.fillText(fitting(ctx, upward.title, inner.width), LEFT - 3, TOP - 12);
}
