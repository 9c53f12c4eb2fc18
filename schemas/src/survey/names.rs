//! Object names of a prefix, a number and letters ("ZTF17aaaedmd", "WNTR24awatr") as integers and back.
//!
//! The integer keeps the order of the names and is dense, so that it packs and compares as the name would.

/// The form of a survey's object names: `prefix`, `digits` digits, `letters` lower-case letters.
#[derive(Clone, Copy, Debug)]
pub(super) struct NameForm {
    /// What every name begins with.
    pub prefix: &'static str,
    /// How many digits follow.
    pub digits: u32,
    /// How many letters end it. 10^digits · 26^letters must fit into 64 bits.
    pub letters: u32,
}

impl NameForm {
    /// The number of a name; `None` unless it has exactly this form.
    pub fn encode(self, name: &str) -> Option<u64> {
        let rest = name.strip_prefix(self.prefix)?.as_bytes();
        if rest.len() != (self.digits + self.letters) as usize {
            return None;
        }
        let (digits, letters) = rest.split_at(self.digits as usize);
        let number = digits.iter().try_fold(0, |number, byte| Some(10 * number + place(*byte, b'0', 10)?))?;
        letters.iter().try_fold(number, |number, byte| Some(26 * number + place(*byte, b'a', 26)?))
    }

    /// The name of a number, as long as the number is that of a name.
    pub fn decode(self, number: u64) -> Option<String> {
        let of_letters = 26u64.pow(self.letters);
        if number / of_letters >= 10u64.pow(self.digits) {
            return None;
        }
        let letter = |place: u32| char::from(b'a' + (number / 26u64.pow(place) % 26) as u8);
        let letters: String = (0..self.letters).rev().map(letter).collect();
        Some(format!("{}{:0width$}{letters}", self.prefix, number / of_letters, width = self.digits as usize))
    }
}

fn place(byte: u8, first: u8, count: u8) -> Option<u64> {
    let place = byte.checked_sub(first)?;
    (place < count).then_some(u64::from(place))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ZTF: NameForm = NameForm { prefix: "ZTF", digits: 2, letters: 7 };

    #[test]
    fn first_and_last() {
        assert_eq!(ZTF.encode("ZTF00aaaaaaa"), Some(0));
        assert_eq!(ZTF.encode("ZTF00aaaaaab"), Some(1));
        assert_eq!(ZTF.encode("ZTF01aaaaaaa"), Some(26u64.pow(7)));
        assert_eq!(ZTF.encode("ZTF99zzzzzzz"), Some(100 * 26u64.pow(7) - 1));
        assert_eq!(ZTF.decode(100 * 26u64.pow(7)), None);
        assert_eq!(ZTF.decode(u64::MAX), None);
    }

    #[test]
    fn other_forms_are_refused() {
        for name in [
            "",
            "ZTF",
            "ZTF17aaaedm",
            "ZTF17aaaedmdd",
            "ztf17aaaedmd",
            "ZTF17AAAEDMD",
            "ZTF1 aaaedmd",
            "ZTF17aaa\u{e9}dm",
        ] {
            assert_eq!(ZTF.encode(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn names_come_back_in_their_order(one in "ZTF[0-9]{2}[a-z]{7}", other in "ZTF[0-9]{2}[a-z]{7}") {
            let (first, second) = (ZTF.encode(&one).unwrap(), ZTF.encode(&other).unwrap());
            prop_assert_eq!(ZTF.decode(first), Some(one.clone()));
            prop_assert_eq!(first.cmp(&second), one.cmp(&other));
        }

        #[test]
        fn numbers_come_back(number in 0..100 * 26u64.pow(7)) {
            prop_assert_eq!(ZTF.encode(&ZTF.decode(number).unwrap()), Some(number));
        }

        #[test]
        fn any_text_is_refused_or_comes_back(text in ".{0,16}") {
            if let Some(number) = ZTF.encode(&text) {
                prop_assert_eq!(ZTF.decode(number), Some(text));
            }
        }
    }
}
