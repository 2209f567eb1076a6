//! Frames of a socket by a deadline, and what their failures mean.

use futures_util::{SinkExt, StreamExt};
use nix::errno::Errno;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::{Error as WsError, Message, Utf8Bytes};

use super::dial::Socket;
use super::error::ErrorKind;
use super::machine::Input;
use crate::protocol::text::Text;
use crate::protocol::{Close, MAX_MESSAGE_BYTES};

/// What came from the socket, owned.
pub(super) enum Received {
    Text(Utf8Bytes),
    Binary,
    Close(Option<Close>),
    Lost { errno: Option<Errno> },
    TooLarge,
    Malformed(Text),
}

impl Received {
    pub(super) fn input(&self) -> Input<'_> {
        match self {
            Self::Text(text) => Input::Text(text.as_str()),
            Self::Binary => Input::Binary,
            Self::Close(close) => Input::Close(close.clone()),
            Self::Lost { errno } => Input::Lost { errno: *errno },
            Self::TooLarge => Input::TooLarge { limit: MAX_MESSAGE_BYTES },
            Self::Malformed(message) => Input::Malformed { message: message.clone() },
        }
    }
}

/// The next frame by `deadline`; a flood of frames does not outrun it.
pub(super) async fn receive_by(socket: &mut Socket, deadline: Instant) -> Option<Received> {
    if Instant::now() >= deadline {
        return None;
    }

    timeout_at(deadline, receive(socket)).await.ok()
}

/// The next frame that means something; pings are answered by the frame layer on the way.
async fn receive(socket: &mut Socket) -> Received {
    loop {
        return match socket.next().await {
            Some(Ok(Message::Text(text))) => Received::Text(text),
            Some(Ok(Message::Binary(_))) => Received::Binary,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
            Some(Ok(Message::Close(frame))) => {
                Received::Close(frame.map(|frame| Close::new(frame.code.into(), frame.reason.as_str())))
            }
            Some(Err(error)) => fault(&error),
            None => Received::Lost { errno: None },
        };
    }
}

fn fault(error: &WsError) -> Received {
    use tokio_tungstenite::tungstenite::error::ProtocolError;

    match error {
        WsError::Capacity(_) => Received::TooLarge,
        // A missing close frame is the 1006 that other clients report.
        WsError::ConnectionClosed
        | WsError::AlreadyClosed
        | WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake | ProtocolError::HandshakeIncomplete) => {
            Received::Lost { errno: None }
        }
        WsError::Io(error) => Received::Lost { errno: error.raw_os_error().map(Errno::from_raw) },
        other => Received::Malformed(Text::new(&other.to_string())),
    }
}

pub(super) async fn send(socket: &mut Socket, text: &str, deadline: Instant) -> Result<(), ErrorKind> {
    let started = Instant::now();
    let sent = timeout_at(deadline, socket.send(Message::text(text))).await;

    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(match fault(&error) {
            Received::Malformed(message) => ErrorKind::Protocol { message },
            Received::Lost { errno } => ErrorKind::Abnormal { errno },
            _ => ErrorKind::Abnormal { errno: None },
        }),
        Err(_) => Err(ErrorKind::Timeout { after: started.elapsed() }),
    }
}
