//! HTTP/1.1 on a listener, with a limit on everything that a client can take: places, time to send
//! its header, time to read its answer.

mod patience;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use patience::Patience;

/// What clients may use of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections at a time; more wait to be accepted.
    pub connections: usize,
    /// Bytes of a request's header, at least 8192. It has at most 100 fields.
    pub header_bytes: usize,
    /// For a request's header to arrive; an idle connection is closed after that time too.
    pub header_time: Duration,
    /// For a client to read some more of its answer.
    pub read_time: Duration,
    /// For requests under way to be answered when the server stops.
    pub stop_time: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            header_bytes: 16 * 1024,
            header_time: Duration::from_secs(30),
            read_time: Duration::from_secs(10),
            stop_time: Duration::from_secs(30),
        }
    }
}

/// Serves routes until `stop` resolves; requests under way are answered then.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (closing, closed) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => {
                    let connection = connection(stream, app.clone(), limits, closed.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                // The client is gone already, or files are short: the listener itself is well.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
    drop((listener, closing));
    let ended = async { while connections.join_next().await.is_some() {} };
    // Whoever is still sending or reading then is cut off.
    let _ = timeout(limits.stop_time, ended).await;
}

async fn connection(
    stream: TcpStream,
    app: Router,
    limits: ConnectionLimits,
    mut closed: watch::Receiver<()>,
) {
    /// The least that hyper takes.
    const LEAST_HEADER_BYTES: usize = 8192;
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.header_time);
    server.max_buf_size(limits.header_bytes.max(LEAST_HEADER_BYTES));
    let service = TowerToHyperService::new(app);
    let stream = TokioIo::new(Patience::new(stream, limits.read_time));
    let mut connection = pin!(server.serve_connection(stream, service));
    tokio::select! {
        // Errors are those of the client's connection, of which it knows.
        _ = connection.as_mut() => return,
        _ = closed.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
