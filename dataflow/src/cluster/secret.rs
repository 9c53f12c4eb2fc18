//! The shared secret by which the processes of a job know each other, and what is proved with it.
//!
//! It is never printed: not in logs, errors or `{:?}`. Proofs are HMAC-SHA256 (RFC 2104), so that neither the secret nor
//! anything it could be had from goes over the wire.

use sha2::{Digest, Sha256};
use std::path::Path;

/// The least length of a secret that is any protection.
const LEAST: usize = 16;
/// SHA-256 works on blocks of so many bytes.
const BLOCK: usize = 64;

/// What proves that one knows the secret.
pub type Proof = [u8; 32];

/// A secret of the processes of a job; the default, none, keeps nobody out.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "Secret(none)" } else { "Secret(..)" })
    }
}

impl Secret {
    /// Of a text that somebody chose. The error says how to make a better one.
    pub fn of(text: &str) -> Result<Secret, String> {
        let text = text.trim();
        if text.len() < LEAST {
            return Err(format!(
                "the secret has {} characters, give at least {LEAST}: `openssl rand -hex 32` makes a good one",
                text.len()
            ));
        }
        Ok(Secret(text.as_bytes().to_vec()))
    }

    /// Of a file's contents.
    pub fn of_file(path: &Path) -> Result<Secret, String> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("secret file {}: {error}", path.display()))?;
        Secret::of(&text).map_err(|why| format!("secret file {}: {why}", path.display()))
    }

    /// A new one, as text. The error says why the system has no random numbers.
    pub fn invent() -> Result<String, String> {
        let bytes: [u8; 32] = random()?;
        Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// HMAC-SHA256 of parts of fixed lengths, one after another.
    pub fn prove(&self, parts: &[&[u8]]) -> Proof {
        let mut key = [0; BLOCK];
        match self.0.len() > BLOCK {
            true => key[..32].copy_from_slice(&Sha256::digest(&self.0)),
            false => key[..self.0.len()].copy_from_slice(&self.0),
        }
        let inner = parts
            .iter()
            .fold(Sha256::new().chain_update(key.map(|byte| byte ^ 0x36)), |sum, part| sum.chain_update(part));
        Sha256::new().chain_update(key.map(|byte| byte ^ 0x5c)).chain_update(inner.finalize()).finalize().into()
    }

    /// Whether `proof` is of these parts. Takes as long whichever byte differs.
    pub fn proves(&self, proof: &Proof, parts: &[&[u8]]) -> bool {
        let differ = self.prove(parts).iter().zip(proof).fold(0, |sum, (ours, theirs)| sum | (ours ^ theirs));
        std::hint::black_box(differ) == 0
    }
}

/// Random bytes that nobody can guess.
pub fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// RFC 4231, cases 2, 3 and 6.
    #[test]
    fn proofs_are_those_of_the_standard() {
        for (key, data, expected) in [
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (vec![0xaa; 20], vec![0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let secret = Secret(key);
            assert_eq!(hex(&secret.prove(&[&data])), expected);
            let (first, rest) = data.split_at(7);
            let mut proof = secret.prove(&[first, rest]);
            assert!(secret.proves(&proof, &[&data]));
            proof[31] ^= 1;
            assert!(!secret.proves(&proof, &[&data]));
        }
    }

    #[test]
    fn secrets_are_long_and_never_shown() {
        assert!(Secret::of("too short").unwrap_err().contains("openssl rand"));
        let text = Secret::invent().unwrap();
        let secret = Secret::of(&format!("{text}\n")).unwrap();
        assert!(secret == Secret::of(&text).unwrap() && text != Secret::invent().unwrap());
        assert!(!format!("{secret:?}").contains(&text[..4]));
    }
}
