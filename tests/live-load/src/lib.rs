//! Load test of the live feed: many connections that follow stores, many changes per second. Nothing may be lost; the
//! report gives the latencies.
//!
//! ```text
//!   DynamoStores.record ──▶ dynoxide (DynamoDB over HTTP)          real status writes at a rate
//!        │ the item before and after, as a stream's record
//!        ▼
//!   stream::tell: decoding, Tell, DynamoActivity, DynamoWatchers, ApiGatewayPush        the code of live-push
//!        │ POST /@connections/<connection>
//!        ▼
//!   a stub of API Gateway: reads every frame as a browser would, and counts
//! ```
//!
//! `Follow`, the code of live-connect, makes the connections. Not included: Lambda's polling of the stream (four times
//! a second), and the network.

pub mod gateway;
pub mod load;

pub use self::load::{Load, Report};
