// The small sheet beside the pointer.

import { element } from "./element";

let sheet: HTMLElement | null = null;

export interface TipLine {
  name: string;
  value: string;
}

export function showTip(title: string, marked: boolean, lines: TipLine[], x: number, y: number): void {
  if (!sheet) {
    sheet = element("div", { class: "tip", hidden: true });
    document.body.append(sheet);
  }
  sheet.replaceChildren(
    element("b", marked ? { class: "verdict-mark" } : {}, title),
    ...lines.map((line) => element("div", {}, element("span", {}, line.name), element("span", {}, line.value))),
  );
  sheet.hidden = false;
  const { offsetWidth, offsetHeight } = sheet;
  const left = x + 16 + offsetWidth > innerWidth ? x - offsetWidth - 12 : x + 16;
  const top = y + 16 + offsetHeight > innerHeight ? y - offsetHeight - 12 : y + 16;
  sheet.style.left = `${Math.max(4, left)}px`;
  sheet.style.top = `${Math.max(4, top)}px`;
}

export function hideTip(): void {
  if (sheet) sheet.hidden = true;
}
