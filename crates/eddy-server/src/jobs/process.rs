//! Workers: a process each, so that whatever a file does to one, it does to that one alone.

use std::io::{BufWriter, Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::Command;
use tokio::sync::watch;

use super::limits::bound;
use super::order::{Order, Said};
use super::work::{Tell, carry_out};

/// Longest line a worker may say.
const MOST_SAID: u64 = 256 << 20;
/// What a worker prints to standard error is kept up to this many bytes.
const MOST_COMPLAINT: u64 = 4_096;

/// Who does the work.
#[derive(Debug, Clone)]
pub enum Workers {
    /// A process of this program for each job, with the arguments that lead to [`worker_main`].
    Process(PathBuf, Vec<String>),
    /// A thread of this process: for tests inside one process, where nothing can be hostile.
    Thread,
}

/// How a piece of work ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Done(Value),
    Failed(String),
    Cancelled,
}

/// Has an order carried out. `cancel` becomes true when it is called off; `tell` hears how far it is.
pub(crate) async fn run_order(
    workers: &Workers,
    order: Order,
    deadline: Duration,
    mut cancel: watch::Receiver<bool>,
    tell: Tell,
) -> Ended {
    let work = async {
        match workers {
            Workers::Thread => {
                let done = tokio::task::spawn_blocking(move || carry_out(&order, &tell)).await;
                match done {
                    Ok(Ok(value)) => Ended::Done(value),
                    Ok(Err(reason)) => Ended::Failed(reason),
                    Err(error) => Ended::Failed(format!("the worker stopped: {error}")),
                }
            }
            Workers::Process(program, arguments) => in_process(program, arguments, &order, &tell).await,
        }
    };
    tokio::select! {
        ended = tokio::time::timeout(deadline, work) => ended.unwrap_or_else(|_| {
            Ended::Failed(format!("it was not done after {} s and was ended", deadline.as_secs()))
        }),
        // A dropped process is killed.
        () = called_off(&mut cancel) => Ended::Cancelled,
    }
}

async fn called_off(cancel: &mut watch::Receiver<bool>) {
    if cancel.wait_for(|off| *off).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn in_process(program: &PathBuf, arguments: &[String], order: &Order, tell: &Tell) -> Ended {
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Ended::Failed(format!("no worker could be started: {error}")),
    };
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Ended::Failed("no worker could be spoken to".into());
    };
    let order = serde_json::to_vec(order).unwrap_or_default();
    let speak = async move {
        // A worker that is gone already says why by its end.
        let _ = stdin.write_all(&order).await;
        let _ = stdin.shutdown().await;
    };
    let listen = async {
        let mut lines = BufReader::new(stdout.take(MOST_SAID)).lines();
        let mut last = None;
        while let Ok(Some(line)) = lines.next_line().await {
            match serde_json::from_str(&line) {
                Ok(Said::Progress { stage, done, of }) => tell(&stage, done, of),
                Ok(said) => last = Some(said),
                Err(_) => {}
            }
        }
        last
    };
    let complain = async {
        let mut text = Vec::new();
        let mut stderr = stderr;
        let _ = (&mut stderr).take(MOST_COMPLAINT).read_to_end(&mut text).await;
        // The rest is read so that nobody waits for room.
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        String::from_utf8_lossy(&text).into_owned()
    };
    let ((), last, complaint) = tokio::join!(speak, listen, complain);
    let status = child.wait().await;
    match (last, status) {
        (Some(Said::Done(value)), Ok(status)) if status.success() => Ended::Done(value),
        (Some(Said::Failed(reason)), _) => Ended::Failed(reason),
        (_, status) => Ended::Failed(died(status.ok(), &complaint)),
    }
}

fn died(status: Option<std::process::ExitStatus>, complaint: &str) -> String {
    use std::os::unix::process::ExitStatusExt;
    tracing::warn!(?status, complaint, "a worker died");
    if complaint.contains("memory allocation") {
        return "it needs more memory than a job may have (limits.job_memory); send less, or allow more"
            .into();
    }
    match status.and_then(|status| status.signal()) {
        Some(signal) => format!("the worker was ended by signal {signal}; nothing else was touched"),
        None => "the worker ended without a result; the log of the server says more".into(),
    }
}

/// What a worker process does: reads one order from standard input, carries it out, and says how it goes on standard
/// output, a line of JSON at a time. Gives the exit code.
pub fn worker_main() -> u8 {
    #[cfg(target_os = "linux")]
    {
        // Work for a server that was killed is in vain. That it cannot be asked for is no reason not to work.
        let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    }
    let mut text = Vec::new();
    let read = std::io::stdin().lock().take(64 << 20).read_to_end(&mut text);
    let order: Order = match read
        .map_err(|e| e.to_string())
        .and_then(|_| serde_json::from_slice(&text).map_err(|e| e.to_string()))
    {
        Ok(order) => order,
        Err(error) => {
            say(&Said::Failed(format!("the order cannot be read: {error}")));
            return 1;
        }
    };
    bound(order.memory);
    let last = Mutex::new((None::<Instant>, String::new()));
    let tell: Tell = Arc::new(move |stage, done, of| {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let soon = last.0.is_some_and(|at| now.duration_since(at) < Duration::from_millis(200));
        if soon && last.1 == stage {
            return;
        }
        *last = (Some(now), stage.to_owned());
        say(&Said::Progress { stage: stage.to_owned(), done, of });
    });
    match carry_out(&order, &tell) {
        Ok(value) => {
            say(&Said::Done(value));
            0
        }
        Err(reason) => {
            say(&Said::Failed(reason));
            1
        }
    }
}

fn say(said: &Said) {
    let mut out = BufWriter::new(std::io::stdout().lock());
    // Nobody listens any more: then nobody misses it.
    let _ = serde_json::to_writer(&mut out, said);
    let _ = out.write_all(b"\n").and_then(|()| out.flush());
}
