// A scale by powers of ten that takes zero and values below it as well: straight close to zero, logarithmic beyond.

import { extentOf } from "../../../shared/places";

export interface LogScale {
  /** A value as a place on the scale, and back. */
  bend(value: number): number;
  unbend(place: number): number;
  /** Round places between two ends of the scale. */
  places(low: number, high: number, most: number): number[];
}

/** The scale for some values; none where they do not span decades. */
export function logScale(values: (number | null)[]): LogScale | null {
  const sizes = values.flatMap((value) => (value ? [Math.abs(value)] : [])).sort((a, b) => a - b);
  if (sizes.length < 3) return null;
  const at = (share: number): number => sizes[Math.round(share * (sizes.length - 1))];
  if (at(1) < 100 * at(0.5) && at(0.5) < 100 * at(0.05)) return null;
  const knee = 10 ** Math.floor(Math.log10(at(0.05)));
  const bend = (value: number): number => Math.asinh(value / knee);
  const unbend = (place: number): number => Number((Math.sinh(place) * knee).toPrecision(6));
  return {
    bend,
    unbend,
    places(low, high, most) {
      const [from, to] = [unbend(low), unbend(high)];
      const decades = Array.from({ length: 40 }, (_, power) => knee * 10 ** power).filter((one) => one <= Math.max(to, -from));
      const all = [...decades.map((one) => -one).reverse(), 0, ...decades].filter((one) => one >= from && one <= to);
      // Within one decade powers of ten say too little.
      if (all.length < 2) return [from, (from + to) / 2, to].map((one) => bend(Number(one.toPrecision(2))));
      const every = Math.ceil(all.length / Math.max(2, most));
      return all.filter((_, i) => (all.length - 1 - i) % every === 0).map(bend);
    },
  };
}

/** Smallest and largest value of lines between two places, with a little air; of the nearest ones where none lies between. */
export function extentWithin(xs: number[], lines: (number | null)[][], [from, to]: [number, number]): [number, number] {
  let first = xs.findIndex((x) => x >= from);
  let end = xs.findIndex((x) => x > to);
  if (first < 0) first = xs.length;
  if (end < 0) end = xs.length;
  if (end <= first) [first, end] = [Math.max(0, first - 1), Math.min(xs.length, end + 1)];
  return extentOf(lines.flatMap((line) => line.slice(first, end)));
}
