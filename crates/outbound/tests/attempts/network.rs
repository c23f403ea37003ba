//! A network for tests: DNS with given answers, and TCP that leads to servers on loopback under public addresses.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use hookline_outbound::{Connect, Resolve, SystemNetwork};
use tokio::net::TcpStream;

/// Behaviour of DNS.
#[derive(Debug, Clone)]
pub enum Dns {
    /// Gives these addresses of any name.
    Answers(Vec<IpAddr>),
    /// Gives these in turn, the last for ever.
    Changes(Vec<Vec<IpAddr>>),
    /// Never answers.
    Silent,
    /// Has no such name.
    Fails,
}

/// Network of a test. Connects nowhere, unless it leads somewhere.
#[derive(Debug, Clone)]
pub struct Network {
    dns: Dns,
    real_port: Option<u16>,
    leads_to: Option<SocketAddr>,
    disguised: bool,
    /// Address that neither accepts connections nor refuses them.
    silent: Option<IpAddr>,
    resolutions: Arc<AtomicUsize>,
    connected: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Network {
    pub fn new(dns: Dns) -> Self {
        Self {
            dns,
            real_port: None,
            leads_to: None,
            disguised: true,
            silent: None,
            resolutions: Arc::default(),
            connected: Arc::default(),
        }
    }

    /// Connects with the system's TCP, to this port of whatever address.
    pub fn with_real_tcp(self, port: u16) -> Self {
        Self {
            real_port: Some(port),
            ..self
        }
    }

    /// Leads every connection to this server.
    pub fn led_to(self, server: SocketAddr) -> Self {
        Self {
            leads_to: Some(server),
            ..self
        }
    }

    /// Tells the true address of the other end.
    pub fn without_disguise(self) -> Self {
        Self {
            disguised: false,
            ..self
        }
    }

    /// Lets connections to this address hang.
    pub fn with_silent(self, address: IpAddr) -> Self {
        Self {
            silent: Some(address),
            ..self
        }
    }

    pub fn resolutions(&self) -> usize {
        self.resolutions.load(Ordering::Relaxed)
    }

    /// Addresses to which a connection was to be opened, in order.
    pub fn connected(&self) -> Vec<SocketAddr> {
        self.connected.lock().unwrap().clone()
    }
}

impl Resolve for Network {
    async fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let before = self.resolutions.fetch_add(1, Ordering::Relaxed);
        match &self.dns {
            Dns::Answers(addresses) => Ok(addresses.clone()),
            Dns::Changes(answers) => Ok(answers[before.min(answers.len() - 1)].clone()),
            Dns::Silent => std::future::pending().await,
            Dns::Fails => Err(io::Error::other("no such name")),
        }
    }
}

impl Connect for Network {
    type Stream = TcpStream;

    async fn connect(&self, to: SocketAddr) -> io::Result<(TcpStream, SocketAddr)> {
        self.connected.lock().unwrap().push(to);
        if self.silent == Some(to.ip()) {
            return std::future::pending().await;
        }
        if let Some(port) = self.real_port {
            return SystemNetwork.connect(SocketAddr::new(to.ip(), port)).await;
        }
        let Some(server) = self.leads_to else {
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let (stream, peer) = SystemNetwork.connect(server).await?;
        Ok((stream, if self.disguised { to } else { peer }))
    }
}
