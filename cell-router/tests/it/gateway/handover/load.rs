//! Clients that count every request that is not answered.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// How many requests each process has answered, by what it says of itself.
    pub(crate) processes: BTreeMap<String, usize>,
    pub(crate) failures: Vec<String>,
}

impl Answered {
    fn count(&self) -> usize {
        self.processes.values().sum::<usize>() + self.failures.len()
    }
}

pub(crate) struct Load {
    clients: JoinSet<()>,
    is_over: Arc<AtomicBool>,
    answered: Arc<Mutex<Answered>>,
    count: watch::Receiver<usize>,
}

#[derive(Clone, Copy)]
enum Habit {
    /// Keeps its connection for as long as it may.
    Stays,
    /// Connects for each request.
    Leaves,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, staying: usize, leaving: usize) -> Self {
        let (is_over, answered) = (
            Arc::<AtomicBool>::default(),
            Arc::<Mutex<Answered>>::default(),
        );
        let (counter, count) = watch::channel(0);
        let mut clients = JoinSet::new();
        let habits = [(Habit::Stays, staying), (Habit::Leaves, leaving)];
        for (habit, clients_of_it) in habits {
            for _ in 0..clients_of_it {
                let (is_over, answered) = (Arc::clone(&is_over), Arc::clone(&answered));
                let counter = counter.clone();
                clients.spawn(async move {
                    let mut connection = None;
                    while !is_over.load(Relaxed) {
                        let asked = ask(address, habit, &mut connection);
                        let outcome = timeout(PATIENCE, asked).await;
                        let mut answered = answered.lock().unwrap();
                        match outcome {
                            Ok(Ok(process)) => *answered.processes.entry(process).or_default() += 1,
                            Ok(Err(error)) => {
                                connection = None;
                                answered.failures.push(error.to_string());
                            }
                            Err(_) => {
                                connection = None;
                                answered.failures.push("no answer".to_owned());
                            }
                        }
                        counter.send_replace(answered.count());
                    }
                });
            }
        }
        Self {
            clients,
            is_over,
            answered,
            count,
        }
    }

    /// Waits for so many more answers.
    pub(crate) async fn more(&self, requests: usize) {
        let wanted = *self.count.borrow() + requests;
        self.until(wanted).await;
    }

    /// Waits until there are so many answers since the start.
    pub(crate) async fn until(&self, wanted: usize) {
        let mut count = self.count.clone();
        let reached = count.wait_for(|count| *count >= wanted);
        timeout(PATIENCE * 10, reached).await.unwrap().unwrap();
    }

    pub(crate) async fn stop(mut self) -> Answered {
        self.is_over.store(true, Relaxed);
        while let Some(ended) = self.clients.join_next().await {
            ended.unwrap();
        }
        std::mem::take(&mut self.answered.lock().unwrap())
    }
}

/// One request, never a second time: a client that repeats would hide what is to be seen.
async fn ask(
    address: SocketAddr,
    habit: Habit,
    kept: &mut Option<TcpStream>,
) -> io::Result<String> {
    let mut connection = match kept.take() {
        Some(connection) => connection,
        None => {
            let connection = TcpStream::connect(address).await?;
            connection.set_nodelay(true)?;
            connection
        }
    };
    let request: &[u8] = match habit {
        Habit::Stays => b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        Habit::Leaves => b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
    };
    connection.write_all(request).await?;
    let mut answer = Vec::new();
    loop {
        let read = connection.read_buf(&mut answer).await?;
        if read == 0 {
            let said = String::from_utf8_lossy(&answer).into_owned();
            return Err(io::Error::other(format!("closed after {said:?}")));
        }
        let text = String::from_utf8_lossy(&answer).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1);
        let length: usize = length
            .and_then(|rest| rest.lines().next()?.parse().ok())
            .ok_or_else(|| io::Error::other(head.clone()))?;
        if body.len() < length {
            continue;
        }
        if !head.starts_with("http/1.1 200 ") {
            return Err(io::Error::other(text));
        }
        if !head.contains("connection: close") {
            *kept = Some(connection);
        }
        return Ok(body.to_owned());
    }
}
