//! Rows to bytes on all cores, written in order.

use std::io::{self, Write};
use std::ops::Range;

/// Rows that one thread formats at a time: enough to be worth a task, little enough to stay in the cache.
const CHUNK_ROWS: usize = 4_096;

/// Buffers that serve again, so that memory is bounded by a few chunks whatever the frame.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    spare: Vec<Vec<u8>>,
}

impl Ordered {
    /// Formats the rows `0..n_rows` in chunks, several at once, and writes each group while the next is formatted.
    pub(super) fn write(
        &mut self,
        n_rows: usize,
        out: &mut dyn Write,
        format: impl Fn(Range<usize>, &mut Vec<u8>) + Sync,
    ) -> io::Result<()> {
        let format = &format;
        let group = rayon::current_num_threads().clamp(1, 16) * 2;
        let mut starts = (0..n_rows).step_by(CHUNK_ROWS);
        let mut ready: Vec<Vec<u8>> = Vec::new();
        loop {
            let mut next: Vec<(Range<usize>, Vec<u8>)> = (&mut starts)
                .take(group)
                .map(|start| {
                    let rows = start..n_rows.min(start + CHUNK_ROWS);
                    (rows, self.spare.pop().unwrap_or_default())
                })
                .collect();
            let mut write_ready = || ready.iter().try_for_each(|bytes| out.write_all(bytes));
            match next.as_mut_slice() {
                // One chunk is not worth waking another thread for.
                [(rows, bytes)] => {
                    format(rows.clone(), bytes);
                    write_ready()?;
                }
                many => rayon::in_place_scope(|scope| {
                    for (rows, bytes) in many {
                        scope.spawn(move |_| format(rows.clone(), bytes));
                    }
                    write_ready()
                })?,
            }
            self.spare.extend(ready.drain(..).map(|mut bytes| {
                bytes.clear();
                bytes
            }));
            if next.is_empty() {
                return Ok(());
            }
            ready.extend(next.into_iter().map(|(_, bytes)| bytes));
        }
    }
}
