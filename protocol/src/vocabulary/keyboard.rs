//! Keyboards: what the bot suggests to answer with.
//!
//! Owns their kinds and bounds. A keyboard suggests and validates nothing, so nothing here knows how
//! an answer is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ContentError, Decimal, Few, Label, Listed, ParamName, ParamValue};

/// What a bot's message suggests to answer with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Keyboard {
    /// Anything.
    Any,
    /// A text.
    Text,
    /// A number.
    Number(NumberRange),
    /// A place.
    Location,
    /// One of these.
    Buttons {
        /// The buttons, in order.
        buttons: KeyboardButtons,
    },
    /// A kind that this version does not know; the engine never stores it.
    #[serde(other)]
    Unknown,
}

impl Keyboard {
    /// At most so many bytes it takes as it travels.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Any | Self::Text | Self::Number(_) | Self::Location | Self::Unknown => KEYBOARD_BYTES,
            Self::Buttons { buttons } => {
                KEYBOARD_BYTES + buttons.as_slice().iter().map(KeyboardButton::bytes).sum::<usize>()
            }
        }
    }

    /// Whether this version knows what it is.
    #[must_use]
    pub const fn is_known(&self) -> bool {
        match self {
            Self::Any | Self::Text | Self::Number(_) | Self::Location | Self::Buttons { .. } => true,
            Self::Unknown => false,
        }
    }
}

/// Which numbers are suggested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "AnyRange")]
pub struct NumberRange {
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Decimal>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    integer: bool,
}

impl NumberRange {
    /// The numbers from `min` to `max`, both included, or only the whole ones of them.
    ///
    /// # Errors
    /// When the least is above the most.
    pub fn new(min: Option<Decimal>, max: Option<Decimal>, integer: bool) -> Result<Self, ContentError> {
        match (min, max) {
            (Some(least), Some(most)) if least > most => {
                Err(ContentError::Range { field: "min", value: least.get(), min: f64::MIN, max: most.get() })
            }
            (Some(_) | None, Some(_) | None) => Ok(Self { min, max, integer }),
        }
    }

    /// The least.
    #[must_use]
    pub const fn min(&self) -> Option<Decimal> {
        self.min
    }

    /// The most.
    #[must_use]
    pub const fn max(&self) -> Option<Decimal> {
        self.max
    }

    /// Whether only whole numbers are meant.
    #[must_use]
    pub const fn integer(&self) -> bool {
        self.integer
    }
}

/// A range before it is checked.
#[derive(Deserialize)]
struct AnyRange {
    #[serde(default)]
    min: Option<Decimal>,
    #[serde(default)]
    max: Option<Decimal>,
    #[serde(default)]
    integer: bool,
}

impl TryFrom<AnyRange> for NumberRange {
    type Error = ContentError;

    fn try_from(any: AnyRange) -> Result<Self, ContentError> {
        Self::new(any.min, any.max, any.integer)
    }
}

/// A button of a keyboard: its label is the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyboardButton {
    /// What is written on it.
    pub label: Label,
    /// What becomes known of the customer when it is pressed.
    #[serde(default, skip_serializing_if = "Params::is_empty")]
    pub params: Params,
}

impl KeyboardButton {
    fn bytes(&self) -> usize {
        BUTTON_BYTES + self.label.as_str().len() + self.params.bytes()
    }
}

impl Listed for KeyboardButton {
    const FIELD: &'static str = "keyboard.buttons";
}

/// The buttons of a keyboard.
pub type KeyboardButtons = Few<KeyboardButton, 1, KEYBOARD_BUTTONS_MAX>;

/// Named values, at most [`PARAMS_MAX`] of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<ParamName, ParamValue>", into = "BTreeMap<ParamName, ParamValue>")]
pub struct Params(BTreeMap<ParamName, ParamValue>);

impl Params {
    /// Checks how many there are.
    ///
    /// # Errors
    /// Names the number and what is allowed.
    pub fn new(params: BTreeMap<ParamName, ParamValue>) -> Result<Self, ContentError> {
        match params.len() {
            count if count > PARAMS_MAX => {
                Err(ContentError::Count { field: "params", count, min: 0, max: PARAMS_MAX })
            }
            _ => Ok(Self(params)),
        }
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&ParamName, &ParamValue)> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn bytes(&self) -> usize {
        self.iter().map(|(name, value)| PARAM_BYTES + name.as_str().len() + value.as_str().len()).sum()
    }
}

impl TryFrom<BTreeMap<ParamName, ParamValue>> for Params {
    type Error = ContentError;

    fn try_from(params: BTreeMap<ParamName, ParamValue>) -> Result<Self, ContentError> {
        Self::new(params)
    }
}

impl From<Params> for BTreeMap<ParamName, ParamValue> {
    fn from(params: Params) -> Self {
        params.0
    }
}

/// The most buttons of a keyboard.
pub const KEYBOARD_BUTTONS_MAX: usize = 50;

/// The most params of a button.
pub const PARAMS_MAX: usize = 20;

/// What each takes besides its texts, at the most.
const KEYBOARD_BYTES: usize = 80;
const BUTTON_BYTES: usize = 24;
const PARAM_BYTES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_numbers_is_not_upside_down() {
        let number = |value| Some(Decimal::new(value).unwrap());
        assert!(NumberRange::new(number(1.0), number(1.0), true).is_ok());
        let error = NumberRange::new(number(1.5), number(1.0), false).unwrap_err();
        assert!(error.to_string().starts_with("min: 1.5 is out of range"), "{error}");
        // Read as a client of another language writes it: whole numbers are integers there.
        let bytes = rmp_serde::to_vec_named(&BTreeMap::from([("min", 2), ("max", 1)])).unwrap();
        assert!(rmp_serde::from_slice::<NumberRange>(&bytes).is_err());
        let bytes = rmp_serde::to_vec_named(&BTreeMap::from([("min", 1), ("max", 2)])).unwrap();
        let range = rmp_serde::from_slice::<NumberRange>(&bytes).unwrap();
        assert_eq!((range.min(), range.max(), range.integer()), (number(1.0), number(2.0), false));
    }

    #[test]
    fn a_button_carries_so_many_params() {
        let params = |count| {
            let named = |n| (ParamName::new(format!("p{n}")).unwrap(), ParamValue::new("1").unwrap());
            Params::new((0..count).map(named).collect())
        };
        assert_eq!(params(PARAMS_MAX).unwrap().iter().count(), PARAMS_MAX);
        let error = params(PARAMS_MAX + 1).unwrap_err();
        assert_eq!(error.to_string(), "params: 21 given; allowed are 0 to 20");
    }
}
