use super::*;
use proptest::prelude::*;

#[test]
fn days_count_from_1900() {
    let day: Day = "1970-01-01".parse().unwrap();
    assert_eq!(day.number(), 25_567);
    assert_eq!(day.start(), 0);
    assert_eq!("1900-01-02".parse::<Day>().unwrap().number(), 1);
    for wrong in ["1900-01-01", "2023-02-29", "2023-2-1", "1899-12-31", "2400-01-01", "2024"] {
        assert!(wrong.parse::<Day>().is_err(), "{wrong}");
    }
}

#[test]
fn months_are_calendar_months() {
    let day: Day = "2024-03-31".parse().unwrap();
    assert_eq!(day.plus_months(-1).unwrap().to_string(), "2024-02-29");
    assert_eq!(day.plus_months(-36).unwrap().to_string(), "2021-03-31");
    assert_eq!(day.plus_days(-31).unwrap().to_string(), "2024-02-29");
}

#[test]
fn accepts_the_npis_that_check_and_refuses_the_others() {
    for valid in ["1234567893", "1003310905", "1003357849"] {
        assert_eq!(valid.parse::<Npi>().unwrap().to_string(), valid);
    }
    let wrong = [
        "9941339100",
        "8189991234",
        "0608337260",
        "345678931",
        "NPI3233",
        "1234567890",
        "１234567893",
    ];
    for wrong in wrong {
        assert!(wrong.parse::<Npi>().is_err(), "{wrong}");
    }
}

#[test]
fn dea_numbers_carry_a_check_digit() {
    assert_eq!(check_dea_number("AB1234563"), Ok(()));
    assert_eq!(check_dea_number("F91234563"), Ok(()));
    for wrong in ["AB1234564", "A11234563", "AB123456", "ÄB123456", "ab1234563"] {
        assert!(check_dea_number(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_taxonomy_prefix_stands_for_its_whole_group() {
    let code = |text: &str| text.parse::<TaxonomyCode>().unwrap();
    assert_eq!(code("207R00000X").prefix(), code("207RC0000X").prefix());
    assert_ne!(code("207R00000X").suffix(), code("207RC0000X").suffix());
    assert_eq!(code("207R00000X").suffix(), 1);
    assert!("207RC0000Y".parse::<TaxonomyCode>().is_err());
    assert!("207rc0000X".parse::<TaxonomyCode>().is_err());
    // Ten bytes, of which a character spans the end of the prefix.
    assert!("070\u{bd6c}R00X".parse::<TaxonomyCode>().is_err());
}

#[test]
fn studies_of_all_registries_round_trip() {
    for text in ["NCT09000016", "ISRCTN12345678", "DRKS00012345", "CTIS2023-503698"] {
        let study: StudyId = text.parse().unwrap();
        assert_eq!(study.to_string(), text);
        assert_eq!(StudyId::from_packed(study.packed()), Ok(study));
    }
    for wrong in ["NCT1234567", "NCT123456789", "XYZ12345678", "CTIS1999-503698"] {
        assert!(wrong.parse::<StudyId>().is_err(), "{wrong}");
    }
}

#[test]
fn texts_that_people_read_as_equal_have_one_normal_form() {
    let normal = |text: &str| text.parse::<Text>().unwrap().normal_form();
    assert_eq!(normal("  Jose\u{301}  Maria "), normal("JOSÉ MARIA"));
    assert_ne!(normal("A-1"), normal("A1"));
}

#[test]
fn debug_shows_no_attribute() {
    let npi: Npi = "1234567893".parse().unwrap();
    let name: Text = "Alma Reyes".parse().unwrap();
    assert!(!format!("{npi:?}{name:?}").contains(['1', 'R']));
}

proptest! {
    #[test]
    fn every_day_round_trips(number in 1u32..=Day::MAX) {
        let day = Day::from_number(number).unwrap();
        prop_assert_eq!(day.to_string().parse::<Day>(), Ok(day));
    }

    #[test]
    fn every_version_and_language_round_trips(number in 1u16.., letters in "[a-z]{2}") {
        let version = Version::from_number(number);
        prop_assert_eq!(version.to_string().parse::<Version>(), Ok(version));
        let language: Language = letters.parse().unwrap();
        prop_assert_eq!(Language::from_number(language.number()), Ok(language));
    }

    #[test]
    fn arbitrary_text_never_panics(text in ".*") {
        let _ = text.parse::<Day>();
        let _ = text.parse::<Npi>();
        let _ = text.parse::<StudyId>();
        let _ = text.parse::<TaxonomyCode>();
        let _ = text.parse::<Version>();
        let _ = text.parse::<MondoId>();
        let _ = text.parse::<Language>();
        let _ = text.parse::<Sha256Digest>();
        let _ = text.parse::<Text>();
        let _ = check_dea_number(&text);
    }

    #[test]
    fn base_36_round_trips(number in 0u32..36u32.pow(5)) {
        prop_assert_eq!(base36(&to_base36(number, 5)), Some(number));
    }
}
