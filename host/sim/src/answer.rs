//! Answers, made up in full before the first token is sent: which words, which calls, and why they end.
//!
//! All of it follows from the simulator's seed and the request, so the same request has the same answer wherever and
//! whenever it is asked. The engine then only has to pace it.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::directive::Directives;
use crate::schema;
use crate::tokens;
use crate::tools::ToolUse;
use crate::words;

/// How long an answer is where nothing says so, in tokens.
const USUAL_LENGTH: std::ops::RangeInclusive<usize> = 16..=120;

/// One answer, a piece for each token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The tokens in order.
    pub pieces: Vec<Piece>,
    /// Why it ends.
    pub finish: Finish,
    /// The stop string that ended it.
    pub stopped_by: Option<String>,
}

/// One token of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Reasoning before the answer.
    Reasoning(String),
    /// Text.
    Text(String),
    /// A tool call begins.
    ToolStart {
        /// Which of the answer's calls.
        index: usize,
        /// Its id.
        id: String,
        /// The tool's name.
        name: String,
    },
    /// More of a tool call's arguments.
    ToolArguments {
        /// Which of the answer's calls.
        index: usize,
        /// Part of the JSON text.
        text: String,
    },
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// It is complete, or a stop string came up.
    Stop,
    /// It has as many tokens as it may.
    Length,
    /// It calls tools.
    ToolCalls,
}

impl Finish {
    /// As OpenAI writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
        }
    }
}

/// What kind of answer the request is to get.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Words.
    Prose,
    /// The message itself.
    Echo(String),
    /// Words about what the tools answered.
    ToolResults(Vec<String>),
    /// JSON for this schema.
    Json(Value),
    /// Calls of tools; whether they say `tool_calls` at the end (a call forced by name says `stop`, as vLLM does).
    Calls {
        /// Which tools, with their parameters.
        tools: Vec<ToolUse>,
        /// Whether the finish reason tells.
        told: bool,
    },
}

/// Everything that decides an answer.
#[derive(Clone, Debug)]
pub struct Task {
    /// What it is about.
    pub subject: Subject,
    /// What the message asks of the simulator.
    pub directives: Directives,
    /// The most tokens it may have.
    pub limit: usize,
    /// The fewest that prose has.
    pub min_tokens: usize,
    /// Prose goes on until the limit.
    pub ignore_end: bool,
    /// Strings that end it; they are not part of it.
    pub stop: Vec<String>,
    /// Where the dice start: the request's own hash.
    pub seed: u64,
}

impl Answer {
    /// The answer to `task`; `choice` tells the answers to one request apart.
    #[must_use]
    pub fn make(task: &Task, choice: usize) -> Self {
        let mut dice =
            SmallRng::seed_from_u64(task.seed.wrapping_add((choice as u64).wrapping_mul(0x2545_f491_4f6c_dd1d)));
        let mut pieces = Vec::new();
        let thoughts = task.directives.reasoning.unwrap_or(0);
        pieces.extend(words::prose(thoughts.min(task.limit), &mut dice).into_iter().map(Piece::Reasoning));
        let mut finish = Finish::Stop;
        match &task.subject {
            Subject::Calls { tools, told } => {
                pieces.extend(calls(tools, &mut dice));
                if *told {
                    finish = Finish::ToolCalls;
                }
            }
            subject => pieces.extend(text(subject, task, &mut dice).into_iter().map(Piece::Text)),
        }
        let mut answer = Self { pieces, finish, stopped_by: None };
        answer.stop_at(&task.stop);
        answer.shorten(task.limit);
        answer
    }

    /// How many of its tokens are reasoning.
    #[must_use]
    pub fn reasoning_tokens(&self) -> usize {
        self.pieces.iter().filter(|piece| matches!(piece, Piece::Reasoning(_))).count()
    }

    /// Ends the text before the first of `stops`; the token that completes one still counts.
    fn stop_at(&mut self, stops: &[String]) {
        let text: String = self.pieces.iter().filter_map(Piece::text).collect();
        let found =
            stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| Some((text.find(stop.as_str())?, stop)));
        let Some((start, stop)) = found.min_by_key(|(at, stop)| at + stop.len()) else { return };
        let (mut at, mut kept) = (0, 0);
        for piece in &mut self.pieces {
            kept += 1;
            let Piece::Text(text) = piece else { continue };
            let length = text.len();
            text.truncate(start.saturating_sub(at).min(length));
            at += length;
            if at >= start + stop.len() {
                break;
            }
        }
        self.pieces.truncate(kept);
        self.finish = Finish::Stop;
        self.stopped_by = Some(stop.clone());
    }

    fn shorten(&mut self, limit: usize) {
        if self.pieces.len() > limit {
            self.pieces.truncate(limit);
            self.finish = Finish::Length;
            self.stopped_by = None;
        }
    }
}

impl Piece {
    fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

fn text(subject: &Subject, task: &Task, dice: &mut SmallRng) -> Vec<String> {
    let owned = |text: &str| tokens::split(text).map(str::to_owned).collect::<Vec<_>>();
    match subject {
        Subject::Echo(message) => owned(message),
        Subject::Json(schema) => owned(&schema::value_for(schema, dice).to_string()),
        Subject::ToolResults(results) => {
            let mut said = owned(&format!("Simulated answer: the tool said {}. ", results.join(" and ")));
            said.extend(words::prose(length(task, dice).min(12), dice));
            said
        }
        Subject::Prose | Subject::Calls { .. } => prose(length(task, dice), dice),
    }
}

/// Made-up text of exactly `tokens` tokens; one in four says first what it is.
fn prose(tokens: usize, dice: &mut SmallRng) -> Vec<String> {
    let says_so = dice.random_bool(0.25);
    if !says_so || tokens < 4 {
        return words::prose(tokens, dice);
    }
    let mut said = vec!["Simulated".to_owned(), " answer: ".to_owned()];
    said.extend(words::prose(tokens - 2, dice));
    said
}

fn length(task: &Task, dice: &mut SmallRng) -> usize {
    let usual = dice.random_range(USUAL_LENGTH).max(task.min_tokens);
    match task.directives.tokens {
        Some(tokens) => tokens.min(task.limit + 1),
        None if task.ignore_end => task.limit + 1,
        None => usual,
    }
}

fn calls(tools: &[ToolUse], dice: &mut SmallRng) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (index, tool) in tools.iter().enumerate() {
        let id = format!("call_{:016x}{:08x}", dice.random::<u64>(), dice.random::<u32>());
        pieces.push(Piece::ToolStart { index, id, name: tool.name.clone() });
        let arguments = schema::value_for(&tool.parameters, dice).to_string();
        pieces.extend(tokens::split(&arguments).map(|text| Piece::ToolArguments { index, text: text.to_owned() }));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task() -> Task {
        Task {
            subject: Subject::Prose,
            directives: Directives::default(),
            limit: 1000,
            min_tokens: 0,
            ignore_end: false,
            stop: Vec::new(),
            seed: 7,
        }
    }

    fn said(answer: &Answer) -> String {
        answer.pieces.iter().filter_map(Piece::text).collect()
    }

    #[test]
    fn the_same_task_has_the_same_answer_and_each_choice_its_own() {
        assert_eq!(Answer::make(&task(), 0), Answer::make(&task(), 0));
        assert_ne!(Answer::make(&task(), 0), Answer::make(&task(), 1));
        assert_ne!(Answer::make(&task(), 0), Answer::make(&Task { seed: 8, ..task() }, 0));
    }

    #[test]
    fn some_answers_say_that_they_are_simulated() {
        let marked = (0..100)
            .filter(|seed| said(&Answer::make(&Task { seed: *seed, ..task() }, 0)).starts_with("Simulated answer:"));
        assert!((10..50).contains(&marked.count()));
    }

    #[test]
    fn a_length_asked_for_is_kept_unless_it_is_over_the_limit() {
        let exact = Task { directives: Directives { tokens: Some(50), ..Directives::default() }, ..task() };
        let answer = Answer::make(&exact, 0);
        assert_eq!((answer.pieces.len(), answer.finish), (50, Finish::Stop));
        let short = Answer::make(&Task { limit: 10, ..exact }, 0);
        assert_eq!((short.pieces.len(), short.finish), (10, Finish::Length));
        let endless = Answer::make(&Task { ignore_end: true, limit: 300, ..task() }, 0);
        assert_eq!((endless.pieces.len(), endless.finish), (300, Finish::Length));
    }

    #[test]
    fn a_stop_string_ends_the_text_before_itself_also_across_tokens() {
        let echo = |stop: &[&str]| {
            let stop = stop.iter().map(|stop| (*stop).to_owned()).collect();
            Answer::make(&Task { subject: Subject::Echo("one two three four".into()), stop, ..task() }, 0)
        };
        for (stops, left, by) in [
            (&["three"][..], "one two ", Some("three")),
            (&["three", "o t"], "one tw", Some("o t")),
            (&["one"], "", Some("one")),
            (&["five", ""], "one two three four", None),
        ] {
            let answer = echo(stops);
            assert_eq!((said(&answer).as_str(), answer.stopped_by.as_deref()), (left, by), "{stops:?}");
        }
        assert_eq!(echo(&["o t"]).pieces.len(), 3, "the token that completes the stop string is the last");
    }

    #[test]
    fn reasoning_comes_first_and_counts() {
        let directives = Directives { reasoning: Some(5), tokens: Some(3), ..Directives::default() };
        let answer = Answer::make(&Task { directives, ..task() }, 0);
        assert_eq!((answer.reasoning_tokens(), answer.pieces.len()), (5, 8));
        assert!(answer.pieces[..5].iter().all(|piece| matches!(piece, Piece::Reasoning(_))));
    }

    #[test]
    fn calls_stream_their_arguments_in_pieces_of_valid_json() {
        let parameters = json!({"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}}});
        let tools = vec![
            ToolUse { name: "a".into(), parameters: parameters.clone() },
            ToolUse { name: "b".into(), parameters },
        ];
        let answer = Answer::make(&Task { subject: Subject::Calls { tools, told: true }, ..task() }, 0);
        assert_eq!(answer.finish, Finish::ToolCalls);
        for call in 0..2 {
            let parts = answer.pieces.iter().filter_map(|piece| match piece {
                Piece::ToolArguments { index, text } if *index == call => Some(text.as_str()),
                _ => None,
            });
            let arguments: Value = serde_json::from_str(&parts.collect::<String>()).unwrap();
            assert!(arguments["city"].is_string());
        }
    }
}
