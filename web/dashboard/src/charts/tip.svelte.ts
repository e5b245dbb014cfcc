// The one tip beside the pointer.

export interface TipLine {
  name: string;
  value: string;
}

interface Tip {
  head: string;
  lines: TipLine[];
  x: number;
  y: number;
  flagged: boolean;
}

export const tip = $state<{ shown: Tip | null }>({ shown: null });

export function showTip(head: string, lines: TipLine[], x: number, y: number, flagged = false): void {
  tip.shown = { head, lines, x, y, flagged };
}

export function hideTip(): void {
  tip.shown = null;
}
