//! parse(print(tree)) == tree, whatever the strings are (I14).

use pointsman_rule::{Name, Rule, Syntax, Tree, parse_tree};

use crate::random::Random;

const PIECES: &[&str] = &[
    "`",
    "\"",
    "\\",
    "'",
    "\n",
    "\r",
    "\t",
    "\0",
    "\u{7f}",
    "\u{80}",
    "\u{a0}",
    "\u{ad}",
    "\u{feff}",
    "\u{200b}",
    "\u{2028}",
    "\u{fffd}",
    "\u{e000}",
    "\u{10ffff}",
    "é",
    "世",
    "😀",
    " && ",
    " || ",
    "Host(`x`)",
    ")",
    "(",
    "!",
    "%q",
    "\\x41",
    "\\u0041",
    "//",
    "/*",
    "*/",
    ",",
    "a",
    "/",
    ".",
    "{",
    "}",
    "$",
    "*",
];

fn text(random: &mut Random) -> String {
    let mut text = String::new();
    for _ in 0..random.below(6) {
        if random.below(4) == 0 {
            let code = (random.next() % 0x11_0000) as u32;
            text.extend(char::from_u32(code));
        } else {
            text.push_str(random.pick(PIECES));
        }
    }
    text
}

fn tree(random: &mut Random, depth: usize) -> Tree {
    match random.below(if depth == 0 { 2 } else { 8 }) {
        0..=2 => {
            let args: Vec<String> = (0..random.below(4)).map(|_| text(random)).collect();
            Tree::matcher(random.pick(&Name::ALL), args)
        }
        3 => Tree::host(text(random)),
        4 => tree(random, depth - 1).not(),
        5 => tree(random, depth - 1).grouped(),
        6 => tree(random, depth - 1).and(tree(random, depth - 1)),
        _ => tree(random, depth - 1).or(tree(random, depth - 1)),
    }
}

#[test]
fn printing_then_parsing_gives_the_same_tree() {
    for seed in 0..50_000 {
        let tree = tree(&mut Random(seed), 5);
        let printed = tree.to_string();
        assert_eq!(
            parse_tree(&printed).as_ref(),
            Ok(&tree),
            "seed {seed}: {printed}"
        );
    }
}

#[test]
fn any_string_as_value_is_exactly_that_literal_matcher() {
    for seed in 0..50_000 {
        let mut random = Random(seed);
        let value = format!("/{}", text(&mut random));
        let rule = Rule::from_tree(
            Tree::host("a.example").and(Tree::path_prefix(value.clone())),
            Syntax::V3,
        )
        .unwrap();
        let mut seen = Vec::new();
        parse_tree(rule.source())
            .unwrap()
            .for_each_matcher(&mut |matcher, negated| {
                seen.push((matcher.name, matcher.args.clone(), negated));
            });
        let expected = [
            (Name::Host, vec!["a.example".to_owned()], false),
            (Name::PathPrefix, vec![value], false),
        ];
        assert_eq!(seen, expected, "seed {seed}");
    }
}

#[test]
fn random_text_never_panics() {
    for seed in 0..50_000 {
        let mut random = Random(seed);
        let words: &[&str] = &[
            "Host", "Path", "(", ")", "`a`", "\"/b\"", "&&", "||", "!", ",", " ",
        ];
        let mut source = String::new();
        for _ in 0..random.below(20) {
            source.push_str(if random.below(3) == 0 {
                random.pick(PIECES)
            } else {
                random.pick(words)
            });
        }
        for syntax in [Syntax::V2, Syntax::V3] {
            if let Ok(rule) = Rule::parse(&source, syntax) {
                let printed = rule.tree().to_string();
                assert_eq!(
                    parse_tree(&printed).as_ref(),
                    Ok(rule.tree()),
                    "seed {seed}"
                );
            }
        }
    }
}

#[test]
fn ingress_rules_are_printed_as_traefik_prints_them() {
    // traefik-ingress-provider, rule string section.
    let strict = Tree::path("/bar").or(Tree::path_prefix("/bar/")).grouped();
    for (tree, expected) in [
        (Tree::host("foo.com"), r#"Host("foo.com")"#),
        (
            Tree::host("*.foo.com").and(Tree::path_prefix("/")),
            r#"Host("*.foo.com") && PathPrefix("/")"#,
        ),
        (strict.clone(), r#"(Path("/bar") || PathPrefix("/bar/"))"#),
        (
            Tree::host("foo.com").and(strict),
            r#"Host("foo.com") && (Path("/bar") || PathPrefix("/bar/"))"#,
        ),
        (
            Tree::host_regexp("{subdomain:[a-zA-Z0-9-]+}.foo.com"),
            r#"HostRegexp("{subdomain:[a-zA-Z0-9-]+}.foo.com")"#,
        ),
        (Tree::path("/a\"b`c\\"), r#"Path("/a\"b`c\\")"#),
    ] {
        assert_eq!(tree.to_string(), expected);
    }
}

#[test]
fn precedence_is_kept_by_parentheses() {
    let [a, b, c] = ["/a", "/b", "/c"].map(Tree::path);
    for (tree, expected) in [
        (
            a.clone().or(b.clone()).and(c.clone()),
            r#"(Path("/a") || Path("/b")) && Path("/c")"#,
        ),
        (
            a.clone().and(b.clone()).or(c.clone()),
            r#"Path("/a") && Path("/b") || Path("/c")"#,
        ),
        (
            a.clone().and(b.clone()).not(),
            r#"!(Path("/a") && Path("/b"))"#,
        ),
        (a.clone().not().not(), r#"!!Path("/a")"#),
        (
            a.clone().and(b.clone().and(c.clone())),
            r#"Path("/a") && (Path("/b") && Path("/c"))"#,
        ),
        (a.and(b).and(c), r#"Path("/a") && Path("/b") && Path("/c")"#),
    ] {
        assert_eq!(tree.to_string(), expected);
        assert_eq!(parse_tree(expected), Ok(tree));
    }
}
