//! Counts of a study, and what of them may be published.

use serde_json::{Value, json};

/// Cells below this are not published, unless they are zero.
pub const SUPPRESSED_BELOW: u64 = 11;

/// The participants of a study in one epoch, counted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cohort {
    /// The epoch.
    pub epoch: u64,
    /// Who proved the policy as it is and has not withdrawn.
    pub eligible: u64,
    /// Who withdrew.
    pub withdrawn: u64,
    /// Who proved an earlier policy and has not withdrawn.
    pub must_re_prove: u64,
}

/// A count as it may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// So many.
    Count(u64),
    /// One to ten.
    Few,
    /// Not told, because another cell could be computed from it.
    Withheld,
}

impl Cell {
    fn of(count: u64) -> Self {
        if (1..SUPPRESSED_BELOW).contains(&count) { Self::Few } else { Self::Count(count) }
    }

    fn written(self) -> Value {
        match self {
            Self::Count(count) => count.into(),
            Self::Few => "<11".into(),
            Self::Withheld => Value::Null,
        }
    }
}

impl std::fmt::Debug for Cohort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cohort").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

impl Cohort {
    /// All of them.
    pub(super) fn total(&self) -> u64 {
        self.eligible + self.withdrawn + self.must_re_prove
    }

    /// Eligible, withdrawn, to prove again, and all together, as they may be published. Where a
    /// cell is suppressed the total is withheld: without it, nothing that is told of the others
    /// narrows a suppressed cell beyond one to ten.
    pub fn cells(&self) -> [Cell; 4] {
        let parts = [self.eligible, self.withdrawn, self.must_re_prove];
        let [eligible, withdrawn, must_re_prove] = parts.map(Cell::of);
        let is_suppressed = [eligible, withdrawn, must_re_prove].contains(&Cell::Few);
        let total = if is_suppressed { Cell::Withheld } else { Cell::Count(self.total()) };
        [eligible, withdrawn, must_re_prove, total]
    }

    /// The counts as they may be published: `"<11"` stands for one to ten, and `null` for a total
    /// from which such a cell could be computed.
    pub fn published(&self) -> Value {
        let [eligible, withdrawn, must_re_prove, total] = self.cells().map(Cell::written);
        json!({
            "epoch": self.epoch,
            "eligible": eligible,
            "withdrawn": withdrawn,
            "must_re_prove": must_re_prove,
            "total": total,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cohort(eligible: u64, withdrawn: u64, must_re_prove: u64) -> Cohort {
        Cohort { epoch: 0, eligible, withdrawn, must_re_prove }
    }

    #[test]
    fn one_to_ten_are_few_and_nothing_and_eleven_are_counted() {
        assert_eq!(Cell::of(0), Cell::Count(0));
        assert_eq!(Cell::of(1), Cell::Few);
        assert_eq!(Cell::of(10), Cell::Few);
        assert_eq!(Cell::of(11), Cell::Count(11));
        assert_eq!(
            cohort(40, 3, 0).published(),
            json!({"epoch": 0, "eligible": 40, "withdrawn": "<11", "must_re_prove": 0, "total": null})
        );
        assert_eq!(cohort(40, 0, 11).published()["total"], 51);
    }

    #[test]
    fn no_suppressed_cell_can_be_computed_from_what_is_published() {
        let all =
            || (0..=13).flat_map(|e| (0..=13).flat_map(move |w| (0..=13).map(move |m| (e, w, m))));
        for (eligible, withdrawn, must_re_prove) in all() {
            let published = cohort(eligible, withdrawn, must_re_prove).cells();
            let consistent: Vec<_> =
                all().filter(|(e, w, m)| cohort(*e, *w, *m).cells() == published).collect();
            for (position, cell) in published.iter().take(3).enumerate() {
                if *cell == Cell::Few {
                    for count in 1..SUPPRESSED_BELOW {
                        let mut possible =
                            consistent.iter().map(|(e, w, m)| [*e, *w, *m][position]);
                        assert!(possible.any(|found| found == count));
                    }
                }
            }
        }
    }
}
