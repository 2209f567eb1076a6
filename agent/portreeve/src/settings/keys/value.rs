//! Values of settings, read and written.

use std::path::PathBuf;

use toml::Value;

pub(super) fn integer(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(super) fn path_array(paths: &[PathBuf]) -> Value {
    Value::Array(paths.iter().map(|path| Value::String(path.display().to_string())).collect())
}

pub(super) fn whole(value: &Value, least: u64, most: u64) -> Result<u64, String> {
    value
        .as_integer()
        .and_then(|number| u64::try_from(number).ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("takes a whole number from {least} to {most}"))
}

#[expect(clippy::cast_precision_loss, reason = "thresholds are far below 2^52")]
pub(super) fn number(value: &Value) -> Result<f64, String> {
    value
        .as_float()
        .or_else(|| value.as_integer().map(|number| number as f64))
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| "takes a number that is not negative".to_owned())
}

pub(super) fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "takes a text".to_owned())
}

pub(super) fn path(value: &Value) -> Result<PathBuf, String> {
    let path = PathBuf::from(text(value)?);
    if path.is_absolute() { Ok(path) } else { Err("takes an absolute path".to_owned()) }
}

pub(super) fn paths(value: &Value) -> Result<Vec<PathBuf>, String> {
    let array = value.as_array().ok_or_else(|| "takes a list of absolute paths".to_owned())?;
    array.iter().map(|item| path(item).map_err(|_| "takes a list of absolute paths".to_owned())).collect()
}

pub(super) fn urls(value: &Value) -> Result<Vec<String>, String> {
    let problem = || "takes a list of URLs that begin with `https://`, `http://`, `wss://` or `ws://`".to_owned();
    let array = value.as_array().ok_or_else(problem)?;
    let url = |item: &Value| {
        let text = item.as_str().filter(|text| portreeve_openclaw::endpoint::Target::from_url(text).is_ok());
        text.map(str::to_owned).ok_or_else(problem)
    };
    array.iter().map(url).collect()
}

pub(super) fn images(value: &Value) -> Result<Vec<String>, String> {
    let problem = || "takes a list of images with digests, such as `ghcr.io/openclaw/openclaw@sha256:…`".to_owned();
    let array = value.as_array().ok_or_else(problem)?;
    let image = |item: &Value| {
        let text = item
            .as_str()
            .filter(|text| portreeve_core::ImageReference::parse(text).is_ok_and(|image| image.digest.is_some()));
        text.map(str::to_owned).ok_or_else(problem)
    };
    array.iter().map(image).collect()
}

pub(super) fn ports(value: &Value) -> Result<Vec<u16>, String> {
    let problem = || "takes a list of ports from 1 to 65535".to_owned();
    let array = value.as_array().ok_or_else(problem)?;
    array
        .iter()
        .map(|item| {
            item.as_integer().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0).ok_or_else(problem)
        })
        .collect()
}
