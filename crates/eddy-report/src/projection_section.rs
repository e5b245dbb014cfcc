//! The part of the page with rows in two dimensions and their clusters.

use std::fmt::Write;

use crate::curve::legend;
use crate::drawing::{Area, Drawing};
use crate::projection_plot::{Groups, k_distance, scatter, silhouette};
use crate::{Clustering, Projection, escape, words};

/// The section; nothing when there are no points.
pub(crate) fn projection_section(out: &mut String, projection: &Projection) {
    if projection.x.is_empty() {
        return;
    }
    let _ = write!(
        out,
        concat!(
            "<section id=\"projection\" aria-labelledby=\"projection-h\">",
            "<h2 id=\"projection-h\">All columns in two dimensions</h2>",
            "<p class=\"note\">The first two principal components of {}, each brought to mean 0 and standard deviation 1, hold ",
            "{} of their variance. They were found from {}; {} of them are drawn.{} Rows that lie apart here are apart; rows that ",
            "lie together may still differ in what the picture leaves out.</p>"
        ),
        words::counted(projection.n_columns, "numeric column", "numeric columns"),
        words::percent(projection.shares.iter().sum()),
        words::counted(projection.n_rows, "row", "rows"),
        words::count(projection.x.len() as u64),
        match projection.left_out {
            0 => String::new(),
            n => format!(" {} left out.", words::counted(n, "further column is", "further columns are")),
        },
    );
    out.push_str("<div class=\"pair\"><div class=\"scroll\">");
    points(out, projection, &Groups::of_classes(projection), "Rows on their first two principal components");
    out.push_str("</div><div class=\"leaders\">");
    for (at, leading) in projection.leading.iter().enumerate().filter(|(_, leading)| !leading.is_empty()) {
        let _ = write!(
            out,
            "<h3>Component {} <span class=\"unit\">{}</span></h3><p class=\"note\">{}</p><ol>",
            at + 1,
            words::percent(projection.shares[at]),
            if at == 0 { "Columns that go with it, by correlation." } else { "" }
        );
        for (name, correlation) in leading {
            let ink = if *correlation < 0.0 { "flagged" } else { "normal" };
            let _ = write!(
                out,
                concat!(
                    "<li><span class=\"name\">{}</span><span class=\"num\">{:+.2}</span>",
                    "<svg class=\"gauge\" viewBox=\"0 0 100 4\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                    "<rect class=\"f-hair\" width=\"100\" height=\"4\"/><rect class=\"f-{}\" width=\"{:.1}\" height=\"4\"/></svg></li>"
                ),
                escape::text(name),
                correlation,
                ink,
                correlation.abs().min(1.0) * 100.0
            );
        }
        out.push_str("</ol>");
    }
    out.push_str("</div></div>");
    if let Some(clustering) = &projection.clustering {
        clusters(out, projection, clustering);
    }
    out.push_str("</section>\n");
}

fn points(out: &mut String, projection: &Projection, groups: &Groups, label: &str) {
    let mut drawing = Drawing::default();
    let area = Area { x: 0.0, y: 0.0, width: 720.0, height: 480.0 };
    let at_edge = scatter(&mut drawing, area, projection, groups);
    out.push_str(&drawing.finish(720.0, 480.0, "picture", label, None));
    legend(out, &groups.legend());
    if at_edge > 0 {
        let _ = write!(
            out,
            "<p class=\"note under\">{} drawn at the edge.</p>",
            words::counted(at_edge as u64, "point lies farther out and is", "points lie farther out and are")
        );
    }
}

fn clusters(out: &mut String, projection: &Projection, clustering: &Clustering) {
    let n_noise = clustering.cluster.iter().filter(|number| **number < 0).count() as u64;
    let mut numbers: Vec<i32> = clustering.cluster.iter().copied().filter(|number| *number >= 0).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let _ = write!(
        out,
        concat!(
            "<h3 id=\"clusters-h\">Clusters</h3><p class=\"note\">{} finds {}; {} in none and counted as noise. Clusters are those of ",
            "all columns, seen on the same two components.</p>",
            "<div class=\"twins\"><div class=\"scroll\">"
        ),
        escape::text(&clustering.method),
        words::counted(numbers.len() as u64, "cluster", "clusters"),
        words::counted(n_noise, "point is", "points are"),
    );
    let groups = Groups::of_clusters(&clustering.cluster);
    points(out, projection, &groups, "Clusters on the first two principal components");
    out.push_str("</div>");
    if let Some(curve) = &clustering.k_distance {
        let mut drawing = Drawing::default();
        k_distance(&mut drawing, Area { x: 0.0, y: 0.0, width: 590.0, height: 320.0 }, curve);
        let label = "Distances to the k-th nearest neighbour in rising order";
        let svg = drawing.finish(590.0, 320.0, "picture", label, None);
        let _ = write!(
            out,
            "<div>{svg}<p class=\"note under\">The radius is taken where the curve bends: points left of it have neighbours \
             closer than that.</p></div>"
        );
    }
    if let Some(values) = &clustering.silhouette {
        let mut drawing = Drawing::default();
        silhouette(
            &mut drawing,
            Area { x: 0.0, y: 0.0, width: 590.0, height: 360.0 },
            values,
            &clustering.cluster,
        );
        let svg = drawing.finish(590.0, 360.0, "picture", "Silhouette values cluster by cluster", None);
        let _ = write!(
            out,
            "<div>{svg}<p class=\"note under\">1: far from all other clusters. Below 0: closer to another cluster than to its \
             own. Above a mean of 0.5 the clusters are real, below 0.25 there are hardly any.</p></div>"
        );
    }
    out.push_str("</div>");
}
