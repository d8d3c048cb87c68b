//! What happens in a stream.

use weir_core::Usage;

use super::{Citation, Finish, Foreign, Signature, TokenLogprob};

/// One thing that happens in a stream. `candidate` counts answers, `tool` the calls of an answer, both from 0.
///
/// Order: `Start` first; a tool's `ToolStart`, `ToolArguments` and `ToolEnd` in this order, those of several tools
/// in between each other where the backend does so; `Finish` once a candidate. Errors end the stream outside of
/// these events: [`Step::Failed`](crate::stream::Step::Failed), as does its end, [`Step::End`](crate::stream::Step::End).
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The answer begins. Messages: `message_start`; responses: `response.created`; Converse: `messageStart`; Cohere:
    /// `message-start`; chat, Gemini: the first chunk.
    Start {
        /// The backend's id for it.
        id: String,
        /// The model that answers.
        model: String,
    },
    /// Words. Chat: `delta.content`; responses: `response.output_text.delta`; messages: `text_delta`; Gemini: a part;
    /// Converse: `contentBlockDelta`; Cohere: `content-delta`.
    Text {
        /// Which answer.
        candidate: u32,
        /// The words.
        text: String,
    },
    /// Words that decline. Chat: `delta.refusal`; responses: `response.refusal.delta`.
    Refusal {
        /// Which answer.
        candidate: u32,
        /// The words.
        text: String,
    },
    /// Thoughts. Chat, by custom: `delta.reasoning_content`; responses: `response.reasoning_text.delta`; messages:
    /// `thinking_delta`; Gemini: a part with `thought`; Converse: `reasoningContent`; Cohere: `content-delta`.
    Reasoning {
        /// Which answer.
        candidate: u32,
        /// The words.
        text: String,
    },
    /// What proves the thoughts to their maker. Messages: `signature_delta`, `redacted_thinking`; Gemini:
    /// `thoughtSignature`.
    ReasoningSignature {
        /// Which answer.
        candidate: u32,
        /// The proof.
        signature: Signature,
        /// Whether it stands for the words themselves.
        redacted: bool,
    },
    /// A call of a tool begins. Chat: the first `delta.tool_calls[]` of an index; responses:
    /// `response.output_item.added`; messages, Converse: a block's start; Cohere: `tool-call-start`.
    ToolStart {
        /// Which answer.
        candidate: u32,
        /// Which call.
        tool: u32,
        /// The call's id.
        id: String,
        /// The tool.
        name: String,
        /// Whether it is a [custom](super::Tool::Custom) one, whose arguments are any text.
        custom: bool,
    },
    /// More of a call's arguments: a piece of JSON text, or of any text for a custom tool.
    ToolArguments {
        /// Which answer.
        candidate: u32,
        /// Which call.
        tool: u32,
        /// The piece.
        json: String,
    },
    /// A call is complete. Messages, Converse: a block's stop; Cohere: `tool-call-end`; chat says nothing.
    ToolEnd {
        /// Which answer.
        candidate: u32,
        /// Which call.
        tool: u32,
    },
    /// The words or thoughts so far make a part that is complete: those that follow begin another. Messages: a block's
    /// stop; responses: `response.content_part.done`, `response.output_item.done`; chat says nothing.
    PartEnd {
        /// Which answer.
        candidate: u32,
    },
    /// How likely each token of the words before was. Chat: `logprobs` of the choice; responses: `logprobs` of a delta.
    Logprobs {
        /// Which answer.
        candidate: u32,
        /// The tokens.
        tokens: Vec<TokenLogprob>,
    },
    /// Something that one dialect alone can say, whole.
    Foreign {
        /// Which answer.
        candidate: u32,
        /// The thing.
        foreign: Foreign,
    },
    /// What the words stand on.
    Citation {
        /// Which answer.
        candidate: u32,
        /// The source.
        citation: Citation,
    },
    /// What was used so far; the last one counts.
    Usage(Usage),
    /// An answer ends.
    Finish {
        /// Which answer.
        candidate: u32,
        /// Why.
        reason: Finish,
    },
    /// Nothing new; still there. Messages: `ping`; elsewhere a comment, where the dialect bears one.
    Ping,
}
