// Elements are built from names and text only: what comes from the data never becomes markup.

type Child = Node | string | null | undefined | false;

export function element<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number | boolean> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  dress(made, attributes, children);
  return made;
}

export function shape(
  name: string,
  attributes: Record<string, string | number | boolean> = {},
  ...children: Child[]
): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  dress(made, attributes, children);
  return made;
}

function dress(made: Element, attributes: Record<string, string | number | boolean>, children: Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child) made.append(child);
  }
}

/** The place in the page where the script puts a part, if this page has one. */
export function mount(part: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-live="${part}"]`);
}

/** Runs `work` once in the next frame, however often it is asked. */
export function oncePerFrame(work: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      work();
    });
  };
}
