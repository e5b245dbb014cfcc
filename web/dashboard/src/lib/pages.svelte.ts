// A list that comes page by page.

import { Load } from "./load.svelte";
import type { Page } from "./types";

export class Pages<T> {
  private first = new Load<Page<T>>();
  private further = new Load<Page<T>>();
  private more = $state.raw<T[]>([]);
  private next = $state<string | null>(null);
  private ask: (query: { limit: number; cursor?: string | null }) => Promise<Page<T>>;
  private limit: number;

  constructor(ask: (query: { limit: number; cursor?: string | null }) => Promise<Page<T>>, limit = 50) {
    this.ask = ask;
    this.limit = limit;
  }

  /** Asks for the beginning; what was there stays until the answer. */
  async restart(): Promise<void> {
    const page = await this.first.ask(() => this.ask({ limit: this.limit }));
    if (!page) return;
    this.more = [];
    this.next = page.next;
  }

  /** Asks for what comes after what is there. */
  async goOn(): Promise<void> {
    const page = await this.further.ask(() => this.ask({ limit: this.limit, cursor: this.next }));
    if (!page) return;
    this.more = [...this.more, ...page.items];
    this.next = page.next;
  }

  /** Whether there was an answer. */
  get known(): boolean {
    return this.first.value !== null;
  }

  get items(): T[] {
    return [...(this.first.value?.items ?? []), ...this.more];
  }

  get hasMore(): boolean {
    return this.next !== null;
  }

  get problem() {
    return this.first.problem ?? this.further.problem;
  }
}
