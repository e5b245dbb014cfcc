// Round places on a scale, and the room that values take.

/** Smallest and largest of values, with a little air. */
export function extentOf(values: Iterable<number | null | undefined>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) return [0, 1];
  const air = low === high ? Math.max(0.5, Math.abs(low) * 0.05) : (high - low) * 0.04;
  return [low - air, high + air];
}

/** Round places between two values. */
export function evenPlaces(low: number, high: number, most: number): number[] {
  const rough = (high - low) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1e-300)));
  const step = power * ([1, 2, 5].find((lead) => rough <= power * lead * 1.000001) ?? 10);
  const places: number[] = [];
  for (let i = Math.ceil(low / step); i <= high / step && places.length < 60; i++) places.push(i * step);
  return places;
}

/** Diamond around a point: the shape of flagged rows. */
export function diamond(path: Path2D, x: number, y: number, half: number): void {
  path.moveTo(x, y - half);
  path.lineTo(x + half, y);
  path.lineTo(x, y + half);
  path.lineTo(x - half, y);
  path.closePath();
}
