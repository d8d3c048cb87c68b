//! Where something stands in the client's request, in the client's words.

use weir_core::Dialect;

/// A part of the message at `at`.
pub(super) fn part(client: Dialect, at: &str, index: usize) -> String {
    match (client, at) {
        (Dialect::AnthropicMessages, "system") => format!("{at}[{index}]"),
        (Dialect::OpenaiResponses, "instructions") => at.to_owned(),
        _ => format!("{at}.content[{index}]"),
    }
}

/// A part of what a tool answered, which is itself the part `outer` of the message at `at`.
pub(super) fn part_of_result(client: Dialect, at: &str, outer: usize, index: usize) -> String {
    match client {
        Dialect::AnthropicMessages => format!("{at}.content[{outer}].content[{index}]"),
        Dialect::OpenaiResponses => format!("{at}.output[{index}]"),
        _ => format!("{at}.content[{index}]"),
    }
}

/// What the words of a part stand on.
pub(super) fn citations(client: Dialect, at: &str, index: usize) -> String {
    match client {
        Dialect::AnthropicMessages => format!("{}.citations", part(client, at, index)),
        Dialect::OpenaiResponses => format!("{}.annotations", part(client, at, index)),
        _ => format!("{at}.annotations"),
    }
}

/// The thoughts in a part.
pub(super) fn thoughts(client: Dialect, at: &str, index: usize) -> String {
    match client {
        Dialect::AnthropicMessages => part(client, at, index),
        Dialect::OpenaiChat => format!("{at}.reasoning_content"),
        _ => at.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_in_the_clients_words() {
        let (messages, responses) = (Dialect::AnthropicMessages, Dialect::OpenaiResponses);
        assert_eq!(part(messages, "system", 1), "system[1]");
        assert_eq!(part(responses, "instructions", 0), "instructions");
        assert_eq!(part(responses, "input[2]", 0), "input[2].content[0]");
        assert_eq!(part_of_result(messages, "messages[1]", 2, 0), "messages[1].content[2].content[0]");
        assert_eq!(part_of_result(responses, "input[4]", 0, 1), "input[4].output[1]");
        assert_eq!(part_of_result(Dialect::OpenaiChat, "messages[3]", 0, 1), "messages[3].content[1]");
        assert_eq!(citations(Dialect::OpenaiChat, "messages[3]", 0), "messages[3].annotations");
        assert_eq!(thoughts(responses, "input[3]", 0), "input[3]");
    }
}
