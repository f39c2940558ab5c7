//! Logs of a range of blocks, page by page.

use super::endpoint::Endpoint;
use crate::LedgerError;
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};

/// Pages in a row that may fail in another way than by a refusal.
const FAILURES: u32 = 3;
/// Pages after which a size that was refused is tried again: what a node limits may be the number of results.
const REPRIEVE: u32 = 16;

/// How many blocks to ask for.
struct PageSize {
    now: u64,
    /// The most that was not refused lately.
    ceiling: u64,
    longest: u64,
    successes: u32,
}

impl PageSize {
    fn new(longest: u64) -> Self {
        let longest = longest.max(1);
        Self { now: longest, ceiling: longest, longest, successes: 0 }
    }

    fn succeeded(&mut self) {
        self.successes += 1;
        if self.successes.is_multiple_of(REPRIEVE) {
            self.ceiling = self.longest;
        }
        self.now = self.now.saturating_mul(2).min(self.ceiling);
    }

    fn refused(&mut self, blocks: u64) {
        self.ceiling = blocks - 1;
        self.now = blocks.div_ceil(2);
        self.successes = 0;
    }
}

impl Endpoint {
    /// The logs that match, of all blocks from one to another, in order.
    ///
    /// # Errors
    /// [`LedgerError::Behind`] if the node lacks the last of the blocks; [`LedgerError::Malformed`] if it answers with
    /// what was not asked for; those of asking.
    pub(super) async fn logs(
        &self,
        chain: u64,
        filter: &Filter,
        (from, to): (u64, u64),
        longest_page: u64,
    ) -> Result<Vec<Log>, LedgerError> {
        let mut found = Vec::new();
        let mut size = PageSize::new(longest_page);
        let (mut start, mut failures) = (from, 0);
        while start <= to {
            let end = to.min(start.saturating_add(size.now - 1));
            let query = filter.clone().from_block(start).to_block(end);
            match self.vouched(chain, end, self.provider().get_logs(&query)).await {
                Ok(logs) => {
                    found.extend(checked(logs, filter, start, end)?);
                    (start, failures) = (end.saturating_add(1), 0);
                    size.succeeded();
                    if end == u64::MAX {
                        break;
                    }
                }
                Err(error) => {
                    // Nodes limit the range or the results, and say so each in its own words.
                    match error {
                        LedgerError::Refused { .. } => {}
                        LedgerError::TimedOut(_) | LedgerError::Malformed(_)
                            if failures < FAILURES =>
                        {
                            failures += 1;
                        }
                        other => return Err(other),
                    }
                    let blocks = end - start + 1;
                    if blocks == 1 {
                        return Err(error);
                    }
                    size.refused(blocks);
                }
            }
        }
        Ok(found)
    }
}

/// The logs of a page in order, if each is one that was asked for.
fn checked(
    mut logs: Vec<Log>,
    filter: &Filter,
    start: u64,
    end: u64,
) -> Result<Vec<Log>, LedgerError> {
    let place = |log: &Log| Some((log.block_number?, log.log_index?));
    for log in &mut logs {
        let within = log.block_number.is_some_and(|block| (start..=end).contains(&block));
        if log.removed || !within || log.log_index.is_none() || !filter.matches(&log.inner) {
            return Err(LedgerError::Malformed("a log that was not asked for"));
        }
        // Only some nodes tell it.
        log.block_timestamp = None;
    }
    logs.sort_by_key(place);
    for pair in logs.windows(2) {
        let [one, next] = pair else { continue };
        let one_block = one.block_number == next.block_number;
        if place(one) == place(next) || (one_block && one.block_hash != next.block_hash) {
            return Err(LedgerError::Malformed("two logs in one place"));
        }
    }
    Ok(logs)
}
