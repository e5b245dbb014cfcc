// The ledger of findings: sortable, filterable, each to be opened.

import type { Bench } from "./bench";
import type { Cause, Finding } from "./data";
import { element, mount, oncePerFrame, shape } from "./element";
import { count, counted, number, percent, score, withUnit } from "./words";

const FIRST = 50;
const STEP = 100;

type Key = "rank" | "row" | "score" | "label";

export function addFindings(bench: Bench): void {
  const place = mount("findings");
  const { data } = bench;
  if (!place || data.findings.length === 0) return;
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
    element("div", { class: "filters" }, search, causes.size > 1 ? cause : null, check, tally),
    table,
    more,
  );

  let order: Key = "rank";
  let direction = 1;
  let most = FIRST;
  const open = new Set<number>();
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
  const refresh = oncePerFrame(() => {
    const kept = data.findings.filter(wanted).sort((a, b) => direction * compare(a, b));
    const shown = kept.slice(0, most);
    body.replaceChildren(...shown.flatMap((finding) => lines(finding)));
    if (shown.length === 0) {
      body.append(element("tr", {}, element("td", { colspan: heads.length, class: "empty" }, "No finding matches. Clear the filter to see all.")));
    }
    tally.textContent =
      kept.length === data.findings.length
        ? counted(kept.length, "finding", "findings")
        : `${count(kept.length)} of ${counted(data.findings.length, "finding", "findings")}`;
    more.hidden = kept.length <= most;
    more.textContent = `Show ${count(Math.min(STEP, kept.length - most))} more`;
    heads.forEach(([key], i) => {
      if (key && key === order) cells[i].setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
      else cells[i].removeAttribute("aria-sort");
    });
    mark();
  });
  const lines = (finding: Finding): HTMLElement[] => {
    let made = rows.get(finding);
    if (!made) {
      made = [head(finding)];
      rows.set(finding, made);
    }
    if (open.has(finding.rank) && made.length === 1) made.push(detail(finding, bench, heads.length));
    return open.has(finding.rank) ? made : made.slice(0, 1);
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
      element("td", { class: "rank num" }, String(finding.rank)),
      element("td", { class: "where" }, ...where(finding)),
      element("td", { class: "score" }, element("span", { class: "num" }, score(finding.score)), gauge),
      element("td", { class: "what" }, toggle),
      labelled && element("td", { class: "label" }, finding.label ?? ""),
    );
    row.addEventListener("click", (event) => {
      if (getSelection()?.toString() && event.target !== toggle) return;
      const opening = !open.has(finding.rank);
      if (opening) open.add(finding.rank);
      else open.delete(finding.rank);
      toggle.setAttribute("aria-expanded", String(opening));
      const below = rows.get(finding)?.[1];
      if (opening) {
        const made = rows.get(finding);
        if (made && made.length === 1) made.push(detail(finding, bench, heads.length));
        if (made) row.after(made[1]);
      } else {
        below?.remove();
      }
      bench.choose(bench.pointOf(finding.row));
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
  more.addEventListener("click", () => ((most += STEP), refresh()));
  bench.on("choice", mark);
  bench.on("threshold", oncePerFrame(mark));
  bench.on("range", () => {
    check.hidden = !bench.range;
    if (within.checked) refresh();
  });
  refresh();
}

function haystack(finding: Finding): string {
  return [
    finding.time,
    finding.entity,
    finding.source,
    finding.sentence,
    finding.label,
    `row ${finding.row}`,
    ...finding.causes.map((cause) => cause.feature),
    ...finding.values,
  ]
    .join("\n")
    .toLowerCase();
}

function where(finding: Finding): (Node | string)[] {
  const row = `row ${count(finding.row)}`;
  const first = finding.time ?? finding.entity ?? row;
  const rest: string[] = [];
  if (finding.time && finding.entity) rest.push(finding.entity);
  if (finding.source) rest.push(finding.source);
  if (first !== row) rest.push(finding.line !== undefined ? `line ${count(finding.line)}` : row);
  else if (finding.line !== undefined) rest.push(`line ${count(finding.line)}`);
  return [element("span", { class: "mono num" }, first), element("span", { class: "aside" }, rest.join(" · "))];
}

function detail(finding: Finding, bench: Bench, columns: number): HTMLElement {
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
    const width = (bench.whole[1] - bench.whole[0]) / 12;
    const at = data.points.x[point];
    bench.setRange([at - width / 2, at + width / 2]);
    bench.choose(point);
    document.getElementById("trace")?.scrollIntoView();
  });
  const cells = element("dl", { class: "cells" });
  data.finding_columns.forEach((name, i) => {
    if (finding.values[i] !== undefined) {
      cells.append(element("div", {}, element("dt", {}, name), element("dd", {}, finding.values[i] || "missing")));
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
      bench.pointOf(finding.row) === null ? null : element("div", { class: "actions" }, show),
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
