//! Two bounded lanes of waiting work: interactive, and bulk.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Refusal;

/// Who waits: somebody at a desk, or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Served first; turned away when there are too many.
    Interactive,
    /// Waits for room, and has a share that interactive work cannot take.
    Bulk,
}

/// How much is taken at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchSizes {
    /// Interactive jobs.
    pub(crate) interactive: usize,
    /// Bulk jobs: interactive work that arrives meanwhile waits for them.
    pub(crate) bulk: usize,
    /// Bulk jobs between two batches of interactive ones that wait.
    pub(crate) bulk_share: usize,
}

/// Room in a lane, given back when it is dropped.
pub(crate) struct Room(#[allow(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

pub(crate) struct Lanes<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
    interactive_room: Arc<Semaphore>,
    bulk_room: Arc<Semaphore>,
    sizes: BatchSizes,
}

struct State<T> {
    interactive: VecDeque<T>,
    bulk: VecDeque<T>,
    bulk_is_next: bool,
    is_closed: bool,
}

impl<T> Lanes<T> {
    /// Lanes with room for so many jobs each, waiting or under way.
    pub(crate) fn new(room: usize, sizes: BatchSizes) -> Self {
        let room = room.min(Semaphore::MAX_PERMITS);
        Self {
            state: Mutex::new(State {
                interactive: VecDeque::new(),
                bulk: VecDeque::new(),
                bulk_is_next: false,
                is_closed: false,
            }),
            arrived: Condvar::new(),
            interactive_room: Arc::new(Semaphore::new(room)),
            bulk_room: Arc::new(Semaphore::new(room)),
            sizes,
        }
    }

    /// Room for a job: at once or not at all for interactive ones; bulk waits for it.
    ///
    /// # Errors
    /// [`Refusal::Overloaded`]; [`Refusal::Interrupted`] if the lanes are closed.
    pub(crate) async fn room(&self, lane: Lane) -> Result<Room, Refusal> {
        use tokio::sync::TryAcquireError::{Closed, NoPermits};
        match lane {
            Lane::Interactive => Arc::clone(&self.interactive_room).try_acquire_owned().map_err(
                |error| match error {
                    NoPermits => Refusal::Overloaded,
                    Closed => Refusal::Interrupted,
                },
            ),
            Lane::Bulk => {
                let room = Arc::clone(&self.bulk_room).acquire_owned().await;
                room.map_err(|_| Refusal::Interrupted)
            }
        }
        .map(Room)
    }

    /// Adds a job, which should hold its [`Room`]. It is dropped if the lanes are closed.
    pub(crate) fn push(&self, lane: Lane, job: T) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        match lane {
            Lane::Interactive => state.interactive.push_back(job),
            Lane::Bulk => state.bulk.push_back(job),
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// The next batch: what waits in one lane, as many as the sizes allow. Blocks until there is
    /// one; `None` once the lanes are closed.
    pub(crate) fn take(&self) -> Option<Vec<T>> {
        let mut state = self.lock();
        loop {
            if state.is_closed {
                return None;
            }
            if !state.interactive.is_empty() || !state.bulk.is_empty() {
                return Some(state.next(self.sizes));
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Drops what waits, and takes no more.
    pub(crate) fn close(&self) {
        let dropped = {
            let mut state = self.lock();
            state.is_closed = true;
            (std::mem::take(&mut state.interactive), std::mem::take(&mut state.bulk))
        };
        self.interactive_room.close();
        self.bulk_room.close();
        self.arrived.notify_all();
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn next(&mut self, sizes: BatchSizes) -> Vec<T> {
        let takes_bulk = self.interactive.is_empty() || self.bulk_is_next && !self.bulk.is_empty();
        let (lane, size) = match (takes_bulk, self.interactive.is_empty()) {
            (true, true) => (&mut self.bulk, sizes.bulk),
            (true, false) => (&mut self.bulk, sizes.bulk_share),
            (false, _) => (&mut self.interactive, sizes.interactive),
        };
        self.bulk_is_next = !takes_bulk;
        let size = lane.len().min(size.max(1));
        lane.drain(..size).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: BatchSizes = BatchSizes { interactive: 4, bulk: 3, bulk_share: 2 };

    fn filled(interactive: u32, bulk: u32) -> Lanes<(Lane, u32)> {
        let lanes = Lanes::new(64, SIZES);
        (0..interactive).for_each(|i| lanes.push(Lane::Interactive, (Lane::Interactive, i)));
        (0..bulk).for_each(|i| lanes.push(Lane::Bulk, (Lane::Bulk, i)));
        lanes
    }

    fn taken(lanes: &Lanes<(Lane, u32)>) -> (Lane, Vec<u32>) {
        let batch = lanes.take().unwrap();
        (batch[0].0, batch.iter().map(|(_, number)| *number).collect())
    }

    #[test]
    fn interactive_work_is_first_and_bulk_has_its_share() {
        let lanes = filled(9, 8);
        assert_eq!(taken(&lanes), (Lane::Interactive, vec![0, 1, 2, 3]));
        assert_eq!(taken(&lanes), (Lane::Bulk, vec![0, 1]));
        assert_eq!(taken(&lanes), (Lane::Interactive, vec![4, 5, 6, 7]));
        assert_eq!(taken(&lanes), (Lane::Bulk, vec![2, 3]));
        assert_eq!(taken(&lanes), (Lane::Interactive, vec![8]));
        assert_eq!(taken(&lanes), (Lane::Bulk, vec![4, 5, 6]));
        assert_eq!(taken(&lanes), (Lane::Bulk, vec![7]));
    }

    #[test]
    fn interactive_work_that_comes_during_bulk_is_next() {
        let lanes = filled(0, 8);
        assert_eq!(taken(&lanes), (Lane::Bulk, vec![0, 1, 2]));
        lanes.push(Lane::Interactive, (Lane::Interactive, 0));
        assert_eq!(taken(&lanes), (Lane::Interactive, vec![0]));
        assert_eq!(taken(&lanes), (Lane::Bulk, vec![3, 4, 5]));
    }

    #[tokio::test]
    async fn a_full_lane_turns_interactive_work_away_and_lets_bulk_wait() {
        let lanes = Lanes::<()>::new(1, SIZES);
        let room = lanes.room(Lane::Interactive).await.unwrap();
        assert_eq!(lanes.room(Lane::Interactive).await.err(), Some(Refusal::Overloaded));
        drop(room);
        assert!(lanes.room(Lane::Interactive).await.is_ok());

        let room = lanes.room(Lane::Bulk).await.unwrap();
        let mut next = Box::pin(lanes.room(Lane::Bulk));
        assert!(
            std::future::poll_fn(|context| {
                std::task::Poll::Ready(next.as_mut().poll(context).is_pending())
            })
            .await
        );
        drop(room);
        assert!(next.await.is_ok());
    }

    #[tokio::test]
    async fn closed_lanes_drop_what_waits_and_take_no_more() {
        let lanes = filled(2, 2);
        lanes.close();
        lanes.push(Lane::Bulk, (Lane::Bulk, 9));
        assert!(lanes.take().is_none());
        for lane in [Lane::Interactive, Lane::Bulk] {
            assert_eq!(lanes.room(lane).await.err(), Some(Refusal::Interrupted));
        }
    }
}
