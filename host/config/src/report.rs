//! Mistakes in a configuration, and how they are shown.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Severity,
};

/// How wide a rendered report is at most, in columns.
const WIDTH: usize = 110;

/// One thing that is wrong with a configuration, or that is likely not what its author meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Whether it is only a warning.
    pub warning: bool,
    /// What class of mistake it is, such as `unknown-key`.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where, in bytes of the source.
    pub span: Range<usize>,
    /// A word or two that are written at the place.
    pub label: String,
    /// Another place that has to do with it, and what to write there.
    pub other: Option<Box<(Range<usize>, String)>>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Mistake {
    pub(crate) fn new(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { warning: false, code, message: message.into(), span, label: "here".into(), other: None, help: None }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn other(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.other = Some(Box::new((span, label.into())));
        self
    }

    pub(crate) fn warning(mut self) -> Self {
        self.warning = true;
        self
    }

    fn diagnostic(&self) -> MietteDiagnostic {
        let mut labels = vec![LabeledSpan::new_with_span(Some(self.label.clone()), self.span.clone())];
        if let Some((span, label)) = self.other.as_deref() {
            labels.push(LabeledSpan::new_with_span(Some(label.clone()), span.clone()));
        }
        let shown = MietteDiagnostic::new(self.message.clone())
            .with_code(self.code)
            .with_severity(if self.warning { Severity::Warning } else { Severity::Error })
            .with_labels(labels);
        match &self.help {
            Some(help) => shown.with_help(help.clone()),
            None => shown,
        }
    }
}

/// The mistakes of one file, in the order in which they stand in it.
///
/// `Display` writes one line for each, `file:line:column: what is wrong (how to mend it)`; [`render`](Self::render)
/// shows the lines of the file as well.
#[derive(Clone)]
pub struct ConfigReport {
    name: String,
    source: Arc<str>,
    mistakes: Vec<Mistake>,
}

impl ConfigReport {
    /// `shown` is the source as it may be shown: of the same length as the source, with secrets made unreadable.
    pub(crate) fn new(name: &str, shown: Arc<str>, mut mistakes: Vec<Mistake>) -> Self {
        for mistake in &mut mistakes {
            mistake.span = within(&shown, &mistake.span);
            if let Some((span, _)) = mistake.other.as_deref_mut() {
                *span = within(&shown, span);
            }
        }
        mistakes.sort_by_key(|mistake| (mistake.warning, mistake.span.start));
        Self { name: name.to_owned(), source: shown, mistakes }
    }

    /// A report on a file that could not be read at all.
    pub(crate) fn unread(name: &str, mistake: Mistake) -> Self {
        Self::new(name, Arc::from(""), vec![mistake])
    }

    /// The file's name, as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The mistakes, errors before warnings.
    #[must_use]
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Whether there is nothing to report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// How many of the mistakes are errors.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.mistakes.iter().filter(|mistake| !mistake.warning).count()
    }

    /// Line and column of a byte of the source, both counted from 1, the column in characters.
    #[must_use]
    pub fn place(&self, byte: usize) -> (usize, usize) {
        let before = &self.source[..within(&self.source, &(byte..byte)).start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The report as text for a terminal: each mistake with the lines around it.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(WIDTH)
            .with_links(false)
            .with_wrap_lines(true)
            .without_syntax_highlighting();
        let mut text = String::new();
        for mistake in &self.mistakes {
            let shown = Shown {
                diagnostic: mistake.diagnostic(),
                source: NamedSource::new(&self.name, Arc::clone(&self.source)),
                located: !self.source.is_empty(),
            };
            // Writing into a String cannot fail; a span outside the source would, and `new` has seen to that.
            if handler.render_report(&mut text, &shown).is_err() {
                text.push_str(&self.line(mistake));
            }
            text.truncate(text.trim_end().len());
            text.push_str("\n\n");
        }
        text
    }

    fn line(&self, mistake: &Mistake) -> String {
        let (line, column) = self.place(mistake.span.start);
        let kind = if mistake.warning { "warning" } else { "error" };
        let help = mistake.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}:{line}:{column}: {kind}: {}{help}", self.name, mistake.message)
    }
}

impl fmt::Display for ConfigReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, mistake) in self.mistakes.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.line(mistake))?;
        }
        Ok(())
    }
}

impl fmt::Debug for ConfigReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfigReport(\n{self}\n)")
    }
}

impl std::error::Error for ConfigReport {}

/// A mistake together with its source, as miette wants it.
#[derive(Debug)]
struct Shown {
    diagnostic: MietteDiagnostic,
    source: NamedSource<Arc<str>>,
    located: bool,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostic.fmt(f)
    }
}

impl std::error::Error for Shown {}

impl Diagnostic for Shown {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.code()
    }

    fn severity(&self) -> Option<Severity> {
        self.diagnostic.severity()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.diagnostic.help()
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.located.then_some(&self.source as &dyn miette::SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.located { self.diagnostic.labels() } else { None }
    }
}

/// The span, cut so that it lies within the text and on the borders of characters.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    start..end
}
