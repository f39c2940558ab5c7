// Regenerates babyjubjub.json: npm install circomlibjs@0.1.7 && node babyjubjub.mjs > babyjubjub.json
import { buildBabyjub, buildEddsa, buildPoseidonReference } from "circomlibjs";

const babyjub = await buildBabyjub();
const eddsa = await buildEddsa();
const poseidon = await buildPoseidonReference();
const F = babyjub.F;
const order = babyjub.subOrder;

const hex = (n) => "0x" + BigInt(n).toString(16).padStart(64, "0");
const point = (p) => [hex(F.toObject(p[0])), hex(F.toObject(p[1]))];
const of = (x, y) => [F.e(x), F.e(y)];
// Numbers that look random and never change.
const number = (i) => (BigInt(i + 3) ** 97n * 0x9e3779b97f4a7c15f39cc0605cedc834n) % order;
const times = (p, n) => babyjub.mulPointEscalar(p, n);
const neutral = of(0n, 1n);
// A point of order 2 and one of order 8: the cofactor times nothing.
const two = of(0n, F.p - 1n);
const eight = times(babyjub.Generator, order);

const points = Array.from({ length: 4 }, (_, i) => times(babyjub.Base8, number(i)));
const arithmetic = [];
for (const p of points) {
  for (const q of points) {
    const operation = p === q ? "double" : "add";
    arithmetic.push({ operation, p: point(p), q: point(q), expect: point(babyjub.addPoint(p, q)) });
  }
}
const scalars = [1n, 2n, 8n, order - 1n, order + 1n, (1n << 128n) + 1n, (1n << 129n) + (1n << 128n) - 1n];
for (const [i, p] of [babyjub.Base8, ...points].entries()) {
  for (const scalar of [...scalars, number(i + 10)]) {
    arithmetic.push({ operation: "multiply", p: point(p), scalar: hex(scalar), expect: point(times(p, scalar)) });
  }
}

const membership = [
  ["Base8", babyjub.Base8],
  ["a multiple of Base8", points[0]],
  ["the neutral point", neutral],
  ["the point of order 2", two],
  ["a point of order 8", eight],
  ["the generator of the whole group", babyjub.Generator],
  ["Base8 and a point of order 2", babyjub.addPoint(babyjub.Base8, two)],
  ["off the curve", of(1n, 1n)],
].map(([what, p]) => ({
  what,
  p: point(p),
  on_curve: babyjub.inCurve(p),
  // babyjub.inSubgroup is wrong off the curve.
  in_subgroup: babyjub.inCurve(p) && babyjub.inSubgroup(p),
}));

// packPoint: y little-endian, the sign of x in the top bit.
const packing = [babyjub.Base8, ...points].map((p) => ({
  p: point(p),
  expect: "0x" + Buffer.from(babyjub.packPoint(p)).toString("hex"),
}));

const signatures = [];
const challenge = (r, a, message) => F.toObject(poseidon([r[0], r[1], a[0], a[1], F.e(message)]));
const record = (what, a, message, r, s) => {
  const signature = { R8: r, S: s };
  signatures.push({
    what, key: point(a), message: hex(message), r: point(r), s: hex(s),
    challenge: hex(challenge(r, a, message)),
    expect: eddsa.verifyPoseidon(F.e(message), signature, a) ? "accept" : "refuse",
  });
};
for (let i = 0; i < 6; i++) {
  const secret = Buffer.from(Array.from({ length: 32 }, (_, j) => (i * 41 + j * 7) & 255));
  const message = number(i + 20);
  const a = eddsa.prv2pub(secret);
  const { R8: r, S: s } = eddsa.signPoseidon(secret, F.e(message));
  record("a signature", a, message, r, s);
  record("another message", a, message + 1n, r, s);
  record("another key", points[i % 4], message, r, s);
  record("another response", a, message, r, (s + 1n) % order);
  record("the response plus the order", a, message, r, s + order);
  record("another nonce commitment", a, message, points[i % 4], s);
  record("a nonce commitment outside the subgroup", a, message, babyjub.addPoint(r, two), s);
}
// A key outside the subgroup signs as well as its part inside: 8·h drops what is outside.
{
  const [secret, nonce, message] = [number(30), number(31), number(32)];
  const a = babyjub.addPoint(times(babyjub.Base8, secret), eight);
  const r = times(babyjub.Base8, nonce);
  const s = (nonce + 8n * challenge(r, a, message) * secret) % order;
  record("a key outside the subgroup", a, message, r, s);
}

console.log(JSON.stringify({
  order: hex(order), base8: point(babyjub.Base8), arithmetic, membership, packing, signatures,
}, null, 1));
process.exit(0);
