//! Questions that are begun before it is known who answers them.

use jiff::Timestamp;
use portreeve_core::snapshot::{Challenge, Hello, Liveness, Probe, Readiness, Startup};
use portreeve_facts::{http, reach, reach_on};
use portreeve_openclaw::client::{ConnectError, Deadlines, Opened, open};
use portreeve_openclaw::endpoint::{Scheme, Target};
use portreeve_openclaw::protocol::Credential;
use tokio::task::JoinSet;

use crate::os::{self, Endpoint};

/// What `/healthz`, `/startupz` and `/readyz` answered.
type Http = (Probe<Liveness>, Probe<Startup>, Probe<Readiness>);

/// HTTP probes and a handshake under way. They show no secret, and end with this.
#[derive(Debug)]
pub(crate) struct Begun {
    target: Target,
    at: Timestamp,
    /// Who listened before it was begun.
    listened: Vec<Endpoint>,
    asking: JoinSet<Http>,
    opening: JoinSet<Result<Opened, ConnectError>>,
}

impl Begun {
    /// Begins them; none where nobody is known to listen, and none with TLS, which binds answers to more than a place.
    pub(crate) fn with(target: &Target) -> Option<Self> {
        let listened = listening(target)?;
        let (mut asking, mut opening) = (JoinSet::new(), JoinSet::new());
        let (to_ask, to_open) = (target.clone(), target.clone());
        asking.spawn(async move { http(&to_ask).await });
        opening.spawn(async move { open(&to_open, &Deadlines::default()).await });
        Some(Self { target: target.clone(), at: Timestamp::now(), listened, asking, opening })
    }

    /// Whether it leads where `target` does.
    pub(crate) fn is_to(&self, target: &Target) -> bool {
        let place = |target: &Target| (target.to_string(), target.address());
        place(&self.target) == place(target)
    }

    /// Says goodbye once it is greeted, in the background: a gateway notes a connection that only ends.
    pub(crate) fn leave(self) {
        tokio::spawn(async move {
            let mut opening = self.opening;
            if let Some(Ok(Ok(opened))) = opening.join_next().await {
                opened.leave().await;
            }
        });
    }
}

/// Asks the HTTP probes, for a challenge, and to be let in; goes on with what was begun where that holds.
pub(crate) async fn ask(
    begun: Option<Begun>,
    target: &Target,
    secret: Result<Credential, String>,
) -> (Http, (Probe<Challenge>, Probe<Hello>)) {
    match begun {
        Some(begun) if begun.is_to(target) => {
            let Begun { at, listened, mut asking, mut opening, .. } = begun;
            let opened = opening.join_next().await.and_then(Result::ok);
            // Where those that listened before it was begun still do once it is greeted, it was one of them that took it, and what was
            // found of them meanwhile holds for it.
            let is_sound = listening(target).is_some_and(|now| now == listened);
            match opened {
                Some(opened) if is_sound => {
                    let answers = async {
                        match asking.join_next().await {
                            Some(Ok(answers)) => answers,
                            _ => http(target).await,
                        }
                    };
                    return tokio::join!(answers, reach_on(opened, secret, at));
                }
                Some(Ok(stranger)) => drop(stranger.leave().await),
                _ => {}
            }
        }
        Some(begun) => begun.leave(),
        None => {}
    }
    tokio::join!(http(target), reach(target, secret))
}

/// Who listens on the target's port of this node.
fn listening(target: &Target) -> Option<Vec<Endpoint>> {
    let is_here = target.address().is_some_and(|address| address.is_loopback());
    if target.scheme() != Scheme::Ws || !is_here {
        return None;
    }
    let mut found = os::endpoints(&[target.port()]).ok().filter(|found| !found.is_empty())?;
    found.sort_unstable();
    Some(found)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use futures_util::{SinkExt as _, StreamExt as _};
    use portreeve_core::snapshot::ProbeOutcome;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
    use tokio_tungstenite::accept_async;
    use tokio_tungstenite::tungstenite::Message;

    use super::*;

    const SECRET: &str = "t-0123456789";
    const CHALLENGE: &str = r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1}}"#;

    /// Greets one client, and tells what it says.
    async fn greet(stream: TcpStream, tell: UnboundedSender<String>) {
        // The probes of HTTP are no WebSocket.
        let Ok(mut socket) = accept_async(stream).await else { return };
        tell.send("came".to_owned()).unwrap();
        socket.send(Message::text(CHALLENGE)).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(text) => {
                    tell.send(text.to_string()).unwrap();
                    socket.close(None).await.unwrap();
                }
                Message::Close(Some(frame)) => tell.send(format!("left with {}", frame.code)).unwrap(),
                _ => {}
            }
        }
    }

    async fn listener(port: u16) -> (TcpListener, Target) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, Target::new(Scheme::Ws, "127.0.0.1", port).unwrap())
    }

    /// Serves each client of a listener, and tells what they say and how many came.
    fn serve(listener: TcpListener) -> (UnboundedReceiver<String>, JoinSet<()>) {
        let (tell, told) = unbounded_channel();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut clients = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                clients.spawn(greet(stream, tell.clone()));
            }
        });
        (told, serving)
    }

    fn secret() -> Credential {
        Credential::Token(SECRET.into())
    }

    #[tokio::test]
    async fn what_was_begun_with_who_still_listens_is_gone_on_with() {
        let (listener, target) = listener(0).await;
        let (mut told, _serving) = serve(listener);
        let begun = Begun::with(&target).unwrap();
        let (_, (handshake, _)) = ask(Some(begun), &target, Ok(secret())).await;
        assert!(matches!(handshake.outcome, ProbeOutcome::Answered { .. }), "{handshake:?}");
        assert_eq!(told.recv().await.unwrap(), "came");
        assert!(told.recv().await.unwrap().contains(SECRET), "a second handshake was made");
    }

    #[tokio::test]
    async fn who_took_the_handshake_and_left_the_port_is_shown_no_secret() {
        let (stranger, target) = listener(0).await;
        let port = target.port();
        let begun = Begun::with(&target).unwrap();
        let (tell, mut told) = unbounded_channel();
        let mut strangers = JoinSet::new();
        loop {
            tokio::select! {
                taken = stranger.accept() => { strangers.spawn(greet(taken.unwrap().0, tell.clone())); }
                came = told.recv() => break assert_eq!(came.unwrap(), "came"),
            }
        }
        drop(stranger);

        let (gateway, target) = listener(port).await;
        let (mut gateway_told, _serving) = serve(gateway);
        ask(Some(begun), &target, Ok(secret())).await;
        assert_eq!(gateway_told.recv().await.unwrap(), "came");
        assert!(gateway_told.recv().await.unwrap().contains(SECRET));
        let rest: Vec<String> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        assert!(!rest.iter().any(|text| text.contains(SECRET)), "the stranger was shown the secret");
    }

    #[tokio::test]
    async fn what_is_not_gone_on_with_is_no_1006_to_the_gateway() {
        let (listener, target) = listener(0).await;
        let (mut told, _serving) = serve(listener);
        let elsewhere = Target::new(Scheme::Ws, "127.0.0.1", 1).unwrap();
        ask(Begun::with(&target), &elsewhere, Err("not asked".to_owned())).await;
        for words in ["came", "left with 1000"] {
            let heard = tokio::time::timeout(Duration::from_secs(10), told.recv()).await;
            assert_eq!(heard.unwrap().unwrap(), words);
        }
    }

    #[tokio::test]
    async fn only_a_listener_of_this_node_without_tls_is_greeted_before_it_is_known() {
        let (listener, target) = listener(0).await;
        assert!(Begun::with(&target).is_some());
        assert!(Begun::with(&Target::new(Scheme::Wss, "127.0.0.1", target.port()).unwrap()).is_none());
        assert!(Begun::with(&Target::new(Scheme::Ws, "192.0.2.1", target.port()).unwrap()).is_none());
        drop(listener);
        assert!(Begun::with(&target).is_none(), "nobody listens");
    }
}
