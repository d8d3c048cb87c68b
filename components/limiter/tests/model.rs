//! The quota against a naive model, and under a clock that jumps.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::*;
use weir_core::config::{LimitUnit, Per, Window};
use weir_core::control::{Reserve, Reserved};
use weir_core::{Millis, UnixMillis};
use weir_limiter::{Quota, QuotaBounds};

const AMOUNT: u64 = 100;
const WINDOW: u64 = 60_000;
const SLOT: u64 = WINDOW / 20;
const LEASE: u64 = 90_000;

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Reserve {
        input: u64,
        output: u64,
    },
    /// Settles one of the attempts so far, whatever became of it, for this share of its estimate in percent.
    Settle {
        which: prop::sample::Index,
        percent: u64,
    },
    Renew {
        which: prop::sample::Index,
    },
    Tick,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..20_000_u64).prop_map(Step::Wait),
        1 => (0..200_000_u64).prop_map(Step::Wait),
        6 => (0..40_u64, 0..70_u64).prop_map(|(input, output)| Step::Reserve { input, output }),
        5 => (any::<prop::sample::Index>(), 0..=100_u64).prop_map(|(which, percent)| Step::Settle { which, percent }),
        1 => any::<prop::sample::Index>().prop_map(|which| Step::Renew { which }),
        1 => Just(Step::Tick),
    ];
    prop::collection::vec(step, 1..120)
}

/// Every use that ever was, each with its time; nothing is ever forgotten or rounded.
#[derive(Default)]
struct Model {
    used: Vec<(u64, u64)>,
    held: BTreeMap<u64, (u64, u64)>,
    expired: BTreeMap<u64, usize>,
}

impl Model {
    fn used_within(&self, now: u64, length: u64) -> u64 {
        self.used.iter().filter(|(at, _)| at + length > now).map(|(_, amount)| amount).sum()
    }

    fn holds(&self) -> u64 {
        self.held.values().map(|(amount, _)| amount).sum()
    }

    fn expire(&mut self, now: u64) -> usize {
        let over: Vec<u64> = self.held.iter().filter(|(_, (_, end))| *end <= now).map(|(number, _)| *number).collect();
        for number in &over {
            let (amount, _) = self.held.remove(number).unwrap();
            self.expired.insert(*number, self.used.len());
            self.used.push((now, amount));
        }
        over.len()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Never admits what the exact window would not; always admits what would fit if the window were a slot longer.
    #[test]
    fn it_agrees_with_a_naive_model(steps in steps()) {
        let mut quota = Quota::new(&[tokens(AMOUNT)], QuotaBounds::default());
        let (mut model, mut asks, mut now) = (Model::default(), Vec::<Reserve>::new(), 0);
        for step in steps {
            match step {
                Step::Wait(length) => now += length,
                Step::Tick => prop_assert_eq!(quota.tick(later(now)).len(), model.expire(now)),
                Step::Reserve { input, output } => {
                    let number = asks.len() as u64;
                    let ask = ask(number, input, output);
                    let wanted = model.holds() + input + output;
                    match quota.reserve(later(now), &ask) {
                        Reserved::Granted(_) => {
                            prop_assert!(input + output == 0 || model.used_within(now, WINDOW) + wanted <= AMOUNT);
                            model.held.insert(number, (input + output, now + LEASE));
                        }
                        Reserved::Denied(deny) => {
                            prop_assert!(model.used_within(now, WINDOW + SLOT) + wanted > AMOUNT);
                            prop_assert_eq!(deny.never, input + output > AMOUNT);
                        }
                    }
                    asks.push(ask);
                }
                Step::Settle { which, percent } if !asks.is_empty() => {
                    let number = which.index(asks.len());
                    let ask = &asks[number];
                    let share = |tokens: u64| tokens * percent / 100;
                    let (input, output) = (share(ask.estimate.input.0), share(ask.estimate.output.0));
                    let number = number as u64;
                    let known = model.held.contains_key(&number) || model.expired.contains_key(&number);
                    // The quota would charge strangers and remember them; they have a test of their own.
                    if !known {
                        continue;
                    }
                    prop_assert!(weir_core::control::Settled::from(quota.settle(later(now), &settle(ask, input, output))).first);
                    if model.held.remove(&number).is_some() {
                        model.used.push((now, input + output));
                    } else if let Some(charge) = model.expired.remove(&number) {
                        model.used[charge].1 = input + output;
                    }
                    prop_assert!(!weir_core::control::Settled::from(quota.settle(later(now), &settle(ask, 99, 99))).first);
                }
                Step::Renew { which } if !asks.is_empty() => {
                    let number = which.index(asks.len()) as u64;
                    let id = format!("{}.1", id(number));
                    let lives = model.held.get_mut(&number).map(|(_, end)| *end = now + LEASE).is_some();
                    prop_assert_eq!(quota.renew(later(now), &id).is_some(), lives);
                }
                Step::Settle { .. } | Step::Renew { .. } => {}
            }
            prop_assert_eq!(quota.held(), model.holds(), "budgets conserve");
            prop_assert!(model.used_within(now, WINDOW) + model.holds() <= AMOUNT);
        }
    }

    /// What a denial says of when to come again is true, when nothing else happens meanwhile and nothing is held.
    #[test]
    fn retry_after_is_kept(uses in prop::collection::vec((0..10_000_u64, 1..50_u64), 1..12), wanted in 1..=AMOUNT) {
        let mut quota = Quota::new(&[tokens(AMOUNT)], QuotaBounds::default());
        let mut now = 0;
        for (number, (wait, amount)) in uses.into_iter().enumerate() {
            now += wait;
            let ask = ask(number as u64, amount, 0);
            if is_granted(&quota.reserve(later(now), &ask)) {
                quota.settle(later(now), &settle(&ask, amount, 0));
            }
        }
        let again = ask(1_000, wanted, 0);
        if let Reserved::Denied(deny) = quota.reserve(later(now), &again) {
            let Millis(wait) = deny.retry_after;
            prop_assert!(wait > 0 && wait <= WINDOW + SLOT);
            prop_assert!(!is_granted(&quota.reserve(later(now + wait - 1), &again)), "no sooner");
            prop_assert!(is_granted(&quota.reserve(later(now + wait), &again)), "and not later");
        }
    }

    /// Q4. Jumps of the clock: nothing is stuck, and each jump forward lets go of one window at most.
    #[test]
    fn q4_jumps_of_the_clock_give_no_more_than_one_window_each(
        moves in prop::collection::vec((0..5_000_u64, prop_oneof![
            8 => Just(0_i64),
            1 => Just(-3_600_000_i64),
            1 => Just(86_400_000_i64),
            1 => -900..0_i64,
        ]), 1..200),
        window in prop_oneof![Just(Window::Second), Just(Window::Minute), Just(Window::Hour)],
    ) {
        let per_key = limit("requests", Per::Key, LimitUnit::Requests, 10, window);
        let mut quota = Quota::new(&[per_key], QuotaBounds::default());
        let (mut clock, mut elapsed, mut forward, mut number, mut admitted) = (START.0 as i64, 0, 0, 0, 0);
        for (passed, jump) in moves {
            elapsed += passed;
            forward += u64::from(jump > 0);
            clock += passed as i64 + jump;
            for _ in 0..12 {
                number += 1;
                admitted += u64::from(is_granted(&quota.reserve(UnixMillis(clock as u64), &ask(number, 0, 0))));
            }
        }
        let windows = elapsed / window.length().0 + 1 + forward;
        prop_assert!(admitted <= 10 * windows, "{} in {} windows", admitted, windows);
        // Not stuck: a window and a slot later (and a second, by which readings may be out of order), all is free.
        let rest = window.length().0 / 20 * 21 + 1_000;
        for number in 1..=10 {
            let now = UnixMillis(clock as u64 + rest);
            let ask = ask(1_000_000 + number, 0, 0);
            prop_assert!(is_granted(&quota.reserve(now, &ask)));
        }
    }
}
