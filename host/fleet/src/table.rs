//! The document as a table.

use weir_cluster::{EndpointState, ModelState, Standing, VersionState};

use crate::document::{Collision, Discovery, Fleet, Problem, endpoints};
use crate::grid::{Cell, Column, Row, lay_out};
use crate::paint::Style;
use crate::text::{clock, count, length, line, short_source, source};

/// How old a picture may be before it is said in colour: the API server sends something each minute.
const OLD_MS: u64 = 90_000;

/// How it shall look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// How many columns of text there are. `None`: as many as are needed.
    pub width: Option<usize>,
    /// Whether there are colours.
    pub colour: bool,
    /// Whether each endpoint and each watch is shown.
    pub endpoints: bool,
}

/// The table. It ends with a line break.
#[must_use]
pub fn render(fleet: &Fleet, look: &Look) -> String {
    let mut text = summary(fleet, look);
    if fleet.models.is_empty() {
        text.push_str("\nNothing is served.\n");
    } else {
        text.push('\n');
        text.push_str(&models(fleet, look));
    }
    if let Some(discovery) = &fleet.discovery {
        text.push_str(&watches(discovery, look));
    }
    section(&mut text, "COLLISIONS", fleet.collisions.iter().map(collision), look);
    section(&mut text, "PROBLEMS", fleet.problems.iter().map(problem), look);
    text
}

/// Cuts a text to so many lines; the last one says how much is missing.
#[must_use]
pub fn fit(text: &str, lines: usize) -> String {
    let all = text.lines().count();
    if all <= lines || lines == 0 {
        return text.to_owned();
    }
    let shown: String = text.lines().take(lines - 1).flat_map(|line| [line, "\n"]).collect();
    format!("{shown}… {} more\n", count(all + 1 - lines, "line"))
}

fn summary(fleet: &Fleet, look: &Look) -> String {
    let well = fleet.endpoints().filter(|endpoint| endpoint.standing.is_well()).count();
    let all = fleet.endpoints().count();
    let mut cells = vec![Cell::new(line(&fleet.host), Style::Strong)];
    let mut say = |text: String, style| {
        cells.push(Cell::new(" · ", Style::Dim));
        cells.push(Cell::new(text, style));
    };
    say(count(fleet.models.len(), "model"), Style::Plain);
    let style = if well < all { Style::Odd } else { Style::Plain };
    say(format!("{well} of {} well", count(all, "endpoint")), style);
    say(format!("{} UTC", clock(fleet.taken_at)), Style::Dim);
    if let Some(discovery) = &fleet.discovery {
        let (text, style) = heard(discovery);
        say(text, style);
    }
    lay_out(&[], &[Row::Across(0, cells)], look.width, look.colour)
}

/// How current the picture of the cluster is.
fn heard(discovery: &Discovery) -> (String, Style) {
    match (discovery.complete, discovery.age_ms) {
        (false, _) => ("the cluster is not read yet".into(), Style::Odd),
        (true, age) if age > OLD_MS => (format!("the cluster was last seen {} ago", length(age)), Style::Bad),
        (true, age) => (format!("cluster seen {} ago", length(age)), Style::Dim),
    }
}

fn models(fleet: &Fleet, look: &Look) -> String {
    let columns = [
        Column::text("MODEL", 12),
        Column::text("FROM", 12),
        Column::word("STATUS"),
        Column::text("VERSIONS", 8),
        Column::figure("WELL"),
        Column::figure("IN FLIGHT"),
        Column::figure("WAITING"),
    ];
    let mut rows = Vec::new();
    for model in &fleet.models {
        rows.push(Row::Cells(model_cells(model)));
        if let Some(text) = &model.text {
            rows.push(Row::Text(2, Cell::new(line(text), Style::of_state(&model.status))));
        }
        if look.endpoints {
            details(&mut rows, model);
        }
    }
    lay_out(&columns, &rows, look.width, look.colour)
}

fn model_cells(model: &ModelState) -> Vec<Cell> {
    let (well, all) = (endpoints(model).filter(|e| e.standing.is_well()).count(), endpoints(model).count());
    let in_flight: usize = endpoints(model).map(|endpoint| endpoint.in_flight).sum();
    let quiet = |number: usize| if number == 0 { Style::Dim } else { Style::Plain };
    let health = match (well, all) {
        (_, 0) => Style::Dim,
        (0, _) => Style::Bad,
        (well, all) if well < all => Style::Odd,
        _ => Style::Good,
    };
    vec![
        Cell::new(line(&model.name), Style::Strong),
        Cell::new(short_source(&model.source), Style::Plain),
        Cell::new(model.status.replace('-', " "), Style::of_state(&model.status)),
        Cell::new(versions(model), Style::Plain),
        Cell::new(format!("{well}/{all}"), health),
        Cell::new(in_flight.to_string(), quiet(in_flight)),
        Cell::new(model.waiting.to_string(), if model.waiting == 0 { Style::Dim } else { Style::Odd }),
    ]
}

/// `stable 90% · canary 10%`; nothing where there is but one without a name.
fn versions(model: &ModelState) -> String {
    match model.versions.as_slice() {
        [only] => line(&only.name),
        several => several
            .iter()
            .map(|version| format!("{} {}", version_name(version), percent(version, several)))
            .collect::<Vec<_>>()
            .join(" · "),
    }
}

fn version_name(version: &VersionState) -> String {
    if version.name.is_empty() { "(unnamed)".into() } else { line(&version.name) }
}

/// The share that it was told to have.
fn percent(version: &VersionState, all: &[VersionState]) -> String {
    let total: u64 = all.iter().map(|version| u64::from(version.weight)).sum();
    match u64::from(version.weight) * 1_000 / total.max(1) {
        whole if whole.is_multiple_of(10) => format!("{}%", whole / 10),
        tenths => format!("{}.{}%", tenths / 10, tenths % 10),
    }
}

/// The other names, and each version's endpoints.
fn details(rows: &mut Vec<Row>, model: &ModelState) {
    let plain = |text: String| Cell::new(text, Style::Plain);
    let dim = |text: String| Cell::new(text, Style::Dim);
    if !model.aliases.is_empty() {
        let names = model.aliases.iter().map(|alias| line(alias)).collect::<Vec<_>>().join(", ");
        rows.push(Row::Across(2, vec![dim("also ".into()), plain(names)]));
    }
    if !model.protocols.is_empty() {
        let spoken = model.protocols.iter().map(|word| line(word)).collect::<Vec<_>>().join(", ");
        rows.push(Row::Across(2, vec![dim("speaks ".into()), plain(spoken)]));
    }
    for version in &model.versions {
        let several = model.versions.len() > 1;
        if several || version.served_as.is_some() {
            let mut cells = vec![plain(version_name(version))];
            if several {
                let share = format!("{:.0}%", version.share * 100.0);
                cells.push(dim(format!("  weight {}, now {share}", version.weight)));
            }
            if let Some(name) = &version.served_as {
                cells.push(dim(format!("  served as {}", line(name))));
            }
            rows.push(Row::Across(2, cells));
        }
        rows.push(Row::Within(4, endpoint_columns(), version.endpoints.iter().map(endpoint).collect()));
    }
}

fn endpoint_columns() -> Vec<Column> {
    vec![Column::word(""), Column::text("", 24), Column::text("", 8), Column::figure(""), Column::text("", 8)]
}

fn endpoint(endpoint: &EndpointState) -> Row {
    let standing = endpoint.standing;
    let style = Style::of_state(standing.word());
    let mut facts = Vec::new();
    if endpoint.role != "whole" {
        facts.push(line(&endpoint.role));
    }
    if let Some(latency) = endpoint.latency_ms {
        facts.push(format!("{latency:.0} ms to the first byte"));
    }
    if endpoint.failures > 0 {
        facts.push(format!("{} in a row", count(endpoint.failures as usize, "failure")));
    }
    Row::Cells(vec![
        Cell::new(if standing.is_well() { "●" } else { "○" }, style),
        Cell::new(line(&endpoint.name), Style::Plain),
        Cell::new(standing_text(standing), style),
        Cell::new(format!("{} of {}", endpoint.in_flight, endpoint.max_in_flight), Style::Plain),
        Cell::new(facts.join(", "), Style::Dim),
    ])
}

fn standing_text(standing: Standing) -> String {
    match standing {
        Standing::Well => "well".into(),
        Standing::SlowStart { weight } => format!("came back, {:.0}% of its share", weight * 100.0),
        Standing::Ejected { left_ms } => format!("put aside for {}", length(left_ms)),
        Standing::HalfOpen => "on probation".into(),
        Standing::Down => "down".into(),
        Standing::Draining => "draining".into(),
    }
}

/// The watches: all of them, or those that are not as they should be.
fn watches(discovery: &Discovery, look: &Look) -> String {
    let odd = |state: &str| !matches!(state, "watching" | "absent");
    let mut rows = Vec::new();
    for watch in discovery.watches.iter().filter(|watch| look.endpoints || odd(&watch.state)) {
        let version = watch.version.as_deref().map(|version| format!(" {}", line(version))).unwrap_or_default();
        let place = watch.namespace.as_deref().map_or_else(|| "all namespaces".into(), line);
        let style = Style::of_state(&watch.state);
        rows.push(Row::Cells(vec![
            Cell::new(format!("{}{version}", line(&watch.resource)), Style::Plain),
            Cell::new(place, Style::Plain),
            Cell::new(state_text(&watch.state), style),
            Cell::new(watch.objects.to_string(), Style::Plain),
            Cell::new(length(watch.age_ms), Style::Plain),
        ]));
        if let Some(problem) = &watch.problem {
            rows.push(Row::Text(2, Cell::new(line(problem), style)));
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    let columns = [
        Column::text("WATCHED", 20),
        Column::text("WHERE", 8),
        Column::word("STATE"),
        Column::figure("OBJECTS"),
        Column::figure("HEARD AGO"),
    ];
    format!("\n{}", lay_out(&columns, &rows, look.width, look.colour))
}

fn state_text(state: &str) -> String {
    match state {
        "waiting" => "trying again".into(),
        "absent" => "not installed".into(),
        other => line(other),
    }
}

fn section(text: &mut String, title: &'static str, lines: impl Iterator<Item = String>, look: &Look) {
    let mut rows: Vec<_> = lines.map(|line| Row::Text(2, Cell::new(line, Style::Odd))).collect();
    if rows.is_empty() {
        return;
    }
    rows.insert(0, Row::Text(0, Cell::new(title, Style::Dim)));
    text.push('\n');
    text.push_str(&lay_out(&[], &rows, look.width, look.colour));
}

fn collision(it: &Collision) -> String {
    let (name, kept, lost) = (line(&it.name), source(&it.kept_by), source(&it.lost_by));
    match &it.still {
        Some(still) => format!("{name} is {kept}; {lost} wanted it, too, and is {}", line(still)),
        None => format!("{name} is {kept}; {lost} wanted it, too"),
    }
}

fn problem(problem: &Problem) -> String {
    format!("{}: {}", source(&problem.source), line(&problem.text))
}
