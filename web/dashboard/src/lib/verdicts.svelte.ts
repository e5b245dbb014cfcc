// Which rows are flagged under a threshold: at once for the rows that are drawn, exactly for all of them.

import { runs } from "./calls";
import type { DetectReport } from "./report";

/** More scores than this are not fetched for exact counts by themselves (4 bytes each). */
const MOST_ROWS = 4_000_000;

export class Verdicts {
  threshold = $state(0);
  moved = $state(false);
  exact = $state(true);
  mean = $state(0);
  private sorted = $state.raw<Float32Array | null>(null);
  private asked = false;

  constructor(
    private run: string,
    readonly report: DetectReport,
  ) {
    this.threshold = this.asMade;
    const { score } = report.points;
    this.mean = score.length > 0 ? score.reduce((sum, one) => sum + one, 0) / score.length : 0;
    if (report.points.total_rows <= 200_000) void this.fetch();
  }

  /** The threshold of the run; at the top of the scale where nothing was flagged. */
  private get asMade(): number {
    return Math.min(1, Math.max(0, this.report.threshold.value));
  }

  /** 1 for each drawn point that is flagged. */
  readonly flags = $derived.by((): Uint8Array => {
    const { score, flagged } = this.report.points;
    return this.moved ? Uint8Array.from(score, (one) => (one >= this.threshold ? 1 : 0)) : Uint8Array.from(flagged);
  });

  /** Flagged rows of all. */
  readonly flagged = $derived.by((): number => {
    if (!this.moved) return this.report.threshold.flagged;
    if (this.sorted) return this.sorted.length - lowerBound(this.sorted, this.threshold);
    const drawn = this.flags.reduce((sum, flag) => sum + flag, 0);
    const { total_rows, score } = this.report.points;
    return score.length === 0 ? 0 : Math.round((drawn * total_rows) / score.length);
  });

  set(threshold: number): void {
    this.threshold = Math.min(1, Math.max(0, Number.isFinite(threshold) ? threshold : this.asMade));
    this.moved = Math.abs(this.threshold - this.asMade) > 0.0005;
    if (this.moved && !this.asked && this.report.points.total_rows <= MOST_ROWS) void this.fetch();
    this.exact = this.sorted !== null || !this.moved;
  }

  reset(): void {
    this.threshold = this.asMade;
    this.moved = false;
    this.exact = true;
  }

  private async fetch(): Promise<void> {
    this.asked = true;
    try {
      const scores = await runs.scores(this.run);
      let sum = 0;
      for (const one of scores) sum += one;
      this.mean = scores.length > 0 ? sum / scores.length : 0;
      this.sorted = scores.sort();
      this.exact = true;
    } catch {
      // The counts stay estimates from the drawn rows, and say so.
    }
  }
}

function lowerBound(sorted: Float32Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
