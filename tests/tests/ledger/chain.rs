//! The chain under test: the embedded ledger, or whatever answers at `ATTESTRY_LEDGER_URL`.

use alloy::consensus::{SignableTransaction, TxEnvelope, TxLegacy};
use alloy::eips::eip2718::Encodable2718;
use alloy::network::TxSignerSync;
use alloy::primitives::{Address, U256, hex};
use alloy::signers::local::PrivateKeySigner;
use ark_std::rand::rngs::OsRng;
use attestry_ledger::embedded::{EmbeddedLedger, ServeLimits};
use attestry_ledger::{Account, ClientOptions, LedgerClient, LedgerUrl};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

/// Gas that an account may come to need, deployments included.
const GAS_ALLOWANCE: u64 = 60_000_000;
/// Funded accounts of development chains: of anvil and hardhat, and of Besu.
const DEVELOPMENT_KEYS: [&str; 2] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "8f2a55949038a9610f50fb23b5883af3b4ecb3c3bb792cbcefbd1542c692be63",
];

pub(crate) struct Chain {
    pub(crate) client: LedgerClient,
    rpc: Rpc,
    funder: Funder,
    first_block: u64,
    _folder: TempDir,
}

/// Who pays for gas.
enum Funder {
    /// Nobody has to.
    GasIsFree,
    /// An account that the node signs for.
    Node(Address),
    Key(Box<PrivateKeySigner>),
}

impl Chain {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let embedded = LedgerUrl::Embedded(folder.path().join("ledger"));
        let url = std::env::var("ATTESTRY_LEDGER_URL").map_or(embedded, |url| url.parse().unwrap());
        let confirmations = std::env::var("ATTESTRY_LEDGER_CONFIRMATIONS");
        let options = ClientOptions {
            deadline: Duration::from_secs(300),
            confirmations: confirmations.map_or(0, |blocks| blocks.parse().unwrap()),
            ..Default::default()
        };
        let (client, rpc) = match &url {
            LedgerUrl::Embedded(path) => {
                let ledger = EmbeddedLedger::open(path, crate::now).unwrap();
                (LedgerClient::embedded(&ledger, options), Rpc(serve(ledger).await))
            }
            LedgerUrl::Http(_) => {
                let client = LedgerClient::connect(&url, crate::now, options).unwrap();
                (client, Rpc(url.to_string()))
            }
        };
        let first_block = client.block_number().await.unwrap();
        let funder = rpc.funder().await;
        Self { client, rpc, funder, first_block, _folder: folder }
    }

    /// A new account that can pay for its transactions.
    pub(crate) async fn account(&self) -> Account {
        let account = Account::random(&mut OsRng);
        self.fund(account.address()).await;
        account
    }

    /// Makes an account able to pay for its transactions.
    pub(crate) async fn fund(&self, account: Address) {
        let price = self.rpc.number("eth_gasPrice", json!([])).await;
        let allowance = price * U256::from(4) * U256::from(GAS_ALLOWANCE);
        let hash = match &self.funder {
            Funder::GasIsFree => return,
            Funder::Node(from) => {
                let transfer = json!([{ "from": from, "to": account, "value": allowance }]);
                self.rpc.call("eth_sendTransaction", transfer).await.unwrap()
            }
            Funder::Key(key) => self.transfer(key, account, allowance, price).await,
        };
        for _ in 0..1200 {
            let receipt = self.rpc.call("eth_getTransactionReceipt", json!([hash])).await.unwrap();
            if receipt["blockNumber"].is_string() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!("the transfer of gas to an account was not mined");
    }

    async fn transfer(
        &self,
        key: &PrivateKeySigner,
        to: Address,
        value: U256,
        price: U256,
    ) -> Value {
        let nonce = json!([key.address(), "pending"]);
        let mut transaction = TxLegacy {
            chain_id: Some(self.client.chain_id().await.unwrap()),
            nonce: self.rpc.number("eth_getTransactionCount", nonce).await.to(),
            gas_price: (price * U256::from(2)).to(),
            gas_limit: 21_000,
            to: to.into(),
            value,
            ..TxLegacy::default()
        };
        let signature = key.sign_transaction_sync(&mut transaction).unwrap();
        let raw = TxEnvelope::Legacy(transaction.into_signed(signature)).encoded_2718();
        self.rpc.call("eth_sendRawTransaction", json!([hex::encode_prefixed(raw)])).await.unwrap()
    }

    /// Everything that was put on the chain since this was opened: the bytes of each transaction's
    /// input and of each log's topics and data.
    pub(crate) async fn published(&self) -> Vec<Vec<u8>> {
        let latest = self.client.block_number().await.unwrap();
        let mut published = Vec::new();
        let mut add = |text: &Value| published.push(hex::decode(text.as_str().unwrap()).unwrap());
        for number in self.first_block + 1..=latest {
            let block = json!([format!("{number:#x}"), true]);
            let block = self.rpc.call("eth_getBlockByNumber", block).await.unwrap();
            for transaction in block["transactions"].as_array().unwrap() {
                add(&transaction["input"]);
                let hash = json!([transaction["hash"]]);
                let receipt = self.rpc.call("eth_getTransactionReceipt", hash).await.unwrap();
                for log in receipt["logs"].as_array().unwrap() {
                    add(&log["data"]);
                    log["topics"].as_array().unwrap().iter().for_each(&mut add);
                }
            }
        }
        published
    }
}

async fn serve(ledger: EmbeddedLedger) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(ledger.serve(listener, ServeLimits::default()));
    url
}

/// Plain JSON-RPC, beside the client under test.
struct Rpc(String);

impl Rpc {
    async fn call(&self, method: &str, params: Value) -> Result<Value, Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let answer = client.post(&self.0).json(&request).send().await.unwrap();
        let mut answer: Value = answer.json().await.unwrap();
        match answer.get("error") {
            Some(error) => Err(error.clone()),
            None => Ok(answer["result"].take()),
        }
    }

    async fn number(&self, method: &str, params: Value) -> U256 {
        let answer = self.call(method, params).await.unwrap();
        answer.as_str().unwrap().parse().unwrap()
    }

    /// `ATTESTRY_LEDGER_FUNDER` is the key of a funded account, 64 hexadecimal digits; without it,
    /// an account that a development chain is known to fund.
    async fn funder(&self) -> Funder {
        if let Ok(key) = std::env::var("ATTESTRY_LEDGER_FUNDER") {
            return Funder::Key(Box::new(key.parse().unwrap()));
        }
        if self.number("eth_gasPrice", json!([])).await.is_zero() {
            return Funder::GasIsFree;
        }
        let accounts = self.call("eth_accounts", json!([])).await.unwrap_or_default();
        let accounts = accounts.as_array().into_iter().flatten();
        for account in accounts.filter_map(|account| account.as_str()?.parse().ok()) {
            if self.has_funds(account).await {
                return Funder::Node(account);
            }
        }
        for key in DEVELOPMENT_KEYS {
            let key: PrivateKeySigner = key.parse().unwrap();
            if self.has_funds(key.address()).await {
                return Funder::Key(Box::new(key));
            }
        }
        // A price that nobody can pay is taken to be one that nobody has to.
        Funder::GasIsFree
    }

    async fn has_funds(&self, account: Address) -> bool {
        !self.number("eth_getBalance", json!([account, "latest"])).await.is_zero()
    }
}
