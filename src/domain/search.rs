//! Searching: which conversations a text finds.
//!
//! Owns the definition: by which terms a conversation is found, how a text is read, and when one finds the other.
//! Must not know where terms are kept, nor who asks.

use std::collections::BTreeSet;

use switchboard_protocol::vocabulary::{CategoryPath, SearchText};
use unicode_normalization::UnicodeNormalization as _;

use super::customer::Details;
use super::identity::CustomerKey;

/// What a text is searched in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The customer's name.
    Name,
    /// The customer's telephone number.
    Phone,
    /// The customer's e-mail address.
    Email,
    /// What the customer is known by.
    UserKey,
    /// What the last consultations were about.
    Category,
}

/// Something that a conversation is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    /// Of which kind.
    pub kind: TermKind,
    /// Normal, and never empty.
    pub text: String,
}

/// The kinds of terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TermKind {
    /// A word of the name, or a part of one that may be the given name.
    Word,
    /// The digits of the telephone number.
    Digits,
    /// The same from the last to the first.
    DigitsBackwards,
    /// The e-mail address.
    Email,
    /// The key.
    UserKey,
    /// A level of a category.
    Category,
}

/// What a conversation is found by, as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Findable<'a> {
    /// Whose it is.
    pub customer: &'a CustomerKey,
    /// What is known of them.
    pub details: &'a Details,
    /// What its last consultations were about.
    pub categories: &'a [CategoryPath],
}

/// A text that is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    by: Option<Field>,
    whole: String,
    words: Vec<String>,
    /// Empty if it is no part of a telephone number.
    digits: String,
}

/// Why a text cannot be searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Too much begins with it.
    #[error("text: {chars} characters that count; a search needs {TEXT_CHARS_MIN}")]
    TooShort {
        /// How many it has.
        chars: usize,
    },
    /// Too many numbers begin or end with it.
    #[error("text: {digits} digits of a telephone number; a search for one needs {DIGITS_MIN}")]
    TooFewDigits {
        /// How many it has; none if there is something else in it.
        digits: usize,
    },
}

impl Findable<'_> {
    /// Its terms.
    #[must_use]
    pub fn terms(&self) -> BTreeSet<Term> {
        let Details { name, phone, email, gender: _ } = self.details;
        let words = name.iter().flat_map(|name| words(&normal(name.as_str())));
        let words = words.flat_map(|word| parts(&word)).map(|word| (TermKind::Word, word));
        let digits = phone.as_ref().map(|phone| digits(phone.as_str()));
        let backwards = digits.iter().map(|digits| (TermKind::DigitsBackwards, reversed(digits)));
        let digits = digits.iter().map(|digits| (TermKind::Digits, digits.clone()));
        let email = email.iter().map(|email| (TermKind::Email, normal(email.as_str())));
        let key = std::iter::once((TermKind::UserKey, normal(self.customer.user_key.as_str())));
        let levels = self.categories.iter().flat_map(CategoryPath::levels);
        let levels = levels.map(|level| (TermKind::Category, normal(level.as_str())));
        let all = words.chain(digits).chain(backwards).chain(email).chain(key).chain(levels);
        all.filter(|(_, text)| !text.is_empty()).map(|(kind, text)| Term { kind, text }).collect()
    }
}

impl Query {
    /// Reads a text that is searched for in one field, or in all.
    ///
    /// # Errors
    /// When it is too short for that.
    pub fn new(text: &SearchText, by: Option<Field>) -> Result<Self, QueryError> {
        let whole = normal(text.as_str());
        let is_of_phone = |c: char| c.is_ascii_digit() || c == ' ' || PHONE_SIGNS.contains(c);
        let digits = if whole.chars().all(is_of_phone) { digits(&whole) } else { String::new() };
        let chars = whole.chars().filter(|c| !c.is_whitespace()).count();
        match by {
            Some(Field::Phone) if digits.len() < DIGITS_MIN => {
                Err(QueryError::TooFewDigits { digits: digits.len() })
            }
            _ if chars < TEXT_CHARS_MIN => Err(QueryError::TooShort { chars }),
            Some(_) | None => Ok(Self { by, words: words(&whole), whole, digits }),
        }
    }

    /// The beginnings of terms: whatever it finds has a term that begins with one of them.
    #[must_use]
    pub fn beginnings(&self) -> Vec<Term> {
        let mut all = Vec::new();
        let mut add = |kind, text: &str| all.push(Term { kind, text: text.to_owned() });
        if self.is_in(Field::Name)
            && let Some(longest) = self.words.iter().max_by_key(|word| word.len())
        {
            add(TermKind::Word, longest);
        }
        if self.is_in(Field::Phone) && self.digits.len() >= DIGITS_MIN {
            add(TermKind::Digits, &self.digits);
            self.endings().for_each(|ending| add(TermKind::DigitsBackwards, &reversed(ending)));
        }
        let rest = [
            (Field::Email, TermKind::Email),
            (Field::UserKey, TermKind::UserKey),
            (Field::Category, TermKind::Category),
        ];
        rest.into_iter().filter(|(field, _)| self.is_in(*field)).for_each(|(_, kind)| add(kind, &self.whole));
        all
    }

    /// Whether it finds something.
    #[must_use]
    pub fn finds(&self, findable: &Findable<'_>) -> bool {
        let terms = findable.terms();
        let begins =
            |kind, text: &str| terms.iter().any(|term| term.kind == kind && term.text.starts_with(text));
        let by_name = || !self.words.is_empty() && self.words.iter().all(|word| begins(TermKind::Word, word));
        let by_phone = || {
            let mut endings = self.endings().map(reversed);
            let ends = endings.any(|ending| begins(TermKind::DigitsBackwards, &ending));
            self.digits.len() >= DIGITS_MIN && (begins(TermKind::Digits, &self.digits) || ends)
        };
        (self.is_in(Field::Name) && by_name())
            || (self.is_in(Field::Phone) && by_phone())
            || (self.is_in(Field::Email) && begins(TermKind::Email, &self.whole))
            || (self.is_in(Field::UserKey) && begins(TermKind::UserKey, &self.whole))
            || (self.is_in(Field::Category) && begins(TermKind::Category, &self.whole))
    }

    fn is_in(&self, field: Field) -> bool {
        self.by.is_none_or(|by| by == field)
    }

    /// What a number may end with: the digits, and without the 0 that is not dialled from abroad.
    fn endings(&self) -> impl Iterator<Item = &str> {
        let abroad = self.digits.strip_prefix('0').filter(|rest| rest.len() >= LOCAL_DIGITS_MIN);
        std::iter::once(self.digits.as_str()).chain(abroad)
    }
}

/// The same for all ways to write a text: in small letters, of one form of each character, without blanks at the
/// ends and with single ones between.
fn normal(text: &str) -> String {
    let small = text.nfkc().filter(|c| !c.is_control()).flat_map(char::to_lowercase);
    let small: String = small.nfkc().collect();
    small.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn words(normal: &str) -> Vec<String> {
    let between = |c: char| c.is_whitespace() || c.is_ascii_punctuation() || c == '·';
    normal.split(between).filter(|word| !word.is_empty()).take(WORDS_MAX).map(str::to_owned).collect()
}

/// A word of a name, and if family and given name are written together, what may be the given name: family names
/// have one character, or two in longer names.
fn parts(word: &str) -> Vec<String> {
    let chars: Vec<char> = word.chars().collect();
    let together = chars.len() <= TOGETHER_CHARS_MAX && chars.iter().all(|c| writes_names_together(*c));
    let longest = if together { chars.len().saturating_sub(TEXT_CHARS_MIN).min(2) } else { 0 };
    (0..=longest).map(|family| chars[family..].iter().collect()).collect()
}

/// Hangul syllables and Han characters.
const fn writes_names_together(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn reversed(text: &str) -> String {
    text.chars().rev().collect()
}

/// The fewest characters that are searched for, blanks left out.
pub const TEXT_CHARS_MIN: usize = 2;

/// The fewest digits of a telephone number that are searched for.
pub const DIGITS_MIN: usize = 4;

/// The fewest digits behind a leading 0 that make it one that may not be dialled.
const LOCAL_DIGITS_MIN: usize = 8;

/// So many words of a name, or of a text, count.
const WORDS_MAX: usize = 32;

/// A longer word is not a name whose parts are written together.
const TOGETHER_CHARS_MAX: usize = 6;

/// What may stand in a telephone number besides digits and blanks.
const PHONE_SIGNS: &str = "+-().,/#*";

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_protocol::vocabulary::{
        CategoryName, CustomerName, EmailAddress, Phone, Platform, ProfileId, UserKey,
    };

    /// Whether a text finds a conversation in a field, or in all.
    fn finds(text: &str, by: Option<Field>, of: &Owned) -> bool {
        let query = Query::new(&SearchText::new(text).unwrap(), by).unwrap();
        let findable = of.findable();
        let found = query.finds(&findable);
        let terms = findable.terms();
        let is_candidate = query.beginnings().iter().any(|beginning| {
            terms.iter().any(|term| term.kind == beginning.kind && term.text.starts_with(&beginning.text))
        });
        assert!(is_candidate || !found, "{text:?} is found by no beginning of a term");
        found
    }

    struct Owned(CustomerKey, Details, Vec<CategoryPath>);

    impl Owned {
        fn findable(&self) -> Findable<'_> {
            Findable { customer: &self.0, details: &self.1, categories: &self.2 }
        }
    }

    fn somebody() -> Owned {
        let customer = CustomerKey {
            profile: ProfileId::from_bytes([1; 16]),
            platform: Platform::new("web").unwrap(),
            user_key: UserKey::new("Carla_77").unwrap(),
        };
        Owned(customer, Details::default(), Vec::new())
    }

    fn named(name: &str) -> Owned {
        let name = CustomerName::new(name).ok();
        Owned(somebody().0, Details { name, ..Details::default() }, Vec::new())
    }

    fn with_phone(phone: &str) -> Owned {
        let phone = Phone::new(phone).ok();
        Owned(somebody().0, Details { phone, ..Details::default() }, Vec::new())
    }

    #[test]
    fn a_name_is_found_by_the_beginnings_of_its_words_in_any_order() {
        let ada = named("Ada  LOVELACE-King");
        for text in ["ada", "AD", "lovel", "king a", "Ａda", "love ada ki"] {
            assert!(finds(text, Some(Field::Name), &ada), "{text:?}");
        }
        for text in ["da", "ada l x", "lovelacek", "77"] {
            assert!(!finds(text, None, &ada), "{text:?}");
        }
        assert!(!finds("ada", Some(Field::UserKey), &ada));
        assert!(!finds("··", None, &ada), "nothing is a word of it");
    }

    #[test]
    fn a_name_without_blanks_is_found_by_what_may_be_its_given_name() {
        for (name, text) in [
            ("김철수", "철수"),
            ("김철수", "김철"),
            ("남궁민수", "민수"),
            ("황보관", "보관"),
            ("王小明", "小明"),
        ] {
            assert!(finds(text, Some(Field::Name), &named(name)), "{text} in {name}");
        }
        // Jamo as some systems write them.
        assert!(finds("\u{110e}\u{1165}\u{11af}수", None, &named("김철수")));
        for (name, text) in [("김철수", "수김"), ("이것은이름이아니다", "이름"), ("Adamant", "mant")]
        {
            assert!(!finds(text, None, &named(name)), "{text} in {name}");
        }
    }

    #[test]
    fn a_number_is_found_by_its_beginning_and_its_end_however_it_is_written() {
        let mobile = with_phone("+82 10-1234-5678");
        for text in ["8210", "+82 10 12", "5678", "34-5678", "010-1234-5678", "0101234 5678"] {
            assert!(finds(text, Some(Field::Phone), &mobile), "{text}");
        }
        for text in ["1234", "010-1234", "05678", "carla 5678"] {
            assert!(!finds(text, None, &mobile), "{text}");
        }
        let error = |text| Query::new(&SearchText::new(text).unwrap(), Some(Field::Phone)).unwrap_err();
        assert_eq!(error("567"), QueryError::TooFewDigits { digits: 3 });
        assert_eq!(error("x5678"), QueryError::TooFewDigits { digits: 0 });
        assert!(!finds("567", None, &mobile), "elsewhere it is a text like any other");
    }

    #[test]
    fn addresses_keys_and_categories_are_found_by_their_beginnings() {
        let Owned(customer, mut details, _) = somebody();
        details.email = EmailAddress::new("Ada.L@Mail.example").ok();
        let levels = ["Bank", "Lost  Cards"].map(|level| CategoryName::new(level).unwrap());
        let all = Owned(customer, details, vec![CategoryPath::new(levels.to_vec()).unwrap()]);
        for (text, by) in [
            ("ada.l", Field::Email),
            ("ADA.L@MAIL.EXAMPLE", Field::Email),
            ("carla_", Field::UserKey),
            ("ba", Field::Category),
            ("lost ca", Field::Category),
        ] {
            assert!(finds(text, Some(by), &all) && finds(text, None, &all), "{text}");
        }
        for (text, by) in [("mail", Field::Email), ("77", Field::UserKey), ("cards", Field::Category)] {
            assert!(!finds(text, Some(by), &all) && !finds(text, None, &all), "{text}");
        }
    }

    #[test]
    fn what_is_too_short_says_what_is_needed() {
        let error = |text| Query::new(&SearchText::new(text).unwrap(), None).unwrap_err().to_string();
        for text in ["a", " a ", "김"] {
            assert_eq!(error(text), "text: 1 characters that count; a search needs 2");
        }
        assert!(Query::new(&SearchText::new("김 철").unwrap(), None).is_ok());
    }
}
