//! Base 58 in the alphabet of Bitcoin, as multibase `z` uses it.

const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

#[cfg(any(test, feature = "w3c"))]
pub(crate) fn to_base58(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let digits = change_base(bytes, 256, 58);
    let ones = std::iter::repeat_n(b'1', zeros);
    ones.chain(digits.into_iter().map(|digit| BASE58[usize::from(digit)])).map(char::from).collect()
}

pub(crate) fn from_base58(text: &str) -> Option<Vec<u8>> {
    const LONGEST: usize = 128;
    let digit = |byte: u8| BASE58.iter().position(|known| *known == byte);
    let digits: Option<Vec<u8>> =
        text.bytes().map(|byte| u8::try_from(digit(byte)?).ok()).collect();
    let digits = digits.filter(|digits| digits.len() <= LONGEST)?;
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    let mut bytes = vec![0; zeros];
    bytes.extend(change_base(&digits, 58, 256));
    Some(bytes)
}

/// The digits of a number in another base, most significant first, without leading zeros.
fn change_base(digits: &[u8], from: u32, to: u32) -> Vec<u8> {
    let mut result: Vec<u8> = Vec::new();
    for digit in digits {
        let mut carry = u32::from(*digit);
        for place in &mut result {
            carry += u32::from(*place) * from;
            *place = (carry % to) as u8;
            carry /= to;
        }
        while carry > 0 {
            result.push((carry % to) as u8);
            carry /= to;
        }
    }
    result.reverse();
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base_58_has_the_published_form() {
        assert_eq!(to_base58(b"Hello World!"), "2NEpo7TZRRrLZSi2U");
        assert_eq!(from_base58("2NEpo7TZRRrLZSi2U").unwrap(), b"Hello World!");
        assert_eq!(from_base58("0"), None);
    }

    proptest! {
        #[test]
        fn base_58_round_trips(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(from_base58(&to_base58(&bytes)), Some(bytes));
        }
    }
}
