//! Who gets which name.
//!
//! The order: `weir.yaml`; the model of an `LLMInferenceService` or a pool; an `InferenceService` or graph; an adapter; a
//! rewrite rule. Within a class the older object, then the first by namespace and name. First all get the name
//! that they want most, then the others that they want, and then the one under `publishers/`.

use std::collections::{BTreeSet, HashMap};
use std::iter;

use weir_cluster::{Model, Source};

use super::draft::Draft;
use super::name::{check, qualified};
use super::report::{Claimant, Collision, Fault, Problem};
use crate::objects::ObjectRef;

/// The models that want names.
#[derive(Default)]
pub(super) struct Claims(Vec<Draft>);

/// The names that a draft got.
#[derive(Default)]
struct Won {
    name: Option<String>,
    aliases: Vec<String>,
}

/// Who has which name, and who else wanted it.
struct Register<'a> {
    file: &'a BTreeSet<String>,
    taken: HashMap<String, usize>,
    lost: Vec<(usize, String)>,
}

impl Claims {
    /// A model that wants its names. One whose name cannot be a name is refused.
    pub(super) fn add(&mut self, mut draft: Draft, problems: &mut Vec<Problem>) {
        let refused = |fault| problem(&draft.source, fault);
        problems.extend(draft.also.iter().filter_map(|name| check(name, &draft.namespace).err()).map(refused));
        let fault = check(&draft.name, &draft.namespace).err();
        if let Some(fault) = fault {
            problems.extend(Some(problem(&draft.source, fault)));
            return;
        }
        let (namespace, name) = (&draft.namespace, &draft.name);
        draft.also.retain(|other| other != name && check(other, namespace).is_ok());
        draft.also.sort_unstable();
        draft.also.dedup();
        self.0.push(draft);
    }

    /// Gives the names, and says which could not be given; the models in order of their names.
    pub(super) fn settle(
        mut self,
        file: &BTreeSet<String>,
        problems: &mut Vec<Problem>,
    ) -> (Vec<Model>, Vec<Collision>) {
        self.0.sort_by(|a, b| {
            let class = a.class.cmp(&b.class).then_with(|| a.seniority.cmp(&b.seniority));
            class.then_with(|| a.source.cmp(&b.source)).then_with(|| a.name.cmp(&b.name))
        });
        let drafts = self.0;
        let mut register = Register { file, taken: HashMap::new(), lost: Vec::new() };
        let mut won: Vec<Won> = drafts.iter().map(|_| Won::default()).collect();
        for (place, draft) in drafts.iter().enumerate() {
            won[place].name = register.claim(place, &draft.name);
        }
        for (place, draft) in drafts.iter().enumerate() {
            let got = draft.also.iter().filter_map(|name| register.claim(place, name));
            won[place].aliases.extend(got);
        }
        for (place, draft) in drafts.iter().enumerate() {
            let own = register.own_name(place, draft);
            let won = &mut won[place];
            match (&won.name, own) {
                (Some(_), Some(own)) => won.aliases.push(own),
                (None, own) => won.name = own,
                (Some(_), None) => {}
            }
        }
        let collisions = register.collisions(&drafts, &won);
        let mut models = Vec::with_capacity(drafts.len());
        for (draft, Won { name, mut aliases }) in drafts.into_iter().zip(won) {
            aliases.sort_unstable();
            match name {
                Some(name) => models.push(draft.named(name, aliases)),
                None => problems.push(problem(&draft.source, Fault::NoName)),
            }
        }
        models.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        (models, collisions)
    }
}

impl Register<'_> {
    fn claim(&mut self, place: usize, name: &str) -> Option<String> {
        if self.file.contains(name) || self.taken.contains_key(name) {
            if self.taken.get(name) != Some(&place) {
                self.lost.push((place, name.to_owned()));
            }
            return None;
        }
        self.taken.insert(name.to_owned(), place);
        Some(name.to_owned())
    }

    /// The name under `publishers/`: with the model's name, as KServe has it, or where two of a namespace have that, with
    /// the object's, or with the object's and its kind's.
    fn own_name(&mut self, place: usize, draft: &Draft) -> Option<String> {
        let Source::Object { kind, name: object, .. } = &draft.source else { return None };
        let namespace = &draft.namespace;
        let first = qualified(namespace, &draft.name);
        // A plain name may be the qualified one already.
        if self.taken.get(&first) == Some(&place) {
            return None;
        }
        let others: [&dyn Fn() -> String; 3] =
            [&|| qualified(namespace, object), &|| qualified(namespace, &format!("{kind}/{object}")), &|| {
                qualified(namespace, &format!("{kind}/{object}/{}", draft.name))
            }];
        let free = |name: &String| !self.file.contains(name) && !self.taken.contains_key(name);
        let own = iter::once(first).chain(others.into_iter().map(|other| other())).find(free)?;
        self.taken.insert(own.clone(), place);
        Some(own)
    }

    fn collisions(self, drafts: &[Draft], won: &[Won]) -> Vec<Collision> {
        let collision = |(place, name): (usize, String)| {
            let winner = self.taken.get(&name).map_or(Source::File, |winner| drafts[*winner].source.clone());
            let loser = &drafts[place];
            let listed_as = (name == loser.name).then(|| won[place].name.clone()).flatten();
            Collision { winner: Claimant(winner), loser: Claimant(loser.source.clone()), listed_as, name }
        };
        let mut collisions: Vec<Collision> = self.lost.into_iter().map(collision).collect();
        collisions.sort_unstable();
        collisions.dedup();
        collisions
    }
}

fn problem(source: &Source, fault: Fault) -> Problem {
    match source {
        Source::Object { kind, namespace, name } => {
            let object = ObjectRef { namespace: namespace.as_str().into(), name: name.as_str().into() };
            Problem { kind, object, fault }
        }
        Source::File => Problem { kind: "weir.yaml", object: ObjectRef::default(), fault },
    }
}
