// What the page carries, as `crates/eddy-report/src/data.rs` and `exploration.rs` write it.

export type AxisKind = "time" | "elapsed" | "index";

export interface Histogram {
  edges: number[];
  normal: number[];
  flagged: number[];
}

export interface Points {
  axis: AxisKind;
  x: number[];
  score: number[];
  flagged: number[];
  row: number[];
  truth: number[];
  total_rows: number;
}

export interface Feature {
  name: string;
  unit: string | null;
  values: (number | null)[];
  levels: string[];
  histogram: Histogram;
  quartiles: number[] | null;
  typical: [number, number] | null;
  band?: { low: (number | null)[]; high: (number | null)[] };
  logarithmic: boolean;
}

interface CauseHead {
  feature: string;
  unit?: string;
  share: number;
}

export type Cause = CauseHead &
  (
    | { type: "number"; seen: number | null; expected: number; low: number; high: number }
    | { type: "category"; seen: string; seen_share: number; expected: string; expected_share: number }
  );

export interface Stretch {
  first_row: number;
  last_row: number;
  flagged: number;
  from?: string;
  to?: string;
}

export interface Finding {
  rank: number;
  row: number;
  line?: number;
  source?: string;
  time?: string;
  entity?: string;
  stretch?: Stretch;
  score: number;
  sentence: string;
  label?: string;
  causes: Cause[];
  values: string[];
}

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
