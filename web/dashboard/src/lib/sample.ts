// An even sample of the rows of a run: those that a report draws are picked for what stands out, and say little of the rest.

import { runs } from "./calls";

const BLOCKS = 24;
const ROWS = 100;
const AT_ONCE = 4;

export interface Sample {
  rows: number[];
  /** Values of each column, by name. */
  values: Map<string, (number | null)[]>;
}

/** Rows from places that are evenly far from each other; none where the server gives no single rows. */
export async function evenSample(run: string, total: number): Promise<Sample | null> {
  const offsets = Array.from({ length: BLOCKS }, (_, i) => Math.round(((total - ROWS) * i) / (BLOCKS - 1)));
  const sample: Sample = { rows: [], values: new Map() };
  for (let i = 0; i < offsets.length; i += AT_ONCE) {
    const pages = await Promise.all(offsets.slice(i, i + AT_ONCE).map((offset) => runs.rows(run, { offset, limit: ROWS }))).catch(() => null);
    if (!pages) return null;
    for (const page of pages) {
      sample.rows.push(...page.numbers);
      page.columns.forEach((name, at) => {
        const values = sample.values.get(name) ?? [];
        for (const row of page.rows) values.push(typeof row[at] === "number" ? row[at] : null);
        sample.values.set(name, values);
      });
    }
  }
  return sample;
}
