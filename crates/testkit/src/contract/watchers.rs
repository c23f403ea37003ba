//! Contract suite of [`Watchers`].

use hookline_domain::{
    access::{Principal, Reach, Role},
    live::{Watcher, Watchers},
};

use super::at_once;
use crate::builders::{at, noon_plus, store};

/// Makes a test of each check; see [`contract`](crate::contract).
#[macro_export]
macro_rules! watchers_contract {
    ($start:expr) => {
        $crate::contract_tests!(
            watchers,
            $start,
            [
                watcher_reads_back,
                watcher_of_a_store_or_the_list_is_found_once,
                watcher_of_a_store_itself_is_found_without_those_of_the_list,
                watcher_that_changes_its_store_is_found_only_there,
                only_the_connections_of_a_principal_are_found,
                removed_watcher_is_found_nowhere,
                outdated_or_removed_watcher_is_not_changed,
                one_of_two_concurrent_changes_stands,
                thousand_watchers_are_found,
            ]
        );
    };
}

fn watcher(connection: &str) -> Watcher {
    Watcher {
        connection: connection.to_owned(),
        principal: Principal {
            id: "tok_1".to_owned(),
            role: Role::Viewer,
            reach: Reach::Stores([store("demo"), store("other")].into()),
            expires_at: at("2026-11-21T13:00:00.123456789Z"),
        },
        store: None,
        list: false,
        events: false,
        until: noon_plus(9_000),
    }
}

fn follows(connection: &str, name: &str) -> Watcher {
    Watcher {
        store: Some(store(name)),
        ..watcher(connection)
    }
}

fn list(connection: &str) -> Watcher {
    Watcher {
        list: true,
        ..watcher(connection)
    }
}

async fn of(watchers: &impl Watchers, names: &[&str]) -> Vec<String> {
    let stores: Vec<_> = names.iter().map(|name| store(name)).collect();
    let found = watchers.of_stores(&stores).await.unwrap();
    let mut found: Vec<String> = found.into_iter().map(|found| found.connection).collect();
    found.sort();
    found
}

pub async fn watcher_reads_back(watchers: &impl Watchers) {
    assert_eq!(watchers.find("a=").await.unwrap(), None);
    let all = Watcher {
        list: true,
        events: true,
        principal: Principal {
            id: "shopify:demo.myshopify.com:42".to_owned(),
            role: Role::Admin,
            reach: Reach::All,
            ..watcher("").principal
        },
        ..follows("b=", "demo")
    };
    for known in [watcher("a="), all] {
        watchers.add(&known).await.unwrap();
        assert_eq!(watchers.find(&known.connection).await.unwrap(), Some(known));
    }
}

pub async fn watcher_of_a_store_or_the_list_is_found_once(watchers: &impl Watchers) {
    let both = Watcher {
        list: true,
        ..follows("both", "demo")
    };
    for known in [
        watcher("none"),
        follows("demo", "demo"),
        follows("other", "other"),
        list("list"),
        both,
    ] {
        watchers.add(&known).await.unwrap();
    }
    assert_eq!(of(watchers, &["demo"]).await, ["both", "demo", "list"]);
    assert_eq!(
        of(watchers, &["demo", "other"]).await,
        ["both", "demo", "list", "other"]
    );
    assert_eq!(of(watchers, &["third"]).await, ["both", "list"]);
}

pub async fn watcher_of_a_store_itself_is_found_without_those_of_the_list(watchers: &impl Watchers) {
    let hears = Watcher {
        events: true,
        ..follows("hears", "demo")
    };
    for known in [hears.clone(), list("list"), follows("other", "other")] {
        watchers.add(&known).await.unwrap();
    }
    assert_eq!(watchers.of_store(&store("demo")).await.unwrap(), [hears]);
    assert_eq!(watchers.of_store(&store("third")).await.unwrap(), []);
}

pub async fn watcher_that_changes_its_store_is_found_only_there(watchers: &impl Watchers) {
    let steps = [
        watcher("a"),
        follows("a", "demo"),
        follows("a", "other"),
        list("a"),
        watcher("a"),
    ];
    watchers.add(&steps[0]).await.unwrap();
    for (two, [demo, other]) in steps
        .windows(2)
        .zip([[true, false], [false, true], [true, true], [false, false]])
    {
        assert!(watchers.change(&two[0], &two[1]).await.unwrap());
        assert_eq!(watchers.find("a").await.unwrap().as_ref(), Some(&two[1]));
        assert_eq!(of(watchers, &["demo"]).await.len(), usize::from(demo));
        assert_eq!(of(watchers, &["other"]).await.len(), usize::from(other));
    }
}

pub async fn only_the_connections_of_a_principal_are_found(watchers: &impl Watchers) {
    let mut another = list("c");
    "tok_12".clone_into(&mut another.principal.id);
    for known in [follows("a", "demo"), watcher("b"), another] {
        watchers.add(&known).await.unwrap();
    }
    let mut found = watchers.of_principal("tok_1").await.unwrap();
    found.sort_by(|a, b| a.connection.cmp(&b.connection));
    assert_eq!(found, [follows("a", "demo"), watcher("b")]);
    assert_eq!(watchers.of_principal("tok_").await.unwrap(), []);
}

pub async fn removed_watcher_is_found_nowhere(watchers: &impl Watchers) {
    let both = Watcher {
        list: true,
        ..follows("a", "demo")
    };
    watchers.add(&both).await.unwrap();
    watchers.add(&follows("b", "demo")).await.unwrap();
    for _ in 0..2 {
        watchers.remove("a").await.unwrap();
        assert_eq!(watchers.find("a").await.unwrap(), None);
        assert_eq!(of(watchers, &["demo"]).await, ["b"]);
        assert_eq!(watchers.of_principal("tok_1").await.unwrap(), [follows("b", "demo")]);
    }
}

pub async fn outdated_or_removed_watcher_is_not_changed(watchers: &impl Watchers) {
    watchers.add(&watcher("a")).await.unwrap();
    assert!(!watchers.change(&follows("a", "demo"), &list("a")).await.unwrap());
    assert_eq!(watchers.find("a").await.unwrap(), Some(watcher("a")));
    watchers.remove("a").await.unwrap();
    assert!(!watchers.change(&watcher("a"), &follows("a", "demo")).await.unwrap());
    assert_eq!(watchers.find("a").await.unwrap(), None);
    assert_eq!(of(watchers, &["demo"]).await, Vec::<String>::new());
}

pub async fn one_of_two_concurrent_changes_stands<W: Watchers + Clone + 'static>(watchers: &W) {
    watchers.add(&watcher("a")).await.unwrap();
    let changes = ["demo", "other"].map(|name| {
        let watchers = watchers.clone();
        async move { watchers.change(&watcher("a"), &follows("a", name)).await.unwrap() }
    });
    let mut stood = at_once(changes.into()).await;
    stood.sort_unstable();
    assert_eq!(stood, [false, true]);
    assert_eq!(of(watchers, &["demo", "other"]).await, ["a"]);
    let demo = of(watchers, &["demo"]).await.len();
    assert_eq!(demo + of(watchers, &["other"]).await.len(), 1);
}

pub async fn thousand_watchers_are_found(watchers: &impl Watchers) {
    for number in 0..1000 {
        watchers
            .add(&follows(&format!("connection-{number:04}"), "demo"))
            .await
            .unwrap();
    }
    let found = of(watchers, &["demo"]).await;
    assert_eq!((found.len(), found[999].as_str()), (1000, "connection-0999"));
}
