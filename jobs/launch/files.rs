//! What Slurm, Kubernetes and systemd need to run a job, written for people to read and to change.
//!
//! All three go by the exit codes of `skydiff run`, and say `--take-over` only where they have seen the end of the job's own
//! processes.

use skydiff_dataflow::cluster::Secret;
use skydiff_dataflow::cluster::find::PORT;
use skydiff_dataflow::settings::load;
use std::path::Path;

/// Where the state of a process is served.
const LISTEN: u16 = 9101;

/// What is wanted.
pub struct Wanted<'a> {
    /// The job file.
    pub job: &'a Path,
    /// How many processes.
    pub processes: usize,
    /// Flags for `skydiff run`.
    pub flags: &'a [String],
    /// An image that has skydiff.
    pub image: &'a str,
    /// skydiff, where it is installed.
    pub program: &'a str,
    /// Worker threads of each process.
    pub workers: usize,
}

/// How many workers each process has: by the flags, or by the job, which is checked on the way.
pub fn workers(job: &Path, flags: &[String]) -> Result<usize, String> {
    let mut words = flags.iter();
    while let Some(word) = words.next() {
        let said = match word.strip_prefix("--workers=") {
            Some(said) => Some(said),
            None if word == "--workers" || word == "-w" => words.next().map(String::as_str),
            None => None,
        };
        if let Some(said) = said {
            return said.parse().map_err(|_| format!("--workers {said}: give a number"));
        }
    }
    load(Some(job), std::env::vars()).map(|job| job.run.workers).map_err(|error| error.to_string())
}

impl Wanted<'_> {
    fn name(&self) -> String {
        let stem = self.job.file_stem().map_or("skydiff".into(), |stem| stem.to_string_lossy().to_lowercase());
        let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name: String = stem.chars().map(plain).collect();
        let name = name.trim_matches('-');
        if name.is_empty() { "skydiff".into() } else { name.chars().take(40).collect() }
    }

    fn job(&self) -> Result<String, String> {
        let path = std::path::absolute(self.job).map_err(|error| format!("{}: {error}", self.job.display()))?;
        Ok(path.display().to_string())
    }

    fn flags(&self) -> String {
        self.flags.iter().map(|flag| format!(" {}", shell(flag))).collect()
    }
}

fn shell(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+".contains(letter);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A batch script: one task a process, all of them started again when one fails.
pub fn slurm(wanted: &Wanted<'_>) -> Result<String, String> {
    let (name, job, flags) = (wanted.name(), shell(&wanted.job()?), wanted.flags());
    let (processes, workers, program) = (wanted.processes, wanted.workers, shell(wanted.program));
    Ok(format!(
        r#"#!/bin/bash
# {name}: a skydiff job under Slurm. One task is one process of the job; `sbatch` this file.
#SBATCH --job-name={name}
#SBATCH --ntasks={processes}
#SBATCH --cpus-per-task={workers}
#SBATCH --distribution=block
#SBATCH --output={name}-%j.log
# Drains two minutes before the time is over, and goes on from the archive when it is queued again.
#SBATCH --signal=B:TERM@120
#SBATCH --requeue
set -u

# By the secret the processes know each other, by the run they know this start of the job from an older one. Slurm hands
# both on in the environment of the tasks, which only their owner can read.
SKYDIFF_SECRET=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export SKYDIFF_SECRET

# scancel --signal=TERM --batch, and the signal above, drain the job: any process tells process 0.
trap 'stopping=1; scancel --signal=TERM "$SLURM_JOB_ID.$step" 2>/dev/null' TERM INT
stopping=0
# A job that is queued again has seen the end of its own processes: their lease is nobody's.
take_over=$([ "${{SLURM_RESTART_COUNT:-0}}" -gt 0 ] && echo --take-over)
step=0
pause=1
while :; do
    SKYDIFF_RUN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    export SKYDIFF_RUN
    begun=$SECONDS
    srun --kill-on-bad-exit=1 --distribution=block {program} run {job} --hosts slurm $take_over{flags} &
    wait $!
    code=$?
    # `wait` ends with the signal; the processes end when they have drained.
    while kill -0 $! 2>/dev/null; do wait $!; code=$?; done
    case $code in
    0) exit 0 ;;
    2 | 3) echo "{name}: refused ($code)" >&2; exit $code ;;
    5) echo "{name}: fenced: a newer generation of the job is at work" >&2; exit 5 ;;
    esac
    [ $stopping = 1 ] && exit 1
    [ $((SECONDS - begun)) -gt 60 ] && pause=1
    echo "{name}: failed ($code): all start again in $pause s" >&2
    sleep $pause
    pause=$((pause < 16 ? pause * 2 : 30))
    step=$((step + 1))
    take_over=--take-over
done
"#
    ))
}

/// A StatefulSet: pod N is process N. The lease is waited for, since Kubernetes does not say who has ended.
pub fn kubernetes(wanted: &Wanted<'_>) -> Result<String, String> {
    let (name, image, processes, workers) = (wanted.name(), wanted.image, wanted.processes, wanted.workers);
    let secret = Secret::invent()?;
    let text = std::fs::read_to_string(wanted.job).map_err(|error| format!("{}: {error}", wanted.job.display()))?;
    let job: String = text.lines().map(|line| format!("    {line}").trim_end().to_owned() + "\n").collect();
    let flags: String =
        wanted.flags.iter().map(|flag| format!(", {}", serde_json::Value::from(flag.as_str()))).collect();
    let hosts = if processes > 1 { ", \"--hosts\", \"kubernetes\"" } else { "" };
    Ok(format!(
        r#"# {name}: a skydiff job on Kubernetes. Pod N is process N; `kubectl apply -f` this file.
# When one process ends all end, and the kubelet starts all of them again: they meet under what process 0 says is the run.
# A job that was refused (2, 3) or fenced (5) is started again too, and refused again: look at the logs of pod 0.
apiVersion: v1
kind: Secret
metadata:
  name: {name}
type: Opaque
stringData:
  # By this the processes know each other. Made anew each time this file is written.
  secret: "{secret}"
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
data:
  JOB.toml: |
{job}---
# Gives every pod a name. Pods meet before they are ready.
apiVersion: v1
kind: Service
metadata:
  name: {name}-wire
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    app: {name}
  ports:
    - name: wire
      port: {PORT}
---
# Where Prometheus scrapes, and `skydiff status` asks (kubectl port-forward {name}-0 {LISTEN}).
apiVersion: v1
kind: Service
metadata:
  name: {name}
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: "{LISTEN}"
spec:
  selector:
    app: {name}
  ports:
    - name: watch
      port: {LISTEN}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {name}
spec:
  serviceName: {name}-wire
  replicas: {processes}
  # All at once: they wait for each other.
  podManagementPolicy: Parallel
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      # SIGTERM drains, at any pod.
      terminationGracePeriodSeconds: 120
      containers:
        - name: skydiff
          image: {image}
          args: ["run", "/etc/skydiff/JOB.toml"{hosts}, "--listen", "0.0.0.0:{LISTEN}", "--log", "json"{flags}]
          env:
            - name: SKYDIFF_SERVICE
              value: {name}-wire
            - name: SKYDIFF_PROCESSES
              value: "{processes}"
            - name: SKYDIFF_SECRET
              valueFrom:
                secretKeyRef:
                  name: {name}
                  key: secret
          ports:
            - name: wire
              containerPort: {PORT}
            - name: watch
              containerPort: {LISTEN}
          resources:
            requests:
              cpu: "{workers}"
          # Loading what is known may take minutes; afterwards a frontier that stands still while input waits is a failure.
          startupProbe:
            httpGet:
              path: /healthz
              port: watch
            periodSeconds: 5
            failureThreshold: 120
          livenessProbe:
            httpGet:
              path: /healthz
              port: watch
            periodSeconds: 10
            failureThreshold: 3
          readinessProbe:
            httpGet:
              path: /healthz
              port: watch
            periodSeconds: 5
          volumeMounts:
            - name: job
              mountPath: /etc/skydiff
              readOnly: true
      volumes:
        - name: job
          configMap:
            name: {name}
"#
    ))
}

/// A unit that runs `skydiff launch`, which starts processes again itself.
pub fn systemd(wanted: &Wanted<'_>) -> Result<String, String> {
    let (name, job, processes, program) = (wanted.name(), wanted.job()?, wanted.processes, wanted.program);
    // systemd has its own words for a percent sign and a dollar.
    let word = |word: &str| {
        let word = word.replace('%', "%%").replace('$', "$$");
        if word.is_empty() || word.contains([' ', '"', '\'', ';', '\\']) {
            format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
        } else {
            word
        }
    };
    let flags: String = wanted.flags.iter().map(|flag| format!(" {}", word(flag))).collect();
    let after = if flags.is_empty() { String::new() } else { format!(" --{flags}") };
    let (program, job) = (word(program), word(&job));
    Ok(format!(
        r#"# {name}: a skydiff job under systemd. Put this into /etc/systemd/system/{name}.service, then
# systemctl daemon-reload && systemctl enable --now {name}
[Unit]
Description=skydiff: {name}
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
ExecStart={program} launch {job} --processes {processes} --listen {LISTEN} --log json{after}
# Credentials of the archive and the secret of the job, as NAME=value lines that only root reads.
EnvironmentFile=-/etc/skydiff/{name}.env
# SIGTERM to the launcher drains the job.
KillMode=mixed
TimeoutStopSec=120
Restart=on-failure
RestartSec=10
# Refused or fenced: another start would end in the same way, or may not be.
RestartPreventExitStatus=2 3 5
DynamicUser=yes
StateDirectory=skydiff
WorkingDirectory=/var/lib/skydiff
NoNewPrivileges=yes
ProtectHome=read-only
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
"#
    ))
}
