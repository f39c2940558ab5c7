# What continuous integration runs. The tests come last, so that their closing lines end the output.
check: format spelling policy lint docs contracts fuzz-build demo chains test

# Formatting of all crates.
format:
    cargo fmt --all -- --check

# Spelling of code and prose.
spelling:
    typos

# Licences, sources and bans of all dependencies.
policy:
    cargo fetch --locked
    cargo deny --offline check licenses bans sources

# Clippy on every target, warnings denied.
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Public documentation, warnings denied.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# The main job, twice: the second run reuses the keys that the first one made.
demo:
    rm -rf target/demo
    cargo run --release --locked -- demo --data target/demo
    cargo run --release --locked -- demo --data target/demo --json

# All tests; before them the services' on PostgreSQL. Skips that, visibly, without a server.
test: test-postgres
    cargo test --workspace --locked

# The suites that have a database, on PostgreSQL: a new server, stopped by the end.
test-postgres:
    tests/postgres/run env ATTESTRY_TEST_DATABASE=postgres cargo test --workspace --locked --test issuer --test verifier --test webhooks --test database --test audit --test access --test survival

# Recompiles the contracts and compares the committed bytecode, tests them on chain and compares
# their gas. Skips, visibly, without node or forge.
contracts:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v npm >/dev/null; then echo "skipped: contracts need node"; exit 0; fi
    cd contracts
    npm ci --silent
    node build.mjs --check
    if ! [ -x node_modules/.bin/forge ]; then echo "skipped: no forge for this platform"; exit 0; fi
    node_modules/.bin/forge fmt --check
    npm test --silent -- --gas-snapshot-check=true --gas-snapshot-emit=false

# The life of a deployment on anvil: at once and every second, with and without fees. Skips,
# visibly, without npm.
chains:
    tests/chains/run

# Measures the circuit, the prover and the verifier beside stock ark-groth16.
compare:
    cargo run --release --locked -p attestry-benches --bin compare

# A ceremony by snarkjs on the presentation circuit, and proofs with its keys. Minutes long; skips,
# visibly, without node.
ceremony:
    cargo test --locked -p attestry-keys --test interop -- --ignored

# Builds every fuzz target. Skips, visibly, without a C++ compiler.
fuzz-build:
    cd fuzz && cargo fmt --check
    fuzz/run build

# Runs every fuzz target for so many seconds.
fuzz seconds="20":
    fuzz/run {{seconds}}

# Measures an office's register of 1,000 and of 100,000 credentials. Minutes long.
register:
    cargo run --release --locked -p attestry-benches --bin register

# Measures the verifier's service beside a bare loop of verifications.
verifier-speed:
    cargo run --release --locked -p attestry-benches --bin verifier

# A verifier under an hour's traffic of five requests a second, as fast as it goes.
soak requests="20000":
    ATTESTRY_SOAK_REQUESTS={{requests}} cargo test --workspace --locked --test survival soak

# Measures peers from the package registries beside this, in one table. Downloads and builds them.
peers:
    benches/peers/run
