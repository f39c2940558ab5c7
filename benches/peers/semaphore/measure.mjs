// Semaphore v4 at depth 20, and snarkjs alone on the same circuit and key. One JSON object a line.
import { createRequire } from "node:module";
import { readFileSync, statSync } from "node:fs";
import { Group, Identity, generateProof, verifyProof } from "@semaphore-protocol/core";
import * as snarkjs from "snarkjs";

const DEPTH = 20;
const PROOFS = 7;
const CHECKS = 21;

const version = (name) => {
  const paths = createRequire(import.meta.url).resolve.paths(name);
  const found = paths.map((path) => `${path}/${name}/package.json`);
  for (const file of found) {
    try {
      return JSON.parse(readFileSync(file)).version;
    } catch {}
  }
  throw new Error(`${name} is not installed`);
};
const artifact = (kind) =>
  new URL(`node_modules/@zk-kit/semaphore-artifacts/semaphore-${DEPTH}.${kind}`, import.meta.url).pathname;
const [wasm, zkey] = [artifact("wasm"), artifact("zkey")];
const artefactBytes = statSync(wasm).size + statSync(zkey).size;

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

/** Milliseconds of `run` for each input, after one run that is not counted; and the results. */
async function time(inputs, run) {
  await run(inputs[0]);
  const [times, results] = [[], []];
  for (const input of inputs) {
    const start = performance.now();
    results.push(await run(input));
    times.push(performance.now() - start);
  }
  return [median(times), results];
}
const rotate = (items, count) => Array.from({ length: count }, (_, i) => items[i % items.length]);
function check(holds) {
  if (!holds) throw new Error("a proof was refused");
}

const members = Array.from({ length: 100 }, (_, i) => new Identity(`member ${i}`));
const group = new Group(members.map((member) => member.commitment));

const [prove, proofs] = await time(members.slice(0, PROOFS), (member) =>
  generateProof(member, group, "message", "scope", DEPTH, { wasm, zkey }),
);
const [verify] = await time(rotate(proofs, CHECKS), async (proof) => check(await verifyProof(proof)));
console.log(
  JSON.stringify({
    system: `Semaphore ${version("@semaphore-protocol/core")}`,
    statement: `member of a group (depth ${DEPTH}), nullifier; no credential, predicate or revocation`,
    prove_ms: prove,
    verify_ms: verify,
    sent_bytes: median(proofs.map((proof) => JSON.stringify(proof).length)),
    artefact_bytes: artefactBytes,
  }),
);

// The witness is not counted here: it is what a native prover would start from.
const inputs = [];
for (const [i, member] of members.slice(0, PROOFS).entries()) {
  const path = group.generateMerkleProof(i);
  const witness = { type: "mem" };
  await snarkjs.wtns.calculate(
    {
      secret: member.secretScalar,
      merkleProofLength: path.siblings.length,
      merkleProofIndex: path.index,
      merkleProofSiblings: [...path.siblings, ...Array(DEPTH - path.siblings.length).fill(0n)],
      scope: 1n,
      message: BigInt(i),
    },
    wasm,
    witness,
  );
  inputs.push(witness);
}
const key = await snarkjs.zKey.exportVerificationKey(zkey);
const [snarkProve, snarkProofs] = await time(inputs, (witness) => snarkjs.groth16.prove(zkey, witness));
const [snarkVerify] = await time(rotate(snarkProofs, CHECKS), async ({ proof, publicSignals }) =>
  check(await snarkjs.groth16.verify(key, publicSignals, proof)),
);
console.log(
  JSON.stringify({
    system: `snarkjs ${version("snarkjs")}`,
    statement: "the same circuit and key, Groth16 alone, witness not counted",
    prove_ms: snarkProve,
    verify_ms: snarkVerify,
    sent_bytes: median(snarkProofs.map((made) => JSON.stringify(made).length)),
    artefact_bytes: artefactBytes,
  }),
);
process.exit(0);
