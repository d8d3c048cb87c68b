//! What clients call the parts of a conversation, so that an error can name one in their words.

use weir_core::Dialect;

/// Where a part stands in the client's request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The client's dialect.
    pub(super) client: Dialect,
    /// Its message.
    pub(super) at: &'a str,
    /// Its number among the parts of the message.
    pub(super) part: usize,
    /// The number of a call among those of the message.
    pub(super) call: usize,
}

/// Something of a part that has a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Named {
    /// The part itself.
    Part,
    /// How closely a picture is looked at.
    Detail,
    /// The id of a file that was uploaded before.
    FileId,
    /// The bytes of a file.
    FileData,
    /// What words stand on.
    Citations,
    /// Thoughts and their proof.
    Thoughts,
    /// A call's arguments.
    Arguments,
}

impl Place<'_> {
    /// The path of it.
    pub(super) fn of(&self, named: Named) -> String {
        let Self { at, part, call, .. } = self;
        let content = format!("{at}.content[{part}]");
        match (self.client, named) {
            (_, Named::Part) => content,
            (Dialect::AnthropicMessages, Named::FileId) => format!("{content}.source.file_id"),
            (Dialect::AnthropicMessages, Named::FileData) => format!("{content}.source.data"),
            (Dialect::AnthropicMessages, Named::Citations) => format!("{content}.citations"),
            (Dialect::AnthropicMessages, Named::Arguments) => format!("{content}.input"),
            (Dialect::AnthropicMessages, Named::Thoughts) => content,
            (Dialect::OpenaiResponses, Named::FileId) => format!("{content}.file_id"),
            (Dialect::OpenaiResponses, Named::FileData) => format!("{content}.file_data"),
            (Dialect::OpenaiResponses, Named::Detail) => format!("{content}.detail"),
            (Dialect::OpenaiResponses, Named::Citations) => format!("{content}.annotations"),
            (Dialect::OpenaiResponses, Named::Arguments) => format!("{at}.arguments"),
            (Dialect::OpenaiResponses, Named::Thoughts) => format!("{at}.encrypted_content"),
            (_, Named::FileId) => format!("{content}.file.file_id"),
            (_, Named::FileData) => format!("{content}.file.file_data"),
            (_, Named::Detail) => format!("{content}.image_url.detail"),
            (_, Named::Citations) => format!("{at}.annotations"),
            (_, Named::Arguments) => format!("{at}.tool_calls[{call}].function.arguments"),
            (_, Named::Thoughts) => format!("{at}.reasoning_content"),
        }
    }
}
