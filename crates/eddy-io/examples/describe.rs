//! Prints what was found out about each input, and reads it to its end.
use std::time::Instant;

fn main() {
    for path in std::env::args().skip(1) {
        let started = Instant::now();
        match eddy_io::open(&[path.clone()], &eddy_io::ReadOptions::default()) {
            Err(error) => println!("{path}\n  REFUSED {error}"),
            Ok(mut source) => {
                let opened = started.elapsed();
                let mut sum = 0.0;
                loop {
                    match source.next_frame() {
                        Ok(Some(frame)) => sum += frame.columns().first().map_or(0.0, |c| c.number(0)),
                        Ok(None) => break,
                        Err(error) => {
                            println!("  ERROR {error}");
                            break;
                        }
                    }
                }
                let all = started.elapsed();
                let d = source.description();
                let s = source.stats();
                println!(
                    "{path}\n  {} | {} | rows {} aside {} cells {} | open {opened:?} all {all:?} {:.0} MB/s {}",
                    d.shape.id,
                    d.format,
                    s.rows_read,
                    s.rows_set_aside,
                    s.cells_set_aside,
                    s.bytes_read as f64 / 1e6 / all.as_secs_f64(),
                    if sum.is_nan() { "" } else { " " }
                );
                let mut by_role: std::collections::BTreeMap<&str, Vec<String>> = Default::default();
                for f in &d.schema.fields {
                    let c = f.counter.map_or(String::new(), |c| format!("!{c:?}"));
                    by_role.entry(f.role.name()).or_default().push(format!("{}:{:?}{c}", f.name, f.kind));
                }
                for (role, names) in by_role {
                    let more =
                        if names.len() > 12 { format!(" (+{})", names.len() - 12) } else { String::new() };
                    println!(
                        "    {role}: {}{more}",
                        names.iter().take(12).cloned().collect::<Vec<_>>().join(", ")
                    );
                }
                for n in &d.notes {
                    println!("    note {}: {}", n.column.as_deref().unwrap_or("*"), n.text);
                }
                for a in s.first_set_aside.iter().take(3) {
                    println!(
                        "    aside {:?} {:?}: {} | {}",
                        a.line,
                        a.column,
                        a.reason,
                        a.text.chars().take(60).collect::<String>()
                    );
                }
            }
        }
    }
}
