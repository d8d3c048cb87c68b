//! What is on its way to the client.

use std::collections::VecDeque;

/// Frames that wait to be written, each to be written by itself, and how much of the model's text they carry.
#[derive(Debug, Default)]
pub struct Frames {
    waiting: VecDeque<(Vec<u8>, usize)>,
    delivered: usize,
}

impl Frames {
    /// Puts a frame at the end. `text` is how many bytes of it the model made: of its answer, its reasoning and the
    /// arguments of its calls.
    pub fn push(&mut self, frame: Vec<u8>, text: usize) {
        if frame.is_empty() {
            self.delivered += text;
        } else {
            self.waiting.push_back((frame, text));
        }
    }

    /// Takes the next frame. Its text counts as delivered from then on.
    pub fn pop(&mut self) -> Option<Vec<u8>> {
        let (frame, text) = self.waiting.pop_front()?;
        self.delivered += text;
        Some(frame)
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many bytes of the model's text were taken.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.delivered
    }
}
