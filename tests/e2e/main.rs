//! One fault at a time on a real gateway: the root cause by name, and the exit status of its layer.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot set up its fault fails")]

mod accept;
mod attacker;
mod clock;
mod connect;
mod containers;
mod daemon;
mod deep;
mod evidence;
mod faultbook;
mod gate;
mod hostile;
mod images;
mod lifecycle;
mod locks;
mod logs;
mod mirrors;
mod pairing;
mod podman;
mod ports;
mod proxies;
mod ready;
mod secrets;
mod selftest;
mod shared;
mod stack;
mod state;
mod telemetry;
mod tokens;
mod untouched;

/// The token of a config.
const CONFIG_TOKEN: &str = "5f3c0f1b9a7e4d2286d1c4ab70e9f3551c8e2b6d";
/// The token of an environment that does not agree with the config.
const OTHER_TOKEN: &str = "e0a94b7725c1483fb6d8f2137c5a90be4d61f8a2";
/// The name of the variable that both sides read.
const TOKEN_VARIABLE: &str = "OPENCLAW_GATEWAY_TOKEN";
