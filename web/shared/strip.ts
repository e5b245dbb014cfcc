// One strip of the record on uPlot: our axes, the graduated edge, zooming by dragging.

import uPlot from "uplot";
import type { Colours } from "./colours";
import { type AxisKind, ROW_STEPS, TIME_STEPS, graduations, tick } from "./words";

export interface StripOptions {
  axis: AxisKind;
  /** Ends of the horizontal axis. */
  whole: [number, number];
  height: number;
  data: uPlot.AlignedData;
  series: uPlot.Series[];
  bands?: uPlot.Band[];
  /** Smallest and largest value of the vertical scale. */
  vertical: () => [number, number];
  /** Turns a value of the vertical scale into words. */
  verticalWords?: (value: number) => string;
  /** Places of the vertical graduations, where they are not to be even. */
  verticalPlaces?: (low: number, high: number, most: number) => number[];
  /** The colours that are shown now. */
  colours: () => Colours;
  /** Draws below and above the lines. */
  below?: (plot: uPlot) => void;
  above?: (plot: uPlot) => void;
  onDrag: (range: [number, number]) => void;
  onDoubleClick: () => void;
  onClick?: (point: number) => void;
  onHover?: (plot: uPlot, point: number | null) => void;
  /** Which point stands for the pointer, given the one nearest to it. */
  nearest?: (plot: uPlot, nearest: number) => number;
  sync?: string;
}

export const TICK_SIZE = 11;
/** Room to the right of a strip, for half of the last word below it. */
export const RIGHT = 22;
/** Width of a letter beside a graduation. */
const LETTER = 6.7;

export function strip(place: HTMLElement, options: StripOptions): { plot: uPlot; end: () => void } {
  const { colours } = options;
  const narrow = (): boolean => place.clientWidth < 480;
  const upright = (): number => (narrow() ? 46 : 58);
  const edges: { x: number[]; y: number[] } = { x: [], y: [] };
  const font = `${TICK_SIZE}px ${colours().mono}`;
  const labels: uPlot.Axis.DynamicValues = (u, splits, _axis, _space, step) => {
    edges.x = splits;
    const { min, max } = u.scales.x;
    const inner = u.width - upright() - RIGHT;
    // Words that would not fit at the right end are left out.
    return graduations(options.axis, splits, step).map((text, i) => {
      const at = ((splits[i] - (min ?? 0)) / ((max ?? 1) - (min ?? 0))) * inner;
      return at + (text.length * LETTER) / 2 > inner + RIGHT ? "" : text;
    });
  };
  const words = options.verticalWords ?? tick;
  const plot = new uPlot(
    {
      width: Math.max(place.clientWidth, 200),
      height: options.height,
      padding: [8, RIGHT, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false, range: (_, low, high) => (low < high ? [low, high] : options.whole) },
        y: { range: () => options.vertical() },
      },
      bands: options.bands,
      series: [{}, ...options.series],
      axes: [
        {
          font,
          stroke: () => colours().muted,
          incrs: options.axis === "index" ? ROW_STEPS : TIME_STEPS,
          space: () => (narrow() ? 64 : options.axis === "index" ? 70 : 105),
          size: 30,
          gap: 6,
          values: labels,
          grid: { stroke: () => colours().hair, width: 1 },
          ticks: { show: false },
        },
        {
          font,
          stroke: () => colours().muted,
          space: 32,
          size: upright,
          gap: 8,
          splits: options.verticalPlaces
            ? (u, _, low, high) => options.verticalPlaces?.(low, high, Math.max(2, Math.floor(u.height / 34))) ?? []
            : undefined,
          values: (_, splits) => {
            edges.y = splits;
            return splits.map(words);
          },
          grid: { stroke: () => colours().hair, width: 1 },
          ticks: { show: false },
        },
      ],
      cursor: {
        y: false,
        sync: options.sync ? { key: options.sync, setSeries: false } : undefined,
        drag: { x: true, y: false, setScale: false, dist: 4 },
        points: { size: 8, width: 2, fill: () => colours().sheet, stroke: () => colours().ink },
        dataIdx: (u, _, nearest) => options.nearest?.(u, nearest) ?? nearest,
        bind: { dblclick: () => () => (options.onDoubleClick(), null) },
      },
      hooks: {
        drawClear: [(u) => options.below?.(u)],
        draw: [(u) => (options.above?.(u), edge(u, edges, colours().muted))],
        setSelect: [
          (u) => {
            if (u.select.width < 3) return;
            const range: [number, number] = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            options.onDrag(range);
          },
        ],
        setCursor: [(u) => options.onHover?.(u, u.over.matches(":hover") ? pointed(u) : null)],
      },
    },
    options.data,
    place,
  );
  // A single point says nothing of its range.
  plot.setScale("x", { min: options.whole[0], max: options.whole[1] });
  let pressed = 0;
  plot.over.addEventListener("pointerdown", (event) => (pressed = event.clientX));
  plot.over.addEventListener("click", (event) => {
    const point = pointed(plot);
    if (Math.abs(event.clientX - pressed) < 4 && point !== null) options.onClick?.(point);
  });
  plot.over.addEventListener("pointerleave", () => options.onHover?.(plot, null));
  let asked = 0;
  const observer = new ResizeObserver(() => {
    cancelAnimationFrame(asked);
    asked = requestAnimationFrame(() => {
      if (place.clientWidth > 0) plot.setSize({ width: place.clientWidth, height: options.height });
    });
  });
  observer.observe(place);
  return {
    plot,
    end: () => {
      observer.disconnect();
      cancelAnimationFrame(asked);
      plot.destroy();
    },
  };
}

function pointed(plot: uPlot): number | null {
  return plot.cursor.idxs?.[1] ?? plot.cursor.idx ?? null;
}

/** The graduated edge: a bar that changes between full and empty at every graduation. */
function edge(plot: uPlot, edges: { x: number[]; y: number[] }, colour: string): void {
  const { ctx } = plot;
  const { left, top, width, height } = plot.bbox;
  const ratio = devicePixelRatio;
  const thick = 3 * ratio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = Math.max(1, Math.round(0.75 * ratio));
  ctx.strokeRect(left, top + height, width, thick);
  ctx.strokeRect(left - thick, top, thick, height);
  const inside = (at: number, low: number, high: number): number => Math.min(high, Math.max(low, at));
  for (let i = 0; i + 1 < edges.x.length; i += 2) {
    const from = inside(plot.valToPos(edges.x[i], "x", true), left, left + width);
    const to = inside(plot.valToPos(edges.x[i + 1], "x", true), left, left + width);
    ctx.fillRect(from, top + height, to - from, thick);
  }
  for (let i = 0; i + 1 < edges.y.length; i += 2) {
    const from = inside(plot.valToPos(edges.y[i], "y", true), top, top + height);
    const to = inside(plot.valToPos(edges.y[i + 1], "y", true), top, top + height);
    ctx.fillRect(left - thick, to, thick, from - to);
  }
  ctx.restore();
}
