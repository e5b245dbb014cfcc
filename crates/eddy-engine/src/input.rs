//! Rows of a source, kept in memory where they fit and read again where they do not.

use std::sync::Arc;

use eddy_frame::{Column, Frame, Schema};
use eddy_io::{ArpClaim, Description, PacketSign, ReadError, ReadStats, Source};

/// A source that can be gone through several times.
pub(crate) struct Input {
    /// The source, unless its rows are kept: its buffers are then of no more use.
    source: Option<Box<dyn Source>>,
    /// Shared with those who look at them beside.
    kept: Option<Arc<Vec<Frame>>>,
    /// An even sample of the rows, where they are not kept.
    sample: Vec<Frame>,
    pub(crate) n_rows: u64,
    /// Bytes that rows may take.
    pub(crate) max_bytes: usize,
    pub(crate) stats: ReadStats,
    pub(crate) description: Description,
    /// What ARP packets said, where the input is a capture of packets.
    pub(crate) arp_claims: Vec<ArpClaim>,
    /// What single packets of captures told.
    pub(crate) packet_signs: Vec<PacketSign>,
}

/// Bytes a frame takes, about.
fn frame_bytes(frame: &Frame) -> usize {
    let column_bytes = |column: &Column| match column {
        Column::Text(texts) => texts.iter().map(str::len).sum::<usize>() + texts.len() * 8,
        other => other.len() * 8,
    };
    frame.columns().iter().map(column_bytes).sum()
}

impl Input {
    /// Reads everything once. Frames are kept until `max_bytes`; beyond, only a sample of `sample_rows` is.
    pub(crate) fn read(
        mut source: Box<dyn Source>,
        max_bytes: usize,
        sample_rows: usize,
        progress: &dyn Fn(u64, u64),
    ) -> Result<Self, ReadError> {
        let mut kept = Some(Vec::new());
        let mut kept_bytes = 0;
        let mut sample: Vec<Frame> = Vec::new();
        let mut sampled = 0;
        // Every `stride`-th row is sampled; when the sample is full it is thinned by half and the stride doubled.
        let mut stride = 1u64;
        let mut n_rows = 0;
        while let Some(mut frame) = source.next_frame()? {
            frame.first_row = n_rows;
            n_rows += frame.n_rows() as u64;
            if let Some(frames) = &mut kept {
                kept_bytes += frame_bytes(&frame);
                frames.push(frame);
                if kept_bytes > max_bytes {
                    sample = frames
                        .iter()
                        .map(|frame| every(frame, stride))
                        .filter(|frame| frame.n_rows() > 0)
                        .collect();
                    sampled = sample.iter().map(Frame::n_rows).sum();
                    kept = None;
                }
            } else {
                let part = every(&frame, stride);
                sampled += part.n_rows();
                if part.n_rows() > 0 {
                    sample.push(part);
                }
            }
            while kept.is_none() && sampled > sample_rows {
                stride *= 2;
                sample.iter_mut().for_each(|frame| {
                    *frame = frame.take(&(0..frame.n_rows()).step_by(2).collect::<Vec<_>>());
                });
                let now: usize = sample.iter().map(Frame::n_rows).sum();
                if now == sampled {
                    break;
                }
                sampled = now;
            }
            progress(n_rows, source.stats().bytes_read);
        }
        let stats = source.stats();
        let mut description = source.description().clone();
        if let Some(frames) = &mut kept {
            crate::order::put_in_order(frames, &mut description);
        } else if crate::order::is_series(&description.schema) {
            let text = "more rows than are kept in memory: they are taken in the order of the file";
            description.notes.push(eddy_io::Note { column: None, text: text.to_owned() });
        }
        let arp_claims = source.arp_claims();
        let packet_signs = source.packet_signs();
        let source = kept.is_none().then_some(source);
        let kept = kept.map(Arc::new);
        Ok(Self { source, kept, sample, n_rows, max_bytes, stats, description, arp_claims, packet_signs })
    }

    /// The same rows for another thread, where they are kept.
    pub(crate) fn shared(&self) -> Option<Self> {
        let kept = self.kept.clone()?;
        Some(Self {
            source: None,
            kept: Some(kept),
            sample: Vec::new(),
            n_rows: self.n_rows,
            max_bytes: self.max_bytes,
            stats: self.stats.clone(),
            description: self.description.clone(),
            arp_claims: self.arp_claims.clone(),
            packet_signs: self.packet_signs.clone(),
        })
    }

    pub(crate) fn schema(&self) -> &Arc<Schema> {
        &self.description.schema
    }

    /// The rows to fit on, joined. `in_order` asks for adjacent rows (the first ones) instead of an even sample.
    pub(crate) fn to_fit(&self, in_order: bool, most: usize) -> Result<Frame, String> {
        let frames: Vec<Frame> = match (&self.kept, in_order) {
            (Some(kept), true) => {
                let mut left = most;
                let mut out = Vec::new();
                for frame in kept.iter() {
                    let n = frame.n_rows().min(left);
                    out.push(if n == frame.n_rows() { frame.clone() } else { frame.slice(0, n) });
                    left -= n;
                    if left == 0 {
                        break;
                    }
                }
                out
            }
            (Some(kept), false) => {
                let stride = self.n_rows.div_ceil(most.max(1) as u64).max(1);
                return if stride == 1 { joined(kept, self.schema()) } else { thinned(kept, stride) };
            }
            (None, _) => return joined(&self.sample, self.schema()),
        };
        joined(&frames, self.schema())
    }

    /// Goes through all frames in order, `many` at a time.
    pub(crate) fn each<E: From<ReadError>>(
        &mut self,
        many: usize,
        visit: &mut dyn FnMut(&[Frame]) -> Result<(), E>,
    ) -> Result<(), E> {
        if let Some(frames) = &self.kept {
            for group in frames.chunks(many.max(1)) {
                visit(group)?;
            }
            return Ok(());
        }
        let Some(source) = &mut self.source else { return Ok(()) };
        source.rewind()?;
        let mut first_row = 0;
        let mut group = Vec::new();
        while let Some(mut frame) = source.next_frame()? {
            frame.first_row = first_row;
            first_row += frame.n_rows() as u64;
            group.push(frame);
            if group.len() == many.max(1) {
                visit(&group)?;
                group.clear();
            }
        }
        if group.is_empty() { Ok(()) } else { visit(&group) }
    }
}

/// One frame of all rows; an empty one of the schema when there are none.
fn joined(frames: &[Frame], schema: &Arc<Schema>) -> Result<Frame, String> {
    let whole = if frames.is_empty() {
        let columns = schema.fields.iter().map(|field| Column::empty(field.kind)).collect();
        Frame::new(schema.clone(), columns)
    } else {
        Frame::concat(frames)
    };
    whole.map_err(|error| error.to_string())
}

/// One frame of every `stride`-th row, without their lines. It grows column by column, so that there is nothing beside
/// it but a piece of one column.
fn thinned(frames: &[Frame], stride: u64) -> Result<Frame, String> {
    let Some(first) = frames.first() else { return Err("there are no rows".to_owned()) };
    let column = |idx: usize| {
        let mut whole = Column::empty(first.column(idx).kind());
        frames.iter().for_each(|frame| whole.append(&frame.column(idx).take(&places(frame, stride))));
        whole
    };
    Frame::new(first.schema().clone(), (0..first.columns().len()).map(column).collect())
        .map_err(|error| error.to_string())
}

/// The rows whose position in the input is a multiple of `stride`.
fn every(frame: &Frame, stride: u64) -> Frame {
    if stride == 1 { frame.clone() } else { frame.take(&places(frame, stride)) }
}

fn places(frame: &Frame, stride: u64) -> Vec<usize> {
    let skip = ((stride - frame.first_row % stride) % stride) as usize;
    (skip..frame.n_rows()).step_by(stride as usize).collect()
}
