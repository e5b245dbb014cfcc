// What incidents gain with a script: rules can be copied at a press, and a link to an incident opens it.

import { element } from "./element";

function addCopyButtons(): void {
  for (const block of document.querySelectorAll<HTMLElement>("pre[data-copy]")) {
    const frame = element("div", { class: "copy" });
    const button = element("button", { type: "button" }, "Copy");
    button.addEventListener("click", () => {
      void copy(block).then((done) => {
        button.textContent = done ? "Copied" : "Press Ctrl+C";
        setTimeout(() => (button.textContent = "Copy"), 2000);
      });
    });
    block.replaceWith(frame);
    frame.append(block, button);
  }
}

/** Copies a text; where the browser does not let a page from disk do so, the text is selected instead. */
async function copy(block: HTMLElement): Promise<boolean> {
  const range = document.createRange();
  range.selectNodeContents(block);
  const selection = getSelection();
  selection?.removeAllRanges();
  selection?.addRange(range);
  try {
    await navigator.clipboard.writeText(block.textContent ?? "");
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

function openNamed(): void {
  const name = location.hash.slice(1);
  const target = name.startsWith("incident-") ? document.getElementById(name) : null;
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

export function addIncidents(): void {
  addCopyButtons();
  openNamed();
  addEventListener("hashchange", openNamed);
}
