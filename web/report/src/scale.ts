// Scales of values: even, or even in ln(1 + x) for values with a heavy tail.

import { evenPlaces, extentOf } from "../../shared/places";
import type { Feature } from "../../shared/points";

export interface Scale {
  /** Value to the number that is drawn. */
  into(value: number): number;
  /** The number that is drawn back to the value. */
  outOf(drawn: number): number;
  /** Smallest and largest drawn number, with a little air. */
  extent: [number, number];
  /** Round values on the scale, as drawn numbers. */
  places(low: number, high: number, most: number): number[];
}

const same = (value: number): number => value;

function powerPlaces(low: number, high: number, most: number): number[] {
  const from = Math.expm1(low);
  const to = Math.expm1(high);
  const first = Math.ceil(Math.log10(Math.max(1, from)));
  const last = Math.floor(Math.log10(Math.max(1, to)));
  if (last - first < 1) return evenPlaces(from, to, most).map((value) => Math.log1p(Math.max(0, value)));
  const every = Math.max(1, Math.ceil((last - first + 1) / most));
  const places = from <= 0 ? [0] : [];
  for (let power = first; power <= last; power += every) places.push(Math.log1p(10 ** power));
  return places;
}

export function scaleOf(values: (number | null)[], logarithmic: boolean): Scale {
  const bent = logarithmic && values.every((value) => value === null || value >= 0);
  if (!bent) return { into: same, outOf: same, extent: extentOf(values), places: evenPlaces };
  const [low, high] = extentOf(values.map((value) => (value === null ? null : Math.log1p(value))));
  return { into: Math.log1p, outOf: Math.expm1, extent: [Math.max(0, low), high], places: powerPlaces };
}

export function featureScale(feature: Feature): Scale {
  if (feature.levels.length > 0) {
    return {
      into: same,
      outOf: same,
      extent: [-0.5, feature.levels.length - 0.5],
      places: (low, high, most) => {
        const every = Math.max(1, Math.ceil(feature.levels.length / Math.max(1, most)));
        return feature.levels.map((_, idx) => idx).filter((idx) => idx % every === 0 && idx >= low && idx <= high);
      },
    };
  }
  return scaleOf(feature.values, feature.logarithmic);
}
