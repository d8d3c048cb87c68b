//! The calls of a streamed answer: whose piece is whose, and which of them are complete.
//!
//! OpenAI gives each call an index, and its id and name once. Others leave the index out, say id and name again with
//! every piece, give all calls the same index, or send each call whole.

use weir_core::GatewayError;

use super::answer::{Call, Named};
use super::ids::missing_id;
use crate::canonical::Event;
use crate::said::broken;

/// How many calls an answer may make.
const MOST_CALLS: usize = 256;

/// How much of a call's arguments may come before its name.
const MOST_HELD: usize = 64 * 1024;

/// The index under which the one call of OpenAI's older kind goes.
const LEGACY: u32 = u32::MAX;

/// The calls of one answer, in the order of their beginning.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: Vec<Open>,
    /// Which call a piece with this index is of.
    by_index: Vec<(u32, usize)>,
}

/// A call.
#[derive(Debug, Default)]
struct Open {
    id: String,
    custom: bool,
    state: State,
    /// The arguments that came before the name.
    held: String,
    nesting: Nesting,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Its name has not come.
    #[default]
    Nameless,
    Begun,
    Ended,
}

impl Calls {
    /// Whether there are any.
    pub(super) fn are_made(&self) -> bool {
        !self.calls.is_empty()
    }

    /// Takes a piece of OpenAI's older kind of call.
    pub(super) fn legacy(
        &mut self,
        function: Named<'_>,
        of: (&str, u32),
        out: &mut Vec<Event>,
    ) -> Result<(), GatewayError> {
        if !function.says_something() {
            return Ok(());
        }
        self.piece(Call { index: Some(LEGACY), function: Some(function), ..Call::default() }, of, out)
    }

    /// Takes a piece. `of` is the answer's id, and which candidate it is.
    pub(super) fn piece(
        &mut self,
        mut call: Call<'_>,
        of: (&str, u32),
        out: &mut Vec<Event>,
    ) -> Result<(), GatewayError> {
        let custom = call.custom.take().filter(Named::says_something);
        let is_custom = custom.is_some();
        let named = custom.or(call.function.take()).unwrap_or_default();
        let id = call.id.take().filter(|id| !id.is_empty());
        let number = self.whose(call.index, id.as_deref(), named.is_named())?;
        let (answer, candidate) = of;
        let tool = u32::try_from(number).unwrap_or(u32::MAX);
        let arguments = named.arguments();
        let name = named.name.filter(|name| !name.is_empty());
        if self.calls[number].state == State::Nameless {
            let open = &mut self.calls[number];
            open.custom |= is_custom;
            if let Some(id) = id.filter(|_| open.id.is_empty()) {
                open.id = id;
            }
            let Some(name) = name else {
                open.held.push_str(&arguments);
                return if open.held.len() > MOST_HELD {
                    Err(broken("calls a tool and does not say which"))
                } else {
                    Ok(())
                };
            };
            open.state = State::Begun;
            let id = if open.id.is_empty() { missing_id(answer, candidate, tool) } else { open.id.clone() };
            let (custom, held) = (open.custom, std::mem::take(&mut open.held));
            self.end_complete(candidate, out);
            out.push(Event::ToolStart { candidate, tool, id, name, custom });
            self.arguments(number, candidate, held, out);
        }
        self.arguments(number, candidate, arguments, out);
        Ok(())
    }

    fn arguments(&mut self, number: usize, candidate: u32, json: String, out: &mut Vec<Event>) {
        let open = &mut self.calls[number];
        // What comes after a complete call is the call over again.
        if json.is_empty() || open.state == State::Ended {
            return;
        }
        open.nesting.feed(&json);
        out.push(Event::ToolArguments { candidate, tool: u32::try_from(number).unwrap_or(u32::MAX), json });
    }

    /// Whose piece it is.
    fn whose(&mut self, index: Option<u32>, id: Option<&str>, named: bool) -> Result<usize, GatewayError> {
        let known = match index {
            Some(index) => self.by_index.iter().find(|(known, _)| *known == index).map(|(_, number)| *number),
            None => match id {
                Some(id) => self.calls.iter().position(|call| call.id == id),
                None if named => None,
                None => self.calls.len().checked_sub(1),
            },
        };
        // Another id and a name under a known index: another call.
        let another = |number: usize| {
            let call = &self.calls[number];
            named && call.state != State::Nameless && id.is_some_and(|id| id != call.id)
        };
        if let Some(number) = known.filter(|number| !another(*number)) {
            return Ok(number);
        }
        if self.calls.len() >= MOST_CALLS {
            return Err(broken("calls more tools than an answer may"));
        }
        let number = self.calls.len();
        self.calls.push(Open::default());
        if let Some(index) = index {
            self.by_index.retain(|(known, _)| *known != index);
            self.by_index.push((index, number));
        }
        Ok(number)
    }

    /// Ends the calls whose arguments are complete, now that another begins: whoever can have but one open at a time
    /// need not wait.
    fn end_complete(&mut self, candidate: u32, out: &mut Vec<Event>) {
        for (open, tool) in self.calls.iter_mut().zip(0..) {
            if open.state == State::Begun && !open.custom && open.nesting.is_complete() {
                open.state = State::Ended;
                out.push(Event::ToolEnd { candidate, tool });
            }
        }
    }

    /// Ends them all.
    pub(super) fn end(&mut self, candidate: u32, out: &mut Vec<Event>) -> Result<(), GatewayError> {
        for (open, tool) in self.calls.iter_mut().zip(0..) {
            match std::mem::replace(&mut open.state, State::Ended) {
                State::Nameless => return Err(broken("calls a tool and does not say which")),
                State::Begun => out.push(Event::ToolEnd { candidate, tool }),
                State::Ended => {}
            }
        }
        Ok(())
    }
}

/// How deep in an object a text has come.
#[derive(Clone, Copy, Debug, Default)]
struct Nesting {
    depth: u32,
    begun: bool,
    in_string: bool,
    escaped: bool,
}

impl Nesting {
    fn feed(&mut self, piece: &str) {
        for byte in piece.bytes() {
            match byte {
                _ if std::mem::take(&mut self.escaped) => {}
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.begun = true;
                    self.depth = self.depth.saturating_add(1);
                }
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }

    fn is_complete(self) -> bool {
        self.begun && self.depth == 0 && !self.in_string
    }
}
