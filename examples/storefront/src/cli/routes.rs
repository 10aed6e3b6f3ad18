use std::fmt::Write as _;

use clap::Args;

use super::{
    client::Client,
    error::CliError,
    exit::Exit,
    output::Output,
    remote::Task,
    table::{Align, Table},
};
use crate::ops::{HostRoute, Routes};

/// Show the server's route table, and where a host leads
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront routes
  storefront routes acme.localhost
  storefront routes shop.example --json | jq .host.cell"))]
pub(super) struct RoutesTask {
    /// A host as a request would name it
    host: Option<String>,
}

impl Task for RoutesTask {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let query: String = self.host.iter().fold(String::new(), |query, host| {
            let mut pairs = form_urlencoded::Serializer::new(query);
            pairs.append_pair("host", host).finish()
        });
        let answer = client.get(&format!("/debug/routes?{query}")).await?;
        output.answer(&answer, text)?;
        Ok(Exit::Ok)
    }
}

fn text(routes: &Routes) -> String {
    let mut text = routes.host.as_ref().map(host).unwrap_or_default();
    let revision = routes
        .revision
        .map_or("never filled".to_owned(), |revision| {
            format!("revision {revision}, directory {}", routes.contact)
        });
    let Routes {
        names,
        tenants,
        bytes,
        load,
        generation,
        ..
    } = routes;
    let _ = writeln!(
        text,
        "{names} names of {tenants} shops, {revision}; {bytes} bytes, load {load:.2}, generation {generation}"
    );
    text
}

fn host(route: &HostRoute) -> String {
    let mut text = match (&route.tenant, &route.cell, &route.lifecycle, &route.epoch) {
        (Some(tenant), Some(cell), Some(lifecycle), Some(epoch)) => {
            let moving = if route.moving == Some(true) {
                ", moving"
            } else {
                ""
            };
            format!(
                "{}: shop {tenant} in {cell}, {lifecycle}{moving} at {epoch}\n",
                route.host
            )
        }
        _ => format!("{}: nobody's\n", route.host),
    };
    let mut table = Table::new([
        ("LOOKED FOR", Align::Left),
        ("FOUND", Align::Left),
        ("LINES", Align::Right),
    ]);
    let rows = route.probes.iter().map(|probe| {
        [
            probe.name.clone(),
            probe.finding.clone(),
            probe.lines.to_string(),
        ]
    });
    text += &table.part(&rows.collect::<Vec<_>>());
    text
}
