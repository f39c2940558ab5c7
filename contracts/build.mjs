// Compiles src/ to artifacts/<Name>.json ({abi, bytecode}), and writes what else is generated. With --check, fails if
// the committed files differ.
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { poseidon } from "./poseidon.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);
const solc = require("solc");
const check = process.argv.includes("--check");

const CONTRACTS = [
  ["EthereumDIDRegistry", "vendor/EthereumDIDRegistry.sol"],
  ["Consortium", "src/Consortium.sol"],
  ["PoseidonT2", "src/PoseidonT2.sol"],
  ["PoseidonT6", "src/PoseidonT6.sol"],
  ["IssuerRegistry", "src/IssuerRegistry.sol"],
  ["PresentationVerifier", "src/PresentationVerifier.sol"],
  ["EvidenceAnchor", "src/EvidenceAnchor.sol"],
  ["AddressBook", "src/AddressBook.sol"],
];

let differing = 0;
function emit(path, text) {
  const full = join(here, path);
  if (!check) {
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
  } else if (!existsSync(full) || readFileSync(full, "utf8") !== text) {
    console.error(`${path} differs from what its sources give`);
    differing += 1;
  }
}

const vendored = join(here, "node_modules/ethr-did-registry");
for (const inputs of [1, 5]) {
  const file = `PoseidonT${inputs + 1}.sol`;
  emit(`src/${file}`, poseidon(join(here, "node_modules/poseidon-solidity", file), inputs));
}
emit("vendor/EthereumDIDRegistry.sol", readFileSync(join(vendored, "contracts/EthereumDIDRegistry.sol"), "utf8"));
emit("vendor/EthereumDIDRegistry.LICENSE.md", readFileSync(join(vendored, "LICENSE.md"), "utf8"));

const gas = Object.entries(JSON.parse(readFileSync(join(here, "snapshots/Gas.json"), "utf8")));
const rows = gas.map(([transaction, used]) => `| ${transaction} | ${Number(used).toLocaleString("en-GB")} |\n`);
const table = `<!-- gas -->\n| transaction | gas |\n|---|---|\n${rows.join("")}<!-- /gas -->`;
const readme = readFileSync(join(here, "README.md"), "utf8");
emit("README.md", readme.replace(/<!-- gas -->[^]*<!-- \/gas -->/, table));

const sources = {};
for (const folder of ["src", "vendor"]) {
  for (const file of readdirSync(join(here, folder)).filter((name) => name.endsWith(".sol"))) {
    sources[`${folder}/${file}`] = { content: readFileSync(join(here, folder, file), "utf8") };
  }
}
const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources,
      settings: {
        evmVersion: "london",
        viaIR: true,
        optimizer: { enabled: true, runs: 1_000_000 },
        metadata: { bytecodeHash: "none", appendCBOR: false },
        outputSelection: { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } },
      },
    }),
  ),
);
const messages = output.errors ?? [];
for (const message of messages) console.error(message.formattedMessage);
if (messages.some((message) => message.severity === "error")) process.exit(1);

const CODE_LIMIT = 24_576;
for (const [name, path] of CONTRACTS) {
  const contract = output.contracts[path][name];
  const size = contract.evm.deployedBytecode.object.length / 2;
  if (size > CODE_LIMIT) throw new Error(`${name} has ${size} bytes of code, over the limit of ${CODE_LIMIT}`);
  console.log(`${name}: ${size} bytes`);
  const artefact = { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
  emit(`artifacts/${name}.json`, `${JSON.stringify(artefact, null, 1)}\n`);
}
if (differing > 0) process.exit(1);
