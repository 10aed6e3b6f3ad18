//! The pictures of the demo shops are part of the program, so that it needs no folder beside it.

/// `shop/file` and content of each picture; a test compares the list with the folder.
macro_rules! pictures {
    ($($shop:literal: $($name:literal)*;)*) => {
        &[$($((
            concat!($shop, "/", $name, ".svg"),
            include_str!(concat!("../../../demo/images/", $shop, "/", $name, ".svg")),
        ),)*)*]
    };
}

const PICTURES: &[(&str, &str)] = pictures! {
    "kiln":
        "berry-colander" "bottle-vase" "bowl-oat" "bowl-rust" "bowl-tide" "bud-vases" "butter-dish-snow"
        "butter-dish-tide" "cake-plate" "candle-holders-moss" "candle-holders-rust" "espresso-rust"
        "espresso-snow" "garlic-keeper" "hanging-planter" "incense-bowl" "milk-jug" "moon-jar" "mug-ink"
        "mug-moss" "mug-oat" "mug-tide" "noodle-bowl-ink" "noodle-bowl-moss" "planter-moss" "planter-rust"
        "plate-ink" "plate-oat" "plate-snow" "ramekins" "sake-set" "serving-bowl" "spoon-rest" "storage-jar"
        "studio-voucher" "table-set" "teapot-oat" "teapot-tide" "tile-panel" "vase-moss" "vase-snow"
        "wheel-course" "yunomi-pair";
    "yama":
        "ame-jacket-sky" "ame-jacket-slate" "ame-jacket-sun" "basecamp-dome" "bearing-compass" "birch-poles"
        "brook-filter" "chalk-bag" "cloud-quilt" "day-pack-plum" "day-pack-sun" "dry-bag" "ember-lantern"
        "enamel-mug-clay" "enamel-mug-pine" "enamel-mug-sky" "five-panel-cap" "hinoki-knife"
        "hoshi-bag-plum" "hoshi-bag-slate" "hut-thermos" "iwa-boot-clay" "iwa-boot-stone" "kaze-shoe-clay"
        "kaze-shoe-sky" "leaf-tarp-pine" "leaf-tarp-plum" "light-gloves" "loft-fleece-pine"
        "loft-fleece-plum" "moss-pad" "nap-hammock" "owl-headlamp" "ridge-map" "ridge-pack-clay"
        "ridge-pack-pine" "ridge-pack-slate" "ridge-socks" "spring-bottle-pine" "spring-bottle-sky"
        "static-rope" "summit-tee-clay" "summit-tee-pine" "tarn-tent-clay" "tarn-tent-pine"
        "trail-trousers-slate" "trail-trousers-stone" "wool-beanie" "wren-stove";
};

/// A picture of a demo shop, as SVG.
pub(super) fn picture(shop: &str, file: &str) -> Option<&'static str> {
    let path = format!("{shop}/{file}");
    PICTURES
        .iter()
        .find(|(name, _)| *name == path)
        .map(|(_, picture)| *picture)
}
