// Which rows are flagged under a threshold: at once for the rows that are drawn, exactly for all of them.

import { runs } from "./calls";
import type { Histogram } from "../../../shared/points";
import type { DetectReport } from "./report";

/** More scores than this are not fetched for exact counts by themselves (4 bytes each). */
const MOST_ROWS = 4_000_000;

/** Flagged rows that the detector told of at once. */
interface Alarm {
  first: number;
  last: number;
  /** How many of the rows are flagged. */
  flagged: number;
  /** How strong the alarm is: the score of its finding, which need not be that of one of its rows. */
  score: number;
}

export class Verdicts {
  threshold = $state(0);
  moved = $state(false);
  private sorted = $state.raw<Float32Array | null>(null);
  private counted = $state<number | null>(null);
  private asked = false;
  /** The detector's own alarms, where they decide and not the score of each row; the weakest first. */
  readonly alarms: Alarm[] | null;
  /** The threshold of the run; at the top of the scale where nothing was flagged. */
  private readonly asMade: number;

  constructor(
    private run: string,
    readonly report: DetectReport,
    byAlarms = false,
  ) {
    this.alarms = byAlarms ? alarmsOf(report) : null;
    const lowest = this.alarms?.[0]?.score ?? 1;
    this.asMade = Math.min(1, lowest, Math.max(0, report.threshold.value));
    this.threshold = this.asMade;
    if (report.points.total_rows <= 200_000) void this.fetch();
  }

  /** Mean score: of all rows, or from their histogram until they are there. */
  get mean(): number {
    return this.counted ?? meanOf(this.report.score_histogram);
  }

  /** Whether the mean is more than an estimate. */
  get meanIsExact(): boolean {
    return this.counted !== null;
  }

  /** Whether the count of flagged rows is more than an estimate. */
  get exact(): boolean {
    return !this.moved || this.alarms !== null || this.sorted !== null || this.drawnAbove !== null;
  }

  /** 1 for each drawn point that is flagged. */
  readonly flags = $derived.by((): Uint8Array => {
    const { score, flagged, row } = this.report.points;
    return Uint8Array.from(score, (one, i) => (this.isFlagged(row[i], one, flagged[i] === 1) ? 1 : 0));
  });

  /** Flagged rows of all. */
  readonly flagged = $derived.by((): number => {
    const asRun = this.report.threshold.flagged;
    if (!this.moved) return asRun;
    if (this.alarms) return asRun - this.alarms.reduce((sum, one) => sum + (one.score < this.threshold ? one.flagged : 0), 0);
    if (this.sorted) return this.sorted.length - lowerBound(this.sorted, this.threshold);
    return this.drawnAbove ?? countAbove(this.report.score_histogram, this.threshold);
  });

  /** How the scores of all rows spread, on the side of the threshold where they are. */
  readonly spread = $derived.by((): Histogram => {
    const { edges, normal, flagged } = this.report.score_histogram;
    if (!this.moved) return this.report.score_histogram;
    if (this.alarms) {
      const kept = flagged.map(() => 0);
      this.report.points.score.forEach((one, i) => (kept[binOf(edges, one)] += this.flags[i]));
      return { edges, normal: normal.map((value, i) => value + flagged[i] - Math.min(flagged[i], kept[i])), flagged: kept.map((value, i) => Math.min(flagged[i], value)) };
    }
    // Bins change sides as a whole.
    const all = normal.map((value, i) => value + flagged[i]);
    return { edges, normal: all.map((value, i) => (edges[i] >= this.threshold ? 0 : value)), flagged: all.map((value, i) => (edges[i] >= this.threshold ? value : 0)) };
  });

  /** Whether a row is flagged under the threshold, given its score and what the run said of it. */
  isFlagged(row: number, score: number, asRun: boolean): boolean {
    if (!this.moved) return asRun;
    if (!this.alarms) return score >= this.threshold;
    return asRun && !this.alarms.some((one) => one.score < this.threshold && row >= one.first && row <= one.last);
  }

  set(threshold: number): void {
    this.threshold = Math.min(1, Math.max(0, Number.isFinite(threshold) ? threshold : this.asMade));
    this.moved = Math.abs(this.threshold - this.asMade) > 0.0005;
    if (this.moved && !this.alarms && !this.asked && this.report.points.total_rows <= MOST_ROWS) void this.fetch();
  }

  reset(): void {
    this.threshold = this.asMade;
    this.moved = false;
  }

  /** Above the threshold of the run every row that counts is drawn. */
  private get drawnAbove(): number | null {
    const { score, flagged } = this.report.points;
    const drawn = flagged.reduce((sum, flag) => sum + flag, 0);
    if (this.threshold < this.asMade || drawn !== this.report.threshold.flagged) return null;
    return score.reduce((sum, one) => sum + (one >= this.threshold ? 1 : 0), 0);
  }

  private async fetch(): Promise<void> {
    this.asked = true;
    try {
      const scores = await runs.scores(this.run);
      let sum = 0;
      for (const one of scores) sum += one;
      this.counted = scores.length > 0 ? sum / scores.length : 0;
      this.sorted = scores.sort();
    } catch {
      // The counts stay estimates from the histogram, and say so.
    }
  }
}

/** What the findings tell of, and each flagged row that none of them tells of by itself. */
function alarmsOf(report: DetectReport): Alarm[] {
  const told = report.findings.map((one): Alarm => {
    const { first_row, last_row, flagged } = one.stretch ?? { first_row: one.row, last_row: one.row, flagged: 1 };
    return { first: first_row, last: last_row, flagged, score: one.score };
  });
  const alarms = [...told];
  const { row, score, flagged } = report.points;
  for (let i = 0; i < row.length; i++) {
    if (!flagged[i]) continue;
    const known = told.some((one) => row[i] >= one.first && row[i] <= one.last);
    if (!known) alarms.push({ first: row[i], last: row[i], flagged: 1, score: score[i] });
  }
  return alarms.sort((a, b) => a.score - b.score);
}

function meanOf({ edges, normal, flagged }: Histogram): number {
  let [sum, rows] = [0, 0];
  for (let i = 0; i < normal.length; i++) {
    const here = normal[i] + flagged[i];
    sum += (here * (edges[i] + edges[i + 1])) / 2;
    rows += here;
  }
  return rows > 0 ? sum / rows : 0;
}

function binOf(edges: number[], value: number): number {
  let bin = 0;
  while (bin + 2 < edges.length && value >= edges[bin + 1]) bin++;
  return bin;
}

/** Rows that score at least this, as if they lay evenly within their bin. */
function countAbove({ edges, normal, flagged }: Histogram, value: number): number {
  let rows = 0;
  for (let i = 0; i < normal.length; i++) {
    const share = (edges[i + 1] - value) / (edges[i + 1] - edges[i] || 1);
    rows += (normal[i] + flagged[i]) * Math.min(1, Math.max(0, share));
  }
  return Math.round(rows);
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
