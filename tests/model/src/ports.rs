//! Ports of the use cases: all are the script except the catalogue.

use hookline_domain::{catalogue::apply::IndexPorts, consumer::ConsumerPorts, sync::refetch::CataloguePorts};

use crate::{reconciler::CatalogReads, script::Script};

pub(crate) enum ScriptedPorts {}

impl IndexPorts for ScriptedPorts {
    type Entities = Script;
    type Stores = Script;
    type Index = Script;
    type FanOut = Script;
    type Clock = Script;
}

impl ConsumerPorts for ScriptedPorts {
    type Ledger = Script;
    type Jobs = Script;
    type Compliance = Script;
}

impl CataloguePorts for ScriptedPorts {
    type Catalogue = CatalogReads;
}
