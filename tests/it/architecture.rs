//! The arrows between our crates, held against what cargo knows.

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which of our crates each may need; a crate that is not here has no place in the picture yet.
const ARROWS: [(&str, &[&str]); 15] = [
    ("sky", &[]),
    ("wcs", &[]),
    ("lttb", &[]),
    ("plot", &[]),
    ("fits", &[]),
    ("adql", &[]),
    ("series", &["lttb", "fits"]),
    ("votable", &[]),
    ("catalog", &["sky", "fits", "votable"]),
    ("rows", &["fits", "votable"]),
    ("alert", &["sky", "adql", "catalog", "fits", "votable"]),
    ("query", &["adql", "catalog", "fits", "sky"]),
    ("cube", &["fits", "wcs"]),
    ("cutout", &["cube", "fits", "wcs", "sky"]),
    ("simulate", &["wcs", "fits", "sky"]),
];

/// Heavy crates and the one crate of ours that may name each.
const HOMES: [(&str, Option<&str>); 8] = [
    ("fitsio", Some("fits")),
    ("fitsio-sys", Some("fits")),
    ("sqlparser", Some("adql")),
    ("datafusion", Some("query")),
    ("rdkafka", None),
    ("axum", None),
    ("wcs", None),
    ("healpix", None),
];

const PREFIX: &str = "uranometria-";

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).no_deps();
    command.exec().unwrap()
}

fn folder(package: &Package) -> (String, String) {
    let folder = package.manifest_path.parent().unwrap();
    let name = |path: &cargo_metadata::camino::Utf8Path| path.file_name().unwrap_or("").to_string();
    (name(folder.parent().unwrap()), name(folder))
}

/// Packages of crates/ by their name without prefix.
fn crates(metadata: &Metadata) -> Vec<(String, &Package)> {
    let of_ours = metadata.packages.iter().filter(|package| folder(package).0 == "crates");
    of_ours.map(|package| (package.name.trim_start_matches(PREFIX).to_string(), package)).collect()
}

#[test]
fn arrows_between_crates_are_those_of_the_picture() {
    let metadata = metadata();
    let crates = crates(&metadata);
    assert!(crates.len() >= ARROWS.len(), "only {} crates were found", crates.len());
    for (name, package) in crates {
        let known = ARROWS.iter().find(|(known, _)| *known == name);
        let (_, allowed) = known.unwrap_or_else(|| panic!("{name} is not in the picture; put it there"));
        let normal =
            package.dependencies.iter().filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in normal {
            if let Some(other) = dependency.name.strip_prefix(PREFIX) {
                assert!(allowed.contains(&other), "{name} needs {other}, which the picture does not have");
            }
        }
    }
}

#[test]
fn heavy_dependencies_are_named_by_the_one_crate_they_belong_to() {
    let metadata = metadata();
    // The benchmarks measure us against them.
    for package in metadata.packages.iter().filter(|package| *package.name != "uranometria-benches") {
        for dependency in &package.dependencies {
            let Some((heavy, home)) = HOMES.iter().find(|(heavy, _)| *heavy == dependency.name) else {
                continue;
            };
            let is_home = home.is_some_and(|home| *package.name == format!("{PREFIX}{home}"));
            assert!(is_home, "{} names {heavy}, which belongs to {home:?}", package.name);
        }
    }
}

#[test]
fn the_program_links_no_query_engine_and_no_server() {
    let ur = metadata();
    let ur = ur.packages.iter().find(|package| *package.name == "ur").unwrap();
    let needs: BTreeSet<&str> = ur.dependencies.iter().map(|dependency| dependency.name.as_str()).collect();
    for heavy in ["uranometria-query", "uranometria-server", "uranometria-tests"] {
        assert!(!needs.contains(heavy), "ur needs {heavy}");
    }
}

#[test]
fn a_crate_is_named_for_its_folder_and_says_what_it_is() {
    let metadata = metadata();
    for (name, package) in crates(&metadata) {
        assert_eq!(*package.name, format!("{PREFIX}{name}"));
        assert_eq!(folder(package).1, name);
        assert!(!["common", "utils", "util", "types", "helpers"].contains(&name.as_str()), "{name}");
        assert!(package.description.is_some(), "{name} has no description");
    }
}
