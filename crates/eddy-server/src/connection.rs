//! A connection with deadlines: whoever neither sends nor takes anything is cut off.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// Seconds without a byte read or written. Callers may be kept waiting for almost as long (`limits.wait_seconds`); heads
/// and bodies of requests have shorter deadlines of their own.
const SILENT: Duration = Duration::from_mins(5);
/// Seconds without a byte taken while one is to be written.
const STALLED: Duration = Duration::from_secs(20);

/// A stream that fails when it stands still for too long. A connection that waits on us is not cut: the live stream
/// writes something every few seconds.
pub(crate) struct Timed<S> {
    inner: S,
    silent: Duration,
    stalled: Duration,
    read: Pin<Box<Sleep>>,
    write: Pin<Box<Sleep>>,
    reading: bool,
    writing: bool,
}

impl<S> Timed<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self::with(inner, SILENT, STALLED)
    }

    fn with(inner: S, silent: Duration, stalled: Duration) -> Self {
        let now = Instant::now();
        Self {
            inner,
            silent,
            stalled,
            read: Box::pin(sleep_until(now + silent)),
            write: Box::pin(sleep_until(now + stalled)),
            reading: false,
            writing: false,
        }
    }
}

fn late(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what.to_owned())
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        match Pin::new(&mut me.inner).poll_read(context, buffer) {
            Poll::Ready(done) => {
                me.reading = false;
                Poll::Ready(done)
            }
            Poll::Pending => {
                if !me.reading {
                    me.reading = true;
                    me.read.as_mut().reset(Instant::now() + me.silent);
                }
                // While an answer is being written nobody needs to send anything.
                if me.writing {
                    return Poll::Pending;
                }
                match me.read.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Err(late("nothing was sent for too long"))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Timed<S> {
    fn written<T>(&mut self, context: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.writing = false;
            // Something was taken: the other end is alive.
            self.read.as_mut().reset(Instant::now() + self.silent);
            return done;
        }
        if !self.writing {
            self.writing = true;
            self.write.as_mut().reset(Instant::now() + self.stalled);
        }
        match self.write.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(late("nothing was taken for too long"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.written(context, done)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let done = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.written(context, done)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = Pin::new(&mut self.inner).poll_flush(context);
        self.written(context, done)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn who_takes_nothing_is_cut() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let error = Timed::with(ours, LONG, Duration::ZERO).write_all(&[0; 64]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_sends_nothing_is_cut() {
        let (ours, _theirs) = tokio::io::duplex(16);
        let error = Timed::with(ours, Duration::ZERO, LONG).read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_takes_and_sends_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut ours = Timed::with(ours, LONG, LONG);
        let (sent, taken) = tokio::join!(ours.write_all(b"hello"), async { theirs.read_u8().await });
        assert!(sent.is_ok() && taken.is_ok_and(|byte| byte == b'h'));
    }
}
