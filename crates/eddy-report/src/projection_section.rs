//! The part of the page with rows in two dimensions and their clusters.

use std::fmt::Write;

use crate::curve::legend;
use crate::drawing::{Area, Drawing};
use crate::projection_plot::{Groups, k_distance, scatter, silhouette};
use crate::{ClusterRows, Clustering, Projection, escape, words};

/// Clusters that have a line of their own.
const MOST_LINES: usize = 10;

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
    let places = (projection.x.as_slice(), projection.y.as_slice());
    let groups = Groups::of_classes(projection);
    points(out, places, projection.shares, &groups, "Rows on their first two principal components");
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

fn points(out: &mut String, places: (&[f64], &[f64]), shares: [f64; 2], groups: &Groups, label: &str) {
    let mut drawing = Drawing::default();
    let area = Area { x: 0.0, y: 0.0, width: 720.0, height: 480.0 };
    let at_edge = scatter(&mut drawing, area, places, shares, groups);
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
    let n_clusters = clustering.clusters.len() as u64;
    let _ = write!(
        out,
        concat!(
            "<h3 id=\"clusters-h\">Clusters</h3><p class=\"note\">{} finds {} among {}; {} in none ({}) and counted as ",
            "noise. Rows are near each other or not in all columns; the picture shows them on the same two components{}.</p>",
            "<p class=\"note\">{}</p><div class=\"twins\"><div class=\"scroll\">"
        ),
        escape::text(&clustering.method),
        if n_clusters == 0 {
            "no cluster".to_owned()
        } else {
            words::counted(n_clusters, "cluster", "clusters")
        },
        words::counted(clustering.n_rows, "row", "rows"),
        words::counted(clustering.noise.rows, "row is", "rows are"),
        words::percent(clustering.noise.rows as f64 / clustering.n_rows.max(1) as f64),
        match clustering.x.len() as u64 {
            n if n < clustering.n_rows => format!(", {} of them", words::count(n)),
            _ => String::new(),
        },
        escape::text(&clustering.choice),
    );
    let groups = Groups::of_clusters(clustering);
    let places = (clustering.x.as_slice(), clustering.y.as_slice());
    points(out, places, projection.shares, &groups, "Clusters on the first two principal components");
    out.push_str("</div>");
    if let Some(curve) = &clustering.k_distance {
        let mut drawing = Drawing::default();
        k_distance(&mut drawing, Area { x: 0.0, y: 0.0, width: 590.0, height: 320.0 }, curve);
        let label = "Distances to the k-th nearest neighbour in rising order";
        let svg = drawing.finish(590.0, 320.0, "picture", label, None);
        let _ = write!(
            out,
            "<div>{svg}<p class=\"note under\">Rows below the radius have that many neighbours within it and are in the middle of \
             a cluster; the knee is where rows begin to be alone.</p></div>"
        );
    }
    if let Some(values) = &clustering.silhouette {
        let mut drawing = Drawing::default();
        silhouette(&mut drawing, Area { x: 0.0, y: 0.0, width: 590.0, height: 360.0 }, values, &groups);
        let svg = drawing.finish(590.0, 360.0, "picture", "Silhouette values cluster by cluster", None);
        let _ = write!(
            out,
            "<div>{svg}<p class=\"note under\">1: far from all other clusters. Below 0: closer to another cluster than to its \
             own. A mean above 0.5 is commonly read as clusters that are there, one below 0.25 as hardly any. It says \
             nothing of the noise.</p></div>"
        );
    }
    out.push_str("<div>");
    cluster_table(out, clustering);
    trial_table(out, clustering);
    out.push_str("</div></div>");
}

/// What is in each cluster; only where there are labels, as the legend has the sizes.
fn cluster_table(out: &mut String, clustering: &Clustering) {
    if clustering.noise.attacks.is_none() {
        return;
    }
    out.push_str(concat!(
        "<h3>Labels in the clusters</h3><table class=\"plain measured\"><thead><tr><th scope=\"col\">Cluster</th>",
        "<th scope=\"col\" class=\"num\">Rows</th><th scope=\"col\" class=\"num\">Attacks</th></tr></thead><tbody>"
    ));
    let line = |out: &mut String, name: &str, cluster: ClusterRows| {
        let share = cluster.attacks.unwrap_or(0) as f64 / cluster.rows.max(1) as f64;
        let share = if cluster.rows == 0 { "–".to_owned() } else { words::near_percent(share) };
        let rows = words::count(cluster.rows);
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{name}</th><td class=\"num\">{rows}</td><td class=\"num\">{share}</td></tr>"
        );
    };
    for (number, cluster) in clustering.clusters.iter().enumerate().take(MOST_LINES) {
        line(out, &number.to_string(), *cluster);
    }
    let rest = clustering.clusters.get(MOST_LINES..).unwrap_or_default();
    if !rest.is_empty() {
        let all = ClusterRows {
            rows: rest.iter().map(|one| one.rows).sum(),
            attacks: rest.iter().map(|one| one.attacks).sum(),
        };
        line(out, &format!("{} smaller", words::count(rest.len() as u64)), all);
    }
    line(out, "noise", clustering.noise);
    out.push_str("</tbody></table>");
}

fn trial_table(out: &mut String, clustering: &Clustering) {
    if clustering.trials.is_empty() {
        return;
    }
    out.push_str(
        "<h3>Radii that were tried</h3><table class=\"plain measured\"><thead><tr><th scope=\"col\"></th>",
    );
    for name in ["Radius", "Clusters", "Noise", "Silhouette"] {
        let _ = write!(out, "<th scope=\"col\" class=\"num\">{name}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for trial in &clustering.trials {
        let _ = write!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td><td class=\"num\">{}</td></tr>",
            if trial.taken { "taken" } else { "" },
            words::number(trial.radius),
            words::count(trial.n_clusters),
            words::percent(trial.n_noise as f64 / clustering.n_rows.max(1) as f64),
            trial.silhouette.map_or("–".to_owned(), |value| format!("{value:.2}"))
        );
    }
    out.push_str("</tbody></table>");
}
