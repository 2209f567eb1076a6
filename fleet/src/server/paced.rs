//! Deadlines of a connection: for the head of a request, for the time between two, and for a peer that takes nothing of an answer.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// The head of a request arrives, or the first is waited for.
const HEAD: u8 = 0;
/// A request is worked on. Its body has a deadline of its own.
const BUSY: u8 = 1;
/// An answer is sent, or was.
const IDLE: u8 = 2;

/// What a connection does, as those who serve it tell.
#[derive(Clone, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

impl Phase {
    /// A request is worked on.
    pub(super) fn busy(&self) {
        self.0.store(BUSY, Ordering::Relaxed);
    }

    /// It is answered.
    pub(super) fn answered(&self) {
        self.0.store(IDLE, Ordering::Relaxed);
    }
}

/// A stream that ends where the next request, or the rest of its head, does not come in time, or an answer is not taken.
pub(super) struct Paced<S> {
    stream: S,
    phase: Phase,
    armed: u8,
    timer: Pin<Box<Sleep>>,
    /// The peer takes nothing of what is written, for as long as `unread` goes on.
    stalled: bool,
    unread: Pin<Box<Sleep>>,
    head: Duration,
    idle: Duration,
}

impl<S> Paced<S> {
    /// Waits `head` for the head of a request from its first byte on, and `idle` for that byte; for the first request `head` in all. What
    /// is written waits `idle` for the peer to take some of it.
    pub(super) fn new(stream: S, phase: Phase, head: Duration, idle: Duration) -> Self {
        let (timer, unread) = (Box::pin(sleep(head)), Box::pin(sleep(idle)));
        Self { stream, phase, armed: HEAD, timer, stalled: false, unread, head, idle }
    }

    fn arm(&mut self, phase: u8, wait: Duration) {
        self.armed = phase;
        self.timer.as_mut().reset(Instant::now() + wait);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let phase = this.phase.0.load(Ordering::Relaxed);
        if phase == IDLE && this.armed != IDLE {
            this.arm(IDLE, this.idle);
        }
        this.armed = phase;
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        match read {
            Poll::Pending if phase != BUSY && this.timer.as_mut().poll_elapsed(context) => {
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Ok(())) if phase == IDLE && buffer.filled().len() > before => {
                this.phase.0.store(HEAD, Ordering::Relaxed);
                this.arm(HEAD, this.head);
                read
            }
            _ => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.note(written.is_ready());
        this.taken(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.note(written.is_ready());
        this.taken(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.taken(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let ended = Pin::new(&mut this.stream).poll_shutdown(context);
        this.taken(context, ended)
    }
}

impl<S> Paced<S> {
    /// An answer that goes on, as that of `/live`, keeps its connection.
    fn note(&mut self, has_written: bool) {
        if has_written && self.armed == IDLE {
            self.arm(IDLE, self.idle);
        }
    }

    /// What became of a write, or that the peer took nothing for too long.
    fn taken<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = false;
            return written;
        }
        if !self.stalled {
            self.stalled = true;
            self.unread.as_mut().reset(Instant::now() + self.idle);
        }
        if self.unread.as_mut().poll_elapsed(context) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

/// Whether a timer is over; where it is not, the task is woken once it is.
trait Elapsed {
    fn poll_elapsed(self, context: &mut Context<'_>) -> bool;
}

impl Elapsed for Pin<&mut Sleep> {
    fn poll_elapsed(self, context: &mut Context<'_>) -> bool {
        Future::poll(self, context).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_mins(2);

    fn pair(head: Duration, idle: Duration) -> (DuplexStream, Paced<DuplexStream>, Phase) {
        let (client, server) = duplex(1_024);
        let phase = Phase::default();
        (client, Paced::new(server, phase.clone(), head, idle), phase)
    }

    /// Reads until the stream ends for want of time.
    async fn ends(server: &mut Paced<DuplexStream>) {
        let begun = Instant::now();
        let mut buffer = [0; 64];
        let error = loop {
            if let Err(error) = server.read(&mut buffer).await {
                break error;
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(begun.elapsed() < LONG);
    }

    /// Whether nothing ends it for three short waits.
    async fn lasts(server: &mut Paced<DuplexStream>) -> bool {
        tokio::time::timeout(SHORT * 3, server.read(&mut [0; 8])).await.is_err()
    }

    #[tokio::test]
    async fn the_first_head_has_one_deadline_from_the_start() {
        let (mut client, mut server, _) = pair(SHORT, LONG);
        client.write_all(b"GET / HT").await.unwrap();
        ends(&mut server).await;
    }

    #[tokio::test]
    async fn between_requests_there_is_another_deadline() {
        let (_client, mut server, phase) = pair(SHORT, LONG);
        phase.busy();
        phase.answered();
        assert!(lasts(&mut server).await);

        let (_client, mut server, phase) = pair(LONG, SHORT);
        phase.busy();
        phase.answered();
        ends(&mut server).await;
    }

    #[tokio::test]
    async fn the_head_of_the_next_request_has_little_time_again() {
        let (mut client, mut server, phase) = pair(SHORT, LONG);
        phase.busy();
        phase.answered();
        client.write_all(b"G").await.unwrap();
        ends(&mut server).await;
    }

    #[tokio::test]
    async fn who_takes_nothing_of_an_answer_is_not_waited_for() {
        let (mut client, mut server, phase) = pair(LONG, SHORT * 2);
        phase.busy();
        let (answer, begun) = ([0; 4_096], Instant::now());
        let reads = async {
            for _ in 0..3 {
                tokio::time::sleep(SHORT).await;
                client.read_exact(&mut [0; 512]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(server.write_all(&answer), reads);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!((SHORT * 4..LONG).contains(&begun.elapsed()));
    }

    #[tokio::test]
    async fn a_request_that_is_worked_on_and_an_answer_that_goes_on_are_left_alone() {
        let (_client, mut server, phase) = pair(SHORT, SHORT * 20);
        phase.busy();
        assert!(lasts(&mut server).await);
        phase.answered();
        let begun = Instant::now();
        while begun.elapsed() < SHORT * 25 {
            server.write_all(b"data").await.unwrap();
            assert!(lasts(&mut server).await);
        }
        ends(&mut server).await;
    }
}
