use tenancy_core::{
    ReadWrite,
    db::{CellTx, DbError},
};

async fn twice(tx: CellTx<ReadWrite>) -> Result<(), DbError> {
    tx.commit().await?;
    tx.commit().await
}

fn main() {}
