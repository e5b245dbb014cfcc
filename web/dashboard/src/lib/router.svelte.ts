// The address is the state: `#/runs/ID?tab=scores&threshold=0.6`.
//
// It lives behind the `#` because the paths of the server belong to its API and to the routes that older clients call
// (`/predict`, `/download/...`): a reload never asks the server for a page it does not have, the dashboard works below
// any prefix of a proxy, and ids stay out of the logs of whatever is in between.

export interface Place {
  /** The parts of the path. */
  path: string[];
  /** What is chosen there. */
  query: URLSearchParams;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function read(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

class Router {
  place = $state.raw<Place>(read());

  constructor() {
    addEventListener("hashchange", () => {
      const before = this.place.path.join("/");
      this.place = read();
      if (this.place.path.join("/") !== before) {
        scrollTo(0, 0);
        // Whoever reads with the ears is told where they are.
        requestAnimationFrame(() => document.querySelector<HTMLElement>("h1")?.focus({ preventScroll: true }));
      }
    });
  }

  /** Reads the address again after it was changed by hand. */
  refresh(): void {
    this.place = read();
  }

  /** The choice of that name, or what stands for it. */
  chosen(name: string, otherwise = ""): string {
    return this.place.query.get(name) ?? otherwise;
  }

  /** Chooses something on this page without a step back to it; empty text forgets the choice. */
  choose(changes: Record<string, string>): void {
    const query = new URLSearchParams(this.place.query);
    for (const [name, value] of Object.entries(changes)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    history.replaceState(history.state, "", `#/${this.place.path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`);
    this.place = { path: this.place.path, query };
  }

  go(hash: string): void {
    location.hash = hash;
  }
}

export const router = new Router();

/** The address of a page. */
export function at(...path: string[]): string {
  return `#/${path.map(encodeURIComponent).join("/")}`;
}
