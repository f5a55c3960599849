//! Client instances: which of them a client may name as its own.
//!
//! Owns the rule that keeps instances rising with the engine's clock, on which forgetting them rests. Must
//! not know what an instance has been answered: each conversation remembers that for itself.

use switchboard_protocol::vocabulary::{InstanceId, Timestamp};

/// Why an instance that a client names is none that the engine has issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstanceError {
    /// It has no time in it.
    #[error("instance: {0} is no UUID of version 7; connect without an instance to be given one")]
    NotDated(InstanceId),
    /// It is from the future.
    #[error(
        "instance: {instance} lies {ahead_ms} ms ahead of the engine's clock; at most {INSTANCE_AHEAD_MS_MAX}; \
         connect without an instance to be given one"
    )]
    Ahead {
        /// Which.
        instance: InstanceId,
        /// How far it is from the future, in milliseconds.
        ahead_ms: i64,
    },
}

/// Checks an instance that a client names.
///
/// A conversation that forgets an instance refuses every unknown one up to it: one from the future would
/// lock out all that the engine issues until then.
///
/// # Errors
/// When the engine cannot have issued it.
pub fn check_instance(instance: InstanceId, now: Timestamp) -> Result<(), InstanceError> {
    let issued_at = instance.issued_at().ok_or(InstanceError::NotDated(instance))?;
    let ahead_ms = issued_at.as_millis().saturating_sub(now.as_millis());
    if ahead_ms > INSTANCE_AHEAD_MS_MAX { Err(InstanceError::Ahead { instance, ahead_ms }) } else { Ok(()) }
}

/// How far ahead of the engine's clock an instance may lie, in milliseconds: the clock may have been set
/// back since it was issued.
pub const INSTANCE_AHEAD_MS_MAX: i64 = 10 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    fn check(instance: InstanceId) -> Result<(), InstanceError> {
        check_instance(instance, Timestamp::from_millis(NOW))
    }

    #[test]
    fn an_instance_is_from_the_past_or_ahead_by_no_more_than_a_clock_is_set_back() {
        for at_ms in [0, NOW - 1, NOW, NOW + INSTANCE_AHEAD_MS_MAX] {
            assert_eq!(check(InstanceId::v7(at_ms, [255; 10])), Ok(()), "{at_ms}");
        }
        let instance = InstanceId::v7(NOW + INSTANCE_AHEAD_MS_MAX + 1, [0; 10]);
        let ahead_ms = INSTANCE_AHEAD_MS_MAX + 1;
        let error = InstanceError::Ahead { instance, ahead_ms };
        let said = format!(
            "instance: {instance} lies 600001 ms ahead of the engine's clock; at most 600000; connect without \
             an instance to be given one"
        );
        assert_eq!(error.to_string(), said);
        assert_eq!(check(instance), Err(error));
    }

    #[test]
    fn what_has_no_time_in_it_is_no_instance() {
        for bytes in [[0; 16], [1; 16], [255; 16]] {
            let instance = InstanceId::from_bytes(bytes);
            assert_eq!(check(instance), Err(InstanceError::NotDated(instance)));
        }
    }
}
