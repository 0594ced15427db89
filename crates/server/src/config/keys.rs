//! Every key there is, in one table: what it takes, whether a reload is enough, what it is if nobody writes it.
//!
//! The table decides which keys exist; the rooms beside this one say what they mean. `etc/countersign.toml.example` documents
//! each of them, `check-config --keys` prints it, and tests hold all three together.

/// One key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its path from the root; `[]` stands for each table of a list.
    pub path: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// When a change takes effect.
    pub applies: Applies,
    /// What it is if nobody writes it, as it would be written; [`REQUIRED`] or [`NONE`].
    pub default: &'static str,
    /// What it is for.
    pub says: &'static str,
}

/// In the place of a default: it must be written.
pub const REQUIRED: &str = "required";
/// In the place of a default: there is none.
pub const NONE: &str = "none";

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// A list of texts.
    List,
    /// Tables, each with its own heading.
    Tables,
    /// A text.
    Text,
}

/// When a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applies {
    /// On reload: calls under way keep what they began with.
    Live,
    /// When the process starts again.
    Restart,
}

impl Applies {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Restart => "restart",
        }
    }
}

/// The key of a path in which every list is written `[]`.
pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// The key whose path differs least from one that does not exist, if it differs little.
pub fn nearest(path: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| (distance(path, key.path), key.path))
        .min()
        .filter(|(distance, _)| *distance <= MAX_TYPOS)
        .map(|(_, path)| path)
}

/// Most wrong letters in a suggestion: with more, it is a guess.
const MAX_TYPOS: usize = 3;

/// Letters to add, drop or change to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, b) in row.iter_mut().skip(1).zip(other.bytes()) {
            let above = *cell;
            left = (diagonal + usize::from(a != b))
                .min(above + 1)
                .min(left + 1);
            diagonal = above;
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

const fn live(path: &'static str, kind: Kind, default: &'static str, says: &'static str) -> Key {
    Key {
        path,
        kind,
        applies: Applies::Live,
        default,
        says,
    }
}

const fn restart(path: &'static str, kind: Kind, default: &'static str, says: &'static str) -> Key {
    Key {
        path,
        kind,
        applies: Applies::Restart,
        default,
        says,
    }
}

use Kind::{Boolean, Integer, List, Tables, Text};

/// Every key, section by section.
#[rustfmt::skip]
pub const KEYS: &[Key] = &[
    restart("sip.udp", List, "[\"0.0.0.0:5060\"]", "addresses that SIP is received at over UDP"),
    restart("sip.tcp", List, "[\"0.0.0.0:5060\"]", "addresses that SIP is received at over TCP"),
    restart("sip.tls", List, "[]", "addresses that SIP is received at over TLS"),
    live("sip.certificate_file", Text, NONE, "our certificate chain for SIP over TLS, PEM, shown to peers and to next hops that ask"),
    live("sip.key_file", Text, NONE, "the private key of that, permissions 0600"),
    live("sip.client_ca_file", Text, NONE, "authorities of peers that connect over TLS, PEM; none: they are asked for no certificate"),
    live("sip.client_certificate", Text, "\"required\"", "whether such peers must have a certificate: required or optional"),
    live("sip.ca_file", Text, "\"/etc/ssl/certs/ca-certificates.crt\"", "authorities of next hops over TLS, PEM"),
    restart("sip.advertise", Text, NONE, "host or host:port that others reach us at (Via); the listener's address if none"),
    restart("sip.shards", Integer, "0", "threads that carry calls; 0: one per core"),
    restart("sip.advertise_for", List, NONE, "the same for one listener each, as 10.0.0.1:5060=sip.example.com:5060"),
    restart("sip.dns_servers", List, "[]", "name servers for next hops, as 192.0.2.53:53; none: those of the system"),
    live("sip.unknown_source", Text, "\"drop\"", "requests of no trunk: drop (no answer) or reject (403)"),
    live("sip.overload_delay_ms", Integer, "5", "once new requests wait longer than this the newest goes first; after twenty times as long they are turned away (503); 0: never"),
    restart("sip.takeover_socket", Text, NONE, "where `serve --takeover` asks for our sockets, to go on in our place"),
    live("sip.drain_s", Integer, "60", "how long SIGTERM waits for what has begun; a second one does not wait"),

    live("trunks", Tables, NONE, "the peers; the first that fits a message is its trunk"),
    live("trunks[].name", Text, REQUIRED, "its name in logs"),
    live("trunks[].addresses", List, "[]", "networks its requests come from, as 192.0.2.0/24 or 192.0.2.7"),
    live("trunks[].tls_identity", Text, NONE, "the domain that the peer's TLS certificate must name"),
    live("trunks[].local_port", Integer, NONE, "our port that its requests come to"),
    live("trunks[].trunk_group", Text, NONE, "the trunk group that its requests name (otg, tgrp, trgp), besides where they come from"),
    live("trunks[].role", Text, "\"none\"", "none (pass), sign, verify or both"),
    live("trunks[].mode", Text, "\"proxy\"", "proxy (calls go on), b2bua (they go on in a dialog of ours), redirect (answered with 302) or http (HTTP alone)"),
    live("trunks[].dialog_names", Text, "\"mapped\"", "b2bua: Call-ID and tags of the far dialog: mapped (ours) or kept"),
    live("trunks[].longest_call_s", Integer, "43200", "b2bua: seconds after which a call is ended on both sides"),
    live("trunks[].redirect", Text, "\"header\"", "where the 302 carries what was added: header, contact (in its URI) or x-headers"),
    live("trunks[].redirect_nothing_added", Integer, "302", "what is answered if nothing was added: 302, 404 or 503"),
    live("trunks[].tenant", Text, NONE, "who signs its calls; required where the role signs"),
    live("trunks[].next_hops", List, NONE, "where its requests go on, in order: udp:, tcp: or tls: with HOST:PORT, or HOST (by SRV); required of a proxy"),
    live("trunks[].local", Text, NONE, "the listener that requests to its next hops leave from, ADDRESS or ADDRESS:PORT; none: the nearest"),
    live("trunks[].advertise", Text, NONE, "what its next hops call us, host or host:port; none: what all are told"),
    live("trunks[].record_route", Boolean, "false", "whether a proxy stays on the path of dialogs (Record-Route)"),
    live("trunks[].probe_interval_s", Integer, "0", "seconds between two OPTIONS that ask its next hops whether they live; 0: never"),
    live("trunks[].probe_timeout_ms", Integer, "2000", "how long such an answer may take"),
    live("trunks[].probe_failures", Integer, "3", "after so many failures in a row a next hop is tried last"),
    live("trunks[].oversize", Text, "\"tcp\"", "a request too large for UDP: tcp, fragment or refuse"),
    live("trunks[].treatment", Text, "\"tag\"", "calls that do not pass: tag (forward with verstat) or reject"),
    live("trunks[].reject_not_validated", Boolean, "false", "with reject: also calls whose proof could not be checked"),
    live("trunks[].require_identity", Boolean, "false", "with reject: also calls without proof (428)"),
    live("trunks[].reject_code", Integer, NONE, "with reject: this code instead of RFC 8224's: 403, 404, 480, 503, 603, 607 or 608"),
    live("trunks[].reject_text", Text, NONE, "with reject: the text of a Reason header, such as sti-blocked"),
    live("trunks[].on_error_403", Text, NONE, "a PASSporT or Date too old: reject, continue-with-reason or continue-silently; none: as treatment has it"),
    live("trunks[].on_error_428", Text, NONE, "calls without Identity: reject, continue-with-reason or continue-silently; none: as treatment has it"),
    live("trunks[].on_error_436", Text, NONE, "a certificate that could not be had: reject, continue-with-reason or continue-silently; none: as treatment has it"),
    live("trunks[].on_error_437", Text, NONE, "a certificate that is not trusted for this: reject, continue-with-reason or continue-silently; none: as treatment has it"),
    live("trunks[].on_error_438", Text, NONE, "a PASSporT that is not valid: reject, continue-with-reason or continue-silently; none: as treatment has it"),
    live("trunks[].report_ppi", Text, "\"compact\"", "how a Reason names the PASSporT: compact (its signature), full or none"),
    live("trunks[].report_in", Text, "\"next\"", "in which responses of a call that goes on an error is told: next, provisional, final or both"),
    live("trunks[].reports_of_others", Text, "\"keep\"", "what others tell of PASSporTs that are not ours: keep or remove"),
    live("trunks[].trust_pai", Boolean, "false", "its P-Asserted-Identity is believed (RFC 3325)"),
    live("trunks[].trust_call_info", Boolean, "false", "its Call-Info about the caller (icon, card, call-reason) is passed on; else it is removed"),
    live("trunks[].caller_name", Text, "\"replace\"", "a display name that is not the verified one: replace or keep"),
    live("trunks[].next_hop_trusted", Boolean, "true", "next hops are in its trust domain; else Privacy: id withholds P-Asserted-Identity"),
    live("trunks[].bypass_token_file", Text, NONE, "a secret that is put on calls that our service failed, permissions 0600"),
    live("trunks[].bypass_header", Text, "\"P-Identity-Bypass\"", "the header that carries it"),
    live("trunks[].bypass_on", List, "[\"signing-failed\", \"deadline-expired\", \"not-verifiable\"]", "when it is put there"),
    live("trunks[].numbering", Text, "\"international\"", "how its numbers are written: international or north-american"),
    live("trunks[].existing_identity", Text, "\"keep\"", "Identity headers there already when we sign: keep, replace or add"),
    live("trunks[].passport", Text, "\"shaken\"", "what its calls are signed with: shaken, base (no extension) or base-compact"),
    live("trunks[].sign_diversions", Boolean, "false", "calls that go to another number than their Identity names get a div PASSporT of the tenant"),
    live("trunks[].forwards_file", Text, NONE, "with sign_diversions: numbers whose calls we send to others, one a line: 12025550101,12025550110"),
    live("trunks[].udp_source_is_trusted", Boolean, "false", "a source address over UDP proves who sends; else C at most"),
    live("trunks[].attestation", Text, "\"A\"", "the most that is attested: A, B or C"),
    live("trunks[].attestation_header", Text, NONE, "a header in which a request may ask for less, such as Attestation"),
    live("trunks[].unlisted", Text, "\"B\"", "numbers that the tenant's inventory does not list: B, C or unsigned"),
    live("trunks[].origid", Text, "\"trunk\"", "trunk (one UUID, made of its name), call (one each) or a UUID"),
    live("trunks[].sign_priority", List, "[]", "values of Resource-Priority that it may have signed, such as ets.0; the tenant must be known for them"),
    live("trunks[].unsigned_priority", Text, NONE, "priority that nobody signed for: strip, or trust-peer (it stays); none: strip where priority is judged"),
    live("trunks[].psap_numbers", List, "[]", "numbers of emergency answering points whose calls may be marked psap-callback"),
    live("trunks[].emergency_numbers", List, "[]", "numbers besides urn:service:sos that are never held up"),
    live("trunks[].verstat_profile", Text, "\"atis-1000082\"", "what counts as failed: atis-1000082 or field (everything)"),
    live("trunks[].verstat_suffix", Text, "\"none\"", "none, or attestation: TN-Validation-Passed-A"),
    live("trunks[].connected_identity", Text, "\"off\"", "whether answers are signed and checked (RFC 9970): off or on; what on means follows from role and mode"),
    live("trunks[].connected.sign", Text, NONE, "answers that are signed: off, own-numbers (of the tenant's inventory) or all that its certificate lists (by provider code: of the inventory); none: all, off where role is sign"),
    live("trunks[].connected.reflect_div", Boolean, "true", "whether the caller's side is shown which way a diverted call went; without it the answer of one has no proof"),
    live("trunks[].connected.rich_data", Text, "\"never\"", "whom callers are told to have reached: never, opt-in (brands with backwards) or institutions (all brands)"),
    live("trunks[].connected.check", Text, NONE, "answers: off, report or require (what is not proven does not pass); none: report where calls are signed"),
    live("trunks[].connected.require", Text, NONE, "with check = require: listed or always; none: always, listed if numbers are"),
    live("trunks[].connected.require_numbers", List, "[]", "called numbers and ranges whose answers must be proven"),
    live("trunks[].connected.accept_diverted", Boolean, "true", "whether a diverted call is answered by proof as well as one that was not"),
    live("trunks[].connected.refusal_code", Integer, "403", "what a caller hears whose call was answered without the proof that it needs"),
    live("trunks[].connected.mid_dialog", Text, NONE, "b2bua: requests inside such calls: off, signed, reported (signed and judged) or enforced (438); none: reported"),
    live("trunks[].connected.pin", Text, "\"identity\"", "b2bua: who may send them on the other side: off (anybody), identity or key"),
    live("trunks[].connected.probes", Text, "\"never\"", "who may ask who would answer, without ringing: never, authenticated, anonymous, listed or forward"),
    live("trunks[].connected.probe_callers", List, "[]", "with probes = listed: the numbers and ranges of those"),
    live("trunks[].connected.media_security", Text, "\"off\"", "media keys that are signed for (RFC 8862): off, opportunistic or required"),

    live("tenants", Tables, NONE, "those whose calls are signed, each with its own certificate"),
    live("tenants[].name", Text, REQUIRED, "its name, which trunks refer to"),
    live("tenants[].certificate_file", Text, REQUIRED, "its certificate and the intermediates, PEM, its own first"),
    live("tenants[].key_file", Text, REQUIRED, "its private key, PEM or DER, permissions 0600"),
    live("tenants[].x5u", Text, REQUIRED, "the https URL at which others fetch the certificate file"),
    live("tenants[].inventory_file", Text, NONE, "its numbers and ranges with their basis; none: nothing is attested A"),
    restart("tenants[].enroll.directory", Text, NONE, "the ACME directory of the authority that renews its certificate; none: nobody does"),
    restart("tenants[].enroll.account_key", Text, NONE, "the key of the account there: a file or a pkcs11: URI"),
    restart("tenants[].enroll.token_authority", Text, NONE, "where authority tokens are had: https://…/at/account/ID/token"),
    restart("tenants[].enroll.secret_file", Text, NONE, "the secret of the account there, permissions 0600"),
    restart("tenants[].enroll.dialect", Text, "\"rfc\"", "which words both understand: rfc or shaken"),
    restart("tenants[].enroll.life_minutes", Integer, NONE, "how long its certificates are to live, from 10 on; none: as the authority has it"),
    live("tenants[].staples", Boolean, "false", "whether the word of its authority's responder that the certificate is still good is fetched beside the calls and sent along"),
    live("tenants[].x5c", Boolean, "false", "whether the certificates travel in each token, beside x5u, so that nobody has to fetch them"),
    live("tenants[].credentials", Tables, NONE, "further certificates of it: the one that lists the caller signs"),
    live("tenants[].credentials[].certificate_file", Text, REQUIRED, "its certificate and the intermediates, PEM, its own first"),
    live("tenants[].credentials[].key_file", Text, REQUIRED, "its private key, PEM or DER, permissions 0600"),
    live("tenants[].credentials[].x5u", Text, REQUIRED, "the https URL at which others fetch the certificate file"),
    restart("tenants[].credentials[].enroll.directory", Text, NONE, "the ACME directory of the authority that renews its certificate; none: nobody does"),
    restart("tenants[].credentials[].enroll.account_key", Text, NONE, "the key of the account there: a file or a pkcs11: URI"),
    restart("tenants[].credentials[].enroll.token_authority", Text, NONE, "where authority tokens are had: https://…/at/account/ID/token"),
    restart("tenants[].credentials[].enroll.secret_file", Text, NONE, "the secret of the account there, permissions 0600"),
    restart("tenants[].credentials[].enroll.dialect", Text, "\"rfc\"", "which words both understand: rfc or shaken"),
    restart("tenants[].credentials[].enroll.life_minutes", Integer, NONE, "as above"),
    live("tenants[].credentials[].staples", Boolean, "false", "whether the word of its authority's responder that the certificate is still good is fetched beside the calls and sent along"),
    live("tenants[].credentials[].x5c", Boolean, "false", "whether the certificates travel in each token, beside x5u, so that nobody has to fetch them"),

    live("brands", Tables, NONE, "what is said of a tenant's numbers beside the number (rich call data), with digests made here"),
    live("brands[].name", Text, REQUIRED, "its name in logs"),
    live("brands[].tenant", Text, REQUIRED, "the tenant whose numbers bear it"),
    live("brands[].numbers", List, REQUIRED, "numbers and ranges that bear it, as 12025550100 or 12025550100-12025550199"),
    live("brands[].caller_name", Text, REQUIRED, "the name that is shown"),
    live("brands[].alternate_number", Text, NONE, "a number that is shown instead of the caller's"),
    live("brands[].icon", Text, NONE, "the https URL of a PNG or JPEG, or a data: URL"),
    live("brands[].card", Text, NONE, "the https URL of a jCard"),
    live("brands[].card_file", Text, NONE, "a jCard that is signed as it is in this file, instead"),
    live("brands[].reasons", List, "[]", "reasons for calling: of several the one that the call's Call-Info asks for; a single one always"),
    live("brands[].passport", Text, "\"shaken\"", "where it is signed: shaken (with the number) or rcd (a PASSporT of its own beside it)"),
    live("brands[].backwards", Boolean, "false", "whether callers who reach its numbers are told it (trunks[].connected.rich_data)"),

    restart("ca.certificate_file", Text, NONE, "the certificate of our authority and those above it, PEM, its own first; none: this server is no authority"),
    restart("ca.key", Text, NONE, "its key: a file (permissions 0600) or a pkcs11: URI; required with certificate_file"),
    restart("ca.base_url", Text, NONE, "https URL of the public listener as others know it, before /acme, /at, /crl and /ocsp; required with certificate_file"),
    restart("ca.store_file", Text, NONE, "the journal of everything that was issued and revoked, SQLite; required with certificate_file"),
    restart("ca.checkpoint_file", Text, NONE, "signed checkpoints of the journal, one a line, best on another disk"),
    restart("ca.policy", Text, "\"2.16.840.1.114569.1.1.4\"", "the policy that certificates are issued under, or none"),
    restart("ca.dialect", Text, "\"rfc\"", "rfc, or shaken: what SHAKEN clients do besides is taken, too"),
    restart("ca.fingerprint", Text, "\"jwk-thumbprint\"", "which digest of the account's key tokens name: jwk-thumbprint, spki or either"),
    restart("ca.token_reuse", Text, "\"until-expiry\"", "how often a token counts: until-expiry or once"),
    restart("ca.outlive_token", Boolean, "false", "whether a certificate may end after its token"),
    restart("ca.usual_days", Integer, "7", "how long certificates live where the order says nothing"),
    restart("ca.longest_days", Integer, "365", "how long they live at most"),
    restart("ca.short_lived_hours", Integer, "0", "those that live no longer than this say that they are never revoked (noRevAvail), and name no list and no responder"),
    restart("ca.external_accounts_file", Text, NONE, "accounts that new ACME accounts are bound to: KEY-ID,MAC-KEY (base64url) a line, permissions 0600"),
    restart("ca.external_accounts", Text, "\"offered\"", "whether new accounts are bound to one of those: offered or required"),
    restart("ca.second_approval", Boolean, "true", "whether certificates of authorities wait for `countersign ca approve`"),
    restart("ca.ignored_lints", List, "[]", "rules of `countersign certificate lint` that do not refuse a certificate"),
    restart("ca.number_authority_file", Text, NONE, "whose number is whose, asked before anything is delegated"),
    restart("ca.number_authority_max_age_h", Integer, "48", "hours that this may be old: what is older is not known"),
    restart("ca.unknown_numbers", Text, "\"issue\"", "numbers that it does not know: issue or refuse"),
    restart("ca.limits.accounts_per_hour", Integer, "100", "ACME accounts that are opened in an hour, all together"),
    restart("ca.limits.orders_per_hour", Integer, "1000", "orders of one ACME account in an hour"),
    restart("ca.limits.open_orders", Integer, "100", "orders of one ACME account that are neither finished nor failed"),
    restart("ca.limits.tokens_per_hour", Integer, "1000", "tokens of one account of the token authority in an hour"),
    restart("ca.limits.requests_per_minute", Integer, "1200", "requests to /acme from one host in a minute"),
    restart("ca.limits.logins_per_minute", Integer, "200", "logins and requests for tokens from one host in a minute"),
    restart("ca.limits.at_once", Integer, "64", "requests that are worked on at a time; more are answered 503 at once"),
    restart("ca.crl.name", Text, "\"ca\"", "the revocation list is at /crl/NAME.crl"),
    restart("ca.crl.hours", Integer, "24", "how long a list holds; a new one is made at half of it, and when something was revoked"),
    restart("ca.crl.certificate_file", Text, NONE, "who signs it, if it is not the authority itself"),
    restart("ca.crl.key", Text, NONE, "the key of that"),
    restart("ca.ocsp.in_certificates", Boolean, "false", "whether certificates name the responder at /ocsp, which the profile of SHAKEN does not provide for"),
    restart("ca.ocsp.certificate_file", Text, NONE, "who answers at /ocsp, if it is not the authority itself: a certificate for OCSP signing that it has issued"),
    restart("ca.ocsp.key", Text, NONE, "the key of that"),
    restart("ca.former", Tables, NONE, "keys that our authority had before, whose certificates live on"),
    restart("ca.former[].certificate_file", Text, REQUIRED, "its certificate then, and those above it, PEM"),
    restart("ca.former[].key", Text, REQUIRED, "that key: a file or a pkcs11: URI; it answers for what it issued, and issues nothing"),
    restart("ca.former[].crl_name", Text, NONE, "the revocation list that it signed itself, at /crl/NAME.crl; required unless ca.crl names who signs lists"),
    restart("ca.token_issuers", Tables, NONE, "those whose authority tokens count"),
    restart("ca.token_issuers[].name", Text, REQUIRED, "its name in logs"),
    restart("ca.token_issuers[].certificate_file", Text, REQUIRED, "its certificate, PEM; with common_name that of the authority above it"),
    restart("ca.token_issuers[].common_name", Text, NONE, "the common name in its certificate, if that changes"),
    restart("ca.token_issuers[].iss", Text, NONE, "what iss of its tokens must be, where there is one"),
    restart("ca.token_issuers[].x5u", Text, NONE, "where its certificate is known to be: tokens that say so cause no fetch"),
    restart("ca.token_authority.certificate_file", Text, NONE, "what our own tokens are signed with, PEM; none: we issue none"),
    restart("ca.token_authority.key", Text, NONE, "the key of that: a file or a pkcs11: URI"),
    restart("ca.token_authority.iss", Text, NONE, "iss of our tokens"),
    restart("ca.token_authority.x5u", Text, NONE, "where that certificate is published: tokens name it; none: tokens carry the certificate"),
    restart("ca.token_authority.hours", Integer, "24", "how long they count"),
    restart("ca.token_authority.ca_list_file", Text, NONE, "authorities that are trusted, PEM: signed and published as the list at /api/v1/ca-list; looked at each half minute"),
    restart("ca.token_authority.ca_list_hours", Integer, "24", "how long such a list holds; a new one is signed at half of it"),

    live("verification.freshness_s", Integer, "60", "seconds that a PASSporT may be old, or ahead"),
    live("verification.diverted_freshness_s", Integer, "60", "the same for what a diverted call was signed with before it was diverted last"),
    live("verification.diverted_to", Text, "\"request-uri\"", "whom the last diversion must lead to: request-uri or any-called"),
    live("verification.deadline_ms", Integer, "500", "longest wait of a call for its verdict or signature"),
    live("verification.order", Text, "\"rfc8224\"", "which of several faults is told: rfc8224 or atis"),
    live("verification.thoroughness", Text, "\"first-fault\"", "first-fault or every-check"),
    live("verification.replay", Text, "\"observe\"", "the same signature with another call: off, observe or enforce"),
    live("verification.max_identity_headers", Integer, "8", "above this many, none is judged"),
    live("verification.string_iat", Text, "\"refuse\"", "iat written as a string: refuse or lenient"),
    live("verification.serialization", Text, "\"as-received\"", "a PASSporT not serialized by RFC 8225 §9: as-received or strict"),
    live("verification.stale_date", Text, "\"trust-iat\"", "a stale Date beside a fresh iat: trust-iat or refuse"),
    live("verification.base_passport", Text, "\"accept\"", "a PASSporT without ppt: accept or refuse"),
    restart("verification.prewarm", Boolean, "true", "whether the certificates of known signers are fetched before a call needs them"),
    restart("verification.known_signers_file", Text, NONE, "where the URLs of known signers outlive a restart, written by the server; none: in trust.state_dir, if there is one"),
    live("verification.provider_numbers", Text, "\"accept\"", "numbers that a certificate has by provider code only: accept, require-authority or reject"),
    live("verification.provider_answers", Text, NONE, "the same of who answers; none: require-authority where there is a number_authority_file, else provider_numbers"),
    live("verification.number_authority_file", Text, NONE, "whose number is whose: a table with a date, which require-authority asks"),
    live("verification.number_authority_max_age_s", Integer, "172800", "seconds that this table may be old"),
    live("verification.x5c", Text, "\"auto\"", "a certificate chain in the token: auto (judged by it) or never"),
    live("verification.x5c_without_x5u", Text, "\"refuse\"", "a token with such a chain and without x5u: refuse or accept"),
    live("verification.rich_fetch", Text, "\"never\"", "what rich call data refers to: never fetched, or fetched where it is shown (shown)"),
    live("verification.rich_signers", List, "[]", "third parties whose rich call data is believed, by the name in iss and in their certificate"),
    live("verification.rich_digests", Text, "\"refuse\"", "content elsewhere without a digest: refuse the PASSporT, or not-shown"),
    live("verification.rich_name", Text, "\"required\"", "rich call data without a name: required or optional"),
    live("verification.inherited_constraints", Text, "\"ignored\"", "claim constraints in certificates of authorities: ignored or intersect"),
    live("verification.media_keys_missing", Text, "\"accept\"", "a PASSporT that does not sign the fingerprints of the SDP, where there are some: accept or fail"),

    live("priority.authorities", Tables, NONE, "who may sign for a namespace of Resource-Priority (PASSporTs of type rph)"),
    live("priority.authorities[].namespace", Text, REQUIRED, "the namespace, such as ets"),
    live("priority.authorities[].providers", List, "[]", "provider codes of those who may, as in their certificate"),
    live("priority.authorities[].subjects", List, "[]", "common names or organizations of those who may, as in their certificate"),

    live("trust.domain", Text, "\"default\"", "the name of the trust domain"),
    live("trust.state_dir", Text, NONE, "folder in which the last good lists outlive a restart"),
    live("trust.refresh_s", Integer, "3600", "seconds between two pulls of a list"),
    live("trust.allow_http_crls", Boolean, "false", "whether crl_urls may be http"),
    live("trust.anchor_files", List, "[]", "certificates that calls are traced to, PEM"),
    live("trust.lab_anchor_files", List, "[]", "the same, for trying out; needs allow_lab"),
    live("trust.allow_lab", Boolean, "false", "whether lab anchors are believed"),
    live("trust.ca_list", Text, NONE, "a signed list of more anchors: a file, or an https URL"),
    live("trust.ca_list_signer_files", List, NONE, "certificates or P-256 public keys of those who sign it, PEM"),
    live("trust.crl_files", List, "[]", "revocation lists, DER or PEM; read again when they change"),
    live("trust.crl_urls", List, NONE, "https URLs of revocation lists"),
    live("trust.crl_issuer_files", List, NONE, "certificates of those who may sign them besides whom the anchors vouch for"),
    live("trust.crl_signers", Text, "\"any-anchor\"", "whose lists are heard: any-anchor, same-anchor or pinned"),
    live("trust.revocation", Text, NONE, "if no list answers: hard (not validated), soft (passes) or off; none: soft where there are lists"),
    live("trust.crl_grace_s", Integer, "0", "seconds that a list is believed after the next one was due"),
    live("trust.authority_algorithms", Text, "\"ecdsa-and-rsa\"", "what authorities may sign with: p256, ecdsa or ecdsa-and-rsa"),
    live("trust.freshness", Text, "\"staple-only\"", "whose word on whether a certificate is still good is taken: off, staple-only, staple-or-live or live (who is asked learns who calls)"),
    live("trust.missing_status", Text, "\"soft\"", "if there is no such word: soft (passes) or hard (not validated)"),
    live("trust.scope_unknown", Text, "\"not-validated\"", "a good certificate of which nobody says that the number is still its: accept or not-validated"),
    live("trust.responder_files", List, NONE, "certificates of responders that are believed besides whom authorities vouch for"),
    live("trust.domains", Tables, NONE, "trust domains side by side; the first that fits a call judges it"),
    live("trust.domains[].name", Text, REQUIRED, "its name"),
    live("trust.domains[].trunks", List, NONE, "the trunks whose calls it judges; none: all"),
    live("trust.domains[].numbers", List, NONE, "the calling numbers it judges, by first digits or country; none: all"),
    live("trust.domains[].anchor_files", List, "[]", "as above"),
    live("trust.domains[].lab_anchor_files", List, "[]", "as above"),
    live("trust.domains[].allow_lab", Boolean, "false", "as above"),
    live("trust.domains[].ca_list", Text, NONE, "as above"),
    live("trust.domains[].ca_list_signer_files", List, NONE, "as above"),
    live("trust.domains[].crl_files", List, "[]", "as above"),
    live("trust.domains[].crl_urls", List, NONE, "as above"),
    live("trust.domains[].crl_issuer_files", List, NONE, "as above"),
    live("trust.domains[].crl_signers", Text, "\"any-anchor\"", "as above"),
    live("trust.domains[].revocation", Text, NONE, "as above"),
    live("trust.domains[].crl_grace_s", Integer, "0", "as above"),
    live("trust.domains[].authority_algorithms", Text, "\"ecdsa-and-rsa\"", "as above"),
    live("trust.domains[].freshness", Text, "\"staple-only\"", "as above"),
    live("trust.domains[].missing_status", Text, "\"soft\"", "as above"),
    live("trust.domains[].scope_unknown", Text, "\"not-validated\"", "as above"),
    live("trust.domains[].responder_files", List, NONE, "as above"),

    restart("fetch.web_ca_file", Text, "\"/etc/ssl/certs/ca-certificates.crt\"", "whom TLS to certificate repositories trusts"),
    restart("fetch.timeout_ms", Integer, "2000", "longest fetch of a certificate"),
    restart("fetch.max_bytes", Integer, "262144", "largest certificate file"),
    restart("fetch.media_types", Text, "\"lenient\"", "lenient, or strict: application/pem-certificate-chain and pkix-cert"),
    restart("fetch.negative_s", Integer, "10", "seconds that a failed fetch is remembered"),
    restart("fetch.cache_entries", Integer, "16384", "certificate chains kept"),
    restart("fetch.cache_mib", Integer, "64", "mebibytes of certificate chains kept"),
    restart("fetch.exceptions", Tables, NONE, "hosts that may be fetched from although the rules say otherwise"),
    restart("fetch.exceptions[].origin", Text, REQUIRED, "https://host:port, exactly"),
    restart("fetch.exceptions[].addresses", List, "[]", "addresses of it that are allowed although they are not public"),
    restart("fetch.exceptions[].web_ca_file", Text, NONE, "whom TLS to it trusts, instead of fetch.web_ca_file"),

    restart("http.public.listen", List, "[]", "addresses of the certificate repository"),
    live("http.public.certificate_file", Text, NONE, "its web certificate chain, PEM; none: plain HTTP"),
    live("http.public.key_file", Text, NONE, "the private key of that, permissions 0600"),
    live("http.public.client_ca_file", Text, NONE, "authorities of clients that prove who they are (accounts of the token authority), PEM; none: they are asked for no certificate"),
    restart("http.trunk.listen", List, "[]", "addresses of signing and verification over HTTP"),
    live("http.trunk.certificate_file", Text, NONE, "as above"),
    live("http.trunk.key_file", Text, NONE, "as above"),
    live("http.trunk.client_ca_file", Text, NONE, "authorities of clients that prove who they are, PEM; none: they are asked for no certificate"),
    restart("http.trunk.base", Text, "\"/3gpp/v1\"", "the path before /signing and /verification in the 3GPP dialect"),
    live("http.trunk.identity_required", Boolean, "false", "whether a verification without identity is a mistake, as ATIS-1000082 has it"),
    restart("http.admin.listen", List, "[\"127.0.0.1:8080\"]", "addresses of /health, /ready, /metrics and /reload"),
    live("http.admin.certificate_file", Text, NONE, "as above"),
    live("http.admin.key_file", Text, NONE, "as above"),

    restart("log.format", Text, "\"text\"", "text or json"),
    live("log.level", Text, "\"info\"", "error, warn, info, debug, trace, or a list of target=level"),
    live("log.numbers", Text, "\"redacted\"", "telephone numbers in the log: redacted, full or hidden"),

    live("hep.collector", Text, NONE, "where a copy of every SIP message goes, by HEP version 3: udp:192.0.2.10:9060"),
    live("hep.capture_id", Integer, "1", "the number by which the collector knows this server"),
    live("hep.password_file", Text, NONE, "what the collector wants to see in each packet, permissions 0600"),

    restart("connected.memory_file", Text, NONE, "where those outlive a restart who proved that they answer, for the warning answer-regression"),

    restart("metrics.enabled", Boolean, "true", "whether /metrics answers"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_twice() {
        for (place, key) in KEYS.iter().enumerate() {
            assert!(
                KEYS.iter()
                    .skip(place + 1)
                    .all(|other| other.path != key.path),
                "{}",
                key.path
            );
            assert!(!key.says.is_empty());
        }
    }

    #[test]
    fn a_typing_error_finds_its_key() {
        assert_eq!(nearest("trunks[].nexthops"), Some("trunks[].next_hops"));
        assert_eq!(nearest("trunk"), Some("trunks"));
        assert_eq!(
            nearest("verification.freshnes_s"),
            Some("verification.freshness_s")
        );
        assert_eq!(nearest("something.else"), None);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
