//! The lines of a body, as they arrive, without ever holding more than a few of them.

use std::collections::VecDeque;

use axum::body::{Body, BodyDataStream, Bytes};
use futures_util::StreamExt;

/// Bytes of a line, at most: a request and an answer.
pub(super) const MAX_LINE: usize = 256 * 1024;
/// Bytes of the lines that are taken at once, at most, unless one alone is longer.
const MAX_CHUNK: usize = 512 * 1024;

/// Why the lines end before the body does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// A line is longer than [`MAX_LINE`].
    LineTooLong,
    /// The body broke off, or nothing more of it arrived for too long.
    Body,
}

pub(super) struct Lines {
    body: BodyDataStream,
    /// What has arrived and not been taken, without the line feeds.
    lines: VecDeque<Vec<u8>>,
    /// The beginning of a line whose end has not arrived.
    partial: Vec<u8>,
    end: Option<Result<(), Broken>>,
}

impl Lines {
    pub(super) fn of(body: Body) -> Self {
        Self {
            body: body.into_data_stream(),
            lines: VecDeque::new(),
            partial: Vec::new(),
            end: None,
        }
    }

    /// The next lines that are not empty, as many as have arrived and at most so many; none at
    /// the end. Whoever stops waiting loses none.
    ///
    /// # Errors
    /// [`Broken`], after all lines before.
    pub(super) async fn next(&mut self, most: usize) -> Result<Vec<Vec<u8>>, Broken> {
        while self.lines.is_empty() {
            match self.end {
                Some(end) => return end.map(|()| Vec::new()),
                None => {
                    let data = self.body.next().await;
                    self.arrived(data);
                }
            }
        }
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while taken.len() < most
            && let Some(line) = self.lines.pop_front()
        {
            if !taken.is_empty() && bytes + line.len() > MAX_CHUNK {
                self.lines.push_front(line);
                break;
            }
            bytes += line.len();
            taken.push(line);
        }
        Ok(taken)
    }

    fn arrived(&mut self, data: Option<Result<Bytes, axum::Error>>) {
        match data {
            Some(Ok(data)) => {
                let mut rest = data.as_ref();
                while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
                    let (line, after) = rest.split_at(at);
                    self.partial.extend_from_slice(line);
                    rest = &after[1..];
                    if !self.take_line() {
                        return;
                    }
                }
                self.partial.extend_from_slice(rest);
                if self.partial.len() > MAX_LINE {
                    self.take_line();
                }
            }
            Some(Err(_)) => self.end = Some(Err(Broken::Body)),
            None => {
                self.end = Some(Ok(()));
                self.take_line();
            }
        }
    }

    /// Takes the line that is complete; false if it is too long.
    fn take_line(&mut self) -> bool {
        let line = std::mem::take(&mut self.partial);
        if line.len() > MAX_LINE {
            self.end = Some(Err(Broken::LineTooLong));
            return false;
        }
        if !line.iter().all(u8::is_ascii_whitespace) {
            self.lines.push_back(line);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(parts: Vec<Vec<u8>>) -> Lines {
        let parts = futures_util::stream::iter(parts).map(Ok::<_, std::convert::Infallible>);
        Lines::of(Body::from_stream(parts))
    }

    async fn all(mut lines: Lines) -> (Vec<Vec<u8>>, Result<(), Broken>) {
        let mut found = Vec::new();
        loop {
            match lines.next(3).await {
                Ok(some) if some.is_empty() => return (found, Ok(())),
                Ok(some) => found.extend(some),
                Err(broken) => return (found, Err(broken)),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn lines_do_not_depend_on_where_the_body_is_cut(
            text in "[a-c\n]{0,40}", cuts in prop::collection::vec(0_usize..41, 0..6),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.sort_unstable();
            let (mut parts, mut from) = (Vec::new(), 0);
            for cut in cuts.into_iter().chain([text.len()]) {
                parts.push(text.as_bytes()[from..cut].to_vec());
                from = cut;
            }
            let expected: Vec<Vec<u8>> =
                text.split('\n').filter(|line| !line.is_empty()).map(|l| l.into()).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            prop_assert_eq!(runtime.block_on(all(lines(parts))), (expected, Ok(())));
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_ends_the_lines_after_those_before_it() {
        for end in ["", "\nmore\n"] {
            let long = format!("one\ntwo\n{}{end}", "x".repeat(MAX_LINE + 1));
            let parts = long.as_bytes().chunks(1000).map(<[u8]>::to_vec).collect();
            let (found, end) = all(lines(parts)).await;
            assert_eq!((found.len(), end), (2, Err(Broken::LineTooLong)));
        }
    }
}
