//! The forms that wallets post.

use super::*;

fn read(form: &str) -> Result<ResponseBody, Oid4vpError> {
    ResponseBody::from_form(form.as_bytes())
}

#[test]
fn an_answer_of_our_format_reads_back_from_its_form() {
    let answer = AuthorizationResponse::of(&response());
    let form = answer.to_form(&ResponseMode::DirectPost, &mut rng()).unwrap();
    assert!(form.starts_with("vp_token=%7B%22licence%22%3A%5B%22"));
    assert!(form.ends_with("&state=r-1"));
    let ResponseBody::Answer(read) = read(&form).unwrap() else { unreachable!() };
    assert_eq!(read, answer);
    assert_eq!(read.presentation_response().unwrap(), response());
}

#[test]
fn presentations_may_be_written_as_json() {
    let presentation = serde_json::to_value(&response().presentations[&id("licence")]).unwrap();
    let vp_token = [(id("licence"), vec![presentation])].into();
    let answer = AuthorizationResponse { state: id("r-1"), vp_token };
    let form = answer.to_form(&ResponseMode::DirectPost, &mut rng()).unwrap();
    let ResponseBody::Answer(read) = read(&form).unwrap() else { unreachable!() };
    assert_eq!(read.presentation_response().unwrap(), response());
}

#[test]
fn an_encrypted_answer_reads_back_under_its_key() {
    let secret = EncryptionSecret::random(&mut rng());
    let mode = ResponseMode::encrypted(secret.public());
    let answer = AuthorizationResponse::of(&response());
    let form = answer.to_form(&mode, &mut rng()).unwrap();
    assert!(!form.contains("licence") && !form.contains("r-1"));
    let ResponseBody::Encrypted(jwe) = read(&form).unwrap() else { unreachable!() };
    assert_eq!(ResponseBody::decrypt(&jwe, &secret).unwrap(), ResponseBody::Answer(answer));
}

#[test]
fn a_wallets_refusal_reads_back() {
    let refusal = ErrorResponse { error: ErrorCode::AccessDenied, state: Some(id("r-1")) };
    assert_eq!(refusal.to_form(), "error=access_denied&state=r-1");
    assert_eq!(read(&refusal.to_form()).unwrap(), ResponseBody::Error(refusal));
    let other = ErrorResponse { error: ErrorCode::Other, state: None };
    assert_eq!(
        read("error=wallet_on_fire&error_description=x").unwrap(),
        ResponseBody::Error(other)
    );
}

#[test]
fn a_form_that_would_be_misread_is_refused() {
    let token = "vp_token=%7B%22licence%22%3A%5B%22AA%22%5D%7D";
    assert!(read(&format!("{token}&state=r-1")).is_ok());
    for wrong in [
        "",
        "state=r-1",
        token,
        &format!("{token}&state=r%201"),
        &format!("{token}&state=r-1&state=r-2"),
        &format!("{token}&{token}&state=r-1"),
        &format!("{token}&state=r-1&error=access_denied"),
        &format!("{token}&state=r-1&response=a.b.c.d.e"),
        "response=a&error=access_denied",
        "vp_token=1&state=r-1",
        "vp_token=%7B%22a%22%3A1%7D&state=r-1",
        "vp_token=%7B%22a%22%3A%5B%5D%2C%22a%22%3A%5B%5D%7D&state=r-1",
        &format!("error={}", "a".repeat(65)),
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    let long = vec![b'a'; MAX_FORM + 1];
    assert!(matches!(ResponseBody::from_form(&long), Err(Oid4vpError::TooLong { .. })));
    let many: Vec<String> = (0..9).map(|i| format!("\"q{i}\":[]")).collect();
    let many = format!("vp_token=%7B{}%7D&state=r-1", many.join(",").replace('"', "%22"));
    assert!(read(&many).is_err());
}

#[test]
fn a_query_has_one_presentation() {
    for presentations in [vec![], vec![json!("AA"), json!("AA")]] {
        let vp_token: VpToken = [(id("licence"), presentations)].into();
        let answer = AuthorizationResponse { state: id("r-1"), vp_token };
        assert!(matches!(answer.presentation_response(), Err(Oid4vpError::Form(_))));
        assert!(answer.presentation(&id("licence")).is_err());
    }
}

proptest! {
    #[test]
    fn any_form_is_read_or_refused(text in "(vp_token=|response=|error=|state=|&|%7B|%22|.)*") {
        let _ = read(&text);
    }
}
