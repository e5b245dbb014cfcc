// The histogram in the margin of a strip, on the strip's own vertical scale.

import type uPlot from "uplot";
import type { Bench } from "./bench";
import { colours } from "./scheme";
import { score } from "../../shared/words";

export interface MarginBars {
  /** Edges of the bins, as numbers of the strip's vertical scale. */
  edges: number[];
  normal: number[];
  flagged: number[];
}

/** Draws bars from left to right; lengths are logarithmic, so that a single row is to be seen beside a million. */
export function drawMargin(canvas: HTMLCanvasElement, plot: uPlot, bars: MarginBars, threshold?: number): void {
  const ratio = devicePixelRatio;
  const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
  const height = Math.round(plot.height * ratio);
  canvas.width = width;
  canvas.height = height;
  const ctx = canvas.getContext("2d");
  if (!ctx) return;
  const { top, height: inner } = plot.bbox;
  const shade = colours();
  const most = bars.normal.reduce((most, n, bin) => Math.max(most, n + bars.flagged[bin]), 1);
  const length = (n: number): number => (Math.log1p(n) / Math.log1p(most)) * (width - 4 * ratio);
  ctx.save();
  ctx.beginPath();
  ctx.rect(0, top, width, inner);
  ctx.clip();
  for (let bin = 0; bin < bars.normal.length; bin++) {
    const low = plot.valToPos(bars.edges[bin], "y", true);
    const high = plot.valToPos(bars.edges[bin + 1], "y", true);
    const thick = Math.min(low - high - (low - high > 3 * ratio ? ratio * 0.75 : 0), 26 * ratio);
    const y = (low + high - thick) / 2;
    const ordinary = length(bars.normal[bin]);
    ctx.fillStyle = shade.normal;
    ctx.fillRect(0, y, ordinary, thick);
    if (bars.flagged[bin] > 0) {
      ctx.fillStyle = shade.flagged;
      ctx.fillRect(ordinary, y, length(bars.normal[bin] + bars.flagged[bin]) - ordinary, thick);
    }
  }
  ctx.restore();
  ctx.strokeStyle = shade.muted;
  ctx.lineWidth = Math.max(1, Math.round(0.75 * ratio));
  ctx.beginPath();
  ctx.moveTo(0.5, top);
  ctx.lineTo(0.5, top + inner);
  ctx.stroke();
  if (threshold !== undefined && threshold <= 1) handle(ctx, plot.valToPos(threshold, "y", true), width, threshold);
}

/** The line of the threshold with the tag by which it is dragged. */
function handle(ctx: CanvasRenderingContext2D, y: number, width: number, threshold: number): void {
  const ratio = devicePixelRatio;
  const shade = colours();
  const text = score(threshold);
  ctx.font = `${11 * ratio}px ${shade.mono}`;
  const long = ctx.measureText(text).width + 10 * ratio;
  const high = 18 * ratio;
  ctx.strokeStyle = shade.ink;
  ctx.lineWidth = 1.25 * ratio;
  ctx.setLineDash([5 * ratio, 3 * ratio]);
  ctx.beginPath();
  ctx.moveTo(0, y);
  ctx.lineTo(width - long, y);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.fillStyle = shade.ink;
  ctx.beginPath();
  ctx.moveTo(width - long - 5 * ratio, y);
  ctx.lineTo(width - long, y - high / 2);
  ctx.lineTo(width, y - high / 2);
  ctx.lineTo(width, y + high / 2);
  ctx.lineTo(width - long, y + high / 2);
  ctx.closePath();
  ctx.fill();
  ctx.fillStyle = shade.sheet;
  ctx.textBaseline = "middle";
  ctx.textAlign = "right";
  ctx.fillText(text, width - 5 * ratio, y + ratio * 0.5);
}

/** Lets the pointer drag the threshold up and down in the margin. */
export function dragThreshold(canvas: HTMLCanvasElement, plot: () => uPlot, bench: Bench): void {
  const follow = (event: PointerEvent): void => {
    const strip = plot();
    const y = event.clientY - canvas.getBoundingClientRect().top - strip.bbox.top / devicePixelRatio;
    const value = strip.posToVal(y, "y");
    bench.setThreshold(Math.min(bench.ceiling, Math.max(0, Math.round(value * 1000) / 1000)));
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    follow(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) follow(event);
  });
}
