//! The conversation with a gateway, sans I/O: frames, closes and losses go in, steps come out.
//!
//! Order of a good one: challenge in, `connect` out, `hello-ok` in, then answers in any order. The caller owns the socket, the clock and
//! the deadlines.

use nix::errno::Errno;
use zeroize::Zeroizing;

use super::error::{ErrorKind, Phase};
use crate::protocol::text::Text;
use crate::protocol::{Challenge, Close, ConnectParams, Frame, FrameKind, Hello, Rejection, Shutdown};

/// What came from the gateway.
#[derive(Debug)]
pub enum Input<'a> {
    /// A text frame.
    Text(&'a str),
    /// A binary frame; the protocol has none.
    Binary,
    /// A close frame; `None` when it carried no code.
    Close(Option<Close>),
    /// The connection ended without a close frame.
    Lost {
        /// The system's error; none where the stream just ended.
        errno: Option<Errno>,
    },
    /// A frame larger than `limit` bytes was announced.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The frame layer found a fault.
    Malformed {
        /// What it said.
        message: Text,
    },
}

/// What to do next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Wait for more.
    Wait,
    /// Send this frame. The text holds the secret.
    Send(Zeroizing<String>),
    /// The gateway let us in.
    Hello(Box<Hello>),
    /// The answer to a request after `hello-ok`.
    Answer {
        /// The id of the request.
        id: String,
        /// Whether it was granted.
        ok: bool,
        /// The frame, for its payload or refusal.
        frame: Frame<'a>,
    },
    /// It is over.
    Ended(ErrorKind),
}

/// The conversation.
#[derive(Debug)]
pub struct Machine {
    connect_id: String,
    params: ConnectParams,
    state: State,
    challenge: Option<Challenge>,
    shutdown: Option<Shutdown>,
}

#[derive(Debug)]
enum State {
    AwaitChallenge,
    AwaitHello,
    /// Refused; the close frame that follows belongs to the refusal.
    AwaitClose(Box<Rejection>),
    Open,
    Ended,
}

impl Machine {
    /// A conversation that will connect with `params`, under the request id `connect_id`.
    pub fn new(params: ConnectParams, connect_id: &str) -> Self {
        Self {
            connect_id: connect_id.to_owned(),
            params,
            state: State::AwaitChallenge,
            challenge: None,
            shutdown: None,
        }
    }

    /// The phase that the conversation is in.
    pub fn phase(&self) -> Phase {
        match self.state {
            State::AwaitChallenge => Phase::Challenge,
            State::AwaitHello | State::AwaitClose(_) => Phase::Connect,
            State::Open | State::Ended => Phase::Session,
        }
    }

    /// The challenge, once it came.
    pub fn challenge(&self) -> Option<&Challenge> {
        self.challenge.as_ref()
    }

    /// What the gateway announced before it closed.
    pub fn shutdown(&self) -> Option<&Shutdown> {
        self.shutdown.as_ref()
    }

    /// Whether only the close frame of a refusal is still to come: worth a short wait, not a failure without.
    pub fn is_refused(&self) -> bool {
        matches!(self.state, State::AwaitClose(_))
    }

    /// Why `frame` refuses, with our own secret masked should the gateway repeat it.
    pub fn rejection(&self, frame: &Frame<'_>) -> Rejection {
        frame.rejection_without(&self.params.credential.secrets())
    }

    /// Takes what came from the gateway.
    pub fn on<'a>(&mut self, input: Input<'a>) -> Step<'a> {
        match input {
            Input::Text(text) => self.on_text(text),
            Input::Binary => self.protocol_fault("a binary frame"),
            Input::Malformed { message } => self.protocol_fault(message.as_str()),
            Input::Close(close) => {
                let close = close.unwrap_or_else(|| Close::new(1005, ""));
                let secrets = self.params.credential.secrets();
                let close = Close { reason: close.reason.masking(&secrets), ..close };
                self.end(Some(close), ErrorKind::Abnormal { errno: None })
            }
            Input::Lost { errno } => self.end(None, ErrorKind::Abnormal { errno }),
            Input::TooLarge { limit } => self.end(None, ErrorKind::FrameTooLarge { limit }),
        }
    }

    /// Ends the conversation because the deadline of its phase, `after`, has passed.
    pub fn expire(&mut self, after: std::time::Duration) -> ErrorKind {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::AwaitChallenge => ErrorKind::ChallengeTimeout { after },
            State::AwaitClose(rejection) => ErrorKind::Rejected { rejection, close: None },
            State::AwaitHello | State::Open | State::Ended => ErrorKind::Timeout { after },
        }
    }

    fn on_text<'a>(&mut self, text: &'a str) -> Step<'a> {
        match Frame::parse(text) {
            Ok(frame) => self.on_frame(frame),
            Err(_) if matches!(self.state, State::AwaitChallenge) => {
                self.not_a_challenge("not a frame of the protocol")
            }
            Err(error) => self.protocol_fault(&error.to_string()),
        }
    }

    fn on_frame<'a>(&mut self, frame: Frame<'a>) -> Step<'a> {
        match (&self.state, frame.kind()) {
            (State::AwaitChallenge, FrameKind::Event(event)) if event == Challenge::EVENT => self.on_challenge(&frame),
            (State::AwaitHello, FrameKind::Response { id, ok: true }) if *id == self.connect_id => {
                self.on_hello(&frame)
            }
            (State::AwaitChallenge, FrameKind::Response { ok: false, .. }) => self.on_refusal(&frame),
            (State::AwaitHello, FrameKind::Response { id, ok: false }) if *id == self.connect_id => {
                self.on_refusal(&frame)
            }
            (State::Open, FrameKind::Response { id, ok }) => Step::Answer { id: id.clone(), ok: *ok, frame },
            (_, FrameKind::Event(event)) if event == Shutdown::EVENT => {
                self.shutdown = frame.payload(Shutdown::EVENT).ok();
                Step::Wait
            }
            (State::AwaitChallenge, FrameKind::Other(_) | FrameKind::Response { .. }) => {
                self.not_a_challenge("a frame that only a client would send")
            }
            _ => Step::Wait,
        }
    }

    fn on_challenge<'a>(&mut self, frame: &Frame<'_>) -> Step<'a> {
        let challenge = match frame.payload::<Challenge>(Challenge::EVENT) {
            Ok(challenge) if challenge.is_usable() => challenge,
            Ok(_) => return self.not_a_challenge("the nonce cannot be used"),
            Err(_) => return self.not_a_challenge("the payload lacks nonce or time"),
        };
        let connect = self.params.frame(&self.connect_id);
        self.challenge = Some(challenge);
        self.state = State::AwaitHello;

        match connect {
            Ok(text) => Step::Send(text),
            Err(error) => self.protocol_fault(&error.to_string()),
        }
    }

    fn on_hello<'a>(&mut self, frame: &Frame<'_>) -> Step<'a> {
        match frame.payload::<Hello>("connect") {
            Ok(hello) => {
                self.state = State::Open;
                Step::Hello(Box::new(hello))
            }
            Err(_) => self.protocol_fault("`connect` was granted without `hello-ok`"),
        }
    }

    fn on_refusal<'a>(&mut self, frame: &Frame<'_>) -> Step<'a> {
        self.state = State::AwaitClose(Box::new(self.rejection(frame)));

        Step::Wait
    }

    fn not_a_challenge<'a>(&mut self, what: &str) -> Step<'a> {
        self.end(None, ErrorKind::ChallengeMalformed { what: Text::new(what) })
    }

    fn protocol_fault<'a>(&mut self, message: &str) -> Step<'a> {
        let secrets = self.params.credential.secrets();
        let message = Text::without(message, &secrets);

        self.end(None, ErrorKind::Protocol { message })
    }

    /// Ends the conversation: with the refusal if there was one, else with the close frame, else with `otherwise`.
    fn end<'a>(&mut self, close: Option<Close>, otherwise: ErrorKind) -> Step<'a> {
        let kind = match (std::mem::replace(&mut self.state, State::Ended), close) {
            (State::AwaitClose(rejection), close) => ErrorKind::Rejected { rejection, close },
            (_, Some(close)) => ErrorKind::Closed(close),
            (_, None) => otherwise,
        };

        Step::Ended(kind)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{ClientIdentity, CloseMeaning, Credential, DetailCode};

    const CHALLENGE: &str =
        r#"{"type":"event","event":"connect.challenge","payload":{"nonce":"n-1","ts":1700000000000}}"#;
    const HELLO: &str = r#"{"type":"res","id":"c1","ok":true,"payload":{"type":"hello-ok","protocol":4,"server":{"version":"1"},"auth":{"scopes":["operator.read"],"deviceToken":"planted-secret"}}}"#;

    fn machine() -> Machine {
        let credential = Credential::Token("planted-secret".into());

        Machine::new(ConnectParams::reader(ClientIdentity::Cli, credential), "c1")
    }

    fn connected() -> Machine {
        let mut machine = machine();
        assert!(matches!(machine.on(Input::Text(CHALLENGE)), Step::Send(_)));
        assert!(matches!(machine.on(Input::Text(HELLO)), Step::Hello(_)));

        machine
    }

    fn ended(step: Step<'_>) -> ErrorKind {
        match step {
            Step::Ended(kind) => kind,
            other => panic!("not ended but {other:?}"),
        }
    }

    #[test]
    fn challenge_connect_hello() {
        let machine = connected();

        assert_eq!(machine.phase(), Phase::Session);
        assert_eq!(machine.challenge().unwrap().ts, 1_700_000_000_000);
    }

    #[test]
    fn a_refusal_waits_for_its_close_frame() {
        let mut machine = machine();
        machine.on(Input::Text(CHALLENGE));
        let refusal = r#"{"type":"res","id":"c1","ok":false,"error":{"code":"INVALID_REQUEST","message":"no planted-secret","details":{"code":"AUTH_TOKEN_MISMATCH"}}}"#;

        assert!(matches!(machine.on(Input::Text(refusal)), Step::Wait));
        assert!(machine.is_refused());
        let kind = ended(machine.on(Input::Close(Some(Close::new(1008, "unauthorized: planted-secret")))));

        let ErrorKind::Rejected { rejection, close } = &kind else { panic!("{kind:?}") };
        assert_eq!(rejection.detail, Some(DetailCode::AuthTokenMismatch));
        assert_eq!(close.as_ref().unwrap().meaning(), CloseMeaning::Unauthorized);
        assert!(!format!("{kind:?}").contains("planted-secret"));
    }

    #[test]
    fn no_part_of_a_repeated_secret_is_kept() {
        let filler = "x ".repeat(253);
        let all = r#"{"code":"PLANTED","message":"PLANTED","details":{"code":"PLANTED","reason":"PLANTED","requestId":"PLANTED","deviceId":"PLANTED","missingScope":"PLANTED","requestedScopes":["PLANTED","operator.read"],"recommendedNextStep":"PLANTED"}}"#;
        let pairing = r#"{"details":{"code":"PAIRING_REQUIRED","reason":"PLANTED"}}"#;
        for error in [all.to_owned(), all.replace("PLANTED", &format!("{filler}PLANTED")), pairing.to_owned()] {
            let mut machine = machine();
            machine.on(Input::Text(CHALLENGE));
            let refusal = format!(r#"{{"type":"res","id":"c1","ok":false,"error":{error}}}"#);
            machine.on(Input::Text(&refusal.replace("PLANTED", "planted-secret")));

            let kind = ended(machine.on(Input::Lost { errno: None }));

            assert!(!format!("{kind:?}").contains("plant"), "{kind:?}");
        }
    }

    #[test]
    fn a_refusal_counts_without_its_close_frame() {
        for lost in [true, false] {
            let mut machine = machine();
            machine.on(Input::Text(CHALLENGE));
            machine.on(Input::Text(r#"{"type":"res","id":"c1","ok":false,"error":{"code":"UNAVAILABLE","details":{"reason":"startup-sidecars"}}}"#));

            let kind = if lost {
                ended(machine.on(Input::Lost { errno: None }))
            } else {
                machine.expire(Duration::from_secs(1))
            };

            assert!(kind.is_starting(), "{kind:?}");
        }
    }

    #[test]
    fn each_end_has_its_kind() {
        assert_eq!(ended(machine().on(Input::Lost { errno: None })), ErrorKind::Abnormal { errno: None });
        assert_eq!(ended(machine().on(Input::Close(None))), ErrorKind::Closed(Close::new(1005, "")));
        assert_eq!(ended(connected().on(Input::Lost { errno: None })), ErrorKind::Abnormal { errno: None });
        assert_eq!(ended(connected().on(Input::TooLarge { limit: 9 })), ErrorKind::FrameTooLarge { limit: 9 });
        assert!(matches!(ended(connected().on(Input::Binary)), ErrorKind::Protocol { .. }));
        assert!(matches!(ended(machine().on(Input::Text("hello"))), ErrorKind::ChallengeMalformed { .. }));
        assert!(matches!(machine().expire(Duration::from_secs(1)), ErrorKind::ChallengeTimeout { .. }));
        for nonce in [r#""""#, r#""a|b""#, "7"] {
            let text =
                format!(r#"{{"type":"event","event":"connect.challenge","payload":{{"nonce":{nonce},"ts":1}}}}"#);
            assert!(matches!(ended(machine().on(Input::Text(&text))), ErrorKind::ChallengeMalformed { .. }), "{nonce}");
        }
    }

    #[test]
    fn a_granted_answer_without_hello_is_not_hello() {
        let mut machine = machine();
        machine.on(Input::Text(CHALLENGE));

        let kind = ended(machine.on(Input::Text(r#"{"type":"res","id":"c1","ok":true,"payload":{"type":"hi"}}"#)));

        assert!(matches!(kind, ErrorKind::Protocol { .. }));
    }

    #[test]
    fn an_announced_stop_is_remembered() {
        let mut machine = connected();

        machine.on(Input::Text(
            r#"{"type":"event","event":"shutdown","payload":{"reason":"gateway restarting","restartExpectedMs":1500}}"#,
        ));

        assert_eq!(machine.shutdown().unwrap().restart_expected_ms, Some(1500));
        assert_eq!(
            ended(machine.on(Input::Close(Some(Close::new(1012, "service restart"))))).close().unwrap().code,
            1012
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut machine = machine();
        let step = format!("{:?}", machine.on(Input::Text(CHALLENGE)));

        assert!(!step.contains("planted-secret"), "{step}");
        assert!(!format!("{machine:?}").contains("planted-secret"));
    }

    proptest! {
        #[test]
        fn never_panics(inputs in proptest::collection::vec(prop_oneof![
            Just(Some(CHALLENGE.to_owned())), Just(Some(HELLO.to_owned())), ".{0,80}".prop_map(Some), Just(None),
        ], 0..12)) {
            let mut machine = machine();
            for input in &inputs {
                let _ = machine.on(input.as_deref().map_or(Input::Lost { errno: None }, Input::Text));
            }
        }
    }
}
