use http::{HeaderName, Method, Request, header::HOST};

/// Whose a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    One,
    Two,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::One, Self::Two];

    pub(super) fn other(self) -> Self {
        match self {
            Self::One => Self::Two,
            Self::Two => Self::One,
        }
    }
}

/// What a request has of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Share {
    Of(Side),
    Absent,
    /// Both tenants', this one's first.
    Both(Side),
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

    /// Whether a request can be made without it, or with two of it.
    fn is_header(&self) -> bool {
        self.place != Place::Value
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
        for (part, share) in &mixture.0 {
            for side in share.sides() {
                let value = &part.of[side as usize];
                match &part.place {
                    Place::Host => request = request.header(HOST, value),
                    Place::Header(name) => request = request.header(name, value),
                    Place::Value => {
                        path = path.replace(&part.placeholder(), value);
                        body = body.replace(&part.placeholder(), value);
                    }
                }
            }
        }
        request
            .uri(&path)
            .body(body)
            .unwrap_or_else(|error| panic!("{} is no request: {error}", self.title()))
    }
}

impl Share {
    /// Whose it is, in the order in which they are sent.
    pub(super) fn sides(self) -> impl Iterator<Item = Side> {
        let (first, second) = match self {
            Self::Of(side) => (Some(side), None),
            Self::Absent => (None, None),
            Self::Both(side) => (Some(side), Some(side.other())),
        };
        first.into_iter().chain(second)
    }
}

/// Whose each part of a request is.
#[derive(Clone, Debug)]
pub(super) struct Mixture(Vec<(Part, Share)>);

impl Mixture {
    /// Both tenants' own.
    pub(super) fn pure(parts: &[Part]) -> Vec<Self> {
        let of = |side| {
            Self(
                parts
                    .iter()
                    .map(|part| (part.clone(), Share::Of(side)))
                    .collect(),
            )
        };
        Side::BOTH.map(of).into()
    }

    /// All in which each part is somebody's, and not all are the same one's.
    pub(super) fn mixed(parts: &[Part]) -> Vec<Self> {
        let mut all = Self::all(parts);
        all.retain(|mixture| mixture.owner().is_none());
        all
    }

    /// All in which one header is absent, or there twice.
    pub(super) fn incomplete(parts: &[Part]) -> Vec<Self> {
        let of = |index: usize, share: Share| {
            let mut rest = parts.to_vec();
            let part = rest.remove(index);
            let with = move |mut mixture: Self| {
                mixture.0.insert(index, (part.clone(), share));
                mixture
            };
            Self::all(&rest).into_iter().map(with)
        };
        let shares = [
            Share::Absent,
            Share::Both(Side::One),
            Share::Both(Side::Two),
        ];
        let headers = (0..parts.len()).filter(|index| parts[*index].is_header());
        let all = headers.flat_map(|index| shares.map(|share| of(index, share)));
        all.flatten().collect()
    }

    /// All that are not one tenant's own.
    pub(super) fn foreign(parts: &[Part]) -> Vec<Self> {
        let mut all = Self::mixed(parts);
        all.extend(Self::incomplete(parts));
        all
    }

    /// Those that nobody may be served with, whichever of two headers is chosen.
    pub(super) fn unserved(parts: &[Part]) -> Vec<Self> {
        let mut all = Self::foreign(parts);
        all.retain(|mixture| mixture.choosable().is_none());
        all
    }

    fn all(parts: &[Part]) -> Vec<Self> {
        let of = |choice: u32| {
            let side = |index| match choice >> index & 1 {
                0 => Side::One,
                _ => Side::Two,
            };
            let parts = parts.iter().enumerate();
            let shares = parts.map(|(index, part)| (part.clone(), Share::Of(side(index))));
            Self(shares.collect())
        };
        (0..1_u32 << parts.len()).map(of).collect()
    }

    /// Whose request it is, when all of it is one tenant's.
    pub(super) fn owner(&self) -> Option<Side> {
        let is_whole = self
            .0
            .iter()
            .all(|(_, share)| matches!(share, Share::Of(_)));
        self.rest().filter(|_| is_whole)
    }

    /// Whose those parts are that are neither absent nor there twice, when they are all one tenant's.
    pub(super) fn rest(&self) -> Option<Side> {
        let mut sides = self.0.iter().filter_map(|(_, share)| match share {
            Share::Of(side) => Some(*side),
            Share::Absent | Share::Both(_) => None,
        });
        let first = sides.next()?;
        sides.all(|side| side == first).then_some(first)
    }

    /// The tenant that may be served though a header is there twice, for who chooses this one's has a request
    /// of this one's. A host is not chosen (RFC 9112, section 3.2).
    pub(super) fn choosable(&self) -> Option<Side> {
        let is_chosen =
            |(part, share): &(Part, Share)| matches!(share, Share::Both(_)) && !part.is_host();
        self.rest().filter(|_| self.0.iter().any(is_chosen))
    }

    /// Whose host it is sent to, when it is sent to one.
    pub(super) fn host(&self) -> Option<Side> {
        let host = self.0.iter().find(|(part, _)| part.is_host());
        match host?.1 {
            Share::Of(side) => Some(side),
            Share::Absent | Share::Both(_) => None,
        }
    }

    /// The values of another than this tenant, of parts in this place.
    pub(super) fn others(&self, place: &Place, than: Option<Side>) -> impl Iterator<Item = &str> {
        let parts = self.0.iter().filter(move |(part, _)| part.place == *place);
        parts.flat_map(move |(part, _)| {
            let sides = Side::BOTH.into_iter();
            sides
                .filter(move |side| Some(*side) != than)
                .map(|side| &*part.of[side as usize])
        })
    }

    pub(super) fn shares(&self) -> impl Iterator<Item = (&str, Share)> {
        self.0.iter().map(|(part, share)| (&*part.name, *share))
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
                .map(|mixture| format!("{:?}", mixture.shares().collect::<Vec<_>>()))
                .collect();
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), mixed.len());
        }
        let owners: Vec<_> = Mixture::pure(&parts(3))
            .iter()
            .map(Mixture::owner)
            .collect();
        assert_eq!(owners, Side::BOTH.map(Some));
    }

    #[test]
    fn each_header_is_absent_and_there_twice_beside_all_others() {
        let both = || ["a".to_owned(), "b".to_owned()];
        let header = |name: &str| Place::Header(name.parse().unwrap());
        let parts = [
            Part::new("host".into(), Place::Host, both()),
            Part::new("cookie".into(), header("cookie"), both()),
            Part::new("id".into(), Place::Value, both()),
        ];
        let incomplete = Mixture::incomplete(&parts);
        // Of two headers, in three ways, beside four mixtures of the other two parts.
        assert_eq!(incomplete.len(), 2 * 3 * 4);
        assert!(incomplete.iter().all(|mixture| mixture.owner().is_none()));
        // Those beside which all is one tenant's, in two orders: not the host.
        let choosable: Vec<_> = incomplete.iter().filter_map(Mixture::choosable).collect();
        assert_eq!(choosable, [Side::One, Side::Two, Side::One, Side::Two]);
        let template = Template::new(Method::GET, "/{id}".into(), String::new());
        let sent = |mixture: &Mixture, name: &str| {
            let request = template.request(mixture, &[]);
            let sent = request.headers().get_all(name).iter();
            sent.map(|value| value.to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let [without, one_first, two_first] = [0, 4, 8].map(|index| &incomplete[index]);
        assert_eq!(sent(without, "host"), [""; 0]);
        assert_eq!(without.host(), None);
        assert_eq!(sent(one_first, "host"), ["a", "b"]);
        assert_eq!(sent(two_first, "host"), ["b", "a"]);
        assert_eq!(sent(two_first, "cookie"), ["a"]);
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
