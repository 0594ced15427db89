//! SIP messages as text, read and written without the parser that is tested. Every party here writes one value a line.

/// The first line.
pub(crate) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The status code of a response.
pub(crate) fn status(text: &str) -> Option<u16> {
    let code = text.strip_prefix("SIP/2.0 ")?.get(..3)?;
    code.parse().ok()
}

/// The values of all header lines of this name.
pub(crate) fn values<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The value of the first header line of this name, or nothing.
pub(crate) fn value<'a>(text: &'a str, name: &'a str) -> &'a str {
    values(text, name).next().unwrap_or_default()
}

/// The branch of the top Via.
pub(crate) fn branch(text: &str) -> &str {
    let via = value(text, "Via");
    let mut parameters = via.split(';');
    let branch = parameters.find_map(|parameter| parameter.strip_prefix("branch="));
    branch.unwrap_or_default()
}

/// The method: of a response, that of its CSeq.
pub(crate) fn method(text: &str) -> &str {
    match text.starts_with("SIP/2.0 ") {
        true => value(text, "CSeq").split(' ').nth(1).unwrap_or_default(),
        false => text.split(' ').next().unwrap_or_default(),
    }
}

/// The tag in To, or nothing.
pub(crate) fn to_tag(text: &str) -> &str {
    value(text, "To").split(";tag=").nth(1).unwrap_or_default()
}

/// The number in the Call-ID.
pub(crate) fn call(text: &str) -> Option<usize> {
    let call = value(text, "Call-ID").strip_prefix("call-")?;
    call.split('@').next()?.parse().ok()
}

/// Without its first Via line.
pub(crate) fn without_top_via(text: &str) -> String {
    let start = text.find("\r\nVia: ").unwrap() + 2;
    let end = start + text[start..].find("\r\n").unwrap() + 2;
    format!("{}{}", &text[..start], &text[end..])
}

/// The header lines and the body, without the start line and the lines of these names, each followed by CR LF.
pub(crate) fn without(text: &str, names: &[&str]) -> String {
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let is_named = |line: &str| {
        let name = line.split(": ").next().unwrap_or_default();
        names.contains(&name)
    };
    let lines: Vec<_> = head
        .split("\r\n")
        .skip(1)
        .filter(|line| !is_named(line))
        .collect();
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

/// What a hop answers to a request; no tag if it is empty.
pub(crate) fn answer(request: &str, status: &str, tag: &str) -> String {
    let line = |name: &str| format!("{name}: {}\r\n", value(request, name));
    let vias: String = values(request, "Via")
        .map(|via| format!("Via: {via}\r\n"))
        .collect();
    let to = value(request, "To");
    let to = match tag.is_empty() || to.contains(";tag=") {
        true => format!("To: {to}\r\n"),
        false => format!("To: {to};tag={tag}\r\n"),
    };
    let (from, call, cseq) = (line("From"), line("Call-ID"), line("CSeq"));
    format!(
        "SIP/2.0 {status}\r\n{vias}{from}{to}{call}{cseq}X-Of-The-Hop:  as  written\r\nContent-Length: 0\r\n\r\n"
    )
}
