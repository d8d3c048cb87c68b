//! What is written as messages is read again as it was, on both sides: all that messages can say.

mod answers;
mod requests;
