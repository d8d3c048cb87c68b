//! Which calls are asked of a second server.

use super::Compiler;
use crate::file;
use crate::quantity;
use crate::read::At;
use crate::report::Mistake;
use crate::settings::{HedgeAfter, HedgeSettings};

/// The percentile after which a second server is asked, and the most second calls in a hundred, where nothing is said.
const AFTER: HedgeAfter = HedgeAfter::Percentile(95);
const MOST: u32 = 5;

impl Compiler<'_> {
    pub(super) fn hedge(&mut self, section: &At<file::Hedge>) -> HedgeSettings {
        let file = &section.value;
        if file.models.is_empty() {
            let message = "an empty list names no model whose calls are asked twice";
            self.tell(
                Mistake::new("empty-list", file.models.span.clone(), message)
                    .label("empty")
                    .help("name the models, or delete `hedge`"),
            );
        }
        HedgeSettings {
            after: self.hedge_after(file.after.as_ref()),
            percent: self.hedge_most(file.most.as_ref()),
            models: file.models.iter().filter_map(|at| self.model_pattern(at)).collect(),
        }
    }

    fn hedge_after(&mut self, at: Option<&At<file::AfterText>>) -> HedgeAfter {
        let Some(at) = at else {
            return AFTER;
        };
        let text = at.value.0.as_str();
        let help = match text.strip_prefix('p').map(str::parse::<u8>) {
            Some(Ok(percentile @ 50..=99)) => return HedgeAfter::Percentile(percentile),
            Some(_) => "write one from `p50` to `p99`".to_owned(),
            None => match quantity::duration(text) {
                Ok(time) if !time.is_zero() => return HedgeAfter::Time(time),
                Ok(_) => "each call would be made twice: write how long the first may take".to_owned(),
                Err(help) if text.ends_with(char::is_alphabetic) => help,
                Err(help) => format!("{help}, or a share of the latest calls: `p95`"),
            },
        };
        let message = format!("`{text}` does not say after how long a second server is asked");
        self.tell(Mistake::new("duration", at.span.clone(), message).label("`p95`, or `200ms`").help(help));
        AFTER
    }

    fn hedge_most(&mut self, at: Option<&At<file::PercentText>>) -> u32 {
        let Some(at) = at else {
            return MOST;
        };
        let text = at.value.0.trim();
        let help = match text.strip_suffix('%').map(|number| number.trim().parse::<u32>()) {
            Some(Ok(percent @ 1..=100)) => return percent,
            Some(Ok(0)) => "delete `hedge` to ask nobody twice".to_owned(),
            Some(_) => "write a whole number from `1%` to `100%`".to_owned(),
            None if text.parse::<u32>().is_ok() => format!("write `{text}%`"),
            None => "write a whole number and `%`, such as `5%`".to_owned(),
        };
        let message = format!("`{text}` is no share of all calls");
        self.tell(Mistake::new("wrong-value", at.span.clone(), message).label("`1%` to `100%`").help(help));
        MOST
    }
}
