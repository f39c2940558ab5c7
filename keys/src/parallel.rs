//! The few shapes of parallel work used here, run in order without feature `parallel`.

#[cfg(feature = "parallel")]
use rayon::prelude::*;

/// Results of `task(0)`, …, `task(count − 1)`, in that order.
pub(crate) fn map_indices<T: Send>(
    count: usize,
    task: impl Fn(usize) -> T + Sync + Send,
) -> Vec<T> {
    #[cfg(feature = "parallel")]
    return (0..count).into_par_iter().map(task).collect();
    #[cfg(not(feature = "parallel"))]
    (0..count).map(task).collect()
}

/// Calls `task(i, chunk)` on consecutive chunks of `size` items; the last may be shorter.
pub(crate) fn map_chunks_mut<T: Send>(
    items: &mut [T],
    size: usize,
    task: impl Fn(usize, &mut [T]) + Sync + Send,
) {
    #[cfg(feature = "parallel")]
    items.par_chunks_mut(size.max(1)).enumerate().for_each(|(i, chunk)| task(i, chunk));
    #[cfg(not(feature = "parallel"))]
    items.chunks_mut(size.max(1)).enumerate().for_each(|(i, chunk)| task(i, chunk));
}

/// Both results, computed at the same time where there are threads.
pub(crate) fn join<A: Send, B: Send>(
    left: impl FnOnce() -> A + Send,
    right: impl FnOnce() -> B + Send,
) -> (A, B) {
    #[cfg(feature = "parallel")]
    return rayon::join(left, right);
    #[cfg(not(feature = "parallel"))]
    (left(), right())
}
