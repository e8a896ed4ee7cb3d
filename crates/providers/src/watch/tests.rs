use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::time::Duration;

use tempfile::TempDir;

use super::*;

/// No test waits this long unless it fails.
const GUARD: Duration = Duration::from_secs(20);

/// A watched directory.
struct Watched {
    _folder: TempDir,
    root: PathBuf,
    watch: Watch,
}

fn watched() -> Watched {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let mut watch = Watch::new();
    let mut points = Points::default();
    points.add_directory(&root).unwrap();
    let set = watch.set(points);
    assert!(set.added && set.errors.is_empty(), "{set:?}");
    Watched {
        _folder: folder,
        root,
        watch,
    }
}

impl Watched {
    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Collects changes until `path` is among them.
    fn until(&self, path: &Path) -> Changes {
        let mut all = Changes::default();
        loop {
            let changes = next(&self.watch);
            all.paths.extend(changes.paths);
            all.everything |= changes.everything;
            if all.everything || all.paths.contains(path) {
                return all;
            }
        }
    }
}

fn next(watch: &Watch) -> Changes {
    match watch.wait(Some(Instant::now() + GUARD)) {
        Wake::Changed(changes) => changes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_written_file_is_reported_when_its_writer_closes_it() {
    let watched = watched();
    let path = watched.path("a.yaml");
    let mut file = File::create(&path).unwrap();
    file.write_all(b"half").unwrap();
    // A second file is the proof that the first one's events have passed.
    fs::write(watched.path("b.yaml"), "b").unwrap();
    let changes = watched.until(&watched.path("b.yaml"));
    assert!(!changes.paths.contains(&path));
    assert_eq!(watched.watch.unfinished(), BTreeSet::from([path.clone()]));
    drop(file);
    watched.until(&path);
    assert!(watched.watch.unfinished().is_empty());
}

#[test]
fn a_file_that_is_truncated_to_be_written_is_not_reported_empty() {
    let watched = watched();
    let path = watched.path("a.yaml");
    fs::write(&path, "old").unwrap();
    watched.until(&path);
    let mut file = File::options()
        .write(true)
        .truncate(true)
        .open(&path)
        .unwrap();
    fs::write(watched.path("b.yaml"), "b").unwrap();
    assert!(!watched.until(&watched.path("b.yaml")).paths.contains(&path));
    assert!(watched.watch.unfinished().contains(&path));
    file.write_all(b"new").unwrap();
    drop(file);
    watched.until(&path);
}

#[test]
fn renaming_over_removing_and_creating_again_are_reported() {
    let watched = watched();
    let path = watched.path("a.yaml");
    fs::write(&path, "1").unwrap();
    watched.until(&path);
    fs::write(watched.path(".a.yaml.swp"), "2").unwrap();
    fs::rename(watched.path(".a.yaml.swp"), &path).unwrap();
    watched.until(&path);
    fs::remove_file(&path).unwrap();
    watched.until(&path);
    fs::write(&path, "3").unwrap();
    watched.until(&path);
    fs::hard_link(&path, watched.path("c.yaml")).unwrap();
    watched.until(&watched.path("c.yaml"));
}

#[test]
fn a_turned_link_is_reported_even_if_it_lies_between() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for version in ["..1", "..2"] {
        fs::create_dir_all(root.join("mount").join(version)).unwrap();
        fs::write(root.join("mount").join(version).join("a.yaml"), version).unwrap();
    }
    symlink("..1", root.join("mount/..data")).unwrap();
    symlink("..data/a.yaml", root.join("mount/a.yaml")).unwrap();
    symlink(root.join("mount/a.yaml"), root.join("a.yaml")).unwrap();
    let mut points = Points::default();
    let real = points.add_path(&root.join("a.yaml"));
    assert_eq!(real, Some(root.join("mount/..1/a.yaml")));
    let mut watch = Watch::new();
    assert!(watch.set(points).errors.is_empty());
    // As the kubelet does it.
    symlink("..2", root.join("mount/..data_tmp")).unwrap();
    fs::rename(root.join("mount/..data_tmp"), root.join("mount/..data")).unwrap();
    assert_eq!(
        next(&watch).paths,
        BTreeSet::from([root.join("mount/..data")])
    );
}

#[test]
fn what_happens_beside_a_single_file_does_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let mut points = Points::default();
    assert_eq!(points.add_path(&root.join("later/a.yaml")), None);
    let mut watch = Watch::new();
    assert!(watch.set(points).added);
    fs::write(root.join("other.yaml"), "x").unwrap();
    fs::create_dir(root.join("later")).unwrap();
    assert_eq!(next(&watch).paths, BTreeSet::from([root.join("later")]));
}

#[test]
fn a_directory_that_was_removed_and_made_again_is_watched_again() {
    let mut watched = watched();
    let (root, sub) = (watched.root.clone(), watched.path("sub"));
    let points = || {
        let mut points = Points::default();
        points.add_directory(&root).unwrap();
        points.add_directory(&sub).unwrap();
        points
    };
    fs::create_dir(&sub).unwrap();
    watched.until(&sub);
    assert!(watched.watch.set(points()).added);
    fs::remove_dir(&sub).unwrap();
    fs::create_dir(&sub).unwrap();
    watched.until(&sub);
    assert!(
        watched.watch.set(points()).added,
        "the directory of that name is another one"
    );
    fs::write(sub.join("a.yaml"), "x").unwrap();
    while !next(&watched.watch).paths.contains(&sub.join("a.yaml")) {
        watched.watch.set(points());
    }
}

#[test]
fn a_storm_is_coalesced() {
    let watched = watched();
    for n in 0..1_000 {
        fs::write(watched.path(&format!("{}.yaml", n % 10)), n.to_string()).unwrap();
    }
    fs::write(watched.path("last.yaml"), "x").unwrap();
    let mut rounds = 0;
    loop {
        rounds += 1;
        if next(&watched.watch)
            .paths
            .contains(&watched.path("last.yaml"))
        {
            break;
        }
    }
    assert!(rounds < 500, "{rounds}");
}

#[test]
fn signals_wake_the_waiting_thread() {
    let watch = Watch::disabled();
    let signals = watch.signals();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let first = watch.wait(Some(Instant::now() + GUARD));
            (first, watch.wait(Some(Instant::now() + GUARD)))
        });
        signals.reload();
        // Only a thread that took the reload can see the stop as its second wake.
        while watch.shared.lock().reload {
            std::thread::yield_now();
        }
        signals.stop();
        assert_eq!(waiting.join().unwrap(), (Wake::Reload, Wake::Stop));
    });
}

#[test]
fn a_deadline_ends_the_wait() {
    assert_eq!(Watch::disabled().wait(Some(Instant::now())), Wake::Deadline);
}

#[test]
fn a_folder_that_does_not_exist_is_waited_for_at_its_nearest_parent() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let mut points = Points::default();
    assert_eq!(points.add_directory(&root.join("a/b")), None);
    assert_eq!(points.directories().collect::<Vec<_>>(), [&root]);
    assert!(points.matter(&root.join("a")));
    assert!(!points.matter(&root.join("b")));
}

#[test]
fn links_in_a_circle_lead_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    symlink("b", folder.path().join("a")).unwrap();
    symlink("a", folder.path().join("b")).unwrap();
    assert_eq!(Points::default().add_path(&folder.path().join("a")), None);
}
