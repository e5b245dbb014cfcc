// A file that was dropped or chosen: sent, looked at, analysed; the browser goes to what was found.

import { Problem, isAbort, type Upload } from "./api";
import { datasets, jobs } from "./calls";
import { live } from "./live.svelte";
import { problemFrom } from "./load.svelte";
import { at, router } from "./router.svelte";
import type { Dataset } from "./types";

class Sending {
  name = $state("");
  sent = $state(0);
  of = $state(0);
  step = $state<"idle" | "sending" | "looking" | "analysing">("idle");
  problem = $state.raw<Problem | null>(null);
  private upload: Upload<Dataset> | null = null;
  private job: string | null = null;
  private turn = 0;

  /** Sends a file and, unless only the data are wanted, looks for what is unusual in it. */
  async take(file: Blob, name: string, analyse = true): Promise<void> {
    this.cancel();
    const turn = ++this.turn;
    this.problem = null;
    this.name = name;
    if (file.size === 0) {
      this.problem = new Problem(0, "The file is empty", "Choose one with rows or packets in it.");
      return;
    }
    this.step = "sending";
    this.sent = 0;
    this.of = file.size;
    try {
      this.upload = datasets.send(file, name, (sent, of) => {
        this.sent = sent;
        this.of = of;
      });
      let dataset = await this.upload.done;
      if (turn !== this.turn) return;
      this.step = "looking";
      dataset = await ready(dataset);
      if (turn !== this.turn) return;
      if (!analyse) return void router.go(at("data", dataset.id));
      await this.analyse(dataset.id, turn);
    } catch (error) {
      if (turn === this.turn && !isAbort(error)) this.problem = problemFrom(error);
    } finally {
      if (turn === this.turn) this.step = "idle";
    }
  }

  private async analyse(dataset: string, turn: number): Promise<void> {
    this.step = "analysing";
    const job = await jobs.start({ kind: "detect", dataset });
    this.job = job.id;
    live.add(job);
    const ended = await live.ended(job);
    this.job = null;
    if (turn !== this.turn) return;
    if (ended.state === "done" && typeof ended.result?.run === "string") router.go(at("runs", ended.result.run));
    else if (ended.state !== "cancelled") throw new Problem(0, "The analysis was not finished", ended.reason ?? "Look at the jobs on the first page.");
  }

  cancel(): void {
    this.turn++;
    this.upload?.cancel();
    this.upload = null;
    if (this.job) void jobs.cancel(this.job).catch(() => {});
    this.job = null;
    this.step = "idle";
  }
}

/** Waits until it is known what a data set holds. */
export async function ready(dataset: Dataset): Promise<Dataset> {
  let wait = 150;
  while (dataset.state === "checking") {
    await new Promise((fulfil) => setTimeout(fulfil, wait));
    wait = Math.min(2_000, wait * 1.5);
    dataset = await datasets.get(dataset.id);
  }
  if (dataset.state === "failed") {
    throw new Problem(0, "The file cannot be read", dataset.reason ?? "Its format is not known. The documentation lists what can be read.");
  }
  return dataset;
}

export const sending = new Sending();
