//! What the user typed. Each command's help says what it is for and shows how it is used.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};

/// A two-tier gateway for generative AI: one API in front of every model.
///
/// Tier one (`weir edge`) runs WebAssembly components: who is calling, where the call goes, how much may be used,
/// which dialect the other side speaks. Tier two (`weir host`) runs in the cluster, in front of the model servers,
/// and keeps what the edge cannot keep.
#[derive(Parser)]
#[command(name = "weir", version, max_term_width = 100, after_help = EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// What is logged to stderr, as a filter: `warn`, `info`, `weir_edge=debug`.
    #[arg(long, global = true, env = "WEIR_LOG", default_value = "warn", value_name = "FILTER")]
    pub(crate) log: String,
}

const EXAMPLES: &str = "\
Examples:
  weir up                                both tiers on this machine, with a simulated model
  weir check --config weir.yaml          is the configuration right? every mistake, with its place
  weir edge --config weir.yaml           tier one alone
  weir host --config weir.yaml           tier two alone
  weir fleet --follow                    what tier two serves, and how it is, live
  weir compose --tenant demo -o demo.wasm  a tenant's chain as one .wasm file, for any runtime
  weir key client .weir/client.key       a new API key in a file, and its hash for the configuration

Exit codes: 0 done; 64 wrong usage; 78 wrong configuration; 1 anything else.";

const COMPOSE_EXAMPLES: &str = "\
Examples:
  weir compose -o chain.wasm                         the chain of `edge`, for all tenants
  weir compose --tenant research -o research.wasm    the tenant's chain and what it needs; others are refused
  weir compose --locked -o chain.wasm                only if everything is as weir.lock says
  weir compose --spin -o spin.toml                   a manifest for Spin, for all tenants
  weir compose --inspect chain.wasm                  what a file is made of, from the file alone
  wasmtime serve -S cli -S inherit-env=y chain.wasm  run it";

const FLEET_EXAMPLES: &str = "\
Examples:
  weir fleet                               every model, where it was found, how its servers are
  weir fleet --endpoints --model llama     one model, with each of its servers
  weir fleet --follow                      the table, kept current; in a pipe, a line for each change
  weir fleet --json | jq '.models[] | select(.status != \"ready\")'
  weir fleet --control https://weir.example.com:3200 --key-file admin.key

What it shows:
  FROM      the object that it was found in, as kubectl abbreviates kinds, or weir.yaml
  STATUS    ready; no server, unwell; not ready, loading, failed, stopped, at zero, and why
  VERSIONS  versions and their shares, where there are several
  WELL      servers that are called, of all: others are put aside, down or draining
  WAITING   calls that wait for room

The key is that of `host.admin_key`: --key-file, WEIR_ADMIN_KEY, or what the configuration names.";

/// What is to be done.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run both tiers in one process, for a laptop
    ///
    /// Missing keys that the configuration marks with `create: true` are made first. Models of tier two without an
    /// endpoint are served by the simulator. When everything answers, a line with `ready` is printed, and then a
    /// `curl` command that works as it stands.
    Up(UpArgs),

    /// Run tier one: the components, on the embedded WebAssembly runtime
    Edge(ConfigArgs),

    /// Run tier two: the cluster's side, with the control plane
    Host(ConfigArgs),

    /// Show what tier two serves: models, versions, servers, and how they are
    ///
    /// Asks the control plane of a running tier two. With `--follow` it goes on: on a terminal the table is kept current, in
    /// a pipe a line is written for each change.
    #[command(after_help = FLEET_EXAMPLES)]
    Fleet(FleetArgs),

    /// Run a simulated model server that behaves like vLLM, for demos, tests and load
    Sim(Box<weir_sim::SimOptions>),

    /// Check a configuration and say what is wrong, where, and how to mend it
    Check(CheckArgs),

    /// Make keys
    #[command(subcommand)]
    Key(KeyCommand),

    /// Print the JSON schema of weir.yaml, for editors
    Schema,

    /// Make one .wasm file of a chain, with its configuration in it
    ///
    /// The file exports `wasi:http/handler@0.3.0` and runs on any runtime of WASI 0.3. Which parts are in it, and what
    /// each may see, says `chain` of `edge` or of the tenant. Secrets are not in it: each is read from an environment
    /// variable where it runs, and those are printed. The same input gives the same bytes.
    ///
    /// Beside the file stands `weir.lock`, which says what it was made of: every part's digest, the configuration's, and
    /// who was granted what.
    #[command(after_help = COMPOSE_EXAMPLES)]
    Compose(ComposeArgs),
}

/// Where the configuration is.
#[derive(Args, Clone)]
pub(crate) struct ConfigArgs {
    /// The configuration.
    #[arg(long, short, env = "WEIR_CONFIG_FILE", default_value = "weir.yaml", value_name = "FILE")]
    pub(crate) config: PathBuf,
}

/// `weir up`
#[derive(Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// The simulator's time to the first token, for models without an endpoint.
    #[arg(long, default_value = "120ms", value_name = "DURATION")]
    pub(crate) sim_ttft: String,

    /// The simulator's time for each further token.
    #[arg(long, default_value = "20ms", value_name = "DURATION")]
    pub(crate) sim_tpot: String,
}

/// `weir check`
#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Print the compiled configuration: what components get as `WEIR_CONFIG`.
    #[arg(long)]
    pub(crate) compile: bool,
}

/// `weir fleet`
#[derive(Args)]
pub(crate) struct FleetArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// The control plane's URL. Default: where the configuration has its `host.control`.
    #[arg(long, env = "WEIR_CONTROL", value_name = "URL")]
    pub(crate) control: Option<String>,

    /// A file with the console's key.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,

    /// A PEM file of the authorities that the control plane's certificate must be from. Default: this machine's.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,

    /// This model alone, by any of its names.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,

    /// Show each endpoint, and each watch of the cluster's API server.
    #[arg(long, short)]
    pub(crate) endpoints: bool,

    /// Go on, and show what changes.
    #[arg(long, short)]
    pub(crate) follow: bool,

    /// Print the document itself: with `--follow`, a line for each change.
    #[arg(long, conflicts_with = "endpoints")]
    pub(crate) json: bool,
}

/// `weir key …`
#[derive(Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an API key for a client: the key goes to FILE, its hash is printed
    Client {
        /// A file that does not exist yet.
        file: PathBuf,
    },
    /// Make a signing key for an edge: the private key goes to FILE, the public one to FILE with `.pub`
    Edge {
        /// A file that does not exist yet.
        file: PathBuf,
    },
    /// Print the hash of the API key in FILE, as `sha256:` wants it
    Hash {
        /// The file that holds the key.
        file: PathBuf,
    },
}

/// `weir compose`
#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(["output", "inspect"]))]
pub(crate) struct ComposeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Compose the chain of this tenant: what goes in is its keys, the models that are open to it, their backends and
    /// its limits. Every other tenant is refused.
    #[arg(long, value_name = "NAME")]
    pub(crate) tenant: Option<String>,

    /// Where the composed component goes. `weir.lock` is written into the same folder.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Refuse what differs from weir.lock, and say what does.
    #[arg(long, conflicts_with = "inspect")]
    pub(crate) locked: bool,

    /// The component from which secrets come where the file runs. Default: settings-env.wasm, which reads environment
    /// variables, in the folder of components.
    #[arg(long, value_name = "FILE")]
    pub(crate) settings: Option<PathBuf>,

    /// Write a manifest for Spin instead, with a route for each tenant that has a place (`at`) and one for the others.
    /// The parts stay files of their own, and configuration and secrets are variables of the application.
    #[arg(long, requires = "output", conflicts_with_all = ["locked", "settings"])]
    pub(crate) spin: bool,

    /// With `--spin`: leave the configuration out of the manifest and write it into this file, for
    /// `spin up --variable @FILE`.
    #[arg(long, requires = "spin", value_name = "FILE")]
    pub(crate) values: Option<PathBuf>,

    /// Print what a composed file is made of, from the file alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) inspect: Option<PathBuf>,
}
