//! What stands for a deposit.

/// What a foreign part carries in place of the headers that were deposited: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token(String);

impl Token {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token, to be sent.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl From<[u8; 16]> for Token {
    /// The token of these bytes. They must be random, and from a source that cannot be guessed.
    fn from(random: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(random)))
    }
}

impl From<String> for Token {
    /// What somebody says is a token. Whether it is one, the vault knows.
    fn from(said: String) -> Self {
        Self(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_is_in_the_token() {
        assert_eq!(Token::from([0; 16]).as_str(), "0".repeat(32));
        assert_eq!(Token::from([0xff; 16]).as_str(), "f".repeat(32));
        let mut bytes = [0; 16];
        bytes[15] = 1;
        assert_eq!(Token::from(bytes).into_string(), format!("{}1", "0".repeat(31)));
    }
}
