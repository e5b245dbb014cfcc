// The interactive part of a report. Without it the page still shows everything as tables and pictures.

import "./report.css";
import "./incidents.css";
import { Bench } from "./bench";
import { addConsole } from "./console";
import { type Detection, read } from "./data";
import { element } from "./element";
import { addExploration, addTables } from "./exploration";
import { addFindings } from "./findings";
import { addIncidents } from "./incidents";
import { addMultiples } from "./multiples";
import { addScatter } from "./scatter";
import { addSchemeButton } from "./scheme";
import { addTrace } from "./trace";

function detection(data: Detection): void {
  addIncidents();
  const bench = new Bench(data);
  if (data.points.x.length > 0) addConsole(bench);
  const trace = addTrace(bench);
  const scatter = addScatter(bench);
  addMultiples(bench);
  const findings = addFindings(bench);
  // The events on the first screen lead to their findings.
  for (const link of document.querySelectorAll<HTMLElement>(".events a[data-rank]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      findings?.reveal(Number(link.dataset.rank));
    });
  }
  // A press on a leading feature shows it in the record and in the scatter plot.
  for (const item of document.querySelectorAll<HTMLElement>(".leaders li[data-feature]")) {
    const name = item.querySelector(".name");
    if (!name) continue;
    const button = element("button", { type: "button", class: "name", title: "Show in the plots" }, name.textContent ?? "");
    button.addEventListener("click", () => {
      trace?.show(Number(item.dataset.feature));
      scatter?.show(Number(item.dataset.feature));
    });
    name.replaceWith(button);
  }
}

const data = read();
if (data) {
  document.documentElement.classList.add("live");
  addSchemeButton();
  if (data.kind === "detect") detection(data);
  else if (data.kind === "explore") addExploration(data);
  else addTables();
}
