//! Apache Kafka for tests: what `scripts/kafka` starts, of this process alone.
//!
//! It ends when it is dropped, and in any case when the process has ended (`--while`), since a test may be killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// Brokers that run.
pub struct Kafka {
    folder: PathBuf,
    /// Where everything is allowed.
    pub plaintext: String,
    /// Where users log in.
    pub sasl_ssl: String,
    /// Whose certificates the brokers have.
    pub ca: PathBuf,
}

impl Kafka {
    /// Starts one broker or three in a new folder of that name; none where there is no Java or Maven, which is said.
    pub fn start(name: &str, brokers: usize) -> Option<Kafka> {
        if let Some(missing) = ["java", "mvn", "openssl"].into_iter().find(|program| !is_there(program)) {
            println!("skipped: no {missing}, and so no Apache Kafka");
            return None;
        }
        let folder = std::env::temp_dir().join(format!("skydiff-kafka-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        let (brokers, of) = (brokers.to_string(), std::process::id().to_string());
        done(run("start", [path(&folder), "--brokers", &brokers, "--while", &of]));
        let env = std::fs::read_to_string(folder.join("env")).unwrap();
        let value = |key: &str| {
            let line = env.lines().find_map(|line| line.strip_prefix("export ")?.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("no {key} in {env}")).to_owned()
        };
        Some(Kafka {
            plaintext: value("KAFKA_PLAINTEXT"),
            sasl_ssl: value("KAFKA_SASL_SSL"),
            ca: value("KAFKA_CA").into(),
            folder,
        })
    }

    /// One broker for all tests of this process.
    pub fn shared() -> Option<&'static Kafka> {
        static SHARED: OnceLock<Option<Kafka>> = OnceLock::new();
        SHARED.get_or_init(|| Kafka::start("shared", 1)).as_ref()
    }

    /// `scripts/kafka WORDS`, a verb of one word or two, on these brokers; what it printed.
    pub fn script<'a>(&'a self, verb: &str, arguments: impl IntoIterator<Item = &'a str>) -> String {
        done(run(verb, [path(&self.folder)].into_iter().chain(arguments)))
    }

    /// Makes a topic.
    pub fn topic(&self, name: &str, partitions: usize) {
        self.topic_with(name, partitions, &[]);
    }

    /// The same, with settings of one's own.
    pub fn topic_with(&self, name: &str, partitions: usize, configs: &[&str]) {
        // Packets bear the times of simulated nights, which are long ago.
        let partitions = partitions.to_string();
        let mut words = vec![name, "--partitions", &partitions, "--config", "retention.ms=-1"];
        words.extend(configs.iter().flat_map(|config| ["--config", config]));
        self.script("topic create", words);
    }

    /// Makes a user; gives the file of its password.
    pub fn user(&self, name: &str, quotas: &[&str]) -> PathBuf {
        self.script("user add", [name].into_iter().chain(quotas.iter().copied()));
        self.password_file(name)
    }

    /// The file of a user's password; `admin` is there from the beginning, and may do everything.
    pub fn password_file(&self, name: &str) -> PathBuf {
        self.folder.join("users").join(format!("{name}.password"))
    }

    /// Broker `n` dies at once.
    pub fn kill(&self, n: usize) {
        self.script("kill", [n.to_string().as_str()]);
    }

    /// Broker `n` is started again.
    pub fn restart(&self, n: usize) {
        self.script("restart", [n.to_string().as_str()]);
    }
}

impl Drop for Kafka {
    fn drop(&mut self) {
        let _ = run("stop", [path(&self.folder)]);
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn run<'a>(verb: &str, arguments: impl IntoIterator<Item = &'a str>) -> Output {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/kafka");
    Command::new(script).args(verb.split(' ')).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn done(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}
