// Something that is asked for, is there, or could not be had.

import { Problem, isAbort } from "./api";

export class Load<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  private turn = 0;

  /** Asks; an answer that was overtaken by a later question is dropped. What is there stays until the answer. */
  async ask(question: () => Promise<T>): Promise<T | null> {
    const turn = ++this.turn;
    this.busy = true;
    try {
      const value = await question();
      if (turn !== this.turn) return null;
      this.value = value;
      this.problem = null;
      return value;
    } catch (error) {
      if (turn === this.turn && !isAbort(error)) this.problem = problemFrom(error);
      return null;
    } finally {
      if (turn === this.turn) this.busy = false;
    }
  }
}

export function problemFrom(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const said = error instanceof Error ? error.message : String(error);
  return new Problem(0, "Something went wrong in the dashboard", `Load the page again and repeat the last step. If it stays so, report it with these words: ${said}`);
}
