// Who is logged in, and what they may do.

import { Problem, setCsrf, whenLoggedOut } from "./api";
import { session as calls } from "./calls";
import type { Role, Session } from "./types";

const RANK: Record<Role, number> = { predictor: 0, viewer: 1, analyst: 2, admin: 3 };

class Who {
  session = $state.raw<Session | null>(null);
  state = $state<"asking" | "out" | "in" | "unreachable">("asking");
  /** Why somebody who was in is out. */
  reason = $state("");

  constructor() {
    whenLoggedOut(() => {
      if (this.state === "in") this.reason = "Your session has ended. Log in again to go on where you were.";
      this.leave();
    });
  }

  async ask(): Promise<void> {
    this.state = "asking";
    try {
      this.enter(await calls.get());
    } catch (error) {
      this.leave();
      if (error instanceof Problem && error.status !== 401 && error.status !== 403) this.state = "unreachable";
    }
  }

  enter(session: Session): void {
    setCsrf(session.csrf);
    this.session = session;
    this.reason = "";
    this.state = "in";
  }

  leave(): void {
    setCsrf(null);
    this.session = null;
    this.state = "out";
  }

  may(role: Role): boolean {
    const has = this.session?.role;
    return has !== undefined && RANK[has] >= RANK[role];
  }
}

export const who = new Who();
