//! What words stand on: `annotations`.

use serde::{Deserialize, Serialize};

use crate::canonical::Citation;

/// An annotation of any kind, as far as it says where words come from: a page of the web, or a file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    url: Option<String>,
    title: Option<String>,
    filename: Option<String>,
    file_id: Option<String>,
    start_index: Option<u64>,
    end_index: Option<u64>,
    index: Option<u64>,
}

impl From<Annotation> for Citation {
    fn from(annotation: Annotation) -> Self {
        let at = annotation.index.map(|index| (index, index));
        Self {
            url: annotation.url,
            title: annotation.title.or(annotation.filename).or(annotation.file_id),
            cited_text: None,
            range: annotation.start_index.zip(annotation.end_index).or(at),
        }
    }
}

/// An annotation as clients get it. OpenAI has no other kinds than those for the web and for files.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Written<'a> {
    UrlCitation {
        start_index: u64,
        end_index: u64,
        title: &'a str,
        url: &'a str,
    },
    FileCitation {
        /// Of a file that OpenAI does not know there is no id.
        file_id: &'static str,
        filename: &'a str,
        index: u64,
    },
}

impl<'a> Written<'a> {
    /// A citation of words that are `length` characters long; `None` where it names no source. Where it does not say which
    /// of the words it is for, it is for all of them.
    pub(super) fn of(citation: &'a Citation, length: u64) -> Option<Self> {
        let (start_index, end_index) = citation.range.unwrap_or((0, length));
        let title = citation.title.as_deref();
        match &citation.url {
            Some(url) => Some(Self::UrlCitation { start_index, end_index, title: title.unwrap_or_default(), url }),
            None => title.map(|filename| Self::FileCitation { file_id: "", filename, index: end_index }),
        }
    }
}
