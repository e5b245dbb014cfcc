// Light and dark: follows the system until the button is used, and remembers nothing.

import { element, mount } from "./element";

export interface Colours {
  sheet: string;
  ink: string;
  muted: string;
  hair: string;
  line: string;
  normal: string;
  normalSoft: string;
  flagged: string;
  usual: string;
  mono: string;
  sans: string;
}

let known: Colours | null = null;
const listeners: (() => void)[] = [];

/** The colours of the scheme that is shown. */
export function colours(): Colours {
  if (!known) {
    const style = getComputedStyle(document.documentElement);
    const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    known = {
      sheet: of("sheet"),
      ink: of("ink"),
      muted: of("muted"),
      hair: of("hair"),
      line: of("line"),
      normal: of("normal"),
      normalSoft: of("normal-soft"),
      flagged: of("flagged"),
      usual: of("usual"),
      mono: of("mono"),
      sans: of("sans"),
    };
  }
  return known;
}

export function onScheme(listener: () => void): void {
  listeners.push(listener);
}

export function addSchemeButton(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const button = element("button", { type: "button" });
  const shown = (): string => document.documentElement.dataset.scheme ?? (dark.matches ? "dark" : "light");
  const refresh = (): void => {
    const other = shown() === "dark" ? "Light" : "Dark";
    button.textContent = other;
    button.setAttribute("aria-label", `${other} colours`);
    known = null;
    for (const listener of listeners) listener();
  };
  button.addEventListener("click", () => {
    document.documentElement.dataset.scheme = shown() === "dark" ? "light" : "dark";
    refresh();
  });
  dark.addEventListener("change", refresh);
  mount("tools")?.append(button);
  refresh();
}
