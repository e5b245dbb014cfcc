// What the page carries, as `crates/eddy-report/src/data.rs` and `exploration.rs` write it.

import type { Feature, Finding, Histogram, Points } from "../../shared/points";
import type { AxisKind } from "../../shared/words";

export interface Detection {
  kind: "detect";
  threshold: number;
  flagged: number;
  points: Points;
  features: Feature[];
  ranking: number[];
  score_histogram: Histogram;
  findings: Finding[];
  finding_columns: string[];
}

export interface Series {
  name: string;
  unit: string | null;
  axis: AxisKind;
  x: number[];
  values: (number | null)[];
  window: number;
  rolling_mean: (number | null)[];
  rolling_sd: (number | null)[];
  rolling_low: (number | null)[];
  rolling_high: (number | null)[];
  /** Trend, seasons and remainder, each as long as `x`. */
  parts: { name: string; values: (number | null)[] }[];
}

export interface Correlation {
  names: string[];
  pearson: number[];
  spearman: number[];
}

export interface Exploration {
  kind: "explore";
  series: Series[];
  correlation: Correlation | null;
}

/** A page that compares models is all tables and pictures. */
export interface Comparison {
  kind: "compare";
}

export function read(): Detection | Exploration | Comparison | null {
  const source = document.getElementById("data")?.textContent;
  return source ? (JSON.parse(source) as Detection | Exploration | Comparison) : null;
}
