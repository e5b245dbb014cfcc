// What a run, a description and a comparison carry, as the engine writes them.

import type { Feature, Finding, Histogram, Points } from "../../../shared/points";

export interface Evaluation {
  label_column: string;
  roc_auc: number;
  pr_auc: number;
  precision: number;
  recall: number;
  f1: number;
  false_positive_rate: number;
  true_positives: number;
  false_positives: number;
  true_negatives: number;
  false_negatives: number;
}

export interface DetectReport {
  title: string;
  read?: { format: string; shape_title: string; rows_read: number; rows_set_aside: number; cells_set_aside: number; notes: string[] };
  pipeline: string[];
  detector: string;
  threshold: { rule: string; value: number; flagged: number; share: number; warning: string | null };
  cautions: string[];
  points: Points;
  features: Feature[];
  score_histogram: Histogram;
  findings: Finding[];
  finding_columns: string[];
  evaluation: Evaluation | null;
}

export interface Counts {
  edges: number[];
  counts: number[];
}

export interface ColumnSummary {
  name: string;
  role: string;
  kind: string;
  unit: string | null;
  count: number;
  missing: number;
  distinct: number;
  mean: number | null;
  sd: number | null;
  quartiles: number[] | null;
  histogram: Counts | null;
  top: [string, number][];
}

export interface BoxFigures {
  key: number;
  n: number;
  five: number[];
  whiskers: number[];
  outliers: number;
}

export interface SeriesProfile {
  name: string;
  entity: string | null;
  unit: string | null;
  averaged: number;
  acf: number[];
  acf_band: number[];
  pacf: number[];
  band: number;
  seasons: { period: number; strength: number }[];
  parts: { periods: number[]; seasonal: number[][]; trend: number[]; remainder: number[] } | null;
  by_hour: BoxFigures[];
  by_weekday: BoxFigures[];
  window: number;
  rolling_mean: (number | null)[];
  rolling_sd: (number | null)[];
  rolling_low: (number | null)[];
  rolling_high: (number | null)[];
  values: (number | null)[];
  times_ms: number[] | null;
  relative: boolean;
  facts: [string, string][];
}

export interface ClassCount {
  name: string;
  is_attack: boolean;
  rows: number;
}

export interface Projection {
  n_rows: number;
  n_columns: number;
  shares: [number, number];
  leading: [string, number][][];
  x: number[];
  y: number[];
  classes: ClassCount[];
  class: number[];
  clustering: {
    method: string;
    choice: string;
    n_rows: number;
    clusters: { rows: number; attacks: number | null }[];
    noise: { rows: number; attacks: number | null };
    x: number[];
    y: number[];
    cluster: number[];
    k_distance: { k: number; distances: number[]; knee: number | null; radius: number | null } | null;
    silhouette: { mean: number } | null;
  } | null;
}

export interface FeatureTest {
  name: string;
  n_normal: number;
  n_attack: number;
  effect: number;
  difference?: { type?: string; mann_whitney?: { holm: number }; chi_square?: { holm: number } } & Record<string, unknown>;
  cautions: string[];
}

export interface Exploration {
  n_rows: number;
  columns: ColumnSummary[];
  correlated: string[];
  pearson: number[];
  spearman: number[];
  labelled: { column: string; classes: ClassCount[]; tests: FeatureTest[] } | null;
  projection: Projection | null;
  cautions: string[];
  series: { n_series: number; n_entities: number; shown: SeriesProfile[]; cautions: string[] };
  top: { title: string; items: [string, number, number | null][] }[];
}

export interface Binary {
  accuracy: number;
  accuracy_sd: number;
  balanced_accuracy: number;
  precision: number;
  recall: number;
  f1: number;
  false_positive_rate: number;
  roc_auc: number;
  average_precision: number;
  at_base_rates: [number, number][];
  at_alerts: [number, number][];
}

export interface Contender {
  detector: string;
  learned_from: string;
  failed?: string;
  binary?: Binary;
  verdicts?: [[number, number], [number, number]];
  multi?: { macro_f1: number; accuracy: number; confusion: number[][]; classes: { name: string; support: number; precision: number; recall: number; f1: number }[] };
  unseen?: [string, number, number][];
  curves?: { roc: [number, number][]; precision_recall: [number, number][]; importance: { feature: string; drop: number; sd: number }[] };
  fit_seconds: number;
  score_seconds: number;
  bytes: number;
}

export interface Comparison {
  label: string;
  classes: ClassCount[];
  split: string;
  base_rate: number;
  n_measured: number;
  models: Contender[];
  agreement: { names: string[]; equal: number[]; kappa: number[] } | null;
  checks: { name: string; found: boolean; evidence: string }[];
}

export interface Trials {
  split: string;
  trials: { values: Record<string, unknown>; metric: number | null; failed: string | null; fit_seconds: number }[];
  resumed: number;
}
