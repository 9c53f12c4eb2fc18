//! Where the processes of a job are, from what starts them: a list, a file of hosts, Slurm, or Kubernetes.
//!
//! All of it is a function of texts and of the environment, so that it can be tried without any of these.

use std::collections::BTreeMap;

/// The port of a process, where none is said.
pub const PORT: u16 = 2101;

/// The environment.
pub type Environment = BTreeMap<String, String>;

/// Which process this is, if the environment says so, and `host:port` of all.
pub type Places = (Option<usize>, Vec<String>);

/// What `--hosts` means: `a:2101,b:2101`, `@FILE`, `slurm`, `kubernetes`. The error says what is missing.
pub fn places(said: &str, environment: &Environment) -> Result<Places, String> {
    match said {
        "" => Ok((None, Vec::new())),
        "slurm" => slurm(environment).map(|(process, hosts)| (Some(process), hosts)),
        "kubernetes" => kubernetes(environment).map(|(process, hosts)| (Some(process), hosts)),
        said => match said.strip_prefix('@') {
            Some(file) => {
                let text = std::fs::read_to_string(file).map_err(|error| format!("--hosts @{file}: {error}"))?;
                Ok((None, with_ports(hosts_of(&text))))
            }
            None => Ok((None, with_ports(said.split(',').map(str::to_owned)))),
        },
    }
}

/// The hosts of a file: one a line, `#` begins a remark.
pub fn hosts_of(text: &str) -> impl Iterator<Item = String> {
    text.lines().map(|line| line.split('#').next().unwrap_or("").trim().to_owned()).filter(|host| !host.is_empty())
}

/// `host` is `host:2101`; of several processes on one host each has the next port.
pub fn with_ports(hosts: impl Iterator<Item = String>) -> Vec<String> {
    let mut next: BTreeMap<String, u16> = BTreeMap::new();
    let has_port = |host: &str| match host.rsplit_once(':') {
        Some((before, port)) => port.parse::<u16>().is_ok() && (!before.contains(':') || before.ends_with(']')),
        None => false,
    };
    hosts
        .map(|host| {
            if has_port(&host) {
                return host;
            }
            let port = next.entry(host.clone()).or_insert(PORT);
            *port += 1;
            format!("{host}:{}", *port - 1)
        })
        .collect()
}

fn get<'a>(environment: &'a Environment, key: &str, what: &str) -> Result<&'a str, String> {
    environment.get(key).map(String::as_str).ok_or_else(|| format!("--hosts {what}: {key} is not in the environment"))
}

fn number(environment: &Environment, key: &str, what: &str) -> Result<usize, String> {
    let text = get(environment, key, what)?;
    text.parse().map_err(|_| format!("--hosts {what}: {key}={text} is no number"))
}

/// Of a step that `srun` has started: tasks are dealt to nodes in blocks.
fn slurm(environment: &Environment) -> Result<(usize, Vec<String>), String> {
    let of_step = |key: &str| {
        let step = format!("SLURM_STEP_{key}");
        if environment.contains_key(&step) { step } else { format!("SLURM_{key}") }
    };
    let process = number(environment, "SLURM_PROCID", "slurm")?;
    let nodes = nodes(get(environment, &of_step("NODELIST"), "slurm")?)?;
    let tasks = tasks(get(environment, &of_step("TASKS_PER_NODE"), "slurm")?)?;
    if nodes.len() != tasks.len() {
        return Err(format!("--hosts slurm: there are {} nodes, and tasks of {}", nodes.len(), tasks.len()));
    }
    let hosts = nodes.into_iter().zip(tasks).flat_map(|(node, tasks)| std::iter::repeat_n(node, tasks));
    Ok((process, with_ports(hosts)))
}

/// `node[01-03,7],login` as Slurm writes lists of nodes.
fn nodes(list: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("--hosts slurm: `{list}` is no list of nodes");
    let (mut parts, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, letter) in list.char_indices() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&list[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&list[begin..]);
    let mut nodes = Vec::new();
    for part in parts {
        let Some((name, rest)) = part.split_once('[') else {
            nodes.push(part.to_owned());
            continue;
        };
        let (ranges, after) = rest.split_once(']').ok_or_else(wrong)?;
        for range in ranges.split(',') {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let (first, last) = (from.parse::<u64>().map_err(|_| wrong())?, to.parse::<u64>().map_err(|_| wrong())?);
            nodes.extend((first..=last).map(|node| format!("{name}{node:0width$}{after}", width = from.len())));
        }
    }
    Ok(nodes)
}

/// `2(x3),1` as Slurm writes how many tasks each node has.
fn tasks(list: &str) -> Result<Vec<usize>, String> {
    let wrong = || format!("--hosts slurm: `{list}` does not say how many tasks each node has");
    let mut tasks = Vec::new();
    for part in list.split(',') {
        let (count, times) = match part.split_once("(x") {
            Some((count, times)) => (count, times.trim_end_matches(')').parse().map_err(|_| wrong())?),
            None => (part, 1),
        };
        tasks.extend(std::iter::repeat_n(count.parse::<usize>().map_err(|_| wrong())?, times));
    }
    Ok(tasks)
}

/// Of a pod of a StatefulSet: its name ends with its number, and its service's name follows that of each pod.
fn kubernetes(environment: &Environment) -> Result<(usize, Vec<String>), String> {
    let pod = get(environment, "HOSTNAME", "kubernetes")?;
    let service = get(environment, "SKYDIFF_SERVICE", "kubernetes")?;
    let processes = number(environment, "SKYDIFF_PROCESSES", "kubernetes")?;
    let (set, process) =
        pod.rsplit_once('-').and_then(|(set, process)| Some((set, process.parse().ok()?))).ok_or_else(|| {
            format!("--hosts kubernetes: {pod} is no pod of a StatefulSet: its name does not end with -N")
        })?;
    Ok((process, (0..processes).map(|process| format!("{set}-{process}.{service}:{PORT}")).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn hosts_are_listed_by_people() {
        let none = Environment::default();
        assert_eq!(places("", &none).unwrap(), (None, vec![]));
        let hosts = |said: &str| places(said, &none).unwrap().1.join(" ");
        assert_eq!(hosts("a:1,b:2"), "a:1 b:2");
        assert_eq!(hosts("a,b,a,[::1]:7"), "a:2101 b:2101 a:2102 [::1]:7");
        assert_eq!(hosts_of("a # the first\n\n# none\n b:9 \n").collect::<Vec<_>>(), ["a", "b:9"]);
        assert!(places("@/no/such/file", &none).unwrap_err().contains("/no/such/file"));
    }

    #[test]
    fn slurm_says_where_its_tasks_are() {
        let slurm = environment(&[
            ("SLURM_PROCID", "3"),
            ("SLURM_NODELIST", "everything[1-99]"),
            ("SLURM_STEP_NODELIST", "rack1-n[08-10],login,gpu[3,5]x"),
            ("SLURM_STEP_TASKS_PER_NODE", "2,1(x4),2"),
        ]);
        let (process, hosts) = places("slurm", &slurm).unwrap();
        assert_eq!(process, Some(3));
        let expected =
            "rack1-n08:2101 rack1-n08:2102 rack1-n09:2101 rack1-n10:2101 login:2101 gpu3x:2101 gpu5x:2101 gpu5x:2102";
        assert_eq!(hosts.join(" "), expected);
        let missing = places("slurm", &environment(&[("SLURM_PROCID", "0")])).unwrap_err();
        assert!(missing.contains("SLURM_NODELIST"), "{missing}");
        assert!(nodes("n[1-").is_err() && nodes("n[x]").is_err() && tasks("2(xy)").is_err());
    }

    #[test]
    fn kubernetes_says_who_a_pod_is() {
        let pod =
            |name| environment(&[("HOSTNAME", name), ("SKYDIFF_SERVICE", "ztf-wire"), ("SKYDIFF_PROCESSES", "2")]);
        let expected = vec!["ztf-0.ztf-wire:2101".to_owned(), "ztf-1.ztf-wire:2101".to_owned()];
        assert_eq!(places("kubernetes", &pod("ztf-1")).unwrap(), (Some(1), expected));
        assert!(places("kubernetes", &pod("ztf")).unwrap_err().contains("StatefulSet"));
    }
}
