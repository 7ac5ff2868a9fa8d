//! What the program says: help, errors, exit codes.
//!
//! The help of each verb is in help/; after a change on purpose, run the tests once with UR_BLESS=1 and look at the
//! difference before you commit it.

use std::fs;
use std::path::Path;

use crate::support::{Frames, assert_error, run, ur};

const VERBS: [&[&str]; 35] = [
    &[],
    &["cube"],
    &["cube", "build"],
    &["cube", "info"],
    &["cube", "verify"],
    &["cube", "append"],
    &["cutout"],
    &["lightcurve"],
    &["downsample"],
    &["zonemap"],
    &["catalog"],
    &["catalog", "import"],
    &["catalog", "append"],
    &["catalog", "info"],
    &["catalog", "verify"],
    &["catalog", "coverage"],
    &["catalog", "density"],
    &["catalog", "cone"],
    &["catalog", "polygon"],
    &["catalog", "box"],
    &["catalog", "moc"],
    &["catalog", "crossmatch"],
    &["alerts"],
    &["alerts", "ingest"],
    &["alerts", "filter"],
    &["alerts", "estimate"],
    &["alerts", "show"],
    &["adql"],
    &["adql", "check"],
    &["adql", "translate"],
    &["query"],
    &["simulate"],
    &["simulate", "sector"],
    &["simulate", "night"],
    &["demo"],
];

/// Compares a text with the file of that name in help/, or writes it there.
fn check_snapshot(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/help").join(format!("{name}.txt"));
    if std::env::var_os("UR_BLESS").is_some() {
        fs::write(&path, found).unwrap();
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    let differing = found.lines().zip(wanted.lines()).find(|(found, wanted)| found != wanted);
    assert!(
        found == wanted,
        "help/{name}.txt differs (UR_BLESS=1 writes it anew), first in {differing:?}; found:\n{found}"
    );
}

#[test]
fn the_help_of_every_verb_is_what_was_agreed_on() {
    for verb in VERBS {
        let ended = run(ur().args(verb).arg("--help"));
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        let name = if verb.is_empty() { "ur".to_string() } else { verb.join("-") };
        check_snapshot(&name, &ended.out);
    }
}

#[test]
fn no_verb_lacks_its_snapshot() {
    let mut to_look_at: Vec<Vec<String>> = vec![vec![]];
    while let Some(verb) = to_look_at.pop() {
        let known = VERBS.iter().any(|known| known.iter().copied().eq(verb.iter().map(String::as_str)));
        assert!(known, "{verb:?} has no snapshot; add it to VERBS");
        let help = run(ur().args(&verb).arg("--help")).out;
        let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        for line in commands.take_while(|line| !line.is_empty()) {
            // Names stand two columns in, the rest of a long description further in.
            let name = line.strip_prefix("  ").filter(|line| !line.starts_with(' '));
            if let Some(name) = name.and_then(|line| line.split(' ').next()).filter(|name| *name != "help") {
                to_look_at.push([verb.clone(), vec![name.to_string()]].concat());
            }
        }
    }
}

#[test]
fn every_verb_that_does_something_has_an_example_in_its_help() {
    for verb in VERBS
        .iter()
        .filter(|verb| !matches!(**verb, [] | ["cube"] | ["catalog"] | ["alerts"] | ["adql"] | ["simulate"]))
    {
        let help = run(ur().args(*verb).arg("--help")).out;
        let example = format!("\n  ur {}", verb.join(" "));
        assert!(help.contains("Example") && help.contains(&example), "{verb:?}:\n{help}");
    }
}

#[test]
fn wrong_arguments_are_errors_with_exit_code_2() {
    for arguments in [
        &["no-such-verb"][..],
        &["cube", "build"],
        &["cube", "build", "--out", "a.fits"],
        &["cube", "build", "--out", "a.fits", "--memory", "much", "x.fits"],
        &["cube", "build", "--out", "a.fits", "--memory", "5 parsecs", "x.fits"],
        &["cube", "build", "--out", "a.fits", "--product", "kepler", "x.fits"],
        &["cutout", "--cube", "a.fits", "--size", "5", "--out", "b.fits"],
        &["cutout", "--cube", "a.fits", "--ra", "5", "--size", "5", "--out", "b.fits"],
        &["cutout", "--cube", "a.fits", "--x", "5", "--y", "5", "--size", "big", "--out", "b.fits"],
        &["cutout", "--cube", "a.fits", "--x", "5", "--y", "5", "--size", "-5", "--out", "b.fits"],
        &[
            "cutout", "--cube", "a.fits", "--x", "1", "--y", "1", "--ra", "5", "--dec", "5", "--size", "5",
            "--out", "b",
        ],
        &[
            "cutout", "--cube", "a.fits", "--x", "1", "--y", "1", "--size", "5", "--format", "gif", "--out",
            "b",
        ],
    ] {
        let ended = run(ur().args(arguments));
        assert_error(&ended, "error: ");
        assert_eq!(ended.out, "", "{ended:?}");
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.fits");
    let name = missing.to_str().unwrap();
    for arguments in [
        &["cube", "info", name][..],
        &["cube", "verify", name, name],
        &["cube", "append", name, name],
        &["cutout", "--cube", name, "--x", "5", "--y", "5", "--size", "5", "--out", name],
        &["lightcurve", name, "--out", "a.csv"],
    ] {
        let ended = run(ur().current_dir(folder.path()).args(arguments));
        assert_error(&ended, &format!("error: {name}"));
        assert!(ended.err.contains("No such file"), "{ended:?}");
    }
    let list = format!("@{name}");
    let ended = run(ur().args(["cube", "build", "--out", "a.fits", &list]));
    assert_error(&ended, &format!("error: {name}: cannot read it: "));
}

#[test]
fn all_bad_frames_are_listed_on_standard_error() {
    let frames = Frames::new(|options| (options.bad.truncated, options.bad.wrong_size) = (vec![1], vec![4]));
    let cube = frames.at("cube.fits");
    let build =
        |more: &[&str]| run(ur().args(["cube", "build", "--out"]).arg(&cube).args(more).args(&frames.paths));
    let ended = build(&[]);
    assert_error(&ended, "error: 2 of 8 frames cannot be used:\n");
    let lines: Vec<&str> = ended.err.lines().collect();
    assert_eq!(lines.len(), 4, "{ended:?}");
    for (line, path) in lines[1..].iter().zip([&frames.paths[1], &frames.paths[4]]) {
        assert!(line.starts_with(&format!("  {}", path.display())), "{line}");
    }
    assert_eq!(lines[3], "mend or remove them, or leave them out with --skip-bad");
    let ended = build(&["--skip-bad"]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.lines().count() == 2 && ended.err.starts_with("warning: skipped "), "{ended:?}");
    let json = build(&["--skip-bad", "--json"]).json();
    assert_eq!((&json["frames"], json["skipped"].as_array().unwrap().len()), (&6.into(), 2));
}

#[test]
fn a_list_of_frames_serves_as_arguments_and_verify_tells_equal_from_different() {
    let frames = Frames::new(|_| ());
    let cube = frames.at("cube.fits");
    let list = frames.at("list.txt");
    let text: String = frames.paths.iter().map(|path| format!("{}\n", path.display())).collect();
    fs::write(&list, format!("{text}\n")).unwrap();
    let list = format!("@{}", list.display());
    assert_eq!(run(ur().args(["cube", "build", "--out"]).arg(&cube).arg(&list)).code, Some(0));
    let verify = |more: &str| run(ur().args(["cube", "verify", more]).arg(&cube).arg(&list));
    assert_eq!(verify("--json").json()["equal"], true);
    let mut bytes = fs::read(&cube).unwrap();
    let at = crate::support::hdus(&cube)[1].data_start as usize;
    bytes[at] ^= 1;
    fs::write(&cube, bytes).unwrap();
    let ended = verify("--json");
    assert_eq!((ended.code, &ended.json()["equal"]), (Some(1), &false.into()));
    assert_eq!(verify("--threads=1").code, Some(1));
}

#[test]
fn info_tells_what_is_in_a_cube() {
    let frames = Frames::new(|options| options.bad.flagged = vec![(1, 4)]);
    let cube = frames.cube("cube.fits");
    let json = run(ur().args(["cube", "info", "--json"]).arg(&cube)).json();
    for (key, wanted) in
        [("frames", 8), ("columns", 40), ("rows", 30), ("planes", 2), ("sector", 1), ("flagged", 1)]
    {
        assert_eq!(json[key], wanted, "{key}");
    }
    assert_eq!(json["product"], "SPOC");
    let wcs = frames.sector.wcs(4).unwrap();
    let (ra, dec) = wcs.pixel_to_sky(0.0, 0.0);
    assert!((json["footprint"][0][0].as_f64().unwrap() - ra).abs() < 1e-9);
    assert!((json["footprint"][0][1].as_f64().unwrap() - dec).abs() < 1e-9);
    let text = run(ur().args(["cube", "info"]).arg(&cube)).out;
    assert!(text.contains("sector 1, camera 4, CCD 2") && text.contains("3 stored"), "{text}");

    let astrocut = crate::support::fixture("astrocut/cube.fits");
    let text = run(ur().args(["cube", "info"]).arg(&astrocut)).out;
    assert!(text.contains("checksums none"), "{text}");
}
