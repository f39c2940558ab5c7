//! A listener on loopback that notes who comes and what they say.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a listener answers.
#[derive(Clone, Copy)]
pub(crate) enum Answers {
    /// This, and closes.
    With(&'static str),
    /// This, and then a part again and again.
    Endlessly(&'static str, &'static str),
    /// This, and then nothing, with the connection open.
    AndWaits(&'static str),
}

/// A listener, and what each of its connections sent; empty until it sent its head.
pub(crate) struct Listener {
    pub(crate) port: u16,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    pub(crate) async fn start(answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let at = {
                    let mut noted = noted.lock().unwrap();
                    noted.push(String::new());
                    noted.len() - 1
                };
                let noted = noted.clone();
                tokio::spawn(async move { converse(stream, answers, &noted, at).await });
            }
        });
        Self { port, seen }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// Whoever is tired of the listener may go: that is no failure of the test.
async fn converse(
    mut stream: TcpStream,
    answers: Answers,
    seen: &Mutex<Vec<String>>,
    at: usize,
) -> Option<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).await.ok().filter(|length| *length > 0)?;
        request.extend_from_slice(&part[..length]);
    }
    seen.lock().unwrap()[at] = String::from_utf8(request).unwrap();
    match answers {
        Answers::With(text) => stream.write_all(text.as_bytes()).await.ok(),
        Answers::Endlessly(text, part) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            loop {
                stream.write_all(part.as_bytes()).await.ok()?;
            }
        }
        Answers::AndWaits(text) => {
            stream.write_all(text.as_bytes()).await.ok()?;
            // Until the other side hangs up.
            stream.read(&mut [0]).await.ok().map(|_| ())
        }
    }
}
