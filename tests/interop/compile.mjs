// Compiles the Solidity source on standard input and prints the bytecode of the named contract.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
const output = JSON.parse(
  solc.compile(
    JSON.stringify({
      language: "Solidity",
      sources: { "verifier.sol": { content: readFileSync(0, "utf8") } },
      settings: {
        evmVersion: "london",
        optimizer: { enabled: true, runs: 1_000_000 },
        outputSelection: { "*": { "*": ["evm.bytecode.object"] } },
      },
    }),
  ),
);
const messages = output.errors ?? [];
for (const message of messages) console.error(message.formattedMessage);
if (messages.length > 0) process.exit(1);
console.log(output.contracts["verifier.sol"][process.argv[2]].evm.bytecode.object);
