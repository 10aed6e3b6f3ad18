//! What belongs to a product and has no identity of its own: it is written anew each time.

use super::Write;
use crate::{
    import::{Collection, Product},
    shop::{ShopError, search},
};

/// The tables whose rows of a product are replaced.
const REPLACED: [&str; 5] = [
    "delete from product_option where tenant_id = $1 and product_id = $2",
    "delete from product_image where tenant_id = $1 and product_id = $2",
    "delete from product_tag where tenant_id = $1 and product_id = $2",
    "delete from collection_product where tenant_id = $1 and product_id = $2",
    "delete from search_word where tenant_id = $1 and product_id = $2",
];

impl Write<'_> {
    pub(super) async fn children(&mut self, product: &Product) -> Result<(), ShopError> {
        for sql in REPLACED {
            self.tx
                .sql(sql)
                .bind(self.tenant.as_i64())
                .bind(self.id)
                .run()
                .await?;
        }
        for (position, name) in (0_i64..).zip(&product.options) {
            self.placed(OPTION, position, name).await?;
        }
        for (position, tag) in (0_i64..).zip(&product.tags) {
            self.placed(TAG, position, tag).await?;
        }
        self.images(product).await?;
        for collection in &product.collections {
            self.collect(collection).await?;
        }
        // What is not listed is not found either.
        if product.is_listed() {
            self.words(product).await?;
        }
        Ok(())
    }

    async fn placed(
        &mut self,
        sql: &'static str,
        position: i64,
        text: &str,
    ) -> Result<(), ShopError> {
        let statement = self.tx.sql(sql).bind(self.tenant.as_i64()).bind(self.id);
        statement.bind(position).bind(text.to_owned()).run().await?;
        Ok(())
    }

    async fn images(&mut self, product: &Product) -> Result<(), ShopError> {
        for (position, image) in (0_i64..).zip(&product.images) {
            let statement = self.tx.sql(IMAGE).bind(self.tenant.as_i64()).bind(self.id);
            let statement = statement.bind(position).bind(image.src.clone());
            statement.bind(image.alt.clone()).run().await?;
        }
        Ok(())
    }

    /// Puts the product into a collection, which is made when it is new. The latest file names it.
    async fn collect(&mut self, collection: &Collection) -> Result<(), ShopError> {
        let statement = self
            .tx
            .sql(COLLECTION)
            .bind(self.tenant.as_i64())
            .bind(self.ids.next());
        let statement = statement
            .bind(collection.handle.clone())
            .bind(collection.title.clone());
        let ids: Vec<(i64,)> = statement.bind(self.ids.now().get()).all().await?;
        for (collection,) in ids {
            let statement = self.tx.sql(COLLECTED).bind(self.tenant.as_i64());
            statement.bind(collection).bind(self.id).run().await?;
        }
        Ok(())
    }

    async fn words(&mut self, product: &Product) -> Result<(), ShopError> {
        for (word, weight) in search::weighted_words(product) {
            let head = search::words::head(&word).to_owned();
            let statement = self.tx.sql(WORD).bind(self.tenant.as_i64()).bind(word);
            statement
                .bind(self.id)
                .bind(head)
                .bind(weight)
                .run()
                .await?;
        }
        Ok(())
    }
}

const OPTION: &str =
    "insert into product_option (tenant_id, product_id, position, name) values ($1, $2, $3, $4)";

const TAG: &str =
    "insert into product_tag (tenant_id, product_id, position, tag) values ($1, $2, $3, $4)";

const IMAGE: &str = "insert into product_image (tenant_id, product_id, position, src, alt) values ($1, $2, $3, $4, $5)";

const COLLECTION: &str =
    "insert into collection (tenant_id, collection_id, handle, title, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (tenant_id, handle) do update set title = excluded.title
    returning collection_id";

const COLLECTED: &str =
    "insert into collection_product (tenant_id, collection_id, product_id) values ($1, $2, $3)";

const WORD: &str = "insert into search_word (tenant_id, word, product_id, head, weight) values ($1, $2, $3, $4, $5)";
