use tenancy_core::{
    ReadOnly,
    db::{CellTx, DbError},
};

async fn write(tx: &mut CellTx<ReadOnly>) -> Result<u64, DbError> {
    tx.sql("delete from product").run().await
}

fn main() {}
