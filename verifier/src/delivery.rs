//! How a request comes to a wallet and its answer back: OpenID4VP's part of a session.

use std::fmt;

use attestry_credential::oid4vp::{
    Algorithm, AuthorizationRequest, EncryptionSecret, RequestLink, ResponseMode, check_account,
};
use attestry_credential::presentation::{ClientId, Identifier, PresentationRequest, ResponseUri};

use crate::session::Session;
use crate::{Verifier, VerifierError};

/// The verification method of a DID's own account.
const ACCOUNT_METHOD: &str = "controller";

/// How the answer of a session is to come.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// Whether it is encrypted to a key of the session: `direct_post.jwt`.
    pub encrypted: bool,
    /// Where the holder's browser goes after it.
    pub redirect_uri: Option<ResponseUri>,
}

/// What a session keeps of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// The request object, signed.
    pub(crate) signed_request: String,
    /// The key that the answer is encrypted to, until there is one.
    pub(crate) answer_key: Option<EncryptionSecret>,
    /// Where the holder's browser goes after the answer.
    pub(crate) redirect: Option<Redirect>,
}

/// Where a browser goes after the answer, and with what code.
#[derive(Clone, PartialEq)]
pub(crate) struct Redirect {
    pub(crate) uri: ResponseUri,
    pub(crate) code: Identifier,
}

impl fmt::Debug for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirect").field("uri", &self.uri).finish_non_exhaustive()
    }
}

impl Redirect {
    /// The URL with the code, which only the wallet that answered is told.
    pub(crate) fn location(&self) -> String {
        let separator = if self.uri.as_str().contains('?') { '&' } else { '?' };
        format!("{}{separator}response_code={}", self.uri, self.code)
    }
}

impl Session {
    /// Where the holder's browser goes after the answer.
    pub(crate) fn redirect_location(&self) -> Option<String> {
        self.delivery.redirect.as_ref().map(Redirect::location)
    }

    /// Whether this code opens the outcome. Without a redirect the session's id is enough; with
    /// one, the code shows that it is the holder's own browser that comes back.
    pub(crate) fn is_opened_by(&self, code: Option<&str>) -> bool {
        self.delivery.redirect.as_ref().is_none_or(|redirect| code == Some(redirect.code.as_str()))
    }
}

impl Verifier {
    /// The link that brings a wallet to a session's request.
    ///
    /// # Errors
    /// [`VerifierError::Request`] if the public URL is too long.
    pub fn link(&self, session: &Session) -> Result<RequestLink, VerifierError> {
        Ok(RequestLink {
            client_id: session.request.client_id.clone(),
            request_uri: self.endpoint("requests", &session.request.request_id)?,
        })
    }

    /// An endpoint of a request, below the public URL.
    pub(crate) fn endpoint(
        &self,
        name: &str,
        request_id: &Identifier,
    ) -> Result<ResponseUri, VerifierError> {
        let url = format!("{}/oid4vp/{name}/{request_id}", self.config().public_url);
        url.parse().map_err(|_| VerifierError::Request {
            field: "public_url",
            rule: "is too long or no base of a URL",
        })
    }

    /// Signs a request, with what its answer takes.
    pub(crate) async fn delivery(
        &self,
        request: &PresentationRequest,
        reply: Reply,
        now: u64,
    ) -> Result<Delivery, VerifierError> {
        let (answer_key, redirect, mode) = self.reply(reply)?;
        self.signed(&AuthorizationRequest::of(request, mode, now), answer_key, redirect).await
    }

    /// What an answer takes: the key and the code that are made for it, and the response mode.
    pub(crate) fn reply(
        &self,
        reply: Reply,
    ) -> Result<(Option<EncryptionSecret>, Option<Redirect>, ResponseMode), VerifierError> {
        let (answer_key, redirect) = self.with_rng(|rng| {
            let key = reply.encrypted.then(|| EncryptionSecret::random(rng));
            let with_code = |uri| {
                Ok::<_, VerifierError>(Redirect { uri, code: crate::service::random_id(rng)? })
            };
            Ok::<_, VerifierError>((key, reply.redirect_uri.map(with_code).transpose()?))
        })?;
        let mode = match &answer_key {
            Some(key) => ResponseMode::encrypted(key.public()),
            None => ResponseMode::DirectPost,
        };
        Ok((answer_key, redirect, mode))
    }

    /// A request object, signed by the account of the client id's DID.
    pub(crate) async fn signed(
        &self,
        request: &AuthorizationRequest,
        answer_key: Option<EncryptionSecret>,
        redirect: Option<Redirect>,
    ) -> Result<Delivery, VerifierError> {
        let unsigned = request.unsigned(Algorithm::Es256k, &signing_method(&request.client_id));
        let signature = self.account().sign_digest(&unsigned.digest()).await?;
        let signed_request = unsigned.with_signature(&signature);
        Ok(Delivery { signed_request, answer_key, redirect })
    }

    /// Checks that wallets take what the account signs: it is a key of the client id's DID, as the
    /// ledger has it.
    ///
    /// # Errors
    /// [`VerifierError::ForeignAccount`]; [`VerifierError::Ledger`].
    pub(crate) async fn check_account(&self) -> Result<(), VerifierError> {
        let client_id = &self.config().client_id;
        let identities = self.registry().identities();
        let document = identities.document(client_id.as_str(), self.now()).await?;
        let document = document.ok_or(VerifierError::ForeignAccount)?;
        let address = self.account().address().into_array();
        check_account(client_id, &document, &signing_method(client_id), &address)
            .map_err(|_| VerifierError::ForeignAccount)
    }
}

/// The verification method that requests are signed by.
fn signing_method(client_id: &ClientId) -> String {
    format!("{client_id}#{ACCOUNT_METHOD}")
}
