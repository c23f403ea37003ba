//! Configurations of the API's functions.

mod api;
mod live;
mod panel;

pub use self::{
    api::{ActionsConfig, AuthorizerConfig, EndpointTables, EndpointsConfig, SearchConfig, StatusConfig},
    live::{LiveConnectConfig, LiveDisconnectConfig, LivePushConfig},
    panel::PanelConfig,
};

#[cfg(test)]
mod tests {
    use hookline_lambda::{Environment, FromEnvironment};

    use super::*;

    #[test]
    fn every_missing_variable_is_named() {
        let environment = Environment::from([("LEDGER_TABEL", "x"), ("EVENT_QUEUE_URL", " ")]);
        let error = SearchConfig::read(&environment).unwrap_err().to_string();
        assert!(
            error.contains("OPENSEARCH_URL") && error.contains("STORES_TABLE"),
            "{error}"
        );
        assert!(StatusConfig::read(&environment).is_err());
    }

    #[test]
    fn authorizer_accepts_sessions_only_with_an_app_and_its_secret() {
        let table = ("ACCESS_TABLE", "access");
        let none = AuthorizerConfig::read(&Environment::from([table, ("SHOPIFY_CLIENT_SECRETS", "hush")]));
        assert_eq!(none.unwrap().app, None);
        let app = [table, ("SHOPIFY_CLIENT_ID", "app")];
        let error = AuthorizerConfig::read(&Environment::from(app)).unwrap_err().to_string();
        assert!(error.contains("SHOPIFY_CLIENT_SECRETS_ARN"), "{error}");
        assert!(AuthorizerConfig::read(&Environment::default()).is_err());
    }

    #[test]
    fn replicas_must_be_a_number_if_set() {
        let replicas = |text| {
            let environment = Environment::from([
                ("STORES_TABLE", "stores"),
                ("OPENSEARCH_URL", "http://index"),
                ("OPENSEARCH_INDEX", "hookline"),
                ("OPENSEARCH_REPLICAS", text),
            ]);
            SearchConfig::read(&environment).map(|config| config.index.replicas)
        };
        assert_eq!((replicas(""), replicas("2")), (Ok(None), Ok(Some(2))));
        assert_eq!(
            replicas("-1").unwrap_err().to_string(),
            "OPENSEARCH_REPLICAS is not a whole number"
        );
    }
}
