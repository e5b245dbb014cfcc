// The small distributions follow the threshold, and show where the chosen row lies.

import type { Bench } from "./bench";
import type { Feature, Histogram } from "../../shared/points";
import { element, mount, oncePerFrame, shape } from "./element";
import { hideTip, showTip } from "./tip";
import { count, number } from "../../shared/words";

// The geometry of `crates/eddy-report/src/distribution.rs`.
const WIDTH = 240;
const HEIGHT = 88;
const UPPER = 0.62;
/** More figures than this are folded. */
const FOLD = 15;

interface Figure {
  feature: Feature;
  svg: SVGSVGElement;
  halves: Record<"normal" | "flagged", SVGPathElement | null>;
  counts: Histogram;
}

export function addMultiples(bench: Bench): void {
  const place = mount("multiples");
  if (!place) return;
  const figures: Figure[] = [];
  for (const figure of place.querySelectorAll<HTMLElement>("figure[data-feature]")) {
    const feature = bench.data.features[Number(figure.dataset.feature)];
    const svg = figure.querySelector("svg");
    if (!feature || !svg) continue;
    const half = (which: string): SVGPathElement | null => svg.querySelector(`[data-half="${which}"]`);
    const made = { feature, svg, halves: { normal: half("normal"), flagged: half("flagged") }, counts: feature.histogram };
    figures.push(made);
    svg.addEventListener("pointermove", (event) => hover(made, event));
    svg.addEventListener("pointerleave", hideTip);
  }
  fold(place);
  const recount = oncePerFrame(() => {
    for (const figure of figures) {
      figure.counts = bench.asRun ? figure.feature.histogram : counted(bench, figure.feature);
      redraw(figure);
    }
  });
  bench.on("threshold", recount);
  bench.on("choice", () => {
    for (const figure of figures) {
      figure.svg.querySelector(".level-needle")?.remove();
      const value = bench.choice === null ? null : figure.feature.values[bench.choice];
      if (value === null || value === undefined || figure.counts.normal.length === 0) continue;
      const at = figure.feature.levels.length > 0 ? value + 0.5 : value;
      const x = (WIDTH * part(figure.counts.edges, at)).toFixed(1);
      figure.svg.append(shape("path", { class: "level-needle", d: `M${x} 0V${HEIGHT}` }));
    }
  });
}

/** Position of the bin of a value. */
function binOf(edges: number[], value: number): number {
  let low = 0;
  let high = edges.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (edges[middle] <= value) low = middle;
    else high = middle;
  }
  return low;
}

function part(edges: number[], value: number): number {
  const bin = binOf(edges, value);
  const width = edges[bin + 1] - edges[bin];
  const inside = width > 0 ? Math.min(1, Math.max(0, (value - edges[bin]) / width)) : 0.5;
  return (bin + inside) / (edges.length - 1);
}

/** Counts the rows that are drawn anew; the ordinary half stays as it is when some are not drawn. */
function counted(bench: Bench, feature: Feature): Histogram {
  const { edges } = feature.histogram;
  const normal = new Array<number>(Math.max(0, edges.length - 1)).fill(0);
  const flagged = normal.slice();
  if (normal.length === 0) return feature.histogram;
  for (let point = 0; point < bench.flags.length; point++) {
    const value = feature.values[point];
    if (value === null || value === undefined) continue;
    (bench.flags[point] ? flagged : normal)[binOf(edges, value)]++;
  }
  return { edges, normal: bench.complete ? normal : feature.histogram.normal, flagged };
}

function redraw(figure: Figure): void {
  const middle = HEIGHT * UPPER;
  figure.halves.normal = half(figure, "normal", figure.counts.normal, middle, -middle);
  figure.halves.flagged = half(figure, "flagged", figure.counts.flagged, middle, HEIGHT - middle);
}

function half(
  figure: Figure,
  which: "normal" | "flagged",
  counts: number[],
  base: number,
  height: number,
): SVGPathElement {
  const most = Math.max(1, ...counts);
  const width = WIDTH / Math.max(1, counts.length);
  const bar = Math.min(48, width - (width > 4 ? 0.8 : 0));
  let path = "";
  counts.forEach((n, bin) => {
    if (n > 0) {
      const tall = (height * Math.max(0.02, n / most)).toFixed(1);
      const left = width * (bin + 0.5) - bar / 2;
      path += `M${left.toFixed(1)} ${base.toFixed(1)}h${bar.toFixed(1)}v${tall}h-${bar.toFixed(1)}z`;
    }
  });
  let target = figure.halves[which];
  if (!target) {
    target = shape("path", { class: `f-${which}`, "data-half": which }) as SVGPathElement;
    figure.svg.append(target);
  }
  target.setAttribute("d", path);
  return target;
}

function hover(figure: Figure, event: PointerEvent): void {
  const { edges, normal, flagged } = figure.counts;
  const box = figure.svg.getBoundingClientRect();
  const bin = Math.floor(((event.clientX - box.left) / box.width) * normal.length);
  if (bin < 0 || bin >= normal.length) return hideTip();
  const title =
    figure.feature.levels.length > 0
      ? figure.feature.levels[bin] || "missing"
      : `${number(edges[bin])} to ${number(edges[bin + 1])}${figure.feature.unit ? ` ${figure.feature.unit}` : ""}`;
  showTip(title, false, [
    { name: "ordinary", value: count(normal[bin]) },
    { name: "flagged", value: count(flagged[bin]) },
  ], event.clientX, event.clientY);
}

function fold(place: HTMLElement): void {
  const all = [...place.querySelectorAll<HTMLElement>("figure")];
  if (all.length <= FOLD + 3) return;
  const button = element("button", { type: "button", class: "expander more" });
  let open = true;
  const turn = (): void => {
    open = !open;
    all.slice(FOLD).forEach((figure) => (figure.hidden = !open));
    button.textContent = open ? `Show the first ${FOLD}` : `Show all ${all.length}`;
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", turn);
  turn();
  place.after(button);
}
