//! The documents name tests; these exist, and each property of the statement has its paragraphs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document(name: &str) -> String {
    std::fs::read_to_string(workspace().join("docs").join(name)).unwrap()
}

/// Names of tests: words in backticks of lower-case letters, digits and at least three underscores.
fn names_in(text: &str) -> BTreeSet<&str> {
    let is_name = |word: &&str| {
        word.matches('_').count() >= 3
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split('`').skip(1).step_by(2).filter(is_name).collect()
}

/// The functions of a source file that bear a test attribute.
fn tests_in(source: &str, found: &mut BTreeSet<String>) {
    let mut is_test = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
        } else if let Some(start) = line.find("fn ") {
            let name = line[start + 3..].split(['(', '<']).next().unwrap_or_default();
            if is_test {
                found.insert(name.to_owned());
            }
            is_test = false;
        }
    }
}

fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                tests_below(&path, found);
            }
        } else if name.ends_with(".rs") {
            tests_in(&std::fs::read_to_string(&path).unwrap(), found);
        }
    }
}

#[test]
fn the_documents_name_tests_that_exist() {
    let mut found = BTreeSet::new();
    tests_below(&workspace(), &mut found);
    for name in ["statement.md", "threat-model.md"] {
        let text = document(name);
        let missing: Vec<_> =
            names_in(&text).into_iter().filter(|name| !found.contains(*name)).collect();
        assert!(missing.is_empty(), "{name} names tests that do not exist: {missing:#?}");
    }
}

#[test]
fn every_property_of_the_statement_has_its_paragraphs_and_a_test() {
    let text = document("statement.md");
    let properties = text.split("\n## ").find(|section| section.starts_with("3. ")).unwrap();
    let mut count = 0;
    for property in properties.split("\n### ").skip(1) {
        let title = property.lines().next().unwrap();
        for paragraph in ["\n*Invariant.* ", "\n*Justification.* ", "\n*Constraints.* "] {
            assert!(property.contains(paragraph), "{title}: {paragraph}");
        }
        let tests = property.split("\n*Tests.* ").nth(1).unwrap_or_default();
        assert!(!names_in(tests).is_empty(), "{title} names no test");
        count += 1;
    }
    assert_eq!(count, 9, "a property was added or lost");
}

#[test]
fn names_and_tests_are_told_from_other_words() {
    let names = names_in("`a_test_of_it` and `registry_root`, `Type::a_b_c_d`, a_b_c_d, `x_y_z_1`");
    assert_eq!(names, BTreeSet::from(["a_test_of_it", "x_y_z_1"]));
    let mut found = BTreeSet::new();
    tests_in("#[test]\nfn one() {}\nfn two() {}\n#[tokio::test]\nasync fn three() {}", &mut found);
    assert_eq!(found, ["one", "three"].map(str::to_owned).into());
}
