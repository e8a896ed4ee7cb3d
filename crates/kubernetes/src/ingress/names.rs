//! Names of routers and services, as users see them.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::snapshot::ObjectName;

/// Letters and digits, everything else squeezed to single dashes: `*.foo.com` → `foo-com`. Traefik: `Normalize`.
pub(super) fn normalize(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for part in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|part| !part.is_empty())
    {
        if !name.is_empty() {
            name.push('-');
        }
        name.push_str(part);
    }
    name
}

/// `key` made unique inside one Ingress by the rule. Traefik: the first 10 bytes of the rule's SHA-256.
pub(super) fn by_rule(key: &str, rule: &str) -> String {
    format!("{key}-{}", hash(rule.as_bytes()))
}

/// `key` made unique between objects. No key contains an underscore, so that the result collides with none.
///
/// differs from traefik: there one of the two objects is lost, or serves the other's requests.
pub(super) fn by_owner(key: &str, owner: &ObjectName, detail: &str) -> String {
    format!("{key}_{}", hash(format!("{owner}/{detail}").as_bytes()))
}

fn hash(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(20);
    for byte in Sha256::digest(bytes).iter().take(10) {
        write!(hex, "{byte:02x}").expect("writing to a string can't fail");
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_letters_digits_and_case() {
        for (text, name) in [
            ("*.foo.com", "foo-com"),
            ("/a//b_c", "a-b-c"),
            ("testing-Service1-80", "testing-Service1-80"),
            ("--", ""),
            ("bücher/日本", "bücher-日本"),
        ] {
            assert_eq!(normalize(text), name);
        }
    }

    /// The hashes that the reference gives (rows 6 and 7).
    #[test]
    fn collisions_inside_an_ingress_are_named_by_their_rule() {
        for (rule, name) in [
            (
                "Host(\"*.bar\") && PathPrefix(\"/bar\")",
                "k-41871576e140babe40bd",
            ),
            (
                "Host(\"bar\") && PathPrefix(\"/bar\")",
                "k-605945111a3c9f84dc65",
            ),
            ("PathPrefix(\"/foo/bar\")", "k-930f0e8b221e60bc7ab7"),
            ("PathPrefix(\"/foo-bar\")", "k-207cc2245cb31ba18e29"),
        ] {
            assert_eq!(by_rule("k", rule), name);
        }
    }

    #[test]
    fn collisions_between_objects_never_meet_a_plain_name() {
        let name = by_owner("a-b-c", &ObjectName::new("a", "b-c"), "");
        assert!(name.starts_with("a-b-c_") && normalize(&name) != name);
    }
}
