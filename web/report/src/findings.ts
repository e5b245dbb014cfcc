// The ledger of findings: sortable, filterable, each to be opened.

import type { Bench } from "./bench";
import type { Cause, Finding } from "../../shared/points";
import { element, mount, oncePerFrame, shape } from "./element";
import { count, counted, number, percent, score, withUnit } from "../../shared/words";

const FIRST = 50;
const STEP = 100;

type Key = "rank" | "row" | "score" | "label";

export interface Findings {
  /** Opens a finding and brings it into sight. */
  reveal(rank: number): void;
}

export function addFindings(bench: Bench): Findings | null {
  const place = mount("findings");
  const { data } = bench;
  if (!place || data.findings.length === 0) return null;
  const stretches = new Map<number, Finding[]>();
  for (const finding of data.findings) {
    const first = finding.stretch?.first_row;
    if (first !== undefined) stretches.set(first, [...(stretches.get(first) ?? []), finding]);
  }
  // Events are numbered by their most unusual row.
  const numbers = new Map<Finding, number>();
  let events = 0;
  for (const finding of data.findings) {
    const lead = finding.stretch && stretches.get(finding.stretch.first_row)?.[0];
    numbers.set(finding, (lead && numbers.get(lead)) ?? ++events);
  }
  const labelled = data.findings.some((finding) => finding.label !== undefined);
  const texts = data.findings.map((finding) => haystack(finding));
  const search = element("input", { type: "search", placeholder: "Filter: host, time, feature …", "aria-label": "Filter the findings" });
  const cause = element("select", { "aria-label": "Main cause" }, element("option", { value: "" }, "any main cause"));
  const causes = new Map<string, number>();
  for (const finding of data.findings) {
    const lead = finding.causes[0]?.feature;
    if (lead !== undefined) causes.set(lead, (causes.get(lead) ?? 0) + 1);
  }
  for (const [name, n] of [...causes].sort((a, b) => b[1] - a[1])) {
    cause.append(element("option", { value: name }, `${name} · ${count(n)}`));
  }
  const byEvent = element("input", { type: "checkbox", checked: true });
  const several = [...stretches.values()].some((rows) => rows.length > 1);
  const within = element("input", { type: "checkbox" });
  const check = element("label", { class: "check", hidden: true }, within, "only rows in view");
  const tally = element("span", { class: "count", role: "status" });
  const body = element("tbody");
  const more = element("button", { type: "button", class: "more" });
  const heads: [Key | null, string, string][] = [
    ["rank", "#", "rank num"],
    ["row", "Where", "where"],
    ["score", "Score", "score"],
    [null, "What", "what"],
  ];
  if (labelled) heads.push(["label", "Label", "label"]);
  const cells = heads.map(([key, name, css]) => {
    const cell = element("th", { scope: "col", class: css });
    if (!key) {
      cell.append(name);
      return cell;
    }
    const sort = element("button", { type: "button", class: "sort" }, name);
    sort.addEventListener("click", () => {
      direction = order === key ? -direction : 1;
      order = key;
      refresh();
    });
    cell.append(sort);
    return cell;
  });
  const table = element(
    "table",
    { class: "ledger", "aria-label": "Findings" },
    element("thead", {}, element("tr", {}, ...cells)),
    body,
  );
  place.append(
    element("div", { class: "filters" }, search, causes.size > 1 ? cause : null, several && element("label", { class: "check" }, byEvent, "one line for each event"), check, tally),
    table,
    more,
  );

  let order: Key = "rank";
  let direction = 1;
  let most = FIRST;
  const open = new Set<number>();
  /** First rows of the stretches whose rows are all shown. */
  const unfolded = new Set<number>();
  const rows = new Map<Finding, HTMLElement[]>();

  const compare = (a: Finding, b: Finding): number => {
    if (order === "label") return (a.label ?? "").localeCompare(b.label ?? "") || a.rank - b.rank;
    // Best first for scores, as for ranks.
    return order === "score" ? b.score - a.score : a[order] - b[order];
  };
  const wanted = (finding: Finding, at: number): boolean => {
    const point = bench.pointOf(finding.row);
    return (
      (search.value === "" || texts[at].includes(search.value.toLowerCase())) &&
      (cause.value === "" || finding.causes[0]?.feature === cause.value) &&
      (!within.checked || !bench.range || (point !== null && bench.inView(point)))
    );
  };
  const redraw = (): void => {
    const kept = data.findings.filter(wanted);
    const grouped = several && byEvent.checked;
    // The findings come by rank: the first of a stretch stands for it.
    const leads = new Map<number, Finding>();
    const followers = new Map<Finding, Finding[]>();
    const listed = kept.filter((finding) => {
      const first = grouped ? finding.stretch?.first_row : undefined;
      if (first === undefined) return true;
      const lead = leads.get(first);
      if (lead) followers.set(lead, [...(followers.get(lead) ?? []), finding]);
      else leads.set(first, finding);
      return !lead;
    });
    listed.sort((a, b) => direction * compare(a, b));
    const shown = listed.slice(0, most);
    body.replaceChildren(
      ...shown.flatMap((lead) => {
        const below = lead.stretch && unfolded.has(lead.stretch.first_row) ? (followers.get(lead) ?? []) : [];
        return [...lines(lead, grouped ? "lead" : "row"), ...below.flatMap((finding) => lines(finding, "follower"))];
      }),
    );
    if (shown.length === 0) {
      body.append(element("tr", {}, element("td", { colspan: heads.length, class: "empty" }, "No finding matches. Clear the filter to see all.")));
    }
    const rowsKept =
      kept.length === data.findings.length
        ? counted(kept.length, "finding", "findings")
        : `${count(kept.length)} of ${counted(data.findings.length, "finding", "findings")}`;
    tally.textContent = grouped ? `${counted(listed.length, "event", "events")}, ${rowsKept}` : rowsKept;
    more.hidden = listed.length <= most;
    more.textContent = `Show ${count(Math.min(STEP, listed.length - most))} more`;
    heads.forEach(([key], i) => {
      if (key && key === order) cells[i].setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else cells[i].removeAttribute("aria-sort");
    });
    mark();
  };
  const refresh = oncePerFrame(redraw);
  const lines = (finding: Finding, as: "lead" | "row" | "follower"): HTMLElement[] => {
    let made = rows.get(finding);
    if (!made) {
      made = [head(finding)];
      rows.set(finding, made);
    }
    made[0].classList.toggle("follower", as === "follower");
    const rank = made[0].querySelector("td.rank");
    if (rank) rank.textContent = as === "row" ? count(finding.rank) : as === "lead" ? count(numbers.get(finding) ?? 0) : "";
    made[0].querySelector("td.where")?.replaceChildren(...where(finding, as === "lead"));
    if (open.has(finding.rank) && made.length === 1) made.push(below(finding));
    return open.has(finding.rank) ? made : made.slice(0, 1);
  };
  /** What opens below a finding. */
  const below = (finding: Finding): HTMLElement => {
    const first = finding.stretch?.first_row;
    const together = first === undefined ? [] : (stretches.get(first) ?? []);
    if (first === undefined || together.length < 2) return detail(finding, bench, heads.length);
    const all = together.length >= (finding.stretch?.flagged ?? 0);
    const words = all ? `Show all ${count(together.length)} rows` : `Show its ${count(together.length)} explained rows`;
    const button = element("button", { type: "button" });
    const say = (): void => {
      button.textContent = unfolded.has(first) ? "Show one line for it" : words;
    };
    button.addEventListener("click", () => {
      if (!unfolded.delete(first)) unfolded.add(first);
      if (!byEvent.checked) byEvent.checked = true;
      say();
      refresh();
    });
    say();
    return detail(finding, bench, heads.length, button);
  };
  const turn = (finding: Finding, opening: boolean): void => {
    const made = rows.get(finding);
    if (!made) return;
    if (opening) open.add(finding.rank);
    else open.delete(finding.rank);
    made[0].querySelector("button.open")?.setAttribute("aria-expanded", String(opening));
    if (opening) {
      if (made.length === 1) made.push(below(finding));
      made[0].after(made[1]);
    } else {
      made[1]?.remove();
    }
    bench.choose(bench.pointOf(finding.row));
  };
  const head = (finding: Finding): HTMLElement => {
    const toggle = element("button", { type: "button", class: "open", "aria-expanded": "false" }, finding.sentence);
    const part = Math.min(1, finding.score / bench.ceiling) * 100;
    const gauge = shape(
      "svg",
      { class: "gauge", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": true },
      shape("rect", { class: "f-hair", width: 100, height: 4 }),
      shape("rect", { class: "f-flagged", width: part.toFixed(1), height: 4 }),
    );
    const row = element(
      "tr",
      { class: "head", "data-rank": finding.rank },
      element("td", { class: "rank num" }),
      element("td", { class: "where" }),
      element("td", { class: "score" }, element("span", { class: "num" }, score(finding.score)), gauge),
      element("td", { class: "what" }, toggle),
      labelled && element("td", { class: "label" }, finding.label ?? ""),
    );
    row.addEventListener("click", (event) => {
      if (getSelection()?.toString() && event.target !== toggle) return;
      turn(finding, !open.has(finding.rank));
    });
    return row;
  };
  const mark = (): void => {
    const row = bench.choice === null ? -1 : data.points.row[bench.choice];
    for (const [finding, [line]] of rows) {
      line.classList.toggle("chosen", finding.row === row);
      line.classList.toggle("below", finding.score < bench.threshold && !bench.asRun);
    }
  };
  search.addEventListener("input", () => ((most = FIRST), refresh()));
  cause.addEventListener("change", () => ((most = FIRST), refresh()));
  within.addEventListener("change", refresh);
  byEvent.addEventListener("change", () => ((most = FIRST), refresh()));
  more.addEventListener("click", () => ((most += STEP), refresh()));
  bench.on("choice", mark);
  bench.on("threshold", oncePerFrame(mark));
  bench.on("range", () => {
    check.hidden = !bench.range;
    if (within.checked) refresh();
  });
  refresh();
  return {
    reveal(rank) {
      const finding = data.findings.find((finding) => finding.rank === rank);
      if (!finding) return;
      if (!rows.get(finding)?.[0].isConnected) {
        search.value = cause.value = "";
        within.checked = false;
        [order, direction] = ["rank", 1];
        redraw();
      }
      const line = rows.get(finding)?.[0];
      if (!line) return;
      turn(finding, true);
      line.scrollIntoView({ block: "start" });
      line.querySelector<HTMLElement>("button.open")?.focus({ preventScroll: true });
    },
  };
}

function haystack(finding: Finding): string {
  return [
    finding.time,
    finding.entity,
    finding.source,
    finding.sentence,
    finding.label,
    `row ${finding.row}`,
    finding.line === undefined ? "" : `line ${finding.line}`,
    ...finding.causes.map((cause) => cause.feature),
    ...finding.values,
  ]
    .join("\n")
    .toLowerCase();
}

/** Where a finding is, as `crates/eddy-report/src/event.rs` says it; with its stretch where it stands for that. */
function where(finding: Finding, asEvent: boolean): (Node | string)[] {
  const row = finding.line === undefined ? `row ${count(finding.row)}` : `line ${count(finding.line)}`;
  const stretch = asEvent && finding.stretch && finding.stretch.flagged > 1 ? finding.stretch : undefined;
  const time = stretch?.from && stretch.to && stretch.from !== stretch.to ? span(stretch.from, stretch.to) : finding.time;
  const first = time ?? finding.entity ?? row;
  const rest: string[] = [];
  if (time && finding.entity) rest.push(finding.entity);
  if (finding.source) rest.push(finding.source);
  if (stretch) rest.push(counted(stretch.flagged, "row", "rows"), `strangest ${row}`);
  else if (first !== row) rest.push(row);
  return [element("span", { class: "mono num" }, first), element("span", { class: "aside" }, rest.join(" · "))];
}

/** From one time to a later one, whose date is left out where it is the same. */
function span(from: string, to: string): string {
  const [day, later] = [from.split(/[ T]/)[0], to.split(/[ T]/)];
  return `${from} to ${later.length > 1 && later[0] === day ? to.slice(day.length + 1) : to}`;
}

function detail(finding: Finding, bench: Bench, columns: number, more?: HTMLElement): HTMLElement {
  const { data } = bench;
  const reasons = element(
    "table",
    { class: "reasons" },
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "col" }, "Cause"),
        element("th", { scope: "col", class: "num" }, "Seen"),
        element("th", { scope: "col" }, "Against the usual range"),
        element("th", { scope: "col" }, "Typical"),
        element("th", { scope: "col", class: "num" }, "Share"),
      ),
    ),
    element("tbody", {}, ...finding.causes.map(reason)),
  );
  const show = element("button", { type: "button" }, "Show in the record");
  show.addEventListener("click", () => {
    const point = bench.pointOf(finding.row);
    if (point === null) return;
    const ends = [finding.stretch?.first_row, finding.stretch?.last_row]
      .map((row) => (row === undefined ? null : bench.pointOf(row)))
      .map((end) => data.points.x[end ?? point]);
    // The whole stretch with as much beside it.
    const width = Math.max((bench.whole[1] - bench.whole[0]) / 12, 2 * (ends[1] - ends[0]));
    const middle = (ends[0] + ends[1]) / 2;
    bench.setRange([middle - width / 2, middle + width / 2]);
    bench.choose(point);
    document.getElementById("trace")?.scrollIntoView();
  });
  const cells = element("dl", { class: "cells" });
  data.finding_columns.forEach((name, i) => {
    if (finding.values[i] !== undefined) {
      const full = finding.values[i];
      // Digits beyond what was measured are left to the pointer.
      const short = /^-?\d+\.\d{5,}$/.test(full) ? String(Number(Number(full).toPrecision(6))) : full;
      const cell = element("dd", short === full ? {} : { title: full }, short || "missing");
      cells.append(element("div", {}, element("dt", {}, name), cell));
    }
  });
  return element(
    "tr",
    { class: "detail" },
    element(
      "td",
      { colspan: columns },
      finding.causes.length > 0 ? reasons : element("p", { class: "note" }, "No single feature explains this row."),
      cells.childElementCount > 0 ? cells : null,
      bench.pointOf(finding.row) === null && !more
        ? null
        : element("div", { class: "actions" }, bench.pointOf(finding.row) === null ? null : show, more),
    ),
  );
}

function reason(cause: Cause): HTMLElement {
  const share = element("td", { class: "num" }, percent(cause.share));
  const name = element("th", { scope: "row" }, cause.feature);
  if (cause.type === "category") {
    return element(
      "tr",
      {},
      name,
      element("td", { class: "num" }, cause.seen || "missing"),
      element("td", { class: "bar" }, shares(cause.seen_share, cause.expected_share)),
      element("td", { class: "typical" }, `${cause.expected}, ${percent(cause.expected_share)}; this one ${percent(cause.seen_share)}`),
      share,
    );
  }
  const usual = cause.low === cause.high ? "" : ` (${number(cause.low)} to ${number(cause.high)})`;
  return element(
    "tr",
    {},
    name,
    element("td", { class: "num" }, withUnit(cause.seen, cause.unit)),
    element("td", { class: "bar" }, cause.seen === null ? null : bar(cause.seen, cause.expected, cause.low, cause.high)),
    element("td", { class: "typical" }, element("span", { class: "num" }, number(cause.expected) + usual)),
    share,
  );
}

const BAR = 220;

/** The usual range as a band, the typical value as a line in it, what was seen as a diamond. */
function bar(seen: number, expected: number, low: number, high: number): SVGElement {
  const from = Math.min(seen, expected, low);
  const to = Math.max(seen, expected, high);
  const bent = from >= 0 && to > 20 * Math.max(high, 1e-12) && to > 20;
  const into = bent ? Math.log1p : (value: number): number => value;
  const [a, b] = [into(from), into(to)];
  const x = (value: number): number => (b > a ? 8 + ((into(value) - a) / (b - a)) * (BAR - 16) : BAR / 2);
  const width = Math.max(2, x(high) - x(low));
  return shape(
    "svg",
    { viewBox: `0 0 ${BAR} 26`, "aria-hidden": true },
    shape("path", { class: "s-hair", d: `M0 13H${BAR}`, "stroke-width": 1 }),
    shape("rect", { class: "f-normal-soft", x: x(low).toFixed(1), y: 7, width: width.toFixed(1), height: 12 }),
    shape("path", { class: "s-normal", d: `M${x(expected).toFixed(1)} 5V21`, "stroke-width": 2 }),
    shape("path", { class: "f-flagged", d: `M${x(seen).toFixed(1)} 7l6 6-6 6-6-6z` }),
  );
}

/** How common the level that was seen is, above how common the usual one is. */
function shares(seen: number, expected: number): SVGElement {
  const width = (share: number): string => Math.max(1.5, share * BAR).toFixed(1);
  return shape(
    "svg",
    { viewBox: `0 0 ${BAR} 26`, "aria-hidden": true },
    shape("rect", { class: "f-hair", y: 5, width: BAR, height: 6 }),
    shape("rect", { class: "f-flagged", y: 5, width: width(seen), height: 6 }),
    shape("rect", { class: "f-hair", y: 15, width: BAR, height: 6 }),
    shape("rect", { class: "f-normal", y: 15, width: width(expected), height: 6 }),
  );
}
