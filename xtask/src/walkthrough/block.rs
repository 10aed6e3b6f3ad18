//! The command blocks of a page. Pure.

use anyhow::{Context as _, Result, bail};

const RUN: &str = "walkthrough";
const BACKGROUND: &str = "walkthrough-background";
const WAIT_FOR: &str = "# wait-for:";

/// A marked block.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Block {
    /// The line of its opening fence, from 1.
    pub(super) line: usize,
    pub(super) script: String,
    pub(super) way: Way,
}

/// How a block is executed.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// To its end.
    Run {
        /// What its output must contain, in order.
        expect: Vec<String>,
    },
    /// Beside the rest of the page.
    Background {
        /// What its output contains when it is ready.
        wait_for: String,
    },
}

/// A fenced block of any kind.
struct Fence {
    line: usize,
    language: String,
    mark: Option<String>,
    body: String,
}

/// The marked blocks of a page, in order.
///
/// # Errors
///
/// Names the line of a mark that makes no sense: it must not be taken for a block that passes.
pub(super) fn parse(page: &str) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    for fence in fences(page)? {
        let line = fence.line;
        let Some(mark) = fence.mark else {
            continue;
        };
        match (fence.language.as_str(), mark.as_str()) {
            ("sh", RUN) => blocks.push(Block {
                line,
                script: fence.body,
                way: Way::Run { expect: Vec::new() },
            }),
            ("sh", BACKGROUND) => {
                let wait_for = wait_for(&fence.body)
                    .with_context(|| format!("line {line}: no `{WAIT_FOR} TEXT`"))?;
                blocks.push(Block {
                    line,
                    script: fence.body,
                    way: Way::Background { wait_for },
                });
            }
            ("text", RUN) => match blocks.last_mut().map(|block| &mut block.way) {
                Some(Way::Run { expect }) => expect.extend(fence.body.lines().map(str::to_owned)),
                _ => bail!("line {line}: expected output without an `sh {RUN}` block before it"),
            },
            (language, mark) => bail!("line {line}: `{language} {mark}` is no kind of block"),
        }
    }
    Ok(blocks)
}

/// All fenced blocks; a fence may be indented, and then its body is as much.
fn fences(page: &str) -> Result<Vec<Fence>> {
    let mut fences = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(info) = line.trim_start().strip_prefix("```") else {
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let mut words = info.split_whitespace();
        let mut fence = Fence {
            line: number + 1,
            language: words.next().unwrap_or_default().to_owned(),
            mark: words
                .next()
                .filter(|word| word.starts_with(RUN))
                .map(str::to_owned),
            body: String::new(),
        };
        loop {
            let (_, line) = lines
                .next()
                .with_context(|| format!("line {}: the block has no end", fence.line))?;
            if line.trim() == "```" {
                break;
            }
            fence.body.push_str(line.get(indent..).unwrap_or_default());
            fence.body.push('\n');
        }
        fences.push(fence);
    }
    Ok(fences)
}

fn wait_for(script: &str) -> Option<String> {
    let text = script
        .lines()
        .find_map(|line| line.trim().strip_prefix(WAIT_FOR))?
        .trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The first expected line that the output does not contain behind the ones before it.
pub(super) fn first_missing<'a>(expect: &'a [String], output: &[String]) -> Option<&'a str> {
    let mut output = output.iter();
    let wanted = expect
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty() && *line != "...");
    wanted
        .into_iter()
        .find(|wanted| !output.any(|line| line.contains(wanted)))
}

#[cfg(test)]
mod tests {
    use super::{Block, Way, first_missing, parse};

    const PAGE: &str = "\
# Title

```sh walkthrough-background
# wait-for: listening http://
cargo run -p storefront
```

```sh
rm -rf unmarked
```

1. Ask:

   ```sh walkthrough
   curl -s localhost
     echo done
   ```

   ```text walkthrough
   a shop
   ...
   done
   ```
";

    #[test]
    fn marked_blocks_are_found() {
        let expect = [
            Block {
                line: 3,
                script: "# wait-for: listening http://\ncargo run -p storefront\n".to_owned(),
                way: Way::Background {
                    wait_for: "listening http://".to_owned(),
                },
            },
            Block {
                line: 14,
                script: "curl -s localhost\n  echo done\n".to_owned(),
                way: Way::Run {
                    expect: ["a shop", "...", "done"].map(str::to_owned).to_vec(),
                },
            },
        ];
        assert_eq!(parse(PAGE).unwrap(), expect);
        assert_eq!(parse("nothing\n```rust\nfn main() {}\n```\n").unwrap(), []);
    }

    #[track_caller]
    fn refuse(page: &str, expect: &str) {
        let error = format!("{:#}", parse(page).unwrap_err());
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn a_mark_without_sense_is_refused() {
        refuse(
            "```sh walkthrough-background\nserve\n```\n",
            "line 1: no `# wait-for: TEXT`",
        );
        refuse(
            "```sh walkthrough-backgroud\nserve\n```\n",
            "line 1: `sh walkthrough-backgroud` is no kind",
        );
        refuse(
            "```bash walkthrough\nserve\n```\n",
            "line 1: `bash walkthrough` is no kind",
        );
        refuse(
            "```text walkthrough\nout\n```\n",
            "line 1: expected output without",
        );
        refuse(
            "\n```sh walkthrough\nserve\n",
            "line 2: the block has no end",
        );
    }

    #[track_caller]
    fn check(expect: &[&str], output: &[&str], missing: Option<&str>) {
        let own = |lines: &[&str]| {
            lines
                .iter()
                .map(|line| (*line).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(first_missing(&own(expect), &own(output)), missing);
    }

    #[test]
    fn expected_lines_must_occur_in_order() {
        check(&[], &[], None);
        check(&["b", "...", "", "d"], &["a", "xbx", "c", "d"], None);
        check(&["d", "b"], &["b", "d"], Some("b"));
        check(&["b", "b"], &["b"], Some("b"));
        check(&["b"], &[], Some("b"));
    }
}
