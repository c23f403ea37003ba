use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const UNINSTALLED: &str = "2026-11-14T12:00:00.5Z";

fn state(signed: &str) -> Version {
    Version::new(at(signed), at(signed)).unwrap()
}

fn uninstalled() -> StoreRecord {
    StoreRecord::default().uninstalled(at(UNINSTALLED)).unwrap()
}

#[test]
fn next_install_begins_only_with_a_state_signed_after_the_uninstall() {
    let [before, same_second, after, next_day] = [
        "2026-11-14T11:59:59Z",
        "2026-11-14T12:00:00Z",
        "2026-11-14T12:00:01Z",
        "2026-11-15T12:00:00Z",
    ];
    let floor = Version::floor(at(UNINSTALLED));
    assert_eq!(
        StoreRecord::default().install_of(state(before), at(before)),
        InstallPeriod::Current(state(before))
    );
    for observed in [before, next_day] {
        assert_eq!(
            uninstalled().install_of(state(before), at(observed)),
            InstallPeriod::Past(floor)
        );
        assert_eq!(
            uninstalled().install_of(state(same_second), at(observed)),
            InstallPeriod::Past(floor)
        );
        assert_eq!(
            uninstalled().install_of(state(after), at(observed)),
            InstallPeriod::Next
        );
    }

    let reinstalled = uninstalled().reinstalled(at(UNINSTALLED)).unwrap();
    assert!(reinstalled.enabled && reinstalled.epoch == 2);
    assert_eq!(
        reinstalled.install_of(state(after), at(after)),
        InstallPeriod::Current(state(after))
    );
    assert_eq!(
        reinstalled.install_of(state(before), at(UNINSTALLED)),
        InstallPeriod::Past(floor)
    );
    // Not changed since, but observed in the new install.
    assert_eq!(
        reinstalled.install_of(state(before), at(next_day)),
        InstallPeriod::Current(Version::above_floor(at(UNINSTALLED), at(next_day)))
    );
}

#[test]
fn uninstall_ends_older_states_once() {
    let reinstalled = uninstalled().reinstalled(at(UNINSTALLED)).unwrap();
    for record in [uninstalled(), reinstalled] {
        assert_eq!(record.uninstall(at(UNINSTALLED)), Uninstall::Again);
        assert_eq!(record.uninstalled(at(UNINSTALLED)), None);
        assert_eq!(record.uninstall(at("2026-11-14T12:00:00Z")), Uninstall::Earlier);
        assert_eq!(record.uninstall(at("2026-12-01T00:00:00Z")), Uninstall::Ends);
    }
}

#[test]
fn uninstall_is_followed_by_one_install() {
    let reinstalled = uninstalled().reinstalled(at(UNINSTALLED)).unwrap();
    assert_eq!(reinstalled.reinstalled(at(UNINSTALLED)), None);
    assert_eq!(uninstalled().reinstalled(at("2026-11-14T12:00:00Z")), None);
    assert_eq!(StoreRecord::default().reinstalled(at(UNINSTALLED)), None);
}

#[test]
fn erased_store_keeps_only_its_install_and_the_time() {
    let before = StoreRecord {
        last_event_at: Some(at(UNINSTALLED)),
        connected: true,
        currency: Some("EUR".into()),
        door: [((Hour::of(at(UNINSTALLED)), Counter::Duplicate), 1)].into(),
        ..uninstalled()
    };
    let later = at("2026-11-16T12:00:00Z");
    let remaining = before.redacted(at(UNINSTALLED), later).unwrap();
    assert_eq!(
        remaining,
        StoreRecord {
            redacted_at: Some(later),
            ..uninstalled()
        }
    );
    assert_eq!(before.redacted(later, later), None);
    assert_eq!(
        before
            .reinstalled(at(UNINSTALLED))
            .unwrap()
            .redacted(at(UNINSTALLED), later),
        None
    );
}

#[test]
fn counts_older_than_a_day_are_dropped() {
    let now = at("2026-11-21T03:10:00Z");
    let old = (Hour::of(now).back(26), Counter::Duplicate);
    let kept = (Hour::of(now).back(24), Counter::Duplicate);
    let record = StoreRecord {
        door: [(old.clone(), 1), (kept, 1)].into(),
        ..StoreRecord::default()
    };
    let mut update = StoreUpdate::default();
    update.count(at("2026-11-19T00:00:00Z"), Counter::Discarded);
    update.outdate(&record, now);
    assert_eq!(update.outdated, vec![old]);
    assert!(update.counts.is_empty());
}
