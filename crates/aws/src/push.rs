//! [`Push`] through API Gateway: one request per message.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-how-to-call-websocket-api-connections.html>

use aws_config::SdkConfig;
use aws_sdk_apigatewaymanagement::{
    Client,
    config::Builder,
    operation::{delete_connection::DeleteConnectionError, post_to_connection::PostToConnectionError},
    primitives::Blob,
};
use hookline_domain::{
    kernel::port::PortError,
    live::{Push, Pushed},
};

use crate::failure;

const PORT: &str = "push";

/// [`Push`] to the connections of one stage of one WebSocket API.
#[derive(Debug, Clone)]
pub struct ApiGatewayPush {
    client: Client,
}

impl ApiGatewayPush {
    pub(crate) fn new(config: &SdkConfig, endpoint: &str) -> Self {
        let config = Builder::from(config).endpoint_url(endpoint).build();
        Self {
            client: Client::from_conf(config),
        }
    }
}

impl Push for ApiGatewayPush {
    async fn push(&self, connection: &str, text: &str) -> Result<Pushed, PortError> {
        let sent = self
            .client
            .post_to_connection()
            .connection_id(connection)
            .data(Blob::new(text))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Pushed::Sent),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PostToConnectionError::is_gone_exception) =>
            {
                Ok(Pushed::Gone)
            }
            Err(error) => Err(failure::of_call(PORT, error)),
        }
    }

    async fn close(&self, connection: &str) -> Result<(), PortError> {
        match self.client.delete_connection().connection_id(connection).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(DeleteConnectionError::is_gone_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(failure::of_call(PORT, error)),
        }
    }
}
