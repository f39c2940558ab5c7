//! An issuer whose keys are in a device, which is reached through its interface alone.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};
use attestry_credential::schema::Schema;
use attestry_credential::vcdm::{Attestation, Document};
use attestry_credential::w3c::{ProofPolicy, verify_proof};
use attestry_issuer::keys::{
    DEVICE_KEY_FILE, DeviceKeys, KeyDevice, KeyError, KeyFile, Passphrase, Signing,
};
use attestry_issuer::{Issuer, IssuerConfig, IssuerError, IssuerKeys, Reason, Storage};
use attestry_ledger::{AccountKey, DigestSigner};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ed25519_dalek::Signer;
use zeroize::Zeroizing;

use crate::world::{PUBLIC_URL, Resolver, START, World, holder, licence_for};

/// A device in software: what it holds never leaves it.
struct SoftDevice {
    wrapping: XChaCha20Poly1305,
    held: Mutex<Held>,
}

struct Held {
    rng: StdRng,
    ed25519: BTreeMap<String, ed25519_dalek::SigningKey>,
    secp256k1: BTreeMap<String, AccountKey>,
    /// A device that does not answer.
    away: bool,
}

impl SoftDevice {
    fn new() -> Arc<Self> {
        let held = Held {
            rng: StdRng::seed_from_u64(3),
            ed25519: BTreeMap::new(),
            secp256k1: BTreeMap::new(),
            away: false,
        };
        let wrapping = XChaCha20Poly1305::new(&[4; 32].into());
        Arc::new(Self { wrapping, held: Mutex::new(held) })
    }

    fn go_away(&self, away: bool) {
        self.held.lock().unwrap().away = away;
    }

    fn answer<'a, T: Send + 'a>(
        &self,
        work: impl FnOnce(&mut Held) -> Option<T>,
    ) -> Signing<'a, T> {
        let mut held = self.held.lock().unwrap();
        let answer = if held.away { None } else { work(&mut held) };
        Box::pin(async move { answer.ok_or(KeyError::Device("does not answer")) })
    }
}

impl KeyDevice for SoftDevice {
    fn generate_ed25519<'a>(&'a self, label: &'a str) -> Signing<'a, [u8; 32]> {
        self.answer(|held| {
            let mut seed = [0; 32];
            held.rng.fill_bytes(&mut seed);
            let key = ed25519_dalek::SigningKey::from_bytes(&seed);
            let public = key.verifying_key().to_bytes();
            held.ed25519.insert(label.to_owned(), key).is_none().then_some(public)
        })
    }

    fn generate_secp256k1<'a>(&'a self, label: &'a str) -> Signing<'a, [u8; 64]> {
        self.answer(|held| {
            let key = AccountKey::random(&mut held.rng);
            let public = key.public_key();
            held.secp256k1.insert(label.to_owned(), key).is_none().then_some(public)
        })
    }

    fn sign_ed25519<'a>(&'a self, label: &'a str, message: &'a [u8]) -> Signing<'a, [u8; 64]> {
        self.answer(|held| Some(held.ed25519.get(label)?.sign(message).to_bytes()))
    }

    fn sign_secp256k1<'a>(&'a self, label: &'a str, digest: &'a [u8; 32]) -> Signing<'a, [u8; 64]> {
        let key = self.answer(|held| held.secp256k1.get(label).cloned());
        Box::pin(async move {
            let key = key.await?;
            key.sign_digest(digest).await.map_err(|_| KeyError::Device("does not sign"))
        })
    }

    fn wrap<'a>(&'a self, label: &'a str, secret: &'a [u8; 32]) -> Signing<'a, Vec<u8>> {
        self.answer(|held| {
            let mut nonce = [0; 24];
            held.rng.fill_bytes(&mut nonce);
            let payload = Payload { msg: secret, aad: label.as_bytes() };
            let sealed = self.wrapping.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
            Some([nonce.as_slice(), &sealed].concat())
        })
    }

    fn unwrap<'a>(&'a self, label: &'a str, wrapped: &'a [u8]) -> Signing<'a, Zeroizing<[u8; 32]>> {
        self.answer(|held| {
            held.ed25519.get(label)?;
            let (nonce, sealed) = wrapped.split_at_checked(24)?;
            let payload = Payload { msg: sealed, aad: label.as_bytes() };
            let secret = self.wrapping.decrypt(XNonce::from_slice(nonce), payload).ok()?;
            Some(Zeroizing::new(secret.try_into().ok()?))
        })
    }

    fn destroy<'a>(&'a self, label: &'a str) -> Signing<'a, ()> {
        self.answer(|held| {
            held.ed25519.remove(label);
            Some(())
        })
    }
}
