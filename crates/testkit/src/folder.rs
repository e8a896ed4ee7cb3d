//! A temporary folder of manifests or dynamic files.

use std::io;
use std::path::{Path, PathBuf};

/// A folder that is removed with all it holds when dropped.
///
/// Names may hold `/`; the folders between are made.
#[derive(Debug)]
pub struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    /// An empty folder.
    ///
    /// # Errors
    ///
    /// If it can't be made; so with all methods here.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            folder: tempfile::tempdir()?,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file in place, as many editors do: a watcher may see it half written.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.place(name)?;
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Writes beside the file and renames over it, as careful editors do.
    ///
    /// # Errors
    ///
    /// If it can't be written.
    pub fn replace(&self, name: &str, text: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.place(name)?;
        let fresh = path.with_file_name(format!(".{}.fresh~", file_name(&path)));
        std::fs::write(&fresh, text)?;
        std::fs::rename(fresh, &path)?;
        Ok(path)
    }

    /// Removes a file.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path().join(name))
    }

    /// Makes `files` the content of the folder the way Kubernetes updates a mounted ConfigMap:
    /// the files lie in a folder of this `generation`, `..data` links to that and is swapped by a
    /// rename, and each file of the folder is a link through `..data`. Files that earlier
    /// generations had and this one hasn't lose their link.
    ///
    /// # Errors
    ///
    /// If a file or link can't be made.
    pub fn mount(&self, generation: u32, files: &[(&str, &str)]) -> io::Result<()> {
        let content = format!("..generation_{generation}");
        for (name, text) in files {
            self.write(&format!("{content}/{name}"), text)?;
        }
        let (data, fresh) = (self.path().join("..data"), self.path().join("..data_tmp"));
        std::os::unix::fs::symlink(&content, &fresh)?;
        std::fs::rename(fresh, data)?;
        for (name, _) in files {
            let link = self.path().join(name);
            if !link.is_symlink() {
                std::os::unix::fs::symlink(format!("..data/{name}"), link)?;
            }
        }
        for entry in std::fs::read_dir(self.path())? {
            let path = entry?.path();
            if path.is_symlink() && !path.exists() {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn place(&self, name: &str) -> io::Result<PathBuf> {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(path)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Folder) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| file_name(&entry.unwrap().path()))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn files_are_written_replaced_and_removed() {
        let folder = Folder::new().unwrap();
        folder.write("a/b.yaml", "1").unwrap();
        let path = folder.replace("a/b.yaml", "2").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "2");
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
        folder.remove("a/b.yaml").unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn mounted_generations_follow_each_other() {
        let folder = Folder::new().unwrap();
        folder
            .mount(1, &[("a.yaml", "a1"), ("b.yaml", "b1")])
            .unwrap();
        folder
            .mount(2, &[("a.yaml", "a2"), ("c.yaml", "c2")])
            .unwrap();
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(
            (read("a.yaml"), read("c.yaml")),
            ("a2".to_owned(), "c2".to_owned())
        );
        assert_eq!(
            names(&folder),
            [
                "..data",
                "..generation_1",
                "..generation_2",
                "a.yaml",
                "c.yaml"
            ]
        );
    }

    #[test]
    fn nothing_is_left_behind() {
        let folder = Folder::new().unwrap();
        folder.write("a.yaml", "1").unwrap();
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }
}
