//! What is known of the customer, and who was found, at the keyboard.
//!
//! Owns how details are written down in a line and read out of one, and how a search is. Must not know where they
//! are kept.

use switchboard_client::vocabulary::{CustomerName, EmailAddress, Phone, SearchText};
use switchboard_client::wire::{CustomerDetails, CustomerField, Gender, SearchBy};
use switchboard_client::{Customer, FoundPage};

/// What a line wants written down: `name=Kim Chul-su phone=010-1234-5678`. A field without a value is cleared.
pub(super) fn edits(line: &str) -> Result<(CustomerDetails, Vec<CustomerField>), String> {
    let (mut details, mut clear) = (CustomerDetails::default(), Vec::new());
    for (field, value) in fields(line)? {
        let value = value.trim();
        match field {
            _ if value.is_empty() => clear.push(field),
            CustomerField::Name => details.name = Some(CustomerName::new(value).map_err(told)?),
            CustomerField::Phone => details.phone = Some(Phone::new(value).map_err(told)?),
            CustomerField::Email => details.email = Some(EmailAddress::new(value).map_err(told)?),
            CustomerField::Gender => details.gender = Some(gender(value)?),
            CustomerField::Unknown => {}
        }
    }
    Ok((details, clear))
}

/// What a line looks for, and in which field: `phone 0101234`. Without a field in front, or with `any`, it is looked
/// for in all of them.
pub(super) fn wanted(line: &str) -> Result<(SearchText, Option<SearchBy>), String> {
    let line = line.trim();
    // A field alone is itself what is looked for.
    let named = line.split_once(char::is_whitespace);
    let named = named.and_then(|(word, text)| Some((text.trim_start(), searched_by(word)?)));
    let (text, by) = named.unwrap_or((line, None));
    Ok((SearchText::new(text).map_err(told)?, by))
}

/// Who the customer is, as lines for people.
pub(super) fn customer_lines(customer: &Customer) -> String {
    let (platform, key) = (customer.platform.as_str(), customer.user_key.as_str());
    let known = details_words(&customer.details);
    format!(
        "— {key} from {platform}\n      {}",
        if known.is_empty() { "nothing is known of them" } else { &known }
    )
}

/// What was written down, as words of an event's line.
pub(super) fn described_words(details: &CustomerDetails, cleared: &[CustomerField]) -> String {
    let cleared = cleared.iter().map(|field| format!("no {}", word(*field)));
    let set = Some(details_words(details)).filter(|words| !words.is_empty());
    set.into_iter().chain(cleared).collect::<Vec<_>>().join(", ")
}

/// What is said after the rows of a search.
pub(super) fn found_words(page: &FoundPage) -> &'static str {
    match (page.rows.is_empty(), page.next.is_some(), page.more) {
        (true, _, _) => "— nobody was found",
        (false, _, true) => "— there may be more; a longer text finds them",
        (false, true, false) => "— these are the newest; there are more",
        (false, false, false) => "— /open f1 opens the first of them",
    }
}

fn details_words(details: &CustomerDetails) -> String {
    let CustomerDetails { name, phone, email, gender } = details;
    let parts = [
        name.as_ref().map(|name| format!("name {}", name.as_str())),
        phone.as_ref().map(|phone| format!("phone {}", phone.as_str())),
        email.as_ref().map(|email| format!("email {}", email.as_str())),
        gender.map(|gender| format!("gender {}", gender_word(gender))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Each field of a line with its value, which goes on to the next field.
fn fields(line: &str) -> Result<Vec<(CustomerField, String)>, String> {
    let mut found: Vec<(CustomerField, String)> = Vec::new();
    for part in line.split_whitespace() {
        let begins = part.split_once('=').and_then(|(name, value)| Some((field(name)?, value)));
        match (begins, found.last_mut()) {
            (Some((field, value)), _) => found.push((field, value.to_owned())),
            (None, Some((_, value))) => {
                value.push(' ');
                value.push_str(part);
            }
            (None, None) => {
                return Err(format!("/customer: {part:?} is none of name=, phone=, email=, gender="));
            }
        }
    }
    Ok(found)
}

fn field(name: &str) -> Option<CustomerField> {
    FIELDS.into_iter().find(|field| word(*field) == name)
}

/// The field that a word names, or all of them; `None` when it names none.
fn searched_by(word: &str) -> Option<Option<SearchBy>> {
    match word {
        "any" => Some(None),
        "name" => Some(Some(SearchBy::Name)),
        "phone" => Some(Some(SearchBy::Phone)),
        "email" => Some(Some(SearchBy::Email)),
        "key" | "user_key" => Some(Some(SearchBy::UserKey)),
        "category" => Some(Some(SearchBy::Category)),
        _ => None,
    }
}

const FIELDS: [CustomerField; 4] =
    [CustomerField::Name, CustomerField::Phone, CustomerField::Email, CustomerField::Gender];

const fn word(field: CustomerField) -> &'static str {
    match field {
        CustomerField::Name => "name",
        CustomerField::Phone => "phone",
        CustomerField::Email => "email",
        CustomerField::Gender => "gender",
        CustomerField::Unknown => "something that this version does not know",
    }
}

fn gender(value: &str) -> Result<Gender, String> {
    let found =
        [Gender::Female, Gender::Male, Gender::Other].into_iter().find(|it| gender_word(*it) == value);
    found.ok_or_else(|| format!("gender: {value:?} is none of female, male, other"))
}

const fn gender_word(gender: Gender) -> &'static str {
    match gender {
        Gender::Female => "female",
        Gender::Male => "male",
        Gender::Other => "other",
        Gender::Unknown => "one that this version does not know",
    }
}

fn told(why: impl std::fmt::Display) -> String {
    why.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_fields_is_read_as_it_was_meant() {
        let (details, clear) = edits("name=Kim  Chul-su phone=+82 10 1234 5678 email= gender=other").unwrap();
        assert_eq!(
            described_words(&details, &clear),
            "name Kim Chul-su, phone +82 10 1234 5678, gender other, no email"
        );
        for (line, wrong) in [
            ("Kim", "/customer: \"Kim\" is none of"),
            ("phone=none", "phone: \"none\""),
            ("gender=f", "gender: \"f\" is none of"),
            ("name=a email=b", "email: \"b\""),
        ] {
            let why = edits(line).unwrap_err();
            assert!(why.starts_with(wrong), "{why}");
        }
    }

    #[test]
    fn a_search_is_in_the_field_that_its_first_word_names() {
        for (line, text, by) in [
            ("phone 0101234", "0101234", Some(SearchBy::Phone)),
            (" category  Billing > Cards ", "Billing > Cards", Some(SearchBy::Category)),
            ("name Kim Chul-su", "Kim Chul-su", Some(SearchBy::Name)),
            ("email kim@", "kim@", Some(SearchBy::Email)),
            ("key carla", "carla", Some(SearchBy::UserKey)),
            ("user_key carla", "carla", Some(SearchBy::UserKey)),
            ("Kim Chul-su", "Kim Chul-su", None),
            ("names of things", "names of things", None),
            ("any name of things", "name of things", None),
            ("any any", "any", None),
            ("phone", "phone", None),
        ] {
            assert_eq!(wanted(line), Ok((SearchText::new(text).unwrap(), by)), "{line}");
        }
        assert!(wanted("").unwrap_err().starts_with("text: "));
    }
}
