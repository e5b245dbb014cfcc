// Light and dark: follows the system until the button is used; the choice is remembered in this browser.

import { type Colours, shownColours } from "../../../shared/colours";

const KEY = "eddy-scheme";

function remembered(): "light" | "dark" | null {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : null;
  } catch {
    return null;
  }
}

class Scheme {
  private system = matchMedia("(prefers-color-scheme: dark)");
  private chosen = $state<"light" | "dark" | null>(remembered());
  private systemDark = $state(this.system.matches);

  constructor() {
    this.system.addEventListener("change", () => (this.systemDark = this.system.matches));
    if (this.chosen) document.documentElement.dataset.scheme = this.chosen;
  }

  get dark(): boolean {
    return this.chosen ? this.chosen === "dark" : this.systemDark;
  }

  toggle(): void {
    const next = this.dark ? "light" : "dark";
    document.documentElement.dataset.scheme = next;
    this.chosen = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // A browser that keeps nothing.
    }
  }

  /** The colours that are shown; whoever draws with them is told when they change. */
  get colours(): Colours {
    void this.dark;
    return shownColours();
  }

  /** Colours of classes and clusters. */
  get palette(): string[] {
    void this.dark;
    const style = getComputedStyle(document.documentElement);
    return ["normal", "series-2", "series-3", "series-4", "series-5", "series-6", "series-7"].map((name) => style.getPropertyValue(`--${name}`).trim());
  }
}

export const scheme = new Scheme();
