//! OpenID4VP over HTTP: encrypted answers, endings, events, and answers that go astray.

use ark_std::rand::rngs::OsRng;
use attestry_credential::oid4vp::{
    AuthorizationRequest, AuthorizationResponse, EncryptionSecret, ErrorCode, ErrorResponse,
    ResponseMode,
};
use attestry_credential::presentation::{FORMAT, PresentationRequest, PresentationResponse};
use attestry_verifier::http::{Access, Service as Served, serve};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::http::{Service, form_of, named, problem, state_of, which_state};

/// A session over HTTP, as the asker and as the wallet have it.
struct Opened {
    id: String,
    link: String,
    asked: AuthorizationRequest,
    request: PresentationRequest,
}

impl Service {
    async fn opened(&self, body: &Value) -> Opened {
        let opened = self.post("/presentations", body.to_string()).await;
        assert_eq!(opened.status(), StatusCode::CREATED);
        let opened: Value = opened.json().await.unwrap();
        let link = opened["deep_link"].as_str().unwrap().to_owned();
        let asked = self.fetch(&link).await;
        let request = asked.presentation_request().unwrap();
        Opened { id: opened["id"].as_str().unwrap().to_owned(), link, asked, request }
    }

    async fn honest(&self, opened: &Opened) -> PresentationResponse {
        self.world.answer(&self.world.nurse(4), &opened.request).await
    }

    async fn outcome(&self, opened: &Opened) -> Value {
        self.get(&format!("/presentations/{}", opened.id)).await.json().await.unwrap()
    }

    async fn delete(&self, opened: &Opened) -> Response {
        let request = self.client.delete(format!("{}/presentations/{}", self.base, opened.id));
        request.send().await.unwrap()
    }

    async fn submit(&self, opened: &Opened, form: String) -> Response {
        self.post_form(opened.request.response_uri.as_str(), form).await
    }

    async fn refused(&self, opened: &Opened, form: String) -> (StatusCode, Value) {
        let (status, problem) = problem(self.submit(opened, form).await).await;
        (status, problem["type"].clone())
    }
}

fn with(member: &str, value: Value) -> Value {
    let mut body = which_state();
    body[member] = value;
    body["count_once"] = json!(false);
    body
}

fn encrypted() -> Value {
    with("response_mode", json!("direct_post.jwt"))
}

fn form(opened: &Opened, answer: &PresentationResponse) -> String {
    form_in(&opened.asked.response_mode, answer)
}

fn form_in(mode: &ResponseMode, answer: &PresentationResponse) -> String {
    AuthorizationResponse::of(answer).to_form(mode, &mut OsRng).unwrap()
}

/// The stages that a stream of events tells, until it ends.
async fn stages(events: Response) -> Vec<String> {
    let text = events.text().await.unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let stage = |data: &str| {
        let data: Value = serde_json::from_str(data).unwrap();
        data["status"].as_str().unwrap().to_owned()
    };
    data.map(stage).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_answer_is_read_by_the_verifier_alone_and_once() {
    let service = Service::new().await;
    let opened = service.opened(&encrypted()).await;
    let answer = service.honest(&opened).await;
    let posted = form(&opened, &answer);
    assert!(posted.starts_with("response="));
    let (status, kind) = service.refused(&opened, form_of(&answer)).await;
    assert_eq!((status, kind), (StatusCode::BAD_REQUEST, json!(named("malformed"))));
    assert_eq!(service.submit(&opened, posted.clone()).await.status(), StatusCode::OK);
    let outcome = service.outcome(&opened).await;
    assert_eq!(outcome["disclosed"], json!({ "q1": { "jurisdiction": "TX" } }));
    let (status, kind) = service.refused(&opened, posted).await;
    assert_eq!((status, kind), (StatusCode::CONFLICT, json!(named("replayed"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_goes_astray_is_taken_nowhere() {
    let service = Service::new().await;
    let (one, other) = (service.opened(&encrypted()).await, service.opened(&encrypted()).await);
    let plain = service.opened(&with("epoch", json!(3))).await;
    let answer = service.honest(&one).await;

    // Encrypted to another session's key, to nobody's, and where nothing is encrypted.
    let to_other = form(&other, &answer);
    let nobody = ResponseMode::encrypted(EncryptionSecret::random(&mut OsRng).public());
    let malformed = (StatusCode::BAD_REQUEST, json!(named("malformed")));
    assert_eq!(service.refused(&one, to_other.clone()).await, malformed);
    assert_eq!(service.refused(&one, form_in(&nobody, &answer)).await, malformed);
    assert_eq!(service.refused(&plain, to_other.clone()).await, malformed);
    for session in [&one, &other, &plain] {
        assert_eq!(service.outcome(session).await["status"], "pending");
    }

    // The answer to one session, encrypted and posted to the other.
    let (status, kind) = service.refused(&other, to_other).await;
    assert_eq!((status, kind), (StatusCode::UNPROCESSABLE_ENTITY, json!(named("wrong-challenge"))));

    // Relabelled by its state as an answer to the session that it is posted to.
    let mut relabelled = AuthorizationResponse::of(&answer);
    relabelled.state = plain.request.request_id.clone();
    let relabelled = relabelled.to_form(&ResponseMode::DirectPost, &mut OsRng).unwrap();
    let (status, kind) = service.refused(&plain, relabelled).await;
    assert_eq!((status, kind), (StatusCode::UNPROCESSABLE_ENTITY, json!(named("wrong-challenge"))));

    // A state that no session has; and the right answer is still taken where it belongs.
    let last = service.opened(&with("epoch", json!(3))).await;
    let mut unknown = AuthorizationResponse::of(&service.honest(&last).await);
    unknown.state = "nobody".parse().unwrap();
    let unknown = unknown.to_form(&ResponseMode::DirectPost, &mut OsRng).unwrap();
    let (status, kind) = service.refused(&last, unknown).await;
    assert_eq!((status, kind), (StatusCode::UNPROCESSABLE_ENTITY, json!(named("wrong-audience"))));
    assert_eq!(service.submit(&one, form(&one, &answer)).await.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_session_takes_no_answer_and_shows_no_request() {
    let service = Service::new().await;
    let opened = service.opened(&which_state()).await;
    let answer = service.honest(&opened).await;
    for _ in 0..2 {
        assert_eq!(service.delete(&opened).await.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(service.outcome(&opened).await["status"], "cancelled");
    let gone = (StatusCode::GONE, json!(named("cancelled-session")));
    assert_eq!(service.refused(&opened, form_of(&answer)).await, gone);
    let request = service.get(&format!("/oid4vp/requests/{}", opened.request.request_id)).await;
    assert_eq!(request.status(), StatusCode::GONE);

    let answered = service.opened(&which_state()).await;
    let answer = service.honest(&answered).await;
    assert_eq!(service.submit(&answered, form_of(&answer)).await.status(), StatusCode::OK);
    let (status, kind) = problem(service.delete(&answered).await).await;
    assert_eq!((status, &kind["type"]), (StatusCode::CONFLICT, &json!(named("ended-session"))));
    assert_eq!(service.outcome(&answered).await["status"], "accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wallet_that_declines_ends_the_session() {
    let service = Service::new().await;
    let opened = service.opened(&encrypted()).await;
    let declined = |state: &str| {
        let state = Some(state.parse().unwrap());
        ErrorResponse { error: ErrorCode::AccessDenied, state }.to_form()
    };
    let (status, _) = service.refused(&opened, declined("another")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(service.outcome(&opened).await["status"], "pending");
    let request_id = opened.request.request_id.as_str();
    let told = service.submit(&opened, declined(request_id)).await;
    assert_eq!(told.status(), StatusCode::OK);
    assert_eq!(told.json::<Value>().await.unwrap(), json!({}));
    assert_eq!(service.outcome(&opened).await["status"], "declined");
    let answer = service.honest(&opened).await;
    let gone = (StatusCode::GONE, json!(named("cancelled-session")));
    assert_eq!(service.refused(&opened, form(&opened, &answer)).await, gone);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_session_takes_no_answer_no_refusal_and_shows_no_request() {
    let service = Service::new().await;
    let opened = service.opened(&which_state()).await;
    let answer = service.honest(&opened).await;
    service.world.advance(601);
    let gone = (StatusCode::GONE, json!(named("expired-session")));
    assert_eq!(service.refused(&opened, form_of(&answer)).await, gone);
    let error = ErrorResponse { error: ErrorCode::AccessDenied, state: None };
    assert_eq!(service.refused(&opened, error.to_form()).await, gone);
    let request = service.get(&format!("/oid4vp/requests/{}", opened.request.request_id)).await;
    assert_eq!(request.status(), StatusCode::GONE);
    assert_eq!(service.outcome(&opened).await["status"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_with_a_redirect_shows_its_outcome_to_the_browser_that_answered() {
    let service = Service::new().await;
    let opened =
        service.opened(&with("redirect_uri", json!("https://clinic.example/back?a=1"))).await;
    assert_eq!(service.outcome(&opened).await["status"], "pending");
    let answer = service.honest(&opened).await;
    let accepted: Value = service.submit(&opened, form_of(&answer)).await.json().await.unwrap();
    let redirect = accepted["redirect_uri"].as_str().unwrap();
    let code = redirect.strip_prefix("https://clinic.example/back?a=1&response_code=").unwrap();

    // Who sent another person's wallet to the link does not have the code.
    let path = format!("/presentations/{}", opened.id);
    for wrong in
        [path.clone(), format!("{path}?response_code=00"), format!("{path}?response_code=")]
    {
        let (status, kind) = problem(service.get(&wrong).await).await;
        assert_eq!(
            (status, &kind["type"]),
            (StatusCode::FORBIDDEN, &json!(named("response-code")))
        );
    }
    let outcome = service.get(&format!("{path}?response_code={code}")).await;
    let outcome: Value = outcome.json().await.unwrap();
    assert_eq!(outcome["disclosed"], json!({ "q1": { "jurisdiction": "TX" } }));
    assert!(!outcome.to_string().contains(code));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_is_drawn_as_a_qr_code_for_who_opened_the_session() {
    let service = Service::new().await;
    let opened = service.opened(&which_state()).await;
    let qr = service.get(&format!("/presentations/{}/qr.svg", opened.id)).await;
    assert_eq!(qr.headers()["content-type"], "image/svg+xml");
    assert!(qr.text().await.unwrap().contains("<svg"));
    assert!(opened.link.contains(&opened.request.request_id.to_string()));
    assert!(!opened.link.contains(&opened.id));
    let (status, _) =
        problem(service.get(&format!("/presentations/{}/qr.svg", opened.request.request_id)).await)
            .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_what_becomes_of_a_session_and_end_with_it() {
    let service = Service::new().await;
    let opened = service.opened(&which_state()).await;
    let events = format!("/presentations/{}/events", opened.id);
    let stream = service.get(&events).await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    let told = tokio::spawn(stages(stream));
    let answer = service.honest(&opened).await;
    assert_eq!(service.submit(&opened, form_of(&answer)).await.status(), StatusCode::OK);
    let told = told.await.unwrap();
    assert_eq!(told.first().map(String::as_str), Some("pending"));
    assert_eq!(told.last().map(String::as_str), Some("accepted"));
    // Who comes late is told the end.
    assert_eq!(stages(service.get(&events).await).await, ["accepted"]);
    let (status, _) = problem(service.get("/presentations/none/events").await).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_replica_tell_what_another_one_did() {
    let service = Service::new().await;
    let replica = service.world.verifier_with(service.world.registry.clone(), |_| {}).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, Served::new(vec![replica], Access::Open), std::future::pending()));
    let (cancelled, expired) =
        (service.opened(&which_state()).await, service.opened(&which_state()).await);
    let watch = async |opened: &Opened| {
        let events = format!("{base}/presentations/{}/events", opened.id);
        service.client.get(events).send().await.unwrap()
    };
    let first = tokio::spawn(stages(watch(&cancelled).await));
    let second = tokio::spawn(stages(watch(&expired).await));
    assert_eq!(service.delete(&cancelled).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(first.await.unwrap().last().unwrap(), "cancelled");
    service.world.advance(601);
    assert_eq!(second.await.unwrap().last().unwrap(), "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_does_not_keep_the_service_from_stopping() {
    let service = Service::new().await;
    let opened = service.opened(&which_state()).await;
    let told = stages(service.get(&format!("/presentations/{}/events", opened.id)).await);
    let told = tokio::spawn(told);
    service.stop().await;
    told.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn several_queries_are_asked_in_dcql_and_answered_by_one_holder() {
    let service = Service::new().await;
    let mut body = state_of("TX");
    let policy = |id: &str, meta: Value| json!({ "id": id, "format": FORMAT, "meta": meta });
    let where_from = which_state()["policy"].clone();
    body.as_object_mut().unwrap().retain(|name, _| name == "purpose");
    body["dcql_query"] = json!({ "credentials": [
        policy("licence", json!({ "policy": "licensed-in-state", "parameters": { "state": "TX" } })),
        policy("place", json!({ "policy": where_from })),
    ] });
    let opened = service.opened(&body).await;
    assert_eq!(opened.request.queries.len(), 2);
    let answer = service.honest(&opened).await;
    let missing = {
        let mut answer = answer.clone();
        answer.presentations.pop_last();
        form_of(&answer)
    };
    let (status, _) = service.refused(&opened, missing).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(service.submit(&opened, form_of(&answer)).await.status(), StatusCode::OK);
    let disclosed = &service.outcome(&opened).await["disclosed"];
    assert_eq!(*disclosed, json!({ "licence": {}, "place": { "jurisdiction": "TX" } }));
}
