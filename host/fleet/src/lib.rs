//! What tier two serves at this moment, for people and scripts: one document, numbered by its changes, and how it looks.
//!
//! The control plane answers `GET /control/v1/fleet` with a [`Fleet`]; `weir fleet` prints it. Both are made of what the
//! data plane says of models and endpoints ([`weir_cluster::Snapshot`]), and of what discovery says of itself and of what
//! it could not use.
//!
//! * [`Fleet`]: the document.
//! * [`Board`]: takes it where it is made, counts its changes, lets readers wait for the next one.
//! * [`table`]: lays it out for a terminal of any width; [`changes`] says in lines what became of it.
//!
//! ```
//! use std::sync::Arc;
//! use weir_core::UnixMillis;
//! use weir_fleet::{Board, Fleet, table};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let board = Board::new(|| Fleet::new("kserve", UnixMillis(0), Default::default()));
//! let fleet = board.now();
//! assert_eq!(fleet.version, 1, "what never changed is the first");
//! let same = board.after(1, std::time::Duration::from_secs(30)).await;
//! assert_eq!(same.version, 1, "nothing happened for as long as the reader wanted to wait");
//! print!("{}", table::render(&fleet, &table::Look::default()));
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod board;
mod changes;
mod document;
mod grid;
mod paint;
pub mod table;
mod text;

pub use board::Board;
pub use changes::changes;
pub use document::{Collision, Discovery, Fleet, Problem, Watch};
