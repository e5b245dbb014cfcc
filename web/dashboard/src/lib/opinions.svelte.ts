// What people think of incidents: lists do not carry it, so each incident is asked for once.

import { incidents } from "./calls";
import type { IncidentRecord } from "./types";

class Opinions {
  private harmless = $state.raw(new Set<string>());
  private known = new Set<string>();

  /** Whether the last word on an incident is that it is harmless. */
  isHarmless(incident: IncidentRecord): boolean {
    return this.harmless.has(incident.id);
  }

  /** Asks for what is not known yet. */
  async learn(list: IncidentRecord[]): Promise<void> {
    const fresh = list.filter((one) => !this.known.has(one.id));
    fresh.forEach((one) => this.known.add(one.id));
    const said = await Promise.allSettled(fresh.map((one) => incidents.get(one.id)));
    const harmless = new Set(this.harmless);
    said.forEach((answer, i) => {
      // What could not be had is asked for again the next time.
      if (answer.status === "rejected") this.known.delete(fresh[i].id);
      else if (answer.value.feedback?.at(-1)?.opinion === "benign") harmless.add(fresh[i].id);
      else harmless.delete(fresh[i].id);
    });
    this.harmless = harmless;
  }

  /** Somebody said something of one: it is asked for again. */
  forget(incident: string): void {
    this.known.delete(incident);
  }
}

export const opinions = new Opinions();
