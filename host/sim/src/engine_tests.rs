//! What the engine promises, by example and as laws over random workloads.

use proptest::prelude::*;

use super::*;
use crate::tokens::BlockHash;

fn params() -> EngineParams {
    EngineParams {
        max_num_seqs: 2,
        kv_blocks: 16,
        block_size: 4,
        ttft: Duration::from_millis(50),
        tpot: Duration::from_millis(10),
        jitter: 0.0,
        prefill_rate: 1000.0,
        batch_slowdown: 0.0,
        seed: 1,
    }
}

/// A prompt of `tokens`; `family` decides with which others it shares its blocks.
fn sequence(family: u64, tokens: usize, output_tokens: usize) -> Sequence {
    let blocks = (0..tokens / 4).map(|n| BlockHash::from_raw(family << 32 | n as u64)).collect();
    Sequence { prompt: Prompt { tokens, blocks }, output_tokens, ttft: None, tpot: None, adapter: None }
}

fn ms(millis: u64) -> Time {
    Duration::from_millis(millis)
}

fn moments(outputs: &[Output], id: SequenceId, event: Event) -> Vec<Time> {
    outputs.iter().filter(|output| output.id == id && output.event == event).map(|output| output.at).collect()
}

#[test]
fn the_first_token_waits_for_the_prefill_and_the_others_keep_their_pace() {
    let mut engine = Engine::new(params());
    let id = engine.add(ms(0), sequence(1, 20, 3)).unwrap();
    let outputs = engine.poll(ms(1000));
    assert_eq!(outputs[0].event, Event::Admitted { cached: 0 });
    assert_eq!(moments(&outputs, id, Event::Token), [ms(70), ms(80), ms(90)]);
    assert_eq!(moments(&outputs, id, Event::Finished), [ms(90)]);
}

#[test]
fn a_cached_prefix_is_not_computed_again() {
    let mut engine = Engine::new(params());
    engine.add(ms(0), sequence(1, 20, 1)).unwrap();
    engine.poll(ms(1000));
    let id = engine.add(ms(1000), sequence(1, 20, 1)).unwrap();
    let outputs = engine.poll(ms(2000));
    assert_eq!(outputs[0].event, Event::Admitted { cached: 16 }, "all but the block of the last token");
    assert_eq!(moments(&outputs, id, Event::Token), [ms(1054)]);
}

#[test]
fn the_third_of_two_waits_until_one_is_done() {
    let mut engine = Engine::new(params());
    let first = engine.add(ms(0), sequence(1, 4, 2)).unwrap();
    engine.add(ms(0), sequence(2, 4, 20)).unwrap();
    let third = engine.add(ms(0), sequence(3, 4, 1)).unwrap();
    assert_eq!((engine.load().running, engine.load().waiting), (2, 1));
    let outputs = engine.poll(ms(5000));
    let freed = moments(&outputs, first, Event::Finished);
    assert_eq!(moments(&outputs, third, Event::Admitted { cached: 0 }), freed);
}

#[test]
fn a_full_batch_is_slower() {
    let mut engine = Engine::new(EngineParams { batch_slowdown: 1.0, prefill_rate: 1e9, ..params() });
    let id = engine.add(ms(0), sequence(1, 4, 2)).unwrap();
    engine.add(ms(0), sequence(2, 4, 9)).unwrap();
    let tokens = moments(&engine.poll(ms(5000)), id, Event::Token);
    assert_eq!((tokens[1] - tokens[0]).as_millis(), 20);
}

#[test]
fn out_of_blocks_the_youngest_gives_way_and_still_finishes() {
    let mut engine = Engine::new(EngineParams { kv_blocks: 6, ..params() });
    let old = engine.add(ms(0), sequence(1, 8, 12)).unwrap();
    let young = engine.add(ms(0), sequence(2, 8, 12)).unwrap();
    let outputs = engine.poll(ms(60_000));
    assert_eq!(moments(&outputs, old, Event::Preempted), []);
    assert_eq!(moments(&outputs, young, Event::Preempted).len(), 1);
    assert_eq!(moments(&outputs, young, Event::Token).len(), 12);
    assert!(moments(&outputs, old, Event::Finished) < moments(&outputs, young, Event::Finished));
    engine.check();
}

#[test]
fn cancelling_frees_everything_at_once_and_lets_the_next_one_in() {
    let mut engine = Engine::new(EngineParams { max_num_seqs: 1, ..params() });
    let first = engine.add(ms(0), sequence(1, 8, 50)).unwrap();
    let second = engine.add(ms(0), sequence(2, 4, 1)).unwrap();
    engine.poll(ms(100));
    assert!(engine.cancel(ms(100), first));
    assert!(!engine.cancel(ms(100), first));
    let outputs = engine.poll(ms(100));
    assert_eq!(moments(&outputs, second, Event::Admitted { cached: 0 }), [ms(100)]);
    assert!(engine.cancel(ms(101), second));
    assert_eq!(engine.load(), Load { running: 0, waiting: 0, blocks_used: 0, blocks_total: 16 });
    assert_eq!(engine.next_due(), None);
}

#[test]
fn what_could_never_finish_is_refused() {
    let mut engine = Engine::new(params());
    assert_eq!(engine.add(ms(0), sequence(1, 60, 5)), Err(TooLong { needed: 17, total: 16 }));
    assert!(engine.add(ms(0), sequence(1, 60, 4)).is_ok());
}

#[test]
fn an_embedding_has_a_prefill_and_no_token() {
    let mut engine = Engine::new(params());
    let id = engine.add(ms(0), sequence(1, 20, 0)).unwrap();
    let outputs = engine.poll(ms(1000));
    assert_eq!(moments(&outputs, id, Event::Token), []);
    assert_eq!(moments(&outputs, id, Event::Finished), [ms(70)]);
}

#[test]
fn a_sequence_may_have_a_pace_of_its_own() {
    let mut engine = Engine::new(params());
    let own = Sequence { ttft: Some(ms(500)), tpot: Some(ms(100)), ..sequence(1, 4, 2) };
    let id = engine.add(ms(0), own).unwrap();
    assert_eq!(moments(&engine.poll(ms(5000)), id, Event::Token), [ms(504), ms(604)]);
}

#[derive(Clone, Debug)]
enum Act {
    Add { family: u64, prompt: usize, output: usize },
    Cancel(usize),
    Wait(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => (0..4u64, 1..24usize, 0..24usize).prop_map(|(family, prompt, output)| Act::Add { family, prompt, output }),
        1 => any::<usize>().prop_map(Act::Cancel),
        4 => (0..120u64).prop_map(Act::Wait),
    ]
}

/// Runs the acts; with `eager`, the engine is polled every few milliseconds on the way.
fn play(acts: &[Act], eager: bool) -> (Vec<Output>, Vec<(SequenceId, usize)>, BTreeSet<SequenceId>) {
    let mut engine =
        Engine::new(EngineParams { max_num_seqs: 3, kv_blocks: 13, jitter: 0.3, batch_slowdown: 0.7, ..params() });
    let (mut now, mut outputs, mut added, mut cancelled) = (ms(0), Vec::new(), Vec::new(), BTreeSet::new());
    for act in acts {
        match act {
            Act::Add { family, prompt, output } => {
                added.push((engine.add(now, sequence(*family, *prompt, *output)).unwrap(), *output));
            }
            Act::Cancel(pick) if !added.is_empty() => {
                let (id, _) = added[pick % added.len()];
                if engine.cancel(now, id) {
                    cancelled.insert(id);
                }
            }
            Act::Cancel(_) => {}
            Act::Wait(millis) => {
                for _ in 0..*millis {
                    now += ms(1);
                    if eager {
                        outputs.extend(engine.poll(now));
                        engine.check();
                    }
                }
            }
        }
        engine.check();
    }
    outputs.extend(engine.poll(now + Duration::from_secs(3600)));
    engine.check();
    assert_eq!((engine.load().running, engine.load().waiting, engine.load().blocks_used), (0, 0, 0));
    (outputs, added, cancelled)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Blocks are conserved (`check`), everyone finishes with exactly its tokens, and the time of asking is no matter.
    #[test]
    fn every_sequence_ends_once_with_its_tokens_however_often_it_is_polled(acts in prop::collection::vec(act(), 1..40)) {
        let (outputs, added, cancelled) = play(&acts, false);
        for (id, output) in added {
            let finished = moments(&outputs, id, Event::Finished).len();
            let tokens = moments(&outputs, id, Event::Token).len();
            prop_assert_eq!(finished, usize::from(!cancelled.contains(&id)));
            prop_assert!(tokens == output || cancelled.contains(&id) && tokens <= output);
        }
        prop_assert!(outputs.is_sorted_by_key(|output| output.at));
        prop_assert_eq!(play(&acts, true).0, outputs);
    }

    /// First come, first served: among those never cancelled, first admissions happen in order of arrival.
    #[test]
    fn nobody_is_overtaken_in_the_queue(acts in prop::collection::vec(act(), 1..40)) {
        let (outputs, _, cancelled) = play(&acts, false);
        let mut seen = BTreeSet::new();
        let admitted: Vec<_> = outputs
            .iter()
            .filter(|output| matches!(output.event, Event::Admitted { .. }) && !cancelled.contains(&output.id))
            .filter(|output| seen.insert(output.id))
            .map(|output| output.id)
            .collect();
        prop_assert!(admitted.is_sorted());
    }
}
