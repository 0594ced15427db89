//! Just enough of a Rust lexer: what is code, what is comment, where a block ends.
//!
//! No syntax tree: the rules look for names and braces, and those survive any edition of the language.

use std::ops::Range;

/// `text` with the content of comments and of string and character literals blanked. Byte offsets and line ends stay.
pub(super) fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_or_comment_end(text, at).unwrap_or(at);
        if end > at {
            let blank = |byte: &u8| if *byte == b'\n' { b'\n' } else { b' ' };
            code.extend(bytes[at..end].iter().map(blank));
            at = end;
        } else {
            code.push(if bytes[at].is_ascii() {
                bytes[at]
            } else {
                b'_'
            });
            at += 1;
        }
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// Where the comment or literal that starts at `at` ends; `None` if none starts there.
fn literal_or_comment_end(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let before = text.as_bytes()[..at].last();
    let inside_a_word = before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    if rest.starts_with("//") {
        return Some(at + rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(at + block_comment_len(rest));
    }
    if !inside_a_word && let Some(len) = raw_string_len(rest) {
        return Some(at + len);
    }
    if rest.starts_with('"') {
        return Some(at + quoted_len(rest, b'"'));
    }
    if rest.starts_with('\'') {
        return character_len(rest).map(|len| at + len);
    }
    None
}

fn block_comment_len(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while let Some(two) = rest.as_bytes().get(at..at + 2) {
        match two {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, with an optional `b` or `c` before.
fn raw_string_len(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix).unwrap_or_default();
        after.trim_start_matches('#').starts_with('"')
    })?;
    let hashes = rest[prefix.len()..]
        .bytes()
        .take_while(|byte| *byte == b'#')
        .count();
    let open = prefix.len() + hashes + 1;
    let close = format!("\"{}", "#".repeat(hashes));
    let content = rest.get(open..)?.find(&close).unwrap_or(rest.len() - open);
    Some((open + content + close.len()).min(rest.len()))
}

fn quoted_len(rest: &str, quote: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.as_bytes().get(at) {
        at += if *byte == b'\\' { 2 } else { 1 };
        if *byte == quote {
            return at;
        }
    }
    rest.len()
}

/// A character literal; `None` for a lifetime.
fn character_len(rest: &str) -> Option<usize> {
    let first = rest.chars().nth(1)?;
    let closes_after_one = rest[1 + first.len_utf8()..].starts_with('\'');
    (first == '\\' || closes_after_one).then(|| quoted_len(rest, b'\''))
}

/// The blocks of modules written inside a file (`mod name { … }`): the name and the bytes between the braces.
pub(super) fn inline_modules(code: &str) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    for at in words(code, "mod") {
        let rest = &code[at + 3..];
        let name = leading_name(rest.trim_start());
        let after_name = rest.trim_start()[name.len()..].trim_start();
        if after_name.starts_with('{') {
            let open = code.len() - after_name.len();
            found.push((name.to_owned(), open..block_end(code, open)));
        }
    }
    found
}

/// The modules a file says are in files of their own (`mod name;`): the name and where it says so, in order.
pub(super) fn declared_modules(code: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    for at in words(code, "mod") {
        let rest = code[at + 3..].trim_start();
        let name = leading_name(rest);
        if rest[name.len()..].trim_start().starts_with(';') {
            found.push((name.to_owned(), at));
        }
    }
    found
}

/// The bytes of items marked `#[cfg(test)]`.
pub(super) fn test_items(code: &str) -> Vec<Range<usize>> {
    let mark = "#[cfg(test)]";
    let starts = code.match_indices(mark).map(|(at, _)| at);
    let end_of_item = |at: usize| {
        let rest = &code[at + mark.len()..];
        let stop = rest
            .find([';', '{'])
            .map_or(code.len(), |found| at + mark.len() + found);
        if code[stop..].starts_with('{') {
            block_end(code, stop)
        } else {
            stop
        }
    };
    starts.map(|at| at..end_of_item(at)).collect()
}

/// Where the block that opens at `open` ends: just after the matching brace.
pub(super) fn block_end(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Where `word` stands as a word of its own.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_part =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |at| {
            let bytes = code.as_bytes();
            let before = at.checked_sub(1).and_then(|before| bytes.get(before));
            !is_part(before) && !is_part(bytes.get(at + word.len()))
        })
}

/// The name that `text` starts with; empty if it starts with something else.
pub(super) fn leading_name(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The text of the comments of a Rust file, without their marks; lines without a comment are empty.
pub(super) fn comments(text: &str) -> String {
    let code = code_only(text);
    let mut prose = String::new();
    for (line, code_line) in text.lines().zip(code.lines()) {
        let comment = line.find("//").filter(|at| {
            code_line
                .get(*at..)
                .is_none_or(|rest| rest.trim().is_empty())
        });
        let comment = comment.map_or("", |at| {
            line[at..].trim_start_matches('/').trim_start_matches('!')
        });
        prose.push_str(comment);
        prose.push('\n');
    }
    prose
}

#[test]
fn comments_and_literals_are_no_code() {
    for (text, code) in [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */ d */ e", "a                   e"),
        (r#"f("x\"y", z)"#, "f(      , z)"),
        (r##"f(r#"x"y"#, z)"##, "f(        , z)"),
        (
            "f(b'\"', 'x', '\\'', &'a str)",
            "f(b   ,    ,     , &'a str)",
        ),
        ("r#type for\"x\"", "r#type for   "),
        ("'é' x", "     x"),
    ] {
        assert_eq!(code_only(text), code, "{text}");
    }
}

#[test]
fn modules_and_test_items_are_found() {
    let code = "mod a;\npub mod b;\n#[cfg(test)]\nmod tests { mod c { } }\nfn modest() {}";
    let names =
        |found: Vec<(String, usize)>| found.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(declared_modules(code)), ["a", "b"]);
    let inline: Vec<_> = inline_modules(code)
        .into_iter()
        .map(|(name, block)| (name, &code[block]))
        .collect();
    assert_eq!(
        inline,
        [
            ("tests".to_owned(), "{ mod c { } }"),
            ("c".to_owned(), "{ }")
        ]
    );
    let tests: Vec<_> = test_items(code)
        .into_iter()
        .map(|item| &code[item])
        .collect();
    assert_eq!(tests, ["#[cfg(test)]\nmod tests { mod c { } }"]);
}

#[test]
fn comments_are_read_without_their_marks() {
    let text = "//! a [b\n//! c](d)\nfn f() {} // e \"f\"\nlet url = \"http://x\";";
    assert_eq!(comments(text), " a [b\n c](d)\n e \"f\"\n\n");
}
