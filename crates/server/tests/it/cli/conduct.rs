//! How the command behaves towards shells and scripts: help, exit codes, completions, streams that end early.

use super::{CALLED, CALLER, INVITE, Lab, run, run_with, start};
use std::io::Write;
use std::process::{Command, Stdio};

const EXIT_CODES: &str =
    "0 passed or done, 1 failed, 2 wrong use or could not run, 3 unsigned, 4 not validated";

/// This test verifies the table of exit codes, one run for each, and that the help tells it.
#[test]
fn every_exit_code_has_its_meaning() {
    let lab = Lab::new();
    let (data, anchor, chain) = (lab.data(), lab.anchor(), lab.chain());
    let identity = lab.identity(&[]);
    let verify = ["verify", "--trust", &anchor, "--certificate", &chain];
    let parties = ["--from", CALLER, "--to", CALLED];
    let others = ["--from", CALLED, "--to", CALLER];
    let table: [(Vec<&str>, &str, i32); 8] = [
        ([&verify[..], &parties].concat(), &identity, 0),
        ([&verify[..], &others].concat(), &identity, 1),
        (vec!["verify"], &identity, 2),
        (verify.to_vec(), INVITE, 3),
        (verify.to_vec(), &identity, 4),
        ([&["sign", "--data", &data], &parties[..]].concat(), "", 0),
        (
            [&["sign", "--data", &data, "--iat", "0"], &parties[..]].concat(),
            "",
            1,
        ),
        (vec!["sign", "--no-such-flag"], "", 2),
    ];
    for (arguments, input, code) in table {
        assert_eq!(run_with(&arguments, input).code, code, "{arguments:?}");
    }
    assert!(run(&["--help"]).out.contains(EXIT_CODES));
}

/// This test verifies that every verb, those of other rooms too, answers `--help` with examples that fit a terminal.
#[test]
fn every_verb_explains_itself() {
    let command = countersign_server::cli::command();
    command.clone().debug_assert();
    let verbs: Vec<_> = command
        .get_subcommands()
        .map(|verb| verb.get_name())
        .collect();
    for expected in ["sign", "verify", "decode", "certificate", "completions"] {
        assert!(verbs.contains(&expected), "{verbs:?}");
    }
    for verb in verbs {
        let help = run(&[verb, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{verb}");
        assert!(help.out.contains("Example"), "{verb}");
        assert!(help.out.contains(&format!("countersign {verb}")), "{verb}");
        let longest = help.out.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(110), "{verb}: {longest:?}");
    }
    for verb in ["inspect", "lint", "verify", "audit"] {
        let help = run(&["certificate", verb, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{verb}");
        for words in [
            "Examples:",
            "Exit codes:",
            "--json",
            "--allow-origin",
            "standard input",
        ] {
            assert!(help.out.contains(words), "{verb}: {words}");
        }
        assert!(
            help.out
                .contains(&format!("countersign certificate {verb}")),
            "{verb}"
        );
        let longest = help.out.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(110), "{verb}: {longest:?}");
    }
    let unknown = run(&["verifi"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.err.contains("verify"),
        "the nearest verb is suggested: {}",
        unknown.err
    );
    assert_eq!(run(&[]).code, 2);
    assert!(run(&["--version"]).out.starts_with("countersign 0."));
}

/// This test verifies that what the README and the help give to be typed about certificates works, in a folder as `up` makes it.
#[test]
fn what_is_written_to_be_typed_works() {
    let lab = Lab::new();
    let folder = lab.directory.root().parent().unwrap();
    std::fs::rename(lab.directory.root(), folder.join("countersign-data")).unwrap();
    let mut typed: Vec<String> = include_str!("../../../../../README.md")
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("target/release/countersign certificate ")
        })
        // What stands behind the wide gap is for reading.
        .map(|line| line.split("   ").next().unwrap().to_owned())
        .collect();
    assert_eq!(typed.len(), 4, "{typed:?}");
    for verb in ["inspect", "lint", "verify", "audit"] {
        let help = run(&["certificate", verb, "--help"])
            .out
            .replace("\\\n", "");
        let examples = help
            .lines()
            .filter_map(|line| line.trim().strip_prefix("countersign certificate "));
        // The others need a running lab, or files that only their reader has.
        let ours =
            examples.filter(|line| line.contains("countersign-data/") && !line.contains("https:"));
        typed.extend(ours.map(str::to_owned));
    }
    assert!(typed.len() > 6, "{typed:?}");
    for line in typed {
        let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .arg("certificate")
            .args(line.split_whitespace())
            .current_dir(folder)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        // The lab's certificates name no revocation list, and the profile asks for one.
        let expected = if line.starts_with("lint") { 1 } else { 0 };
        assert_eq!(output.status.code(), Some(expected), "{line}: {errors}");
        assert!(
            !output.stdout.is_empty() && !errors.contains("error"),
            "{line}: {errors}"
        );
    }
}

/// This test verifies that shells are given scripts that know our verbs, and that the shell at hand can read its own.
#[test]
fn shells_learn_our_verbs() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, 0, "{shell}");
        for word in [
            "verify",
            "sign",
            "decode",
            "trust",
            "numbering",
            "certificate",
            "inspect",
            "crl-issuer",
        ] {
            assert!(script.out.contains(word), "{word} for {shell}");
        }
    }
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let script = run(&["completions", "bash"]).out;
    bash.stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    assert!(bash.wait().unwrap().success());
    assert_eq!(run(&["completions", "tcsh"]).code, 2);
}

/// This test verifies that a reader who has seen enough (`| head`) is no reason to panic, nor to say anything.
#[test]
fn a_reader_may_leave_early() {
    let lab = Lab::new();
    let (data, anchor) = (lab.data(), lab.anchor());
    let identity = lab.identity(&[]);
    for (arguments, code) in [
        (vec!["decode"], 0),
        (vec!["verify", "--trust", &anchor, "--offline"], 4),
        (
            vec!["sign", "--data", &data, "--from", CALLER, "--to", CALLED],
            0,
        ),
        (vec!["completions", "bash"], 0),
        (vec!["--help"], 0),
    ] {
        let mut child = start(&arguments);
        drop(child.stdout.take());
        let input = match arguments[0] {
            "sign" => "",
            _ => &identity,
        };
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), &*told),
            (Some(code), ""),
            "{arguments:?}"
        );
    }
}

/// This test verifies that an answer that found no room is not taken for one that was given.
#[test]
fn a_full_disk_is_told() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let lab = Lab::new();
    let output = Command::new(env!("CARGO_BIN_EXE_countersign"))
        .args([
            "sign",
            "--data",
            &lab.data(),
            "--from",
            CALLER,
            "--to",
            CALLED,
        ])
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("could not be written"));
}
