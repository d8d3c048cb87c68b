//! Configuration and secrets, fetched once an instance.
//!
//! What is kept here outlives a request and is seen by the requests of all tenants: the configuration, which is the
//! same for all, and secrets by name, which only this component can reach.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use weir_core::{Config, ErrorKind, GatewayError, Secret};

use crate::platform;

thread_local! {
    static CONFIG: OnceCell<Rc<Config>> = const { OnceCell::new() };
    static SECRETS: RefCell<BTreeMap<String, Rc<Secret<String>>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The compiled configuration.
///
/// # Errors
/// `Misconfigured` when there is none or when it cannot be read. The client learns no more than that; the log says why.
pub async fn config() -> Result<Rc<Config>, GatewayError> {
    if let Some(config) = CONFIG.with(|cell| cell.get().cloned()) {
        return Ok(config);
    }
    let text = platform::config().await.map_err(|fault| misconfigured(&format!("no configuration: {fault}")))?;
    let config = Rc::new(Config::from_json(&text).map_err(|fault| misconfigured(&fault.to_string()))?);
    // Two requests may have asked at once; the first answer stays.
    Ok(CONFIG.with(|cell| cell.get_or_init(|| config).clone()))
}

/// The secret of this name.
///
/// # Errors
/// `Misconfigured` when there is none.
pub async fn secret(name: &str) -> Result<Rc<Secret<String>>, GatewayError> {
    if let Some(known) = SECRETS.with_borrow(|secrets| secrets.get(name).cloned()) {
        return Ok(known);
    }
    let value = platform::secret(name)
        .await
        .map_err(|fault| misconfigured(&format!("the secret {name} cannot be had: {fault}")))?
        .ok_or_else(|| misconfigured(&format!("there is no secret called {name}")))?;
    let value = Rc::new(Secret::new(value));
    SECRETS.with_borrow_mut(|secrets| secrets.insert(name.to_owned(), value.clone()));
    Ok(value)
}

fn misconfigured(why: &str) -> GatewayError {
    eprintln!("misconfigured: {why}");
    GatewayError::new(
        ErrorKind::Misconfigured,
        "the gateway is misconfigured; its operator finds the reason in its log",
    )
}
