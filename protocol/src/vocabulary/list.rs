//! Bounded lists: each is counted once, where it enters, and is then its own type.
//!
//! Owns the check of how many there are. Must not know what the listed things mean.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ContentError;

/// Something that comes in lists.
pub trait Listed {
    /// The field that such a list is in, as the wire names it.
    const FIELD: &'static str;
}

/// At least `MIN` and at most `MAX` of something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<T, const MIN: usize, const MAX: usize>(Vec<T>);

impl<T: Listed, const MIN: usize, const MAX: usize> Few<T, MIN, MAX> {
    /// The most that there may be.
    pub const MAX: usize = MAX;

    /// Checks how many there are.
    ///
    /// # Errors
    /// Names the field, the number and what is allowed.
    pub fn new(items: Vec<T>) -> Result<Self, ContentError> {
        let count = items.len();
        if (MIN..=MAX).contains(&count) {
            return Ok(Self(items));
        }
        Err(ContentError::Count { field: T::FIELD, count, min: MIN, max: MAX })
    }
}

impl<T, const MIN: usize, const MAX: usize> Few<T, MIN, MAX> {
    /// All of them, in order.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same list with each of them made into another.
    #[must_use]
    pub fn map(&self, other: impl FnMut(&T) -> T) -> Self {
        Self(self.0.iter().map(other).collect())
    }
}

impl<T, const MAX: usize> Default for Few<T, 0, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Serialize, const MIN: usize, const MAX: usize> Serialize for Few<T, MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T: Listed + Deserialize<'de>, const MIN: usize, const MAX: usize> Deserialize<'de>
    for Few<T, MIN, MAX>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    struct Egg(u8);

    impl Listed for Egg {
        const FIELD: &'static str = "eggs";
    }

    type Nest = Few<Egg, 1, 2>;

    #[test]
    fn too_few_and_too_many_are_refused_by_name_also_when_they_are_read() {
        let eggs = |count: u8| (0..count).map(Egg).collect::<Vec<_>>();
        assert_eq!(Nest::new(eggs(2)).unwrap().as_slice(), eggs(2));
        for count in [0, 3] {
            let sentence = format!("eggs: {count} given; allowed are 1 to 2");
            assert_eq!(Nest::new(eggs(count)).unwrap_err().to_string(), sentence);
            let bytes = rmp_serde::to_vec(&(0..count).collect::<Vec<u8>>()).unwrap();
            let error = rmp_serde::from_slice::<Nest>(&bytes).unwrap_err();
            assert!(error.to_string().contains(&sentence), "{error}");
        }
    }
}
