// The colours of `colours.css` for what is drawn on a canvas.

export interface Colours {
  paper: string;
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

/** The colours that are shown now. */
export function shownColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const of = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: of("paper"),
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
