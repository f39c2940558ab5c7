// The W3C reference libraries as a party of their own: signs and verifies what standard input says
// and prints the outcome. Loads nothing but the documents that it is given.
import { readFileSync } from "node:fs";
import * as keys from "@digitalbazaar/ed25519-multikey";
import * as statusLists from "@digitalbazaar/vc-bitstring-status-list";
import * as vc from "@digitalbazaar/vc";
import { DataIntegrityProof } from "@digitalbazaar/data-integrity";
import { cryptosuite } from "@digitalbazaar/eddsa-rdfc-2022-cryptosuite";

const { task, documents, now, created, method, secret, ...input } = JSON.parse(
  readFileSync(0, "utf8"),
);

const documentLoader = async (url) =>
  url in documents
    ? { contextUrl: null, documentUrl: url, document: documents[url] }
    : vc.defaultDocumentLoader(url);

const signer = async () => {
  const [controller, publicKeyMultibase] = method.split("#");
  const pair = await keys.from({
    "@context": "https://w3id.org/security/multikey/v1",
    id: method,
    type: "Multikey",
    controller,
    publicKeyMultibase,
    secretKeyMultibase: secret,
  });
  return new DataIntegrityProof({ signer: pair.signer(), cryptosuite, date: created });
};

const tasks = {
  async issue() {
    const signed = [];
    for (const credential of input.credentials) {
      signed.push(await vc.issue({ credential, suite: await signer(), documentLoader, now }));
    }
    return signed;
  },
  async list() {
    const list = await statusLists.createList({ length: 131072 });
    for (const index of input.set) list.setStatus(index, true);
    const credential = await statusLists.createCredential({
      id: input.id,
      list,
      statusPurpose: "revocation",
    });
    credential.issuer = method.split("#")[0];
    return vc.issue({ credential, suite: await signer(), documentLoader });
  },
  async present() {
    const { challenge, domain, presentation } = input;
    const suite = await signer();
    return vc.signPresentation({ presentation, suite, challenge, domain, documentLoader });
  },
  async verify() {
    const outcomes = [];
    for (const credential of input.credentials) {
      const outcome = await vc.verifyCredential({
        credential,
        suite: new DataIntegrityProof({ cryptosuite }),
        documentLoader,
        checkStatus: statusLists.checkStatus,
        now: new Date(now),
      });
      // The status that was found is for the caller to judge.
      const bad = outcome.statusResult?.results?.some(({ status }) => status) ?? false;
      outcomes.push({ verified: outcome.verified && !bad, error: reason(outcome) });
    }
    return outcomes;
  },
  async verifyPresentation() {
    const { challenge, domain, presentation } = input;
    const outcome = await vc.verify({
      presentation,
      challenge,
      domain,
      suite: new DataIntegrityProof({ cryptosuite }),
      documentLoader,
      checkStatus: statusLists.checkStatus,
      now: new Date(now),
    });
    return { verified: outcome.verified, error: reason(outcome) };
  },
};

function reason({ error, statusResult }) {
  const errors = error?.errors ?? (error ? [error] : []);
  return [...errors, ...(statusResult?.error ? [statusResult.error] : [])].map(String).join("; ");
}

console.log(JSON.stringify(await tasks[task]()));
