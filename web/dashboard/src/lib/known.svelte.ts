// Lists that do not change while the server runs: asked once.

import { detectors } from "./calls";
import { Load } from "./load.svelte";
import type { Detector, StepInfo } from "./types";

const list = new Load<{ detectors: Detector[]; steps: StepInfo[] }>();

/** The detectors and steps; asks for them the first time. */
export function knownDetectors(): Load<{ detectors: Detector[]; steps: StepInfo[] }> {
  if (!list.value && !list.busy) void list.ask(() => detectors.list());
  return list;
}
