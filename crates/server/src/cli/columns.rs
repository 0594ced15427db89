//! Lines for people: words in columns, and text wrapped beside them, for terminals of 80 columns and more.
//!
//! Nothing that a stranger wrote reaches the terminal unguarded.

use super::console::{Console, Tone, visible};

/// Columns of the narrowest terminal that people still use.
const WIDTH: usize = 80;
/// Columns in front of every line.
const INDENT: usize = 2;

/// Prints words, each with its width and tone, then text that is wrapped beside them.
pub(super) fn lines(console: &mut Console, words: &[(&str, usize, Tone)], text: &str, tone: Tone) {
    let column = INDENT + words.iter().map(|(_, width, _)| width).sum::<usize>();
    let text = visible(text);
    let mut lead = " ".repeat(INDENT);
    for (index, (word, width, tone)) in words.iter().enumerate() {
        let is_last = text.is_empty() && index + 1 == words.len();
        let width = if is_last { 0 } else { *width };
        lead += &console.paint(*tone, format_args!("{word:<width$}"));
    }
    for line in wrapped(&text, WIDTH - column) {
        let painted = console.paint(tone, line);
        console.line(format_args!("{lead}{painted}"));
        lead = " ".repeat(column);
    }
}

/// Breaks text at blanks so that lines have at most `width` characters; a longer word has a line to itself. At least one line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        let length = line.chars().count();
        if length == 0 {
            line.push_str(word);
        } else if length + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_at_blanks_only() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(
            wrapped("a https://long.example b", 5),
            ["a", "https://long.example", "b"]
        );
        assert_eq!(wrapped("", 5), [""]);
    }
}
