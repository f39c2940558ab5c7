//! Bodies whose sender has to go on sending.

use std::fmt;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep, timeout_at};

use super::RequestLimits;
use super::problem::Problem;

/// Bytes of a body for which a request may take a second longer.
const SLOWEST: u64 = 16 * 1024;

/// Nothing more of a body arrived for too long.
#[derive(Debug)]
pub(super) struct SlowBody;

impl fmt::Display for SlowBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing more of the body arrived for too long")
    }
}

impl std::error::Error for SlowBody {}

impl SlowBody {
    /// Whether it is the reason for an error.
    pub(super) fn is_behind(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source()).any(|error| error.is::<Self>())
    }
}

/// Middleware: the body of a request fails if no more of it arrives for some time, and the request
/// is given up if it takes too long. Whoever sends much may take longer.
pub(super) async fn limit(
    State(limits): State<RequestLimits>,
    request: Request,
    next: Next,
) -> Response {
    let received = Arc::new(AtomicU64::new(0));
    let allowance = || received.load(Ordering::Relaxed) / SLOWEST;
    let request = request.map(|body| {
        let received = Arc::clone(&received);
        Body::new(Impatient { body, limit: limits.body_time, received, waiting: None })
    });
    let start = Instant::now();
    let mut answer = pin!(next.run(request));
    loop {
        let seconds = allowance();
        let until = start + limits.time + Duration::from_secs(seconds);
        match timeout_at(until, answer.as_mut()).await {
            Ok(response) => return response,
            Err(_) if allowance() > seconds => {}
            Err(_) => return Problem::timed_out().into_response(),
        }
    }
}

struct Impatient {
    body: Body,
    limit: Duration,
    received: Arc<AtomicU64>,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl HttpBody for Impatient {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.waiting = None;
            if let Some(Ok(data)) = frame.as_ref().map(|frame| frame.as_ref().map(Frame::data_ref))
            {
                let bytes = data.map_or(0, Bytes::len) as u64;
                self.received.fetch_add(bytes, Ordering::Relaxed);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(waiting.as_mut().poll(cx));
        Poll::Ready(Some(Err(SlowBody.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
