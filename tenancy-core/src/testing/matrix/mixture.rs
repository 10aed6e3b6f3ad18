use http::{HeaderName, Method, Request, header::HOST};

/// Whose a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    One,
    Two,
}

/// One thing in a request that tells tenants apart.
#[derive(Clone, Debug)]
pub(super) struct Part {
    name: String,
    place: Place,
    of: [String; 2],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Host,
    Header(HeaderName),
    /// Instead of `{name}` in path and body.
    Value,
}

impl Part {
    pub(super) fn new(name: String, place: Place, of: [String; 2]) -> Self {
        Self { name, place, of }
    }

    pub(super) fn name(&self) -> String {
        self.name.clone()
    }

    pub(super) fn is_host(&self) -> bool {
        self.place == Place::Host
    }

    fn placeholder(&self) -> String {
        format!("{{{}}}", self.name)
    }
}

/// A request, but for whose it is.
#[derive(Clone, Debug)]
pub(super) struct Template {
    method: Method,
    path: String,
    body: String,
}

impl Template {
    pub(super) fn new(method: Method, path: String, body: String) -> Self {
        Self { method, path, body }
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// What the report calls it.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(super) fn uses(&self, part: &Part) -> bool {
        let placeholder = part.placeholder();
        part.place != Place::Value
            || self.path.contains(&placeholder)
            || self.body.contains(&placeholder)
    }

    pub(super) fn request(
        &self,
        mixture: &Mixture,
        same: &[(HeaderName, String)],
    ) -> Request<String> {
        let (mut path, mut body) = (self.path.clone(), self.body.clone());
        let mut request = Request::builder().method(&self.method);
        for (name, value) in same {
            request = request.header(name, value);
        }
        for (part, side) in &mixture.0 {
            let value = &part.of[*side as usize];
            match &part.place {
                Place::Host => request = request.header(HOST, value),
                Place::Header(name) => request = request.header(name, value),
                Place::Value => {
                    path = path.replace(&part.placeholder(), value);
                    body = body.replace(&part.placeholder(), value);
                }
            }
        }
        request
            .uri(&path)
            .body(body)
            .unwrap_or_else(|error| panic!("{} is no request: {error}", self.title()))
    }
}

/// Whose each part of a request is.
#[derive(Clone, Debug)]
pub(super) struct Mixture(Vec<(Part, Side)>);

impl Mixture {
    /// Both tenants' own.
    pub(super) fn pure(parts: &[Part]) -> [Self; 2] {
        let of = |side| Self(parts.iter().map(|part| (part.clone(), side)).collect());
        [of(Side::One), of(Side::Two)]
    }

    /// All others.
    pub(super) fn mixed(parts: &[Part]) -> Vec<Self> {
        let last = (1_u32 << parts.len()) - 1;
        let of = |choice: u32| {
            let side = |index| match choice >> index & 1 {
                0 => Side::One,
                _ => Side::Two,
            };
            let parts = parts.iter().enumerate();
            Self(
                parts
                    .map(|(index, part)| (part.clone(), side(index)))
                    .collect(),
            )
        };
        (1..last).map(of).collect()
    }

    /// Whose request it is, when all of it is one tenant's.
    pub(super) fn owner(&self) -> Option<Side> {
        let (_, first) = self.0.first()?;
        self.0
            .iter()
            .all(|(_, side)| side == first)
            .then_some(*first)
    }

    /// Whose host it is sent to.
    pub(super) fn host(&self) -> Option<Side> {
        let host = self.0.iter().find(|(part, _)| part.is_host());
        host.map(|(_, side)| *side)
    }

    /// The values of another than this tenant, of parts in this place.
    pub(super) fn others(&self, place: &Place, than: Option<Side>) -> impl Iterator<Item = &str> {
        let parts = self.0.iter().filter(move |(part, _)| part.place == *place);
        parts.flat_map(move |(part, _)| {
            let sides = [Side::One, Side::Two].into_iter();
            sides
                .filter(move |side| Some(*side) != than)
                .map(|side| &*part.of[side as usize])
        })
    }

    pub(super) fn sides(&self) -> impl Iterator<Item = (&str, Side)> {
        self.0.iter().map(|(part, side)| (&*part.name, *side))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(count: usize) -> Vec<Part> {
        let part = |index| Part::new(format!("p{index}"), Place::Value, ["a".into(), "b".into()]);
        (0..count).map(part).collect()
    }

    #[test]
    fn every_mixture_is_there_once_and_none_is_pure() {
        for count in 1..=6 {
            let mixed = Mixture::mixed(&parts(count));
            assert_eq!(mixed.len(), (1 << count) - 2);
            assert!(mixed.iter().all(|mixture| mixture.owner().is_none()));
            let mut seen: Vec<String> = mixed
                .iter()
                .map(|mixture| format!("{:?}", mixture.sides().collect::<Vec<_>>()))
                .collect();
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), mixed.len());
        }
        let owners = Mixture::pure(&parts(3)).map(|mixture| mixture.owner());
        assert_eq!(owners, [Some(Side::One), Some(Side::Two)]);
    }

    #[test]
    fn a_request_is_made_of_the_chosen_parts() {
        let parts = vec![
            Part::new(
                "host".into(),
                Place::Host,
                ["a.example".into(), "b.example".into()],
            ),
            Part::new(
                "cookie".into(),
                Place::Header(http::header::COOKIE),
                ["s=a".into(), "s=b".into()],
            ),
            Part::new("id".into(), Place::Value, ["7".into(), "9".into()]),
        ];
        let template = Template::new(Method::PUT, "/p/{id}".into(), "{\"id\":{id}}".into());
        assert!(parts.iter().all(|part| template.uses(part)));
        let mixture = Mixture::mixed(&parts).swap_remove(3);
        assert_eq!(mixture.host(), Some(Side::One));
        let request = template.request(&mixture, &[]);
        assert_eq!(request.uri(), "/p/9");
        assert_eq!(request.body(), "{\"id\":9}");
        assert_eq!(request.headers()["host"], "a.example");
        assert_eq!(request.headers()["cookie"], "s=a");
    }
}
