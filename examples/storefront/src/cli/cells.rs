use clap::Args;

use super::{
    client::Client,
    error::CliError,
    exit::Exit,
    output::Output,
    remote::Task,
    table::{Align, Table},
};
use crate::ops::{CellView, Cells};

/// List the cells and how full they are
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront cells
  storefront cells --json | jq '.cells[].tenants'"))]
pub(super) struct CellsTask {}

impl Task for CellsTask {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let answer = client.get("/v1/cells").await?;
        output.answer(&answer, |cells: &Cells| table(&cells.cells))?;
        Ok(Exit::Ok)
    }
}

fn table(cells: &[CellView]) -> String {
    let mut table = Table::new([
        ("CELL", Align::Left),
        ("REGION", Align::Left),
        ("SHOPS", Align::Right),
        ("CAPACITY", Align::Right),
        ("FREE", Align::Right),
    ]);
    let rows: Vec<_> = cells
        .iter()
        .map(|cell| {
            let free = cell.capacity.saturating_sub(cell.tenants);
            let [tenants, capacity, free] =
                [cell.tenants, cell.capacity, free].map(|n| n.to_string());
            [
                cell.cell.clone(),
                cell.region.clone(),
                tenants,
                capacity,
                free,
            ]
        })
        .collect();
    table.part(&rows)
}

#[cfg(test)]
mod tests {
    use super::{CellView, table};

    #[test]
    fn cells_stand_below_each_other() {
        let cell = |name: &str, tenants, capacity| CellView {
            cell: name.to_owned(),
            region: "eu".to_owned(),
            tenants,
            capacity,
        };
        let expect = "\
CELL     REGION  SHOPS  CAPACITY  FREE
cell-1   eu          7     10000  9993
cell-10  eu         12        10     0
";
        assert_eq!(
            table(&[cell("cell-1", 7, 10_000), cell("cell-10", 12, 10)]),
            expect
        );
    }
}
