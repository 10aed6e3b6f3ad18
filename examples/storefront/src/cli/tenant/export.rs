use std::path::PathBuf;

use clap::Args;

use crate::cli::{
    client::Client, error::CliError, exit::Exit, output::Output, part::Part, progress,
    remote::Task, shop_arg::ShopArg,
};

/// Save everything of a shop, as it is at one moment, in one file
///
/// The file is a tar of JSON lines with checksums, which `tenant import` reads. It has its name only when it is whole:
/// until then, and after a failure that leaves no time to clean up, it is called FILE.part. A shop that is suspended or
/// leaving is exported like any other.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant export nord -o nord.tar
  storefront tenant export nord -o - | gzip > nord.tar.gz"))]
pub(in crate::cli) struct Export {
    #[command(flatten)]
    shop: ShopArg,
    /// The file, which takes the place of an older one; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Task for Export {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let path = self.shop.path_of("export");
        if self.output.as_os_str() == "-" {
            let mut file = output.for_bytes()?;
            let mut download = client.post_for_file(&path).await?;
            while let Some(bytes) = download.chunk().await? {
                file.write(&bytes)?;
            }
            return Ok(Exit::Ok);
        }
        // Made first: what cannot be written need not be exported.
        let mut part = Part::create(self.output).await?;
        let mut download = client.post_for_file(&path).await?;
        let bar = progress::bar(download.length());
        while let Some(bytes) = download.chunk().await? {
            part.write(&bytes).await?;
            bar.inc(bytes.len() as u64);
        }
        bar.finish_and_clear();
        let (file, length) = part.finish().await?;
        output.note(&format!("{}: {length} bytes\n", file.display()))?;
        Ok(Exit::Ok)
    }
}
