//! What a client goes on to send while it is answered, on its way to the backend.

use std::cell::Cell;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;

use weir_core::{ErrorKind, GatewayError, Limits, Tokens};
use weir_face::call;
use weir_face::clock::Mark;
use weir_face::futures::future::{Either, select};
use weir_face::inlet::Inlet;

use super::held::Held;
use crate::attempt::Messages;

/// The messages of a call that goes on. One is held at a time.
pub(super) struct Upload {
    client: Inlet,
    messages: Messages,
    held: Held,
    sizes: Limits,
    piece: Vec<u8>,
    noted: Rc<Noted>,
}

/// What is known of what the client sends, while it is sent.
pub(super) struct Noted {
    /// When the last message came, or went.
    pub(super) last: Cell<Mark>,
    /// The text in all messages but the first, estimated.
    pub(super) tokens: Cell<Tokens>,
}

impl Upload {
    /// Reads the first message. The model is known as `served_as` where the call goes.
    pub(super) async fn begin(client: Inlet, served_as: &str, sizes: &Limits) -> Result<(Vec<u8>, Self), GatewayError> {
        let noted = Rc::new(Noted { last: Cell::new(Mark::now()), tokens: Cell::default() });
        let (messages, held) = (Messages::new(served_as, sizes), Held::nothing());
        let mut upload = Self { client, messages, held, sizes: *sizes, piece: Vec::new(), noted };
        while upload.feed().await? {
            if let Some(first) = upload.messages.message()? {
                return Ok((first, upload));
            }
        }
        ended(upload.client).await?;
        Err(upload.messages.end().err().unwrap_or_else(broken_off))
    }

    /// What is known of it while it goes on.
    pub(super) fn noted(&self) -> Rc<Noted> {
        self.noted.clone()
    }

    /// Sends the first message, and then what comes, to its end.
    pub(super) async fn carry(mut self, first: Vec<u8>, mut to: call::Upload) -> Result<(), GatewayError> {
        let mut next = Some(first);
        loop {
            while let Some(message) = next {
                // What the backend does not take it did not want: its answer says why.
                if !to.write(message).await {
                    return Ok(());
                }
                self.noted.last.set(Mark::now());
                next = self.messages.message()?;
                self.noted.tokens.set(self.messages.tokens());
            }
            if !self.feed().await? {
                break;
            }
            self.noted.last.set(Mark::now());
            next = self.messages.message()?;
        }
        ended(self.client).await?;
        self.messages.end()?;
        to.finish().await;
        Ok(())
    }

    /// Reads a piece; `false` at the end.
    async fn feed(&mut self) -> Result<bool, GatewayError> {
        let more = self.client.next(&mut self.piece).await;
        self.messages.feed(&self.piece);
        self.held.resize_to(self.messages.held(), &self.sizes)?;
        Ok(more)
    }
}

/// Whether a body ended as one that is whole.
async fn ended(client: Inlet) -> Result<(), GatewayError> {
    client.end().await.map_err(|_| broken_off())
}

fn broken_off() -> GatewayError {
    GatewayError::new(ErrorKind::ClientGone, "the request broke off")
}

/// An upload under way; nothing once all is sent, or where there is none.
pub(super) struct Sending(Option<Carrying>);

type Carrying = Pin<Box<dyn Future<Output = Result<(), GatewayError>>>>;

impl Sending {
    /// Nothing to send.
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    pub(super) fn of(carrying: impl Future<Output = Result<(), GatewayError>> + 'static) -> Self {
        Self(Some(Box::pin(carrying)))
    }

    /// What `work` gives, while the upload goes on beside it.
    ///
    /// # Errors
    /// What ended the upload before that.
    pub(super) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, GatewayError> {
        let mut work = pin!(work);
        if let Some(sending) = &mut self.0 {
            match select(work.as_mut(), sending).await {
                Either::Left((done, _)) => return Ok(done),
                Either::Right((sent, _)) => {
                    self.0 = None;
                    sent?;
                }
            }
        }
        Ok(work.await)
    }
}
