//! Bounded texts: each is checked once, where it enters, and is then its own type.
//!
//! Owns the bounds that belong to the words themselves. Must not know the settings of a workspace,
//! which may be stricter.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The rule that a text broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRule {
    /// It must not be empty.
    NotEmpty,
    /// It may have at most this many characters (Unicode scalar values).
    CharsMax(usize),
    /// It must not contain control characters.
    NoControl,
    /// It must have this shape.
    Shape(&'static str),
}

impl fmt::Display for TextRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEmpty => write!(f, "must not be empty"),
            Self::CharsMax(max) => write!(f, "may have at most {max} characters"),
            Self::NoControl => write!(f, "must not contain control characters"),
            Self::Shape(shape) => write!(f, "must be {shape}"),
        }
    }
}

/// Why a text was refused. Prints the field, how the value looks, and the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {value:?} ({chars} characters) {rule}")]
pub struct TextError {
    /// The field, as the wire names it.
    pub field: &'static str,
    /// The beginning of what was given: at most 32 characters, nothing of a secret.
    pub value: String,
    /// Its length in characters.
    pub chars: usize,
    /// The rule that it broke.
    pub rule: TextRule,
}

/// The beginning of what was given, as an error tells it: at most 32 characters.
#[must_use]
pub fn beginning(text: &str) -> String {
    text.chars().take(VALUE_CHARS_MAX).collect()
}

macro_rules! texts {
    ($(
        $(#[$doc:meta])* $name:ident $field:literal max $max:literal $(, $control:ident)? $(=> $shape:ident)?;
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The most characters it may have.
            pub const CHARS_MAX: usize = $max;

            /// Checks a text.
            ///
            /// # Errors
            /// Names the field, the value and the rule that the text breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, TextError> {
                #[allow(unused_mut, unused_assignments)]
                let mut control_allowed = false;
                $(control_allowed = stringify!($control) == "multiline";)?
                let text = check($field, text.into(), $max, control_allowed)?;
                $(has_shape($field, &text, super::person::$shape)?;)?
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = TextError;

            fn try_from(text: String) -> Result<Self, TextError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0.into()
            }
        }

        impl std::str::FromStr for $name {
            type Err = TextError;

            fn from_str(text: &str) -> Result<Self, TextError> {
                Self::new(text)
            }
        }
    )*};
}

texts! {
    /// The text of a message. The engine's setting may allow fewer characters.
    MessageText "text" max 4000, multiline;
    /// What a customer is known by within a profile and a platform.
    UserKey "user_key" max 90;
    /// Where a customer comes from: `web`, `test`, or an outside messenger.
    Platform "platform" max 100;
    /// The name of a member.
    DisplayName "name" max 30;
    /// The title of a profile, or the name of a workspace.
    ProfileTitle "title" max 30;
    /// What is written on a button.
    Label "label" max 255;
    /// What a button tells the bot.
    Payload "payload" max 1000, multiline;
    /// The title of a card.
    CardTitle "title" max 50;
    /// What a card says.
    CardDescription "description" max 500, multiline;
    /// What a place is called.
    PlaceName "title" max 100;
    /// The name of a value that is known of a customer.
    ParamName "param" max 100;
    /// A value that is known of a customer.
    ParamValue "value" max 1000, multiline;
    /// A level of what a consultation is about.
    CategoryName "category" max 100;
    /// What a customer is called, as the agents write it down.
    CustomerName "name" max 60 => name;
    /// A customer's telephone number, as the agents write it down.
    Phone "phone" max 40 => phone;
    /// A customer's e-mail address.
    EmailAddress "email" max 254 => email;
    /// What is searched for.
    SearchText "text" max 254;
    /// A provisional secret that proves a member's identity. Never printed.
    Token "token" max 128;
}

macro_rules! shown {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.as_str())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

shown! { UserKey Platform DisplayName ProfileTitle ParamName CategoryName }

macro_rules! unprinted {
    ($($name:ident)*) => {$(
        /// What people write never reaches a log by accident: only its length is printed.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} characters)"), self.0.chars().count())
            }
        }
    )*};
}

unprinted! {
    MessageText Label Payload CardTitle CardDescription PlaceName ParamValue CustomerName Phone EmailAddress SearchText
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

fn check(
    field: &'static str,
    text: String,
    chars_max: usize,
    control_allowed: bool,
) -> Result<Box<str>, TextError> {
    let chars = text.chars().count();
    let rule = if text.is_empty() {
        TextRule::NotEmpty
    } else if chars > chars_max {
        TextRule::CharsMax(chars_max)
    } else if !control_allowed && text.chars().any(char::is_control) {
        TextRule::NoControl
    } else {
        return Ok(text.into());
    };
    Err(refused(field, &text, rule))
}

/// Holds a text against a rule of its own, which says what it must be if it is not.
fn has_shape(
    field: &'static str,
    text: &str,
    rule: fn(&str) -> Option<&'static str>,
) -> Result<(), TextError> {
    rule(text).map_or(Ok(()), |shape| Err(refused(field, text, TextRule::Shape(shape))))
}

fn refused(field: &'static str, text: &str, rule: TextRule) -> TextError {
    let secret = field == "token" || field == "text";
    let value = if secret { "…".to_owned() } else { beginning(text) };
    TextError { field, value, chars: text.chars().count(), rule }
}

const VALUE_CHARS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_count_characters_not_bytes() {
        assert!(UserKey::new("가".repeat(90)).is_ok());
        let error = UserKey::new("가".repeat(91)).unwrap_err();
        assert_eq!(error.rule, TextRule::CharsMax(90));
        assert!(error.to_string().starts_with("user_key: "), "{error}");
    }

    #[test]
    fn braces_emoji_padding_and_lines_are_texts_and_nothing_is_not() {
        for text in ["{}", "🙂", "  padded  ", "two\nlines"] {
            assert_eq!(MessageText::new(text).unwrap().as_str(), text);
        }
        assert_eq!(MessageText::new("").unwrap_err().rule, TextRule::NotEmpty);
        assert_eq!(DisplayName::new("a\nb").unwrap_err().rule, TextRule::NoControl);
    }

    #[test]
    fn secrets_and_messages_do_not_print_themselves() {
        let token = Token::new("s3cret").unwrap();
        let text = MessageText::new("private").unwrap();
        assert!(!format!("{token:?} {text:?}").contains("s3cret"));
        assert!(!format!("{text:?}").contains("private"));
        assert!(!Token::new("x".repeat(200)).unwrap_err().to_string().contains("xx"));
    }
}
