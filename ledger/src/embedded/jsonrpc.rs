//! JSON-RPC 2.0: requests, notifications and batches in, one answer out.

use super::EmbeddedLedger;
use super::store::StoreError;
use alloy::primitives::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::time::Instant;

/// Requests that one batch may hold.
pub(crate) const MAX_BATCH: usize = 128;
/// Bytes of answers after which the rest of a batch is refused.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// A JSON-RPC error.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: i64,
    pub(crate) message: Cow<'static, str>,
    /// What a contract reverted with.
    pub(crate) data: Option<Bytes>,
}

impl Fault {
    pub(crate) fn new(code: i64, message: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    pub(crate) fn parameters() -> Self {
        Self::new(-32602, "invalid params")
    }

    pub(crate) fn server(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32000, message)
    }

    /// More was asked for than one answer gives (EIP-1474).
    pub(crate) fn limit(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(-32005, message)
    }

    /// The work took longer than a request may.
    pub(crate) fn too_late() -> Self {
        Self::new(-32002, "request timed out")
    }

    pub(crate) fn invalid_request() -> Self {
        Self::new(-32600, "invalid request")
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "embedded ledger store");
        Self::new(-32603, "storage failure")
    }
}

/// A result as JSON text, or an error.
pub(crate) type Answered = Result<String, Fault>;

/// When the work on a request has to end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deadline(pub(crate) Option<Instant>);

impl Deadline {
    pub(crate) fn check(self) -> Result<(), Fault> {
        match self.0 {
            Some(end) if Instant::now() > end => Err(Fault::too_late()),
            _ => Ok(()),
        }
    }
}

/// A request object, checked.
struct Request<'r> {
    /// As it was written; `None` for a notification, which is not answered.
    id: Option<&'r str>,
    method: Cow<'r, str>,
    /// The array's text; empty if it was left out.
    params: &'r str,
}

#[derive(Deserialize)]
struct RequestText<'r> {
    #[serde(borrow)]
    jsonrpc: Cow<'r, str>,
    #[serde(borrow)]
    method: Cow<'r, str>,
    #[serde(default, borrow, deserialize_with = "written")]
    params: Option<&'r RawValue>,
    #[serde(default, borrow, deserialize_with = "written")]
    id: Option<&'r RawValue>,
}

#[derive(Deserialize)]
struct IdText<'r> {
    #[serde(default, borrow, deserialize_with = "written")]
    id: Option<&'r RawValue>,
}

/// A member that is there, even as `null`.
fn written<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// An id is a string, a number or null.
fn is_id(text: &str) -> bool {
    text == "null" || text.starts_with(|c: char| matches!(c, '"' | '-' | '0'..='9'))
}

impl<'r> Request<'r> {
    /// Reads a request object. What is none is an error to be answered under the id that it names, if any.
    fn read(text: &'r str) -> Result<Self, (&'r str, Fault)> {
        let invalid = |id: Option<&'r RawValue>| {
            let id = id.map(RawValue::get).filter(|id| is_id(id)).unwrap_or("null");
            (id, Fault::invalid_request())
        };
        let Ok(request) = serde_json::from_str::<RequestText<'_>>(text) else {
            return Err(invalid(
                serde_json::from_str(text).ok().and_then(|text: IdText<'_>| text.id),
            ));
        };
        let id = request.id.map(RawValue::get);
        let params = request.params.map(RawValue::get).unwrap_or_default();
        let has_params = matches!(params.as_bytes().first(), None | Some(b'[' | b'{'));
        if request.jsonrpc != "2.0" || !has_params || !id.is_none_or(is_id) {
            return Err(invalid(request.id));
        }
        Ok(Self { id, method: request.method, params })
    }
}

impl EmbeddedLedger {
    /// Answers a JSON-RPC request or batch. Any bytes get an answer, which is empty if it was a notification; a
    /// transaction that is acknowledged is on disk.
    ///
    /// It blocks for as long as the disk takes: call it off the async threads.
    pub fn dispatch(&self, request: &[u8]) -> Vec<u8> {
        self.dispatch_until(request, Deadline::default())
    }

    pub(crate) fn dispatch_until(&self, request: &[u8], deadline: Deadline) -> Vec<u8> {
        let refused = |fault: Fault| answer("null", &Err(fault)).into_bytes();
        let Ok(text) = serde_json::from_slice::<&RawValue>(request) else {
            return refused(Fault::new(-32700, "parse error"));
        };
        if !text.get().starts_with('[') {
            return self.answer_all(&[text.get()], deadline).concat().into_bytes();
        }
        let Ok(batch) = serde_json::from_str::<Vec<&RawValue>>(text.get()) else {
            return refused(Fault::new(-32700, "parse error"));
        };
        if batch.is_empty() {
            return refused(Fault::invalid_request());
        }
        if batch.len() > MAX_BATCH {
            return refused(Fault::new(-32600, "batch too large"));
        }
        let texts: Vec<&str> = batch.into_iter().map(RawValue::get).collect();
        let answers = self.answer_all(&texts, deadline);
        if answers.is_empty() {
            return Vec::new();
        }
        format!("[{}]", answers.join(",")).into_bytes()
    }

    /// The answers to request objects, without those to notifications.
    fn answer_all(&self, texts: &[&str], deadline: Deadline) -> Vec<String> {
        let requests: Vec<_> = texts.iter().map(|text| Request::read(text)).collect();
        let is_send = |request: &Result<Request<'_>, _>| {
            request.as_ref().is_ok_and(|request| request.method == "eth_sendRawTransaction")
        };
        let mut answers = Vec::with_capacity(requests.len());
        let mut written = 0;
        // Transactions that stand side by side go into the same block.
        for group in requests.chunk_by(|a, b| is_send(a) && is_send(b)) {
            let mut sent = Vec::new();
            if group.len() > 1 && deadline.check().is_ok() {
                let params: Vec<_> = group.iter().flatten().map(|request| request.params).collect();
                sent = self.send(&params);
            }
            let mut sent = sent.into_iter();
            for request in group {
                let (id, answered) = match request {
                    Err((id, fault)) => (Some(*id), Err(fault.clone())),
                    Ok(request) => {
                        let one = || {
                            deadline.check()?;
                            if written > MAX_ANSWER_BYTES {
                                return Err(Fault::limit("the answers of the batch are too large"));
                            }
                            self.call(&request.method, request.params, deadline)
                        };
                        (request.id, sent.next().unwrap_or_else(one))
                    }
                };
                if let Some(id) = id {
                    let text = answer(id, &answered);
                    written += text.len();
                    answers.push(text);
                }
            }
        }
        answers
    }
}

fn answer(id: &str, answered: &Answered) -> String {
    match answered {
        Ok(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        Err(fault) => {
            let mut error = json!({ "code": fault.code, "message": fault.message });
            if let Some(data) = &fault.data {
                error["data"] = json!(data);
            }
            format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#)
        }
    }
}
