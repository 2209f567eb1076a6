//! Many connects from this node to one gateway.

use portreeve_core::Series;
use portreeve_facts::Pace;
use portreeve_openclaw::endpoint::{Target, TargetError};

/// Connects from this node to a gateway's URL, up to its challenge. No secret is sent.
pub async fn connects(url: &str, pace: &Pace) -> Result<Series, TargetError> {
    let target = Target::from_url(url)?;
    let (connects, cut_short) = portreeve_facts::series(&target, pace).await;
    Ok(Series {
        target: format!("{}://{}", target.scheme().as_str(), target.authority()),
        from: "this node".to_owned(),
        asked: pace.count,
        cut_short,
        connects,
    })
}
