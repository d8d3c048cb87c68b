//! Why parts could not be put together.

/// Why parts could not be put together. Each names the part at fault as the caller named it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComposeError {
    /// There is nothing to compose.
    #[error("the chain is empty: name at least one component")]
    EmptyChain,
    /// The bytes are not a valid binary component: text, a core module, cut short, or made for newer tools.
    #[error("`{part}` is not a WebAssembly component")]
    NotAComponent {
        /// The part at fault.
        part: String,
        /// What the validator said.
        source: anyhow::Error,
    },
    /// The component does not export an HTTP handler at all.
    #[error("`{part}` exports no HTTP handler; a part of a chain exports `wasi:http/handler@0.3.0`")]
    NoHandlerExport {
        /// The part at fault.
        part: String,
    },
    /// The component speaks another version of WASI HTTP, which parts of a chain cannot mix.
    #[error("`{part}` speaks `{found}`; a chain is wired by the literal name `wasi:http/handler@0.3.0`")]
    WrongHandlerVersion {
        /// The part at fault.
        part: String,
        /// The name that was found in its imports or exports.
        found: String,
    },
    /// A part that is not the last one calls no handler, so what stands behind it would never be reached.
    #[error("`{part}` calls no further handler, so `{inner}` behind it would never be reached; put it last")]
    NoHandlerImport {
        /// The part at fault.
        part: String,
        /// The part that stands behind it.
        inner: String,
    },
    /// The last part is a middleware: it wants a handler behind it, and no host has one to give.
    #[error("`{part}` wants a handler behind it, but is the last of the chain")]
    UnfinishedChain {
        /// The part at fault.
        part: String,
    },
    /// The provider exports nothing that the part imports.
    #[error("`{provider}` exports nothing that `{part}` imports")]
    NothingToPlug {
        /// The part that was to be provided for.
        part: String,
        /// The provider.
        provider: String,
    },
    /// Two of Weir's own parts stand in the wrong order, or one stands twice.
    #[error(
        "`{part}` stands behind `{before}`; the order is auth, router, limiter, translator, each once; `gateway` is all four"
    )]
    Order {
        /// The part that stands too late.
        part: String,
        /// A part before it that belongs behind it.
        before: String,
    },
    /// Somebody else's part imports what it cannot be granted.
    #[error("`{part}` imports `{import}`, which it is not granted: {help}")]
    NotGranted {
        /// The part at fault.
        part: String,
        /// What it imports.
        import: String,
        /// What to write, or why there is nothing to write.
        help: &'static str,
    },
    /// Somebody else's part can call, and nobody has said where to.
    #[error(
        "`{part}` imports `wasi:http/client@0.3.0`, and where it may call is not said: add `network: [\"https://…\"]` to \
         it, or `network: []` if it shall run without"
    )]
    NoNetwork {
        /// The part at fault.
        part: String,
    },
    /// A component that stands around parts is not in the folder of components.
    #[error("`{part}` is run over `{component}.wasm`, which is not in the folder of components")]
    Missing {
        /// The part that needs it.
        part: String,
        /// What is missing.
        component: &'static str,
    },
    /// What meets an import differs from it in type.
    #[error("`{part}` imports `{import}` in a form of its own, which nothing here has")]
    Mismatch {
        /// The importing part.
        part: String,
        /// The interface.
        import: String,
        /// What differs.
        source: anyhow::Error,
    },
    /// The parts fit, but the whole could not be written. A fault of the composition library, not of the parts.
    #[error("the chain could not be encoded")]
    Encode(#[source] anyhow::Error),
}
