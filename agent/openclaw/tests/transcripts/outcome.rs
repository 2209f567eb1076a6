//! What a conversation came to, in a form that both the raw transcript and the client's types can be turned into.

use portreeve_openclaw::client::{ErrorKind, RequestErrorKind};
use portreeve_openclaw::protocol::text::Text;
use portreeve_openclaw::protocol::{ChannelsStatus, Close, Health, Hello, PairingList, Rejection};
use serde_json::Value;

use crate::record::Transcript;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    UpgradeRefused { status: u16, error_type: Option<String> },
    Rejected { code: String, detail: Option<String>, ids: Vec<String>, close: End },
    Ended(End),
    Session { version: Option<String>, scopes: Vec<String>, answers: Vec<Answered>, end: End },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Close { code: u16, reason: String },
    Abnormal,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered {
    Health { ok: bool, accounts: Vec<String> },
    Channels { accounts: Vec<String>, issues: usize },
    Pairing { pending: Vec<String>, paired: Vec<String> },
    Granted,
    Refused { code: String, detail: Option<String> },
}

impl Outcome {
    /// What the transcript itself says, read without any of the client's types.
    pub(crate) fn recorded(transcript: &Transcript) -> Self {
        if let Some((status, _, body)) = transcript.http()
            && status != 101
        {
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            return Self::UpgradeRefused { status, error_type: body["error"]["type"].as_str().map(str::to_owned) };
        }
        let end = match transcript.close() {
            None | Some((1006, _)) => End::Abnormal,
            Some((code, reason)) => End::Close { code, reason: Text::new(reason).to_string() },
        };
        let connect_id = transcript.connect_id();
        let Some(answer) = transcript.answer(&connect_id) else {
            return Self::Ended(end);
        };
        if answer["ok"] != true {
            let error = &answer["error"];
            let ids = ["requestId", "deviceId", "reason"];
            return Self::Rejected {
                code: error["code"].as_str().unwrap_or_default().to_owned(),
                detail: error["details"]["code"].as_str().map(str::to_owned),
                ids: ids.iter().filter_map(|key| error["details"][key].as_str().map(str::to_owned)).collect(),
                close: end,
            };
        }
        let payload = &answer["payload"];
        let answers = transcript
            .sent()
            .filter(|frame| frame["id"] != connect_id.as_str())
            .filter_map(|frame| Some((frame["method"].as_str()?, transcript.answer(frame["id"].as_str()?)?)))
            .map(|(method, answer)| Answered::recorded(method, answer))
            .collect();

        Self::Session {
            version: payload["server"]["version"].as_str().map(str::to_owned),
            scopes: strings(&payload["auth"]["scopes"]),
            answers,
            end,
        }
    }

    /// What the client says of a connection that did not come about.
    pub(crate) fn of_error(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::UpgradeRefused(refusal) => {
                Self::UpgradeRefused { status: refusal.status, error_type: refusal.error_type }
            }
            ErrorKind::Rejected { rejection, close } => Self::Rejected {
                code: rejection.code.to_string(),
                detail: rejection.detail.as_ref().map(ToString::to_string),
                ids: ids(&rejection),
                close: close.as_ref().map_or(End::Abnormal, End::of),
            },
            other => Self::Ended(End::of_error(&other)),
        }
    }

    /// What the client says of a session.
    pub(crate) fn of_session(hello: &Hello, answers: Vec<Answered>, end: &ErrorKind) -> Self {
        Self::Session {
            version: hello.server.version.clone(),
            scopes: hello.auth.scopes.clone(),
            answers,
            end: End::of_error(end),
        }
    }

    /// A line for the table of what is expected.
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::UpgradeRefused { status, error_type } => {
                format!("http {status} {}", error_type.as_deref().unwrap_or("-"))
            }
            Self::Rejected { code, detail, close, .. } => {
                format!("{code} {} {}", detail.as_deref().unwrap_or("-"), close.brief())
            }
            Self::Ended(end) => end.brief(),
            Self::Session { scopes, answers, end, .. } => {
                format!("hello-ok [{}] {} answers, {}", scopes.join(" "), answers.len(), end.brief())
            }
        }
    }
}

impl End {
    fn of(close: &Close) -> Self {
        Self::Close { code: close.code, reason: close.reason.to_string() }
    }

    fn of_error(kind: &ErrorKind) -> Self {
        match kind {
            ErrorKind::Closed(close) => Self::of(close),
            ErrorKind::Abnormal { .. } => Self::Abnormal,
            other => panic!("neither a close nor a loss: {other:?}"),
        }
    }

    fn brief(&self) -> String {
        match self {
            Self::Close { code, reason } => {
                let meaning = Close::new(*code, reason).meaning();
                format!("{code} {meaning:?}")
            }
            Self::Abnormal => "1006".to_owned(),
        }
    }
}

impl Answered {
    fn recorded(method: &str, answer: &Value) -> Self {
        if answer["ok"] != true {
            let error = &answer["error"];
            return Self::Refused {
                code: error["code"].as_str().unwrap_or_default().to_owned(),
                detail: error["details"]["code"].as_str().map(str::to_owned),
            };
        }
        let payload = &answer["payload"];
        match method {
            "health" => {
                let mut accounts = Vec::new();
                for (channel, health) in payload["channels"].as_object().into_iter().flatten() {
                    for (name, account) in health["accounts"].as_object().into_iter().flatten() {
                        accounts.push(account_line(
                            channel,
                            name,
                            &account["running"],
                            &account["lifecycle"],
                            &Value::Null,
                        ));
                    }
                }
                accounts.sort();
                Self::Health { ok: payload["ok"] == true, accounts }
            }
            "channels.status" => {
                let mut accounts = Vec::new();
                for (channel, list) in payload["channelAccounts"].as_object().into_iter().flatten() {
                    for account in list.as_array().into_iter().flatten() {
                        let name = account["accountId"].as_str().unwrap_or_default();
                        accounts.push(account_line(
                            channel,
                            name,
                            &account["running"],
                            &account["lifecycle"],
                            &account["probe"],
                        ));
                    }
                }
                accounts.sort();
                Self::Channels { accounts, issues: payload["statusIssues"].as_array().map_or(0, Vec::len) }
            }
            "device.pair.list" => {
                let each = |list: &str, key: &str| {
                    let list = payload[list].as_array().into_iter().flatten();
                    list.filter_map(|entry| entry[key].as_str().map(str::to_owned)).collect()
                };
                Self::Pairing { pending: each("pending", "requestId"), paired: each("paired", "deviceId") }
            }
            _ => Self::Granted,
        }
    }

    pub(crate) fn health(health: &Health) -> Self {
        let mut accounts: Vec<String> = health
            .channels
            .iter()
            .flat_map(|(channel, health)| health.accounts.iter().map(move |(name, account)| (channel, name, account)))
            .map(|(channel, name, account)| {
                account_line(channel, name, &json(&account.running), &json(&account.lifecycle), &Value::Null)
            })
            .collect();
        accounts.sort();

        Self::Health { ok: health.ok == Some(true), accounts }
    }

    pub(crate) fn channels(status: &ChannelsStatus) -> Self {
        let mut accounts: Vec<String> = status
            .accounts()
            .map(|(channel, account)| {
                let probe = json(&account.probe);
                account_line(channel, &account.account_id, &json(&account.running), &json(&account.lifecycle), &probe)
            })
            .collect();
        accounts.sort();

        Self::Channels { accounts, issues: status.status_issues.len() }
    }

    pub(crate) fn pairing(list: &PairingList) -> Self {
        Self::Pairing {
            pending: list.pending.iter().map(|request| request.request_id.clone()).collect(),
            paired: list.paired.iter().map(|device| device.device_id.clone()).collect(),
        }
    }

    pub(crate) fn refused(rejection: &Rejection) -> Self {
        Self::Refused { code: rejection.code.to_string(), detail: rejection.detail.as_ref().map(ToString::to_string) }
    }

    pub(crate) fn of_request_error(kind: &RequestErrorKind) -> Self {
        match kind {
            RequestErrorKind::Refused(rejection) => Self::refused(rejection),
            other => panic!("not a refusal: {other:?}"),
        }
    }
}

fn ids(rejection: &Rejection) -> Vec<String> {
    let reason = rejection.pairing_reason.as_ref().map(ToString::to_string);
    let reason = reason.or_else(|| rejection.reason.as_ref().map(ToString::to_string));

    [rejection.request_id.clone(), rejection.device_id.clone(), reason].into_iter().flatten().collect()
}

fn account_line(channel: &str, account: &str, running: &Value, lifecycle: &Value, probe: &Value) -> String {
    format!("{channel}/{account} running {running} lifecycle {lifecycle} probe {} {}", probe["ok"], probe["status"])
}

fn json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|entry| entry.as_str().map(str::to_owned)).collect()
}
