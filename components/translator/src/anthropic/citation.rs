//! What words stand on: citations of a document, a search result or the web.

use serde::{Deserialize, Serialize};

use super::ids;
use crate::canonical::Citation;

/// A citation, of whichever type.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CitationBlock {
    url: Option<String>,
    source: Option<String>,
    title: Option<String>,
    document_title: Option<String>,
    cited_text: Option<String>,
}

impl From<CitationBlock> for Citation {
    fn from(block: CitationBlock) -> Self {
        Self {
            url: block.url.or(block.source),
            title: block.title.or(block.document_title),
            cited_text: block.cited_text,
            range: None,
        }
    }
}

/// A citation of the web, as clients are told one.
#[derive(Serialize)]
pub(super) struct WebCitation<'a> {
    r#type: &'static str,
    cited_text: &'a str,
    url: &'a str,
    title: Option<&'a str>,
    /// Proves the citation to Anthropic; nobody else can.
    encrypted_index: &'static str,
}

impl<'a> WebCitation<'a> {
    /// `None` for a source without an address: all other types point into documents that the client itself sent, and
    /// no other dialect says where.
    pub(super) fn of(citation: &'a Citation) -> Option<Self> {
        Some(Self {
            r#type: "web_search_result_location",
            cited_text: citation.cited_text.as_deref().unwrap_or_default(),
            url: citation.url.as_deref()?,
            title: citation.title.as_deref(),
            encrypted_index: ids::NOBODYS_PROOF,
        })
    }
}
