//! A process that answers and is killed with -9, again and again, over one file.

use super::*;
use crate::{FileStore, LogEvent};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const KILLS: usize = 25;
/// Where the child finds the wallet's file; only then it is one.
const CHILD: &str = "ATTESTRY_TEST_KILLED_WALLET";

fn opened(file: &Path) -> (Wallet, FileStore) {
    let store = FileStore::open(file).unwrap();
    let wallet = Wallet::open(&store.load().unwrap().unwrap(), PASSPHRASE).unwrap();
    (wallet, store)
}

/// The child's work: keeps the pool filled and answers, and says each answer's one-time key and
/// request as soon as the answer is there. It ends when it is killed.
#[test]
fn child_that_answers_until_it_is_killed() {
    let Some(file) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, mut store) = opened(&file);
    let licence = wallet.list(NOW)[0].id;
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let mut rng = StdRng::seed_from_u64(u64::from(std::process::id()));
    let mut out = std::io::stderr();
    for number in 0.. {
        let mut request = request_for(&[licensed_in("CA")]);
        request.request_id = id(&format!("r-{}-{number}", std::process::id()));
        let session = Session { request: &request, view: &view, prover: &prover, now: NOW };
        let chosen = [(id("licence"), licence)].into();
        let answer = wallet.present(&session, &chosen, &mut store, &mut rng).unwrap();
        let key = answer.presentations[&id("licence")].parts.presentation_key;
        // In one write: half a line would be half an answer.
        let line = format!("{} {}\n", Digest::from_bytes(key), request.request_id);
        out.write_all(line.as_bytes()).unwrap();
        wallet.refill_step(&view, &prover, NOW, &mut store, &mut rng).unwrap();
        if number % 7 == 6 {
            wallet.save(&mut store, &mut rng).unwrap();
        }
    }
}

#[test]
fn a_killed_process_leaves_no_key_for_a_second_answer_and_no_answer_unlogged() {
    let board = Board::new(Schema::ProviderCredential);
    let (mut wallet, licence) = licensed_wallet(&board);
    let (view, prover) = (board.view(), CircuitProver::native_check_alone(vk_hash()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wallet");
    let mut store = FileStore::open(&file).unwrap();
    let request = request_for(&[licensed_in("CA")]);
    wallet.keep_ready(&request, &id("licence"), &licence, 8).unwrap();
    wallet.save(&mut store, &mut rng()).unwrap();
    while wallet.refill_step(&view, &prover, NOW, &mut store, &mut rng()).unwrap() {}
    drop(store);

    let mut answers = BTreeMap::new();
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "tests::killed::child_that_answers_until_it_is_killed",
            ])
            .env(CHILD, &file)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said: Vec<String> = vec![lines.next().unwrap().unwrap()];
        // A little longer each time, so that it ends now here, now there.
        std::thread::sleep(Duration::from_micros(700 * kill as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        said.extend(lines.map_while(Result::ok));
        for line in &said {
            let Some((key, request)) = line.split_once(' ') else { continue };
            let before = answers.insert(key.to_owned(), request.to_owned());
            assert_eq!(before, None, "a key signed twice");
        }

        let (wallet, _) = opened(&file);
        let mut logged = BTreeMap::new();
        for entry in wallet.log() {
            let LogEvent::Presented { asked, answers } = &entry.event else { continue };
            logged.insert(answers[0].presentation_key.to_string(), asked.request_id.to_string());
        }
        for (key, request) in &answers {
            assert_eq!(logged.get(key), Some(request), "an answer is missing from the log");
        }
        let ready: BTreeSet<_> = wallet.pool.proofs().iter().map(|p| p.key().to_string()).collect();
        assert!(answers.keys().all(|key| !ready.contains(key)), "a used key is in the pool");
    }
    assert!(answers.len() >= KILLS);
}
