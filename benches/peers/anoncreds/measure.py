"""AnonCreds: an attribute, a predicate and non-revocation. Prints one JSON object."""

import json
import os
import statistics
import tempfile
import time

import anoncreds as ac

ISSUER = "did:example:board"
SCHEMA_ID, CRED_DEF_ID, REGISTRY_ID = (f"{ISSUER}/{part}" for part in ("schema", "def", "registry"))
ATTRIBUTES = ["jurisdiction", "expires_on"] + [f"claim_{i}" for i in range(22)]
CREDENTIALS = 5
RUNS = 25
NOW = 1_795_305_600


def median_ms(run, inputs):
    """The median time of `run` on each input, after one run that is not counted; the results."""
    run(inputs[0])
    times, results = [], []
    for item in inputs:
        start = time.perf_counter()
        results.append(run(item))
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times), results


def main():
    schema = ac.Schema.create("licence", "1.0", ISSUER, ATTRIBUTES)
    cred_def, cred_def_private, key_proof = ac.CredentialDefinition.create(
        SCHEMA_ID, schema, ISSUER, "tag", "CL", support_revocation=True
    )
    with tempfile.TemporaryDirectory() as folder:
        registry, registry_private = ac.RevocationRegistryDefinition.create(
            CRED_DEF_ID, cred_def, ISSUER, "tag", "CL_ACCUM", 100, tails_dir_path=folder
        )
        measure(schema, cred_def, cred_def_private, key_proof, registry, registry_private)


def measure(schema, cred_def, cred_def_private, key_proof, registry, registry_private):
    status = ac.RevocationStatusList.create(
        cred_def, REGISTRY_ID, registry, registry_private, ISSUER, True, NOW
    )
    link_secret = ac.create_link_secret()
    held = []
    for index in range(1, CREDENTIALS + 1):
        offer = ac.CredentialOffer.create(SCHEMA_ID, CRED_DEF_ID, key_proof)
        request, metadata = ac.CredentialRequest.create(
            "entropy", None, cred_def, link_secret, "default", offer
        )
        values = {name: f"value {index} of {name}" for name in ATTRIBUTES}
        values |= {"jurisdiction": "CA", "expires_on": str(20270630 + index)}
        config = ac.CredentialRevocationConfig(registry, registry_private, status, index)
        issued = ac.Credential.create(
            cred_def, cred_def_private, offer, request, values, None, config
        )
        credential = issued.process(metadata, link_secret, cred_def, registry)
        state = ac.CredentialRevocationState.create(
            registry, status, index, registry.tails_location
        )
        held.append((credential, state))

    schemas, cred_defs = {SCHEMA_ID: schema}, {CRED_DEF_ID: cred_def}

    def prove(run):
        request = ac.PresentationRequest.load(
            {
                "nonce": ac.generate_nonce(),
                "name": "licensed",
                "version": "1.0",
                "requested_attributes": {"state": {"name": "jurisdiction"}},
                "requested_predicates": {
                    "unexpired": {"name": "expires_on", "p_type": ">=", "p_value": 20261122}
                },
                "non_revoked": {"from": NOW - 10, "to": NOW + 10},
            }
        )
        credential, state = held[run % CREDENTIALS]
        shown = ac.PresentCredentials()
        shown.add_attributes(credential, "state", reveal=True, timestamp=NOW, rev_state=state)
        shown.add_predicates(credential, "unexpired", timestamp=NOW, rev_state=state)
        made = ac.Presentation.create(request, shown, {}, link_secret, schemas, cred_defs)
        return request, made

    def verify(answer):
        request, made = answer
        if not made.verify(request, schemas, cred_defs, {REGISTRY_ID: registry}, [status]):
            raise SystemExit("a proof was refused")

    prove_ms, answers = median_ms(prove, range(RUNS))
    verify_ms, _ = median_ms(verify, answers)
    artefacts = sum(len(made.to_json()) for made in (schema, cred_def, registry, status))
    print(
        json.dumps(
            {
                "system": f"AnonCreds {ac.library_version()}",
                "statement": "24 attributes: one shown, one predicate, not revoked (of 100), holder bound",
                "prove_ms": prove_ms,
                "verify_ms": verify_ms,
                "sent_bytes": statistics.median(len(made.to_json()) for _, made in answers),
                "artefact_bytes": artefacts + os.path.getsize(registry.tails_location),
            }
        )
    )


main()
