//! The room that an instance has for request bodies. One instance serves many requests at once, and one that runs
//! out of memory ends them all.

use std::cell::Cell;
use std::rc::Rc;

use weir_core::{ErrorKind, GatewayError};

/// The bytes of request bodies that an instance holds, of those that it may hold.
#[derive(Clone, Debug)]
pub struct Room {
    limit: usize,
    taken: Rc<Cell<usize>>,
}

/// A request's share of the room; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    room: Room,
    bytes: usize,
}

impl Room {
    /// Room for `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, taken: Rc::default() }
    }

    /// A share of no bytes yet.
    #[must_use]
    pub fn share(&self) -> Share {
        Share { room: self.clone(), bytes: 0 }
    }

    /// The bytes that are taken.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken.get()
    }
}

impl Share {
    /// Makes the share at least `bytes` large, if there is room for that; says whether there is.
    #[must_use]
    pub fn grow_to(&mut self, bytes: usize) -> bool {
        let Some(more) = bytes.checked_sub(self.bytes) else {
            return true;
        };
        let taken = self.room.taken.get().saturating_add(more);
        let fits = taken <= self.room.limit;
        if fits {
            self.room.taken.set(taken);
            self.bytes = bytes;
        }
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.room.taken.set(self.room.taken.get() - self.bytes);
    }
}

/// There is no room for a request's body now.
#[must_use]
pub fn no_room() -> GatewayError {
    GatewayError::new(ErrorKind::Overloaded, "the gateway has no room for the request's body now; try again shortly")
        .with_retry_after(std::time::Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_exceed_the_room_and_come_back() {
        let room = Room::new(100);
        let mut a = room.share();
        let mut b = room.share();
        assert!(a.grow_to(60) && b.grow_to(40));
        assert!(!b.grow_to(41) && a.grow_to(10) && a.grow_to(60));
        assert_eq!(room.taken(), 100);
        drop(a);
        assert_eq!(room.taken(), 40);
        assert!(b.grow_to(100) && !b.grow_to(usize::MAX));
        drop(b);
        assert_eq!(room.taken(), 0);
    }
}
