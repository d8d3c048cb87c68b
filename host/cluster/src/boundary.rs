//! Where one event of a stream ends and the next begins, told from the last few bytes.

/// Watches an event stream go by (WHATWG HTML, section 9.2.5) and says whether a comment may be put in here.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Boundary {
    /// The last bytes that went by; zero where there were fewer.
    tail: [u8; 4],
}

impl Boundary {
    /// More of the stream went by.
    pub(crate) fn pass(&mut self, bytes: &[u8]) {
        for &byte in &bytes[bytes.len().saturating_sub(4)..] {
            self.tail = [self.tail[1], self.tail[2], self.tail[3], byte];
        }
    }

    /// Whether the stream stands between two events, or before its first: after an empty line. A carriage return may be
    /// half a line's end; it counts only after another.
    pub(crate) fn is_between_events(&self) -> bool {
        let empty_line = matches!(self.tail, [.., b'\n', b'\n'] | [.., b'\r', b'\r'] | [.., b'\n', b'\r', b'\n']);
        empty_line || self.tail == [0; 4]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(text: &str) -> bool {
        let mut boundary = Boundary::default();
        boundary.pass(text.as_bytes());
        boundary.is_between_events()
    }

    #[test]
    fn s10_a_comment_goes_only_between_events() {
        for text in ["", "data: a\n\n", "data: a\r\n\r\n", "data: a\r\r", ": c\n\n", "data: a\n\r\n"] {
            assert!(after(text), "{text:?}");
        }
        for text in ["d", "data: a", "data: a\n", "data: a\r\n", "data: a\r", "data: a\n\ndata: b\n", "data: a\r\n\r"] {
            assert!(!after(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn s5_how_the_stream_is_cut_makes_no_difference(text in "[a\r\n]{0,12}", cut in 0usize..13) {
            let cut = cut.min(text.len());
            let mut boundary = Boundary::default();
            boundary.pass(&text.as_bytes()[..cut]);
            boundary.pass(&text.as_bytes()[cut..]);
            prop_assert_eq!(boundary.is_between_events(), after(&text));
        }
    }
}
