//! A product while its rows come in.

use std::collections::HashMap;

use super::cells;
use super::columns::Column;
use super::error::RowError;
use super::html;
use super::product::{Image, Product, Status, Variant};
use super::report::Caution;
use super::row::{Row, RowFault};
use crate::money::{Currency, Money};

/// The only value of the only option of a product without options.
const DEFAULT_OPTION: &str = "Title";
const DEFAULT_VALUE: &str = "Default Title";

/// How many options the format has.
const OPTIONS: usize = 3;

/// The parts of a product that its rows have told so far. Texts are taken from
/// the first row, everything else from all.
#[derive(Debug)]
pub(super) struct Draft {
    product: Product,
    currency: Currency,
    is_new: bool,
    /// The line of each variant, by option values.
    lines: HashMap<Vec<String>, u64>,
    /// The place of each image of the product; last when not said.
    places: Vec<u32>,
}

impl Draft {
    pub(super) fn new(handle: String, currency: Currency) -> Self {
        let product = Product {
            handle,
            title: String::new(),
            body_html: String::new(),
            vendor: String::new(),
            product_type: String::new(),
            category: String::new(),
            tags: Vec::new(),
            collections: Vec::new(),
            published: true,
            status: Status::Active,
            seo_title: String::new(),
            seo_description: String::new(),
            options: Vec::new(),
            variants: Vec::new(),
            images: Vec::new(),
        };
        Self {
            product,
            currency,
            is_new: true,
            lines: HashMap::new(),
            places: Vec::new(),
        }
    }

    /// Adds what a row says. After a fault the draft must not be finished, but
    /// more rows may be added, to find their faults too.
    pub(super) fn add(&mut self, row: Row<'_>) -> Result<Option<Caution>, RowFault> {
        if std::mem::take(&mut self.is_new) {
            self.name_options(row)?;
            self.describe(row)?;
        } else {
            self.check_option_names(row)?;
        }
        self.add_collection(row)?;
        let caution = self.add_variant(row)?;
        self.add_own_image(row)?;
        Ok(caution)
    }

    pub(super) fn finish(self) -> Product {
        let mut product = self.product;
        let mut images: Vec<_> = self.places.into_iter().zip(product.images).collect();
        images.sort_by_key(|(place, _)| *place);
        product.images = images.into_iter().map(|(_, image)| image).collect();
        if let [variant] = product.variants.as_mut_slice()
            && product.options == [DEFAULT_OPTION]
            && variant.options == [DEFAULT_VALUE]
        {
            variant.options.clear();
            product.options.clear();
        }
        product
    }

    fn name_options(&mut self, row: Row<'_>) -> Result<(), RowFault> {
        for index in 0..OPTIONS {
            let column = Column::OptionName(index);
            let name = row.line(column)?;
            let options = &mut self.product.options;
            if name.is_empty() {
                continue;
            }
            if options.len() < index {
                return Err(RowError::OptionNameGap.at(column));
            }
            if options.contains(&name) {
                return Err(RowError::OptionNameRepeated { name }.at(column));
            }
            options.push(name);
        }
        Ok(())
    }

    /// Some exports repeat the names in each row.
    fn check_option_names(&self, row: Row<'_>) -> Result<(), RowFault> {
        for index in 0..OPTIONS {
            let column = Column::OptionName(index);
            let found = row.line(column)?;
            let first = self.product.options.get(index).cloned().unwrap_or_default();
            if !found.is_empty() && found != first {
                return Err(RowError::OptionNameChanged { first, found }.at(column));
            }
        }
        Ok(())
    }

    fn describe(&mut self, row: Row<'_>) -> Result<(), RowFault> {
        let limits = row.limits;
        let product = &mut self.product;
        product.title = row.line(Column::Title)?;
        if product.title.is_empty() {
            return Err(RowError::TitleMissing.at(Column::Title));
        }
        product.body_html = row.cell(Column::Body, |html| html::sanitised(html, limits))?;
        product.vendor = row.line(Column::Vendor)?;
        product.product_type = row.line(Column::Type)?;
        product.category = row.line(Column::Category)?;
        product.tags = row.cell(Column::Tags, |text| {
            cells::tags(text, limits.text_chars, limits.tags_per_product)
        })?;
        product.published = row.cell(Column::Published, cells::published)?;
        product.status = row.cell(Column::Status, cells::status)?;
        product.seo_title = row.line(Column::SeoTitle)?;
        product.seo_description = row.cell(Column::SeoDescription, |text| {
            // A description is a paragraph rather than a name.
            cells::line(text, limits.text_chars * 4)
        })?;
        Ok(())
    }

    /// The format has one collection a row, so a product in several has them
    /// in several rows.
    fn add_collection(&mut self, row: Row<'_>) -> Result<(), RowFault> {
        let title = row.line(Column::Collection)?;
        if title.is_empty() {
            return Ok(());
        }
        let collection = cells::collection(title);
        let collections = &mut self.product.collections;
        if collections.iter().all(|c| c.handle != collection.handle) {
            collections.push(collection);
        }
        Ok(())
    }

    /// A row without option value, SKU, price or barcode has no variant: it
    /// adds an image or a collection.
    fn add_variant(&mut self, row: Row<'_>) -> Result<Option<Caution>, RowFault> {
        use Column as C;
        let sold = [C::Sku, C::Price, C::CompareAt, C::Barcode].into_iter();
        let chosen = (0..OPTIONS).map(C::OptionValue);
        if !sold.chain(chosen).any(|column| row.has(column)) {
            return Ok(None);
        }
        if !row.has(C::Price) {
            return Err(RowError::PriceMissing.at(C::Price));
        }
        let counted = self.quantity(row)?;
        let variant = Variant {
            options: self.option_values(row)?,
            sku: row.line(C::Sku)?,
            price: self.price(row, C::Price)?,
            compare_at: self.compare_at(row)?,
            grams: row.cell(C::Grams, cells::grams)?,
            barcode: row.line(C::Barcode)?,
            quantity: counted.map(|count| u32::try_from(count).unwrap_or(0)),
            policy: row.cell(C::Policy, cells::policy)?,
            image: self.variant_image(row)?,
        };
        let line = row.position(Column::Handle).line;
        if let Some(first_line) = self.lines.insert(variant.options.clone(), line) {
            return Err(RowError::VariantRepeated { first_line }.at(C::OptionValue(0)));
        }
        self.product.variants.push(variant);
        Ok(counted
            .filter(|count| *count < 0)
            .map(|_| Caution::NegativeQuantity))
    }

    fn option_values(&self, row: Row<'_>) -> Result<Vec<String>, RowFault> {
        let names = &self.product.options;
        let mut values = Vec::with_capacity(names.len());
        for index in 0..OPTIONS {
            let column = Column::OptionValue(index);
            let value = row.line(column)?;
            match names.get(index) {
                Some(name) if value.is_empty() => {
                    let name = name.clone();
                    return Err(RowError::OptionValueMissing { name }.at(column));
                }
                Some(_) => values.push(value),
                None if value.is_empty() || value == DEFAULT_VALUE => {}
                None => return Err(RowError::OptionValueUnexpected.at(column)),
            }
        }
        Ok(values)
    }

    fn price(&self, row: Row<'_>, column: Column) -> Result<Money, RowFault> {
        row.cell(column, |text| Ok(Money::parse_price(text, self.currency)?))
    }

    /// Exports write 0 where there is no earlier price.
    fn compare_at(&self, row: Row<'_>) -> Result<Option<Money>, RowFault> {
        if !row.has(Column::CompareAt) {
            return Ok(None);
        }
        let price = self.price(row, Column::CompareAt)?;
        Ok(Some(price).filter(|price| price.minor() > 0))
    }

    /// `None` when the stock is not counted: the quantity is empty, or the
    /// file has a tracker column and nothing in it.
    fn quantity(&self, row: Row<'_>) -> Result<Option<i64>, RowFault> {
        let untracked = row.header.index(Column::Tracker).is_some() && !row.has(Column::Tracker);
        if untracked || !row.has(Column::Quantity) {
            return Ok(None);
        }
        row.cell(Column::Quantity, cells::quantity).map(Some)
    }

    fn variant_image(&mut self, row: Row<'_>) -> Result<Option<String>, RowFault> {
        if !row.has(Column::VariantImage) {
            return Ok(None);
        }
        let src = self.image_url(row, Column::VariantImage)?;
        let alt = String::new();
        self.add_image(
            row,
            cells::LAST,
            Image {
                src: src.clone(),
                alt,
            },
        )
        .map_err(|error| error.at(Column::VariantImage))?;
        Ok(Some(src))
    }

    fn add_own_image(&mut self, row: Row<'_>) -> Result<(), RowFault> {
        if !row.has(Column::ImageSrc) {
            return Ok(());
        }
        let image = Image {
            src: self.image_url(row, Column::ImageSrc)?,
            alt: row.cell(Column::ImageAlt, |text| {
                cells::line(text, row.limits.text_chars * 4)
            })?,
        };
        let place = row.cell(Column::ImagePosition, cells::position)?;
        self.add_image(row, place, image)
            .map_err(|error| error.at(Column::ImageSrc))
    }

    /// Adds an image, or what is new about one that is there: exports name one
    /// image in the rows of several variants.
    fn add_image(&mut self, row: Row<'_>, place: u32, image: Image) -> Result<(), RowError> {
        let images = &mut self.product.images;
        if let Some(index) = images.iter().position(|known| known.src == image.src) {
            self.places[index] = self.places[index].min(place);
            if images[index].alt.is_empty() {
                images[index].alt = image.alt;
            }
            return Ok(());
        }
        let limit = row.limits.images_per_product;
        if images.len() == limit {
            return Err(RowError::TooManyImages { limit });
        }
        images.push(image);
        self.places.push(place);
        Ok(())
    }

    fn image_url(&self, row: Row<'_>, column: Column) -> Result<String, RowFault> {
        row.cell(column, |text| cells::image_url(text, row.limits.url_chars))
    }
}
