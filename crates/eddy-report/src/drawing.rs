//! A picture under construction.

use std::fmt::Write;

use crate::{
    escape,
    ticks::{Scale, Tick},
};

/// A colour by its meaning. In a page a style sheet replaces the colours by those of its scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::enum_variant_names)] // The colour of text is called ink by everybody.
pub(crate) enum Ink {
    /// The ground.
    Paper,
    /// Words and lines that matter.
    Ink,
    /// Words that matter less.
    Muted,
    /// Grid and frames.
    Hair,
    /// Ordinary rows.
    Normal,
    /// Areas of ordinary rows.
    NormalSoft,
    /// Flagged rows.
    Flagged,
    /// The range in which most training rows lie.
    Usual,
    /// One of several classes, clusters or models: 0 is [`Ink::Normal`], 1 is [`Ink::Flagged`], from
    /// [`SERIES_INKS`] on they begin anew.
    Series(usize),
}

/// Different inks of [`Ink::Series`].
pub(crate) const SERIES_INKS: usize = 8;
/// Style-sheet name and colour of each.
const SERIES: [(&str, &str); SERIES_INKS] = [
    ("normal", "#2c7196"),
    ("flagged", "#b83f00"),
    ("series-2", "#2b7d4f"),
    ("series-3", "#8a4a9e"),
    ("series-4", "#94690a"),
    ("series-5", "#b02f5b"),
    ("series-6", "#0f7f86"),
    ("series-7", "#5f6b1f"),
];

impl Ink {
    fn class(self) -> &'static str {
        match self {
            Self::Paper => "paper",
            Self::Ink => "ink",
            Self::Muted => "muted",
            Self::Hair => "hair",
            Self::Normal => "normal",
            Self::NormalSoft => "normal-soft",
            Self::Flagged => "flagged",
            Self::Usual => "usual",
            Self::Series(at) => SERIES[at % SERIES_INKS].0,
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Paper => "#ffffff",
            Self::Ink => "#12242c",
            Self::Muted => "#566973",
            Self::Hair => "#d7e0e3",
            Self::Normal => "#2c7196",
            Self::NormalSoft => "#cfe2ec",
            Self::Flagged => "#b83f00",
            Self::Usual => "#e2ece8",
            Self::Series(at) => SERIES[at % SERIES_INKS].1,
        }
    }
}

/// Where a text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// At its left end.
    Start,
    /// In its middle.
    Middle,
    /// At its right end.
    End,
}

/// The look of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Type {
    /// Height in pixels.
    pub(crate) size: f64,
    /// Colour.
    pub(crate) ink: Ink,
    /// Where it begins.
    pub(crate) anchor: Anchor,
    /// Letters of one width, for numbers.
    pub(crate) mono: bool,
}

/// Words beside a graduation.
pub(crate) const TICK: Type = Type { size: 10.5, ink: Ink::Muted, anchor: Anchor::Middle, mono: true };
/// Names of plots and axes.
pub(crate) const LABEL: Type = Type { size: 12.5, ink: Ink::Ink, anchor: Anchor::Start, mono: false };
/// Small words beside a plot.
pub(crate) const NOTE: Type = Type { size: 11.0, ink: Ink::Muted, anchor: Anchor::Start, mono: false };

/// A rectangle of the picture, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    /// Left side.
    pub(crate) x: f64,
    /// Upper side.
    pub(crate) y: f64,
    /// Width.
    pub(crate) width: f64,
    /// Height.
    pub(crate) height: f64,
}

impl Area {
    /// The lower side.
    pub(crate) fn bottom(&self) -> f64 {
        self.y + self.height
    }

    /// The right side.
    pub(crate) fn right(&self) -> f64 {
        self.x + self.width
    }

    /// The area without margins.
    pub(crate) fn inside(&self, top: f64, right: f64, bottom: f64, left: f64) -> Self {
        Self {
            x: self.x + left,
            y: self.y + top,
            width: (self.width - left - right).max(1.0),
            height: (self.height - top - bottom).max(1.0),
        }
    }

    /// Pixel of a value on a horizontal scale.
    pub(crate) fn at_x(&self, scale: &Scale, value: f64) -> f64 {
        self.x + self.width * scale.part(value).clamp(-0.02, 1.02)
    }

    /// Pixel of a value on a vertical scale that rises upward.
    pub(crate) fn at_y(&self, scale: &Scale, value: f64) -> f64 {
        self.bottom() - self.height * scale.part(value).clamp(-0.02, 1.02)
    }
}

/// The elements of an SVG picture, in drawing order.
#[derive(Debug, Default)]
pub(crate) struct Drawing {
    body: String,
}

/// A coordinate with one decimal, without a useless ".0".
pub(crate) fn px(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded == 0.0 { "0".into() } else { rounded.to_string() }
}

impl Drawing {
    /// A filled rectangle.
    pub(crate) fn rect(&mut self, area: Area, ink: Ink) {
        let _ = write!(
            self.body,
            r#"<rect class="f-{}" fill="{}" x="{}" y="{}" width="{}" height="{}"/>"#,
            ink.class(),
            ink.colour(),
            px(area.x),
            px(area.y),
            px(area.width),
            px(area.height)
        );
    }

    /// A filled rectangle in a mixture of paper and one of two colours: -1 is all `low`, +1 all `high`.
    pub(crate) fn shade(&mut self, area: Area, value: f64, low: Ink, high: Ink) {
        let ink = if value < 0.0 { low } else { high };
        let _ = write!(
            self.body,
            r#"<rect class="f-{}" fill="{}" fill-opacity="{}" x="{}" y="{}" width="{}" height="{}"/>"#,
            ink.class(),
            ink.colour(),
            (value.abs().clamp(0.0, 1.0) * 100.0).round() / 100.0,
            px(area.x),
            px(area.y),
            px(area.width),
            px(area.height)
        );
    }

    /// A straight line.
    pub(crate) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        self.stroke(&format!("M{} {}L{} {}", px(from.0), px(from.1), px(to.0), px(to.1)), ink, width, "");
    }

    /// A dashed straight line.
    pub(crate) fn dashes(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink, width: f64) {
        let path = format!("M{} {}L{} {}", px(from.0), px(from.1), px(to.0), px(to.1));
        self.stroke(&path, ink, width, r#" stroke-dasharray="5 3""#);
    }

    /// A line along a path; `more` are further attributes.
    pub(crate) fn stroke(&mut self, path: &str, ink: Ink, width: f64, more: &str) {
        if !path.is_empty() {
            let _ = write!(
                self.body,
                r#"<path class="s-{}" fill="none" stroke="{}" stroke-width="{width}"{more} d="{path}"/>"#,
                ink.class(),
                ink.colour()
            );
        }
    }

    /// A filled path; `more` are further attributes.
    pub(crate) fn fill(&mut self, path: &str, ink: Ink, more: &str) {
        if !path.is_empty() {
            let _ = write!(
                self.body,
                r#"<path class="f-{}" fill="{}"{more} d="{path}"/>"#,
                ink.class(),
                ink.colour()
            );
        }
    }

    /// A filled path on an edge of paper, so that marks stand off from the lines below them.
    pub(crate) fn marks(&mut self, path: &str, ink: Ink) {
        if !path.is_empty() {
            let _ = write!(
                self.body,
                r#"<path class="f-{} s-paper" fill="{}" stroke="{}" stroke-width="1.5" paint-order="stroke" d="{path}"/>"#,
                ink.class(),
                ink.colour(),
                Ink::Paper.colour()
            );
        }
    }

    /// A text, escaped.
    pub(crate) fn text(&mut self, x: f64, y: f64, text: &str, look: Type) {
        let _ = write!(self.body, r#"<text x="{}" y="{}""#, px(x), px(y));
        self.text_rest(text, look);
    }

    /// A text that reads upward.
    pub(crate) fn upward(&mut self, x: f64, y: f64, text: &str, look: Type) {
        let _ = write!(self.body, r#"<text transform="translate({} {}) rotate(-90)""#, px(x), px(y));
        self.text_rest(text, look);
    }

    fn text_rest(&mut self, text: &str, look: Type) {
        let _ = write!(
            self.body,
            r#" class="f-{}{}" fill="{}" font-size="{}"{}{}>"#,
            look.ink.class(),
            if look.mono { " mono" } else { "" },
            look.ink.colour(),
            look.size,
            match look.anchor {
                Anchor::Start => "",
                Anchor::Middle => r#" text-anchor="middle""#,
                Anchor::End => r#" text-anchor="end""#,
            },
            if look.mono { r#" font-family="Hack, ui-monospace, monospace""# } else { "" },
        );
        escape::push_text(&mut self.body, text);
        self.body.push_str("</text>");
    }

    /// The graduated lower side of a plot: a bar that changes between full and empty at every tick, as on the edge of a
    /// chart, with faint lines upward and words below.
    pub(crate) fn bottom_side(&mut self, plot: Area, scale: &Scale, ticks: &[Tick]) {
        let places: Vec<f64> = ticks.iter().map(|tick| plot.at_x(scale, tick.at)).collect();
        let y = plot.bottom();
        self.line((plot.x, y), (plot.right(), y), Ink::Muted, 0.75);
        self.line((plot.x, y + 3.0), (plot.right(), y + 3.0), Ink::Muted, 0.75);
        for (&from, &to) in places.iter().zip(places.iter().skip(1)).step_by(2) {
            self.rect(Area { x: from, y, width: to - from, height: 3.0 }, Ink::Muted);
        }
        let mut free_from = f64::NEG_INFINITY;
        for (tick, &x) in ticks.iter().zip(&places) {
            self.line((x, plot.y), (x, y), Ink::Hair, 0.75);
            let half = tick.label.chars().count() as f64 * TICK.size * 0.301;
            let middle = x.clamp(plot.x - 8.0 + half, (plot.right() + 8.0 - half).max(plot.x));
            if middle - half > free_from {
                self.text(middle, y + 16.0, &tick.label, TICK);
                free_from = middle + half + 6.0;
            }
        }
    }

    /// The graduated left side of a plot.
    pub(crate) fn left_side(&mut self, plot: Area, scale: &Scale, ticks: &[Tick]) {
        let places: Vec<f64> = ticks.iter().map(|tick| plot.at_y(scale, tick.at)).collect();
        self.line((plot.x, plot.y), (plot.x, plot.bottom()), Ink::Muted, 0.75);
        self.line((plot.x - 3.0, plot.y), (plot.x - 3.0, plot.bottom()), Ink::Muted, 0.75);
        for (&from, &to) in places.iter().zip(places.iter().skip(1)).step_by(2) {
            self.rect(Area { x: plot.x - 3.0, y: to, width: 3.0, height: from - to }, Ink::Muted);
        }
        for (tick, &y) in ticks.iter().zip(&places) {
            self.line((plot.x, y), (plot.right(), y), Ink::Hair, 0.75);
            self.text(plot.x - 8.0, y + 3.6, &tick.label, Type { anchor: Anchor::End, ..TICK });
        }
    }

    /// The finished picture. `label` says in words what is to be seen.
    pub(crate) fn finish(
        self,
        width: f64,
        height: f64,
        class: &str,
        label: &str,
        ground: Option<Ink>,
    ) -> String {
        let mut out = format!(
            concat!(
                r#"<svg xmlns="http://www.w3.org/2000/svg" class="{}" width="{w}" height="{h}" "#,
                r#"viewBox="0 0 {w} {h}" font-family="Ubuntu, 'Ubuntu Light', system-ui, sans-serif" "#,
                r#"role="img" aria-label="{}">"#
            ),
            class,
            escape::text(label),
            w = px(width),
            h = px(height),
        );
        if let Some(ink) = ground {
            let _ = write!(out, r#"<rect width="100%" height="100%" fill="{}"/>"#, ink.colour());
        }
        out.push_str(&self.body);
        out.push_str("</svg>");
        out
    }

    /// The finished picture as a sign beside words, which say what it is.
    pub(crate) fn finish_small(self, width: f64, height: f64) -> String {
        format!(r#"<svg viewBox="0 0 {} {}" aria-hidden="true">{}</svg>"#, px(width), px(height), self.body)
    }
}

/// A diamond around a point, as a path: the shape of flagged rows everywhere.
pub(crate) fn diamond(x: f64, y: f64, half: f64) -> String {
    format!("M{} {}l{h} {h}l-{h} {h}l-{h} -{h}z", px(x), px(y - half), h = px(half))
}

/// Shapes of [`mark`] before they begin anew.
pub(crate) const SHAPES: usize = 7;

/// The mark of one of several classes, clusters or models around a point, as a path: 0 is the dot of ordinary rows, 1 the
/// diamond of flagged ones, so that they differ in more than colour.
pub(crate) fn mark(shape: usize, x: f64, y: f64, half: f64) -> String {
    let (h, side) = (px(half), px(half * 1.6));
    match shape % SHAPES {
        0 => crate::trace::dot(x, y, half * 0.75),
        1 => diamond(x, y, half),
        2 => format!("M{} {}l{h} {side}h-{}z", px(x), px(y - half * 0.9), px(half * 2.0)),
        3 => format!("M{} {}h{side}v{side}h-{side}z", px(x - half * 0.8), px(y - half * 0.8)),
        4 => format!("M{} {}l{h} -{side}h-{}z", px(x), px(y + half * 0.9), px(half * 2.0)),
        6 => {
            let (wide, tall) = (px(half * 1.8), px(half * 1.8));
            format!("M{} {}l{wide} {tall}h-{wide}l{wide} -{tall}z", px(x - half * 0.9), px(y - half * 0.9))
        }
        _ => {
            let (arm, long) = (px(half * 0.6), px(half * 0.7));
            format!(
                "M{} {}h{arm}v{long}h{long}v{arm}h-{long}v{long}h-{arm}v-{long}h-{long}v-{arm}h{long}z",
                px(x - half * 0.3),
                px(y - half)
            )
        }
    }
}
