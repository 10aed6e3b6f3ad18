use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::json;
use url::{ParseError, Url};

/// Sets the size of the page itself. A window's size includes its frame and has a minimum of about
/// 500 pixels, wider than a phone; so this is the browser's own command behind the driver's.
///
/// Source: Chrome DevTools Protocol, `Emulation.setDeviceMetricsOverride`.
#[derive(Debug)]
pub(super) struct SetViewport {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl WebDriverCompatibleCommand for SetViewport {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        let session = session_id.unwrap_or_default();
        base_url.join(&format!("session/{session}/goog/cdp/execute"))
    }

    fn method_and_body(&self, _request_url: &Url) -> (Method, Option<String>) {
        let body = json!({
            "cmd": "Emulation.setDeviceMetricsOverride",
            "params": {
                "width": self.width,
                "height": self.height,
                "deviceScaleFactor": 1,
                "mobile": false,
            },
        });
        (Method::POST, Some(body.to_string()))
    }
}
