use tenancy_core::{
    ReadOnly,
    db::{CellTx, DbError},
};

async fn inject(tx: &mut CellTx<ReadOnly>, table: String) -> Result<Vec<(i64,)>, DbError> {
    tx.sql(&format!("select id from {table}")).all().await
}

fn main() {}
