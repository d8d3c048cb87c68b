//! Who says what, and what goes with it.

use serde_json::json;
use weir_translator::canonical::{Audio, Document, Image, Message, Part, Role, Source};

use super::make::{document, image, pdf, picture, said, text, user};
use super::read::{collect, documents, images, of_roles, source};
use super::{Row, row};

/// The rows.
pub(super) const ROWS: &[Row] = &[
    row(
        "system words",
        |request| request.messages.insert(0, Message::new(Role::System, vec![text("Be brief.")], "messages[0]")),
        |request| of_roles(request, &[Role::System, Role::Developer]),
    ),
    row(
        "developer words",
        |request| request.messages.insert(0, Message::new(Role::Developer, vec![text("Be brief.")], "messages[0]")),
        |request| {
            let role = request.messages.iter().map(|message| message.role).find(|role| *role != Role::User);
            json!([role.map(|role| format!("{role:?}")), of_roles(request, &[Role::System, Role::Developer])])
        },
    ),
    row(
        "system words in the midst",
        |request| {
            request.messages.push(Message::new(Role::Assistant, vec![text("Yes?")], "messages[1]"));
            request.messages.push(Message::new(Role::System, vec![text("Now in French.")], "messages[2]"));
            request.messages.push(user(vec![text("Go on.")]));
        },
        |request| {
            let system = |message: &Message| matches!(message.role, Role::System | Role::Developer);
            let place = request.messages.iter().position(system);
            json!([place, of_roles(request, &[Role::System, Role::Developer])])
        },
    ),
    row(
        "several turns",
        |request| {
            request.messages.push(Message::new(Role::Assistant, vec![text("Yes?")], "messages[1]"));
            request.messages.push(user(vec![text("Go on.")]));
        },
        |request| json!([of_roles(request, &[Role::User]), of_roles(request, &[Role::Assistant])]),
    ),
    row("images by URL", |request| said(request, image(Source::Url("https://e.org/a.png".to_owned()))), images),
    row("images by data", |request| said(request, image(picture())), images),
    row("images by file id", |request| said(request, image(Source::File("file_1".to_owned()))), images),
    row(
        "an image's detail",
        |request| {
            let detail = Some("high".to_owned());
            said(request, Part::Image(Image { source: picture(), detail, cache: None }));
        },
        |request| {
            collect(request, |part| match part {
                Part::Image(image) => image.detail.clone(),
                _ => None,
            })
        },
    ),
    row(
        "documents by URL",
        |request| said(request, document(Source::Url("https://e.org/a.pdf".to_owned()))),
        documents,
    ),
    row("documents by data", |request| said(request, document(pdf())), documents),
    row(
        "documents of text",
        |request| said(request, document(Source::Text("Words.".to_owned()))),
        |request| json!([documents(request), of_roles(request, &[Role::User])]),
    ),
    row("documents by file id", |request| said(request, document(Source::File("file_1".to_owned()))), documents),
    row(
        "a document's name",
        |request| {
            let name = Some("a.pdf".to_owned());
            said(request, Part::Document(Document { source: pdf(), name, context: None, cite: false, cache: None }));
        },
        |request| {
            collect(request, |part| match part {
                Part::Document(document) => document.name.clone(),
                _ => None,
            })
        },
    ),
    row(
        "citations of documents asked for",
        |request| {
            said(
                request,
                Part::Document(Document { source: pdf(), name: None, context: None, cite: true, cache: None }),
            );
        },
        |request| {
            collect(request, |part| match part {
                Part::Document(document) => Some(document.cite),
                _ => None,
            })
        },
    ),
    row(
        "audio",
        |request| {
            let source = Source::Data { media_type: "audio/wav".to_owned(), base64: "UklGRg==".to_owned() };
            said(request, Part::Audio(Audio { source }));
        },
        |request| {
            collect(request, |part| match part {
                Part::Audio(audio) => Some(source(&audio.source)),
                _ => None,
            })
        },
    ),
];
