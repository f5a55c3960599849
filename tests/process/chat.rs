//! A chat in a process of its own: `switchboard chat --json`.
//!
//! Owns its input and what it prints. Must not know what it prints means, but for the type of a line.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Stdio};

use serde_json::Value;
use tokio::sync::mpsc;

use crate::daemon::Daemon;
use crate::wait::{in_time, until};

/// A chat that runs.
pub(crate) struct Chat {
    child: Child,
    input: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<Value>,
    seen: Vec<Value>,
}

impl Chat {
    /// Starts a chat and waits until it has entered its conversation.
    pub(crate) async fn enter(daemon: &Daemon, flags: &[&str]) -> Self {
        let mut command = daemon.command("chat");
        command.arg("--json").arg("--ready-file").arg(daemon.ready_file()).args(flags);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (line_to, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                let value = serde_json::from_str(&line.unwrap()).expect("a line is a JSON object");
                // A test that has ended wants no more.
                let _ = line_to.send(value);
            }
        });
        let mut chat = Self { input: child.stdin.take(), child, lines, seen: Vec::new() };
        chat.until_seen("ready line", |line| line["type"] == "ready").await;
        chat
    }

    /// The conversation that it is about.
    pub(crate) fn conversation(&self) -> String {
        self.seen[0]["conversation"].as_str().unwrap().to_owned()
    }

    /// Enters a line.
    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until it has shown a message.
    pub(crate) async fn until_heard(&mut self, text: &str) {
        self.until_seen(text, |line| line["type"] == "event" && line["text"] == text).await;
    }

    /// Waits until it has shown something.
    pub(crate) async fn until_seen(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) {
        if self.seen.iter().any(&is_it) {
            return;
        }
        loop {
            let line = in_time(what, self.lines.recv()).await;
            self.seen.push(line.unwrap_or_else(|| panic!("the chat ended before {what}")));
            if self.seen.last().is_some_and(&is_it) {
                return;
            }
        }
    }

    /// Ends its input, waits for its end, and returns the events that it has shown.
    pub(crate) async fn end(mut self) -> Vec<Value> {
        self.input = None;
        let status = until("end of the chat", || self.child.try_wait().unwrap()).await;
        while let Some(line) = in_time("end of what the chat prints", self.lines.recv()).await {
            self.seen.push(line);
        }
        assert!(status.success(), "the chat ended with {status}: {:?}", self.seen.last());
        self.seen.retain(|line| line["type"] == "event");
        std::mem::take(&mut self.seen)
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
