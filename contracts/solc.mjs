#!/usr/bin/env node
// npm's solc behind the command line that forge expects, so that one compiler makes contracts and tests.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
if (process.argv.includes("--standard-json")) process.stdout.write(solc.compile(readFileSync(0, "utf8")));
else console.log(`Version: ${solc.version()}`);
