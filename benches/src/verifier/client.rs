//! HTTP/1.1 with as little work as can be: the client runs on the cores of the server.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::world::World;

/// A connection that is kept.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a whole request and reads its answer, which has a length.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        self.stream.write_all(request).await?;
        let mut answer = vec![0; 16 * 1024];
        let mut filled = 0;
        loop {
            let read = self.stream.read(&mut answer[filled..]).await?;
            ensure!(read > 0, "the server closed the connection");
            filled += read;
            let text = &answer[..filled];
            if let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
                let whole = end + 4 + content_length(&text[..end])?;
                if filled >= whole {
                    answer.truncate(whole);
                    return Ok(answer);
                }
            }
            ensure!(filled < answer.len(), "the answer is too long");
        }
    }

    /// Streams a file and counts its answers while it does: their number, and the last line.
    pub(super) async fn file(self, world: &World, lines: usize) -> Result<(usize, String)> {
        let (mut from, mut to) = self.stream.into_inner().into_split();
        let head = "POST /presentations/verify-batch HTTP/1.1\r\nHost: localhost\r\n\
            Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\
            Connection: close\r\n\r\n";
        let (header, file) = (world.file_header(), world.file_lines());
        let writer = tokio::spawn(async move {
            to.write_all(head.as_bytes()).await?;
            to.write_all(&chunk(header.as_bytes())).await?;
            for number in 0..lines {
                to.write_all(&chunk(file[number % file.len()].as_bytes())).await?;
            }
            to.write_all(b"0\r\n\r\n").await?;
            // Kept open until the answers are read.
            Ok::<_, std::io::Error>(to)
        });
        let (mut answers, mut tail) = (0, Vec::new());
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            let marker = b"\"verified\":true";
            let kept = tail.len().min(marker.len() - 1);
            let mut text = tail.split_off(tail.len() - kept);
            text.extend_from_slice(&buffer[..read]);
            answers += text.windows(marker.len()).filter(|window| window == marker).count();
            tail = text;
        }
        writer.await??;
        let tail = String::from_utf8_lossy(&tail).into_owned();
        let summary = tail.find("{\"summary\"").context("there is no summary")?;
        Ok((answers, tail[summary..].to_owned()))
    }
}

fn chunk(data: &[u8]) -> Vec<u8> {
    let mut chunk = format!("{:x}\r\n", data.len()).into_bytes();
    chunk.extend_from_slice(data);
    chunk.extend_from_slice(b"\r\n");
    chunk
}

fn content_length(head: &[u8]) -> Result<usize> {
    let head = std::str::from_utf8(head)?;
    for line in head.lines() {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            return Ok(value.trim().parse()?);
        }
    }
    bail!("the answer does not say its length")
}
