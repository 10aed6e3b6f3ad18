use tenancy_types::{Kind, Lifecycle, Problem};

use super::{
    super::{Directory, DirectoryError, NewTenant},
    fixture::{cell, change, make, put_cell, refused, request, to},
};

/// A cell takes tenants up to its capacity, which an operator may change; an unknown cell takes none.
pub async fn a_cell_takes_no_more_than_its_capacity(directory: impl Directory) {
    let error = refused(directory.create(request("first", &[])).await);
    assert!(matches!(error, DirectoryError::CellUnknown { cell: c } if c == cell(1)));
    put_cell(&directory, 1, 1).await;
    make(&directory, request("first", &[])).await;
    let error = refused(directory.create(request("second", &[])).await);
    assert!(
        matches!(error, DirectoryError::CellFull { capacity: 1, .. }),
        "{error:?}"
    );
    assert_eq!(error.kind(), Kind::Conflict);
    put_cell(&directory, 1, 2).await;
    make(&directory, request("second", &[])).await;
    put_cell(&directory, 1, 0).await;
    assert_eq!(loads(&directory).await, [(1, 0, 2)]);
}

/// Cells come in the order of their ids and count the tenants that live there.
pub async fn cells_count_the_living(directory: impl Directory) {
    put_cell(&directory, 2, 20).await;
    put_cell(&directory, 1, 10).await;
    let first = make(&directory, request("first", &[])).await;
    make(&directory, request("second", &[])).await;
    let third = NewTenant {
        cell: cell(2),
        ..request("third", &[])
    };
    make(&directory, third).await;
    assert_eq!(loads(&directory).await, [(1, 10, 2), (2, 20, 1)]);
    change(&directory, &first, to(Lifecycle::Gone)).await;
    assert_eq!(loads(&directory).await, [(1, 10, 1), (2, 20, 1)]);
}

/// Each cell as (id, capacity, tenants).
async fn loads(directory: &impl Directory) -> Vec<(u16, u32, u32)> {
    let cells = directory.cells().await.expect("the cells");
    (cells.iter())
        .map(|load| (load.record.cell.get(), load.record.capacity, load.tenants))
        .collect()
}
