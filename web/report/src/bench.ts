// What the reader has set: the threshold, the range in view and the chosen row. Parts of the page listen to it.

import type { Finding } from "../../shared/points";
import type { Detection } from "./data";

export type Topic = "threshold" | "range" | "choice";

export class Bench {
  /** Points from left to right. */
  readonly order: number[];
  /** 1 where a point is flagged at the threshold that is set. */
  flags: Uint8Array;
  threshold: number;
  range: [number, number] | null = null;
  /** The chosen point. */
  choice: number | null = null;
  /** The highest threshold that can be set. */
  readonly ceiling: number;
  readonly whole: [number, number];
  private readonly listeners: Record<Topic, (() => void)[]> = { threshold: [], range: [], choice: [] };
  private readonly byRow = new Map<number, number>();
  private readonly findingByRow = new Map<number, Finding>();

  constructor(readonly data: Detection) {
    const { points } = data;
    this.order = points.x.map((_, idx) => idx).sort((a, b) => points.x[a] - points.x[b]);
    this.flags = Uint8Array.from(points.flagged);
    this.threshold = data.threshold;
    let highest = data.threshold <= 1 ? data.threshold : 0.3;
    for (const score of points.score) highest = Math.max(highest, score ?? 0);
    this.ceiling = Math.min(1, Math.ceil((highest + 0.02) * 50) / 50);
    points.row.forEach((row, idx) => this.byRow.set(row, idx));
    data.findings.forEach((finding) => this.findingByRow.set(finding.row, finding));
    const first = points.x[this.order[0]] ?? 0;
    const last = points.x[this.order[this.order.length - 1]] ?? 1;
    const half = points.axis === "index" ? 0.5 : 30_000;
    this.whole = first < last ? [first, last] : [first - half, last + half];
  }

  on(topic: Topic, listener: () => void): void {
    this.listeners[topic].push(listener);
  }

  private tell(topic: Topic): void {
    for (const listener of this.listeners[topic]) listener();
  }

  /** Whether the threshold is the run's own. */
  get asRun(): boolean {
    return this.threshold === this.data.threshold;
  }

  /** Whether every row is drawn. */
  get complete(): boolean {
    return this.data.points.x.length >= this.data.points.total_rows;
  }

  setThreshold(threshold: number): void {
    const { points } = this.data;
    this.threshold = threshold;
    if (this.asRun) {
      this.flags = Uint8Array.from(points.flagged);
    } else {
      for (let idx = 0; idx < this.flags.length; idx++) this.flags[idx] = points.score[idx] >= threshold ? 1 : 0;
    }
    this.tell("threshold");
  }

  /** Rows that reach the threshold, and whether the number is exact or read off the histogram. */
  tally(): { flagged: number; exact: boolean } {
    const { data } = this;
    if (this.asRun) return { flagged: data.flagged, exact: true };
    const drawn = this.flags.reduce((sum, flag) => sum + flag, 0);
    const allFlaggedDrawn = data.points.flagged.reduce((sum, flag) => sum + flag, 0) >= data.flagged;
    if (this.complete || (allFlaggedDrawn && this.threshold >= data.threshold)) return { flagged: drawn, exact: true };
    const { edges, normal, flagged } = data.score_histogram;
    let above = 0;
    for (let bin = 0; bin < normal.length; bin++) {
      const width = edges[bin + 1] - edges[bin];
      const part = width > 0 ? Math.min(1, Math.max(0, (edges[bin + 1] - this.threshold) / width)) : 1;
      above += part * (normal[bin] + flagged[bin]);
    }
    return { flagged: Math.max(drawn, Math.round(above)), exact: false };
  }

  setRange(range: [number, number] | null): void {
    if (range) {
      const low = Math.max(this.whole[0], Math.min(range[0], range[1]));
      const high = Math.min(this.whole[1], Math.max(range[0], range[1]));
      if (!(high > low)) return;
      this.range = low <= this.whole[0] && high >= this.whole[1] ? null : [low, high];
    } else {
      this.range = null;
    }
    this.tell("range");
  }

  /** Shows a smaller or larger part of the range around `centre`. */
  zoom(factor: number, centre?: number): void {
    const [low, high] = this.range ?? this.whole;
    const chosen = this.choice === null ? undefined : this.data.points.x[this.choice];
    const inside = chosen !== undefined && chosen >= low && chosen <= high ? chosen : undefined;
    const middle = centre ?? inside ?? (low + high) / 2;
    const share = (middle - low) / (high - low);
    const width = (high - low) * factor;
    this.setRange([middle - width * share, middle + width * (1 - share)]);
  }

  inView(point: number): boolean {
    const x = this.data.points.x[point];
    return !this.range || (x >= this.range[0] && x <= this.range[1]);
  }

  choose(point: number | null): void {
    this.choice = point;
    this.tell("choice");
  }

  pointOf(row: number): number | null {
    return this.byRow.get(row) ?? null;
  }

  findingOf(point: number): Finding | null {
    return this.findingByRow.get(this.data.points.row[point]) ?? null;
  }

  /** The next flagged point in view to the right (1) or left (-1) of the chosen one. */
  neighbour(direction: 1 | -1): number | null {
    const { order } = this;
    const at = this.choice === null ? (direction > 0 ? -1 : order.length) : order.indexOf(this.choice);
    for (let i = at + direction; i >= 0 && i < order.length; i += direction) {
      if (this.flags[order[i]] && this.inView(order[i])) return order[i];
    }
    return null;
  }
}
