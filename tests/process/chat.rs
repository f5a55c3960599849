//! A chat in a process of its own: `switchboard chat --json`.
//!
//! Owns its input and what it prints. Must not know what it prints means, but for the type of a line.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
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
    /// Starts a chat for scripts and waits until it has entered its conversation.
    pub(crate) async fn enter(daemon: &Daemon, flags: &[&str]) -> Self {
        let parse = |line: String| serde_json::from_str(&line).expect("a line is a JSON object");
        let mut chat = Self::start(daemon, &[&["--json"], flags].concat(), parse);
        chat.until_seen("ready line", |line| line["type"] == "ready").await;
        chat
    }

    /// Starts a chat for people, and waits until it shows what there is. Its input is no terminal, so it
    /// shows no prompt.
    pub(crate) async fn at_the_keyboard(daemon: &Daemon, flags: &[&str]) -> Self {
        let mut chat = Self::start(daemon, flags, Value::String);
        chat.until_line("/help shows the commands").await;
        chat
    }

    fn start(daemon: &Daemon, flags: &[&str], read: fn(String) -> Value) -> Self {
        let mut command = daemon.command("chat");
        command.arg("--ready-file").arg(daemon.ready_file()).args(flags);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (line_to, lines) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                // A test that has ended wants no more.
                let _ = line_to.send(read(line.unwrap()));
            }
        });
        Self { input: child.stdin.take(), child, lines, seen: Vec::new() }
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

    /// Waits until it has shown a line with these words since it was last waited for.
    pub(crate) async fn until_line(&mut self, words: &str) {
        self.seen.clear();
        self.until_seen(words, |line| line.as_str().is_some_and(|line| line.contains(words))).await;
    }

    /// Gives a command again and again, until a line that it shows has these words; returns its lines.
    pub(crate) async fn until_shown_by(&mut self, command: &str, words: &str) -> Vec<String> {
        let looking = async {
            loop {
                let lines = self.shown_by(command).await;
                if lines.iter().any(|line| line.contains(words)) {
                    return lines;
                }
            }
        };
        in_time(words, looking).await
    }

    /// Ends its input, waits for its end, and returns its exit code and what it said of it.
    pub(crate) async fn hang_up(mut self) -> (Option<i32>, String) {
        self.input = None;
        self.ended().await
    }

    /// Waits until it ends by itself, and returns its exit code and what it said of it.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let status = until("end of the chat", || self.child.try_wait().unwrap()).await;
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (status.code(), said)
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

    /// What a command shows at once, line by line.
    async fn shown_by(&mut self, command: &str) -> Vec<String> {
        self.seen.clear();
        self.say(command);
        self.say("/over");
        let is_over = |line: &Value| line.as_str().is_some_and(|line| line.contains("/over is no command"));
        self.until_seen(command, is_over).await;
        self.seen.pop();
        self.seen.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

impl Drop for Chat {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
