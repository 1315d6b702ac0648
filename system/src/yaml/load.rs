//! Builds nodes from the events of the parser.

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::{MAX_DEPTH, Node, YamlError};

/// Reads the first document of a text.
pub(super) fn first_document(text: &str) -> Result<Rc<Node>, YamlError> {
    let mut open = Open::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| YamlError::Grammar {
            line: error.marker().line(),
            problem: error.info().to_owned(),
        })?;
        let line = span.start.line();
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let is_plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                open.put(anchor, Node::Scalar { text, is_plain }, 0);
            }
            Event::SequenceStart(anchor, _) => open.begin(anchor, false, line)?,
            Event::MappingStart(anchor, _) => open.begin(anchor, true, line)?,
            Event::SequenceEnd | Event::MappingEnd => open.end(),
            Event::Alias(anchor) => open.alias(anchor, line)?,
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
    }
    Ok(open.done.unwrap_or_else(|| {
        Rc::new(Node::Scalar {
            text: String::new(),
            is_plain: true,
        })
    }))
}

/// A node and its depth.
#[derive(Clone)]
struct Leveled {
    node: Rc<Node>,
    levels: usize,
}

/// A sequence or a mapping that is not complete yet.
struct Collection {
    anchor: usize,
    is_mapping: bool,
    /// The items; in a mapping, keys and values alternate.
    items: Vec<Rc<Node>>,
    /// The depth of the deepest item.
    levels: usize,
}

impl Collection {
    fn into_node(self) -> Node {
        if !self.is_mapping {
            return Node::Sequence(self.items);
        }
        let mut items = self.items.into_iter();
        let mut entries = Vec::new();
        while let (Some(key), Some(value)) = (items.next(), items.next()) {
            entries.push((key, value));
        }
        Node::Mapping(entries)
    }
}

#[derive(Default)]
struct Open {
    collections: Vec<Collection>,
    /// The nodes with anchors. The parser numbers anchors from 1; 0 means none.
    anchors: HashMap<usize, Leveled>,
    done: Option<Rc<Node>>,
}

impl Open {
    fn begin(&mut self, anchor: usize, is_mapping: bool, line: usize) -> Result<(), YamlError> {
        self.check(1, line)?;
        self.collections.push(Collection {
            anchor,
            is_mapping,
            items: Vec::new(),
            levels: 0,
        });
        Ok(())
    }

    fn end(&mut self) {
        if let Some(collection) = self.collections.pop() {
            let (anchor, levels) = (collection.anchor, collection.levels + 1);
            self.put(anchor, collection.into_node(), levels);
        }
    }

    fn put(&mut self, anchor: usize, node: Node, levels: usize) {
        let node = Rc::new(node);
        let node = Leveled { node, levels };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node);
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), YamlError> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(YamlError::Grammar {
                line,
                problem: "an alias refers to its own parent node".to_owned(),
            });
        };
        self.check(node.levels, line)?;
        self.place(node);
        Ok(())
    }

    fn place(&mut self, Leveled { node, levels }: Leveled) {
        match self.collections.last_mut() {
            Some(collection) => {
                collection.items.push(node);
                collection.levels = collection.levels.max(levels);
            }
            None => self.done = Some(node),
        }
    }

    /// Checks the depth. Aliases count, because dropping a node recurses through all its levels.
    fn check(&self, levels: usize, line: usize) -> Result<(), YamlError> {
        if self.collections.len() + levels > MAX_DEPTH {
            return Err(YamlError::TooDeep(line));
        }
        Ok(())
    }
}
