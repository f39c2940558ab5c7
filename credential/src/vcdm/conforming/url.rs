//! URLs, as far as their form goes.

/// Whether a text is one absolute URL: a scheme and something after it, of characters that URLs
/// have. Letters beyond ASCII may stand unescaped, as in IRIs.
pub(crate) fn is_absolute_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    let scheme_is_plain = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let has_authority = match rest.strip_prefix("//") {
        Some(rest) => scheme == "file" || !rest.is_empty() && !rest.starts_with(['/', '?', '#']),
        None => true,
    };
    scheme_is_plain
        && has_authority
        && !rest.is_empty()
        && rest.matches('#').count() <= 1
        && rest.chars().all(is_url_character)
        && escapes_are_whole(rest)
}

fn is_url_character(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(character)
    } else {
        !character.is_control() && !character.is_whitespace()
    }
}

fn escapes_are_whole(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| {
        let mut digits = part.bytes();
        (0..2).all(|_| digits.next().is_some_and(|byte| byte.is_ascii_hexdigit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tells_urls_from_other_texts() {
        for url in [
            "did:example:subject",
            "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
            "https://board.example/status/1#7",
            "https://board.example:8443/a%20b?q=[1]",
            "https://b\u{e9}b\u{e9}.example/",
            "data:application/vc+jwt,eyJ.e.s",
            "mailto:a@b.example",
        ] {
            assert!(is_absolute_url(url), "{url}");
        }
        for other in [
            "",
            "subject",
            "//not-a-url/1",
            "https ://not-a-url/1",
            "https:",
            "https://",
            "https:///path",
            "1http://a.example",
            "https://a.example/with space",
            "https://a.example/%zz",
            "https://a.example/%\u{e9}",
            "https://a.example/#a#b",
            "_:b0",
            "did:example:<x>",
        ] {
            assert!(!is_absolute_url(other), "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_url_or_not(text in ".*") {
            let _ = is_absolute_url(&text);
        }
    }
}
