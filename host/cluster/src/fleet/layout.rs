//! Which endpoints and models there are.

use super::{EndpointId, Fleet, Line, ModelId, Share, Slot, Terms, Wake, Wakes};

impl<E: Clone, V: Clone, W> Fleet<E, V, W> {
    /// Adds an endpoint. It counts as well until something else shows.
    pub fn add(&mut self, endpoint: E, terms: Terms) -> EndpointId {
        let (condition, pace, models) = Default::default();
        self.endpoints.insert(Slot { endpoint, terms, in_flight: 0, condition, pace, models })
    }

    /// Keeps an endpoint's state, and changes what is known of it.
    pub fn replace(&mut self, id: EndpointId, endpoint: E, terms: Terms) {
        if let Some(slot) = self.endpoints.get_mut(id) {
            slot.endpoint = endpoint;
            slot.terms = terms;
        }
    }

    /// Forgets an endpoint. Requests that are in flight there end as they may.
    pub fn retire(&mut self, id: EndpointId) {
        let Some(slot) = self.endpoints.remove(id) else { return };
        for model in slot.models {
            for share in self.models.get_mut(model).into_iter().flat_map(|line| &mut line.shares) {
                share.endpoints.retain(|&other| other != id);
            }
        }
    }

    /// Adds a model.
    pub fn add_model(&mut self, shares: Vec<Share<V>>) -> ModelId {
        let (usual, waiting) = Default::default();
        let id = self.models.insert(Line { shares: Vec::new(), usual, waiting });
        self.arrange(id, shares);
        id
    }

    /// Says anew which versions a model has and which endpoints serve each. To be followed by [`Self::serve`].
    pub fn arrange(&mut self, model: ModelId, shares: Vec<Share<V>>) {
        let Some(line) = self.models.get_mut(model) else { return };
        let before = std::mem::replace(&mut line.shares, shares);
        for id in before.iter().flat_map(|share| &share.endpoints) {
            if let Some(slot) = self.endpoints.get_mut(*id) {
                slot.models.retain(|&other| other != model);
            }
        }
        for id in self.models[model].shares.iter().flat_map(|share| &share.endpoints) {
            if let Some(slot) = self.endpoints.get_mut(*id)
                && !slot.models.contains(&model)
            {
                slot.models.push(model);
            }
        }
    }

    /// Forgets a model. Those who wait for it are told.
    pub fn remove_model(&mut self, model: ModelId) -> Wakes<E, V, W> {
        self.arrange(model, Vec::new());
        let Some(line) = self.models.remove(model) else { return Vec::new() };
        self.waiting -= line.waiting.len();
        line.waiting.into_iter().map(|(_, waiter)| Wake::Unavailable(waiter)).collect()
    }
}
