//! The vault.

use std::collections::HashMap;

use crate::{Token, VaultLimits};

/// Headers: names in lower case, values as they are.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Deposits of the requests that are under way. `Ending` is where the end of an answer will be told.
///
/// Tokens are looked up by a keyed hash, so how long that takes says nothing of those that are known.
#[derive(Debug)]
pub struct Vault<Ending> {
    limits: VaultLimits,
    requests: HashMap<Token, Request<Ending>>,
    bytes: usize,
}

#[derive(Debug)]
struct Request<Ending> {
    /// Until it is taken.
    deposit: Option<Headers>,
    /// Until the outer warden has it.
    answer: Option<Answer<Ending>>,
    bytes: usize,
}

/// What the inner warden leaves of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<Ending> {
    /// Its internal headers.
    pub headers: Headers,
    /// Where its end will be told.
    pub ending: Ending,
}

/// There is no room: so many requests are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the vault is full")]
pub struct Full;

impl<Ending> Vault<Ending> {
    /// An empty one.
    #[must_use]
    pub fn new(limits: VaultLimits) -> Self {
        Self { limits, requests: HashMap::new(), bytes: 0 }
    }

    /// Deposits a request's headers under `token`, and gives it back.
    ///
    /// # Errors
    /// [`Full`], also where the token is known already: it was not random.
    pub fn put(&mut self, deposit: Headers, token: Token) -> Result<Token, Full> {
        let bytes = size(&deposit);
        if self.requests.len() >= self.limits.requests
            || self.requests.contains_key(&token)
            || bytes > self.limits.bytes - self.bytes
        {
            return Err(Full);
        }
        self.bytes += bytes;
        self.requests.insert(token.clone(), Request { deposit: Some(deposit), answer: None, bytes });
        Ok(token)
    }

    /// Takes the deposit, once; `None` where the token is unknown or its deposit was taken before.
    pub fn take(&mut self, token: &Token) -> Option<Headers> {
        let request = self.requests.get_mut(token)?;
        let deposit = request.deposit.take()?;
        let bytes = size(&deposit);
        request.bytes -= bytes;
        self.bytes -= bytes;
        Some(deposit)
    }

    /// Leaves an answer. Of a request that is over it is dropped.
    ///
    /// # Errors
    /// [`Full`]: the headers are lost. The ending is kept all the same, since who waits for it must hear of it.
    pub fn answered(&mut self, token: &Token, mut answer: Answer<Ending>) -> Result<(), Full> {
        let Some(request) = self.requests.get_mut(token) else { return Ok(()) };
        let bytes = size(&answer.headers);
        let fits = bytes <= self.limits.bytes - self.bytes;
        if fits {
            request.bytes += bytes;
            self.bytes += bytes;
        } else {
            answer.headers.clear();
        }
        request.answer = Some(answer);
        if fits { Ok(()) } else { Err(Full) }
    }

    /// The answer that was left, once; `None` where there is none, or none yet.
    pub fn answer(&mut self, token: &Token) -> Option<Answer<Ending>> {
        let request = self.requests.get_mut(token)?;
        let answer = request.answer.take()?;
        let bytes = size(&answer.headers);
        request.bytes -= bytes;
        self.bytes -= bytes;
        Some(answer)
    }

    /// Forgets a request. Its token is worth nothing from now on.
    pub fn forget(&mut self, token: &Token) {
        if let Some(request) = self.requests.remove(token) {
            self.bytes -= request.bytes;
        }
    }
}

fn size(headers: &Headers) -> usize {
    headers.iter().map(|(name, value)| name.len() + value.len()).sum()
}
