//! A terminal that is drawn over.

use std::io::Write as _;

use anyhow::Context as _;
use weir_fleet::table::fit;

use crate::exit::Failure;

/// The size of a terminal of which nobody knows it.
const USUAL: (usize, usize) = (80, 24);

/// Columns and lines of the terminal.
pub(super) fn size() -> (usize, usize) {
    terminal_size::terminal_size().map_or(USUAL, |(width, height)| (width.0.into(), height.0.into()))
}

/// The terminal's other screen, without a cursor; what was on the first one comes back when this is dropped.
pub(super) struct Screen;

impl Screen {
    pub(super) fn enter() -> Result<Self, Failure> {
        write("\x1b[?1049h\x1b[?25l")?;
        Ok(Self)
    }

    /// Draws a text over what was there, as much of it as there is room for.
    pub(super) fn draw(&self, text: &str) -> Result<(), Failure> {
        let mut drawn = String::from("\x1b[H");
        for line in fit(text, size().1.saturating_sub(1)).lines() {
            drawn.push_str(line);
            // What is left of a longer line before goes, so that nothing flickers.
            drawn.push_str("\x1b[K\r\n");
        }
        drawn.push_str("\x1b[J");
        write(&drawn)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = write("\x1b[?25h\x1b[?1049l");
    }
}

fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    Ok(out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("the terminal cannot be written")?)
}
