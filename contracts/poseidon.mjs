// Derives src/PoseidonT2.sol and src/PoseidonT6.sol from the constants of npm poseidon-solidity.
//
// A partial round is linear but for one S-box, so t state words make the partial rounds a linear recurrence of
// order t with one input. In the observer canonical form of that recurrence a round costs 2t − 1 multiplications
// by constants that are the same in every round, instead of t², and its t round constants fold into one.
// Full rounds run in loops over a table, to keep the code small. The result is the same function: the Rust tests compare it with circomlib's.
import { readFileSync } from "node:fs";

const F = 21888242871839275222246405745257275088548364400416034343698204186575808495617n;
const FULL_ROUNDS = 8;
const ROUNDS_PER_LOOP = 4;

const mod = (x) => ((x % F) + F) % F;
const range = (n) => [...Array(n).keys()];
const sum = (xs) => xs.reduce((a, b) => mod(a + b), 0n);
const dot = (u, v) => sum(u.map((x, i) => x * v[i]));
const apply = (m, v) => m.map((row) => dot(row, v));
const column = (m, j) => m.map((row) => row[j]);
const product = (a, b) => a.map((row) => b[0].map((_, j) => dot(row, column(b, j))));

function power(base, exponent) {
  let result = 1n;
  for (let b = mod(base), e = exponent; e > 0n; e >>= 1n, b = mod(b * b)) if (e & 1n) result = mod(result * b);
  return result;
}
const inverse = (x) => power(x, F - 2n);

/** The number whose fifth power it is. */
function fifthRoot(x) {
  const k = range(5).map(BigInt).find((k) => (k * (F - 1n) + 1n) % 5n === 0n);
  return power(x, (k * (F - 1n) + 1n) / 5n);
}

function invertMatrix(m) {
  const width = m.length;
  const rows = m.map((row, i) => [...row, ...range(width).map((j) => (i === j ? 1n : 0n))]);
  for (const c of range(width)) {
    const pivot = range(width).find((r) => r >= c && rows[r][c] !== 0n);
    [rows[c], rows[pivot]] = [rows[pivot], rows[c]];
    const scale = inverse(rows[c][c]);
    rows[c] = rows[c].map((x) => mod(x * scale));
    for (const r of range(width)) {
      if (r !== c) rows[r] = rows[r].map((x, j) => mod(x - rows[r][c] * rows[c][j]));
    }
  }
  return rows.map((row) => row.slice(width));
}

// Faddeev–LeVerrier: coefficients a₁..aₜ of λᵗ + a₁λᵗ⁻¹ + … + aₜ.
function characteristicPolynomial(m) {
  const coefficients = [];
  let n = m.map((row) => row.map(() => 0n));
  let last = 1n;
  for (const k of range(m.length)) {
    n = product(m, n).map((row, i) => row.map((x, j) => mod(x + (i === j ? last : 0n))));
    const trace = sum(range(m.length).map((i) => product(m, n)[i][i]));
    last = mod(-trace * inverse(BigInt(k + 1)));
    coefficients.push(last);
  }
  return coefficients;
}

function readConstants(path, width) {
  const source = readFileSync(path, "utf8");
  const mix = range(width).map((i) =>
    range(width).map((j) => BigInt(source.match(new RegExp(`M${j}${i} = (0x[0-9a-f]+);`))[1])),
  );
  const last = `M${width - 1}${width - 1} = `;
  const body = source.slice(source.indexOf(last)).split("\n").slice(1).join("\n");
  const words = body.match(/0x[0-9a-f]{50,64}/g).map(BigInt);
  const ofFirstRound = words.splice(0, width - 1);
  // The source has precomputed the constant S-box of the first round: capacity 0, times the first column. It has
  // these products in decimal, between the constants, or in hexadecimal, before the others.
  const decimal = (body.match(/\b[0-9]{60,}\b/g) ?? []).map(BigInt).filter((x) => x !== F);
  const products = decimal.length > 0 ? decimal : words.splice(0, width);
  const capacity = fifthRoot(mod(products[0] * inverse(mix[0][0])));
  const constants = [capacity, ...ofFirstRound, ...words];
  const rounds = range(constants.length / width).map((r) => constants.slice(r * width, (r + 1) * width));
  return { mix, rounds };
}

function observerForm(mix) {
  const width = mix.length;
  const a = mix.map((row) => row.map((x, j) => (j === 0 ? 0n : x)));
  const b = column(mix, 0);
  const poly = characteristicPolynomial(a);
  const basis = [range(width).map((j) => (j === 0 ? 1n : 0n))];
  for (const k of range(width - 1)) {
    const shifted = range(width).map((j) => dot(basis[k], column(a, j)));
    basis.push(shifted.map((x, j) => mod(x + poly[k] * basis[0][j])));
  }
  return { feedback: poly.map((x) => mod(-x)), input: apply(basis, b), basis };
}

function foldConstants(rounds, basis) {
  let offset = basis.map(() => 0n);
  const folded = [];
  for (const constants of rounds) {
    const added = apply(basis, constants).map((x, i) => mod(x + offset[i]));
    folded.push(added[0]);
    offset = [...added.slice(1), 0n];
  }
  return { folded, offset };
}

const word = (x) => `0x${x.toString(16).padStart(64, "0")}`;
const at = (base, i) => (i === 0 ? base : `add(${base}, ${32 * i})`);
const lines = (indent, xs) => xs.map((x) => " ".repeat(indent) + x).join("\n");

// A row of a matrix times s0, s1, …, below 3F. A lone s0 passes through.
function rowExpression(row) {
  const terms = row.flatMap((x, i) => (x === 0n ? [] : [x === 1n ? `s${i}` : `mulmod(s${i}, ${word(x)}, F)`]));
  const head = terms.slice(0, 4).reduce((acc, term) => `add(${acc}, ${term})`);
  const tail = terms.slice(4);
  return tail.reduce((acc, term) => `add(${acc}, ${term})`, tail.length ? `mod(${head}, F)` : head);
}

const mixing = (indent, matrix) => lines(indent, matrix.map((row, i) => `mstore(${at("m", i)}, ${rowExpression(row)})`));
const sboxes = (indent, width, constant) =>
  lines(indent, range(width).map((i) => `let s${i} := power5(add(mload(${at("m", i)}), ${constant(i)}))`));

function partialRound(indent, position, { feedback, input }) {
  const last = input.length - 1;
  const steps = [`u := add(y0, mload(${at("p", position)}))`, "w := power5(u)"];
  for (const k of range(last)) {
    const fed = `add(y${k + 1}, mulmod(u, ${word(feedback[k])}, F))`;
    const driven = `mulmod(w, ${word(input[k])}, F)`;
    // Every other sum is reduced, so that none exceeds 2²⁵⁶.
    steps.push(`y${k} := ${k % 2 === 1 ? `addmod(${fed}, ${driven}, F)` : `add(${fed}, ${driven})`}`);
  }
  steps.push(`y${last} := mulmod(w, ${word(input[last])}, F)`);
  return lines(indent, steps);
}

/** The Solidity source of the contract that hashes so many inputs. */
export function poseidon(path, inputs) {
  const width = inputs + 1;
  const { mix, rounds } = readConstants(path, width);
  const form = observerForm(mix);
  const half = FULL_ROUNDS / 2;
  const partialRounds = rounds.length - FULL_ROUNDS;
  const before = rounds.slice(0, half);
  const partial = rounds.slice(half, half + partialRounds);
  const after = rounds.slice(half + partialRounds);
  const { folded, offset } = foldConstants(partial, form.basis);
  const back = invertMatrix(form.basis);
  after[0] = after[0].map((c, i) => mod(c + apply(back, offset)[i]));
  if (form.feedback[inputs] !== 0n) throw new Error("the partial round is expected to be singular");

  const table = [...before.slice(0, -1).flat(), ...folded, ...after.slice(0, -1).flat()];
  const fullBytes = 32 * width * (half - 1);

  return `// SPDX-License-Identifier: MIT
// Generated by poseidon.mjs from the constants of npm poseidon-solidity 0.0.5 (MIT, Chance Hudson).
pragma solidity ^0.8.20;

/// @title circomlib's Poseidon of as many inputs as \`hash\` takes, over the scalar field of BN254 (width ${width}, ${FULL_ROUNDS} + ${partialRounds} rounds).
/// @dev The partial rounds run in the observer canonical form of their linear recurrence; see poseidon.mjs.
contract PoseidonT${width} {
    uint256 private constant F = ${F};

    /// @notice Hashes field elements. That they are below the modulus is the caller's to see to.
    function hash(uint256[${inputs}] calldata inputs) external pure returns (uint256 digest) {
        assembly ("memory-safe") {
            function power5(x) -> y {
                let square := mulmod(x, x, F)
                y := mulmod(mulmod(square, square, F), x, F)
            }
            function fullRounds(m, p, end) {
                for {} lt(p, end) { p := add(p, ${32 * width}) } {
${sboxes(20, width, (i) => `mload(${at("p", i)})`)}
${mixing(20, mix)}
                }
            }

            // ${width} words of state at m, then the round constants.
            let m := mload(0x40)
            mstore(m, 0)
            calldatacopy(add(m, 32), inputs, ${32 * inputs})
            let p := add(m, ${32 * width})
${lines(12, table.map((c, i) => `mstore(${at("p", i)}, ${word(c)})`))}

            // First half of the full rounds; the last mix goes straight to the basis of the recurrence.
            let end := add(p, ${fullBytes})
            fullRounds(m, p, end)
            {
${sboxes(16, width, (i) => word(before[half - 1][i]))}
${mixing(16, product(form.basis, mix))}
            }

            // Partial rounds.
            p := end
            end := add(p, ${32 * partialRounds})
            let y0 := mload(m)
${lines(12, range(width).slice(1).map((i) => `let y${i} := mod(mload(${at("m", i)}), F)`))}
            for {} lt(p, end) { p := add(p, ${32 * ROUNDS_PER_LOOP}) } {
                let u
                let w
${range(ROUNDS_PER_LOOP).map((i) => partialRound(16, i, form)).join("\n")}
            }

            // Back to the state, and the second half of the full rounds.
            {
${lines(16, range(width).map((i) => `let s${i} := y${i}`))}
${mixing(16, back)}
            }
            fullRounds(m, p, add(p, ${fullBytes}))
            {
${sboxes(16, width, (i) => word(after[half - 1][i]))}
                digest := mod(${rowExpression(mix[0])}, F)
            }
        }
    }
}
`;
}
