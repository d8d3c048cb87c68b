//! Colours, where somebody looks.

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// As the terminal shows text.
    #[default]
    Plain,
    /// A title.
    Strong,
    /// Beside the matter.
    Dim,
    /// Well.
    Good,
    /// On its way, or not quite.
    Odd,
    /// Not well.
    Bad,
}

impl Style {
    /// The text with the codes for it (ECMA-48, "select graphic rendition"), or as it is.
    pub(crate) fn paint(self, text: &str, colour: bool) -> String {
        let code = match self {
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Odd => "33",
            Self::Bad => "31",
            Self::Plain => return text.to_owned(),
        };
        if colour && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// The style for a model's state, or a watch's.
    pub(crate) fn of_state(word: &str) -> Self {
        match word {
            "ready" | "well" | "watching" => Self::Good,
            "failed" | "down" | "ejected" | "waiting" => Self::Bad,
            "stopped" | "at-zero" | "absent" | "draining" => Self::Dim,
            _ => Self::Odd,
        }
    }
}
