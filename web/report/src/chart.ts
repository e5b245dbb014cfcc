// Strips of the record in the colours of the page.

import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { type StripOptions as Options, strip as draw } from "../../shared/strip";
import { colours, onScheme } from "./scheme";

export type StripOptions = Omit<Options, "colours">;

export function strip(place: HTMLElement, options: StripOptions): uPlot {
  const { plot } = draw(place, { ...options, colours });
  onScheme(() => plot.redraw(false));
  return plot;
}
