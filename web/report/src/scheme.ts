// Light and dark: follows the system until the button is used, and remembers nothing.

import { type Colours, shownColours } from "../../shared/colours";
import { element, mount } from "./element";

let known: Colours | null = null;
const listeners: (() => void)[] = [];

/** The colours of the scheme that is shown. */
export function colours(): Colours {
  known ??= shownColours();
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
