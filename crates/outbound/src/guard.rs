//! The guard: resolves a host once and connects to the very addresses that it has checked.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hookline_domain::outbound::NoAnswerError;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use crate::{address::check_public, endpoint_url::EndpointUrl};

/// Longest time that DNS may take.
pub const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);

/// Longest time for one address of several to accept a connection: the next one may be of the other family, as where subnets have a
/// way out for IPv6 only.
pub const ADDRESS_TIMEOUT: Duration = Duration::from_millis(500);

/// Most addresses of a host that are tried.
pub const MAX_ADDRESSES: usize = 8;

/// DNS of the machine that this runs on, or of a test.
pub trait Resolve: Send + Sync {
    /// Returns the addresses of a host.
    fn resolve(&self, host: &str) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send;
}

/// TCP of the machine that this runs on, or of a test.
pub trait Connect: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Connects. Returns the connection with the address of its other end.
    fn connect(&self, to: SocketAddr) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// The network of the machine that this runs on.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNetwork;

/// Guard of a network: nothing else connects to the host of a URL that a stranger has chosen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guard<N> {
    network: N,
}

/// Addresses of a host, all of them public.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked(Vec<SocketAddr>);

impl Resolve for SystemNetwork {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let addresses = tokio::net::lookup_host((host, 0)).await?;
        Ok(addresses.map(|address| address.ip()).collect())
    }
}

impl Connect for SystemNetwork {
    type Stream = TcpStream;

    #[expect(
        clippy::disallowed_methods,
        reason = "the guard calls this with addresses that it has checked"
    )]
    async fn connect(&self, to: SocketAddr) -> io::Result<(TcpStream, SocketAddr)> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        let peer = stream.peer_addr()?;
        Ok((stream, peer))
    }
}

impl<N: Resolve + Connect> Guard<N> {
    /// Guards a network.
    pub fn new(network: N) -> Self {
        Self { network }
    }

    /// Resolves the host of a URL, once, within [`RESOLVE_TIMEOUT`]. If any address is not public, none is returned: a host
    /// with a public and a private address is a trap or a mistake.
    ///
    /// # Errors
    /// [`NoAnswerError::NotFound`], [`NoAnswerError::DnsTimeout`] or [`NoAnswerError::NotPublic`].
    pub(crate) async fn resolve(&self, url: &EndpointUrl) -> Result<Checked, NoAnswerError> {
        let found = timeout(RESOLVE_TIMEOUT, self.network.resolve(url.host())).await;
        let found = found.map_err(|_| NoAnswerError::DnsTimeout)?;
        let mut addresses = found.map_err(|_| NoAnswerError::NotFound)?;
        if addresses.is_empty() {
            return Err(NoAnswerError::NotFound);
        }
        if cfg!(feature = "loopback") && url.host() == "localhost" {
            addresses.retain(IpAddr::is_loopback);
        } else {
            for address in &addresses {
                check_public(*address).map_err(|_| NoAnswerError::NotPublic)?;
            }
        }
        // A function has no IPv6 unless its subnets have.
        addresses.sort_by_key(IpAddr::is_ipv6);
        addresses.truncate(MAX_ADDRESSES);
        let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, url.port()));
        Ok(Checked(addresses.collect()))
    }

    /// Connects to the first address that accepts a connection, within [`ADDRESS_TIMEOUT`] each but the last.
    ///
    /// # Errors
    /// [`NoAnswerError::ConnectionRefused`] if none does, [`NoAnswerError::NotPublic`] if the other end is not the address that was
    /// checked. Takes as long as the network does: the caller sets a limit.
    pub(crate) async fn connect(&self, addresses: &Checked) -> Result<(N::Stream, IpAddr), NoAnswerError> {
        let last = addresses.0.last();
        for address in &addresses.0 {
            let connecting = self.network.connect(*address);
            let connected = if Some(address) == last {
                connecting.await.ok()
            } else {
                timeout(ADDRESS_TIMEOUT, connecting).await.ok().and_then(Result::ok)
            };
            let Some((stream, peer)) = connected else {
                continue;
            };
            return if peer == *address {
                Ok((stream, peer.ip()))
            } else {
                Err(NoAnswerError::NotPublic)
            };
        }
        Err(NoAnswerError::ConnectionRefused)
    }
}
