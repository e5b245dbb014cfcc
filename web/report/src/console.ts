// The bar that stays in sight: threshold, count, zoom.

import type { Bench } from "./bench";
import { element, mount } from "./element";
import { count, counted, rarity, score } from "../../shared/words";

export function addConsole(bench: Bench): void {
  const place = mount("console");
  if (!place) return;
  const { data } = bench;
  const slider = element("input", {
    type: "range",
    id: "threshold",
    min: 0,
    max: bench.ceiling,
    step: 0.001,
    "aria-describedby": "tally",
  });
  const value = element("output", { for: "threshold" });
  const tally = element("p", { class: "tally", id: "tally", "aria-live": "polite" });
  const back = button("As run", "Back to the threshold of the run", () => bench.setThreshold(data.threshold));
  const nearer = button("+", "Zoom in", () => bench.zoom(0.5));
  const farther = button("−", "Zoom out", () => bench.zoom(2));
  const all = button("Whole", "Show the whole range", () => bench.setRange(null));
  all.append(element("span", { class: "long" }, " range"));
  slider.addEventListener("input", () => bench.setThreshold(Number(slider.value)));
  place.append(
    element("label", { for: "threshold" }, "Threshold"),
    element("div", { class: "dial" }, slider, value),
    tally,
    element("div", { class: "keys" }, back, nearer, farther, all),
  );

  const showThreshold = (): void => {
    const { threshold } = bench;
    const none = threshold > 1;
    slider.value = String(Math.min(threshold, bench.ceiling));
    value.textContent = none ? "none" : score(threshold);
    slider.setAttribute("aria-valuetext", none ? "no row is flagged" : `${score(threshold)}, ${rarity(threshold)}`);
    const { flagged, exact } = bench.tally();
    const number = element("b", {}, `${exact ? "" : "about "}${count(flagged)}`);
    const rest = ` of ${counted(data.points.total_rows, "row", "rows")} flagged`;
    const change = bench.asRun ? "" : ` · ${count(data.flagged)} in the run`;
    const aside = none ? "no score reached the rule of the run" : rarity(threshold) + change;
    tally.replaceChildren(number, rest, element("span", { class: "aside" }, aside));
    back.disabled = bench.asRun;
  };
  const showRange = (): void => {
    all.disabled = farther.disabled = !bench.range;
  };
  bench.on("threshold", showThreshold);
  bench.on("range", showRange);
  showThreshold();
  showRange();
}

function button(text: string, label: string, press: () => void): HTMLButtonElement {
  const made = element("button", { type: "button", "aria-label": label, title: label }, text);
  made.addEventListener("click", press);
  return made;
}
