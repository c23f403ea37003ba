use proptest::prelude::*;

use super::*;
use crate::{
    catalogue::{
        document::Document,
        index::{Index, IndexChange, Search, SearchQuery},
    },
    event::product::Collection,
    kernel::{
        ids::{EntityId, EntityKey, Kind},
        version::Version,
    },
    memory::MemoryIndex,
};

#[test]
fn texts_that_look_alike_have_one_form() {
    for (text, form) in [
        ("E\u{301}charpe", "Écharpe"),
        ("\u{212b}ngstro\u{308}m", "Ångström"),
        ("ＡＢＣ－１２３", "ABC-123"),
        ("ﬁnest ﬂannel", "finest flannel"),
        ("ｶﾀｶﾅ", "カタカナ"),
        ("DJM\u{2011}V10", "DJM-V10"),
        ("DJM\u{ad}V10 \u{feff}soft\u{200b}ware\u{2060}", "DJMV10 software"),
        ("\u{202e}evil\u{202c} \u{2066}x\u{2069}", "evil x"),
        ("a\u{e0041}\u{e0042}b\u{fe0f}\u{e0100}", "ab"),
        ("10\u{a0}cm\u{3000}wide\u{2009}", "10 cm wide"),
        ("O´Neill", "O'Neill"),
        ("e\u{34f}\u{301}", "é"),
        ("Ｍａｄｅ　ｉｎ", "Made in"),
    ] {
        assert_eq!(normalize(text), form, "{text:?}");
    }
}

#[test]
fn numbers_keep_their_value() {
    for (text, form) in [
        ("1½ cups", "1 1/2 cups"),
        ("½-inch", "1/2-inch"),
        ("10² m² 10⁻³", "10^2 m2 10^\u{2212}3"),
        ("H₂O", "H2O"),
        ("№5", "No 5"),
        ("Gore-Tex™ x", "Gore-Tex TM x"),
        ("5㎏ ②5", "5 kg 2 5"),
        ("１２３", "123"),
        ("ⅩⅠ", "XI"),
        ("20℃", "20 °C"),
    ] {
        assert_eq!(normalize(text), form, "{text:?}");
    }
}

#[test]
fn joiners_stay_where_they_affect_spelling() {
    for same in [
        "می\u{200c}خواهم",
        "ක්\u{200d}ෂ",
        "👩🏽\u{200d}🚀",
        "น้ำ",
        "ນ້ຳ",
        "กาแฟ\u{200b}คั่ว",
        "ㅋㅋㅋ",
        "Größe Łódź Ørsted 鉄瓶 הקפה",
    ] {
        assert_eq!(normalize(same), same, "{same:?}");
    }
    assert_eq!(normalize("สนํา"), "สนำ");
    assert_eq!(
        normalize("la\u{200d}mp la\u{200c}mp \u{200d}می\u{200c} x"),
        "lamp lamp می x"
    );
    assert_eq!(normalize("می\u{200c}\u{200c}\u{ad}خواهم"), "می\u{200c}خواهم");
}

#[test]
fn white_space_collapses_and_line_breaks_stay() {
    assert_eq!(normalize(" a \t b\r\nc\n \n\n d\u{0} "), "a b\nc\n\nd");
    assert_eq!(normalize_line(" a \n\n b\u{2028}c "), "a b c");
    assert_eq!(cut("aé".to_owned(), 2), "a");
}

/// Strings that mix scripts, signs and invisible characters.
fn texts() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "\\PC{0,4}",
        "[a-z0-9 ½²™①№ﬁ１Ⅳ\u{301}\u{308}\u{e4d}\u{e32}\u{e33}\u{e49}]{0,4}",
        "[\u{ad}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{206f}\u{feff}\u{fe0f}\u{34f}\u{0}\n\u{2028}]{0,3}",
        "\\p{Arabic}{0,4}",
        "\\p{Devanagari}{0,4}",
        "\\p{Sinhala}{0,4}",
        "\\p{Thai}{0,4}",
        "\\p{Khmer}{0,4}",
        "\\p{Hangul}{0,4}",
        "\\p{Han}{0,4}",
        "\\p{Katakana}{0,4}",
        "\\p{Greek}{0,4}",
        "\\p{Hebrew}{0,4}",
        "\\p{Emoji}{0,4}",
        ".{0,4}",
    ];
    proptest::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat())
}

async fn finds(title: &str, typed: &str) -> bool {
    let index = MemoryIndex::default();
    let entity = EntityKey {
        store: "shopify#demo.myshopify.com".parse().unwrap(),
        kind: Kind::Collection,
        id: EntityId::new("1").unwrap(),
    };
    let collection = Collection {
        id: entity.id.clone(),
        updated_at: jiff::Timestamp::UNIX_EPOCH,
        created_at: None,
        visible: true,
        title: title.to_owned(),
        description: String::new(),
        image: None,
        handle: None,
    };
    let document = Box::new(Document::of_collection(
        &entity,
        collection,
        jiff::Timestamp::UNIX_EPOCH,
    ));
    let (store, version) = (entity.store.clone(), Version::FINAL);
    index
        .apply(&[IndexChange::Put {
            entity,
            version,
            document,
        }])
        .await
        .unwrap();
    let query = SearchQuery {
        store,
        observed_after: None,
        words: Words::new(typed),
        limit: 1,
    };
    index.search(&query).await.unwrap().total == 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn normalization_is_idempotent(text in texts()) {
        let once = normalize(&text);
        prop_assert_eq!(normalize(&once), once.as_str());
        let line = normalize_line(&text);
        prop_assert_eq!(normalize_line(&line), line.as_str());
        prop_assert!(!line.contains('\n'));
    }

    #[test]
    fn canonically_equivalent_texts_have_one_form(text in texts()) {
        let composed = ComposingNormalizer::new_nfc().normalize(&text).into_owned();
        let decomposed = icu_normalizer::DecomposingNormalizer::new_nfd().normalize(&text).into_owned();
        prop_assert_eq!(normalize(&composed), normalize(&text));
        prop_assert_eq!(normalize(&decomposed), normalize(&text));
    }

    #[test]
    fn words_are_bounded_and_parse_to_themselves(text in texts()) {
        let words = Words::new(&text);
        prop_assert!(words.iter().count() <= Words::MOST);
        prop_assert!(words.iter().all(|word| word.chars().count() <= Words::LONGEST));
        prop_assert_eq!(Words::new(&words.text()).text(), words.text());
    }

    #[test]
    fn cut_text_is_within_its_limit(text in texts(), limit in 0_usize..64) {
        prop_assert!(cut(normalize(&text), limit).len() <= limit);
    }

    #[test]
    fn indexed_word_is_found_by_every_spelling(
        word in "[\\p{Latin}\\p{Greek}\\p{Cyrillic}\\p{Han}\\p{Arabic}\\p{Devanagari}]{1,8}",
        hidden in "[\u{ad}\u{feff}\u{2060}\u{200e}]{0,3}",
    ) {
        let Some(first) = word.chars().next() else { return Ok(()) };
        let with_hidden = format!("{first}{hidden}{}", &word[first.len_utf8()..]);
        let decomposed = icu_normalizer::DecomposingNormalizer::new_nfd().normalize(&word).into_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                // A mark without a letter is not a word.
        let is_letter = |c: char| c.is_alphanumeric() && !('\u{300}'..='\u{36f}').contains(&c);
        if normalize(&word).chars().any(is_letter) {
            for (title, typed) in [(&word, &word), (&with_hidden, &word), (&word, &with_hidden), (&decomposed, &word), (&word, &decomposed)] {
                prop_assert!(runtime.block_on(finds(title, typed)), "{typed:?} does not find {title:?}");
            }
        }
    }
}
