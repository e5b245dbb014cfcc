// What was found in rows and what is drawn of it, as `crates/eddy-report/src/data.rs` writes it.

import type { AxisKind } from "./words";

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
