//! What a vault gives to whom, and what it refuses.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use weir_vault::{Answer, Full, Headers, Token, Vault, VaultLimits};

fn token(number: u8) -> Token {
    Token::from([number; 16])
}

fn headers(value: &[u8]) -> Headers {
    vec![("x-weir-plan".to_owned(), value.to_vec())]
}

fn vault() -> Vault<&'static str> {
    Vault::new(VaultLimits::default())
}

fn answer(value: &[u8]) -> Answer<&'static str> {
    Answer { headers: headers(value), ending: "end" }
}

#[test]
fn a_deposit_is_taken_once_and_by_its_token_only() {
    let mut vault = vault();
    let first = vault.put(headers(b"first"), token(1)).unwrap();
    let second = vault.put(headers(b"second"), token(2)).unwrap();
    assert_eq!(vault.take(&token(3)), None);
    assert_eq!(vault.take(&Token::from(String::new())), None);
    assert_eq!(vault.take(&second), Some(headers(b"second")));
    assert_eq!(vault.take(&second), None);
    assert_eq!(vault.take(&first), Some(headers(b"first")));
}

#[test]
fn a_request_that_is_over_is_forgotten() {
    let mut vault = vault();
    let token = vault.put(headers(b"deposit"), token(1)).unwrap();
    vault.forget(&token);
    assert_eq!(vault.take(&token), None);
    assert_eq!(vault.answered(&token, answer(b"late")), Ok(()));
    assert_eq!(vault.answer(&token), None);
    vault.forget(&token);
}

#[test]
fn an_answer_is_had_once() {
    let mut vault = vault();
    let token = vault.put(headers(b"deposit"), token(1)).unwrap();
    vault.take(&token).unwrap();
    assert_eq!(vault.answer(&token), None);
    vault.answered(&token, answer(b"answer")).unwrap();
    assert_eq!((vault.answer(&token), vault.answer(&token)), (Some(answer(b"answer")), None));
}

#[test]
fn a_full_vault_refuses_and_lets_nobody_go() {
    let mut vault: Vault<()> = Vault::new(VaultLimits { requests: 2, bytes: 1_000 });
    vault.put(headers(b"1"), token(1)).unwrap();
    vault.put(headers(b"2"), token(2)).unwrap();
    assert_eq!(vault.put(headers(b"3"), token(3)), Err(Full));
    assert_eq!(vault.take(&token(1)), Some(headers(b"1")));
    assert_eq!(vault.put(headers(b"3"), token(3)), Err(Full), "it is still under way");
    vault.forget(&token(1));
    assert_eq!(vault.put(headers(b"3"), token(3)), Ok(token(3)));
}

#[test]
fn bytes_are_counted_on_both_ways_and_an_ending_is_never_lost() {
    let mut vault = Vault::new(VaultLimits { requests: 10, bytes: 100 });
    assert_eq!(vault.put(headers(&[0; 90]), token(1)), Err(Full), "the name counts, too");
    vault.put(headers(&[0; 89]), token(1)).unwrap();
    assert_eq!(vault.put(headers(b""), token(2)), Err(Full));
    vault.take(&token(1)).unwrap();
    vault.put(headers(&[0; 80]), token(2)).unwrap();
    assert_eq!(vault.answered(&token(1), answer(b"")), Err(Full));
    assert_eq!(vault.answer(&token(1)), Some(Answer { headers: vec![], ending: "end" }));
    vault.forget(&token(2));
    vault.answered(&token(1), answer(&[0; 89])).unwrap();
}

#[test]
fn a_token_that_is_not_random_is_refused() {
    let mut vault = vault();
    vault.put(headers(b"first"), token(1)).unwrap();
    assert_eq!(vault.put(headers(b"second"), token(1)), Err(Full));
    assert_eq!(vault.take(&token(1)), Some(headers(b"first")));
}

proptest! {
    /// Whatever is done in whatever order: once all requests are forgotten, there is room for as much as at first.
    #[test]
    fn nothing_is_leaked(steps in proptest::collection::vec((0_u8..5, 0_u8..6, 0_usize..60), 0..200)) {
        let limits = VaultLimits { requests: 4, bytes: 200 };
        let mut vault = Vault::new(limits);
        for (step, number, length) in steps {
            let (token, held) = (token(number), headers(&vec![0; length]));
            match step {
                0 => drop(vault.put(held, token)),
                1 => drop(vault.take(&token)),
                2 => drop(vault.answered(&token, Answer { headers: held, ending: () })),
                3 => drop(vault.answer(&token)),
                _ => vault.forget(&token),
            }
        }
        (0..6).for_each(|number| vault.forget(&token(number)));
        let room = limits.bytes - "x-weir-plan".len();
        prop_assert_eq!(vault.put(headers(&vec![0; room]), token(9)), Ok(token(9)));
        prop_assert_eq!(vault.put(headers(&[]), token(8)), Err(Full));
    }
}
