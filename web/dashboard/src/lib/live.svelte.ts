// What happens on the server, as it happens: jobs with their progress, and a count that pages watch to look again.

import { url } from "./api";
import { jobs as calls } from "./calls";
import type { Job, JobState, Progress } from "./types";

const OVER: JobState[] = ["done", "failed", "cancelled", "interrupted"];
export const isOver = (job: Job): boolean => OVER.includes(job.state);

/** Milliseconds between looks while the stream is not there. */
const LOOK_EVERY = 3_000;
const MOST_JOBS = 100;

class Live {
  jobs = $state.raw<Job[]>([]);
  /** Rises whenever runs, incidents, models or data sets have changed. */
  changes = $state(0);
  connected = $state(false);
  private source: EventSource | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private retry = 1_000;
  private waiting = new Map<string, ((job: Job) => void)[]>();

  get active(): Job[] {
    return this.jobs.filter((job) => !isOver(job));
  }

  start(): void {
    this.stop();
    void this.look();
    this.listen();
  }

  stop(): void {
    this.source?.close();
    this.source = null;
    this.connected = false;
    clearTimeout(this.timer);
  }

  /** Looks again at everything. */
  async look(): Promise<void> {
    try {
      const page = await calls.list({ limit: MOST_JOBS });
      const known = new Map(this.jobs.map((job) => [job.id, job]));
      this.jobs = page.items.map((job) => ({ ...job, progress: job.progress ?? known.get(job.id)?.progress }));
      this.jobs.filter(isOver).forEach((job) => this.tell(job));
      this.changes++;
    } catch {
      // The page that asks for something says what is wrong.
    }
  }

  /** Takes in a job that was just begun. */
  add(job: Job): void {
    const known = this.jobs.find((other) => other.id === job.id);
    // Its end may have been told before the answer that it was begun.
    if (known && isOver(known) && known.attempts > job.attempts) return;
    this.jobs = [job, ...this.jobs.filter((other) => other.id !== job.id)].slice(0, MOST_JOBS);
    if (isOver(job)) this.tell(job);
    else if (!this.connected) setTimeout(() => void this.poll(), LOOK_EVERY);
  }

  /** Waits for the end of a job. */
  ended(job: Job): Promise<Job> {
    if (isOver(job)) return Promise.resolve(job);
    const known = this.jobs.find((other) => other.id === job.id);
    if (known && isOver(known) && known.attempts > job.attempts) return Promise.resolve(known);
    if (!known) this.add(job);
    return new Promise((fulfil) => this.waiting.set(job.id, [...(this.waiting.get(job.id) ?? []), fulfil]));
  }

  private tell(job: Job): void {
    this.waiting.get(job.id)?.forEach((fulfil) => fulfil(job));
    this.waiting.delete(job.id);
  }

  private listen(): void {
    const source = new EventSource(url("events"), { withCredentials: true });
    this.source = source;
    const on = (kind: string, take: (data: Record<string, unknown>) => void): void =>
      source.addEventListener(kind, (event) => {
        try {
          take(JSON.parse((event as MessageEvent<string>).data) as Record<string, unknown>);
        } catch {
          void this.look();
        }
      });
    on("hello", () => {
      const again = !this.connected && this.retry > 1_000;
      this.connected = true;
      this.retry = 1_000;
      // Whatever happened while nobody listened.
      if (again) void this.look();
    });
    on("resync", () => void this.look());
    on("progress", (data) => this.progress(String(data.id), data.progress as Progress));
    on("job", (data) => void this.changed(String(data.id)));
    for (const kind of ["feedback", "run", "model", "dataset", "incident", "alias"]) on(kind, () => this.changes++);
    source.addEventListener("error", () => {
      this.connected = false;
      source.close();
      if (this.source !== source) return;
      this.retry = Math.min(30_000, this.retry * 2);
      this.timer = setTimeout(() => this.listen(), this.retry);
      if (this.active.length > 0) setTimeout(() => void this.poll(), LOOK_EVERY);
    });
  }

  private async poll(): Promise<void> {
    if (this.connected) return;
    await this.look();
    if (this.active.length > 0) setTimeout(() => void this.poll(), LOOK_EVERY);
  }

  private progress(id: string, progress: Progress): void {
    this.jobs = this.jobs.map((job) => (job.id === id ? { ...job, progress } : job));
  }

  private async changed(id: string): Promise<void> {
    try {
      const job = await calls.get(id);
      const before = this.jobs.find((other) => other.id === id);
      this.jobs = before
        ? this.jobs.map((other) => (other.id === id ? { ...job, progress: job.progress ?? other.progress } : other))
        : [job, ...this.jobs].slice(0, MOST_JOBS);
      if (isOver(job)) {
        this.changes++;
        this.tell(job);
      }
    } catch {
      void this.look();
    }
  }
}

export const live = new Live();
