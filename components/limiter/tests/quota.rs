//! What a quota promises, case by case.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]
#![allow(clippy::disallowed_methods, reason = "the host that shares a quota has threads")]

mod support;

use std::sync::{Arc, Mutex};

use support::*;
use weir_core::config::{LimitFilter, LimitUnit, Per, Window};
use weir_core::control::{DenyScope, Reserve};
use weir_core::{Millis, Pattern};
use weir_limiter::{AttemptId, Quota, QuotaBounds, Settlement};

fn quota(limits: &[weir_core::config::Limit]) -> Quota {
    Quota::new(limits, QuotaBounds::default())
}

#[test]
fn q1_of_1000_concurrent_requests_exactly_100_are_admitted() {
    let quota = Arc::new(Mutex::new(quota(&[requests(100)])));
    let workers: Vec<_> = (0..8)
        .map(|worker| {
            let quota = quota.clone();
            std::thread::spawn(move || {
                (0..125)
                    .filter(|n| {
                        let ask = ask(worker * 125 + n, 10, 10);
                        is_granted(&quota.lock().unwrap().reserve(START, &ask))
                    })
                    .count()
            })
        })
        .collect();
    let admitted: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert_eq!(admitted, 100);
}

#[test]
fn q2_a_budget_of_10_never_holds_more_and_failures_give_back() {
    let mut quota = quota(&[tokens(10)]);
    let streams: Vec<Reserve> = (0..50).map(|number| ask(number, 0, 1)).collect();
    let running: Vec<&Reserve> = streams.iter().filter(|stream| is_granted(&quota.reserve(START, stream))).collect();
    assert_eq!((running.len(), quota.held()), (10, 10));
    for failed in &running[..4] {
        quota.settle(later(10), &settle(failed, 0, 0));
    }
    let more = streams.iter().skip(10).filter(|stream| is_granted(&quota.reserve(later(20), stream))).count();
    assert_eq!((more, quota.held()), (4, 10));
}

#[test]
fn q3_a_crash_between_reserve_and_settle_is_charged_within_two_minutes() {
    let mut quota = quota(&[tokens(100)]);
    let ask = ask(1, 40, 60);
    granted(quota.reserve(START, &ask));
    assert!(quota.expire(later(89_999)).is_empty());
    let expired = quota.expire(later(90_000));
    assert_eq!(expired.len(), 1);
    assert_eq!((expired[0].id.request, expired[0].estimate), (ask.request, ask.estimate));
    assert_eq!((quota.held(), quota.reservations()), (0, 0));
    let deny = denied(quota.reserve(later(90_001), &support::ask(2, 0, 1)));
    assert_eq!(deny.limits[0].remaining, 0, "what expired is charged as estimated");
    granted(quota.reserve(later(90_000 + 63_000), &support::ask(3, 40, 60)));
}

#[test]
fn a_late_settlement_mends_what_an_expired_lease_was_charged() {
    let mut quota = quota(&[tokens(100)]);
    let ask = ask(1, 40, 60);
    granted(quota.reserve(START, &ask));
    quota.expire(later(90_000));
    assert_eq!(quota.settle(later(91_000), &settle(&ask, 5, 5)), Settlement::Corrected);
    assert_eq!(quota.settle(later(91_001), &settle(&ask, 5, 5)), Settlement::Repeated);
    assert_eq!(granted(quota.reserve(later(91_002), &support::ask(2, 45, 45))).limits[0].remaining, 0);
}

#[test]
fn a_lease_that_is_renewed_does_not_run_out() {
    let mut quota = quota(&[tokens(100)]);
    let reservation = granted(quota.reserve(START, &ask(1, 1, 1))).reservation.unwrap();
    for minute in 1..10 {
        assert_eq!(quota.renew(later(minute * 60_000), &reservation).unwrap().lease, Millis(90_000));
        assert!(quota.tick(later(minute * 60_000 + 89_000)).is_empty());
    }
    assert!(quota.renew(START, "0192f0c1-0000-7000-8000-000000000000.1").is_none());
    assert!(quota.renew(START, "nonsense").is_none());
}

#[test]
fn requests_are_charged_once_whatever_the_attempts() {
    let mut quota = quota(&[requests(2)]);
    let first = ask(1, 1, 1);
    for attempt in 1..=3 {
        let again = Reserve { attempt, ..first.clone() };
        assert_eq!(granted(quota.reserve(START, &again)).limits[0].remaining, 1, "attempt {attempt}");
        quota.settle(START, &settle(&again, 0, 0));
    }
    granted(quota.reserve(START, &ask(2, 1, 1)));
    let deny = denied(quota.reserve(START, &ask(3, 1, 1)));
    assert_eq!((deny.scope, deny.limit.as_str(), deny.never), (DenyScope::Caller, "requests", false));
    assert_eq!(deny.retry_after, Millis(63_000), "a window and a slot later");
    granted(quota.reserve(START, &Reserve { attempt: 4, ..first }));
}

#[test]
fn a_backends_requests_are_charged_for_each_attempt_that_goes_there() {
    let per_backend = limit("backend", Per::Backend, LimitUnit::Requests, 2, Window::Minute);
    let mut quota = quota(&[per_backend]);
    let only_a = Reserve { candidates: vec![candidate("a")], ..ask(1, 1, 1) };
    granted(quota.reserve(START, &only_a));
    granted(quota.reserve(START, &Reserve { attempt: 2, ..only_a.clone() }));
    assert_eq!(denied(quota.reserve(START, &Reserve { attempt: 3, ..only_a })).scope, DenyScope::Backends);
}

#[test]
fn the_first_candidate_that_fits_is_chosen() {
    let filter = LimitFilter { backends: vec![Pattern::new("a")], ..LimitFilter::default() };
    let backend = limit("backend-a", Per::Backend, LimitUnit::TotalTokens, 10, Window::Minute);
    let mut quota = quota(&[weir_core::config::Limit { filter, ..backend }, requests(3)]);
    assert_eq!(granted(quota.reserve(START, &ask(1, 5, 5))).candidate, 0);
    assert_eq!(granted(quota.reserve(START, &ask(2, 5, 5))).candidate, 1);
    let only_a = Reserve { candidates: vec![candidate("a")], ..ask(3, 5, 5) };
    let deny = denied(quota.reserve(START, &only_a));
    assert_eq!((deny.scope, deny.limit.as_str()), (DenyScope::Backends, "backend-a"));
    assert_eq!(deny.limits[0].remaining, 1, "a denial charges nothing");
    let too_large = Reserve { candidates: vec![candidate("a")], ..ask(4, 5, 6) };
    assert!(denied(quota.reserve(START, &too_large)).never);
}

#[test]
fn what_is_larger_than_the_limit_never_fits() {
    let mut quota = quota(&[tokens(100), requests(10)]);
    let deny = denied(quota.reserve(START, &ask(1, 100, 1)));
    assert!(deny.never && deny.limit == "tokens");
    granted(quota.reserve(START, &ask(2, 100, 0)));
    let huge = ask(3, u64::MAX, u64::MAX);
    assert!(denied(quota.reserve(START, &huge)).never);
}

#[test]
fn asking_twice_for_an_attempt_finds_the_same_reservation() {
    let mut quota = quota(&[requests(5), tokens(100)]);
    let (ask, held) = (ask(1, 10, 20), 30);
    let first = granted(quota.reserve_for(START, "edge", &ask));
    let second = granted(quota.reserve_for(START, "edge", &ask));
    assert_eq!((first.reservation, first.limits), (second.reservation.clone(), second.limits));
    assert_eq!((quota.held(), quota.reservations()), (held, 1));
    let attempt: AttemptId = second.reservation.unwrap().parse().unwrap();
    assert_eq!(quota.owner(attempt), Some("edge"));
    quota.settle(later(6), &settle(&ask, 1, 1));
    assert_eq!(quota.owner(attempt), Some("edge"), "also after it is over");
    assert_eq!(granted(quota.reserve_for(later(7), "edge", &ask)).reservation, None, "what is over holds nothing");
    assert_eq!(quota.held(), 0);
}

#[test]
fn an_attempt_that_nothing_was_reserved_for_is_charged_when_it_settles() {
    let mut quota = quota(&[requests(5), tokens(100)]);
    let stranger = ask(1, 10, 20);
    assert_eq!(quota.settle(START, &settle(&stranger, 30, 30)), Settlement::Unreserved);
    assert_eq!(quota.settle(START, &settle(&stranger, 30, 30)), Settlement::Repeated);
    let limits = granted(quota.reserve(START, &ask(2, 0, 0))).limits;
    assert_eq!(limits.iter().find(|state| state.name == "tokens").unwrap().remaining, 40);
    assert_eq!(limits.iter().find(|state| state.name == "requests").unwrap().remaining, 3);
}

#[test]
fn no_limit_no_reservation() {
    let mut quota = quota(&[]);
    let grant = granted(quota.reserve(START, &ask(1, 10, 20)));
    assert_eq!((grant.reservation, grant.candidate, grant.limits.len()), (None, 0, 0));
    let nowhere = Reserve { candidates: vec![], ..ask(2, 1, 1) };
    assert!(denied(quota.reserve(START, &nowhere)).never);
}

#[test]
fn the_tightest_limit_comes_first() {
    let mut quota = quota(&[requests(10), tokens(100)]);
    let limits = granted(quota.reserve(START, &ask(1, 40, 55))).limits;
    let names: Vec<_> = limits.iter().map(|state| (state.name.as_str(), state.remaining)).collect();
    assert_eq!(names, [("tokens", 5), ("requests", 9)]);
}

#[test]
fn a_reload_keeps_what_counts_against_an_unchanged_limit() {
    let mut quota = quota(&[requests(5), tokens(100)]);
    let running = ask(1, 40, 50);
    granted(quota.reserve(START, &running));
    quota.reload(&[tokens(100), requests(7)]);
    let limits = granted(quota.reserve(START, &ask(2, 0, 0))).limits;
    assert_eq!((limits[0].remaining, limits[1].remaining), (10, 6), "{limits:?}");
    quota.reload(&[requests(7)]);
    quota.settle(START, &settle(&running, 40, 50));
    assert_eq!(quota.held(), 0);
}

#[test]
fn keys_do_not_share() {
    let mut quota = quota(&[requests(1)]);
    granted(quota.reserve(START, &ask(1, 1, 1)));
    granted(quota.reserve(START, &Reserve { principal: principal("phone"), ..ask(2, 1, 1) }));
    denied(quota.reserve(START, &ask(3, 1, 1)));
}

#[test]
fn memory_is_bounded() {
    let bounds = QuotaBounds { counters: 100, reservations: 50, remembered: 10, ..QuotaBounds::default() };
    let mut quota = Quota::new(&[requests(5), tokens(100)], bounds);
    let mut ended = 0;
    for number in 0..2_000 {
        ended += quota.expire(later(number)).len();
        let principal = principal(&format!("key-{number}"));
        let ask = Reserve { principal, ..ask(number, 1, 1) };
        granted(quota.reserve(later(number), &ask));
        if number % 2 == 0 {
            quota.settle(later(number), &settle(&ask, 1, 1));
        }
        assert!(quota.reservations() <= 50 && quota.counters() <= 200, "{} {}", quota.reservations(), quota.counters());
    }
    assert_eq!(ended, 950, "the oldest leases ended early, and are told of");
}

#[test]
fn idle_counters_are_forgotten() {
    let mut quota = quota(&[requests(5)]);
    for number in 0..500 {
        let principal = principal(&format!("key-{number}"));
        granted(quota.reserve(START, &Reserve { principal, ..ask(number, 1, 1) }));
    }
    assert_eq!(quota.counters(), 500);
    for _ in 0..4 {
        quota.tick(later(200_000));
    }
    assert_eq!(quota.counters(), 0);
}
