// Who is logged in, and what they may do.

import { Problem, setCsrf, whenLoggedOut } from "./api";
import { session as calls } from "./calls";
import type { Role, Session } from "./types";

const RANK: Record<Role, number> = { predictor: 0, viewer: 1, analyst: 2, admin: 3 };

/** Whether somebody logged in with this browser; the session itself is in a cookie that no script can read. */
const KEY = "eddy-logged-in";

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return true;
  }
}

function remember(isIn: boolean): void {
  try {
    if (isIn) localStorage.setItem(KEY, "1");
    else localStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing: then the server is asked every time.
  }
}

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
    // Who never was here is not asked for a session, which would only be refused.
    if (!remembered()) return this.leave();
    this.state = "asking";
    try {
      this.enter(await calls.get());
    } catch (error) {
      if (error instanceof Problem && error.status !== 401 && error.status !== 403) this.state = "unreachable";
      else this.leave();
    }
  }

  enter(session: Session): void {
    setCsrf(session.csrf);
    remember(true);
    this.session = session;
    this.reason = "";
    this.state = "in";
  }

  leave(): void {
    setCsrf(null);
    remember(false);
    this.session = null;
    this.state = "out";
  }

  may(role: Role): boolean {
    const has = this.session?.role;
    return has !== undefined && RANK[has] >= RANK[role];
  }
}

export const who = new Who();
