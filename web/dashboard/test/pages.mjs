// Every page, by a name for its picture.

/** What is seen before anybody is logged in, and before there is anything to see. */
export const BEGINNINGS = [
  ["login", "", { logged: false }],
  ["login-first", "", { logged: false, empty: true }],
  ["setup", "#setup=first", { logged: false, empty: true }],
  ...["", "data", "runs", "train", "models"].map((page) => [`${page || "home"}-empty`, `#/${page}`, { logged: true, empty: true }]),
];

export const PAGES = [
  ["home", ""],
  ["data", "#/data"],
  ["data-manual", "#/data?way=manual"],
  ["data-samples", "#/data?way=samples"],
  ["data-generate", "#/data?way=generate"],
  ["dataset", "#/data/set1"],
  ["dataset-failed", "#/data/set3"],
  ["runs", "#/runs"],
  ["run-record", "#/runs/run1"],
  ["run-findings", "#/runs/run1?tab=findings&finding=1"],
  ["run-spread", "#/runs/run1?tab=spread&threshold=0.3"],
  ["run-table", "#/runs/run1?tab=table&row=3"],
  ["run-description", "#/runs/run1?tab=data"],
  ["run-about", "#/runs/run1?tab=about"],
  ["incident", "#/incidents/inc1"],
  ["incident-table", "#/incidents/inc3"],
  ["train", "#/train"],
  ["comparison", "#/comparisons/job5"],
  ["tune", "#/comparisons/job6"],
  ["run-alarms", "#/runs/run3"],
  ["models", "#/models"],
  ["model", "#/models/mod2"],
  ["settings", "#/settings"],
  ["settings-audit", "#/settings?part=audit"],
  ["api", "#/api"],
  ["missing", "#/nowhere"],
  ["run-missing", "#/runs/nothing"],
];
