//! The body of a request, read piece by piece.

use futures::channel::oneshot;

use crate::TrailersResult;
use crate::platform::Inflow;
use crate::request::{BodyFault, CHUNK};

/// The body of a request on its way in. Dropping it says that nobody wants the rest.
pub struct Inlet {
    /// What comes first: it was read before, and put back.
    before: Vec<u8>,
    /// What the host has; nothing where the body was at hand.
    inflow: Option<Inflow>,
    ended: bool,
    /// Until when the body is carried on to a next part in that is another component.
    #[cfg(feature = "middleware")]
    until: Option<oneshot::Receiver<()>>,
}

/// Keeps a body that was handed on being carried to the next part in. Dropping it ends that: nobody waits any more for
/// what the client has yet to send.
pub struct Carrying(#[expect(dead_code, reason = "that it is dropped is what is heard")] oneshot::Sender<()>);

impl Inlet {
    pub(crate) fn of(inflow: Inflow) -> Self {
        Self::new(Vec::new(), Some(inflow))
    }

    pub(crate) fn at_hand(body: Vec<u8>) -> Self {
        Self::new(body, None)
    }

    fn new(before: Vec<u8>, inflow: Option<Inflow>) -> Self {
        Self {
            before,
            ended: inflow.is_none(),
            inflow,
            #[cfg(feature = "middleware")]
            until: None,
        }
    }

    /// The next piece, read into `buffer`, which is cleared first; `false` at the end. How it ended, [`end`](Self::end)
    /// says.
    pub async fn next(&mut self, buffer: &mut Vec<u8>) -> bool {
        if !self.before.is_empty() {
            *buffer = std::mem::take(&mut self.before);
            return true;
        }
        buffer.clear();
        let Some(inflow) = self.inflow.as_mut().filter(|_| !self.ended) else { return false };
        let mut room = std::mem::take(buffer);
        // Every open stream has such a buffer, and what was put back may have left a far larger one.
        if !(1..=CHUNK).contains(&room.capacity()) {
            room = Vec::with_capacity(CHUNK);
        }
        let (more, filled) = inflow.next(room).await;
        *buffer = filled;
        self.ended = !more;
        !buffer.is_empty() || more
    }

    /// Puts back what was read: it comes again, before all else.
    pub fn put_back(&mut self, bytes: Vec<u8>) {
        self.before = if self.before.is_empty() { bytes } else { [bytes, std::mem::take(&mut self.before)].concat() };
    }

    /// How the body ended.
    ///
    /// # Errors
    /// [`BodyFault::Broken`].
    pub async fn end(self) -> Result<(), BodyFault> {
        let ended: TrailersResult = match self.inflow {
            Some(inflow) => inflow.end().await,
            None => Ok(None),
        };
        ended.map(drop).map_err(|_| BodyFault::Broken)
    }

    /// What ends the carrying, should the body be handed on.
    pub(crate) fn carrying(&mut self) -> Carrying {
        let (carrying, _until) = oneshot::channel();
        #[cfg(feature = "middleware")]
        {
            self.until = Some(_until);
        }
        Carrying(carrying)
    }
}

#[cfg(feature = "middleware")]
impl Inlet {
    /// The body as the host has it, where nothing of it was read.
    pub(crate) fn untouched(self) -> Result<Inflow, Self> {
        let Self { before, inflow, ended, until } = self;
        match inflow {
            Some(inflow) if before.is_empty() && !ended && until.is_none() => Ok(inflow),
            inflow => Err(Self { before, inflow, ended, until }),
        }
    }

    /// Carries the body to `outflow`, until its end, or until nobody wants more of it.
    pub(crate) async fn carry(mut self, outflow: crate::platform::Outflow) {
        use futures::future::select;
        let until = self.until.take();
        let carrying = std::pin::pin!(self.pour(outflow));
        match until {
            Some(until) => drop(select(carrying, until).await),
            None => carrying.await,
        }
    }

    async fn pour(mut self, mut outflow: crate::platform::Outflow) {
        let mut piece = Vec::new();
        while self.next(&mut piece).await {
            if !outflow.write(std::mem::take(&mut piece)).await {
                return;
            }
        }
        if self.end().await.is_ok() {
            outflow.finish().await;
        }
    }
}
