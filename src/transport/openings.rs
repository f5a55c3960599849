//! Connections that are being opened: from their first packet to the welcome.
//!
//! Owns how many there may be, altogether and from one address, and from when on an address must prove
//! itself first. Must not know how a connection is opened.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits;

/// The openings under way.
#[derive(Default)]
pub(super) struct Openings {
    from: Mutex<HashMap<IpAddr, usize>>,
}

/// What is to be done with a client that wants in.
pub(super) enum Admission {
    /// Open the connection; the place is free again when this is dropped.
    Open(Opening),
    /// Have it prove its address first.
    Prove,
    /// Too many are under way.
    Refuse,
}

/// A place among the openings.
pub(super) struct Opening {
    openings: Arc<Openings>,
    from: IpAddr,
}

impl Openings {
    /// Decides about a client at an address, which it may have proven to be its own.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, is_proven: bool) -> Admission {
        let address = network(address);
        let mut from = self.lock();
        let under_way: usize = from.values().sum();
        if under_way >= limits::HANDSHAKES_MAX {
            return Admission::Refuse;
        }
        if under_way >= limits::HANDSHAKES_BEFORE_RETRY && !is_proven {
            return Admission::Prove;
        }
        let here = from.entry(address).or_default();
        if *here >= limits::HANDSHAKES_PER_ADDRESS_MAX {
            return Admission::Refuse;
        }
        *here += 1;
        Admission::Open(Opening { openings: Arc::clone(self), from: address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.from.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        let mut from = self.openings.lock();
        if let Some(here) = from.get_mut(&self.from) {
            *here -= 1;
            if *here == 0 {
                from.remove(&self.from);
            }
        }
    }
}

/// What counts as one address: of IPv6 the network, since whoever has one address there has all of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & NETWORK)),
    }
}

/// The first half of an IPv6 address.
const NETWORK: u128 = !0 << 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn open(openings: &Arc<Openings>, address: &str, is_proven: bool) -> Option<Opening> {
        match openings.admit(address.parse().unwrap(), is_proven) {
            Admission::Open(opening) => Some(opening),
            Admission::Prove | Admission::Refuse => None,
        }
    }

    fn proves_first(openings: &Arc<Openings>, address: &str) -> bool {
        matches!(openings.admit(address.parse().unwrap(), false), Admission::Prove)
    }

    #[test]
    fn when_many_are_under_way_an_address_proves_itself_first() {
        let openings = Arc::new(Openings::default());
        let mut kept: Vec<_> = (0..limits::HANDSHAKES_BEFORE_RETRY)
            .map(|n| open(&openings, &format!("10.0.{}.{}", n / 250, n % 250), false).unwrap())
            .collect();
        assert!(proves_first(&openings, "192.0.2.1"));
        assert!(open(&openings, "192.0.2.1", true).is_some());
        kept.pop();
        assert!(open(&openings, "192.0.2.1", false).is_some(), "there is room again");
    }

    #[test]
    fn one_address_cannot_take_every_place() {
        let openings = Arc::new(Openings::default());
        let all_of = |prefix: &str| {
            let from = |n: usize| open(&openings, &format!("{prefix}{:x}", n + 1), true);
            (0..limits::HANDSHAKES_MAX).map_while(from).collect::<Vec<_>>()
        };
        let one = all_of("2001:db8::");
        assert_eq!(one.len(), limits::HANDSHAKES_PER_ADDRESS_MAX);
        let other = open(&openings, "2001:db8:0:1::1", true);
        assert!(other.is_some(), "another network");
        let mapped: Vec<_> =
            (0..limits::HANDSHAKES_MAX).map_while(|_| open(&openings, "::ffff:192.0.2.7", true)).collect();
        assert_eq!(one.len() + mapped.len() + 1, limits::HANDSHAKES_MAX, "then there is no place at all");
        assert!(open(&openings, "192.0.2.8", true).is_none());
        drop((one, other, mapped));
        assert!(openings.lock().is_empty(), "nobody is remembered");
    }
}
