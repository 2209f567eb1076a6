//! The time by a server that the operator named. Nothing is asked where none is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use portreeve_core::Fact;
use portreeve_core::snapshot::ServerTime;
use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

use crate::sntp::{MAX_PACKET, parse, question};

/// Port of time servers.
const PORT: u16 = 123;
/// How long its name may take.
const NAME: Duration = Duration::from_secs(2);
/// How long an answer may take; packets get lost, so it is asked once more.
const ANSWER: Duration = Duration::from_secs(2);
const TRIES: u32 = 2;

/// Asks `server`: a name or an address, with a port where it is not 123.
pub(crate) async fn ask(server: &str) -> Fact<ServerTime> {
    let at = Timestamp::now();
    match try_ask(server).await {
        Ok(time) => Fact::known(time, format!("SNTP, {server}"), at),
        Err(why) => Fact::unreadable(why, format!("SNTP, {server}"), at),
    }
}

async fn try_ask(server: &str) -> Result<ServerTime, String> {
    let said = |error: std::io::Error| error.to_string();
    let found = match server.parse::<SocketAddr>().ok().or_else(|| Some(SocketAddr::new(server.parse().ok()?, PORT))) {
        Some(address) => Some(address),
        None => {
            let (host, port) = server
                .rsplit_once(':')
                .and_then(|(host, port)| Some((host, port.parse().ok()?)))
                .unwrap_or((server, PORT));
            let found = timeout(NAME, lookup_host((host, port)))
                .await
                .map_err(|_| "its name did not resolve in time".to_owned())?;
            found.map_err(said)?.next()
        }
    };
    let address = found.ok_or("its name has no address")?;
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await.map_err(said)?;
    // The kernel then drops what comes from anybody else.
    socket.connect(address).await.map_err(said)?;
    let mut last = "no answer in time".to_owned();
    for _ in 0..TRIES {
        match timeout(ANSWER, exchange(&socket, server)).await {
            Ok(Ok(time)) => return Ok(time),
            Ok(Err(why)) => last = why,
            Err(_) => {}
        }
    }
    Err(last)
}

async fn exchange(socket: &UdpSocket, server: &str) -> Result<ServerTime, String> {
    let said = |error: std::io::Error| error.to_string();
    let nonce = uuid::Uuid::new_v4().as_u64_pair().0;
    let sent = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| error.to_string())?;
    let started = Instant::now();
    socket.send(&question(nonce)).await.map_err(said)?;
    let mut buffer = [0; MAX_PACKET];
    let read = socket.recv(&mut buffer).await.map_err(said)?;
    let elapsed = started.elapsed();
    parse(buffer.get(..read).unwrap_or_default(), nonce, sent, elapsed, server).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one question with its own clock set ahead by so many seconds.
    async fn server(ahead: u32) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut packet = [0; 48];
            let (_, from) = socket.recv_from(&mut packet).await.unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            let seconds = u32::try_from((now.as_secs() + 2_208_988_800) & 0xffff_ffff).unwrap().wrapping_add(ahead);
            let fraction = u32::try_from((u64::from(now.subsec_nanos()) << 32) / 1_000_000_000).unwrap();
            let time = [seconds.to_be_bytes(), fraction.to_be_bytes()].concat();
            let nonce: Vec<u8> = packet[40..].to_vec();
            packet[..2].copy_from_slice(&[0x24, 1]);
            packet[24..32].copy_from_slice(&nonce);
            packet[32..40].copy_from_slice(&time);
            packet[40..].copy_from_slice(&time);
            socket.send_to(&packet, from).await.unwrap();
        });
        address
    }

    #[tokio::test]
    async fn a_server_that_is_ahead_is_told_so() {
        let address = server(5).await.to_string();
        let fact = ask(&address).await;
        let time = fact.get().unwrap();
        assert!(time.offset_ms.abs_diff(5_000) <= time.uncertainty_ms, "{time:?}");
    }

    #[tokio::test]
    async fn nobody_there_is_said() {
        let free = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert!(ask(&free.to_string()).await.blind().is_some());
    }
}
