//! A ledger that serves under load and is killed with -9, again and again, over one file.

use crate::world::{START, World, setAttributeCall, signed_call};
use alloy::network::Ethereum;
use alloy::primitives::{Address, B256, U256};
use alloy::providers::{Provider, RootProvider};
use alloy::rpc::client::RpcClient;
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use attestry_ledger::AccountKey;
use attestry_ledger::embedded::{EmbeddedLedger, ServeLimits, verify};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

const KILLS: usize = 25;
const SENDERS: usize = 4;
/// Where the child finds the ledger; only then it is one.
const CHILD: &str = "ATTESTRY_TEST_KILLED_LEDGER";

/// The child's work: serves the ledger, and says where. It ends when it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_serves_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let ledger = EmbeddedLedger::open(Path::new(&folder), || START).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let line = format!("http://{}\n", listener.local_addr().unwrap());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
    ledger.serve(listener, ServeLimits::default()).await.unwrap();
}

fn start(folder: &Path) -> (Child, String) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "killed::child_that_serves_until_it_is_killed"])
        .env(CHILD, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut url).unwrap();
    (child, url.trim().to_owned())
}

/// An account, and what the ledger acknowledged to it, by nonce.
#[derive(Clone)]
struct Sender {
    account: AccountKey,
    registry: Address,
    next: u64,
    acknowledged: BTreeMap<u64, B256>,
}

impl Sender {
    fn transaction(&self, nonce: u64) -> Vec<u8> {
        let call = setAttributeCall {
            identity: self.account.address(),
            name: [b'n'; 32].into(),
            value: nonce.to_be_bytes().to_vec().into(),
            validity: U256::from(86_400),
        };
        signed_call(&self.account, nonce, self.registry, &call)
    }

    /// Sends until the ledger is gone. Of each pair the later transaction comes first and has to wait for the other.
    async fn send(mut self, url: String, acknowledged: Arc<AtomicUsize>) -> Self {
        let provider = RootProvider::<Ethereum>::new(RpcClient::new_http(url.parse().unwrap()));
        loop {
            for nonce in [self.next + 1, self.next] {
                let sent = provider.send_raw_transaction(&self.transaction(nonce)).await;
                let Ok(pending) = sent else { return self };
                self.acknowledged.insert(nonce, *pending.tx_hash());
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            self.next += 2;
        }
    }

    /// Asserts that all that was acknowledged is there, and goes on from there.
    fn check(&mut self, ledger: &EmbeddedLedger) {
        let ask = |method: &str, params: Value| {
            let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
            let answer = ledger.dispatch(request.to_string().as_bytes());
            serde_json::from_slice::<Value>(&answer).unwrap()["result"].clone()
        };
        let address = self.account.address();
        let nonce: U256 =
            serde_json::from_value(ask("eth_getTransactionCount", json!([address]))).unwrap();
        let nonce = nonce.to::<u64>();
        let waiting = ledger.status().unwrap().queued.get(&address).copied().unwrap_or_default();
        for (of, hash) in &self.acknowledged {
            if *of < nonce {
                let receipt = ask("eth_getTransactionReceipt", json!([hash]));
                assert_eq!(receipt["status"], "0x1", "transaction {of} of {address} is lost");
            } else {
                assert_eq!((*of, waiting), (nonce + 1, 1), "waiting of {address} is lost");
            }
        }
        self.next = nonce;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_ledger_has_all_that_it_acknowledged_and_goes_on() {
    let world = World::new().await;
    let (folder, registry) = (world.folder, world.registry.deployment().did_registry);
    drop((world.ledger, world.client, world.registry));
    let mut rng = StdRng::seed_from_u64(29);
    let mut senders: Vec<Sender> = (0..SENDERS)
        .map(|_| Sender {
            account: AccountKey::random(&mut rng),
            registry,
            next: 0,
            acknowledged: BTreeMap::new(),
        })
        .collect();
    for kill in 0..KILLS {
        let (mut child, url) = start(folder.path());
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let sending: Vec<_> = senders
            .drain(..)
            .map(|sender| tokio::spawn(sender.send(url.clone(), Arc::clone(&acknowledged))))
            .collect();
        while acknowledged.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_micros(rng.gen_range(0..150_000))).await;
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "it ended by itself");
        for sender in sending {
            senders.push(sender.await.unwrap());
        }
        // As the kill left the file, before it is opened again.
        if kill % 5 == 0 || kill == KILLS - 1 {
            assert_eq!(verify(folder.path()).unwrap().damages, []);
        }
        let ledger = EmbeddedLedger::open(folder.path(), || START).unwrap();
        senders.iter_mut().for_each(|sender| sender.check(&ledger));
    }
    let last = verify(folder.path()).unwrap();
    let acknowledged: usize = senders.iter().map(|sender| sender.acknowledged.len()).sum();
    assert_eq!(last.damages, []);
    assert!(acknowledged > KILLS * SENDERS, "{acknowledged} is no load");
}
