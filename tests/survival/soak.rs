//! The verifier service under good, bad and hostile traffic at once: every request has its answer,
//! every answer is the right one, and memory does not grow.
//!
//! `ATTESTRY_SOAK_REQUESTS` says how many requests are made: 20,000 are an hour of five a second.

mod hostile;
mod traffic;

use attestry_credential::presentation::ClientId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::JoinSet;

use crate::binary::{Service, run};
use crate::crowd::Crowd;
use traffic::{Desk, Kind};

/// Requests, unless the environment says otherwise.
const REQUESTS: u32 = 2_000;
/// Callers at a time.
const CALLERS: u32 = 16;
/// By how much the service may have grown when all is done, since a third was, KiB.
const GROWTH: u64 = 48 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn under_mixed_traffic_every_request_has_its_right_answer_and_memory_does_not_grow() {
    let requests = std::env::var("ATTESTRY_SOAK_REQUESTS");
    let requests = requests.map_or(REQUESTS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let chain = Service::start(data, &["ledger", "serve", "--listen", "127.0.0.1:0"]);
    let crowd = Crowd::gather(data, &chain.url).await;
    let key = run(data, &["verifier", "init", "--ledger", &chain.url]);
    let client_id: ClientId = key["clientId"].as_str().unwrap().parse().unwrap();
    let serve = ["verifier", "serve", "--open", "--listen", "127.0.0.1:0"];
    let service = Service::start(data, &[&serve[..], &["--ledger", &chain.url]].concat());
    let desk = Arc::new(Desk::open(&service.url, crowd, client_id).await);

    let done = Arc::new(AtomicU32::new(0));
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let (desk, done) = (Arc::clone(&desk), Arc::clone(&done));
        callers.spawn(async move {
            let mut number = caller;
            while number < requests {
                desk.call(Kind::of(number), number).await;
                done.fetch_add(1, Ordering::SeqCst);
                number += CALLERS;
            }
        });
    }
    // A third warms it up: caches, pools and prepared statements are there then.
    let mut warm = None;
    while let Some(ended) = tokio::select! {
        ended = callers.join_next() => ended.map(Some),
        () = tokio::time::sleep(std::time::Duration::from_millis(20)) => Some(None),
    } {
        if let Some(ended) = ended {
            ended.unwrap();
        }
        if warm.is_none() && done.load(Ordering::SeqCst) >= requests / 3 {
            warm = Some(service.resident_kib());
        }
    }
    assert_eq!(done.load(Ordering::SeqCst), requests);
    let (warm, last) = (warm.unwrap(), service.resident_kib());
    assert!(last <= warm + GROWTH, "from {warm} to {last} KiB");
    desk.is_well().await;
}
