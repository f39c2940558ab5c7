//! Several nodes of one chain: what enough of them agree on.

use super::ClientOptions;
use super::backoff::Backoff;
use super::endpoint::Endpoint;
use crate::LedgerError;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long the others may take once enough have answered.
const GRACE: Duration = Duration::from_millis(250);

/// The endpoints, and the chain that they are on.
pub(super) struct Nodes {
    pub(super) endpoints: Vec<Endpoint>,
    pub(super) options: ClientOptions,
    chain: OnceLock<u64>,
}

impl Nodes {
    pub(super) fn new(endpoints: Vec<Endpoint>, options: ClientOptions) -> Self {
        Self { endpoints, options, chain: OnceLock::new() }
    }

    /// The chain's id, pinned at the first contact.
    pub(super) async fn chain(&self) -> Result<u64, LedgerError> {
        if let Some(&chain) = self.chain.get() {
            return Ok(chain);
        }
        let chain = match self.options.chain_id {
            Some(chain) => chain,
            None => self.agreed(|node| async move { node.chain_id().await }).await?,
        };
        Ok(*self.chain.get_or_init(|| chain))
    }

    /// The answer that enough endpoints give. They are asked again while they do not agree, until the time is up.
    pub(super) async fn agreed<T, F>(&self, ask: impl Fn(Endpoint) -> F) -> Result<T, LedgerError>
    where
        T: PartialEq + Send + 'static,
        F: Future<Output = Result<T, LedgerError>> + Send + 'static,
    {
        let deadline = Instant::now() + self.options.quorum_timeout;
        let mut backoff = Backoff::retrying();
        loop {
            match self.agreed_now(&ask).await {
                Err(LedgerError::NoQuorum { .. }) if Instant::now() < deadline => {
                    backoff.wait().await;
                }
                outcome => return outcome,
            }
        }
    }

    /// The answer that enough endpoints give at once.
    pub(super) async fn agreed_now<T, F>(
        &self,
        ask: impl Fn(Endpoint) -> F,
    ) -> Result<T, LedgerError>
    where
        T: PartialEq + Send + 'static,
        F: Future<Output = Result<T, LedgerError>> + Send + 'static,
    {
        let needed = self.needed();
        if needed == 1 {
            return self.first(ask).await;
        }
        let mut asked: JoinSet<_> = self.endpoints.iter().cloned().map(ask).collect();
        let mut answers: Vec<(Result<T, LedgerError>, usize)> = Vec::new();
        while let Some(answered) = asked.join_next().await {
            let Ok(answer) = answered else { continue };
            if !is_answer(&answer) {
                continue;
            }
            let place = answers.iter().position(|(known, _)| same(known, &answer));
            let place = place.unwrap_or_else(|| {
                answers.push((answer, 0));
                answers.len() - 1
            });
            answers[place].1 += 1;
            if answers[place].1 == needed {
                return answers.swap_remove(place).0;
            }
        }
        let agreed = answers.iter().map(|(_, votes)| *votes).max().unwrap_or_default();
        Err(LedgerError::NoQuorum { agreed, needed })
    }

    /// The greatest value that enough endpoints reach: fewer can neither raise it nor, beside enough honest ones,
    /// lower it.
    pub(super) async fn reached<T, F>(&self, ask: impl Fn(Endpoint) -> F) -> Result<T, LedgerError>
    where
        T: Ord + Send + 'static,
        F: Future<Output = Result<T, LedgerError>> + Send + 'static,
    {
        let needed = self.needed();
        if needed == 1 {
            return self.first(ask).await;
        }
        let mut asked: JoinSet<_> = self.endpoints.iter().cloned().map(ask).collect();
        let (mut values, mut reverts) = (Vec::new(), Vec::new());
        let mut patience = None;
        loop {
            let next = match patience {
                None => asked.join_next().await,
                Some(until) => {
                    tokio::time::timeout_at(until, asked.join_next()).await.unwrap_or_default()
                }
            };
            match next {
                None => break,
                Some(Ok(Ok(value))) => values.push(value),
                Some(Ok(Err(error @ LedgerError::Reverted { .. }))) => reverts.push(error),
                Some(_) => {}
            }
            if patience.is_none() && values.len().max(reverts.len()) >= needed {
                patience = Some(Instant::now() + GRACE);
            }
        }
        if values.len() >= needed {
            values.sort_unstable();
            return Ok(values.swap_remove(values.len() - needed));
        }
        match reverts.pop() {
            Some(error) if reverts.len() + 1 >= needed => Err(error),
            _ => Err(LedgerError::NoQuorum { agreed: values.len(), needed }),
        }
    }

    /// The answer of the first endpoint that gives one.
    async fn first<T, F>(&self, ask: impl Fn(Endpoint) -> F) -> Result<T, LedgerError>
    where
        F: Future<Output = Result<T, LedgerError>>,
    {
        let mut failure = LedgerError::Unreachable;
        for endpoint in &self.endpoints {
            match ask(endpoint.clone()).await {
                Err(error) if !matches!(error, LedgerError::Reverted { .. }) => failure = error,
                answer => return answer,
            }
        }
        Err(failure)
    }

    fn needed(&self) -> usize {
        self.options.quorum.unwrap_or(self.endpoints.len() / 2 + 1).max(1)
    }
}

/// A contract's refusal is an answer too.
fn is_answer<T>(answer: &Result<T, LedgerError>) -> bool {
    matches!(answer, Ok(_) | Err(LedgerError::Reverted { .. }))
}

fn same<T: PartialEq>(one: &Result<T, LedgerError>, other: &Result<T, LedgerError>) -> bool {
    match (one, other) {
        (Ok(one), Ok(other)) => one == other,
        (Err(LedgerError::Reverted { name: one }), Err(LedgerError::Reverted { name: other })) => {
            one == other
        }
        _ => false,
    }
}
