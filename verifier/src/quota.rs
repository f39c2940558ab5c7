//! Quotas against threshold search: a bound that may be asked for freely is found by halving.

/// How many different values one question may be asked with. Questions are one if they differ in
/// bounds and compared values only, whether those are parameters or stand in the policy. The same
/// values again are not counted again.
///
/// A nullifier belongs to one scope, so that who asks under another scope meets another holder:
/// what bounds a search across scopes is the number of values that are asked at all.
///
/// Questions are policies, which proofs answer with yes or no. A credential that is asked for as it
/// is (`ldp_vc`) makes none: it is shown whole, and any claim whose values could be tried is had by
/// asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Different values to which one holder may answer yes in a scope and window.
    pub values_per_holder: u32,
    /// Different values with which a question may be asked at all in a window.
    pub values_per_question: u32,
    /// For how long a value counts, seconds.
    pub window_s: u64,
}

impl Default for Quota {
    /// 5 values of a holder and 64 of a question in a day: enough for each state, too few to find
    /// a day among years.
    fn default() -> Self {
        Self { values_per_holder: 5, values_per_question: 64, window_s: 86_400 }
    }
}

impl Quota {
    /// From when on values count.
    pub(crate) fn since(&self, now: u64) -> u64 {
        now.saturating_sub(self.window_s)
    }
}
