//! The fleet, by example and against laws that hold for any course of events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

type Plain = Fleet<usize, &'static str, u32>;

fn terms(cap: usize) -> Terms {
    Terms { cap, open: true }
}

fn only(endpoints: Vec<EndpointId>) -> Vec<Share<&'static str>> {
    vec![Share { version: "", weight: 1, endpoints }]
}

fn fleet(endpoints: usize, cap: usize) -> (Plain, ModelId, Vec<EndpointId>) {
    let mut fleet = Plain::new(Health::default(), 4, 7);
    let ids: Vec<_> = (0..endpoints).map(|index| fleet.add(index, terms(cap))).collect();
    let model = fleet.add_model(only(ids.clone()));
    (fleet, model, ids)
}

fn granted(take: (Take<usize, &'static str>, Wakes<usize, &'static str, u32>)) -> Grant<usize, &'static str> {
    match take.0 {
        Take::Granted(grant) => grant,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_least_loaded_is_chosen_and_load_is_known_at_once() {
    let (mut fleet, model, _) = fleet(3, 100);
    let now = Instant::now();
    let mut counts = [0; 3];
    for _ in 0..30 {
        counts[granted(fleet.take(model, &[], now)).endpoint] += 1;
    }
    assert_eq!(counts, [10, 10, 10]);
}

#[test]
fn with_many_endpoints_two_choices_keep_the_load_even() {
    let (mut fleet, model, _) = fleet(100, 1000);
    let now = Instant::now();
    let mut counts = vec![0; 100];
    for _ in 0..10_000 {
        counts[granted(fleet.take(model, &[], now)).endpoint] += 1;
    }
    let most = counts.iter().max().unwrap();
    // By chance alone it would be about 125; the law of two choices bounds it by 100 + log log 100.
    assert!(*most <= 105, "{most}");
}

#[test]
fn those_who_wait_are_served_in_their_order_and_not_overtaken() {
    let (mut fleet, model, ids) = fleet(1, 1);
    let now = Instant::now();
    let first = granted(fleet.take(model, &[], now));
    assert_eq!(fleet.take(model, &[], now).0, Take::Busy);
    let tickets: Vec<_> = (0..4).map(|waiter| fleet.wait(model, waiter).unwrap()).collect();
    assert_eq!(fleet.wait(model, 9), Err(9));
    fleet.leave(model, tickets[1]);
    let mut order = Vec::new();
    for _ in 0..3 {
        for wake in fleet.release(ids[0], first.probe, now) {
            let Wake::Granted(waiter, _) = wake else { panic!() };
            order.push(waiter);
        }
    }
    assert_eq!(order, [0, 2, 3]);
}

#[test]
fn a_model_whose_endpoints_went_tells_those_who_wait() {
    let (mut fleet, model, ids) = fleet(1, 1);
    let now = Instant::now();
    granted(fleet.take(model, &[], now));
    fleet.wait(model, 1).unwrap();
    fleet.checked(ids[0], false, now);
    let (change, wakes) = fleet.checked(ids[0], false, now);
    assert_eq!(change, Change::Ejected);
    assert!(matches!(wakes[..], [Wake::Unavailable(1)]));
    assert_eq!(fleet.take(model, &[], now).0, Take::Unavailable);
}

#[test]
fn r1_a_failing_endpoint_gets_nothing_and_comes_back_by_one_probe() {
    let (mut fleet, model, ids) = fleet(3, 100);
    let now = Instant::now();
    for _ in 0..3 {
        fleet.failed(ids[0], Failure::Answer, now);
    }
    for _ in 0..50 {
        let grant = granted(fleet.take(model, &[], now));
        assert_ne!(grant.id, ids[0]);
        fleet.release(grant.id, grant.probe, now);
    }
    let later = now + Health::default().eject_for;
    let probe = granted(fleet.take(model, &[], later));
    assert!(probe.probe && probe.id == ids[0], "it is tried as soon as it may be");
    assert_ne!(granted(fleet.take(model, &[], later)).id, ids[0], "once");
}

#[test]
fn one_server_under_two_models_has_one_cap_and_serves_the_longest_waiting() {
    let mut fleet = Plain::new(Health::default(), 4, 7);
    let now = Instant::now();
    let id = fleet.add(0, terms(1));
    let models = [fleet.add_model(only(vec![id])), fleet.add_model(only(vec![id]))];
    let grant = granted(fleet.take(models[0], &[], now));
    assert_eq!(fleet.take(models[1], &[], now).0, Take::Busy);
    fleet.wait(models[1], 1).unwrap();
    fleet.wait(models[0], 2).unwrap();
    let wakes = fleet.release(grant.id, grant.probe, now);
    assert!(matches!(wakes[..], [Wake::Granted(1, _)]));
}

#[test]
fn g2_a_reload_keeps_the_queue_and_the_load_of_what_stays() {
    let (mut fleet, model, ids) = fleet(1, 1);
    let now = Instant::now();
    granted(fleet.take(model, &[], now));
    fleet.wait(model, 5).unwrap();
    let new = fleet.add(1, terms(1));
    fleet.arrange(model, only(vec![ids[0], new]));
    let wakes = fleet.serve(&[model], now);
    assert!(matches!(&wakes[..], [Wake::Granted(5, grant)] if grant.id == new));
    fleet.retire(ids[0]);
    assert!(fleet.release(ids[0], false, now).is_empty(), "the end of a request to a retired endpoint is no event");
}

fn versions(fleet: &mut Plain, cap: usize, weights: &[(&'static str, u32)]) -> (ModelId, Vec<EndpointId>) {
    let ids: Vec<_> = (0..weights.len()).map(|index| fleet.add(index, terms(cap))).collect();
    let share =
        |(&id, &(version, weight)): (&EndpointId, &(&'static str, u32))| Share { version, weight, endpoints: vec![id] };
    let model = fleet.add_model(ids.iter().zip(weights).map(share).collect());
    (model, ids)
}

#[test]
fn versions_are_called_by_their_weights_within_one_in_a_hundred() {
    let mut fleet = Plain::new(Health::default(), 4, 7);
    let now = Instant::now();
    let (model, _) = versions(&mut fleet, 8, &[("stable", 90), ("canary", 10), ("next", 0)]);
    let mut counts = BTreeMap::new();
    for _ in 0..100_000 {
        let grant = granted(fleet.take(model, &[], now));
        *counts.entry(grant.version).or_insert(0) += 1;
        fleet.release(grant.id, grant.probe, now);
    }
    assert!((89_000..=91_000).contains(&counts["stable"]), "{counts:?}");
    assert_eq!(counts["stable"] + counts["canary"], 100_000);
    let shares: Vec<(&str, f64)> = fleet.shares(model, now).map(|(version, share, _)| (*version, share)).collect();
    assert_eq!(shares, [("stable", 0.9), ("canary", 0.1), ("next", 0.0)]);
}

#[test]
fn a_version_that_cannot_be_called_leaves_its_calls_to_the_others_and_weight_0_gets_none() {
    let mut fleet = Plain::new(Health::default(), 4, 7);
    let now = Instant::now();
    let (model, ids) = versions(&mut fleet, 1, &[("stable", 99), ("canary", 1), ("next", 0)]);
    let both = [(); 2].map(|()| granted(fleet.take(model, &[], now)).version);
    assert!(both.contains(&"stable") && both.contains(&"canary"));
    assert_eq!(fleet.take(model, &[], now).0, Take::Busy, "`next` has room, and no weight");
    for id in &ids[..2] {
        fleet.release(*id, false, now);
    }
    fleet.failed(ids[0], Failure::Connect, now);
    fleet.failed(ids[0], Failure::Connect, now);
    fleet.failed(ids[0], Failure::Connect, now);
    let shares: Vec<f64> = fleet.shares(model, now).map(|(_, share, _)| share).collect();
    assert_eq!(shares, [0.0, 1.0, 0.0]);
    assert_eq!(granted(fleet.take(model, &[], now)).version, "canary");
}

#[test]
fn l1_a_draining_endpoint_ends_what_it_has_and_gets_nothing_new() {
    let (mut fleet, model, ids) = fleet(2, 1);
    let now = Instant::now();
    let first = granted(fleet.take(model, &[], now));
    let drained = ids[first.endpoint];
    fleet.replace(drained, first.endpoint, Terms { cap: 1, open: false });
    granted(fleet.take(model, &[], now));
    assert_eq!(fleet.take(model, &[], now).0, Take::Busy);
    fleet.wait(model, 1).unwrap();
    assert!(fleet.release(drained, first.probe, now).is_empty());
    assert_eq!(fleet.view(drained, now).unwrap().in_flight, 0);
    let other = ids[1 - first.endpoint];
    fleet.replace(other, 1 - first.endpoint, Terms { cap: 1, open: false });
    assert!(matches!(fleet.serve(&[model], now)[..], [Wake::Unavailable(1)]), "nobody waits for what never comes");
}

#[test]
fn r3_one_that_asked_to_be_left_alone_is_and_where_it_is_the_only_one_that_is_said() {
    let (mut fleet, model, ids) = fleet(2, 8);
    let now = Instant::now();
    let until = now + Duration::from_secs(7);
    fleet.hold(ids[0], until);
    for _ in 0..8 {
        assert_eq!(granted(fleet.take(model, &[], now)).id, ids[1]);
    }
    fleet.hold(ids[1], until + Duration::from_secs(1));
    assert_eq!(fleet.take(model, &[], now).0, Take::Held(until));
    assert_eq!(granted(fleet.take(model, &[], until)).id, ids[0]);
}

#[test]
fn r8_of_few_requests_hardly_one_goes_to_an_endpoint_that_is_ten_times_slower() {
    let (mut fleet, model, ids) = fleet(3, 100);
    let mut now = Instant::now();
    let mut slow = 0;
    for _ in 0..1_000 {
        let grant = granted(fleet.take(model, &[], now));
        let took = Duration::from_millis(if grant.id == ids[0] { 200 } else { 20 });
        slow += u32::from(grant.id == ids[0]);
        now += took;
        fleet.succeeded(grant.id, model, Some((Timed::Whole, took)), now);
        fleet.release(grant.id, grant.probe, now);
    }
    assert!((5..20).contains(&slow), "it is tried again now and then: {slow}");
}

#[test]
fn models_and_endpoints_that_are_gone_leave_nothing() {
    let (mut fleet, model, ids) = fleet(1, 1);
    let now = Instant::now();
    granted(fleet.take(model, &[], now));
    fleet.wait(model, 3).unwrap();
    assert!(matches!(fleet.remove_model(model)[..], [Wake::Unavailable(3)]));
    assert_eq!(fleet.take(model, &[], now).0, Take::Unavailable);
    assert_eq!(fleet.wait(model, 4), Err(4));
    fleet.retire(ids[0]);
    assert!(fleet.view(ids[0], now).is_none());
    let next = fleet.add(9, terms(1));
    assert_ne!(next, ids[0], "a place is not given to another");
    assert_eq!(fleet.waiting, 0);
}

/// Something that may happen.
#[derive(Clone, Copy, Debug)]
enum Event {
    Take(usize),
    Retry(usize),
    Release(usize),
    Leave(usize),
    Report(usize, bool, bool),
    Check(usize, bool),
    Pass(u16),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0usize..2).prop_map(Event::Take),
        1 => (0usize..2).prop_map(Event::Retry),
        4 => (0usize..64).prop_map(Event::Release),
        1 => (0usize..64).prop_map(Event::Leave),
        3 => (0usize..64, any::<bool>(), any::<bool>()).prop_map(|(g, ok, connect)| Event::Report(g, ok, connect)),
        1 => (0usize..3, any::<bool>()).prop_map(|(e, ok)| Event::Check(e, ok)),
        1 => (0u16..6_000).prop_map(Event::Pass),
    ]
}

/// What a naive observer knows.
struct Observer {
    fleet: Plain,
    models: Vec<ModelId>,
    ids: Vec<EndpointId>,
    now: Instant,
    held: Vec<Grant<usize, &'static str>>,
    waiting: BTreeMap<u32, (usize, Ticket)>,
    answered: BTreeSet<u32>,
    waiters: u32,
}

const CAP: usize = 3;

impl Observer {
    /// Endpoints 0 and 1 serve the first model, 1 and 2 the second.
    fn new() -> Self {
        let mut fleet = Plain::new(Health::default(), 4, 1);
        let now = Instant::now();
        let ids: Vec<_> = (0..3).map(|index| fleet.add(index, terms(CAP))).collect();
        let models = vec![fleet.add_model(only(ids[..2].to_vec())), fleet.add_model(only(ids[1..].to_vec()))];
        let (held, waiting, answered) = Default::default();
        Self { fleet, models, ids, now, held, waiting, answered, waiters: 0 }
    }

    fn apply(&mut self, event: Event) {
        match event {
            Event::Take(model) => self.take(model, &[]),
            Event::Retry(model) => self.take(model, &[self.ids[model]]),
            Event::Release(at) if !self.held.is_empty() => {
                let grant = self.held.remove(at % self.held.len());
                let wakes = self.fleet.release(grant.id, grant.probe, self.now);
                self.woken(wakes);
            }
            Event::Leave(at) if !self.waiting.is_empty() => {
                let waiter = *self.waiting.keys().nth(at % self.waiting.len()).unwrap();
                let (model, ticket) = self.waiting.remove(&waiter).unwrap();
                self.fleet.leave(self.models[model], ticket);
            }
            Event::Report(at, ok, connect) if !self.held.is_empty() => {
                let id = self.held[at % self.held.len()].id;
                let failure = if connect { Failure::Connect } else { Failure::Answer };
                let (_, wakes) = if ok {
                    self.fleet.succeeded(id, self.models[0], None, self.now)
                } else {
                    self.fleet.failed(id, failure, self.now)
                };
                self.woken(wakes);
            }
            Event::Check(endpoint, ok) => {
                let (_, wakes) = self.fleet.checked(self.ids[endpoint], ok, self.now);
                self.woken(wakes);
            }
            Event::Pass(ms) => self.now += Duration::from_millis(ms.into()),
            Event::Release(_) | Event::Leave(_) | Event::Report(..) => {}
        }
    }

    fn take(&mut self, model: usize, avoid: &[EndpointId]) {
        let waited_before: Vec<u32> = self.waiting.iter().filter(|(_, (m, _))| *m == model).map(|(w, _)| *w).collect();
        let (take, wakes) = self.fleet.take(self.models[model], avoid, self.now);
        self.woken(wakes);
        match take {
            Take::Granted(grant) => {
                assert!(!avoid.contains(&grant.id), "what is to be avoided is");
                let overtaken =
                    avoid.is_empty() && waited_before.iter().any(|waiter| self.waiting.contains_key(waiter));
                assert!(!overtaken, "nobody who waits is overtaken");
                self.hold(model, grant);
            }
            Take::Busy if avoid.is_empty() => {
                self.waiters += 1;
                if let Ok(ticket) = self.fleet.wait(self.models[model], self.waiters) {
                    self.waiting.insert(self.waiters, (model, ticket));
                }
            }
            Take::Busy | Take::Held(_) | Take::Unavailable => {}
        }
    }

    fn hold(&mut self, model: usize, grant: Grant<usize, &'static str>) {
        assert!(grant.endpoint == model || grant.endpoint == model + 1, "an endpoint of the model");
        self.held.push(grant);
    }

    fn woken(&mut self, wakes: Wakes<usize, &'static str, u32>) {
        for wake in wakes {
            let (Wake::Granted(waiter, _) | Wake::Unavailable(waiter)) = &wake;
            assert!(self.answered.insert(*waiter), "nobody is told twice");
            let (model, ticket) = self.waiting.remove(waiter).expect("only those who wait are told");
            let earlier = self.waiting.values().any(|(m, other)| *m == model && *other < ticket);
            assert!(!earlier, "in their order");
            if let Wake::Granted(_, grant) = wake {
                self.hold(model, grant);
            }
        }
    }

    fn check(&self) {
        for view in self.ids.iter().filter_map(|&id| self.fleet.view(id, self.now)) {
            let held = self.held.iter().filter(|grant| grant.endpoint == *view.endpoint).count();
            assert_eq!(view.in_flight, held, "what is in flight is what was granted");
            assert!(held <= CAP, "no more than the cap");
        }
        for (index, &model) in self.models.iter().enumerate() {
            let waiting = self.waiting.values().filter(|(m, _)| *m == index).count();
            assert_eq!(self.fleet.queue_length(model), waiting);
            assert!(waiting <= 4);
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_lost_or_given_twice(events in proptest::collection::vec(event(), 0..300)) {
        let mut observer = Observer::new();
        for event in events {
            observer.apply(event);
            observer.check();
        }
        // At the end, when all is well again and everything is given back, nobody waits.
        for id in observer.ids.clone() {
            let (_, wakes) = observer.fleet.checked(id, true, observer.now);
            observer.woken(wakes);
        }
        observer.now += Duration::from_secs(3600);
        for _ in 0..1000 {
            if observer.held.is_empty() {
                break;
            }
            observer.apply(Event::Release(0));
        }
        for id in observer.ids.clone() {
            let (_, wakes) = observer.fleet.checked(id, true, observer.now);
            observer.woken(wakes);
        }
        while !observer.held.is_empty() {
            observer.apply(Event::Release(0));
        }
        observer.check();
        prop_assert!(observer.waiting.is_empty());
    }
}
