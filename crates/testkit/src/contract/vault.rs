//! Contract suite of [`Vault`].

use hookline_domain::store::connections::Vault;

use crate::builders::store;

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! vault_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            vault,
            $start,
            [
                sealed_secret_opens,
                sealed_secret_is_not_readable,
                secret_opens_only_for_its_store,
                unsealed_bytes_do_not_open,
            ]
        );
    };
}

const OPEN: &[u8] = br#"{"kind":"custom","access":"shpat_of_the_demo_store"}"#;

pub async fn sealed_secret_opens(vault: &impl Vault) {
    for open in [OPEN.to_vec(), vec![0], vec![0xFF; 4096]] {
        let sealed = vault.seal(&store("demo"), &open).await.unwrap();
        assert_eq!(vault.open(&store("demo"), &sealed).await.unwrap(), open);
    }
}

pub async fn sealed_secret_is_not_readable(vault: &impl Vault) {
    let sealed = vault.seal(&store("demo"), OPEN).await.unwrap();
    let shows = sealed
        .windows(16)
        .any(|seen| OPEN.windows(16).any(|hidden| seen == hidden));
    assert!(!shows);
}

pub async fn secret_opens_only_for_its_store(vault: &impl Vault) {
    let sealed = vault.seal(&store("demo"), OPEN).await.unwrap();
    vault.open(&store("other"), &sealed).await.unwrap_err();
}

pub async fn unsealed_bytes_do_not_open(vault: &impl Vault) {
    vault.open(&store("demo"), OPEN).await.unwrap_err();
    vault.open(&store("demo"), &[]).await.unwrap_err();
}
