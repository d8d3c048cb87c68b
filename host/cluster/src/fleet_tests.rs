//! The fleet, by example and against laws that hold for any course of events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

type Plain = Fleet<usize, u32>;

fn fleet(endpoints: usize, cap: usize) -> (Plain, ModelId, Vec<EndpointId>) {
    let mut fleet = Plain::new(Health::default(), 4, 7);
    let ids: Vec<_> = (0..endpoints).map(|index| fleet.add(index, cap)).collect();
    let (models, _) = fleet.arrange(vec![("m".into(), ids.clone())], Instant::now());
    (fleet, models[0], ids)
}

fn granted(take: (Take<usize>, Vec<Wake<usize, u32>>)) -> Grant<usize> {
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
    let id = fleet.add(0, 1);
    let (models, _) = fleet.arrange(vec![("a".into(), vec![id]), ("b".into(), vec![id])], now);
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
    let new = fleet.add(1, 1);
    let (models, wakes) = fleet.arrange(vec![("m".into(), vec![ids[0], new])], now);
    assert_eq!(models[0], model);
    assert!(matches!(&wakes[..], [Wake::Granted(5, grant)] if grant.id == new));
    fleet.retire(ids[0]);
    assert!(fleet.release(ids[0], false, now).is_empty(), "the end of a request to a retired endpoint is no event");
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
    held: Vec<Grant<usize>>,
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
        let ids: Vec<_> = (0..3).map(|index| fleet.add(index, CAP)).collect();
        let layout = vec![("a".into(), ids[..2].to_vec()), ("b".into(), ids[1..].to_vec())];
        let (models, _) = fleet.arrange(layout, now);
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
                let (_, wakes) =
                    if ok { self.fleet.succeeded(id, self.now) } else { self.fleet.failed(id, failure, self.now) };
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
            Take::Busy | Take::Unavailable => {}
        }
    }

    fn hold(&mut self, model: usize, grant: Grant<usize>) {
        assert!(grant.endpoint == model || grant.endpoint == model + 1, "an endpoint of the model");
        self.held.push(grant);
    }

    fn woken(&mut self, wakes: Vec<Wake<usize, u32>>) {
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
        for view in self.fleet.views() {
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
