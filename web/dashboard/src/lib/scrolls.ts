// What is wider or taller than its box can be scrolled with keys as well.

import type { Action } from "svelte/action";

/** Makes a box a stop of the Tab key as long as there is something to scroll in it. */
export const scrolls: Action<HTMLElement> = (node) => {
  const look = (): void => {
    const more = node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1;
    if (!more) {
      for (const name of ["tabindex", "role", "aria-label"]) node.removeAttribute(name);
      return;
    }
    node.tabIndex = 0;
    node.setAttribute("role", "group");
    node.setAttribute("aria-label", "More of the table, with the arrow keys");
  };
  const observer = new ResizeObserver(look);
  observer.observe(node);
  if (node.firstElementChild) observer.observe(node.firstElementChild);
  look();
  return { destroy: () => observer.disconnect() };
};
