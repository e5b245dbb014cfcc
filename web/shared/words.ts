// Numbers, times and texts in words, as `crates/eddy-report/src/words.rs` and `ticks.rs` write them.

/** What the horizontal axis counts: milliseconds since 1970, milliseconds since the start, or rows. */
export type AxisKind = "time" | "elapsed" | "index";

const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const significant = new Intl.NumberFormat("en", { maximumSignificantDigits: 4 });

export function count(n: number | null | undefined): string {
  return n === null || n === undefined || !Number.isFinite(n) ? "?" : counts.format(n);
}

export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "missing";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return value.toExponential(2).replace("e+", "e");
  if (Number.isInteger(value) && size < 1e6) return counts.format(value);
  return significant.format(value);
}

/** A number and its unit: `3 hosts`, `1 host`, `20 %`. */
export function withUnit(value: number | null | undefined, unit: string | null | undefined): string {
  const text = number(value);
  if (!unit || text === "missing") return text;
  return `${text} ${plain(value === 1 ? unit.replace(/^([a-z]{3,})s$/, "$1") : unit)}`;
}

export function percent(share: number): string {
  const value = share * 100;
  if (value === 0 || value >= 10) return `${value.toFixed(0)} %`;
  if (value >= 0.1) return `${value.toFixed(1)} %`;
  return `${Number(value.toPrecision(2))} %`;
}

export function score(value: number | null | undefined): string {
  return value === null || value === undefined ? "?" : value.toFixed(3);
}

export function tick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e15 || (size > 0 && size < 1e-4)) return value.toExponential(0).replace("e+", "e");
  for (const [unit, letter] of [
    [1e12, "T"],
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ] as const) {
    if (size >= unit * 9.99 || (size >= unit && unit > 1e3)) return `${Number((value / unit).toFixed(2))}${letter}`;
  }
  if (size >= 1000) return counts.format(value);
  return String(Number(value.toPrecision(6)));
}

export function bytes(n: number | null | undefined): string {
  if (n === null || n === undefined) return "?";
  if (n < 1000) return counted(n, "byte");
  for (const [unit, letter] of [
    [1e12, "TB"],
    [1e9, "GB"],
    [1e6, "MB"],
  ] as const) {
    if (n >= unit) return `${significant.format(Number((n / unit).toPrecision(3)))} ${letter}`;
  }
  return `${significant.format(Number((n / 1e3).toPrecision(3)))} kB`;
}

/** Times of the first year of the epoch were counted from the begin of a record: no record of traffic is from 1970. */
const countedFromAStart = (ms: number): boolean => ms >= 0 && ms < 365 * 86_400_000;

/** A moment, UTC, as `2024-01-15 08:00:00`, or `6.713 s` where it was counted from the begin of a record; to the millisecond if
 *  that is asked for. */
export function moment(ms: number | null | undefined, exact = false): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "unknown";
  if (countedFromAStart(ms)) return `${exact ? (ms / 1000).toFixed(3) : number(ms / 1000)} s`;
  const at = new Date(exact ? Math.round(ms) : ms);
  return Number.isFinite(at.getTime()) ? at.toISOString().replace("T", " ").replace(exact ? "Z" : /(\.\d+)?Z$/, "") : "unknown";
}

/** A moment that says that it is in UTC, where it is. */
export const utc = (ms: number, exact = false): string => (countedFromAStart(ms) ? `${moment(ms, exact)} after the begin` : `${moment(ms, exact)} UTC`);

export const fromNs = (ns: number): number => ns / 1e6;

export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return `${number(Math.round(ms))} ms`;
  if (seconds < 120) return `${number(Number(seconds.toPrecision(3)))} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Number((seconds / 3600).toFixed(1))} h`;
  return `${Number((seconds / 86_400).toFixed(1))} days`;
}

/** How long ago, roughly. */
export function ago(ms: number, now = Date.now()): string {
  const passed = now - ms;
  if (passed < 60_000) return "just now";
  return passed < 120_000 ? "a minute ago" : `${duration(passed)} ago`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Round steps of clock and calendar, in milliseconds. */
export const TIME_STEPS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500,
  ...[1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
  ...[1, 2, 3, 6, 12].map((n) => n * HOUR),
  ...[1, 2, 7, 14, 30, 91, 182, 365, 730, 1825, 3650].map((n) => n * DAY),
];

/** Round steps of a count. */
export const ROW_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((n) => n * 10 ** power)).flat();

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number): string => String(n).padStart(2, "0");

function clock(at: Date, step: number): string {
  const short = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}`;
  if (step >= MINUTE) return short;
  const long = `${short}:${two(at.getUTCSeconds())}`;
  return step >= SECOND ? long : `${long}.${String(at.getUTCMilliseconds()).padStart(3, "0")}`;
}

/** Words for graduations of the horizontal axis that are `step` apart. */
export function graduations(axis: AxisKind, places: number[], step: number): string[] {
  if (axis === "index") return places.map((at) => (Number.isInteger(at) ? tick(at) : ""));
  if (axis === "elapsed") return places.map((at) => elapsed(at, step));
  let day = "";
  return places.map((place) => {
    const at = new Date(place);
    const date = `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`;
    const fresh = date !== day;
    day = date;
    if (step >= 300 * DAY) return String(at.getUTCFullYear());
    if (step >= 28 * DAY) return `${MONTHS[at.getUTCMonth()]} ${at.getUTCFullYear()}`;
    if (step >= DAY || (fresh && place % DAY === 0)) return date;
    return fresh ? `${date} ${clock(at, step)}` : clock(at, step);
  });
}

function elapsed(ms: number, step: number): string {
  if (step < SECOND) return `${tick(ms / SECOND)} s`;
  const seconds = Math.round(ms / SECOND);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  if (step >= MINUTE || hours > 0) return `${hours}:${two(minutes)}:${two(seconds % 60)}`;
  return `${minutes}:${two(seconds % 60)}`;
}

/** A place on the horizontal axis, in full. */
export function place(axis: AxisKind, at: number): string {
  if (axis === "index") return `row ${count(at)}`;
  if (axis === "elapsed") return `${number(at / SECOND)} s after the start`;
  const time = new Date(at);
  return Number.isFinite(time.getTime()) ? time.toISOString().replace("T", " ").replace(/(\.000)?Z$/, "") : "";
}

/** How rare a score is among ordinary rows: the score is s / (s + 3) of the surprise s. */
export function rarity(threshold: number): string {
  if (threshold <= 0) return "every row scores this high";
  const surprise = (3 * threshold) / (1 - threshold);
  if (!(surprise < 15)) return "practically no ordinary row scores this high";
  const rows = 10 ** surprise;
  if (rows < 2) return "most rows score this high";
  return `about 1 ordinary row in ${count(Number(rows.toPrecision(2)))} scores this high`;
}

// Controls that a terminal or the direction of text would act on, and characters that cannot be seen.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Text from data as text: characters that cannot be seen, or that turn the text around, are shown by their number. */
export function plain(text: unknown): string {
  if (text === null || text === undefined) return "";
  return String(text).replace(UNSEEN, (letter) => `\\u{${letter.charCodeAt(0).toString(16)}}`);
}

/** Names of the API, such as `isolation_forest`, for people. */
export function spaced(name: string): string {
  return plain(name).replaceAll("_", " ");
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
