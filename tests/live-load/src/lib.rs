//! Many connections that follow stores, many changes a second: is anything lost, and how long does it take?
//!
//! ```text
//!   DynamoStores.record ──▶ dynoxide (DynamoDB over HTTP)          real status writes, so many a second
//!        │ the item before and after, as a stream's record
//!        ▼
//!   stream::tell: decoding, Tell, DynamoActivity, DynamoWatchers, ApiGatewayPush        the code of live-push
//!        │ POST /@connections/<connection>
//!        ▼
//!   a stub of API Gateway: reads every frame as a browser would, and counts
//! ```
//!
//! Connections are made by `Follow`, the code of live-connect. What is not here: Lambda's polling of the stream (four times
//! a second), and the network.

pub mod gateway;
pub mod load;

pub use self::load::{Load, Report};
