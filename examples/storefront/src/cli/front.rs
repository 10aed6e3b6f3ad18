use std::path::PathBuf;

use clap::Args;
use tenancy_core::authority::TrustedProxies;

use crate::front::Front;

/// How shops are reached.
#[derive(Clone, Debug, Args)]
pub(super) struct FrontArgs {
    /// Speak TLS with the certificates of this folder, NAME.crt with NAME.key, or NAME/fullchain.pem with
    /// NAME/privkey.pem; changed files are noticed
    #[arg(long, value_name = "FOLDER")]
    tls_certs: Option<PathBuf>,
    /// Load balancers that say by the PROXY protocol, version 2, whose their connections are: networks like
    /// 10.0.0.0/8,192.0.2.7. Their connections without it are closed
    #[arg(long, value_name = "NETWORKS")]
    proxy_protocol_from: Option<TrustedProxies>,
    /// Take the listening sockets over from the process that serves with this path, and leave them to the next one: a
    /// restart without a refused connection
    #[arg(long, value_name = "PATH")]
    handover: Option<PathBuf>,
}

impl From<FrontArgs> for Front {
    fn from(args: FrontArgs) -> Self {
        Self {
            certificates: args.tls_certs,
            balancers: args.proxy_protocol_from,
            handover: args.handover,
        }
    }
}
