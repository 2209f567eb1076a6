//! The elements of a JSON array that comes in pieces, each bounded in size.

/// Parts an array into its elements while it comes. An element that is longer than the bound is passed over, and takes no memory.
#[derive(Debug)]
pub(super) struct Elements {
    limit: usize,
    element: Vec<u8>,
    too_long: bool,
    depth: u32,
    in_string: bool,
    escaped: bool,
    complete: bool,
}

impl Elements {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            element: Vec::new(),
            too_long: false,
            depth: 0,
            in_string: false,
            escaped: false,
            complete: false,
        }
    }

    /// Whether the end of the array has come.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes the next piece and gives each element that ends in it, or none for one that was too long.
    pub(super) fn feed(&mut self, piece: &[u8], each: &mut dyn FnMut(Option<&[u8]>)) {
        for byte in piece {
            self.take(*byte, each);
        }
    }

    fn take(&mut self, byte: u8, each: &mut dyn FnMut(Option<&[u8]>)) {
        if self.complete {
            return;
        }
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            self.keep(byte);
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => {
                self.depth += 1;
                if self.depth == 1 {
                    return;
                }
            }
            b']' | b'}' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 {
                    self.end(each);
                    self.complete = true;
                    return;
                }
            }
            b',' if self.depth == 1 => {
                self.end(each);
                return;
            }
            _ => {}
        }
        self.keep(byte);
    }

    fn keep(&mut self, byte: u8) {
        if self.too_long {
            return;
        }
        if self.element.len() >= self.limit {
            self.too_long = true;
            self.element = Vec::new();
            return;
        }
        self.element.push(byte);
    }

    fn end(&mut self, each: &mut dyn FnMut(Option<&[u8]>)) {
        if self.too_long {
            each(None);
        } else if !self.element.iter().all(u8::is_ascii_whitespace) {
            each(Some(&self.element));
        }
        self.element.clear();
        self.too_long = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(pieces: &[&[u8]], limit: usize) -> (Vec<Option<String>>, bool) {
        let mut elements = Elements::new(limit);
        let mut found = Vec::new();
        for piece in pieces {
            elements.feed(piece, &mut |element| {
                found.push(element.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
            });
        }
        (found, elements.is_complete())
    }

    #[test]
    fn elements_end_where_they_end() {
        let (found, complete) = parts(&[b"[{\"a\":\"],\\\"\"", b"},[1,2] ,3", b"]\n"], 64);
        let expected = [r#"{"a":"],\""}"#, "[1,2] ", "3"].map(|text| Some(text.to_owned()));
        assert_eq!((found.as_slice(), complete), (&expected[..], true));
        assert_eq!(parts(&[b"[ ]"], 64), (Vec::new(), true));
    }

    #[test]
    fn what_is_too_long_is_passed_over() {
        let (found, complete) = parts(&[b"[1,\"", &[b'x'; 4096], b"\",2"], 16);
        assert_eq!((found, complete), (vec![Some("1".to_owned()), None], false));
    }

    proptest! {
        #[test]
        fn any_array_is_parted_as_serde_parts_it(
            items in proptest::collection::vec("\\PC{0,12}", 0..6),
            cut in 0_usize..64,
        ) {
            let text = serde_json::to_vec(&items).unwrap();
            let (head, tail) = text.split_at(cut.min(text.len()));
            let (found, complete) = parts(&[head, tail], 4096);
            let back: Vec<String> = found.into_iter().map(|item| serde_json::from_str(&item.unwrap()).unwrap()).collect();
            prop_assert_eq!(back, items);
            prop_assert!(complete);
        }

        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            parts(&[&bytes], 8);
        }
    }
}
