//! What the messages around an upgrade say. Pure.

use http::{HeaderMap, HeaderValue, header};

/// Asks the upstream for what the client asked for.
pub(in crate::gateway) fn ask(headers: &mut HeaderMap, protocols: &HeaderValue) {
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, protocols.clone());
}

/// Whether the upstream changed to one of the protocols that were asked for.
pub(in crate::gateway) fn is_asked_for(asked: Option<&HeaderValue>, answer: &HeaderMap) -> bool {
    let (Some(asked), Some(chosen)) = (asked, answer.get(header::UPGRADE)) else {
        return false;
    };
    let mut members = asked.as_bytes().split(|byte| *byte == b',');
    members.any(|member| {
        let chosen = chosen.as_bytes().trim_ascii();
        member.trim_ascii().eq_ignore_ascii_case(chosen)
    })
}

/// Cleans the upstream's 101, and says to what it changed.
pub(in crate::gateway) fn settle(answer: &mut HeaderMap) {
    let chosen = answer.remove(header::UPGRADE);
    answer.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(chosen) = chosen {
        answer.insert(header::UPGRADE, chosen);
    }
}
