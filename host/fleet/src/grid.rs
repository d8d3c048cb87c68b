//! Columns that fit a width.

use crate::paint::Style;
use crate::text::{cut, width, wrap};

/// The space between two columns.
const GAP: usize = 2;

/// A column.
pub(crate) struct Column {
    /// What stands above it.
    pub(crate) title: &'static str,
    /// Whether it is flush right: figures are.
    pub(crate) right: bool,
    /// The least width to which it may be cut where the line is too long. `None`: it is never cut.
    pub(crate) least: Option<usize>,
}

impl Column {
    /// A text that may be cut down to `least` columns.
    pub(crate) const fn text(title: &'static str, least: usize) -> Self {
        Self { title, right: false, least: Some(least) }
    }

    /// A word.
    pub(crate) const fn word(title: &'static str) -> Self {
        Self { title, right: false, least: None }
    }

    /// A figure.
    pub(crate) const fn figure(title: &'static str) -> Self {
        Self { title, right: true, least: None }
    }
}

/// What stands in a column.
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Self {
        Self { text: text.into(), style }
    }
}

/// A line of the grid.
pub(crate) enum Row {
    /// A cell for each column.
    Cells(Vec<Cell>),
    /// Text across all columns, indented by so much, cut at the width.
    Across(usize, Vec<Cell>),
    /// Text across all columns, indented by so much, in as many lines as it takes.
    Text(usize, Cell),
    /// Another grid, without titles, indented by so much.
    Within(usize, Vec<Column>, Vec<Row>),
}

/// Lays rows out under their columns' titles, in at most `most` columns of text if that is possible.
pub(crate) fn lay_out(columns: &[Column], rows: &[Row], most: Option<usize>, colour: bool) -> String {
    let widths = widths(columns, rows, most);
    let mut text = String::new();
    if columns.iter().any(|column| !column.title.is_empty()) {
        let titles: Vec<_> = columns.iter().map(|column| Cell::new(column.title, Style::Dim)).collect();
        line(&mut text, columns, &widths, &titles, colour);
    }
    for row in rows {
        match row {
            Row::Cells(cells) => line(&mut text, columns, &widths, cells, colour),
            Row::Across(indent, cells) => across(&mut text, *indent, cells, most, colour),
            Row::Text(indent, cell) => {
                for part in wrap(&cell.text, most.map_or(usize::MAX, |most| most.saturating_sub(*indent))) {
                    text.push_str(&" ".repeat(*indent));
                    text.push_str(&cell.style.paint(&part, colour));
                    text.push('\n');
                }
            }
            Row::Within(indent, columns, rows) => {
                let inner = lay_out(columns, rows, most.map(|most| most.saturating_sub(*indent)), colour);
                text.extend(inner.lines().flat_map(|line| [&" ".repeat(*indent), line, "\n"].map(str::to_owned)));
            }
        }
    }
    text
}

fn widths(columns: &[Column], rows: &[Row], most: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = columns.iter().map(|column| width(column.title)).collect();
    for row in rows {
        let Row::Cells(cells) = row else { continue };
        for (known, cell) in widths.iter_mut().zip(cells) {
            *known = (*known).max(width(&cell.text));
        }
    }
    let Some(most) = most else { return widths };
    let room = most.saturating_sub(GAP * columns.len().saturating_sub(1));
    // The widest that may be cut gives first, one column of text at a time: so they end up alike.
    while widths.iter().sum::<usize>() > room {
        let spare =
            |at: &usize| columns[*at].least.is_some_and(|least| widths[*at] > least.max(width(columns[*at].title)));
        let Some(widest) = (0..columns.len()).filter(spare).max_by_key(|at| widths[*at]) else { break };
        widths[widest] -= 1;
    }
    widths
}

fn line(text: &mut String, columns: &[Column], widths: &[usize], cells: &[Cell], colour: bool) {
    let mut line = String::new();
    for (at, ((column, width_of), cell)) in columns.iter().zip(widths).zip(cells).enumerate() {
        let shown = cut(&cell.text, *width_of);
        let pad = " ".repeat(width_of.saturating_sub(width(&shown)));
        let shown = cell.style.paint(&shown, colour);
        if at > 0 {
            line.push_str(&" ".repeat(GAP));
        }
        if column.right {
            line.push_str(&pad);
            line.push_str(&shown);
        } else {
            line.push_str(&shown);
            line.push_str(&pad);
        }
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn across(text: &mut String, indent: usize, cells: &[Cell], most: Option<usize>, colour: bool) {
    let mut left = most.map_or(usize::MAX, |most| most.saturating_sub(indent));
    let mut line = " ".repeat(indent);
    for cell in cells {
        let shown = cut(&cell.text, left);
        left -= width(&shown);
        line.push_str(&cell.style.paint(&shown, colour));
    }
    text.push_str(line.trim_end());
    text.push('\n');
}
