use std::{env, net::SocketAddr, process::Stdio};

use futures_util::future::try_join_all;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{TcpListener, TcpStream},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{Failure, proxies::Kind};

/// Connections of clients.
const CLIENTS: usize = 16;
const BODY: usize = 1024;

/// What a browser sends.
const REQUEST: &str = "GET /products/blue-mug?ref=home HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-GB,en;q=0.5\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nReferer: http://shop.example/\r\nConnection: keep-alive\r\n\
    Cookie: cart=0123456789abcdef0123456789abcdef\r\nUpgrade-Insecure-Requests: 1\r\nPriority: u=0, i\r\n\r\n";

/// Answers every head with the same page.
pub(super) struct Upstream {
    address: SocketAddr,
}

impl Upstream {
    pub(super) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream));
            }
        });
        Ok(Self { address })
    }
}

async fn answer(mut stream: TcpStream) -> Result<(), std::io::Error> {
    stream.set_nodelay(true)?;
    let page = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {BODY}\r\n\
         Date: Mon, 23 Nov 2026 12:00:00 GMT\r\nVary: Accept-Encoding\r\nCache-Control: no-cache\r\n\r\n{}",
        "x".repeat(BODY)
    );
    let mut buffer = vec![0; 16 * 1024];
    loop {
        read_until_head_ends(&mut stream, &mut buffer).await?;
        stream.write_all(page.as_bytes()).await?;
    }
}

/// Reads one head, behind which comes nothing.
async fn read_until_head_ends(stream: &mut TcpStream, buffer: &mut [u8]) -> std::io::Result<()> {
    let mut filled = 0;
    while !buffer[..filled].ends_with(b"\r\n\r\n") {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
    }
    Ok(())
}

/// A proxy in a process of its own, and the clients' connections to it.
pub(super) struct World {
    process: Child,
    port: u16,
    ask: ChildStdin,
    say: Lines<BufReader<ChildStdout>>,
    clients: Vec<TcpStream>,
}

impl World {
    pub(super) async fn start(kind: Kind, upstream: &Upstream) -> Result<Self, Failure> {
        let role = match kind {
            Kind::Ours => "serve-ours",
            Kind::Core => "serve-core",
            Kind::Bare => "serve-bare",
        };
        let mut process = Command::new(env::current_exe()?)
            .args([role, &upstream.address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let ask = process.stdin.take().expect("it is piped");
        let say = process.stdout.take().expect("it is piped");
        let mut say = BufReader::new(say).lines();
        let port = say.next_line().await?.ok_or("the proxy ended")?.parse()?;
        let mut world = Self {
            process,
            port,
            ask,
            say,
            clients: Vec::new(),
        };
        for _ in 0..CLIENTS {
            let client = world.connect().await?;
            world.clients.push(client);
        }
        Ok(world)
    }

    /// Sends so many requests; microseconds of the proxy's processor time for each.
    pub(super) async fn block(&mut self, requests: usize) -> Result<f64, Failure> {
        let before = self.processor_time().await?;
        let each = requests / CLIENTS;
        try_join_all(self.clients.iter_mut().map(|client| visit(client, each))).await?;
        let spent = self.processor_time().await? - before;
        Ok(spent as f64 / (each * CLIENTS) as f64)
    }

    /// Opens so many more connections, each idle after one request; how much more memory the proxy has for each, in KiB.
    pub(super) async fn idle(&mut self, connections: usize) -> Result<f64, Failure> {
        let before = self.resident()?;
        for _ in 0..connections {
            let mut client = self.connect().await?;
            visit(&mut client, 1).await?;
            self.clients.push(client);
        }
        Ok((self.resident()? - before) / connections as f64)
    }

    /// Memory of the proxy that is in use, in KiB, as Linux counts it.
    fn resident(&self) -> Result<f64, Failure> {
        let process = self.process.id().ok_or("the proxy ended")?;
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.ok_or("no VmRSS in the process's status")?.parse()?)
    }

    async fn connect(&self) -> Result<TcpStream, Failure> {
        let client = TcpStream::connect(("127.0.0.1", self.port)).await?;
        client.set_nodelay(true)?;
        Ok(client)
    }

    async fn processor_time(&mut self) -> Result<i64, Failure> {
        self.ask.write_all(b"\n").await?;
        Ok(self
            .say
            .next_line()
            .await?
            .ok_or("the proxy ended")?
            .parse()?)
    }
}

async fn visit(client: &mut TcpStream, requests: usize) -> Result<(), Failure> {
    let mut buffer = vec![0; 4 * BODY];
    for _ in 0..requests {
        client.write_all(REQUEST.as_bytes()).await?;
        let mut filled = 0;
        loop {
            let read = client.read(&mut buffer[filled..]).await?;
            if read == 0 {
                return Err("the proxy closed a connection".into());
            }
            filled += read;
            let seen = &buffer[..filled];
            let head = seen.windows(4).position(|end| end == b"\r\n\r\n");
            if head.is_some_and(|end| filled == end + 4 + BODY) {
                break;
            }
        }
        if !buffer.starts_with(b"HTTP/1.1 200 ") {
            return Err(String::from_utf8_lossy(&buffer[..filled])
                .into_owned()
                .into());
        }
    }
    Ok(())
}
