//! The shapes of what is known of a person: names, telephone numbers, e-mail addresses.
//!
//! Owns how little of them is sure: what might be somebody's is taken. Must not know lengths or control
//! characters, which are checked as for any text.

/// A name is any text that can be seen.
pub(super) fn name(text: &str) -> Option<&'static str> {
    let is_seen = text.chars().any(|c| !c.is_whitespace());
    (!is_seen).then_some("more than blanks")
}

/// A telephone number has a few digits and what people write between them.
pub(super) fn phone(text: &str) -> Option<&'static str> {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    let is_between = |c: char| c.is_ascii_digit() || c == ' ' || "+-().,/#*".contains(c);
    let is_one = digits >= PHONE_DIGITS_MIN && text.chars().all(is_between);
    (!is_one).then_some("a telephone number: three digits or more, with blanks and + - ( ) . , / # * between")
}

/// An address has something on both sides of its last `@`, and no blanks.
pub(super) fn email(text: &str) -> Option<&'static str> {
    let sides = text.rsplit_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty());
    let is_one = sides && !text.contains(char::is_whitespace);
    (!is_one).then_some("an e-mail address: a name, an @ and a host, without blanks")
}

/// The shortest numbers are those of emergencies.
const PHONE_DIGITS_MIN: usize = 3;

#[cfg(test)]
mod tests {
    use crate::vocabulary::{CustomerName, EmailAddress, Phone};

    #[test]
    fn what_might_be_somebodys_is_taken() {
        for name in ["김철수", "O'Brien, Ada", " padded ", "🙂", &"가".repeat(60)] {
            assert_eq!(CustomerName::new(name).unwrap().as_str(), name);
        }
        for phone in ["112", "010-1234-5678", "+82 (0)2 123.4567,89", "*31#0101234567"] {
            assert_eq!(Phone::new(phone).unwrap().as_str(), phone);
        }
        for email in ["a@b", "ada+shop@mail.example", "아다@메일.한국", "\"a@b\"@host"] {
            assert_eq!(EmailAddress::new(email).unwrap().as_str(), email);
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_field_value_and_rule() {
        let refused = |error: crate::vocabulary::TextError| error.to_string();
        for (found, field, rule) in [
            (
                CustomerName::new("  ").map_err(refused).err(),
                "name: \"  \" (2 characters)",
                "more than blanks",
            ),
            (CustomerName::new("x".repeat(61)).map_err(refused).err(), "name: ", "at most 60 characters"),
            (CustomerName::new("").map_err(refused).err(), "name: ", "must not be empty"),
            (Phone::new("12").map_err(refused).err(), "phone: \"12\"", "three digits or more"),
            (Phone::new("call me 123").map_err(refused).err(), "phone: \"call me 123\"", "telephone number"),
            (Phone::new("１２３").map_err(refused).err(), "phone: ", "telephone number"),
            (EmailAddress::new("ada").map_err(refused).err(), "email: \"ada\"", "e-mail address"),
            (EmailAddress::new("a b@c").map_err(refused).err(), "email: \"a b@c\"", "without blanks"),
            (EmailAddress::new("@c").map_err(refused).err(), "email: \"@c\"", "e-mail address"),
            (EmailAddress::new("a@").map_err(refused).err(), "email: \"a@\"", "e-mail address"),
        ] {
            let found = found.unwrap_or_else(|| panic!("{field} was taken"));
            assert!(found.starts_with(field) && found.contains(rule), "{found}");
        }
    }
}
