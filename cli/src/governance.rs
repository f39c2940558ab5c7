//! Accounts as development keeps them, unencrypted: the consortium's members, a verifier.

use crate::place::{Place, read_json, write_new_json};
use anyhow::{Context, Result};
use ark_std::rand::rngs::OsRng;
use attestry_ledger::{Account, AccountKey};
use serde::{Deserialize, Serialize};
use std::path::Path;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const MEMBERS_FILE: &str = "consortium.insecure-development.json";
const SENDER_FILE: &str = "sender.insecure-development.json";

/// The accounts of all members.
pub(crate) struct Members(Vec<(AccountKey, Account)>);

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    /// secp256k1 secrets, 64 hexadecimal digits each.
    keys: Vec<String>,
}

impl Members {
    /// New members, not saved.
    pub(crate) fn random(count: usize) -> Self {
        Self::of_keys((0..count).map(|_| AccountKey::random(&mut OsRng)).collect())
    }

    /// Saves the keys; refuses to replace others.
    pub(crate) fn save(&self, place: &Place) -> Result<()> {
        let file = KeyFile { keys: self.0.iter().map(|(key, _)| encode(key)).collect() };
        write_new_json(&place.folder(MEMBERS_FILE), &file)
    }

    /// The members that were saved.
    pub(crate) fn load(place: &Place) -> Result<Self> {
        Ok(Self::of_keys(load_accounts(&place.folder(MEMBERS_FILE))?))
    }

    fn of_keys(keys: Vec<AccountKey>) -> Self {
        Self(keys.into_iter().map(|key| (key.clone(), Account::from(&key))).collect())
    }

    pub(crate) fn accounts(&self) -> Vec<&Account> {
        self.0.iter().map(|(_, account)| account).collect()
    }
}

/// The account that sends what anyone may: deployments, withdrawals. It has no rights; where gas
/// costs, it is to be funded.
pub(crate) fn sender(place: &Place) -> Result<Account> {
    Ok(Account::from(&load_or_create_account(&place.folder(SENDER_FILE))?))
}

/// The account in a file; made there on first use.
pub(crate) fn load_or_create_account(path: &Path) -> Result<AccountKey> {
    if path.exists() {
        return load_accounts(path)?
            .pop()
            .with_context(|| format!("{} has no key", path.display()));
    }
    let account = AccountKey::random(&mut OsRng);
    write_new_json(path, &KeyFile { keys: vec![encode(&account)] })?;
    Ok(account)
}

fn encode(account: &AccountKey) -> String {
    hex::encode(*account.to_bytes())
}

/// The accounts in a file.
pub(crate) fn load_accounts(path: &Path) -> Result<Vec<AccountKey>> {
    let file: KeyFile = read_json(path)?;
    let accounts = file.keys.iter().map(|key| {
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(key, &mut *bytes)
            .with_context(|| format!("{}: a key is not 64 hexadecimal digits", path.display()))?;
        Ok(AccountKey::from_bytes(&bytes)?)
    });
    accounts.collect()
}
