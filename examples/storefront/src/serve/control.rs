//! `storefront control`: the process that operators meet, beside those that serve.

use std::{path::PathBuf, sync::Arc};

use super::{Lifetime, ServeError, TOKEN_FILE, bind, ended, keys, say, shop_lines, write_address};
use crate::{
    cluster::{ControlPass, Endpoints},
    config::{Config, Demo},
    demo,
    ops::{self, Idempotency, OperatorToken, Ops, Visit},
    platform::{AwayCells, Platform, Worker},
    telemetry,
};

/// What control is told.
#[derive(Clone, Debug)]
pub struct ControlProcess {
    /// The settings, without cells. Nobody listens at its address of shops: it is where visitors find a gateway.
    pub config: Config,
    /// Where cells and gateways are.
    pub endpoints: PathBuf,
    /// The keys by which cells believe it.
    pub control_keys: PathBuf,
    /// What ends it.
    pub lifetime: Lifetime,
}

/// Serves operators until SIGINT or SIGTERM, and goes on with what was begun. Standard output gets the line `ops http://…` once
/// the listener answers, and lines with addresses for each demo shop.
///
/// # Errors
/// [`ServeError`]; nothing is served then, or any more.
pub async fn run(process: ControlProcess) -> Result<(), ServeError> {
    let config = &process.config;
    let stop = process.lifetime.stop_signal();
    let (_, stop) = stop.map_err(ServeError::Signals)?;
    let metrics = telemetry::init_metrics();
    let pass = ControlPass::new(keys(&process.control_keys)?);
    let away = AwayCells::new(Endpoints::follow(&process.endpoints)?, pass);
    let platform = Box::pin(Platform::open_control(config.clone(), away)).await?;
    let path = config.data.join(TOKEN_FILE);
    let token = OperatorToken::load_or_create(&path);
    let token = token.map_err(|source| ServeError::File { path, source })?;
    let (operators, ops_address) = bind(config.ops_listen).await?;
    let visit = Arc::new(Visit {
        platform_domain: config.platform_domain.to_string(),
        scheme: config.front.scheme(),
        port: config.listen.port(),
    });
    let ops = Ops {
        platform: platform.clone(),
        idempotency: Idempotency::new(&platform),
        visit: Arc::clone(&visit),
        stop: stop.clone(),
        metrics,
    };
    if config.demo == Demo::WhenEmpty {
        let made = Box::pin(demo::make_shops(&platform)).await;
        made.map_err(Box::new)?;
    }
    let working = tokio::spawn(Worker::new(platform.clone()).run(stop.clone()));
    let operating = tokio::spawn(operators.serve(ops::router(ops, token), stop));
    write_address(&config.data, ops_address)?;
    let mut lines = vec![format!("ops http://{ops_address}")];
    lines.extend(shop_lines(&platform, &visit, config.listen).await?);
    say(&lines);
    ended(async { Ok(()) }, [working, operating], platform.site()).await
}
