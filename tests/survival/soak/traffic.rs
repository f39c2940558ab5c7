//! Kinds of requests, and the one right answer to each.

use ark_std::rand::rngs::OsRng;
use attestry_credential::oid4vp::{AuthorizationRequest, AuthorizationResponse, SignedRequest};
use attestry_credential::presentation::{ClientId, PresentationRequest, PresentationResponse};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use std::time::Duration;

use super::hostile;
use crate::crowd::{Crowd, now};

/// Holders whose answers are sent again and again.
const HOLDERS: u32 = 48;
/// A request that has no answer by then has none.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a request is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Good,
    ChangedProof,
    ChangedSignature,
    OtherVerifier,
    Expired,
    Batch,
    Session,
    CancelledSession,
    NoJson,
    DeepJson,
    TooLong,
    NoSuchPath,
    Compressed,
    Raw,
    CutOff,
}

impl Kind {
    /// Half of the traffic is good; each of the others has a share of the rest.
    pub(crate) fn of(number: u32) -> Self {
        const OTHERS: [Kind; 14] = [
            Kind::ChangedProof,
            Kind::ChangedSignature,
            Kind::OtherVerifier,
            Kind::Expired,
            Kind::Batch,
            Kind::Session,
            Kind::CancelledSession,
            Kind::NoJson,
            Kind::DeepJson,
            Kind::TooLong,
            Kind::NoSuchPath,
            Kind::Compressed,
            Kind::Raw,
            Kind::CutOff,
        ];
        if number.is_multiple_of(2) {
            Self::Good
        } else {
            OTHERS[number as usize / 2 % OTHERS.len()]
        }
    }
}

/// What callers have.
pub(crate) struct Desk {
    base: String,
    client: Client,
    crowd: Crowd,
    request: PresentationRequest,
    answers: Vec<PresentationResponse>,
    /// The same request, when its time was over.
    expired: PresentationRequest,
    other: PresentationRequest,
}

impl Desk {
    pub(crate) async fn open(base: &str, crowd: Crowd, client_id: ClientId) -> Self {
        let now = now();
        let request = crowd.request(&client_id, 1, now);
        let answers = crowd.answers(&request, HOLDERS, now).await;
        let mut expired = request.clone();
        expired.expires_at = now - 1;
        let stranger = "did:ethr:0x1:0x00000000000000000000000000000000000000ff".parse().unwrap();
        let other = crowd.request(&stranger, 1, now);
        // The service closes a connection whose body it refused unread: each request has its own.
        let client = Client::builder().timeout(PATIENCE).pool_max_idle_per_host(0).build().unwrap();
        Self { base: base.to_owned(), client, crowd, request, answers, expired, other }
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.client.post(format!("{}{path}", self.base))
    }

    /// Makes a request and checks the answer.
    pub(crate) async fn call(&self, kind: Kind, number: u32) {
        let answer = &self.answers[number as usize % self.answers.len()];
        let bytes = [number.to_le_bytes(); 2].concat();
        match kind {
            Kind::Good => self.check(&self.request, answer, None).await,
            Kind::ChangedProof => {
                let mut changed = answer.clone();
                let one = changed.presentations.values_mut().next().unwrap();
                one.parts.now -= 1;
                self.check(&self.request, &changed, Some("altered")).await;
            }
            Kind::ChangedSignature => {
                let mut changed = answer.clone();
                let one = changed.presentations.values_mut().next().unwrap();
                one.signature[number as usize % 64] ^= 1;
                self.check(&self.request, &changed, Some("wrong-challenge")).await;
            }
            Kind::OtherVerifier => self.check(&self.other, answer, Some("wrong-audience")).await,
            Kind::Expired => self.check(&self.expired, answer, Some("expired-session")).await,
            Kind::Batch => self.batch(number).await,
            Kind::Session => self.session(number).await,
            Kind::CancelledSession => self.cancelled_session().await,
            Kind::NoJson => self.refused("{\"verifiablePresentation\":".into(), 400).await,
            Kind::DeepJson => self.refused("[".repeat(50_000).into_bytes(), 400).await,
            Kind::TooLong => self.too_long().await,
            Kind::NoSuchPath => {
                let sent = self.client.get(format!("{}/nothing/{number}", self.base)).send().await;
                assert_eq!(sent.unwrap().status(), 404);
            }
            Kind::Compressed => {
                let batch = self.post("/presentations/verify-batch").body(vec![0x1f; 1_024]);
                let batch = batch.header("content-type", "application/x-ndjson");
                let sent = batch.header("content-encoding", "gzip").send().await.unwrap();
                assert_eq!(sent.status(), 415);
            }
            Kind::Raw => hostile::raw(&self.base, &bytes).await,
            Kind::CutOff => hostile::cut_off(&self.base).await,
        }
    }

    /// A direct check, which is accepted or refused for a reason.
    async fn check(
        &self,
        request: &PresentationRequest,
        answer: &PresentationResponse,
        reason: Option<&str>,
    ) {
        let body = json!({ "verifiablePresentation": answer, "options": { "request": request } });
        let sent = self.post("/presentations/verify").json(&body).send().await.unwrap();
        let status = sent.status();
        let said: Value = sent.json().await.unwrap();
        match reason {
            None => {
                assert_eq!((status.as_u16(), &said["verified"]), (200, &json!(true)), "{said}");
                assert!(said["receipt"].is_string());
            }
            Some(reason) => {
                assert_eq!((status.as_u16(), &said["verified"]), (400, &json!(false)), "{said}");
                let found = said["errors"][0]["type"].as_str().unwrap();
                assert_eq!(found, format!("urn:attestry:problem:{reason}"));
            }
        }
    }

    /// A file of which every third line is changed.
    async fn batch(&self, number: u32) {
        let mut lines = json!({ "request": self.request }).to_string();
        let count = 1 + number as usize % 24;
        for (line, answer) in self.answers.iter().cycle().take(count).enumerate() {
            let mut answer = answer.clone();
            if line % 3 == 2 {
                answer.presentations.values_mut().next().unwrap().signature[0] ^= 1;
            }
            let line = json!({ "id": line.to_string(), "presentation": answer });
            lines.push_str(&format!("\n{line}"));
        }
        let batch = self.post("/presentations/verify-batch").body(lines);
        let sent = batch.header("content-type", "application/x-ndjson").send().await.unwrap();
        assert_eq!(sent.status(), 200);
        let text = sent.text().await.unwrap();
        let said: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(said.len(), count + 1, "{text}");
        for (line, said) in said[..count].iter().enumerate() {
            assert_eq!(said["id"], line.to_string());
            assert_eq!(said["verified"], line % 3 != 2, "{said}");
        }
        assert_eq!(said[count]["summary"]["checked"], count);
    }

    async fn open_session(&self) -> Value {
        let query = &self.request.queries[0];
        let body = json!({ "policy": query.policy.source(), "purpose": "a shift" });
        let opened = self.post("/presentations").json(&body).send().await.unwrap();
        assert_eq!(opened.status(), 201);
        opened.json().await.unwrap()
    }

    /// A session that is answered as a wallet does, and once more.
    async fn session(&self, number: u32) {
        let opened = self.open_session().await;
        let uri = opened["request_uri"].as_str().unwrap();
        let fetched = self.client.get(uri).send().await.unwrap().bytes().await.unwrap();
        let signed = SignedRequest::parse(&fetched).unwrap();
        let asked = AuthorizationRequest::from_claims(signed.unverified_claims()).unwrap();
        let request = asked.presentation_request().unwrap();
        let holder = number % HOLDERS;
        let answer = self.crowd.answer_of(holder, &request, now()).await;
        let form = AuthorizationResponse::of(&answer);
        let form = form.to_form(&asked.response_mode, &mut OsRng).unwrap();
        for status in [200, 409] {
            let posted = self.client.post(request.response_uri.as_str()).body(form.clone());
            let posted = posted.header("content-type", "application/x-www-form-urlencoded");
            assert_eq!(posted.send().await.unwrap().status(), status);
        }
        assert_eq!(self.outcome(&opened).await, "accepted");
    }

    async fn cancelled_session(&self) {
        let opened = self.open_session().await;
        let uri = format!("{}/presentations/{}", self.base, opened["id"].as_str().unwrap());
        assert!(self.client.delete(uri).send().await.unwrap().status().is_success());
        assert_eq!(self.outcome(&opened).await, "cancelled");
        let uri = opened["request_uri"].as_str().unwrap();
        assert_eq!(self.client.get(uri).send().await.unwrap().status(), 410);
    }

    async fn outcome(&self, opened: &Value) -> String {
        let uri = format!("{}/presentations/{}", self.base, opened["id"].as_str().unwrap());
        let outcome: Value = self.client.get(uri).send().await.unwrap().json().await.unwrap();
        outcome["status"].as_str().unwrap().to_owned()
    }

    async fn refused(&self, body: Vec<u8>, status: u16) {
        let sent = self.post("/presentations/verify").body(body);
        let sent = sent.header("content-type", "application/json").send().await.unwrap();
        assert_eq!(sent.status(), status);
    }

    /// The service may close the connection before it has read all of it.
    async fn too_long(&self) {
        let sent = self.post("/presentations/verify").body(vec![b' '; 4 * 1024 * 1024]);
        if let Ok(sent) = sent.header("content-type", "application/json").send().await {
            assert_eq!(sent.status(), 413);
        }
    }

    /// The service is as ready as at first.
    pub(crate) async fn is_well(&self) {
        let ready = self.client.get(format!("{}/readyz", self.base)).send().await.unwrap();
        assert_eq!(ready.status(), 200);
        self.check(&self.request, &self.answers[0], None).await;
    }
}
