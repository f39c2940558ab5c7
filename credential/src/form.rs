//! `application/x-www-form-urlencoded`, of requests and of links.

/// Fields of a form, at most.
const MOST_FIELDS: usize = 64;

/// The form with these fields.
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    let encoded = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    encoded.collect::<Vec<_>>().join("&")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// The fields of a form, in their order; none if it is no form, has a name twice or has more than
/// 64 fields.
pub(crate) fn decode(text: &str) -> Option<Vec<(String, String)>> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for field in text.split('&').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let (name, value) = (unescape(name)?, unescape(value)?);
        if fields.len() == MOST_FIELDS || fields.iter().any(|(known, _)| *known == name) {
            return None;
        }
        fields.push((name, value));
    }
    Some(fields)
}

fn unescape(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (digits, after) = rest.split_at_checked(2)?;
                let mut byte = [0];
                hex::decode_to_slice(digits, &mut byte).ok()?;
                bytes.push(byte[0]);
                rest = after;
            }
            other => bytes.push(*other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let fields = decode("a=1+2&b=%C3%A9%2b&c&").unwrap();
        let pairs: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("a", "1 2"), ("b", "é+"), ("c", "")]);
        assert_eq!(encode(&[("a b", "1&2"), ("c", "é")]), "a%20b=1%262&c=%C3%A9");
        for wrong in ["a=%", "a=%4", "a=%zz", "a=%ff", "a=1&a=2", "a=1&%61=2"] {
            assert_eq!(decode(wrong), None, "{wrong}");
        }
        let many = |count: usize| (0..count).map(|i| format!("{i}&")).collect::<String>();
        assert_eq!(decode(&many(MOST_FIELDS)).unwrap().len(), MOST_FIELDS);
        assert_eq!(decode(&many(MOST_FIELDS + 1)), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(name in ".+", value in ".*") {
            prop_assert_eq!(decode(&encode(&[(&name, &value)])), Some(vec![(name, value)]));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = decode(&text);
        }
    }
}
