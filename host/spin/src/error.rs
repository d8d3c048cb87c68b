//! Why there is no manifest.

use crate::MAX_CONFIG_BYTES;

/// Why there is no manifest.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpinError {
    /// There is no chain.
    #[error("there is no chain, so there is nothing for Spin to run")]
    NoChain,
    /// A chain has no part.
    #[error("the chain {} is empty: name at least one component", of(tenant.as_deref()))]
    EmptyChain {
        /// Whose chain it is.
        tenant: Option<String>,
    },
    /// A path that cannot be a route.
    #[error(
        "`{path}` cannot be a route: write a leading `/` and segments of letters, digits, `-`, `_`, `.` or `~`, and no \
         trailing `/`, such as `/research`"
    )]
    Path {
        /// The path.
        path: String,
    },
    /// A tenant wants a host, and Spin routes by paths alone.
    #[error(
        "the tenant `{tenant}` is at the host `{host}`, and Spin's HTTP trigger knows paths only: write `at: {{ path: \
         /{tenant} }}`, or make an application for this tenant alone with `--tenant {tenant}` and lead the host to it"
    )]
    Host {
        /// The tenant.
        tenant: String,
        /// The host.
        host: String,
    },
    /// A tenant has a chain of its own and no place for it.
    #[error(
        "the tenant `{tenant}` has a chain of its own, and nothing says which requests are its: write `at: {{ path: \
         /{tenant} }}`, or make an application for this tenant alone with `--tenant {tenant}`"
    )]
    NoPlace {
        /// The tenant.
        tenant: String,
    },
    /// Two chains have one route.
    #[error("the chains {} and {} have the same route, `{route}`", of(first.as_deref()), of(second.as_deref()))]
    SameRoute {
        /// The route.
        route: String,
        /// Whose chain has it.
        first: Option<String>,
        /// Whose chain has it, too.
        second: Option<String>,
    },
    /// A configuration is too long for a variable.
    #[error(
        "the configuration of the chain {} has {bytes} bytes, and a Spin variable holds {MAX_CONFIG_BYTES}: give \
         tenants chains of their own with `at:`, or bake the configuration in with `weir compose --settings \
         settings-spin.wasm` and make that file the application's one component",
        of(tenant.as_deref())
    )]
    ConfigTooLong {
        /// Whose chain it is.
        tenant: Option<String>,
        /// How long it is.
        bytes: usize,
    },
    /// Two secrets would share a variable.
    #[error("the secrets `{first}` and `{second}` would both be the variable `{variable}`: rename one")]
    SameVariable {
        /// The variable.
        variable: String,
        /// One of the secrets.
        first: String,
        /// The other one.
        second: String,
    },
    /// Two different things would share a component's id, or a variable.
    #[error("`{first}` and `{second}` would both be called `{id}` in the manifest: rename one")]
    SameId {
        /// The name in the manifest.
        id: String,
        /// One of them.
        first: String,
        /// The other one.
        second: String,
    },
    /// A name has nothing of which Spin could make one.
    #[error("`{name}` cannot be a name in a Spin manifest: it has no ASCII letter")]
    Name {
        /// The name.
        name: String,
    },
}

/// Whose chain, in words.
fn of(tenant: Option<&str>) -> String {
    tenant.map_or_else(|| "for all tenants".to_owned(), |tenant| format!("of `{tenant}`"))
}
