//! Components that hold data and no code of their own, written as text and assembled.

use std::fmt::Write as _;

use crate::{ComposeError, Grants};

/// Where the data begins: address 0 is what a null pointer would read.
const START: usize = 16;
/// The bytes of a page of memory.
const PAGE: usize = 65_536;

/// A component that exports `weir:gateway/granted` with these grants.
///
/// The canonical ABI's results are laid out ahead in its memory; each function gives the address of one.
pub(crate) fn granted(grants: &Grants) -> Result<Vec<u8>, ComposeError> {
    let mut memory = Memory::default();
    let config = memory.option(grants.config.as_deref());
    let secrets = memory.pairs(grants.secrets.iter());
    let environment = memory.pairs(grants.environment.iter());
    let network = memory.texts(grants.network.iter().flatten());
    let pages = memory.end().div_ceil(PAGE).max(1);
    let data = memory.escaped();
    assemble(&format!(
        r#"(component
  (core module $data
    (memory (export "memory") {pages})
    (data (i32.const {START}) "{data}")
    (func (export "config") (result i32) i32.const {config})
    (func (export "secrets") (result i32) i32.const {secrets})
    (func (export "environment") (result i32) i32.const {environment})
    (func (export "network") (result i32) i32.const {network}))
  (core instance $i (instantiate $data))
  (alias core export $i "memory" (core memory $m))
  (type $pairs (list (tuple string string)))
  (func $config (result (option string)) (canon lift (core func $i "config") (memory $m)))
  (func $secrets (result $pairs) (canon lift (core func $i "secrets") (memory $m)))
  (func $environment (result $pairs) (canon lift (core func $i "environment") (memory $m)))
  (func $network (result (list string)) (canon lift (core func $i "network") (memory $m)))
  (instance $granted
    (export "config" (func $config))
    (export "secrets" (func $secrets))
    (export "environment" (func $environment))
    (export "network" (func $network)))
  (export "{GRANTED}" (instance $granted)))"#
    ))
}

/// The interface of the data.
pub(crate) const GRANTED: &str = "weir:gateway/granted@0.1.0";

/// A component that exports `wasi:filesystem/preopens` of this version: no folder at all.
pub(crate) fn no_folders(version: &str) -> Result<Vec<u8>, ComposeError> {
    assemble(&format!(
        r#"(component
  (import "wasi:filesystem/types@{version}" (instance $types (export "descriptor" (type (sub resource)))))
  (alias export $types "descriptor" (type $descriptor))
  (core module $data
    (memory (export "memory") 1)
    (func (export "get-directories") (result i32) i32.const {START}))
  (core instance $i (instantiate $data))
  (alias core export $i "memory" (core memory $m))
  (type $folders (list (tuple (own $descriptor) string)))
  (func $get-directories (result $folders) (canon lift (core func $i "get-directories") (memory $m)))
  (instance $preopens
    (export "descriptor" (type $descriptor))
    (export "get-directories" (func $get-directories)))
  (export "wasi:filesystem/preopens@{version}" (instance $preopens)))"#
    ))
}

fn assemble(text: &str) -> Result<Vec<u8>, ComposeError> {
    wat::parse_str(text).map_err(|error| ComposeError::Encode(error.into()))
}

/// Bytes from [`START`] on. Whatever is put into them comes back as its address.
#[derive(Default)]
struct Memory(Vec<u8>);

impl Memory {
    fn end(&self) -> usize {
        START + self.0.len()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let address = self.end();
        self.0.extend_from_slice(bytes);
        address
    }

    /// Puts words, at an address that words may have.
    fn words(&mut self, words: &[usize]) -> usize {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        let address = self.end();
        for word in words {
            // Addresses fit: a memory of 32 bits holds what a file of 4 MiB can grant.
            self.0.extend_from_slice(&u32::try_from(*word).unwrap_or(u32::MAX).to_le_bytes());
        }
        address
    }

    fn text(&mut self, text: &str) -> [usize; 2] {
        [self.put(text.as_bytes()), text.len()]
    }

    fn option(&mut self, text: Option<&str>) -> usize {
        match text {
            Some(text) => {
                let [address, length] = self.text(text);
                self.words(&[1, address, length])
            }
            None => self.words(&[0, 0, 0]),
        }
    }

    fn list(&mut self, length: usize, elements: &[usize]) -> usize {
        let address = self.words(elements);
        self.words(&[address, length])
    }

    fn texts<'a>(&mut self, texts: impl Iterator<Item = &'a String>) -> usize {
        let texts: Vec<_> = texts.map(|text| self.text(text)).collect();
        self.list(texts.len(), &texts.concat())
    }

    fn pairs<'a>(&mut self, pairs: impl Iterator<Item = (&'a String, &'a String)>) -> usize {
        let pairs: Vec<_> = pairs.map(|(name, value)| [self.text(name), self.text(value)].concat()).collect();
        self.list(pairs.len(), &pairs.concat())
    }

    /// The bytes as a text of WebAssembly has them.
    fn escaped(&self) -> String {
        let mut text = String::with_capacity(self.0.len() * 3 / 2);
        for byte in &self.0 {
            match byte {
                b'"' | b'\\' => text.extend(['\\', char::from(*byte)]),
                b' '..=b'~' => text.push(char::from(*byte)),
                _ => write!(text, "\\{byte:02x}").unwrap_or_default(),
            }
        }
        text
    }
}
