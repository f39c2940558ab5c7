//! Whole-system flows: see the `tests` folder. Tests of the binary are built with `attestry-cli`.
