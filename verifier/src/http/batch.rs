//! `POST /presentations/verify-batch`: a file of answers, NDJSON in and out.
//!
//! The first line may be a header, `{"request": …, "countOnce": …}`; every other is
//! `{"id": …, "presentation": …}`, with a `request` of its own if the header has none. Each has
//! one answer line, in order, and the last line sums up. Few lines are held at a time: while the
//! client does not read its answers, no more of its lines are read.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use attestry_credential::presentation::{PresentationRequest, PresentationResponse};
use attestry_service::Actor;
use attestry_service::http::{Members, Problem, parse_json, refuse_compressed};
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::lines::{Broken, Lines};
use crate::check::Lane;
use crate::direct::Asked;
use crate::recorder::GROUP;
use crate::session::Decision;
use crate::storage::Check;
use crate::{Refusal, Verifier, VerifierError};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/x-ndjson");
/// Groups of lines that are checked at a time.
const GROUPS: usize = 3;
/// Bytes of the lines of a group, after which no more are added.
const MAX_GROUP: usize = 512 * 1024;
/// Groups of answers that wait for the client to read them.
const UNREAD: usize = 2;
/// Bytes of a line's id, at most.
const MAX_ID: usize = 128;

pub(super) async fn verify(
    State(verifier): State<Verifier>,
    actor: Actor,
    request: Request,
) -> Result<Response, Problem> {
    check_headers(request.headers())?;
    let mut lines = Lines::of(request.into_body());
    let first = lines.next(1).await.map_err(problem_of)?;
    let (header, first) = Header::read(first.into_iter().next())?;
    let (answers, unread) = mpsc::channel(UNREAD);
    let file = File {
        verifier,
        actor,
        header: Arc::new(header),
        number: 0,
        groups: VecDeque::new(),
        totals: Totals::default(),
        answers,
    };
    tokio::spawn(file.run(lines, first));
    let body = stream::unfold(unread, |mut unread| async {
        unread.recv().await.map(|group: Bytes| (Ok::<_, Infallible>(group), unread))
    });
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], Body::from_stream(body)).into_response())
}

/// Checks that the body is declared as lines of JSON, and as not compressed.
fn check_headers(headers: &HeaderMap) -> Result<(), Problem> {
    refuse_compressed(headers)?;
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.map(|text| text.split(';').next().unwrap_or_default().trim());
    let is_lines = essence.is_some_and(|essence| {
        ["application/x-ndjson", "application/ndjson", "application/jsonl"]
            .iter()
            .any(|known| essence.eq_ignore_ascii_case(known))
    });
    if !is_lines {
        let detail = "the content type must be application/x-ndjson";
        return Err(Problem::unsupported_media_type().detail(detail));
    }
    Ok(())
}

fn problem_of(broken: Broken) -> Problem {
    match broken {
        Broken::LineTooLong => Problem::body_too_large().detail("a line is longer than 256 KiB"),
        Broken::Body => Problem::body_unreadable()
            .detail("it broke off, or nothing more of it arrived for too long"),
    }
}

/// What holds for all lines.
#[derive(Default)]
struct Header {
    asked: Option<Arc<Asked>>,
    count_once: bool,
}

impl Header {
    /// The header, and the first line if that is none.
    fn read(first: Option<Vec<u8>>) -> Result<(Self, Option<Vec<u8>>), Problem> {
        let Some(line) = first else { return Ok((Self::default(), None)) };
        let value = parse_json(&line)?;
        if value.get("presentation").is_some() {
            return Ok((Self::default(), Some(line)));
        }
        let members = Members::of(&value, "$", &["request", "countOnce"])?;
        let asked = members.get("request").map(read_request).transpose()?.map(Arc::new);
        let count_once = members.boolean("countOnce")?.unwrap_or_default();
        Ok((Self { asked, count_once }, None))
    }
}

fn read_request(value: &Value) -> Result<Asked, Problem> {
    let request = PresentationRequest::try_from(value.clone())
        .map_err(|error| Problem::invalid_request().detail(error.to_string()))?;
    Ok(Asked::new(request)?)
}

#[derive(Default)]
struct Totals {
    checked: u64,
    accepted: u64,
    refused: u64,
    undecided: u64,
}

/// A file that is being checked.
struct File {
    verifier: Verifier,
    actor: Actor,
    header: Arc<Header>,
    /// Number of the last line that was read, the header not counted.
    number: u64,
    groups: VecDeque<Group>,
    totals: Totals,
    answers: mpsc::Sender<Bytes>,
}

/// Lines that are checked at the same time. Dropping it stops that.
struct Group {
    tasks: JoinSet<(usize, Line)>,
    done: Vec<Option<Line>>,
}

/// A line that has been checked.
struct Line {
    id: Value,
    number: u64,
    /// What is to be recorded, or why nothing is decided.
    examined: Result<Box<Check>, &'static str>,
}

/// What became of a line.
enum Outcome {
    Decided(Decision),
    Undecided(&'static str),
}

/// The client does not want to know any more.
struct Gone;

impl File {
    async fn run(mut self, mut lines: Lines, first: Option<Vec<u8>>) {
        let waiting = first.into_iter().collect();
        // Who has gone needs no answer, and what was not recorded was not decided.
        let _ = self.answer_all(&mut lines, waiting).await;
    }

    /// A line that comes alone is checked at once; while lines are being checked, the next ones
    /// gather to a group.
    async fn answer_all(
        &mut self,
        lines: &mut Lines,
        mut waiting: Vec<Vec<u8>>,
    ) -> Result<(), Gone> {
        let mut end = None;
        let client = self.answers.clone();
        while end.is_none() || !waiting.is_empty() || !self.groups.is_empty() {
            let bytes: usize = waiting.iter().map(Vec::len).sum();
            let is_full = waiting.len() >= GROUP || bytes >= MAX_GROUP || end.is_some();
            if !waiting.is_empty()
                && (self.groups.is_empty() || is_full && self.groups.len() < GROUPS)
            {
                self.start(std::mem::take(&mut waiting));
                continue;
            }
            let room = GROUP - waiting.len().min(GROUP);
            tokio::select! {
                () = client.closed() => return Err(Gone),
                () = finished(self.groups.front_mut()) => {
                    if let Some(group) = self.groups.pop_front() {
                        let answer = self.record(group).await;
                        self.send(answer).await?;
                    }
                }
                next = lines.next(room), if !is_full => {
                    match next {
                        Ok(more) if more.is_empty() => end = Some(Ok(())),
                        Ok(more) => waiting.extend(more),
                        Err(broken) => end = Some(Err(broken)),
                    }
                }
            }
        }
        let Totals { checked, accepted, refused, undecided } = self.totals;
        let mut last = json!({ "summary": {
            "checked": checked, "accepted": accepted, "refused": refused, "undecided": undecided,
        } });
        if let Some(Err(broken)) = end {
            last["error"] = problem_of(broken).into_document();
        }
        self.send(format!("{last}\n")).await
    }

    async fn send(&self, answer: String) -> Result<(), Gone> {
        self.answers.send(answer.into()).await.map_err(|_| Gone)
    }

    /// Begins to check lines.
    fn start(&mut self, lines: Vec<Vec<u8>>) {
        if lines.is_empty() {
            return;
        }
        let mut tasks = JoinSet::new();
        let done = lines.iter().map(|_| None).collect();
        for (place, line) in lines.into_iter().enumerate() {
            self.number += 1;
            let (verifier, actor) = (self.verifier.clone(), self.actor.clone());
            let (header, number) = (Arc::clone(&self.header), self.number);
            tasks.spawn(async move {
                let (id, read) = Item::read(&line, &header);
                drop(line);
                let examined = match read {
                    Err(Unreadable) => Err(MALFORMED),
                    Ok(Item { asked, response }) => {
                        let count_once = header.count_once;
                        let lane = Lane::Bulk;
                        let examined =
                            verifier.examine(&asked, &response, count_once, &actor, lane).await;
                        examined.map_err(|refusal| refusal.reason())
                    }
                };
                (place, Line { id, number, examined })
            });
        }
        self.groups.push_back(Group { tasks, done });
    }

    /// Records what was checked, in one transaction, and answers.
    async fn record(&mut self, group: Group) -> String {
        let lines = group.done.iter().flatten();
        let checks: Vec<&Check> = lines.filter_map(|line| line.examined.as_deref().ok()).collect();
        let recorded = match checks.is_empty() {
            true => Ok(Vec::new()),
            false => self.verifier.record_checks(&checks).await,
        };
        let mut recorded = recorded.map(Vec::into_iter).map_err(|error| unrecorded(&error));
        let mut answers = String::new();
        for line in group.done {
            self.totals.checked += 1;
            let (id, number, outcome) = match line {
                // A panic, which has been logged.
                None => (Value::Null, 0, Outcome::Undecided(Refusal::Interrupted.reason())),
                Some(Line { id, number, examined }) => {
                    let outcome = match examined {
                        Err(reason) => Outcome::Undecided(reason),
                        Ok(_) => match &mut recorded {
                            Ok(decisions) => decisions
                                .next()
                                .map_or(Outcome::Undecided(NOT_RECORDED), Outcome::Decided),
                            Err(reason) => Outcome::Undecided(reason),
                        },
                    };
                    (id, number, outcome)
                }
            };
            answers.push_str(&self.answer(id, number, outcome).to_string());
            answers.push('\n');
        }
        answers
    }

    fn answer(&mut self, id: Value, number: u64, outcome: Outcome) -> Value {
        let (verified, reason, receipt) = match outcome {
            Outcome::Decided(Decision::Accepted { receipt }) => (true, None, Some(receipt)),
            Outcome::Decided(Decision::Refused { refusal, receipt }) => {
                (false, Some(refusal.reason()), receipt)
            }
            Outcome::Undecided(reason) => (false, Some(reason), None),
        };
        match (verified, reason) {
            (true, _) => self.totals.accepted += 1,
            (false, Some(MALFORMED)) => self.totals.refused += 1,
            (false, _) if receipt.is_some() => self.totals.refused += 1,
            (false, _) => self.totals.undecided += 1,
        }
        let mut answer = json!({ "id": id, "verified": verified });
        if id.is_null() {
            answer["line"] = number.into();
        }
        if let Some(reason) = reason {
            answer["reason"] = reason.into();
        }
        if let Some(receipt) = receipt {
            answer["receipt"] = receipt.as_str().into();
        }
        answer
    }
}

/// The reason of lines that cannot be read: that of [`Refusal::Malformed`].
const MALFORMED: &str = "malformed";
/// The reason of lines that were checked and not recorded, so that nothing is decided.
const NOT_RECORDED: &str = "not-recorded";

fn unrecorded(error: &VerifierError) -> &'static str {
    tracing::error!(%error, "checks of a file were not recorded");
    NOT_RECORDED
}

/// Waits until all lines of a group are checked; for ever if there is no group.
async fn finished(group: Option<&mut Group>) {
    let Some(group) = group else { return std::future::pending().await };
    while let Some(done) = group.tasks.join_next().await {
        if let Ok((place, line)) = done
            && let Some(slot) = group.done.get_mut(place)
        {
            *slot = Some(line);
        }
    }
}

/// A line is no item.
struct Unreadable;

/// An answer, and the request that it is to.
struct Item {
    asked: Arc<Asked>,
    response: PresentationResponse,
}

impl Item {
    /// The line's id, if it has one, and what is to be checked.
    fn read(line: &[u8], header: &Header) -> (Value, Result<Self, Unreadable>) {
        let Ok(mut value) = parse_json(line) else { return (Value::Null, Err(Unreadable)) };
        let id = value.get("id").and_then(Value::as_str).filter(|id| id.len() <= MAX_ID);
        let id = id.map_or(Value::Null, Value::from);
        (id.clone(), Self::of(&mut value, &id, header).ok_or(Unreadable))
    }

    fn of(value: &mut Value, id: &Value, header: &Header) -> Option<Self> {
        Members::of(value, "$", &["id", "presentation", "request"]).ok()?;
        let own = value.get("request").map(read_request).transpose().ok()?;
        let asked = match (own, &header.asked) {
            (Some(own), None) => Arc::new(own),
            (None, Some(asked)) => Arc::clone(asked),
            // Which of two requests was meant cannot be told.
            (Some(_), Some(_)) | (None, None) => return None,
        };
        let presentation = value.get_mut("presentation").map(Value::take)?;
        let response = PresentationResponse::try_from(presentation).ok()?;
        (!id.is_null()).then_some(Self { asked, response })
    }
}
