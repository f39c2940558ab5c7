//! Our documents beside those of the method's reference resolver, npm `ethr-did-resolver`, on the same chain.

use crate::world::{
    START, World, addDelegateCall, changeOwnerCall, revokeAttributeCall, revokeDelegateCall,
    setAttributeCall,
};
use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolCall;
use ark_std::rand::Rng;
use ark_std::rand::seq::SliceRandom;
use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_ledger::embedded::{EMBEDDED_CHAIN_ID, ServeLimits};
use attestry_ledger::{AccountKey, EthrDid, Resolution};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use tokio::net::TcpListener;

const HISTORIES: u64 = 30;
const NAMES: [&[u8]; 24] = [
    b"did/pub/Ed25519/veriKey/base58",
    b"did/pub/Ed25519/sigAuth/base64",
    b"did/pub/Ed25519/veriKey",
    b"did/pub/Ed25519",
    b"did/pub/Secp256k1/veriKey/hex",
    b"did/pub/Secp256k1/sigAuth/hex",
    b"did/pub/Secp256k1Veri/ficationK",
    b"did/pub/BabyJubJub/veriKey/hex",
    b"did/pub/X25519/enc/base58",
    b"did/pub/X25519/enc/base64",
    b"did/pub/RSA/veriKey/pem",
    b"did/pub/RSA/sigAuth/pem",
    b"did/pub/New/purpose/other",
    b"did/pub/New-er/veriKey/hex",
    b"did/pub/Ed25519/veriKey/hex/more",
    b"did/pub//veriKey/hex",
    b"did/svc/Status",
    b"did/svc/Hub/with/parts",
    b"did/svc/Hub ",
    b"did/svc/",
    b"did/other/Ed25519/veriKey",
    b"not/a/did/attribute",
    b"",
    b"did/pub/\xff/veriKey/hex",
];
const VALUES: [&[u8]; 19] = [
    b"",
    b"\x00\x00\x01",
    b"-----BEGIN PUBLIC KEY-----",
    b"https://registry.example/status",
    br#"{"uri":"https://hub.example","port":8080,"weight":0.5}"#,
    br#"["https://a.example","https://b.example"]"#,
    br#" {"b":1.0,"a":-0.0,"a":1e3} "#,
    br#""quoted \ud83d\ude00""#,
    b"12",
    b"12345678901234567890123",
    b"01",
    b"null",
    b"{",
    b"\xef\xbb\xbf{}",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x98\x80",
    &[9; 64],
    &[0; 33],
];
const ROLES: [&[u8]; 4] = [b"veriKey", b"sigAuth", b"enc", b"\xff"];

/// The folder of the npm package that names the resolver.
fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/did_oracle")
}

/// Why the resolver cannot be used, if so.
static INSTALLED: LazyLock<Result<(), String>> = LazyLock::new(|| {
    let changed = |path| package().join(path).metadata().and_then(|file| file.modified()).ok();
    if changed("package-lock.json") <= changed("node_modules/.package-lock.json") {
        return Ok(());
    }
    let installed = Command::new("npm").args(["ci", "--silent"]).current_dir(package()).output();
    let output = installed.map_err(|error| format!("npm: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("npm ci: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
});

/// Whether the resolver is there; says that `test` is skipped if not.
fn is_there(test: &str) -> bool {
    let node = Command::new("node").arg("--version").output().map_err(|error| error.to_string());
    let Err(reason) = node.and_then(|_| INSTALLED.clone()) else { return true };
    // Not `eprintln!`, which the test harness hides when a test passes.
    let note = format!("skipped: {test}: node: {reason}\n");
    std::io::stderr().write_all(note.as_bytes()).unwrap();
    false
}

/// A document asked for.
#[derive(Clone, Copy, Debug)]
enum At {
    Time(u64),
    Block(u64),
}

/// What the reference resolver answers.
async fn oracle(world: &World, queries: &[(EthrDid, At)]) -> Vec<Value> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(world.ledger.clone().serve(listener, ServeLimits::default()));
    let queries: Vec<Value> = queries
        .iter()
        .map(|(did, at)| match at {
            At::Time(now) => json!({ "did": did.to_string(), "now": now }),
            At::Block(block) => json!({ "did": did.to_string(), "now": 0, "versionId": block }),
        })
        .collect();
    let registry = world.registry.deployment().did_registry;
    let asked = json!({ "url": url, "chainId": EMBEDDED_CHAIN_ID, "registry": registry, "queries": queries });
    let answered = tokio::task::spawn_blocking(move || {
        let mut node = Command::new("node")
            .arg(package().join("resolve.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        node.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
        let output = node.wait_with_output().unwrap();
        assert!(output.status.success());
        output.stdout
    });
    let answers = serde_json::from_slice(&answered.await.unwrap()).unwrap();
    server.abort();
    answers
}

/// Our answer, in the same form.
fn in_its_form(resolution: &Resolution) -> Value {
    let mut metadata = Map::new();
    if resolution.deactivated {
        metadata.insert("deactivated".into(), true.into());
    }
    let changes = [
        (resolution.updated, "versionId", "updated"),
        (resolution.next_update, "nextVersionId", "nextUpdate"),
    ];
    for (change, version, time) in changes {
        if let Some((block, at)) = change {
            metadata.insert(version.into(), block.to_string().into());
            metadata.insert(time.into(), at.into());
        }
    }
    json!({ "document": resolution.document, "metadata": metadata })
}

/// JSON with its numbers as JavaScript has them.
fn with_doubles(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(items) => items.into_iter().map(with_doubles).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, field)| (name, with_doubles(field))).collect()
        }
        other => other,
    }
}

async fn assert_same(world: &World, queries: &[(EthrDid, At)]) {
    let identities = world.registry.identities();
    let expected = oracle(world, queries).await;
    assert_eq!(expected.len(), queries.len());
    for ((did, at), expected) in queries.iter().zip(&expected) {
        let ours = match at {
            At::Time(now) => identities.resolve(did, *now).await,
            At::Block(block) => identities.resolve_version(did, *block).await,
        };
        let ours = with_doubles(in_its_form(&ours.unwrap()));
        assert_eq!(ours, with_doubles(expected.clone()), "{did} {at:?}");
    }
}

/// An identity, and those who may have come to own it.
struct Subject {
    accounts: [AccountKey; 3],
    nonces: [u64; 3],
    owner: usize,
    /// What its random changes are about: few, so that they meet.
    attributes: [(&'static [u8], &'static [u8]); 5],
    changed: Vec<u64>,
}

impl Subject {
    fn new(rng: &mut StdRng) -> Self {
        let accounts = std::array::from_fn(|_| AccountKey::random(rng));
        let attributes =
            std::array::from_fn(|_| (*NAMES.choose(rng).unwrap(), *VALUES.choose(rng).unwrap()));
        Self { accounts, nonces: [0; 3], owner: 0, attributes, changed: Vec::new() }
    }

    fn identity(&self) -> Address {
        self.accounts[0].address()
    }

    fn did(&self) -> EthrDid {
        EthrDid::new(EMBEDDED_CHAIN_ID, self.identity())
    }

    /// A transaction of the owner, as a JSON-RPC request.
    fn request(&mut self, world: &World, call: &impl SolCall) -> Vec<u8> {
        let nonce = self.nonces[self.owner];
        self.nonces[self.owner] += 1;
        let registry = world.registry.deployment().did_registry;
        world.raw_call(&self.accounts[self.owner], nonce, registry, call)
    }

    fn set(&mut self, world: &World, name: &[u8], value: &[u8], validity: U256) -> Vec<u8> {
        let (identity, name, value) = (self.identity(), padded(name), value.to_vec().into());
        self.request(world, &setAttributeCall { identity, name, value, validity })
    }

    fn revoke(&mut self, world: &World, name: &[u8], value: &[u8]) -> Vec<u8> {
        let (identity, name, value) = (self.identity(), padded(name), value.to_vec().into());
        self.request(world, &revokeAttributeCall { identity, name, value })
    }

    fn give_to(&mut self, world: &World, owner: Option<usize>) -> Vec<u8> {
        let new_owner = owner.map_or(Address::ZERO, |owner| self.accounts[owner].address());
        let call = changeOwnerCall { identity: self.identity(), newOwner: new_owner };
        let request = self.request(world, &call);
        // The contract takes an identity without an owner for its own.
        self.owner = owner.unwrap_or(0);
        request
    }

    fn any_change(&mut self, world: &World, rng: &mut StdRng) -> Vec<u8> {
        let identity = self.identity();
        let (name, value) = *self.attributes.choose(rng).unwrap();
        let delegate = self.accounts.choose(rng).unwrap().address();
        let role = padded(ROLES.choose(rng).unwrap());
        let validity =
            *[U256::ZERO, U256::from(20), U256::from(1_000), U256::MAX / U256::from(2), U256::MAX]
                .choose(rng)
                .unwrap();
        match rng.gen_range(0..20) {
            0..9 => self.set(world, name, value, validity),
            9..12 => self.revoke(world, name, value),
            12..16 => self.request(
                world,
                &addDelegateCall { identity, delegateType: role, delegate, validity },
            ),
            16..18 => {
                self.request(world, &revokeDelegateCall { identity, delegateType: role, delegate })
            }
            18 => self.give_to(world, Some(rng.gen_range(0..3))),
            _ => {
                let last = rng.gen_bool(0.2);
                self.give_to(world, if last { None } else { Some(0) })
            }
        }
    }

    /// Sends requests as one batch, which becomes one block.
    async fn send(&mut self, world: &World, requests: &[Vec<u8>]) {
        let before = world.client.block_number().await.unwrap();
        let batch = [b"[".to_vec(), requests.join(&b','), b"]".to_vec()].concat();
        let answers = String::from_utf8(world.ledger.dispatch(&batch)).unwrap();
        assert!(!answers.contains("error"), "{answers}");
        let block = world.client.block_number().await.unwrap();
        assert_eq!(block, before + 1, "one batch, one block");
        self.changed.push(block);
    }

    /// Each version and those just before it, and a few times.
    fn queries(&self) -> Vec<(EthrDid, At)> {
        let times = [0, 10, 21, 500, 2_000, 1 << 40].map(|later| At::Time(START + later));
        let versions = self.changed.iter().flat_map(|block| [block - 1, *block]).map(At::Block);
        times.into_iter().chain(versions).map(|at| (self.did(), at)).collect()
    }
}

fn padded(text: &[u8]) -> B256 {
    let mut padded = [0; 32];
    padded[..text.len()].copy_from_slice(text);
    padded.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_those_of_the_reference_resolver() {
    if !is_there("documents_are_those_of_the_reference_resolver") {
        return;
    }
    let world = World::new().await;
    let mut rng = StdRng::seed_from_u64(11);
    let day = U256::from(86_400);
    let mut queries = Vec::new();

    let fresh = Subject::new(&mut rng);
    queries.extend(fresh.queries());

    // Every name with every value, in a block each: some expire, then some are revoked.
    let mut all = Subject::new(&mut rng);
    for (number, name) in NAMES.iter().enumerate() {
        let validity = if number % 3 == 0 { U256::from(15) } else { day };
        let requests: Vec<_> =
            VALUES.iter().map(|value| all.set(&world, name, value, validity)).collect();
        all.send(&world, &requests).await;
        world.advance(1);
    }
    for name in NAMES.iter().step_by(2) {
        let request = all.revoke(&world, name, VALUES[1]);
        all.send(&world, &[request]).await;
    }
    queries.extend(all.queries());

    // An identity that changes hands, is given up, and goes on changing.
    let mut moved = Subject::new(&mut rng);
    for owner in [Some(1), Some(2), None, Some(1)] {
        let requests = [
            moved.set(&world, NAMES[0], VALUES[17], day),
            moved.give_to(&world, owner),
            moved.set(&world, NAMES[4], VALUES[17], day),
        ];
        moved.send(&world, &requests).await;
        world.advance(7);
    }
    queries.extend(moved.queries());
    assert_same(&world, &queries).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_history_gives_the_document_of_the_reference_resolver() {
    if !is_there("any_history_gives_the_document_of_the_reference_resolver") {
        return;
    }
    let world = World::new().await;
    let mut queries = Vec::new();
    for seed in 0..HISTORIES {
        let mut rng = StdRng::seed_from_u64(1_000 + seed);
        let mut subject = Subject::new(&mut rng);
        for _ in 0..rng.gen_range(1..9) {
            let requests: Vec<_> =
                (0..rng.gen_range(1..5)).map(|_| subject.any_change(&world, &mut rng)).collect();
            subject.send(&world, &requests).await;
            world.advance(rng.gen_range(0..15));
        }
        queries.extend(subject.queries());
    }
    assert_same(&world, &queries).await;
}
