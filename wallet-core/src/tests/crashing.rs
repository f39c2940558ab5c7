//! A crash at every point: no one-time key signs for two requests, and no answer is missing from
//! the log.

use super::*;
use crate::{LogEvent, WalletError};
use attestry_credential::presentation::PresentationResponse;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// How the next write ends; none of them but `Kept` answers `Ok`.
#[derive(Clone, Copy, Debug)]
enum Write {
    Kept,
    /// The crash comes before anything is written.
    Lost,
    /// It comes when this share of a record is written, in 1/256; a whole wallet is written whole
    /// or not.
    Torn(u8),
    /// It comes when all is written, before the store can say so.
    Unacknowledged,
}

/// Keeps what is stored in memory, but for the faults that it is told to have.
struct FaultyStore {
    bytes: Vec<u8>,
    next: Write,
    appended: usize,
}

impl FaultyStore {
    fn new() -> Self {
        Self { bytes: Vec::new(), next: Write::Kept, appended: 0 }
    }

    fn outcome(&mut self) -> io::Result<()> {
        match std::mem::replace(&mut self.next, Write::Kept) {
            Write::Kept => Ok(()),
            fault => Err(io::Error::other(format!("{fault:?}"))),
        }
    }
}

impl VaultStore for FaultyStore {
    fn save(&mut self, sealed: &[u8]) -> io::Result<()> {
        if matches!(self.next, Write::Kept | Write::Unacknowledged) {
            self.bytes = sealed.to_vec();
        }
        self.outcome()
    }

    fn append(&mut self, at: u64, record: &[u8]) -> io::Result<()> {
        let written = match self.next {
            Write::Kept | Write::Unacknowledged => record.len(),
            Write::Lost => 0,
            Write::Torn(share) => record.len() * usize::from(share) / 256,
        };
        self.bytes.truncate(at as usize);
        self.bytes.extend_from_slice(&record[..written]);
        self.appended += 1;
        self.outcome()
    }
}

static BOARD: LazyLock<Board> = LazyLock::new(|| Board::new(Schema::ProviderCredential));
static WALLET: LazyLock<(Vec<u8>, Wallet)> = LazyLock::new(|| {
    let (mut wallet, _) = licensed_wallet(&BOARD);
    let mut store = MemoryStore::default();
    wallet.save(&mut store, &mut rng()).unwrap();
    (store.sealed, wallet)
});

/// What is stored, opened as after a crash.
fn reopened(bytes: &[u8]) -> Wallet {
    Wallet::of_stored(WALLET.1.vault.open_again(bytes).unwrap()).unwrap()
}

/// The request of this number: each has its own id and challenge.
fn numbered_request(number: u8) -> PresentationRequest {
    let mut request = request_for(&[licensed_in("CA")]);
    request.request_id = id(&format!("r-{number}"));
    request.nonce = format!("EBESExQVFhcYGRobHB{number:03}A").parse().unwrap();
    request
}

/// A holder whose wallet crashes and is opened again, and what has left the wallet so far.
struct Holder {
    wallet: Wallet,
    store: FaultyStore,
    requests: u8,
    /// One-time keys that signed, with the request that they signed for.
    answers: BTreeMap<Digest, Identifier>,
}

impl Holder {
    fn new() -> Self {
        let mut store = FaultyStore::new();
        store.bytes.clone_from(&WALLET.0);
        let wallet = reopened(&store.bytes);
        Self { wallet, store, requests: 0, answers: BTreeMap::new() }
    }

    fn with_pool(size: usize) -> Self {
        let mut holder = Self::new();
        for _ in 0..size {
            holder.prepare();
        }
        holder.wallet.save(&mut holder.store, &mut rng()).unwrap();
        holder
    }

    fn prepare(&mut self) {
        let licence = self.wallet.list(NOW)[0].id;
        let (view, prover) = (BOARD.view(), CircuitProver::native_check_alone(vk_hash()));
        let request = numbered_request(0);
        let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
        self.wallet.prepare(&session, &id("licence"), &licence, &mut rng()).unwrap();
    }

    /// Proves ahead as a refill does: stored at once.
    fn refill(&mut self, ready: usize) -> Result<(), WalletError> {
        let licence = self.wallet.list(NOW)[0].id;
        self.wallet.keep_ready(&numbered_request(0), &id("licence"), &licence, ready).unwrap();
        let (view, prover) = (BOARD.view(), CircuitProver::native_check_alone(vk_hash()));
        while self.wallet.refill_step(&view, &prover, NOW, &mut self.store, &mut rng())? {}
        Ok(())
    }

    /// Answers a new request, or fails to.
    fn present(&mut self) -> Result<PresentationResponse, WalletError> {
        self.requests += 1;
        let request = numbered_request(self.requests);
        let licence = self.wallet.list(NOW)[0].id;
        let (view, prover) = (BOARD.view(), CircuitProver::native_check_alone(vk_hash()));
        let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
        let chosen = [(id("licence"), licence)].into();
        let response = self.wallet.present(&session, &chosen, &mut self.store, &mut rng())?;
        for answer in response.presentations.values() {
            let key = Digest::from_bytes(answer.parts.presentation_key);
            let before = self.answers.insert(key, request.request_id.clone());
            assert_eq!(before, None, "a key signed twice");
        }
        Ok(response)
    }

    /// Loses what is in memory, and opens what is stored.
    fn crash(&mut self) {
        self.wallet = reopened(&self.store.bytes);
        self.check();
    }

    /// No answer is missing from the log, and no key that signed is in the pool.
    fn check(&self) {
        let mut logged = BTreeMap::new();
        for entry in self.wallet.log() {
            let LogEvent::Presented { asked, answers } = &entry.event else { continue };
            for answer in answers {
                logged.insert(answer.presentation_key, asked.request_id.clone());
            }
        }
        for (key, request) in &self.answers {
            assert_eq!(logged.get(key), Some(request), "an answer is missing from the log");
        }
        for prepared in self.wallet.pool.proofs() {
            assert!(!self.answers.contains_key(&prepared.key()), "a used key is in the pool");
        }
    }
}

#[test]
fn what_was_not_used_answers_after_a_crash_and_what_was_used_does_not() {
    let mut holder = Holder::with_pool(4);
    let ready: Vec<_> = holder.wallet.pool.proofs().iter().map(|p| p.key()).collect();
    holder.present().unwrap();
    holder.present().unwrap();
    assert_eq!(holder.store.appended, 2, "each answer is one record");
    holder.crash();
    holder.present().unwrap();
    holder.present().unwrap();
    assert!(ready.iter().all(|key| holder.answers.contains_key(key)), "all are from the pool");
    holder.crash();
    assert_eq!((holder.wallet.pool_size(), holder.wallet.log().len()), (0, 4));
    holder.present().unwrap();
    holder.crash();
}

#[test]
fn a_crash_before_while_or_after_the_use_is_stored_lets_nothing_out() {
    let torn = (0..=255).step_by(5).map(Write::Torn);
    for fault in [Write::Lost, Write::Unacknowledged].into_iter().chain(torn) {
        let mut holder = Holder::with_pool(2);
        holder.store.next = fault;
        assert!(matches!(holder.present(), Err(WalletError::Store(_))), "{fault:?}");
        holder.crash();
        let logged = holder.wallet.log().len();
        assert_eq!(logged, usize::from(matches!(fault, Write::Unacknowledged)), "{fault:?}");
        for _ in 0..3 {
            holder.present().unwrap();
        }
        holder.crash();
        assert_eq!(holder.wallet.log().len(), logged + 3);
    }
}

#[test]
fn the_journal_cut_at_any_byte_of_its_last_record_burns_the_pool() {
    let mut holder = Holder::with_pool(3);
    holder.present().unwrap();
    let before = holder.store.bytes.len();
    let mut next = Holder { answers: holder.answers.clone(), ..Holder::new() };
    next.store.bytes.clone_from(&holder.store.bytes);
    next.crash();
    next.present().unwrap();
    // The crash comes before the second answer leaves.
    let whole = std::mem::take(&mut next.store.bytes);
    for end in before..whole.len() {
        holder.store.bytes = whole[..end].to_vec();
        holder.crash();
        assert_eq!(holder.wallet.log().len(), 1);
        // The length begins with zeros, which are as if nothing was written.
        let nothing = whole[before..end].iter().all(|byte| *byte == 0);
        assert_eq!(holder.wallet.pool_size(), if nothing { 2 } else { 0 }, "cut at {end}");
    }
    holder.present().unwrap();
    holder.crash();
}

#[test]
fn a_record_damaged_before_others_is_told_and_can_be_left_behind() {
    let mut holder = Holder::with_pool(3);
    let start = holder.store.bytes.len();
    holder.present().unwrap();
    holder.present().unwrap();
    holder.store.bytes[start + 40] ^= 1;
    let opened = Wallet::open(&holder.store.bytes, PASSPHRASE).unwrap_err();
    assert_eq!(opened.to_string(), "vault: the journal is damaged");
    let restored = Wallet::restore(&holder.store.bytes, PASSPHRASE).unwrap();
    assert_eq!((restored.pool_size(), restored.list(NOW).len()), (0, 1));
}

#[test]
fn an_old_copy_of_the_file_gives_no_key_back_through_restore() {
    let mut holder = Holder::with_pool(3);
    let copy = holder.store.bytes.clone();
    holder.present().unwrap();
    holder.wallet = Wallet::restore(&copy, PASSPHRASE).unwrap();
    assert_eq!(holder.wallet.pool_size(), 0);
    holder.present().unwrap();
    assert_eq!(holder.answers.len(), 2);
}

#[test]
fn many_records_become_one_whole_again() {
    let mut holder = Holder::new();
    let records = crate::journal::MAX_RECORDS as usize;
    let request = numbered_request(0);
    for _ in 0..records {
        holder.wallet.decline(&request, NOW, &mut holder.store, &mut rng()).unwrap();
    }
    assert_eq!(holder.store.appended, records);
    holder.wallet.decline(&request, NOW, &mut holder.store, &mut rng()).unwrap();
    assert_eq!(holder.store.appended, records);
    holder.wallet.decline(&request, NOW, &mut holder.store, &mut rng()).unwrap();
    assert_eq!(holder.store.appended, records + 1);
    assert_eq!(reopened(&holder.store.bytes).log().len(), records + 2);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Prepare,
    Refill(usize),
    Present,
    Save,
    Crash,
    /// The next write ends like this; the wallet lives on if the process does.
    Fault(Write),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let fault = prop_oneof![
        Just(Write::Lost),
        any::<u8>().prop_map(Write::Torn),
        Just(Write::Unacknowledged),
    ];
    let step = prop_oneof![
        2 => Just(Step::Prepare),
        2 => (0usize..4).prop_map(Step::Refill),
        6 => Just(Step::Present),
        1 => Just(Step::Save),
        3 => Just(Step::Crash),
        3 => fault.prop_map(Step::Fault),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_key_signs_twice_and_no_answer_is_missing_whatever_happens(steps in steps()) {
        let mut holder = Holder::new();
        for step in steps {
            match step {
                Step::Prepare => holder.prepare(),
                Step::Refill(ready) => {
                    let _ = holder.refill(ready);
                }
                Step::Present => {
                    let _ = holder.present();
                }
                Step::Save => {
                    let _ = holder.wallet.save(&mut holder.store, &mut rng());
                }
                Step::Crash => holder.crash(),
                Step::Fault(fault) => holder.store.next = fault,
            }
            holder.check();
        }
        holder.store.next = Write::Kept;
        holder.present().unwrap();
        holder.crash();
    }
}
