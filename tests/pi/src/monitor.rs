//! QEMU's two ways in: QMP for what can be plugged and set, qtest for wires and registers.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// The QEMU Machine Protocol: <https://www.qemu.org/docs/master/interop/qmp-spec.html>.
pub(crate) struct Qmp {
    reader: BufReader<UnixStream>,
}

impl Qmp {
    pub(crate) fn connect(socket: &Path) -> Result<Qmp> {
        let reader = BufReader::new(UnixStream::connect(socket)?);
        let mut qmp = Qmp { reader };
        qmp.line()?;
        qmp.execute("qmp_capabilities", json!({}))?;
        Ok(qmp)
    }

    /// Executes a command and returns what it returns.
    pub(crate) fn execute(&mut self, command: &str, arguments: Value) -> Result<Value> {
        let order = json!({ "execute": command, "arguments": arguments });
        writeln!(self.reader.get_mut(), "{order}")?;
        loop {
            let mut answer = self.line()?;
            if let Some(value) = answer.get_mut("return") {
                return Ok(value.take());
            }
            if let Some(error) = answer.get("error") {
                bail!("{command}: {}", error["desc"].as_str().unwrap_or_default());
            }
            // Anything else is an event.
        }
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        serde_json::from_str(&line).context("QEMU is gone")
    }
}

/// The protocol of QEMU's own tests: it reads and writes registers, and sees and moves wires.
pub(crate) struct Qtest {
    stream: UnixStream,
    waiting: Arc<Mutex<VecDeque<Option<Sender<String>>>>>,
}

impl Qtest {
    /// Connects; `wires` is told of each wire that was intercepted and moves, and returns what is
    /// to be done then.
    pub(crate) fn connect(
        socket: &Path,
        wires: impl Fn(u32, bool) -> Option<String> + Send + 'static,
    ) -> Result<Qtest> {
        let stream = UnixStream::connect(socket)?;
        let reader = BufReader::new(stream.try_clone()?);
        let qtest = Qtest {
            stream,
            waiting: Arc::default(),
        };
        let mut own = Qtest {
            stream: qtest.stream.try_clone()?,
            waiting: qtest.waiting.clone(),
        };
        thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                let words: Vec<&str> = line.split(' ').collect();
                if let ["IRQ", level, number] = words[..] {
                    let number = number.parse().unwrap_or(u32::MAX);
                    if let Some(order) = wires(number, level == "raise") {
                        let _ = own.send(&order, None);
                    }
                } else if let Some(Some(asked)) = own.waiting.lock().unwrap().pop_front() {
                    let _ = asked.send(line);
                }
            }
            // Nobody waits for an answer that will not come.
            own.waiting.lock().unwrap().clear();
        });
        Ok(qtest)
    }

    /// Carries out an order and returns the answer: `OK`, and a value if there is one.
    pub(crate) fn ask(&mut self, order: &str) -> Result<String> {
        let (sender, answer) = mpsc::channel();
        self.send(order, Some(sender))?;
        let answer = answer.recv().context("QEMU is gone")?;
        let Some(value) = answer.strip_prefix("OK") else {
            bail!("{order}: {answer}");
        };
        Ok(value.trim().to_owned())
    }

    fn send(&mut self, order: &str, asked: Option<Sender<String>>) -> Result<()> {
        // Answers come in the order of the questions.
        let mut waiting = self.waiting.lock().unwrap();
        writeln!(self.stream, "{order}")?;
        waiting.push_back(asked);
        Ok(())
    }
}
