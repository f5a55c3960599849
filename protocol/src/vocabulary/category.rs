//! Categories: what a consultation is about, from the general to the special.
//!
//! Owns the path of up to three levels and which of several paths comes closest to it. Must not know
//! who serves which category.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::CategoryName;

/// A path of categories, top level first. Empty: nothing is known of what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<CategoryName>", into = "Vec<CategoryName>")]
pub struct CategoryPath(Vec<CategoryName>);

/// A path has too many levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("category: {levels} levels; at most {CATEGORY_LEVELS_MAX}")]
pub struct TooDeep {
    /// How many it has.
    pub levels: usize,
}

impl CategoryPath {
    /// Checks how many levels there are.
    ///
    /// # Errors
    /// When there are too many.
    pub fn new(levels: Vec<CategoryName>) -> Result<Self, TooDeep> {
        if levels.len() > CATEGORY_LEVELS_MAX {
            Err(TooDeep { levels: levels.len() })
        } else {
            Ok(Self(levels))
        }
    }

    /// Its levels, top level first.
    #[must_use]
    pub fn levels(&self) -> &[CategoryName] {
        &self.0
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At most so many bytes it takes, besides a flat amount.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.iter().map(|level| level.as_str().len() + LEVEL_BYTES).sum()
    }

    /// It and the paths above it, the deepest first; without the empty one.
    pub fn upwards(&self) -> impl Iterator<Item = Self> {
        (1..=self.0.len()).rev().map(|levels| Self(self.0[..levels].to_vec()))
    }
}

impl TryFrom<Vec<CategoryName>> for CategoryPath {
    type Error = TooDeep;

    fn try_from(levels: Vec<CategoryName>) -> Result<Self, TooDeep> {
        Self::new(levels)
    }
}

impl From<CategoryPath> for Vec<CategoryName> {
    fn from(path: CategoryPath) -> Self {
        path.0
    }
}

impl fmt::Display for CategoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, level) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(" > ")?;
            }
            level.fmt(f)?;
        }
        Ok(())
    }
}

/// What a level takes besides its name.
const LEVEL_BYTES: usize = 3;

/// The most levels of a path.
pub const CATEGORY_LEVELS_MAX: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn path(levels: &[&str]) -> CategoryPath {
        CategoryPath::new(levels.iter().map(|name| CategoryName::new(*name).unwrap()).collect()).unwrap()
    }

    #[test]
    fn a_path_goes_upwards_from_the_deepest_level() {
        let up: Vec<_> = path(&["Bank", "Cards", "Lost"]).upwards().collect();
        assert_eq!(up, [path(&["Bank", "Cards", "Lost"]), path(&["Bank", "Cards"]), path(&["Bank"])]);
        assert_eq!(path(&[]).upwards().count(), 0);
        assert_eq!(path(&["Bank", "Cards"]).to_string(), "Bank > Cards");
    }

    #[test]
    fn a_fourth_level_is_refused() {
        let names = ["a", "b", "c", "d"].map(|name| CategoryName::new(name).unwrap());
        let error = CategoryPath::new(names.to_vec()).unwrap_err();
        assert_eq!(error.to_string(), "category: 4 levels; at most 3");
    }
}
