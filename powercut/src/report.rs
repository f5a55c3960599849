//! What a child says to the rig, a line each, over a pipe that no power cut reaches.
//!
//! Owns the lines. Must not know what is made of them.

use std::fmt;

use switchboard::journal::CrashPoint;

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// The journal is open; why the store was made anew, if it was.
    Opened(Option<String>),
    /// The journal refused to open.
    Refused(String),
    /// An entry is about to be appended.
    Sent(u8, u64),
    /// An entry was acknowledged, with its digest.
    Durable(u8, u64, String),
    /// An entry was found, with its digest.
    Found(u8, u64, String),
    /// A crash point was passed for the first time.
    Passed(CrashPoint),
    /// The process ends itself here.
    Died(CrashPoint),
    /// Something is wrong with what was found.
    Problem(String),
    /// Everything was looked at, or the journal has stopped cleanly.
    Finished,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened(rebuilt) => write!(f, "opened {}", flat(rebuilt.as_deref().unwrap_or_default())),
            Self::Refused(why) => write!(f, "refused {}", flat(why)),
            Self::Sent(stream, revision) => write!(f, "sent {stream} {revision}"),
            Self::Durable(stream, revision, digest) => write!(f, "durable {stream} {revision} {digest}"),
            Self::Found(stream, revision, digest) => write!(f, "found {stream} {revision} {digest}"),
            Self::Passed(point) => write!(f, "passed {point:?}"),
            Self::Died(point) => write!(f, "died {point:?}"),
            Self::Problem(what) => write!(f, "problem {}", flat(what)),
            Self::Finished => f.write_str("finished"),
        }
    }
}

impl Line {
    /// Reads a line; `None` when it is none, as the last one of a process that was killed may be.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        let entry = || {
            let mut words = rest.split(' ');
            let (stream, revision) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            Some((stream, revision, words.next().unwrap_or_default().to_owned()))
        };
        Some(match kind {
            "opened" => Self::Opened((!rest.is_empty()).then(|| rest.to_owned())),
            "refused" => Self::Refused(rest.to_owned()),
            "sent" => entry().map(|(stream, revision, _)| Self::Sent(stream, revision))?,
            "durable" => entry().map(|(stream, revision, digest)| Self::Durable(stream, revision, digest))?,
            "found" => entry().map(|(stream, revision, digest)| Self::Found(stream, revision, digest))?,
            "passed" => Self::Passed(point_named(rest)?),
            "died" => Self::Died(point_named(rest)?),
            "problem" => Self::Problem(rest.to_owned()),
            "finished" => Self::Finished,
            _ => return None,
        })
    }
}

/// The crash point of a name.
#[must_use]
pub fn point_named(name: &str) -> Option<CrashPoint> {
    CrashPoint::ALL.iter().copied().find(|point| format!("{point:?}") == name)
}

fn flat(text: &str) -> String {
    text.replace('\n', " | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_said_and_half_a_line_is_none() {
        let lines = [
            Line::Opened(None),
            Line::Opened(Some("it was gone".to_owned())),
            Line::Refused("no such folder".to_owned()),
            Line::Sent(3, 40),
            Line::Durable(3, 40, "0a".to_owned()),
            Line::Found(0, 1, "0b".to_owned()),
            Line::Passed(CrashPoint::CommitMade),
            Line::Died(CrashPoint::Rebuilt),
            Line::Problem("not sound".to_owned()),
            Line::Finished,
        ];
        for line in lines {
            assert_eq!(Line::parse(&line.to_string()), Some(line));
        }
        for half in ["", "dura", "durable 3", "died Commit"] {
            assert_eq!(Line::parse(half), None);
        }
    }
}
