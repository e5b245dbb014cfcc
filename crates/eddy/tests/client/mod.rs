//! A server as a process, and a small client for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The program.
pub(crate) fn eddy() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eddy"));
    command.stderr(Stdio::piped());
    command
}

/// A server that is killed when this is dropped.
pub(crate) struct Running {
    child: Option<Child>,
    pub(crate) address: SocketAddr,
    secret: Option<String>,
}

impl Running {
    pub(crate) fn start(data: &Path, environment: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(data).unwrap();
        let said = data.join("said");
        let mut child = eddy()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(&said).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let first =
            lines.next().unwrap_or_else(|| panic!("{}", std::fs::read_to_string(&said).unwrap())).unwrap();
        let address = first.rsplit("//").next().unwrap().parse().unwrap();
        let is_new = !data.join("set-up").exists();
        let secret = is_new.then(|| {
            let line = lines.next().unwrap().unwrap();
            std::fs::write(data.join("set-up"), "").unwrap();
            line.rsplit("#setup=").next().unwrap().to_owned()
        });
        Self { child: Some(child), address, secret }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// Becomes admin by the one-time link and makes a token.
    pub(crate) fn set_up(&self) -> Client {
        let secret = self.secret.as_ref().expect("nobody was here before");
        let nobody = Client { address: self.address, token: String::new() };
        let who = json!({ "secret": secret, "name": "anna", "password": "correct horse battery" });
        let (status, head, body) =
            nobody.raw("POST", "/api/v1/setup", "application/json", "", who.to_string().as_bytes()).unwrap();
        assert_eq!(status, 201);
        let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        let cookie = cookie.split(';').next().unwrap();
        let csrf: Value = serde_json::from_slice(&body).unwrap();
        let more = format!("cookie: {cookie}\r\nx-eddy-csrf: {}\r\n", csrf["csrf"].as_str().unwrap());
        let ask = json!({ "name": "test", "scope": "admin", "days": 1 });
        let (status, _, body) = nobody
            .raw("POST", "/api/v1/tokens", "application/json", &more, ask.to_string().as_bytes())
            .unwrap();
        assert_eq!(status, 201);
        let made: Value = serde_json::from_slice(&body).unwrap();
        Client { address: self.address, token: made["secret"].as_str().unwrap().to_owned() }
    }

    /// Kills it after a while, whatever it is doing.
    pub(crate) fn kill_after(mut self, after: Duration) -> JoinHandle<()> {
        let mut child = self.child.take().unwrap();
        std::thread::spawn(move || {
            std::thread::sleep(after);
            child.kill().unwrap();
            child.wait().unwrap();
        })
    }

    /// Asks it to stop and waits until it has.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let mut child = self.child.take().unwrap();
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A client with a token.
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

impl Client {
    /// Status, head and body of an answer; none when the server is gone.
    fn raw(
        &self,
        method: &str,
        path: &str,
        media: &str,
        more: &str,
        body: &[u8],
    ) -> Option<(u16, String, Vec<u8>)> {
        let mut stream = TcpStream::connect(self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
        let token = match self.token.as_str() {
            "" => String::new(),
            token => format!("authorization: Bearer {token}\r\n"),
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: {media}\r\n{token}{more}content-length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        let body = answer[end + 4..].to_vec();
        let wanted =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        // A body that broke off is no acknowledgement.
        if wanted.is_some_and(|wanted| wanted != body.len()) {
            return None;
        }
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, head, body))
    }

    pub(crate) fn fetch(&self, path: &str) -> (u16, Vec<u8>) {
        let (status, _, body) =
            self.raw("GET", path, "application/json", "", b"").expect("the server answers");
        (status, body)
    }

    /// Status and answer, whatever they are.
    pub(crate) fn answer(&self, method: &str, path: &str, media: &str, body: &[u8]) -> (u16, Value) {
        let (status, _, answer) = self.raw(method, path, media, "", body).expect("the server answers");
        (status, serde_json::from_slice(&answer).unwrap_or_default())
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.fetch(path).1).unwrap()
    }

    pub(crate) fn try_send(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let (status, _, answer) =
            self.raw(method, path, "application/json", "", body.to_string().as_bytes())?;
        assert!(status < 300, "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).ok()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.try_send("POST", path, body).expect("the server answers")
    }

    pub(crate) fn try_upload(&self, name: &str, content: &[u8]) -> Option<Value> {
        let path = format!("/api/v1/datasets?name={name}&wait=60");
        let (status, _, answer) = self.raw("POST", &path, "application/octet-stream", "", content)?;
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).ok()
    }

    pub(crate) fn upload(&self, name: &str, content: &[u8]) -> Value {
        self.try_upload(name, content).expect("the server answers")
    }

    pub(crate) fn try_wait_for(&self, job: &Value) -> Option<Value> {
        let path = format!("/api/v1/jobs/{}", job["id"].as_str()?);
        loop {
            let (status, _, body) = self.raw("GET", &path, "application/json", "", b"")?;
            assert_eq!(status, 200);
            let job: Value = serde_json::from_slice(&body).ok()?;
            if !matches!(job["state"].as_str(), Some("queued" | "running")) {
                return Some(job);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn wait_for(&self, job: &Value) -> Value {
        self.try_wait_for(job).expect("the server answers")
    }

    /// Waits until something holds.
    pub(crate) fn until(&self, holds: impl Fn() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(began.elapsed() < Duration::from_mins(1), "{}: it never came", self.address);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
