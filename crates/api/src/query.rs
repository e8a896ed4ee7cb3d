//! The query of a request: pages, search, order.

use crate::Failure;

/// Decoded parameters, first value of each name.
#[derive(Debug)]
pub(crate) struct Query {
    parameters: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn new(query: &str) -> Self {
        let parameters = query
            .split('&')
            // Go refuses pairs with a semicolon.
            .filter(|pair| !pair.is_empty() && !pair.contains(';'))
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let decode = |text: &str| percent_decode(&text.replace('+', " "));
                Some((decode(name)?, decode(value)?))
            })
            .collect();
        Self { parameters }
    }

    /// The first value of a parameter; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.parameters
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// The page of a list of `total` items: first and last index, and the number of the next page.
    pub(crate) fn page(&self, total: usize) -> Result<Page, Failure> {
        let per_page = self.number("per_page", 100)?;
        let page = self.number("page", 1)?;
        let start = (page - 1).saturating_mul(per_page);
        if start != 0 && start >= total {
            return Err(Failure::BadRequest(format!(
                "invalid request: page: {page}, per_page: {per_page}"
            )));
        }
        let end = start.saturating_add(per_page).min(total);
        let next = if end < total { page + 1 } else { 1 };
        Ok(Page { start, end, next })
    }

    fn number(&self, name: &str, default: usize) -> Result<usize, Failure> {
        let text = self.get(name);
        if text.is_empty() {
            return Ok(default);
        }
        match text.parse::<i64>() {
            Ok(number) if number > 0 => Ok(usize::try_from(number).unwrap_or(usize::MAX)),
            other => {
                let number = other.unwrap_or(0);
                Err(Failure::BadRequest(format!(
                    "invalid request: {name}: {number}"
                )))
            }
        }
    }
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) next: usize,
}

/// The text behind percent-encoding; `None` if an escape is broken or the bytes are no UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                let value = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
                u8::try_from(value).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_from_one() {
        for (query, total, wanted) in [
            ("", 0, Ok((0, 0, 1))),
            ("", 250, Ok((0, 100, 2))),
            ("page=2", 250, Ok((100, 200, 3))),
            ("page=3", 250, Ok((200, 250, 1))),
            ("page=2&per_page=2", 3, Ok((2, 3, 1))),
            (
                "page=4",
                250,
                Err("invalid request: page: 4, per_page: 100"),
            ),
            ("page=2", 0, Err("invalid request: page: 2, per_page: 100")),
            ("page=0", 9, Err("invalid request: page: 0")),
            ("per_page=-3", 9, Err("invalid request: per_page: -3")),
            ("per_page=x", 9, Err("invalid request: per_page: 0")),
            (
                "page=9223372036854775807&per_page=9223372036854775807",
                9,
                Err("invalid request: page: 9223372036854775807, per_page: 9223372036854775807"),
            ),
        ] {
            let found = Query::new(query).page(total);
            let wanted = wanted
                .map(|(start, end, next)| Page { start, end, next })
                .map_err(|message: &str| Failure::BadRequest(message.to_owned()));
            assert_eq!(found, wanted, "{query}");
        }
    }

    #[test]
    fn parameters_are_decoded() {
        let query = Query::new("search=a%20b+c&search=second&status=&bad=%zz&x;y=1&lone");
        assert_eq!(query.get("search"), "a b c");
        for name in ["status", "bad", "x;y", "lone", "none"] {
            assert_eq!(query.get(name), "", "{name}");
        }
    }
}
