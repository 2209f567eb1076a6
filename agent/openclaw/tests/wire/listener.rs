//! A loopback listener that does to each connection what a test wants.

use std::sync::Arc;
use std::time::Duration;

use portreeve_openclaw::endpoint::Target;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A listener; it ends with the test.
pub(crate) struct Listener {
    pub(crate) port: u16,
    task: JoinHandle<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Runs `serve` for each connection.
    pub(crate) async fn serving<F, Fut>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            let mut served = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                served.spawn(serve(stream));
            }
        });

        Self { port, task }
    }

    /// Sends `bytes` after the request and closes.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes: Arc<[u8]> = bytes.into().into();
        Self::serving(move |mut stream| {
            let bytes = Arc::clone(&bytes);
            async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// Accepts and says nothing.
    pub(crate) async fn silent() -> Self {
        Self::serving(|stream| async move {
            let _keep = stream;
            std::future::pending::<()>().await;
        })
        .await
    }

    /// Sends `head` after the request, then `block` for ever.
    pub(crate) async fn flooding(head: &'static [u8], block: Vec<u8>) -> Self {
        let block: Arc<[u8]> = block.into();
        Self::serving(move |mut stream| {
            let block = Arc::clone(&block);
            async move {
                read_request(&mut stream).await;
                if stream.write_all(head).await.is_ok() {
                    while stream.write_all(&block).await.is_ok() {}
                }
            }
        })
        .await
    }

    pub(crate) fn target(&self) -> Target {
        Target::loopback(self.port).unwrap()
    }
}

/// Reads up to the end of an HTTP request, or of the stream, or what a TLS client sends first.
pub(crate) async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && request.first() != Some(&0x16) {
        if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

/// A port on which nobody listens.
pub(crate) async fn unused_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

/// Short enough for a test, long enough for a busy machine.
pub(crate) const SHORT: Duration = Duration::from_millis(300);
